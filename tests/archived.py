"""A whole centre with its archive: what `tests.centre` has, and every event in SQL after each poll."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from ioc.contract import Answered
from ioc.db import archive
from ioc.db.session import Database
from ioc.log import Batch
from tests.centre import Centre


class Archived(Centre):
    """`poll` asks the source once, and brings what came to the boards and into the archive."""

    def __init__(self, adapter: str, options: dict[str, Any], db: Database, *, layer: str) -> None:
        super().__init__(adapter, options, layer=layer)
        self.db = db
        self._done = {"projector": 0, "archive": 0}

    async def poll(self) -> Answered:
        known = await self.asking.poll()
        await self._bring("projector", self._project)
        await self._bring("archive", self._store)
        await self.projector.tick(force=True)
        assert known.answered is not None
        return known.answered

    async def archived(self) -> int:
        """How many events of the source the archive holds."""
        return await archive.count(self.db, "source")

    async def _bring(self, group: str, work: Callable[[Batch], Awaitable[None]]) -> None:
        """All that a group has not read yet; the log is never trimmed here, so its length is all that ever came."""
        async with aclosing(self.log.read(group)) as batches:
            while self._done[group] < await self.log.length():
                batch = await anext(batches)
                if batch is not None:
                    self._done[group] += len(batch.entries)
                    await work(batch)

    async def _project(self, batch: Batch) -> None:
        await self.projector.work(batch)
        self.events += [entry.event for entry in batch.entries if entry.event.source == self.source.name]

    async def _store(self, batch: Batch) -> None:
        await archive.store(self.db, batch.entries)
        await batch.ack()
