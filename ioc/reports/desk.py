"""What the desk sees: the queue, one report with all that is known of it, counts, and rows for an export.

Who asks is a `Who`: an agency sees what is assigned to it, and for it nothing else exists; the others see all. Nothing
here tells a name or a phone number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ioc import clock
from ioc.db import reports as tables
from ioc.db.reports import Report, report_of
from ioc.db.session import Database
from ioc.db.tables import Moment
from ioc.report_rules import Reports
from ioc.reports import clocks, life, twins
from ioc.reports.changes import Unknown, Who
from ioc.reports.filing import Unfit
from ioc.workdays import Calendar

MOST = 500
"""Rows of one page of the queue at most."""
SCANNED = 5_000
"""Reports whose words are searched at most, the most urgent first; a number is found among all."""
TITLE = 80
NEAR = 500
"""Reports that are compared with one at most."""
_METRES = 111_320.0
"""Of a degree of latitude."""
_FAR = datetime(9000, 1, 1, tzinfo=UTC)
_reports, _steps, _photos = tables.reports, tables.steps, tables.photos

# who stands still waits for the citizen: it comes after what waits for us
_urgent = sa.type_coerce(
    sa.case((_reports.c.state == "more_info", sa.literal(_FAR, Moment)), else_=sa.func.coalesce(
        _reports.c.step_due, sa.literal(_FAR, Moment))), Moment,
)  # fmt: skip
_is_open = _reports.c.state.in_(sorted(life.OPEN))
_returned = sa.and_(
    _reports.c.state == "verified",
    sa.exists().where(_steps.c.report == _reports.c.id, _steps.c.step == "reject", _steps.c.at == _reports.c.since),
)
_taken = (
    sa.select(sa.func.count())
    .where(_photos.c.report == _reports.c.id, _photos.c.state == "taken")
    .correlate(_reports)
    .scalar_subquery()
)


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """Which reports: all that is given must fit. `states` empty: the open ones. `after`: the place a page ended at.

    `q`: in the number, the words or the address, without regard to case and diacritics. `since`, `until`: filed then.
    """

    q: str = ""
    states: tuple[str, ...] = ()
    agency: str | None = None
    category: str | None = None
    units: tuple[str, ...] = ()
    late: bool = False
    mine: bool = False
    unassigned: bool = False
    returned: bool = False
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    after: str | None = None

    @property
    def ended(self) -> bool:
        """Whether only reports that have ended are asked for: those come with the newest first."""
        return bool(self.states) and not life.OPEN & set(self.states)


class Found(NamedTuple):
    """A report of the queue, how many photos it has, and whether its agency gave it back."""

    report: Report
    photos: int
    returned: bool


class Page(NamedTuple):
    """A page of the queue; `next`: where the following one begins, None at the end."""

    found: list[Found]
    next: str | None


class Desk:
    """Reads the reports of one centre for those who work on them."""

    def __init__(
        self, db: Database, rules: Reports, calendar: Calendar, *, now: Callable[[], datetime] = clock.now
    ) -> None:
        self.db, self.rules, self.calendar, self.now = db, rules, calendar, now

    async def queue(self, asking: Asking, who: Who) -> Page:
        """A page of what fits, the most urgent first. Raises Unfit when `after` is no place of ours."""
        limit = max(1, min(asking.limit, MOST))
        where = [*within(who), *self._fitting(asking, who)]
        if asking.after is not None:
            where.append(_beyond(asking))
        async with self.db.reading() as connection:
            if asking.q.strip():
                where.append(_reports.c.id.in_(await self._searched(connection, asking, where)))
            found = await _found(connection, where, _order(asking), limit + 1)
        more = found[:limit]
        return Page(more, _place(more[-1].report, asking) if len(found) > limit else None)

    async def counts(self, who: Who) -> dict[str, int]:
        """How many open reports there are, are late, have no agency, are claimed by `who`, were given back."""
        now = self.now()
        told = {
            "all": sa.true(), "late": _late(now), "unassigned": _reports.c.agency.is_(None), "mine": _mine(who, now),
            "returned": _returned,
        }  # fmt: skip
        sums = [sa.func.coalesce(sa.func.sum(sa.case((one, 1), else_=0)), 0).label(name) for name, one in told.items()]
        async with self.db.reading() as connection:
            row = (await connection.execute(sa.select(*sums).where(_is_open, *within(who)))).mappings().one()
        return {name: int(row[name]) for name in told}

    async def one(self, report: str, who: Who) -> Found:
        """One report, hidden or not. Raises Unknown."""
        async with self.db.reading() as connection:
            found = await _found(connection, [_reports.c.id == report, *within(who)], [_reports.c.id], 1)
        if not found:
            raise Unknown
        return found[0]

    async def twins(self, report: Report, who: Who) -> list[twins.Twin]:
        """Reports that may be of the same thing, the likeliest first; a person decides."""
        category = self.rules.categories.get(report.category)
        if category is None:
            return []
        span = timedelta(days=category.near_days)
        where = [
            _reports.c.category == report.category, _reports.c.id != report.id, _reports.c.hidden.is_(None),
            _reports.c.filed.between(report.filed - span, report.filed + span), *within(who),
        ]  # fmt: skip
        if report.lat is not None and report.lon is not None:
            north = category.near_m / _METRES
            # at 60 degrees a degree of longitude is half as wide; no province lies beyond
            box = (
                _reports.c.lat.between(report.lat - north, report.lat + north),
                _reports.c.lon.between(report.lon - 2 * north, report.lon + 2 * north),
            )
            where.append(sa.or_(sa.and_(*box), sa.and_(_reports.c.lat.is_(None), _reports.c.address.is_not(None))))
        async with self.db.reading() as connection:
            query = sa.select(_reports).where(*where).order_by(_reports.c.filed.desc()).limit(NEAR)
            others = [report_of(row) for row in (await connection.execute(query)).mappings()]
        return twins.proposed(report, others, self.rules)

    async def family(self, report: Report, who: Who) -> tuple[Report | None, list[Report]]:
        """The report that this one is part of, or was split off; and those that are part of, or split off, this one."""
        query = sa.select(_reports).where(
            sa.or_(_reports.c.id == report.parent, _reports.c.parent == report.id), *within(who)
        )
        async with self.db.reading() as connection:
            rows = (await connection.execute(query.order_by(_reports.c.filed, _reports.c.id))).mappings()
            found = [report_of(row) for row in rows]
        parent = next((one for one in found if one.id == report.parent), None)
        return parent, [one for one in found if one.id != report.parent]

    def row(self, found: Found, called: Callable[[str], str], who: Who) -> dict[str, Any]:
        """A report as the queue shows it to `who`. `called`: names of communes by their code."""
        report, now = found.report, self.now()
        category, agency = self.rules.categories.get(report.category), self.rules.agencies.get(report.agency or "")
        left = clocks.left(self.rules, self.calendar, report, now)
        held = report.claim_by is not None and report.claim_until is not None and report.claim_until > now
        title = " ".join(report.words.split())
        return {
            "id": report.id, "number": report.number,
            "title": title if len(title) <= TITLE else title[: TITLE - 1].rstrip() + "…",
            "category": report.category,
            "category_title": _both(category.title if category else (report.category, report.category)),
            "unit": report.unit, "unit_name": called(report.unit) if report.unit else None,
            "state": report.state, "since": clock.rfc3339(report.since), "agency": report.agency,
            "agency_title": _both(agency.title) if agency else None,
            "step_due": _text(report.step_due), "due": _text(report.due),
            "left_s": round(left.total_seconds()) if left is not None else None,
            "late": clocks.late(report, now), "stands": clocks.stands(report.state), "level": self._level(report, now),
            "claim": _claim(report, who) if held else None,
            "filed": clock.rfc3339(report.filed), "updated": clock.rfc3339(report.updated), "channel": report.channel,
            "photos": found.photos, "supports": report.supports, "reopened": report.reopened,
            "returned": found.returned, "hidden": report.hidden, "satisfied": report.satisfied,
            "lon": report.lon, "lat": report.lat, "version": report.version,
        }  # fmt: skip

    def _level(self, report: Report, now: datetime) -> str | None:
        if clocks.late(report, now):
            return "bad"
        warned = clocks.warn_at(self.rules, self.calendar, report)
        return "warn" if warned is not None and warned <= now else None

    def _fitting(self, asking: Asking, who: Who) -> list[sa.ColumnElement[bool]]:
        now = self.now()
        where: list[sa.ColumnElement[bool]] = []
        if "all" not in asking.states:
            where.append(_reports.c.state.in_(asking.states) if asking.states else _is_open)
        if asking.agency is not None:
            where.append(_reports.c.agency == asking.agency)
        if asking.category is not None:
            where.append(_reports.c.category == asking.category)
        if asking.units:
            where.append(_reports.c.unit.in_(asking.units))
        if asking.since is not None:
            where.append(_reports.c.filed >= asking.since)
        if asking.until is not None:
            where.append(_reports.c.filed <= asking.until)
        flags = (
            (asking.late, _late(now)), (asking.mine, _mine(who, now)), (asking.returned, _returned),
            (asking.unassigned, sa.and_(_reports.c.agency.is_(None), _is_open)),
        )  # fmt: skip
        return where + [one for wanted, one in flags if wanted]

    async def _searched(
        self, connection: AsyncConnection, asking: Asking, where: Sequence[sa.ColumnElement[bool]]
    ) -> list[str]:
        """Ids of the reports in which `q` stands; at most as many as a page could show."""
        sought = twins.plain(asking.q.strip())
        numbered = sa.select(_reports.c.id).where(
            *where, _reports.c.number.icontains(asking.q.strip(), autoescape=True)
        )
        ids = list((await connection.execute(numbered.limit(MOST))).scalars())
        columns = (_reports.c.id, _reports.c.words, _reports.c.address)
        query = sa.select(*columns).where(*where).order_by(*_order(asking)).limit(SCANNED)
        for row in await connection.execute(query):
            if len(ids) > MOST:
                break
            if sought in twins.plain(f"{row.words} {row.address or ''}"):
                ids.append(row.id)
        return ids


def _text(moment: datetime | None) -> str | None:
    return clock.rfc3339(moment) if moment is not None else None


def _both(title: tuple[str, str]) -> dict[str, str]:
    return {"vi": title[0], "en": title[1]}


def _claim(report: Report, who: Who) -> dict[str, Any]:
    return {"by": report.claim_by, "until": _text(report.claim_until), "mine": report.claim_by == who.name}


def within(who: Who) -> list[sa.ColumnElement[bool]]:
    """What exists for this one."""
    return [_reports.c.agency == (who.agency or "")] if who.role == "agency" else []


def _late(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_is_open, _reports.c.state != "more_info", _reports.c.step_due < now)


def _mine(who: Who, now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_reports.c.claim_by == (who.name or ""), _reports.c.claim_until > now)


def _order(asking: Asking) -> list[sa.ColumnElement[Any]]:
    return [_reports.c.updated.desc() if asking.ended else _urgent.asc(), _reports.c.id]


def _key(report: Report, asking: Asking) -> datetime:
    if asking.ended:
        return report.updated
    return _FAR if report.state == "more_info" or report.step_due is None else report.step_due


def _place(report: Report, asking: Asking) -> str:
    return f"{_key(report, asking).astimezone(UTC):%Y%m%dT%H%M%S%f}~{report.id}"


def _beyond(asking: Asking) -> sa.ColumnElement[bool]:
    """What comes after the place in `after`. Raises Unfit."""
    when, _, name = (asking.after or "").partition("~")
    try:
        moment = datetime.strptime(when, "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        raise Unfit("after is no place in the queue; send what next said on the page before.") from None
    at = sa.literal(moment, Moment)
    column = _reports.c.updated if asking.ended else _urgent
    beyond = column < at if asking.ended else column > at
    return sa.or_(beyond, sa.and_(column == at, _reports.c.id > name))


async def _found(
    connection: AsyncConnection,
    where: Sequence[sa.ColumnElement[bool]],
    order: Sequence[sa.ColumnElement[Any]],
    limit: int,
) -> list[Found]:
    columns = (*_reports.c, _taken.label("photos_taken"), _returned.label("was_returned"))
    query = sa.select(*columns).where(*where).order_by(*order).limit(limit)
    found = []
    for row in (await connection.execute(query)).mappings():
        told = dict(row)
        photos, returned = int(told.pop("photos_taken")), bool(told.pop("was_returned"))
        found.append(Found(report_of(told), photos, returned))
    return found
