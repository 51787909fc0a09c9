"""What the tiles showed can be asked for any moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ioc.db.figures import Noted, figure_at, figures, note_figures
from ioc.db.session import Database

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)


def noted(minute: int, value: float | None, tile: str = "cameras_live", unit: str = "all") -> Noted:
    return Noted(tile, unit, NOON + timedelta(minutes=minute), value, f'{{"value": {value or "null"}}}'.encode())


@pytest.fixture
async def shown(db: Database) -> list[Noted]:
    rows = [noted(0, 241.0), noted(10, 240.5), noted(20, None), noted(30, 239.0)]
    await note_figures(db, [*rows, noted(15, 7.0, unit="22015"), noted(15, 8.0, tile="other")])
    return rows


async def test_the_history_of_one_tile_and_unit_is_oldest_first(db: Database, shown: list[Noted]) -> None:
    assert await figures(db, "cameras_live", "all") == shown
    assert await figures(db, "cameras_live", "all", shown[1].at, shown[2].at) == shown[1:3]
    assert await figures(db, "cameras_live", "all", limit=2) == shown[2:]
    assert await figures(db, "cameras_live", "22022") == []


async def test_the_figure_of_a_moment_is_the_newest_that_was_shown_then(db: Database, shown: list[Noted]) -> None:
    later = shown[1].at + timedelta(minutes=3)
    assert await figure_at(db, "cameras_live", "all", later) == shown[1]
    assert await figure_at(db, "cameras_live", "all", shown[3].at, known=later) == shown[1]
    assert await figure_at(db, "cameras_live", "all") == shown[3]
    assert await figure_at(db, "cameras_live", "all", NOON - timedelta(seconds=1)) is None


async def test_a_figure_noted_again_is_replaced(db: Database, shown: list[Noted]) -> None:
    again = noted(30, 238.0)
    await note_figures(db, [again])
    await note_figures(db, [])
    assert await figures(db, "cameras_live", "all") == [*shown[:3], again]
