"""One simulated system served on a free port, asked by its own adapters, folded by its layers, its tiles worked out."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from ioc import catalog, clock, intake
from ioc.adapter import Adapter, Reading
from ioc.contract import Answered
from ioc.demo import SYSTEMS_KEY, run
from ioc.demo.sources import desk_of
from ioc.demo.systems import System, system
from ioc.demo.world import PLANS, PROVINCES, World
from ioc.errors import BadRecord, SourceDown
from ioc.event import Event, Feature
from ioc.geo.units import Units
from ioc.intake import Taken
from ioc.layer import Figure, Item, Tile
from ioc.log import Known
from ioc.ports import free
from ioc.run.figures import Figures
from ioc.run.fold import Fold
from ioc.settings import load

TEN = datetime(2026, 3, 10, 10, 0, tzinfo=clock.ZONE)
"""A Tuesday morning, for worlds whose figures hang on the hour."""


class Served:
    """A system of a province, with the settings that its part declares. `asides`: what the last asking set aside;
    `events`: all that `take` told, in order.

    `now`: when the world begins (None: now), `before` that it has run; `seed`: of the world; `changed`: settings of
    a source that the test has otherwise.
    """

    def __init__(
        self,
        province: str,
        name: str,
        folder: Path,
        *,
        now: datetime | None = None,
        before: timedelta = timedelta(),
        seed: int = 7,
        changed: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        written = run.written_ports(province)
        self.ports = dict(zip(written, free(len(written)), strict=True))
        run.settings(province, folder, self.ports)
        self.settings = load(folder / "ioc.toml", {**os.environ, SYSTEMS_KEY: "khoa-cua-phep-thu"})
        for source, options in (changed or {}).items():
            told = self.settings.sources[source]
            self.settings.sources[source] = msgspec.structs.replace(told, options={**told.options, **options})
        now = now or clock.now()
        self.world = World(seed, now - before, Units.load(PROVINCES[province], folder), PLANS[province])
        self.world.now = now
        self.system: System = system(name)(name, self.world, folder / "sources" / name, self.ports)
        self.system.folder.mkdir(parents=True, exist_ok=True)
        self.now = self.world.now
        self.asides: list[BadRecord] = []
        self.events: list[Event] = []
        self.folds = {layer.name: Fold(layer) for layer in catalog.asked(self.settings)}
        self._adapters: dict[str, Adapter[Any]] = {}
        self._cursors: dict[str, str | None] = {}
        self._known: dict[str, set[str]] = {}
        self._weighed: dict[str, Known] = {}
        self._told = timedelta()

    def adapter(self, source: str) -> Adapter[Any]:
        """The source's adapter, opened once."""
        if source not in self._adapters:
            self._adapters[source] = catalog.open_adapter(self.settings.sources[source])
        return self._adapters[source]

    async def ask(self, source: str) -> list[Reading]:
        """Ask as the poller does, commit, and fold what came; what a complete answer does not name is gone."""
        readings = [one for one in await self._results(source) if isinstance(one, Reading)]
        self._fold(source, self.adapter(source), readings)
        return readings

    async def take(self, source: str) -> Taken:
        """Ask and weigh as the poller does, fold the events, and give what the asking came to; all of it adds up."""
        results = await self._results(source)
        self._told += timedelta(seconds=1)
        at, told = self.world.now + self._told, self.settings.sources[source]
        known = self._weighed.get(source, Known(0, None, {}, None))
        terms = intake.terms(told.contract, self.adapter(source).config, None)
        taken = intake.weigh(source, known, results, received=at, **terms)
        assert taken.records == taken.told + taken.unchanged + taken.duplicates + taken.set_aside
        seen = {name: mark for name, mark in {**known.seen, **taken.seen}.items() if mark is not None}
        answered = Answered(source, at, at, have=taken.have)
        self._weighed[source] = Known(known.revision + 1, self._cursors.get(source), seen, answered)
        for event in taken.events:
            self.events.append(event)
            for fold in self.folds.values():
                if event.type in fold.layer.listens:
                    fold.event(event)
        return taken

    async def _results(self, source: str) -> list[Reading | BadRecord]:
        adapter = self.adapter(source)
        results: list[Reading | BadRecord] = []
        self.asides = []
        async for answer in adapter.ask(self._cursors.get(source)):
            results += [] if answer.unchanged else adapter.parse(answer)
            self._cursors[source] = answer.cursor or self._cursors.get(source)
            await adapter.committed(answer, None)
        self.asides = [one for one in results if isinstance(one, BadRecord)]
        return results

    async def heard(self, source: str, least: int = 1) -> list[Reading]:
        """Ask until so many readings came, of a source that sends by itself; a connection is opened again."""
        found: list[Reading] = []
        async with asyncio.timeout(30):
            while len(found) < least:
                try:
                    found += await self.ask(source)
                except SourceDown:
                    await asyncio.sleep(0.05)
        return found

    def _fold(self, source: str, adapter: Adapter[Any], readings: list[Reading]) -> None:
        there = {one.subject for one in readings if not one.gone}
        before = self._known.get(source, set())
        ended = before - there if adapter.config.complete else set()
        self._known[source] = there if adapter.config.complete else before | there
        told = [(one.subject, None if one.gone else one) for one in readings] + [(name, None) for name in ended]
        for name, one in told:
            kind = (one.type if one is not None else None) or adapter.config.event
            data = Feature(one.properties, one.geometry) if one is not None else None
            self._told += timedelta(microseconds=1)
            received = self.now + self._told
            at = (one.time if one is not None else None) or received
            method = self.settings.sources[source].contract.method
            event = Event("e", source, kind, name, at, received, data, one.unit if one else None, method)
            for fold in self.folds.values():
                if kind in fold.layer.listens:
                    fold.event(event)
        for fold in self.folds.values():
            fold.wake(self.now)

    def later(self, **span: float) -> None:
        """Let the world go on, and the items with it."""
        self.now += timedelta(**span)
        self.world.advance(self.now)
        for fold in self.folds.values():
            fold.wake(self.now)

    def figure(self, name: str) -> Figure:
        """The tile's figure now."""
        tile = self.tile(name)
        return tile.work_out(self.folds[tile.over].items, self.now)

    def items(self, layer: str) -> Mapping[str, Item]:
        self.folds[layer].wake(self.now)
        return self.folds[layer].items

    def shown(self, name: str) -> dict[str, Any]:
        """What goes to the screens of a tile: filled in from the contracts as the projector does."""
        tile = self.tile(name)
        self.items(tile.over)
        answers = {source: known.answered for source, known in self._weighed.items() if known.answered}
        figures = Figures(self.folds[tile.over], [tile], self.settings.sources)
        body = figures.work_out(self.now, answers, {})[name]["all"]
        assert body is not None
        found: dict[str, Any] = msgspec.json.decode(body)
        return found

    def tile(self, name: str) -> Tile:
        shown: Mapping[Any, tuple[Tile, ...]] = catalog.shown(self.settings)
        return next(tile for tiles in shown.values() for tile in tiles if tile.name == name)

    async def turn(self, *ways: str) -> None:
        """Break the system in these ways alone (none: mend it), and let it see to what it serves."""
        unknown = set(ways) - set(self.system.breaks)
        assert not unknown, f"there is no way {unknown} to break it"
        self.system.broken = set(ways)
        await self.system.keep()

    async def close(self) -> None:
        for adapter in self._adapters.values():
            await adapter.close()


@asynccontextmanager
async def served(province: str, name: str, folder: Path, *, desk: bool = False, **given: Any) -> AsyncIterator[Served]:
    """The system, begun and served over HTTP below its name on the port of the province's sources.

    `desk`: and beside it what each province has without a system: its registry of cameras and their pictures.
    `given`: the keyword arguments of `Served`.
    """
    made = Served(province, name, folder, **given)
    beside = desk_of(province, made.world, folder / "sources", made.ports) if desk else None
    others = beside.routes() if beside is not None else []
    app = Starlette(routes=[Mount(f"/{name}", routes=made.system.routes()), *others])
    config = uvicorn.Config(app, host="127.0.0.1", log_level="warning", access_log=False, lifespan="off")
    with closing(socket.socket()) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("127.0.0.1", made.ports[8101]))
        # who asks before the server has begun is answered once it has
        door.listen(128)
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        await made.system.begin()
        going = asyncio.create_task(server.serve([door]))
        try:
            yield made
        finally:
            await made.close()
            server.should_exit = True
            await going
            await made.system.end()
            if beside is not None:
                await beside.end()
