"""Stays in Quảng Nam: what breaks at the register is seen on the tiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.demo.systems.tourism import PLACES, SILENT, Tourism
from ioc.errors import SourceRefused
from tests.demo.staged import Served, served


def value(stage: Served, tile: str) -> float:
    found = stage.figure(tile).value
    assert isinstance(found, int | float), tile
    return found


async def test_quang_nam(tmp_path: Path) -> None:
    async with served("quang-nam", "tourism", tmp_path) as stage:
        assert isinstance(stage.system, Tourism)
        assert len(await stage.ask("stays")) == PLACES == stage.settings.sources["stays"].contract.expect
        assert stage.asides == []
        told = [one for one in stage.system.declarations() if int(one["ma"][3:]) > SILENT]
        rooms, occupied = (sum(one[name] for one in told) for name in ("phong", "phong_co_khach"))
        assert value(stage, "stays_occupancy") == round(100 * occupied / rooms, 1)
        assert 30 < value(stage, "stays_occupancy") < 90
        assert stage.figure("stays_occupancy").have == PLACES - SILENT
        assert value(stage, "stays_silent") == SILENT
        foreign, domestic = (sum(one[name] for one in told) for name in ("khach_quoc_te", "khach_noi_dia"))
        assert (value(stage, "stays_foreign"), value(stage, "stays_domestic")) == (foreign, domestic)
        assert value(stage, "stays_guests") == foreign + domestic > 1_000
        assert stage.figure("stays_guests").have == PLACES - SILENT, "who told nothing is in no sum"
        assert value(stage, "stays_doubtful") == 0

        guests = value(stage, "stays_guests")
        stage.later(minutes=20)
        await stage.ask("stays")
        assert value(stage, "stays_guests") != guests

        await stage.turn("storm")
        stage.later(minutes=20)
        await stage.ask("stays")
        assert value(stage, "stays_occupancy") < 15

        await stage.turn("typo")
        stage.later(minutes=20)
        await stage.ask("stays")
        assert value(stage, "stays_doubtful") == PLACES // 10
        assert value(stage, "stays_occupancy") <= 100

        await stage.turn("frozen")
        await stage.ask("stays")
        stage.later(hours=25)
        await stage.system.keep()
        await stage.ask("stays")
        assert value(stage, "stays_silent") == PLACES
        assert stage.figure("stays_occupancy").value is None and stage.figure("stays_guests").value is None

        await stage.turn("columns")
        stage.later(minutes=20)
        assert await stage.ask("stays") == []
        assert {one.reason for one in stage.asides} == {"missing_field"}
        await stage.turn("expired")
        with pytest.raises(SourceRefused):
            await stage.ask("stays")
