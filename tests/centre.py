"""A whole centre in one process, in memory: one source, its poller, the projector and the boards, moved by hand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Self

from ioc import catalog, clock, contract, names
from ioc.board import Position
from ioc.board.memory import MemoryBoard
from ioc.contract import Answered, Contract
from ioc.event import Event
from ioc.log.memory import MemoryLog
from ioc.run.poller import Asking
from ioc.run.projector import Projector
from ioc.settings import Province, Settings, Source


class NoArchive:
    """An archive that holds nothing."""

    async def events(self, types: frozenset[str]) -> AsyncIterator[Event]:
        nothing: tuple[Event, ...] = ()
        for event in nothing:
            yield event

    async def value(self, tile: str, at: datetime) -> float | None:
        return None


class Centre:
    """`poll` asks the source once, and brings what came to the boards."""

    def __init__(self, adapter: str, options: dict[str, Any], *, layer: str, expect: int | None = None) -> None:
        owed = Contract("Sở Giao thông", cadence=30, grace=60, expect=expect)
        self.source = Source("source", adapter, owed, options)
        settings = Settings(Province("Thử"), {"source": self.source}, layers=(layer,))
        self.log, self.board = MemoryLog(), MemoryBoard()
        self.asking = Asking(self.source, catalog.open_adapter(self.source), self.log)
        layers = {one: catalog.tiles(one.name) for one in catalog.layers((layer,))}
        self.projector = Projector(layers, self.board, self.log, NoArchive(), settings)
        self.channel = names.layer_channel(layer)
        self.events: list[Event] = []

    async def open(self) -> Self:
        await self.projector.open()
        return self

    def ask(self, **changed: Any) -> None:
        """Ask with other settings from now on."""
        options = {**self.source.options, **changed}
        self.source = Source("source", self.source.adapter, self.source.contract, options)
        self.asking = Asking(self.source, catalog.open_adapter(self.source), self.log)

    async def poll(self) -> Answered:
        """Ask once; the boards stand as the answer wants when this returns."""
        known = await self.asking.poll()
        async for batch in self.log.read("projector"):
            await self.projector.work(batch)
            if batch is None:
                break
            self.events += [entry.event for entry in batch.entries if entry.event.source == self.source.name]
        await self.projector.tick(force=True)
        assert known.answered is not None
        return known.answered

    async def items(self) -> dict[str, Any]:
        """The items on the layer's board."""
        found = await self.board.snapshot(self.channel)
        assert found is not None
        return {name: json.loads(body) for name, body in found.items.items()}

    async def position(self) -> Position:
        found = await self.board.snapshot(self.channel)
        assert found is not None
        return found.position

    async def moved(self, after: Position) -> set[str]:
        """Ids of the items that were put or dropped since."""
        steps = await self.board.history(self.channel, after)
        return {name for step in steps for name in (*step.put, *step.drop)}

    async def tile(self, name: str) -> dict[str, Any]:
        """The tile's figure for the whole province."""
        found = await self.board.snapshot(names.tile_channel(name))
        assert found is not None
        told: dict[str, Any] = json.loads(found.items["all"])
        return told

    async def state(self) -> dict[str, Any]:
        """The source as the strip shows it."""
        answered = (await self.log.answers())["source"]
        return contract.source_item("source", self.source.contract, answered, clock.now())
