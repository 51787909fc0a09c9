"""Tây Ninh's vaccination database: another count, doses below zero, entries twice, a day late; cleaned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ioc import clock, contract
from ioc.contract import Answered
from ioc.demo.systems.vaccination import NEGATIVE, TWICE
from ioc.errors import SourceDown
from ioc.proof import Tally
from tests.demo.held import held
from tests.demo.staged import Served, served

CHECKS = ("vaccinations_agree", "vaccinations_not_negative", "vaccinations_once", "vaccinations_in_time")
LAG = timedelta(hours=26)


pytestmark = pytest.mark.usefixtures("still")


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    # noon: no test here is about the end of the day
    noon = clock.now().astimezone(clock.ZONE).replace(hour=12, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: noon)
    async with served("tay-ninh", "vaccination", tmp_path) as made:
        await asked(made)
        yield made


async def asked(stage: Served) -> None:
    for source in ("vaccinations", "vaccination_faults"):
        await stage.ask(source)
    for source in ("vaccination_slips", "vaccination_stations"):
        await stage.ask(source)


def value(stage: Served, tile: str) -> Any:
    return stage.figure(tile).value


def results(stage: Served) -> list[bool | None]:
    return [held(stage, name)["ok"] for name in CHECKS]


async def book(stage: Served) -> tuple[Tally, datetime]:
    """What the database says of itself, and the newest time of what it hands over."""
    tally = await stage.adapter("vaccinations").tally()
    assert tally is not None and tally.newest is not None
    told = [item for item in stage.folds["indicators"].items.values() if item.properties["source"] == "vaccinations"]
    return tally, max(item.time for item in told)


async def test_on_the_first_day_every_check_says_why_the_figure_is_confused(stage: Served) -> None:
    assert results(stage) == [False] * 4
    assert (value(stage, "vaccinations_negative"), value(stage, "vaccinations_doubled")) == (NEGATIVE, 8 * TWICE)
    assert 25.9 <= float(value(stage, "vaccinations_behind")) <= 26.1
    assert stage.figure("vaccinations_behind").level == "bad"
    both = held(stage, "vaccinations_agree")
    assert str(value(stage, "vaccinations_today")) != str(value(stage, "vaccinations_slips"))
    assert (both["left"]["value"], both["right"]["value"]) == (
        value(stage, "vaccinations_today"),
        value(stage, "vaccinations_slips"),
    )
    tally, newest = await book(stage)
    assert tally.count == 8 * 36 and tally.newest is not None
    assert tally.newest - newest > timedelta(hours=20)
    assert stage.figure("vaccinations_slips").have == value(stage, "stations_reported") == 36
    assert all(item.geometry for item in stage.folds["facilities"].items.values())


async def test_a_cleaned_database_passes_them_all(stage: Served) -> None:
    await stage.turn("cleaned")
    stage.later(minutes=2)
    await stage.system.keep()
    await asked(stage)
    assert results(stage) == [True] * 4
    assert value(stage, "vaccinations_today") == value(stage, "vaccinations_slips") > 0
    assert [value(stage, f"vaccinations_{name}") for name in ("negative", "doubled", "behind")] == [0, 0, 0]
    tally, newest = await book(stage)
    assert tally.newest == newest


async def test_doses_go_on_through_the_day(stage: Served) -> None:
    before = [value(stage, name) for name in ("vaccinations_today", "vaccinations_slips")]
    stage.later(minutes=5)
    await stage.system.keep()
    await asked(stage)
    after = [value(stage, name) for name in ("vaccinations_today", "vaccinations_slips")]
    assert after[0] != before[0] and int(after[1]) > int(before[1])


async def test_every_entry_twice(stage: Served) -> None:
    before = int(value(stage, "vaccinations_today"))
    await stage.turn("double")
    await asked(stage)
    assert int(value(stage, "vaccinations_today")) > 1.5 * before
    assert value(stage, "vaccinations_doubled") == 8 * 36 and stage.figure("vaccinations_doubled").level == "bad"


async def test_communes_below_zero(stage: Served) -> None:
    await stage.turn("negative")
    await asked(stage)
    assert value(stage, "vaccinations_negative") == 12 and stage.figure("vaccinations_negative").level == "bad"
    told = held(stage, "vaccinations_not_negative")
    assert told["ok"] is False and told["left"]["value"] == 12 and told["right"]["value"] == 0


async def test_a_table_that_stands_still_falls_further_behind_its_book(stage: Served) -> None:
    today, behind = (value(stage, name) for name in ("vaccinations_today", "vaccinations_behind"))
    await stage.turn("frozen")
    stage.later(hours=3)
    await stage.system.keep()
    await asked(stage)
    assert float(value(stage, "vaccinations_behind")) >= float(behind) + 2.9
    still = [one for one in stage.folds["indicators"].items.values() if one.properties["source"] == "vaccinations"]
    days = {str(one.properties["period"]) for one in still}
    here = f"{stage.now.astimezone(clock.ZONE):%Y-%m-%d}"
    assert value(stage, "vaccinations_today") == (today if here in days else None)
    owed = stage.settings.sources["vaccinations"].contract
    same = Answered("vaccinations", stage.now, stage.now, stage.now - LAG, alike=29)
    told = contract.judge(owed, same, stage.now)
    assert told.frozen and told.state == "stale", "its clock is a day behind: that it stands is seen by what it says"
    assert not contract.judge(owed, msgspec.structs.replace(same, alike=28), stage.now).frozen


async def test_stations_that_send_no_slips(stage: Served) -> None:
    await stage.turn("slips")
    stage.later(days=1)
    await stage.system.keep()
    assert await stage.ask("vaccination_slips") == []
    assert value(stage, "vaccinations_slips") is None
    for source in ("vaccination_slips", "vaccination_stations"):
        newest = max(
            item.time
            for fold in stage.folds.values()
            for item in fold.items.values()
            if item.properties["source"] == source
        )
        told = contract.judge(
            stage.settings.sources[source].contract, Answered(source, stage.now, stage.now, newest), stage.now
        )
        assert told.frozen and told.state == "stale", "a folder into which nobody drops anything is not alive"
    assert (value(stage, "stations_reported"), stage.figure("stations_reported").level) == (0, "bad")
    await stage.ask("vaccinations")
    assert held(stage, "vaccinations_agree")["ok"] is None, "unlike days are not compared"


async def test_a_renamed_column(stage: Served) -> None:
    await stage.turn("schema")
    for source in ("vaccinations", "vaccination_faults"):
        with pytest.raises(SourceDown, match="mui"):
            await stage.ask(source)


@pytest.mark.parametrize("hour", [0, 12, 16, 23])
async def test_at_any_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hour: int) -> None:
    at = clock.now().astimezone(clock.ZONE).replace(hour=hour, minute=1, second=0)
    monkeypatch.setattr(clock, "now", lambda: at)
    async with served("tay-ninh", "vaccination", tmp_path) as stage:
        await asked(stage)
        assert results(stage) == [False] * 4 and stage.asides == []
