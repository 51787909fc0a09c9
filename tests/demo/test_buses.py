"""The buses of Quảng Nam: what the feed says is what the tiles say, also when it is broken."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ioc.layer import Item

from .staged import Served, served


def buses(centre: Served) -> list[Item]:
    return list(centre.folds["vehicles"].items.values())


async def test_the_buses(tmp_path: Path) -> None:
    async with served("quang-nam", "buses", tmp_path) as centre:
        readings = await centre.ask("buses")
        assert len(readings) == centre.settings.sources["buses"].contract.expect == 84
        assert (centre.figure("buses_running").value, centre.asides) == (42, [])
        assert all(one.properties["course"] in range(360) and one.properties["route"] for one in buses(centre))
        late = centre.figure("trips_late")
        assert isinstance(late.value, int | float) and 0 < late.value < 60

        await centre.turn("late")
        await centre.ask("buses")
        assert (centre.figure("trips_late").value, centre.figure("trips_late").level) == (100, "bad")

        await centre.turn("parked")
        await centre.ask("buses")
        assert (centre.figure("buses_running").value, centre.figure("buses_running").level) == (21, "bad")

        await centre.turn("unplaced")
        centre.later(minutes=1)
        await centre.ask("buses")
        assert len(buses(centre)) == 42 and all(one.geometry is None for one in buses(centre))
        assert (centre.figure("buses_unplaced").value, centre.figure("buses_unplaced").level) == (42, "bad")


async def test_a_feed_that_stands_still_leaves_silent_buses(tmp_path: Path) -> None:
    async with served("quang-nam", "buses", tmp_path) as centre:
        await centre.turn("frozen")
        await centre.ask("buses")
        centre.later(minutes=5)
        await centre.ask("buses")
        assert centre.figure("buses_running").value == 42
        owed = centre.settings.sources["buses"].contract.still
        assert owed is not None and timedelta(seconds=owed) < timedelta(minutes=5), "by then it is frozen"
        centre.later(minutes=6)
        await centre.ask("buses")
        assert centre.figure("buses_running").value == 0
