"""Records that stand set aside: each distinct one once, with how often it came; bounded for every source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ioc import names
from ioc.db.session import Database, insert
from ioc.db.tables import AsideRow, CountedRow, table_of
from ioc.event import Event, digest
from ioc.mask import mask, mask_text

KEEP = 1000
"""Distinct records of a source that have a row of their own; older ones are summed up in one row."""
OLDER = "older"
"""Digest of the row that sums up."""
_REMEMBER = 50_000
_PAGE = 500
_Key = tuple[str, str]
"""A source, and the digest of one of its records."""

_table = table_of(AsideRow)
_counted = table_of(CountedRow)


async def keep(connection: AsyncConnection, events: Sequence[Event]) -> int:
    """Count the records that these events set aside (type names.REFUSED), and drop those that stand aside no more
    (names.MENDED); events that were counted before change nothing. Returns how many were new.
    """
    fresh = await _uncounted(connection, events)
    if not fresh:
        return 0
    rows: dict[_Key, dict[str, Any]] = {}
    ended: dict[_Key, bool] = {}
    for event in fresh:
        if event.type == names.MENDED:
            key = event.source, event.subject
            # one that came in this very batch never had a row
            ended.setdefault(key, key not in rows)
            rows.pop(key, None)
            continue
        row = _row(event)
        key = row["source"], row["digest"]
        known = rows.get(key)
        rows[key] = row if known is None else _joined(known, row)
    await _end(connection, ended)
    if rows:
        statement = insert(connection, _table)
        given = statement.excluded
        later = sa.case((given.last > _table.c.last, given.last), else_=_table.c.last)
        renewed: dict[str, Any] = {name: given[name] for name in ("reason", "say", "subject", "raw")}
        renewed |= {"last": later, "count": _table.c["count"] + given["count"]}
        upsert = statement.on_conflict_do_update(index_elements=["source", "digest"], set_=renewed)
        await connection.execute(upsert, list(rows.values()))
    for source in {event.source for event in fresh}:
        await _bound(connection, source)
    return sum(event.type == names.REFUSED for event in fresh)


async def _end(connection: AsyncConnection, ended: Mapping[_Key, bool]) -> None:
    """Drop the rows of records that stand aside no more; what has no row of its own is summed up, and counted less."""
    for source in {source for source, _ in ended}:
        digests = [digest for of, digest in ended if of == source]
        dropped = 0
        for start in range(0, len(digests), _PAGE):
            those = (_table.c.source == source, _table.c.digest.in_(digests[start : start + _PAGE]))
            dropped += (await connection.execute(sa.delete(_table).where(*those))).rowcount
        summed = sum(had for (of, _), had in ended.items() if of == source) - dropped
        if summed > 0:
            older = (_table.c.source == source, _table.c.digest == OLDER)
            less = sa.update(_table).where(*older).values({"count": _table.c["count"] - summed})
            await connection.execute(less)
            await connection.execute(sa.delete(_table).where(*older, _table.c["count"] <= 0))


async def reasons(db: Database, source: str) -> dict[str, int]:
    """How many records of `source` stand set aside, by reason; those that are only summed up under OLDER."""
    number = sa.case((_table.c.digest == OLDER, _table.c["count"]), else_=1)
    query = sa.select(_table.c.reason, sa.func.sum(number)).where(_table.c.source == source)
    async with db.reading() as connection:
        rows = (await connection.execute(query.group_by(_table.c.reason).order_by(_table.c.reason))).all()
    return {str(reason): int(many) for reason, many in rows}


async def asides(db: Database, source: str, limit: int = 100) -> list[AsideRow]:
    """What was set aside of `source`, newest first; the row that sums up older ones comes last."""
    last = sa.case((_table.c.digest == OLDER, 1), else_=0)
    query = sa.select(_table).where(_table.c.source == source)
    query = query.order_by(last, _table.c.last.desc(), _table.c.seq.desc()).limit(limit)
    async with db.reading() as connection:
        return [AsideRow(**row) for row in (await connection.execute(query)).mappings()]


async def forget(db: Database, source: str, digests: Sequence[str]) -> None:
    """Drop rows whose records were taken after all."""
    async with db.writing() as connection:
        for start in range(0, len(digests), _PAGE):
            those = (_table.c.source == source, _table.c.digest.in_(digests[start : start + _PAGE]))
            await connection.execute(sa.delete(_table).where(*those))


async def _uncounted(connection: AsyncConnection, events: Sequence[Event]) -> list[Event]:
    named = {event.id: event for event in events}
    ids = list(named)
    for start in range(0, len(ids), _PAGE):
        query = sa.select(_counted.c.id).where(_counted.c.id.in_(ids[start : start + _PAGE]))
        for (known,) in await connection.execute(query):
            named.pop(known, None)
    if named:
        statement = insert(connection, _counted).on_conflict_do_nothing(index_elements=["id"])
        await connection.execute(statement, [{"id": name} for name in named])
        newest = sa.select(sa.func.max(_counted.c.seq) - _REMEMBER).scalar_subquery()
        await connection.execute(sa.delete(_counted).where(_counted.c.seq <= newest))
    return list(named.values())


def _row(event: Event) -> dict[str, Any]:
    told: dict[str, Any] = event.data.properties if event.data is not None else {}
    raw = told.get("raw")
    reason = str(told.get("reason") or "unknown")
    # the event's own subject is the record's digest; which record it was stands beside it
    subject = told.get("record", event.subject)
    return {
        "source": event.source,
        "digest": str(told.get("digest") or digest(reason, raw)),
        "reason": mask_text(reason),
        "say": mask_text(str(told.get("say") or "This record could not be read.")),
        "subject": mask_text(str(subject)) if subject else None,
        "raw": mask(raw),
        "first": event.received,
        "last": event.received,
        "count": 1,
    }


def _joined(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return new | {
        "first": min(old["first"], new["first"]),
        "last": max(old["last"], new["last"]),
        "count": old["count"] + new["count"],
    }


async def _bound(connection: AsyncConnection, source: str) -> None:
    """Sum up what is beyond the newest `KEEP` rows of `source`."""
    mine = _table.c.source == source
    over = sa.select(_table.c.seq).where(mine, _table.c.digest != OLDER)
    over = over.order_by(_table.c.last.desc(), _table.c.seq.desc()).offset(KEEP)
    if connection.dialect.name == "sqlite":
        over = over.limit(-1)
    gone: Iterable[Any] = (await connection.execute(over)).scalars().all()
    picked = list(gone)
    for start in range(0, len(picked), _PAGE):
        await _sum_up(connection, source, picked[start : start + _PAGE])


async def _sum_up(connection: AsyncConnection, source: str, seqs: list[int]) -> None:
    those = _table.c.seq.in_(seqs)
    sums = (sa.func.min(_table.c.first), sa.func.max(_table.c.last), sa.func.sum(_table.c["count"]))
    first, last, count = (await connection.execute(sa.select(*sums).where(those))).one()
    await connection.execute(sa.delete(_table).where(those))
    say = f"Older records that were set aside are only counted; the newest {KEEP} are kept."
    row: dict[str, Any] = {"source": source, "digest": OLDER, "reason": OLDER, "say": say, "raw": ""}
    row |= {"first": first, "last": last, "count": int(count)}
    statement = insert(connection, _table)
    given = statement.excluded
    earlier = sa.case((given.first < _table.c.first, given.first), else_=_table.c.first)
    later = sa.case((given.last > _table.c.last, given.last), else_=_table.c.last)
    joined = {"first": earlier, "last": later, "count": _table.c["count"] + given["count"]}
    await connection.execute(statement.on_conflict_do_update(index_elements=["source", "digest"], set_=joined), [row])
