"""Filing: what many file at one moment is written in one transaction, and each hears of it once that is safe.

A commit costs the same for one report as for a hundred. While one is being written the next ones gather.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple, Protocol

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ioc import clock
from ioc.db import reports as tables
from ioc.db.reports import Photo, Report, Step, photo_of, report_of
from ioc.db.session import Database, insert
from ioc.report_rules import Reports
from ioc.reports import clocks, filing, people, public
from ioc.reports.changes import Who
from ioc.reports.filing import Filing
from ioc.workdays import Calendar

AT_ONCE = 200
"""Reports that are written in one transaction at most."""
GATHER_S = 0.02
"""Seconds that those wait who came while others were written: more come, and a transaction's steps are paid once."""
CITIZEN = Who("citizen")

_reports, _photos = tables.reports, tables.photos


class Finder(Protocol):
    """Tells the communes of places on a day (`ioc.geo.units.Units`)."""

    def find_many(self, places: Sequence[tuple[float, float]], on: date) -> list[str | None]: ...


class Filed(NamedTuple):
    """A report in the book. `follow`: the secret of its follow link. `fresh`: it was not there before."""

    report: Report
    follow: str
    fresh: bool
    photos: list[Photo]


class _Given(NamedTuple):
    """A filing that waits to be written, and who waits for it."""

    told: Filing
    who: Who
    done: asyncio.Future[Filed]


class Intake:
    """Takes reports into the book; one writes at a time."""

    def __init__(
        self,
        db: Database,
        rules: Reports,
        *,
        calendar: Calendar,
        units: Callable[[], Awaitable[Finder]] | None,
        vault: people.Vault | None,
        now: Callable[[], datetime],
    ) -> None:
        self._db, self._rules, self._calendar = db, rules, calendar
        self._units, self._vault, self._now = units, vault, now
        self._waiting: list[_Given] = []
        self._writing: asyncio.Task[None] | None = None

    async def file(self, given: Filing, who: Who) -> Filed:
        """See `Book.file`."""
        told = filing.checked(given, self._rules, self._now())
        waits = _Given(told, who, asyncio.get_running_loop().create_future())
        self._waiting.append(waits)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="filing")
        return await waits.done

    async def _write(self) -> None:
        """Write what waits until nothing does: who comes alone at once, the others of a rush together."""
        rush = False
        while self._waiting:
            if rush and len(self._waiting) < AT_ONCE:
                await asyncio.sleep(GATHER_S)
            batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            rush = True
            try:
                found: list[Filed] = await self._together(batch)
            except BaseException as error:
                for one in batch:
                    if not one.done.done():
                        one.done.set_exception(error)
                if not isinstance(error, Exception):
                    raise
                continue
            for one, filed in zip(batch, found, strict=True):
                if not one.done.done():
                    one.done.set_result(filed)

    async def _together(self, batch: Sequence[_Given]) -> list[Filed]:
        """One transaction for all of them: all or none."""
        at = trimmed(self._now())
        day = at.astimezone(clock.ZONE).date()
        communes = await self._communes(batch, day)
        async with self._db.writing(safe=True) as connection:
            # the day's counter is locked first: who sends the same client id in another process waits here
            last = await count(connection, day.isoformat(), len(batch)) - len(batch)
            known = await self._known(connection, batch)
            fresh: list[tuple[Filed, Who]] = []
            for one, unit in zip(batch, communes, strict=True):
                client = digest(one.told.client) if one.told.client is not None else None
                if client is None or client not in known:
                    filed = self._new(one.told, at, unit, last + len(fresh) + 1)
                    fresh.append((filed, one.who))
                    known[client or filed.report.id] = filed
            if len(fresh) < len(batch):
                # those that were known already take no number
                await count(connection, day.isoformat(), len(fresh) - len(batch))
            if fresh:
                await self._insert(connection, fresh, at)
        return _in_order(batch, known)

    async def _known(self, connection: AsyncConnection, batch: Sequence[_Given]) -> dict[str, Filed]:
        """Reports that are there of the batch's client ids, by digest."""
        clients = {digest(one.told.client): one.told.client for one in batch if one.told.client is not None}
        if not clients:
            return {}
        query = sa.select(_reports).where(_reports.c.client.in_(list(clients)))
        found = [report_of(row) for row in (await connection.execute(query)).mappings()]
        return {
            str(report.client): Filed(
                report,
                follow_of(report.id, clients[str(report.client)]),
                False,
                await photos_of(connection, report.id),
            )
            for report in found
        }

    async def _communes(self, batch: Sequence[_Given], day: date) -> list[str | None]:
        told = [one.told for one in batch]
        placed = [(n, (one.lon, one.lat)) for n, one in enumerate(told) if one.lon is not None and one.lat is not None]
        communes = [one.unit for one in told]
        if self._units is None or not placed:
            return communes
        units = await self._units()
        places = [(float(lon), float(lat)) for _, (lon, lat) in placed if lon is not None and lat is not None]
        for (n, _), unit in zip(placed, await asyncio.to_thread(units.find_many, places, day), strict=True):
            communes[n] = unit or communes[n]
        return communes

    def _new(self, told: Filing, at: datetime, unit: str | None, nth: int) -> Filed:
        name = secrets.token_urlsafe(16)
        follow = follow_of(name, told.client) if told.client is not None else secrets.token_hex(32)
        due, step_due = clocks.first(self._rules, self._calendar, told.category, at)
        person = people.Person(told.name, told.phone, told.email)
        report = Report(
            id=name, number=number(self._rules.prefix, at, nth),
            client=digest(told.client) if told.client is not None else None, channel=told.channel,
            jurisdiction=told.jurisdiction or self._rules.jurisdiction,
            category=told.category, words=told.words, lon=told.lon,
            lat=told.lat, accuracy=told.accuracy, address=told.address, unit=unit, state="new", since=at, version=1,
            filed=at, made=told.made, updated=at, due=due, step_due=step_due,
            person=self._vault.seal(name, person) if self._vault is not None else None, follow=digest(follow),
            device=digest(told.device) if told.device is not None else None, lang=told.lang,
            attributes=told.attributes | told.beside,
        )  # fmt: skip
        photos = [
            Photo(report=name, hash=one.hash, position=n, kind=one.kind, state="planned", bytes=one.bytes, at=at)
            for n, one in enumerate(told.photos)
        ]
        return Filed(report, follow, True, photos)

    async def _insert(self, connection: AsyncConnection, fresh: Sequence[tuple[Filed, Who]], at: datetime) -> None:
        """The rows of new reports; the outbox last, for its counter is locked until the commit."""
        await connection.execute(sa.insert(_reports), [msgspec.structs.asdict(filed.report) for filed, _ in fresh])
        if photos := [msgspec.structs.asdict(photo) for filed, _ in fresh for photo in filed.photos]:
            await connection.execute(sa.insert(_photos), photos)
        steps = [
            Step(
                report=filed.report.id, version=1, step="file", to_state="new", at=at, who=who.role, name=who.name,
                agency=who.agency, data={"channel": filed.report.channel},
            )
            for filed, who in fresh
        ]  # fmt: skip
        rows = [msgspec.structs.asdict(step) for step in steps]
        for row in rows:
            del row["seq"]
        await connection.execute(sa.insert(tables.steps), rows)
        last = await count(connection, tables.OUTBOX, len(fresh))
        told = [
            {"seq": last - len(fresh) + n, "at": at, "body": told_of(filed.report, self._rules, step, 0)}
            for n, ((filed, _), step) in enumerate(zip(fresh, steps, strict=True), start=1)
        ]
        await connection.execute(sa.insert(tables.outbox), told)


def _in_order(batch: Sequence[_Given], known: dict[str, Filed]) -> list[Filed]:
    """What each one of the batch is told: the first of a client id that its report is fresh, the others not."""
    told: list[Filed] = []
    seen: set[str] = set()
    without = iter([filed for name, filed in known.items() if name == filed.report.id])
    for one in batch:
        filed = known[digest(one.told.client)] if one.told.client is not None else next(without)
        told.append(filed._replace(fresh=filed.fresh and filed.report.id not in seen))
        seen.add(filed.report.id)
    return told


def told_of(report: Report, rules: Reports, step: Step, photos: int) -> str:
    """The body of an outbox row."""
    return msgspec.json.encode(public.told(report, rules, step, photos)).decode()


def digest(secret: str) -> str:
    """What the tables keep of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def follow_of(report: str, client: str) -> str:
    """The follow secret of a report: told again to who knows the client id, and worked out of nothing that we keep."""
    return hmac.new(client.encode(), f"follow:{report}".encode(), "sha256").hexdigest()


async def count(connection: AsyncConnection, day: str, by: int = 1) -> int:
    """The last number of a counter, moved on by `by`; its row stays locked until the commit."""
    one = insert(connection, tables.counters).values(day=day, n=by)
    more = one.on_conflict_do_update(index_elements=["day"], set_={"n": tables.counters.c.n + by})
    return int((await connection.execute(more.returning(tables.counters.c.n))).scalar_one())


async def photos_of(connection: AsyncConnection, report: str) -> list[Photo]:
    """The photos of a report in their order."""
    query = sa.select(_photos).where(_photos.c.report == report).order_by(_photos.c.position, _photos.c.at)
    return [photo_of(row) for row in (await connection.execute(query)).mappings()]


def number(prefix: str, at: datetime, nth: int) -> str:
    """A report's number for people: prefix, year, month and day, and which one of the day it is."""
    return f"{prefix}-{at.astimezone(clock.ZONE):%Y-%m%d}-{nth:04d}"


def trimmed(moment: datetime) -> datetime:
    """In UTC, to the millisecond, as times stand on the wire."""
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)
