"""A source, its log, its boards, its archive, and who projects: moved by hand, in memory or in Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import redis as blocking_redis

from ioc.adapter import Adapter, AdapterConfig, Answer, Reading
from ioc.board import Board, Position, Snapshot
from ioc.board.memory import MemoryBoard
from ioc.contract import Contract
from ioc.event import Event
from ioc.layer import Figure, Item, Layer, Tile
from ioc.log import Batch, Log
from ioc.log.memory import MemoryLog
from ioc.run.poller import Asking
from ioc.run.projector import Projector
from ioc.settings import Province, Settings, Source

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)
KIND = "ioc.thing.seen"
LAYER, COUNT = "layer/things", "tile/count"


class Things(Layer):
    name = "things"
    title = ("Vật", "Things")
    listens = frozenset({KIND})

    def fold(self, old: Item | None, event: Event) -> Item | None:
        if event.data is not None and event.data.properties.get("value") == "poison":
            raise ValueError("The author did not think of this.")
        return super().fold(old, event)


class Newer(Things):
    version = 2


def count(items: Mapping[str, Item], now: datetime) -> Figure:
    return Figure(len(items) or None)


def broken(items: Mapping[str, Item], now: datetime) -> Figure:
    return Figure(1 // len(items))


TILES = (
    Tile("count", "things", ("Số vật", "Things"), ("", ""), count),
    Tile("broken", "things", ("Hỏng", "Broken"), ("", ""), broken, by_unit=False),
)


class Archive:
    """An archive in a list; `while_read` happens after its last event was handed out."""

    def __init__(self) -> None:
        self.kept: list[Event] = []
        self.while_read: Callable[[], Any] | None = None
        self.hangs = False

    async def events(self, types: frozenset[str]) -> AsyncIterator[Event]:
        for event in list(self.kept):
            if event.type in types:
                yield event
        if self.while_read is not None:
            work, self.while_read = self.while_read, None
            await work()

    async def value(self, tile: str, at: datetime) -> float | None:
        if self.hangs:
            await asyncio.Event().wait()
        return 2.0


class Listed(Adapter[AdapterConfig]):
    """Answers with what its list holds: (id, value, commune)."""

    listed: list[tuple[str, Any, str | None]]

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        yield Answer(json.dumps(self.listed).encode())

    def parse(self, answer: Answer) -> list[Reading]:
        return [Reading(name, {"value": value}, NOON, unit=unit) for name, value, unit in json.loads(answer.body)]


class House:
    """One source, its log, its boards, and whoever projects."""

    def __init__(self, log: Log, board: Board, url: str) -> None:
        self.log, self.board, self.url, self.archive = log, board, url, Archive()
        source = Source("s", "listed", Contract("Đội thử", expect=3), {"event": KIND})
        self.settings = Settings(Province("Thử"), {"s": source})
        self.adapter = Listed("s", AdapterConfig(event=KIND, complete=True))
        self.asking = Asking(source, self.adapter, log)
        self.listed("a", "b", "c")

    def listed(self, *things: str | tuple[str, Any] | tuple[str, Any, str]) -> None:
        whole = [(one, 0) if isinstance(one, str) else one for one in things]
        self.adapter.listed = [(one[0], one[1], one[2] if len(one) > 2 else None) for one in whole]

    async def projector(self, layer: Layer | None = None, *, fence: int = 1) -> Projector:
        made = Projector({layer or Things(): TILES}, self.board, self.log, self.archive, self.settings, fence=fence)
        await made.open()
        return made

    async def work(self, projector: Projector, *, archive: bool = False) -> None:
        """All that the log brings, once; `archive`: it is archived too."""
        for group in ("projector", *(("archive",) if archive else ())):
            reading: AsyncGenerator[Batch | None] = self.log.read(group)
            async with aclosing(reading) as batches:
                async for batch in batches:
                    if batch is None:
                        break
                    if group == "archive":
                        self.archive.kept += [entry.event for entry in batch.entries]
                        await batch.ack()
                    else:
                        await projector.work(batch)
        await projector.tick(force=True)

    async def flush(self) -> None:
        if isinstance(self.log, MemoryLog) and isinstance(self.board, MemoryBoard):
            await self.log.forget()
            await self.board.forget()
            return
        with blocking_redis.Redis.from_url(self.url, protocol=3) as client:
            client.flushall()

    async def taken(self, channel: str = LAYER) -> Snapshot:
        found = await self.board.snapshot(channel)
        assert found is not None
        return found

    async def values(self) -> dict[str, Any]:
        return {name: json.loads(body)["properties"]["value"] for name, body in (await self.taken()).items.items()}

    async def figures(self, channel: str = COUNT) -> dict[str, Any]:
        return {name: json.loads(body) for name, body in (await self.taken(channel)).items.items()}

    async def positions(self) -> dict[str, Position]:
        return {channel: (await self.taken(channel)).position for channel in await self.board.channels()}
