"""The book of reports: each change is one transaction that also writes what the log is to be told.

Whoever calls says who they are (`Who`); what they may do is asked of the life of a report, in the same transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ioc import clock
from ioc.db import reports as tables
from ioc.db.reports import Photo, Report, Step, photo_of, report_of, step_of
from ioc.db.session import Database, insert
from ioc.errors import IocError
from ioc.report_rules import Reports
from ioc.reports import changes, clocks, filing, life, people
from ioc.reports.changes import Asked, NotAllowed, Quicker, Unknown, Who
from ioc.reports.filing import Filing, Unfit
from ioc.reports.intake import CITIZEN, Filed, Finder, Intake, count, digest, number, photos_of, told_of, trimmed
from ioc.workdays import Calendar

__all__ = [
    "CITIZEN", "Asked", "Book", "Claimed", "Filed", "Filing", "Finder", "NotAllowed", "Quicker", "Unfit", "Unknown",
    "Who", "digest",
]  # fmt: skip

CLAIM = timedelta(minutes=2)
"""How long a claim holds without being renewed."""
PURGED = "Đã xoá khi hết hạn lưu giữ."
_TICK = timedelta(milliseconds=1)

_reports, _steps, _photos = tables.reports, tables.steps, tables.photos


class Claimed(IocError):
    """Somebody else works on this report. `by`: their name; `until`: when their claim ends."""

    def __init__(self, by: str, until: datetime) -> None:
        super().__init__(f"{by} works on this report; ask them, or wait until their claim ends.")
        self.by, self.until = by, until


class Book:
    """The reports of one centre. `units` is asked when a place wants its commune; `vault` None: no person is kept."""

    def __init__(
        self,
        db: Database,
        rules: Reports,
        *,
        calendar: Calendar | None = None,
        units: Callable[[], Awaitable[Finder]] | None = None,
        vault: people.Vault | None = None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self.db, self.rules, self.vault = db, rules, vault
        self.calendar = calendar or Calendar()
        self._now = now
        self._intake = Intake(db, rules, calendar=self.calendar, units=units, vault=vault, now=now)

    # --- reading ---------------------------------------------------------------------------------------------

    async def get(self, report: str) -> Report | None:
        """The report of that id, hidden or not; None: there is none."""
        return await self._one(_reports.c.id == report)

    async def by_number(self, number: str) -> Report | None:
        return await self._one(_reports.c.number == number)

    async def followed(self, secret: str) -> Report | None:
        """The report that this follow secret belongs to."""
        return await self._one(_reports.c.follow == digest(secret))

    def may(self, report: Report) -> list[str]:
        """What its citizen may do with a report now."""
        found = life.may(report.state, "citizen", report.before_info)
        ended = report.ended is not None and self._now() - report.ended > timedelta(days=self.rules.reopen_days)
        if ended and "reopen" in found:
            found.remove("reopen")
        return found + ["satisfied"] * (report.state in changes.RATED and report.satisfied is None)

    async def steps(self, report: str) -> list[Step]:
        """The steps that were taken, the oldest first."""
        query = sa.select(_steps).where(_steps.c.report == report).order_by(_steps.c.version)
        async with self.db.reading() as connection:
            return [step_of(row) for row in (await connection.execute(query)).mappings()]

    async def photos(self, report: str) -> list[Photo]:
        """The photos of a report, planned, taken and refused, in their order."""
        async with self.db.reading() as connection:
            return await photos_of(connection, report)

    async def _one(self, where: sa.ColumnElement[bool]) -> Report | None:
        async with self.db.reading() as connection:
            row = (await connection.execute(sa.select(_reports).where(where))).mappings().first()
        return None if row is None else report_of(row)

    # --- filing ----------------------------------------------------------------------------------------------

    async def file(self, given: Filing, who: Who = CITIZEN) -> Filed:
        """Take a report: it is safe when this returns. The same client id again is the same report.

        Raises Unfit that names everything wrong.
        """
        return await self._intake.file(given, who)

    # --- steps -----------------------------------------------------------------------------------------------

    async def step(self, report: str, asked: Asked, who: Who) -> Report:
        """Take one step; returns the report after it.

        Raises Unknown (no such report for this one), Quicker (`asked.version` is old), NotAllowed (not this role),
        Unfit (not in this state, or something is missing).
        """
        async with self.db.writing(safe=True) as connection:
            found = await self._locked(connection, report, asked.of)
            before = changes.seen_by(found.get(report), who)
            if asked.version is not None and asked.version != before.version:
                raise await _quicker(connection, before)
            at = _later(before, self._now())
            to = changes.permitted(before, asked, who, self.rules, at)
            after, step = changes.changed(before, asked, who, to, at)
            due, step_due = clocks.after(self.rules, self.calendar, before, asked.step, to, at, category=after.category)
            after = msgspec.structs.replace(after, due=due, step_due=step_due)
            if asked.step in ("duplicate", "merge"):
                await self._join(connection, changes.target(found.get(asked.of or ""), before), before, who, at)
            elif asked.step == "split":
                child = await self._split(connection, before, asked, who, at)
                step = msgspec.structs.replace(step, data={**step.data, "new": child.id, "number": child.number})
            await self._write(connection, after, step)
        return after

    async def _locked(self, connection: AsyncConnection, *names: str | None) -> dict[str, Report]:
        """The reports of these ids, locked in the order of their ids, so that two steps never wait for each other."""
        ids = sorted({name for name in names if name is not None})
        query = sa.select(_reports).where(_reports.c.id.in_(ids)).order_by(_reports.c.id).with_for_update()
        return {row["id"]: report_of(row) for row in (await connection.execute(query)).mappings()}

    async def _join(self, connection: AsyncConnection, into: Report, gone: Report, who: Who, at: datetime) -> None:
        """Note at `into` that another report is part of it now; who supported that one supports this."""
        at = _later(into, at)
        after = msgspec.structs.replace(
            into, version=into.version + 1, updated=at, supports=into.supports + gone.supports + 1
        )
        step = Step(
            report=into.id, version=after.version, step="joined", from_state=into.state, to_state=into.state, at=at,
            who=who.role, name=who.name, data={"of": gone.id, "number": gone.number},
        )  # fmt: skip
        await self._write(connection, after, step)

    async def _split(self, connection: AsyncConnection, before: Report, asked: Asked, who: Who, at: datetime) -> Report:
        """A new report out of a part of this one: same place, other words."""
        nth = await count(connection, at.astimezone(clock.ZONE).date().isoformat())
        category = asked.category or before.category
        name, (due, step_due) = secrets.token_urlsafe(16), clocks.first(self.rules, self.calendar, category, at)
        child = msgspec.structs.replace(
            before, id=name, number=number(self.rules.prefix, at, nth), client=None, category=category,
            words=filing.clean(asked.words), state="new", since=at, before_info=None, agency=None, version=1, filed=at,
            updated=at, due=due, step_due=step_due, ended=None, person=None, follow=digest(secrets.token_hex(32)),
            parent=before.id, attributes={}, claim_by=None, claim_until=None, satisfied=None, supports=0, reopened=0,
            warned=None,
        )  # fmt: skip
        await connection.execute(sa.insert(_reports).values(**msgspec.structs.asdict(child)))
        first = Step(
            report=name, version=1, step="file", to_state="new", at=at, who=who.role, name=who.name, agency=who.agency,
            data={"split": before.number},
        )  # fmt: skip
        await self._put(connection, child, first)
        return child

    async def satisfied(self, report: str, score: int, words: str | None = None) -> Report:
        """The citizen says how content they are, 1 to 5; the words are for the desk. Raises Unknown, Unfit."""
        return await self.step(report, Asked("satisfied", why=words, data={"score": score}), CITIZEN)

    async def _write(self, connection: AsyncConnection, after: Report, step: Step) -> None:
        values = {name: value for name, value in msgspec.structs.asdict(after).items() if name != "id"}
        await connection.execute(sa.update(_reports).where(_reports.c.id == after.id).values(**values))
        await self._put(connection, after, step)

    async def _put(self, connection: AsyncConnection, report: Report, step: Step | None) -> None:
        """The step, and the outbox row, as the last thing before the commit: its counter is locked until then."""
        if step is not None:
            values = {name: value for name, value in msgspec.structs.asdict(step).items() if name != "seq"}
            await connection.execute(sa.insert(_steps).values(**values))
        else:
            newest = sa.select(_steps).where(_steps.c.report == report.id).order_by(_steps.c.version.desc()).limit(1)
            step = step_of((await connection.execute(newest)).mappings().one())
        taken = sa.select(sa.func.count()).where(_photos.c.report == report.id, _photos.c.state == "taken")
        many = (await connection.execute(taken)).scalar_one() if step.step != "file" else 0
        body = told_of(report, self.rules, step, many)
        seq = await count(connection, tables.OUTBOX)
        await connection.execute(sa.insert(tables.outbox).values(seq=seq, at=report.updated, body=body))

    # --- what is no step -------------------------------------------------------------------------------------

    async def support(self, report: str, client: str) -> int:
        """Somebody sees the same: counted once a client. Returns how many. Raises Unknown."""
        async with self.db.writing(safe=True) as connection:
            found = changes.seen_by((await self._locked(connection, report)).get(report), CITIZEN)
            if found.hidden is not None:
                raise Unknown()
            at = _later(found, self._now())
            row = {"report": report, "client": digest(client), "at": at}
            once = insert(connection, tables.supports).values(**row).on_conflict_do_nothing()
            if (await connection.execute(once.returning(tables.supports.c.client))).first() is None:
                return found.supports
            after = msgspec.structs.replace(found, supports=found.supports + 1, updated=at)
            await self._touch(connection, after)
        return after.supports

    async def _touch(self, connection: AsyncConnection, after: Report) -> None:
        """A change that is no step: the version stays."""
        values = {"supports": after.supports, "updated": after.updated}
        await connection.execute(sa.update(_reports).where(_reports.c.id == after.id).values(**values))
        await self._put(connection, after, None)

    async def plan(self, photo: Photo) -> None:
        """Note a photo that follows (the desk's, after the work); one that is known already stays as it is."""
        async with self.db.writing() as connection:
            row = msgspec.structs.asdict(photo)
            await connection.execute(insert(connection, _photos).on_conflict_do_nothing(), row)

    async def photo(self, report: str, hash_: str, *, stored: str | None = None, why: str | None = None) -> Photo:
        """What became of a planned photo: `stored` of what is kept of it, or `why` it was refused. Raises Unknown."""
        async with self.db.writing(safe=True) as connection:
            found = (await self._locked(connection, report)).get(report)
            mine = sa.and_(_photos.c.report == report, _photos.c.hash == hash_)
            if found is None or (await connection.execute(sa.select(_photos.c.hash).where(mine))).first() is None:
                raise Unknown()
            state = "taken" if stored is not None else "refused"
            done = sa.update(_photos).where(mine).values(state=state, stored=stored, why=why)
            await connection.execute(done)
            if stored is not None:
                at = _later(found, self._now())
                await self._touch(connection, msgspec.structs.replace(found, updated=at))
            row = (await connection.execute(sa.select(_photos).where(mine))).mappings().one()
        return photo_of(row)

    async def forget(self, photo: Photo) -> bool:
        """Note that a photo was purged; False: it is noted already."""
        mine = sa.and_(_photos.c.report == photo.report, _photos.c.hash == photo.hash, _photos.c.state == "taken")
        async with self.db.writing() as connection:
            done = sa.update(_photos).where(mine).values(state="purged", stored=None, why=PURGED)
            return (await connection.execute(done)).rowcount > 0

    async def claim(self, report: str, name: str) -> datetime:
        """Work on a report, or go on doing so; returns until when. Raises Claimed, Unknown."""
        now = trimmed(self._now())
        free = sa.or_(_reports.c.claim_by.is_(None), _reports.c.claim_by == name, _reports.c.claim_until < now)
        async with self.db.writing() as connection:
            taken = sa.update(_reports).where(_reports.c.id == report, free)
            if (await connection.execute(taken.values(claim_by=name, claim_until=now + CLAIM))).rowcount:
                return now + CLAIM
            columns = (_reports.c.claim_by, _reports.c.claim_until)
            row = (await connection.execute(sa.select(*columns).where(_reports.c.id == report))).first()
        if row is None:
            raise Unknown()
        raise Claimed(str(row.claim_by), row.claim_until)

    async def release(self, report: str, name: str) -> None:
        """Give up a claim of one's own; another's stays."""
        mine = sa.and_(_reports.c.id == report, _reports.c.claim_by == name)
        async with self.db.writing() as connection:
            await connection.execute(sa.update(_reports).where(mine).values(claim_by=None, claim_until=None))

    async def looked(self, report: str | None, name: str, what: str) -> None:
        """Note that somebody looked at what is not for all: a person, an export."""
        row = {"report": report, "name": name, "at": trimmed(self._now()), "what": what}
        async with self.db.writing() as connection:
            await connection.execute(sa.insert(tables.looks).values(**row))


async def _quicker(connection: AsyncConnection, before: Report) -> Quicker:
    newest = sa.select(_steps).where(_steps.c.report == before.id).order_by(_steps.c.version.desc()).limit(1)
    last = step_of((await connection.execute(newest)).mappings().one())
    return Quicker(last.name or last.who, last.step, before.version)


def _later(report: Report, now: datetime) -> datetime:
    """A moment after the report's last change: the later one wins in the fold."""
    return max(trimmed(now), report.updated + _TICK)
