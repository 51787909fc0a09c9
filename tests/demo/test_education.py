"""The tables of Quảng Nam's district offices of education, and the register: what breaks is seen on the tiles."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ioc import clock
from ioc.demo.systems.education import LATE_OFFICE, MERGED, MOUNTAINS, NEVER, SCHOOLS, Education
from ioc.duty import Due
from ioc.errors import Untaken
from tests.demo.held import held
from tests.demo.staged import Served, served

pytestmark = pytest.mark.usefixtures("still")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Served]:
    async with served("quang-nam", "education", tmp_path) as made:
        await made.ask("schools")
        await made.ask("school_register")
        yield made


def value(stage: Served, tile: str) -> Any:
    return stage.figure(tile).value


async def day(stage: Served, minutes: float = 10) -> None:
    """A day of the demo goes by, and the tables of it are taken."""
    stage.later(minutes=minutes)
    await stage.system.keep()
    await stage.ask("schools")


async def test_every_school_is_on_the_map_at_its_district(stage: Served) -> None:
    items = stage.folds["schools"].items
    owes = stage.settings.sources["schools"].contract
    assert len(items) == SCHOOLS == owes.expect == 777
    assert isinstance(stage.system, Education)
    assert isinstance(owes.reporters, tuple)
    assert {item.properties["reporter"] for item in items.values()} == set(owes.reporters)
    assert all(item.geometry for item in items.values())
    assert {item.properties["kind"] for item in items.values()} == {"Mầm non", "Tiểu học", "THCS", "THPT"}
    reported = stage.figure("schools_reported")
    assert 730 < int(reported.value or 0) <= SCHOOLS - NEVER and reported.of == 777
    assert int(reported.value or 0) + int(value(stage, "schools_silent")) == 777
    here, shut = stage.figure("schools_open"), stage.figure("schools_closed")
    assert int(here.value or 0) + int(shut.value or 0) == here.have == shut.have
    assert 94 < float(value(stage, "pupils_present_share")) < 99.5
    assert int(value(stage, "teachers_missing")) > 500 and stage.figure("teachers_missing").method == "typed"
    assert value(stage, "schools_registered") == 777
    assert held(stage, "pupils_within")["ok"] is held(stage, "schools_registered")["ok"] is True


async def test_each_office_tells_once_in_each_stretch_that_the_contract_owes(stage: Served) -> None:
    due = stage.settings.sources["schools"].contract.due
    assert isinstance(due, Due)
    before = {item.properties["reporter"]: due.of(item.time) for item in stage.folds["schools"].items.values()}
    present = stage.figure("pupils_present_share").parts
    await day(stage)
    after = {item.properties["reporter"]: due.of(item.time) for item in stage.folds["schools"].items.values()}
    assert len(after) == 18 and all(after[office].begins == before[office].ends for office in after)
    assert int(value(stage, "schools_reported")) > 730 and stage.figure("pupils_present_share").parts != present


async def test_an_office_that_sends_nothing_takes_its_schools_with_it(stage: Served) -> None:
    own = sum(item.properties["reporter"] == LATE_OFFICE for item in stage.folds["schools"].items.values())
    assert own > 30
    await stage.turn("office")
    for _ in range(3):
        await day(stage, 8)
    late = stage.figure("schools_silent")
    assert {"label": LATE_OFFICE, "value": own} in (late.parts or []) and (late.parts or [])[0]["value"] == own
    assert own <= int(late.value or 0) < own + 60
    last = max(
        item.time for item in stage.folds["schools"].items.values() if item.properties["reporter"] == LATE_OFFICE
    )
    assert (stage.now - last).total_seconds() > 24 * 60

    await stage.turn()
    await day(stage, 0)
    assert int(value(stage, "schools_silent")) < 60


async def test_all_offices_stand_still(stage: Served) -> None:
    await stage.turn("frozen")
    await day(stage, 26)
    assert value(stage, "schools_reported") == 0 and stage.figure("schools_reported").level == "bad"
    assert value(stage, "pupils_present_share") is None and stage.figure("pupils_present_share").have == 0


async def test_schools_in_the_mountains_are_closed(stage: Served) -> None:
    before = int(value(stage, "schools_closed"))
    await stage.turn("storm")
    await stage.ask("schools")
    shut = stage.figure("schools_closed")
    told = {str(part["label"]) for part in shut.parts or []}
    assert before < 20 < 150 < int(shut.value or 0) and shut.level == "bad" and told <= set(MOUNTAINS)
    assert float(value(stage, "pupils_present_share")) > 94, "who is at home is not absent"


async def test_more_pupils_than_there_are(stage: Served) -> None:
    await stage.turn("over")
    await stage.ask("schools")
    told = held(stage, "pupils_within")
    assert told["ok"] is False and told["left"]["value"] > told["right"]["value"] > 300_000
    assert float(value(stage, "pupils_present_share")) > 105


async def test_the_register_and_the_reports_disagree(stage: Served) -> None:
    await stage.turn("merged")
    stage.later(minutes=1)
    await stage.ask("school_register")
    assert value(stage, "schools_registered") == 777 - MERGED
    told = held(stage, "schools_registered")
    assert told["ok"] is False and "777" in told["say"]["vi"] and "765" in told["say"]["vi"]
    tally = await stage.adapter("school_register").tally()
    assert tally is not None and tally.count == 4 and tally.newest is not None


async def test_a_table_without_its_column_is_put_aside(stage: Served) -> None:
    await stage.turn("schema")
    adapter = stage.adapter("schools")
    async for answer in adapter.ask(None):
        with pytest.raises(Untaken, match="Có mặt") as refused:
            list(adapter.parse(answer))
        await adapter.committed(answer, refused.value.say)
    aside = list((stage.system.folder / "bao-cao" / "set-aside").glob("*.csv"))
    assert len(aside) == 18


@pytest.mark.parametrize("hour", [0, 6, 17, 23])
async def test_at_any_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hour: int) -> None:
    at = clock.now().astimezone(clock.ZONE).replace(hour=hour, minute=1, second=0)
    monkeypatch.setattr(clock, "now", lambda: at)
    async with served("quang-nam", "education", tmp_path) as stage:
        await stage.ask("schools")
        assert int(value(stage, "schools_reported")) > 730 and stage.asides == []
        await day(stage, 12)
        assert int(value(stage, "schools_reported")) > 730 and stage.asides == []
