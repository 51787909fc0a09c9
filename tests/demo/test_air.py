"""The demo's context broker, asked by the real adapter as the part says: smoke, silence and a token that ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.demo.systems.air import STATIONS
from ioc.errors import SourceRefused
from tests.demo.staged import served


async def test_the_air_of_all_stations_is_on_the_board_and_smoke_is_seen(tmp_path: Path) -> None:
    async with served("quang-nam", "air", tmp_path) as stage:
        taken = await stage.take("air")
        items = stage.items("stations")
        assert taken.set_aside == 0
        assert len(items) == stage.settings.sources["air"].contract.expect == 2 * STATIONS
        worst = max(one.properties["value"] for one in items.values() if one.properties["quantity"] == "air")
        assert (stage.figure("air_worst").value, stage.figure("stations_out").value) == (worst, 0)
        assert 0 < worst < 100

        stage.later(minutes=2)
        await stage.turn("smoke", "expanded")
        await stage.take("air")
        smoky = stage.figure("air_worst")
        assert isinstance(smoky.value, int | float) and smoky.value > worst
        assert int(stage.figure("stations_out").value or 0) > 0
        first = (smoky.parts or [])[0]
        assert first["value"] == smoky.value and first["label"].startswith("Trạm khí")


async def test_a_station_that_stands_still_is_silent(tmp_path: Path) -> None:
    async with served("quang-nam", "air", tmp_path) as stage:
        await stage.turn("half")
        await stage.take("air")
        assert stage.figure("stations_silent").value == STATIONS // 2
        assert {one.properties["state"] for one in stage.items("stations").values()} == {"live", "stale"}


async def test_a_token_that_ended_stops_the_asking_and_says_who_must_act(tmp_path: Path) -> None:
    async with served("quang-nam", "air", tmp_path) as stage:
        await stage.take("air")
        before = stage.figure("air_worst").value
        stage.later(minutes=2)
        await stage.turn("expired")
        with pytest.raises(SourceRefused, match="refused the key"):
            await stage.take("air")
        assert stage.settings.sources["air"].contract.owner == "Sở Nông nghiệp và Môi trường"
        assert stage.figure("air_worst").value == before
