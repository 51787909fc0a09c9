"""Quảng Nam's health database, broken in each of its ways: the tiles and the checks say which."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ioc import contract
from ioc.contract import Answered
from ioc.demo.systems.health import FACILITIES, HOSPITALS, NEVER
from ioc.errors import SourceDown
from tests.demo.held import held
from tests.demo.staged import Served, served

BEDS = HOSPITALS + 18
"""Hospitals and district centres."""


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Served]:
    async with served("quang-nam", "health", tmp_path) as made:
        await made.ask("health")
        yield made


def value(stage: Served, tile: str) -> Any:
    return stage.figure(tile).value


async def test_every_facility_is_on_the_map_and_the_figures_say_how_many_told_them(stage: Served) -> None:
    items = stage.folds["facilities"].items
    assert len(items) == FACILITIES == stage.settings.sources["health"].contract.expect == 268
    assert all(item.geometry for item in items.values())
    states = [item.properties["state"] for item in items.values()]
    assert states.count("never") == NEVER and 230 < states.count("live") < FACILITIES - NEVER + 1
    reported = stage.figure("health_reported")
    assert (reported.value, reported.of, reported.expect) == (states.count("live"), 268, 268)
    assert value(stage, "health_silent") == 268 - states.count("live")
    free, used = stage.figure("hospital_beds_free"), stage.figure("hospital_beds_used")
    assert free.expect == used.expect == BEDS and 20 <= (free.have or 0) <= BEDS
    spoken = {str(part["label"]["en"]): part["value"] for part in used.parts or []}
    assert round(100 * spoken["beds in use"] / spoken["beds planned"], 1) == used.value
    assert free.value == spoken["beds planned"] - spoken["beds in use"]
    assert int(value(stage, "vaccine_doses")) > 5_000 and value(stage, "hospitals_crowded") == 0
    assert held(stage, "beds_within")["ok"] is True and held(stage, "health_listed")["ok"] is True


async def test_reports_go_on_by_themselves(stage: Served) -> None:
    before = {name: value(stage, name) for name in ("hospital_beds_free", "vaccine_doses")}
    stage.later(minutes=10)
    await stage.system.keep()
    assert len(await stage.ask("health")) == FACILITIES
    assert all(value(stage, name) != was for name, was in before.items())
    assert int(value(stage, "health_reported")) > 230


async def test_half_of_the_facilities_fall_silent(stage: Served) -> None:
    doses = int(value(stage, "vaccine_doses"))
    await stage.turn("half")
    await stage.ask("health")
    assert 125 < int(value(stage, "health_silent")) < 150
    assert stage.figure("health_reported").level == "bad"
    now = stage.figure("vaccine_doses")
    assert 100 < (now.have or 0) < 140 and int(now.value or 0) < 0.6 * doses, "the sum is of those who told"
    assert sum(part["value"] for part in stage.figure("health_silent").parts or []) > 0
    assert held(stage, "health_listed")["ok"] is True

    await stage.turn()
    await stage.ask("health")
    assert int(value(stage, "health_silent")) < 30


async def test_more_beds_are_used_than_there_are_and_both_figures_are_shown(stage: Served) -> None:
    await stage.turn("crowded")
    await stage.ask("health")
    assert value(stage, "hospitals_crowded") == stage.figure("hospitals_crowded").of == BEDS
    used = stage.figure("hospital_beds_used")
    assert (used.value, used.level, value(stage, "hospital_beds_free")) == (120.0, "bad", 0)
    told = held(stage, "beds_within")
    assert told["ok"] is False and told["left"]["value"] == round(1.2 * told["right"]["value"])
    assert "đang dùng" in told["say"]["vi"] and ">" in told["say"]["vi"]


async def test_stations_run_out_of_vaccine(stage: Served) -> None:
    before = int(value(stage, "vaccine_low"))
    await stage.turn("shortage")
    await stage.ask("health")
    low = stage.figure("vaccine_low")
    assert before < 30 < 60 < int(low.value or 0) and low.level == "bad"


async def test_a_frozen_database_is_seen_by_the_reports_that_grow_old(stage: Served) -> None:
    await stage.turn("frozen")
    stage.later(minutes=9)
    await stage.system.keep()
    assert {one.time for one in await stage.ask("health")} == {
        item.time for item in stage.folds["facilities"].items.values()
    }, "nothing moved"
    assert int(value(stage, "health_reported")) < 200
    stage.later(minutes=20)
    assert (value(stage, "health_reported"), value(stage, "vaccine_doses")) == (0, None)
    assert value(stage, "health_silent") == 268
    owes = stage.settings.sources["health"].contract
    newest = max(item.time for item in stage.folds["facilities"].items.values())
    told = contract.judge(owes, Answered("health", stage.now, stage.now, newest), stage.now)
    assert told.frozen and told.state == "stale"


async def test_a_renamed_column_takes_nothing(stage: Served) -> None:
    await stage.turn("schema")
    with pytest.raises(SourceDown, match="giuong_dung"):
        await stage.ask("health")
    stage.later(minutes=25)
    assert value(stage, "health_silent") == 268 and stage.figure("hospital_beds_free").have == 0


async def test_stations_that_are_gone_from_the_list_fail_the_check(stage: Served) -> None:
    await stage.turn("lost")
    await stage.ask("health")
    assert stage.figure("health_reported").of == 248
    told = held(stage, "health_listed")
    assert told["ok"] is False and "248" in told["say"]["vi"] and "268" in told["say"]["vi"]


async def test_the_link_is_proved_by_the_database_s_own_count(stage: Served) -> None:
    tally = await stage.adapter("health").tally()
    assert tally is not None and tally.count == FACILITIES
    newest = max(item.time for item in stage.folds["facilities"].items.values())
    assert tally.newest == newest
    await stage.turn("lost")
    stage.later(seconds=30)
    await stage.system.keep()
    tally = await stage.adapter("health").tally()
    assert tally is not None and tally.count == FACILITIES - 20
