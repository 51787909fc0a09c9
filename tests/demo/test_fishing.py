"""The simulated fishing-vessel monitoring: who is silent is counted, and each way to break it is seen."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from ioc.demo.fleet import FISHING, ZONES, Fleet
from ioc.errors import SourceDown, SourceRefused
from tests.demo.staged import Served, served

NAMES = ("boats_at_sea", "boats_silent", "boats_to_report", "boats_unexplained")


def expected(stage: Served) -> tuple[int, int, int, int]:
    """Boats at sea; silent; to be reported; silent without a reason."""
    now = stage.now
    at_sea = [boat for boat in Fleet(stage.world.seed).boats if boat.fishing and boat.watch == "1"]
    silent = [boat for boat in at_sea if now - boat.heard(now) >= timedelta(hours=2)]
    lost = [boat for boat in silent if now - boat.heard(now) >= timedelta(hours=6)]
    return len(at_sea), len(silent), len(lost), sum(boat.reason is None for boat in silent)


def zones(folder: Path) -> None:
    """The zones lie where the station of the coast, another system, writes them."""
    there = folder / "sources" / "ais"
    there.mkdir(parents=True)
    (there / "zones.geojson").write_text(json.dumps(ZONES), encoding="utf-8")


async def test_who_is_silent_is_counted_and_each_break_is_seen(tmp_path: Path) -> None:
    zones(tmp_path)
    async with served("quang-nam", "fishing", tmp_path, seed=54) as stage:
        taken = await stage.take("fishing")
        assert (taken.have, taken.set_aside) == (FISHING, 0)
        assert tuple(stage.figure(name).value for name in NAMES) == expected(stage)
        assert min(expected(stage)) > 0

        await stage.turn("half")
        await stage.take("fishing")
        assert stage.figure("boats_to_report").value == expected(stage)[2], "a newer place is known"
        await stage.turn("codes")
        taken = await stage.take("fishing")
        assert taken.reasons.keys() == {"unknown_code"} and taken.set_aside > 0
        assert {one.field for one in stage.asides} == {"ma_ly_do"}
        await stage.turn("schema")
        taken = await stage.take("fishing")
        assert taken.reasons == {"missing_field": FISHING} and {one.field for one in stage.asides} == {"vi_tri_luc"}
        await stage.turn("gone")
        with pytest.raises(SourceDown, match="503"):
            await stage.take("fishing")
        await stage.turn("token")
        with pytest.raises(SourceRefused, match="refused the key"):
            await stage.take("fishing")


async def test_half_of_the_boats_silent_for_one_who_asks_anew(tmp_path: Path) -> None:
    zones(tmp_path)
    async with served("quang-nam", "fishing", tmp_path, seed=54) as stage:
        await stage.turn("half")
        await stage.take("fishing")
        lost = stage.figure("boats_to_report")
        assert isinstance(lost.value, int) and lost.value > expected(stage)[0] / 3 and lost.level == "bad"


async def test_a_list_that_stands_still(tmp_path: Path) -> None:
    zones(tmp_path)
    async with served("quang-nam", "fishing", tmp_path, seed=54, before=timedelta(hours=1)) as stage:
        stage.world.now -= timedelta(hours=1)
        await stage.turn("frozen")
        assert (await stage.take("fishing")).told == FISHING
        stage.later()
        assert (await stage.take("fishing")).told == 0, "the list stands still"
        await stage.turn()
        assert (await stage.take("fishing")).told > 0
