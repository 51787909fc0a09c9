"""The reminder ledger in SQL: made, claimed, sent, tried again, dropped after years.

A reminder is claimed before it goes, in a commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from ioc.db.session import Database, insert
from ioc.db.tables import ReminderRow, WatchedRow, table_of
from ioc.mailing import Made

_table = table_of(ReminderRow)
_since = table_of(WatchedRow)
_made = [_table.c[name] for name in Made.__struct_fields__]
_ALL = [column for column in _table.c if column.name != "text"]

CUT_OFF = "The process ended while it was on its way; look whether it arrived, and send it again if not."


async def since(db: Database, sources: Iterable[str], now: datetime) -> dict[str, datetime]:
    """Since when each of these sources is watched; those that are new, from `now` on."""
    rows = [{"source": name, "since": now} for name in sources]
    async with db.writing() as connection:
        if rows:
            await connection.execute(insert(connection, _since).on_conflict_do_nothing(), rows)
        found = await connection.execute(sa.select(_since.c.source, _since.c.since))
        return {row.source: row.since for row in found}


async def made(db: Database, after: datetime) -> list[Made]:
    """The reminders made after a moment, the oldest first."""
    query = sa.select(*_made).where(_table.c.created > after).order_by(_table.c.created, _table.c.id)
    async with db.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [msgspec.convert({**row, "missing": tuple(row["missing"])}, Made) for row in rows]


async def make(db: Database, rows: Sequence[ReminderRow]) -> None:
    """Keep new reminders; one that is there already (same duty, step and way) stays as it is."""
    if not rows:
        return
    values = [{column.name: getattr(row, column.name) for column in _table.c} for row in rows]
    async with db.writing() as connection:
        await connection.execute(insert(connection, _table).on_conflict_do_nothing(), values)


async def claim(db: Database, name: str, now: datetime) -> ReminderRow | None:
    """Take a waiting reminder: it is "sending" when this returns, whatever becomes of us. None: another took it."""
    mine = sa.and_(_table.c.id == name, _table.c.state == "waiting")
    async with db.writing() as connection:
        taken = sa.update(_table).where(mine).values(state="sending", attempts=_table.c.attempts + 1, next=now)
        if (await connection.execute(taken)).rowcount == 0:
            return None
        row = (await connection.execute(sa.select(_table).where(_table.c.id == name))).mappings().one()
        return ReminderRow(**row)


async def settle(db: Database, name: str, state: str, **told: Any) -> None:
    """What became of a reminder that was on its way: its new state, with receipt, error, sent or next."""
    # one that a later process took for cut off may still arrive: then its receipt is worth more than the doubt
    on_its_way = _table.c.state.in_(("sending", "unknown"))
    async with db.writing() as connection:
        changed = sa.update(_table).where(_table.c.id == name, on_its_way).values(state=state, **told)
        await connection.execute(changed)


async def cut_off(db: Database) -> int:
    """Those that were on their way when their process died are unknown from now on; returns how many."""
    async with db.writing() as connection:
        lost = sa.update(_table).where(_table.c.state == "sending").values(state="unknown", error=CUT_OFF)
        return (await connection.execute(lost)).rowcount


async def withdraw(db: Database, names: Sequence[str]) -> None:
    """What waits and is no longer owed is not sent."""
    if names:
        mine = sa.and_(_table.c.id.in_(names), _table.c.state == "waiting")
        async with db.writing() as connection:
            await connection.execute(sa.update(_table).where(mine).values(state="withdrawn", next=None))


async def again(db: Database, name: str, now: datetime) -> bool:
    """Send one again that failed, or of which nobody knows; False: there is none of that name in such a state."""
    mine = sa.and_(_table.c.id == name, _table.c.state.in_(("failed", "unknown")))
    async with db.writing() as connection:
        changed = sa.update(_table).where(mine).values(state="waiting", attempts=0, next=now, error=None)
        return (await connection.execute(changed)).rowcount > 0


async def excuse(db: Database, names: Sequence[str], moment: datetime | None) -> None:
    """These reminders count no longer since a moment; None: they count again."""
    if names:
        async with db.writing() as connection:
            await connection.execute(sa.update(_table).where(_table.c.id.in_(names)).values(excused=moment))


async def end(db: Database, duties: Sequence[str], now: datetime) -> None:
    """These outages are over."""
    if duties:
        mine = sa.and_(_table.c.duty.in_(duties), _table.c.ended.is_(None))
        async with db.writing() as connection:
            await connection.execute(sa.update(_table).where(mine).values(ended=now))


async def listed(
    db: Database, *, agency: str | None = None, after: datetime | None = None, limit: int = 200
) -> list[Mapping[str, Any]]:
    """The ledger of reminders, newest first: every column but the text."""
    query = sa.select(*_ALL).order_by(_table.c.created.desc(), _table.c.id).limit(limit)
    if agency is not None:
        query = query.where(_table.c.agency == agency)
    if after is not None:
        query = query.where(_table.c.created >= after)
    async with db.reading() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def purge(db: Database, before: datetime) -> int:
    """Drop reminders made before a moment, but for those that are still to go out; returns how many."""
    old = sa.and_(_table.c.created < before, _table.c.state.not_in(("waiting", "sending")))
    async with db.writing() as connection:
        return (await connection.execute(sa.delete(_table).where(old))).rowcount
