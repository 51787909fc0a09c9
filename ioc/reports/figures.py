"""What became of the reports that were filed in a span: for all, and by agency, commune or category; and of a shift.

Every figure is of the reports that were filed in the span, as they stand now. Each share names what it is of:

- `on_time` of `on_time_of`: of those done or closed that had a due time, those that ended by then;
- `reopened` of `reopened_of`: of those done or closed, or open again, those that were ever reopened;
- `content` of `rated`: of those done or closed that their citizen rated, those with 4 or 5 of 5.

`late` counts open ones past the due time of the whole case; while the citizen is asked (`asked`) none is late. `hours`
is the median, on the clock, from filing to the end, of those done or closed. Who asks sees what exists for them.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from ioc import clock
from ioc.db import reports as tables
from ioc.db.session import Database
from ioc.report_rules import Reports
from ioc.reports import clocks, life
from ioc.reports.changes import RATED, Who
from ioc.reports.desk import within

By = Literal["agency", "unit", "category"]
CONTENT = 4
"""The least of the scores 1 to 5 that says: content."""
COUNTS = (
    "received", "open", "asked", "late", "done", "on_time", "on_time_of", "reopened", "reopened_of", "rated",
    "content",
)  # fmt: skip
COLUMNS = ("code", "title", *COUNTS, "on_time_percent", "reopened_percent", "content_percent", "hours")
PEOPLE = ("operator", "agency", "admin")
"""Roles whose steps are work of a shift."""
_reports, _steps = tables.reports, tables.steps


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which reports (all that is given must fit), and by what they are parted. `since` counts in, `until` does not."""

    by: By
    since: datetime
    until: datetime
    agency: str | None = None
    category: str | None = None
    units: tuple[str, ...] = ()


class _Sum:
    """The figures of one part, as they add up."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(COUNTS, 0)
        self.hours: list[float] = []

    def add(self, row: Any, now: datetime) -> None:
        is_open, done = row.state in life.OPEN, row.state in RATED
        waits = clocks.stands(row.state)
        # what ended in another way was neither in time nor late
        due = done and row.due is not None and row.ended is not None
        told = {
            "received": True, "open": is_open, "asked": waits, "done": done,
            "late": is_open and not waits and row.due is not None and row.due < now,
            "on_time_of": due, "on_time": due and row.ended <= row.due,
            "reopened_of": done or row.reopened > 0, "reopened": row.reopened > 0,
            "rated": done and row.satisfied is not None,
            "content": done and row.satisfied is not None and row.satisfied >= CONTENT,
        }  # fmt: skip
        for name, counts in told.items():
            self.counts[name] += counts
        if done and row.ended is not None:
            self.hours.append((row.ended - row.filed).total_seconds() / 3600)

    def told(self, code: str | None, title: str) -> dict[str, Any]:
        """The part by COLUMNS; a share or median of nothing is null."""
        one = self.counts
        return {
            "code": code, "title": title, **one,
            "on_time_percent": _percent(one["on_time"], one["on_time_of"]),
            "reopened_percent": _percent(one["reopened"], one["reopened_of"]),
            "content_percent": _percent(one["content"], one["rated"]),
            "hours": round(statistics.median(self.hours), 1) if self.hours else None,
        }  # fmt: skip


class Figures:
    """Counts the reports of one centre. `called`: names of communes by their code."""

    def __init__(
        self,
        db: Database,
        rules: Reports,
        called: Callable[[str], str | None],
        *,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self.db, self.rules, self.called, self._now = db, rules, called, now

    async def by(self, wanted: Wanted, who: Who) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The parts, those with most reports first, and all of them together; both by COLUMNS."""
        now, parts, whole = self._now(), dict[str | None, _Sum](), _Sum()
        names = ("agency", "unit", "category", "state", "filed", "due", "ended", "reopened", "satisfied")
        query = sa.select(*(_reports.c[name] for name in names)).where(*within(who), *_fitting(wanted))
        async with self.db.reading() as connection:
            async for row in await connection.stream(query):
                for part in (whole, parts.setdefault(getattr(row, wanted.by), _Sum())):
                    part.add(row, now)
        rows = [part.told(code, self._title(wanted.by, code)) for code, part in parts.items()]
        rows.sort(key=lambda row: (-row["received"], row["title"]))
        return rows, whole.told(None, "Tất cả")

    def _title(self, by: By, code: str | None) -> str:
        if code is None:
            return "Chưa giao" if by == "agency" else "Không rõ"
        if by == "unit":
            return self.called(code) or code
        known: Mapping[str, Any] = self.rules.agencies if by == "agency" else self.rules.categories
        return str(known[code].title[0]) if code in known else code

    async def shift(self, who: Who) -> dict[str, Any]:
        """The shift of now: when it began and ends, what came in, what was worked on (by all, by this one), what waits.

        For an agency what came in is what it was given in the shift, and what was worked on is its own people's.
        """
        begins, ends = shift(self.rules, self._now())
        given = sa.exists().where(_steps.c.report == _reports.c.id, _steps.c.step == "assign", _steps.c.at >= begins)
        is_open = _reports.c.state.in_(sorted(life.OPEN))
        told = {
            "received": given if who.role == "agency" else _reports.c.filed >= begins,
            "waiting": sa.and_(is_open, _reports.c.state != "more_info"),
            "asked": _reports.c.state == "more_info",
            "late": sa.and_(is_open, _reports.c.state != "more_info", _reports.c.due < self._now()),
        }
        sums = [sa.func.coalesce(sa.func.sum(sa.case((one, 1), else_=0)), 0).label(name) for name, one in told.items()]
        work = [_steps.c.at >= begins, _steps.c.who.in_(PEOPLE)]
        if who.role == "agency":
            work.append(_steps.c.agency == who.agency)
        mine = sa.case((_steps.c.name == (who.name or ""), _steps.c.report))
        many = sa.select(
            sa.func.count(sa.distinct(_steps.c.report)).label("handled"), sa.func.count(sa.distinct(mine)).label("mine")
        ).where(*work)
        async with self.db.reading() as connection:
            counts = (await connection.execute(sa.select(*sums).where(*within(who)))).mappings().one()
            worked = (await connection.execute(many)).mappings().one()
        found = {name: int(number) for name, number in {**counts, **worked}.items()}
        return {"from": clock.rfc3339(begins), "to": clock.rfc3339(ends), **found}


def shift(rules: Reports, now: datetime) -> tuple[datetime, datetime]:
    """When the desk's shift of `now` began, and when it ends, by the province's clock."""
    today = now.astimezone(clock.ZONE).date()
    days = (today - timedelta(days=1), today, today + timedelta(days=1))
    changes = [datetime.combine(day, time.fromisoformat(at), clock.ZONE) for day in days for at in rules.desk.shifts]
    return max(at for at in changes if at <= now), min(at for at in changes if at > now)


def _fitting(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    where = [_reports.c.filed >= wanted.since, _reports.c.filed < wanted.until]
    if wanted.agency is not None:
        where.append(_reports.c.agency == wanted.agency)
    if wanted.category is not None:
        where.append(_reports.c.category == wanted.category)
    if wanted.units:
        where.append(_reports.c.unit.in_(wanted.units))
    return where


def _percent(part: int, of: int) -> float | None:
    return round(100 * part / of, 1) if of else None
