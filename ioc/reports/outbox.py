"""The outbox: what was committed in SQL is told to the log, in the order of the commits, none twice and none left out.

The log keeps the number of the last row that it was told of (the source's cursor), in the same step as the events. A
store that was emptied, or that lost its newest, stands further back, and is told again from there: a row stays for a
day after it was written.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from ioc import clock, intake
from ioc.db.reports import OUTBOX, counters, outbox, reports
from ioc.db.session import Database
from ioc.errors import Gap
from ioc.intake import Taken
from ioc.log import Known, Log
from ioc.reports.public import Told
from ioc.settings import Source

BATCH = 500
LOOK_S = 0.05
"""Seconds between two looks into an outbox that was empty."""
KEPT = timedelta(days=1)
SWEEP_S = 300.0
AWAY_S = 1.0

logger = logging.getLogger("ioc.reports")

_decoder = msgspec.json.Decoder(Told)


class Row(NamedTuple):
    """One outbox row: its number, and what it tells."""

    seq: int
    told: Told


class Relay:
    """Tells the log of the outbox under the name of `source`; one at a time runs, in the role that holds the lease."""

    def __init__(self, db: Database, log: Log, source: Source) -> None:
        self.db, self.log, self.source = db, log, source
        self._known: Known | None = None
        self._have, self._confirmed = 0, float("-inf")
        self._swept = float("-inf")

    async def run(self) -> None:
        """Relay for ever. StoreAway goes up to the role, which begins again; a database that is away is waited for."""
        away = False
        while True:
            try:
                told = await self.relay()
                if away:
                    logger.warning("The outbox of reports can be read again.")
                away = False
                if told < BATCH:
                    await asyncio.sleep(LOOK_S)
            except (sa.exc.DBAPIError, OSError) as error:
                self._known = None
                if not away:
                    logger.warning("The outbox of reports can't be read (%s); it is waited for.", type(error).__name__)
                away = True
                await asyncio.sleep(AWAY_S)

    async def relay(self) -> int:
        """Tell what waits, a batch at most; returns how many rows. Confirms the source alive when nothing does."""
        try:
            if self._known is None:
                self._known = await self._begin()
            known = self._known
            rows = await self._waiting(int(known.cursor or 0))
            pace = self.source.contract.pace
            if rows or time.monotonic() - self._confirmed >= pace:
                self._known = await self._tell(known, rows)
            if time.monotonic() - self._swept >= SWEEP_S:
                await self._sweep(int(known.cursor or 0))
        except Gap:
            # somebody else noted something of this source: tell what is not told by what is known now
            self._known = None
            return 0
        except BaseException:
            self._known = None
            raise
        return len(rows)

    async def _begin(self) -> Known:
        known = await self.log.known(self.source.name)
        async with self.db.reading() as connection:
            newest = (await connection.execute(sa.select(counters.c.n).where(counters.c.day == OUTBOX))).scalar()
        at = int(known.cursor) if known.cursor is not None and known.cursor.isdecimal() else 0
        if at > (newest or 0):
            # the database is another one, or an older one, than that which the log was told of
            at = 0
        self._confirmed = float("-inf")
        return msgspec.structs.replace(known, cursor=str(at))

    async def _waiting(self, after: int) -> list[Row]:
        query = sa.select(outbox.c.seq, outbox.c.body).where(outbox.c.seq > after).order_by(outbox.c.seq).limit(BATCH)
        async with self.db.reading() as connection:
            found = (await connection.execute(query)).all()
        return [Row(row.seq, _decoder.decode(row.body)) for row in found]

    async def _tell(self, known: Known, rows: Sequence[Row]) -> Known:
        asked = received = clock.now()
        method = self.source.contract.method
        events = [row.told.event(self.source.name, received, method) for row in rows]
        if time.monotonic() - self._confirmed >= self.source.contract.pace:
            self._have = await self._count()
            self._confirmed = time.monotonic()
        gone = sum(one.data is None for one in events)
        taken = Taken(
            events, {}, records=len(events) - gone, told=len(events) - gone, gone=gone, have=self._have,
            observed=max((one.time for one in events), default=None),
        )  # fmt: skip
        cursor = str(rows[-1].seq) if rows else known.cursor
        name = self.source.name
        return await intake.commit(self.log, name, known, taken, asked=asked, received=received, cursor=cursor)

    async def _count(self) -> int:
        shown = sa.select(sa.func.count()).select_from(reports).where(reports.c.hidden.is_(None))
        async with self.db.reading() as connection:
            return int((await connection.execute(shown)).scalar_one())

    async def _sweep(self, told: int) -> None:
        """Forget rows that the log was told of, and that are older than a day."""
        old: Any = sa.and_(outbox.c.seq <= told, outbox.c.at < clock.now() - KEPT)
        async with self.db.writing() as connection:
            await connection.execute(sa.delete(outbox).where(old))
        self._swept = time.monotonic()
