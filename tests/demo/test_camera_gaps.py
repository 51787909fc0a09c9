"""Cameras put out in the demo leave crossroads, communes and places without a live one, and the tiles say which."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ioc import catalog, clock, intake
from ioc.board.memory import MemoryBoard
from ioc.geo.units import Units
from ioc.intake import Taken
from ioc.layer import Item
from ioc.log.memory import MemoryLog
from ioc.run.gaps import Gaps
from ioc.run.projector import feeding
from tests.demo.staged import Served, served


class Watched:
    """The gaps of one province, worked out of what its registries tell."""

    def __init__(self, stage: Served) -> None:
        self.stage, self.log, self.board = stage, MemoryLog(), MemoryBoard()
        self.sources = feeding(stage.settings, catalog.layer("cameras"))
        source = stage.settings.sources["camera_gaps"]
        config = catalog.open_adapter(source).config
        units = self.units = Units.load(stage.settings.province, stage.settings.folder)
        self.gaps = Gaps(
            self.board, self.log, source, config, units, feeding=self.sources, standing=_nothing, now=lambda: stage.now
        )
        self._read = 0

    async def look(self) -> str | None:
        """Ask each registry, and look once; what is wrong with the gaps' source then."""
        for name in self.sources:
            await self.stage.ask(name)
            known = await self.log.known(name)
            at = self.stage.now
            await intake.commit(self.log, name, known, Taken([], {}), asked=at, received=at, cursor=None)
        return await self.again()

    async def again(self) -> str | None:
        """Look once, whatever the registries told since."""
        folds = self.stage.folds
        for name in ("cameras", "camera_gaps"):
            await self.board.reset(f"layer/{name}", {id: self.placed(one) for id, one in folds[name].items.items()})
        await self.gaps.turn()
        told = [entry.event async for entry in self.log.kept() if entry.event.source == "camera_gaps"]
        for event in told[self._read :]:
            folds["camera_gaps"].event(event)
        self._read = len(told)
        answered = (await self.log.known("camera_gaps")).answered
        return answered.error if answered is not None else None

    def placed(self, item: Item) -> bytes:
        """The item with its commune, as the poller finds it."""
        unit = item.properties.get("unit")
        if unit is None and item.geometry is not None:
            unit = self.units.find_many([item.geometry["coordinates"]], self.stage.now.date())[0]
        return msgspec.structs.replace(item, properties={**item.properties, "unit": unit}).encode()

    def value(self, tile: str) -> int:
        found = self.stage.figure(tile).value
        assert isinstance(found, int), tile
        return found


async def _nothing(_source: str, _kind: str) -> dict[str, datetime]:
    return {}


def without_a_look(stage: Served) -> None:
    """What the registry says is enough: no picture is looked at."""
    for source in stage.settings.sources.values():
        source.options.pop("probe", None)


@pytest.mark.parametrize(("province", "places"), [("tay-ninh", 48), ("quang-nam", 36)])
async def test_crossroads_and_communes(province: str, places: int, tmp_path: Path) -> None:
    async with served(province, "camera_gaps", tmp_path, desk=True) as stage:
        without_a_look(stage)
        watched = Watched(stage)
        assert await watched.look() is None
        communes = len(stage.world.units)
        crossroads = stage.figure("crossroads_unwatched")
        others = 2 * sum(unit.name.startswith("Phường") for unit in stage.world.units)
        assert (crossroads.of, crossroads.have) == (places + others, places + others)
        assert len(stage.folds["camera_gaps"].items) == stage.settings.sources["camera_gaps"].contract.expect
        unwatched = watched.value("crossroads_unwatched")
        assert others - 2 <= unwatched <= others + 3, "the town's crossroads are watched, and no others"
        covered = communes - watched.value("communes_unwatched")
        assert 0 < covered < 5, "cameras stand in the town, and nowhere else"
        before = watched.value("crossroads_lost")
        placed = [one for one in stage.folds["camera_gaps"].items.values() if one.geometry is not None]
        assert len(placed) == watched.value("crossroads_unwatched") + watched.value("communes_unwatched")

        stage.later(minutes=2)
        await stage.turn("blackout")
        at = clock.rfc3339(stage.now.replace(microsecond=0))
        assert await watched.look() is None
        lost = watched.value("crossroads_lost")
        assert places // 3 <= lost <= places // 3 + before + 3
        assert stage.figure("crossroads_unwatched").level == "bad"
        since = [
            one.properties["since"] for one in stage.folds["camera_gaps"].items.values()
            if one.properties["kind"] == "crossroad" and one.properties["state"] == "down"
        ]  # fmt: skip
        assert since.count(at) >= places // 3, "it says since when"

        await stage.turn()
        stage.later(seconds=30)
        await watched.look()
        assert watched.value("crossroads_lost") <= before + 1

        for way, word in (("columns", "no place"), ("lost", "can't be read")):
            await stage.turn(way)
            error = await watched.look()
            assert error is not None and word in error
        await stage.turn()
        assert await watched.look() is None
        stage.later(minutes=5)
        error = await watched.again()
        assert error is not None and "cameras" in error, "a registry that is silent leaves no picture that looks fresh"


async def test_the_places_of_tuy_hoa(tmp_path: Path) -> None:
    async with served("phu-yen", "camera_gaps", tmp_path, desk=True) as stage:
        without_a_look(stage)
        watched = Watched(stage)
        assert await watched.look() is None
        figure = stage.figure("places_unwatched")
        assert (figure.of, figure.have) == (105, 105)
        live: Any = stage.figure("cameras_live")
        assert (live.of, live.expect) == (268, 105)
        assert len(stage.folds["camera_gaps"].items) == stage.settings.sources["camera_gaps"].contract.expect == 139
        assert [*stage.system.ways()] == ["blackout"], "no list of crossroads is read here"
        before, share = watched.value("places_unwatched"), stage.figure("places_alive").value
        assert before < 5 and share == round(100 * (105 - before) / 105, 1)

        await stage.turn("blackout")
        await watched.look()
        assert 35 <= watched.value("places_unwatched") <= 35 + before
        assert stage.figure("places_unwatched").level == "bad"
        assert float(stage.figure("places_alive").value or 0) < 67
        assert int(stage.figure("cameras_down").value or 0) > 70
