"""The projector: folds what the log brings into items, puts them on the boards, works out the tiles, then acknowledges.

A crash before the acknowledgement repeats the batch; the fold gives the same items, and nothing moves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Protocol

from ioc import clock, names
from ioc.board import Board
from ioc.errors import Gap
from ioc.event import Event
from ioc.layer import Layer, Tile
from ioc.log import Batch, Log
from ioc.run.epochs import Epochs
from ioc.run.figures import Figures, Seen
from ioc.run.fold import Fold
from ioc.settings import Settings, Source

TICK_S = 1.0
"""Tiles are worked out so often at most."""
SHARE = 1 / 3
"""And they may take so much of the time: over many items they are worked out less often."""
PAST_S = 300.0
"""How often the values of a day ago are read again."""
PATIENCE_S = 2.0
"""Seconds that this may take."""
AT_ONCE = 32
"""Boards that are written at the same time: each holds a connection, and Redis clients have a hundred."""

logger = logging.getLogger("ioc.projector")


class Archive(Protocol):
    """What the projector asks of the archive."""

    def events(self, types: frozenset[str]) -> AsyncIterator[Event]:
        """All archived events of these types, in the log's order."""
        ...

    async def value(self, tile: str, at: datetime) -> float | None:
        """What a tile showed in total at a time; None when nobody knows."""
        ...


def feeding(settings: Settings, layer: Layer) -> dict[str, Source]:
    """The sources whose events `layer` listens to."""
    return {name: source for name, source in settings.sources.items() if source.events & layer.listens}


class Projector:
    """Owns the boards of its layers and their tiles. `fence`: the number of its lease."""

    def __init__(
        self,
        layers: Mapping[Layer, tuple[Tile, ...]],
        board: Board,
        log: Log,
        archive: Archive,
        settings: Settings,
        *,
        fence: int = 0,
        epochs: Epochs | None = None,
    ) -> None:
        self.board, self.log, self.archive, self.fence = board, log, archive, fence
        self.layers = layers
        self.settings = settings
        self.epochs = epochs or Epochs()
        self.folds: list[Fold] = []
        self.figures: list[Figures] = []
        self._by_type: dict[str, list[Fold]] = {}
        self._past: dict[str, float | None] = {}
        self._past_read = -PAST_S
        self._faults: set[tuple[str, type[Exception]]] = set()
        self._ticked = self._worked = -TICK_S
        self._took = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Go on where the boards stand; rebuild those that are missing, half made, or of another fold."""
        await self.looked(quietly=True)
        self.folds = [await self._fold(layer) for layer in self.layers]
        self._by_type = {}
        for fold in self.folds:
            for kind in fold.layer.listens:
                self._by_type.setdefault(kind, []).append(fold)
        pairs = zip(self.folds, self.layers.values(), strict=True)
        self.figures = [Figures(fold, tiles, feeding(self.settings, fold.layer)) for fold, tiles in pairs]
        for figures in self.figures:
            for tile in figures.tiles:
                channel = names.tile_channel(tile.name)
                found = await self.epochs.take_over(self.board, channel, fence=self.fence)
                if found is None:
                    self.epochs.note(channel, await self.board.reset(channel, {}, fence=self.fence))
                else:
                    figures.stood(tile, found.items)
        await self.tick(force=True)

    async def _fold(self, layer: Layer) -> Fold:
        channel = names.layer_channel(layer.name)
        found = await self.epochs.take_over(self.board, channel, fence=self.fence, rebuilds=True)
        if found is not None and found.whole and found.version == layer.version:
            return Fold.of(layer, found)
        return await self.rebuild(layer)

    async def rebuild(self, layer: Layer) -> Fold:
        """Fold the archive, and what it may not have yet from the log, into a board of a new epoch."""
        channel, began = names.layer_channel(layer.name), time.monotonic()
        await self.board.reset(channel, {}, fence=self.fence, version=layer.version, whole=False)
        fold, count = Fold(layer), 0
        while True:
            oldest = await self.log.oldest()
            async for event in self.archive.events(layer.listens):
                self._feed(fold, event)
                count += 1
            async for entry in self.log.kept():
                if entry.event.type in layer.listens:
                    self._feed(fold, entry.event)
                    count += 1
            # what left the log meanwhile was archived behind our reading: read once more (nothing leaves it again,
            # for we acknowledge nothing)
            if oldest == await self.log.oldest():
                break
        now = clock.now()
        fold.wake(now)
        fold.take()
        position = await self.board.reset(
            channel, fold.encoded(), fence=self.fence, gone=fold.marks(now), version=layer.version
        )
        fold.position = self.epochs.note(channel, position)
        logger.info(
            "%s: rebuilt %d items from %d events in %.2f s.", channel, len(fold.items), count, time.monotonic() - began
        )
        return fold

    def _feed(self, fold: Fold, event: Event) -> None:
        """Fold an event in; one that the layer's author did not think of must not stop the wall."""
        try:
            fold.event(event)
        except Exception as error:
            fault = fold.layer.name, type(error)
            if fault not in self._faults:
                self._faults.add(fault)
                say = "Layer %s can't fold event %s; it is left out. More of its kind are not told."
                logger.exception(say, fold.layer.name, event.id)

    async def work(self, batch: Batch | None) -> None:
        """Fold one batch, apply, acknowledge; with or without one, do what time asks for."""
        if batch is not None:
            for entry in batch.entries:
                for fold in self._by_type.get(entry.event.type, ()):
                    self._feed(fold, entry.event)
            await self._apply(clock.now())
        await self.tick()
        if batch is not None:
            await batch.ack()

    async def _apply(self, now: datetime) -> None:
        """Put what changed on the boards. Items wake first, so that what comes too late is never seen."""
        works = []
        for fold in self.folds:
            fold.wake(now)
            changes, tombs = fold.take()
            if changes or tombs:
                works.append(self._put(fold, changes, tombs))
        await _all(works)

    async def _put(self, fold: Fold, changes: Mapping[str, bytes | None], tombs: Mapping[str, str]) -> None:
        channel = names.layer_channel(fold.layer.name)
        position = await self.board.apply(channel, changes, after=fold.position, fence=self.fence, gone=tombs)
        fold.position = self.epochs.note(channel, position)

    async def _tell(self, tile: str, changes: Mapping[str, bytes | None]) -> None:
        channel = names.tile_channel(tile)
        position = await self.board.apply(channel, changes, after=self.epochs.stood(channel), fence=self.fence)
        self.epochs.note(channel, position)

    async def tick(self, *, force: bool = False) -> None:
        """Wake items and begin to work out touched tiles, at most once a second; `force`: now, and wait for them.

        Raises Gap when the boards were emptied, and what went wrong with the tiles that were begun before. A change
        after a second of quiet is worked out at once: looks that found nothing do not hold it up.
        """
        if force or (self._looking is not None and self._looking.done()):
            await self.looked()
        began, touched = time.monotonic(), any(fold.touched for fold in self.folds)
        early = began - (self._worked if touched else self._ticked) < max(TICK_S, self._took / SHARE)
        if self._looking is not None or (early and not force):
            return
        self._ticked = began
        if touched:
            self._worked = began
        there = set(await self.board.channels())
        if missing := [fold for fold in self.folds if names.layer_channel(fold.layer.name) not in there]:
            raise Gap(f"{len(missing)} boards are not there any more; they are rebuilt from the archive.")
        now = clock.now()
        await self._apply(now)
        self._looking = asyncio.create_task(self._look(now), name="tiles")
        if force:
            await self.looked()

    async def _look(self, now: datetime) -> None:
        """Work out the tiles in a thread: over many items that takes longer than an event may wait."""
        answers = await self.log.answers()
        await self._look_back(now)
        began, works = time.monotonic(), [(figures, Seen.of(figures.fold)) for figures in self.figures]
        told = await asyncio.to_thread(
            lambda: [figures.work_out(now, answers, self._past, seen) for figures, seen in works]
        )
        self._took = time.monotonic() - began
        await _all([self._tell(name, changes) for figures in told for name, changes in figures.items()])

    async def looked(self, *, quietly: bool = False) -> None:
        """Wait for the tiles that are being worked out, if any are; raises what went wrong with them."""
        looking, self._looking = self._looking, None
        if looking is not None:
            await asyncio.wait([looking])
            if not quietly:
                looking.result()

    async def _look_back(self, now: datetime) -> None:
        if time.monotonic() - self._past_read < PAST_S:
            return
        self._past_read = time.monotonic()
        # a trend is worth less than the picture: the boards do not wait for SQL
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                for tile in chain.from_iterable(self.layers.values()):
                    self._past[tile.name] = await self.archive.value(tile.name, now - timedelta(days=1))

    async def run(self) -> None:
        """Work for ever. StoreAway, Gap and Fenced go up to the role, which begins again with `open`."""
        try:
            await self.open()
            async with aclosing(self.log.read("projector")) as batches:
                async for batch in batches:
                    await self.work(batch)
        finally:
            # no tile may be written behind a writer that begins again
            await self.looked(quietly=True)


async def _all(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Write to boards that have nothing to do with one another at the same time.

    Raises the first error, and not before every write has ended: none may go on behind a writer that begins again.
    """
    room = asyncio.Semaphore(AT_ONCE)

    async def one(work: Coroutine[Any, Any, None]) -> None:
        async with room:
            await work

    for ended in await asyncio.gather(*map(one, works), return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
