"""The clock's own work: routes what was verified, warns, tells what is overdue and escalates it, closes what is done.

Each turn looks at the table alone, and each step it takes is noted in it, so that a restart repeats nothing: a step
that somebody else took meanwhile has another version, and is looked at again in the next turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from ioc import clock
from ioc.db import reports as tables
from ioc.db.reports import Report, report_of
from ioc.reports import clocks, life, routing
from ioc.reports.book import Book
from ioc.reports.changes import Asked, NotAllowed, Quicker, Unknown, Who
from ioc.reports.filing import Unfit

EVERY_S = 15.0
AWAY_S = 5.0
BATCH = 2_000
"""Reports that one turn looks at, at most, of each kind."""
CLOCK = Who("clock", "ioc")
WARNED, OVERDUE = "soon", "overdue"

logger = logging.getLogger("ioc.reports")
_reports, _steps = tables.reports, tables.steps


class Watch:
    """Takes the clock's steps in one centre's book. `now`: the present; tests move it by hand."""

    def __init__(self, book: Book, *, now: Callable[[], datetime] = clock.now) -> None:
        self.book, self.rules, self.calendar, self._now = book, book.rules, book.calendar, now

    async def run(self) -> None:
        """Look for ever; a database that is away is told once, and once when it is back."""
        down = False
        while True:
            try:
                await self.turn()
                if down:
                    logger.info("The clock of reports goes on.")
                down = False
            except (sa.exc.DBAPIError, sa.exc.TimeoutError, OSError) as error:
                if not down:
                    logger.warning(
                        "The database does not answer (%s); the clock of reports waits.", type(error).__name__
                    )
                down = True
            await asyncio.sleep(AWAY_S if down else EVERY_S)

    async def turn(self) -> int:
        """Take every step that is due now; returns how many. Raises what the database raises."""
        now = self._now()
        taken = 0
        for report in await self._unrouted():
            taken += await self.route(report) is not None
        for report in await self._waiting(now):
            if (asked := self._overdue(report, now)) is not None:
                taken += await self._take(report, asked) is not None
        for report in await self._asked_enough(now):
            taken += await self._take(report, Asked("close", report.version, why="asked")) is not None
        return taken

    async def route(self, report: Report) -> Report | None:
        """Assign a verified report to the agency of its route; None: somebody else took a step meanwhile."""
        agency = routing.agency(self.rules, report.category, report.unit, self._now())
        return await self._take(report, Asked("assign", report.version, agency=agency, data={"route": True}))

    async def _take(self, report: Report, asked: Asked) -> Report | None:
        try:
            return await self.book.step(report.id, asked, CLOCK)
        except (Quicker, Unknown, NotAllowed, Unfit):
            # it is another report by now: the next turn looks at it as it is
            return None

    def _overdue(self, report: Report, now: datetime) -> Asked | None:
        """What is to be told of a report's next step, when that was not told yet."""
        level = told(self.book, report, now)
        if level is None or _rank(level) <= _rank(report.warned):
            return None
        data = {"warned": level, "waits": report.state, "due": clock.rfc3339(report.step_due or now)}
        if _rank(level) > _rank(OVERDUE):
            data["to"] = self.rules.desk.agency
        return Asked("late", report.version, data=data)

    async def _unrouted(self) -> list[Report]:
        """Verified reports that nobody sent anywhere yet; one that an agency gave back waits for a person."""
        mine = sa.exists().where(
            _steps.c.report == _reports.c.id, _steps.c.step == "verify", _steps.c.at == _reports.c.since
        )
        return await self._read(_reports.c.state == "verified", mine, order=_reports.c.since)

    async def _waiting(self, now: datetime) -> list[Report]:
        """Open reports of which something may be to be told: late ones, and those that are nearly so."""
        found: list[Report] = []
        waits = (_reports.c.state.in_(sorted(life.OPEN - {"more_info"})), _reports.c.step_due.is_not(None))
        highest = _level(len(self.rules.desk.escalate_h))
        late = (_reports.c.step_due < now, sa.func.coalesce(_reports.c.warned, "") != highest)
        found += await self._read(*waits, *late, order=_reports.c.step_due)
        longest = max(max(one.hours.verify, one.hours.accept, one.hours.done) for one in self.rules.categories.values())
        span = timedelta(hours=longest * self.rules.desk.warn_share)
        # the longest warning of any category: whose own has come is worked out of what lies within it
        by = clocks.Work(self.calendar, self.rules.hours).after(now, span)
        soon = (_reports.c.step_due >= now, _reports.c.step_due <= by, _reports.c.warned.is_(None))
        return found + await self._read(*waits, *soon, order=_reports.c.step_due)

    async def _asked_enough(self, now: datetime) -> list[Report]:
        old = _reports.c.since < now - timedelta(days=self.rules.asked_days)
        return await self._read(_reports.c.state == "done", old, order=_reports.c.since)

    async def _read(
        self, *where: sa.ColumnElement[bool], order: sa.ColumnElement[datetime] | sa.Column[datetime]
    ) -> list[Report]:
        query = sa.select(_reports).where(*where).order_by(order, _reports.c.id).limit(BATCH)
        async with self.book.db.reading() as connection:
            return [report_of(row) for row in (await connection.execute(query)).mappings()]


def told(book: Book, report: Report, now: datetime) -> str | None:
    """How late a report's next step is: None (in time), soon, overdue, then desk-1, desk-2 … as it is escalated."""
    if clocks.late(report, now):
        return _level(clocks.escalations(book.rules, book.calendar, report, now))
    warned = clocks.warn_at(book.rules, book.calendar, report)
    return WARNED if warned is not None and warned <= now else None


def _level(escalations: int) -> str:
    return f"desk-{escalations}" if escalations else OVERDUE


def _rank(level: str | None) -> int:
    if level is None:
        return 0
    return {WARNED: 1, OVERDUE: 2}.get(level) or 2 + int(level.removeprefix("desk-"))
