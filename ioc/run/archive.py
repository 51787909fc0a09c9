"""The archive's role: every event into SQL before the log forgets it, what the tiles showed, and the tidying up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime

import msgspec
import sqlalchemy as sa

from ioc import clock, names
from ioc.board import Board
from ioc.db import archive, figures
from ioc.db.asides import KEEP, OLDER, asides
from ioc.db.session import Database
from ioc.event import Event
from ioc.log import Entry, Log

FIGURES_S = 60.0
"""How often a tile's figures are noted at most."""
TRIM_S = 5.0
PURGE_S = 6 * 3600.0
AGAIN_S = 2.0

logger = logging.getLogger("ioc.archive")


class SqlArchive:
    """What the projector asks of the archive, answered from SQL."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def events(self, types: frozenset[str]) -> AsyncIterator[Event]:
        return archive.latest(self.db, types)

    async def standing(self, source: str, kind: str) -> dict[str, datetime]:
        """The subjects of a source that have not ended, with the source time of what is known of them."""
        newest: dict[str, tuple[datetime, datetime, bool]] = {}
        async for event in archive.latest(self.db, {kind}):
            if event.source == source:
                mine = (event.time, event.received, event.data is not None)
                newest[event.subject] = max(mine, newest.get(event.subject, mine))
        return {subject: time for subject, (time, _, there) in newest.items() if there}

    async def quarantined(self, source: str) -> dict[str, str]:
        """The reason of each record of a source that stands set aside with a row of its own, by its digest."""
        try:
            return {row.digest: row.reason for row in await asides(self.db, source, KEEP + 1) if row.digest != OLDER}
        except (sa.exc.DBAPIError, sa.exc.TimeoutError, OSError) as error:
            # its count is worth less than its answers: a source must not wait for SQL
            logger.warning("What stands set aside of %s can't be read (%s).", source, type(error).__name__)
            return {}

    async def value(self, tile: str, at: datetime) -> float | None:
        try:
            found = await figures.figure_at(self.db, tile, "all", at=at)
        except (sa.exc.DBAPIError, sa.exc.TimeoutError, OSError) as error:
            # a trend is worth less than the tile: the board must not wait for SQL
            logger.warning("The value of %s a day ago can't be read (%s).", tile, type(error).__name__)
            return None
        return found.value if found is not None else None


async def keep(log: Log, db: Database) -> None:
    """Archive what the log brings, for ever. While SQL is away nothing is acknowledged, so nothing is lost."""
    async with aclosing(log.read("archive")) as batches:
        async for batch in batches:
            if batch is not None:
                await _store(db, batch.entries)
                await batch.ack()


async def _store(db: Database, entries: Sequence[Entry]) -> None:
    """Returns when they are stored, however long SQL is away."""
    down = False
    while True:
        try:
            await archive.store(db, entries)
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, OSError) as error:
            if not down:
                logger.error("The database does not answer (%s); events wait in the log.", type(error).__name__)
            down = True
            await asyncio.sleep(AGAIN_S)
            continue
        if down:
            logger.info("The database answers again.")
        return


class Noting:
    """Notes what the tiles show, when it changed, once a minute at most."""

    def __init__(self, board: Board, db: Database, tiles: Callable[[], list[str]]) -> None:
        self.board, self.db, self.tiles = board, db, tiles
        self._noted: dict[tuple[str, str], bytes] = {}

    async def note(self, now: datetime) -> int:
        """Note each figure that moved since the last call; returns how many."""
        rows, moved = [], {}
        for tile in self.tiles():
            found = await self.board.snapshot(names.tile_channel(tile))
            for unit, body in (found.items if found is not None else {}).items():
                if self._noted.get((tile, unit)) == body:
                    continue
                moved[tile, unit] = body
                value = msgspec.json.decode(body).get("value")
                rows.append(figures.Noted(tile, unit, now, value if isinstance(value, int | float) else None, body))
        await figures.note_figures(self.db, rows)
        self._noted |= moved
        return len(rows)


async def tidy(log: Log, board: Board, db: Database, tiles: Callable[[], list[str]], retention_days: int) -> None:
    """Trim the log, note the figures, purge what is older than the retention; for ever."""
    noting = Noting(board, db, tiles)
    noted = purged = time.monotonic() - PURGE_S
    while True:
        await log.trim()
        try:
            if time.monotonic() - noted >= FIGURES_S:
                noted = time.monotonic()
                await noting.note(clock.now())
            if time.monotonic() - purged >= PURGE_S:
                purged = time.monotonic()
                await archive.purge(db, retention_days)
        except (sa.exc.DBAPIError, sa.exc.TimeoutError, OSError) as error:
            logger.warning("The figures could not be noted (%s); tried again in a minute.", type(error).__name__)
        await asyncio.sleep(TRIM_S)


async def run(log: Log, board: Board, db: Database, tiles: Callable[[], list[str]], retention_days: int) -> None:
    """Both for ever; StoreAway and Fenced go up to the role."""
    together = [
        asyncio.create_task(keep(log, db), name="archive keep"),
        asyncio.create_task(tidy(log, board, db, tiles, retention_days), name="archive tidy"),
    ]
    try:
        await asyncio.gather(*together)
    finally:
        for task in together:
            task.cancel()
        await asyncio.gather(*together, return_exceptions=True)
