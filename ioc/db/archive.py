"""The archive: every event, in the order of arrival; corrections beside what they correct; what was set aside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ioc import clock, names
from ioc.db.asides import asides, keep
from ioc.db.figures import Noted, figure_at, figures, note_figures
from ioc.db.session import Database, insert
from ioc.db.tables import EventRow, FigureRow, table_of
from ioc.event import ASKED_AGAIN, REVISED, Event, Feature
from ioc.log import Entry
from ioc.mask import mask

__all__ = [
    "ASKED_AGAIN", "REVISED", "Correction", "Noted", "Stored", "asides", "corrections", "count", "figure_at", "figures",
    "latest", "note_figures", "purge", "since", "store",
]  # fmt: skip

ASIDE = (names.REFUSED, names.MENDED)
_PAGE = 500
_STREAM = 2000
_DELETE = 5000
_table = table_of(EventRow)
_figures = table_of(FigureRow)
_feature = msgspec.json.Decoder(Feature)
_columns = [_table.c[name] for name in ("id", "source", "type", "subject", "time", "received", "data")]
_columns += [_table.c[name] for name in ("unit", "method", "cause")]

_Key = tuple[str, str]


class Stored(NamedTuple):
    """What became of a batch: `new` rows, `repeated` ids, the `same` as archived when asked again, set `aside`."""

    new: int
    repeated: int
    same: int
    aside: int


class Correction(NamedTuple):
    """An event that replaced the value `old` (None: the subject was gone) of event `corrects`."""

    event: Event
    corrects: str
    old: Feature | None


class _Past(NamedTuple):
    """The newest event of a subject: its id and its data as JSON."""

    id: str
    data: str | None


async def store(db: Database, entries: Sequence[Entry]) -> Stored:
    """Archive a batch in one transaction: all or none; a repeated batch changes nothing.

    An event that revises or ends a subject gets `corrects` and `old` of the newest earlier event of the same
    source and subject, in the archive or in this batch. One that was asked again and says what the archive's
    newest says is left out. Events of the types in ASIDE are counted in `asides` instead.
    """
    events = {entry.event.id: entry.event for entry in entries}
    refused = [event for event in events.values() if event.type in ASIDE]
    given = [_masked(event) for event in events.values() if event.type not in ASIDE]
    async with db.writing() as connection:
        fresh = await _fresh(connection, given)
        past = await _past(connection, {_key(event) for event in fresh if _looks_back(event)})
        rows = _rows(fresh, past)
        if rows:
            statement = insert(connection, _table).on_conflict_do_nothing(index_elements=["id"])
            await connection.execute(statement, rows)
        aside = await keep(connection, refused)
    return Stored(len(rows), len(given) - len(fresh), len(fresh) - len(rows), aside)


def _masked(event: Event) -> Event:
    """A new column's first value may be anything, and of anybody."""
    if event.type != names.APPEARED or event.data is None:
        return event
    told = {**event.data.properties, "raw": mask(event.data.properties.get("raw"))}
    return msgspec.structs.replace(event, data=Feature(told))


async def latest(
    db: Database, types: Iterable[str], *, at: datetime | None = None, known: datetime | None = None
) -> AsyncIterator[Event]:
    """Events of these types in the order of arrival: those with `time` up to `at` and `received` up to `known`.

    Reads page by page, so memory stays bounded and no transaction stays open; it ends with the newest event that
    was there at the beginning.
    """
    wanted: list[sa.ColumnElement[bool]] = [_table.c.type.in_(list(types))]
    if at is not None:
        wanted.append(_table.c.time <= at)
    if known is not None:
        wanted.append(_table.c.received <= known)
    async for _, event in _read(db, wanted, 0):
        yield event


async def since(db: Database, types: Iterable[str], *, after: int, time: datetime) -> AsyncIterator[tuple[int, Event]]:
    """Events of these types that came after the row `after`, with a source time of `time` or later: each with its row.

    Read as `latest` reads: in the order of arrival, page by page.
    """
    async for row in _read(db, [_table.c.type.in_(list(types)), _table.c.time >= time], after):
        yield row


async def _read(db: Database, wanted: Sequence[sa.ColumnElement[bool]], after: int) -> AsyncIterator[tuple[int, Event]]:
    async with db.reading() as connection:
        top = (await connection.execute(sa.select(sa.func.max(_table.c.seq)))).scalar_one() or 0
    while after < top:
        place = (_table.c.seq > after, _table.c.seq <= top)
        query = sa.select(_table.c.seq, *_columns).where(*place, *wanted).order_by(_table.c.seq).limit(_STREAM)
        async with db.reading() as connection:
            rows = (await connection.execute(query)).all()
        for row in rows:
            yield row[0], _event(row[1:])
        after = rows[-1][0] if len(rows) == _STREAM else top


async def count(db: Database, source: str) -> int:
    """How many events of `source` are archived."""
    query = sa.select(sa.func.count()).select_from(_table).where(_table.c.source == source)
    async with db.reading() as connection:
        return int((await connection.execute(query)).scalar_one())


async def corrections(db: Database, source: str, subject: str | None = None, limit: int = 1000) -> list[Correction]:
    """The newest corrections of `source` (of one subject), newest first, each with the value it replaced."""
    query = sa.select(*_columns, _table.c.corrects, _table.c.old)
    query = query.where(_table.c.source == source, _table.c.corrects.is_not(None))
    if subject is not None:
        query = query.where(_table.c.subject == subject)
    async with db.reading() as connection:
        rows = (await connection.execute(query.order_by(_table.c.seq.desc()).limit(limit))).all()
    return [Correction(_event(row[:-2]), row[-2], _decoded(row[-1])) for row in rows]


async def purge(db: Database, older_than_days: int) -> int:
    """Delete events and figures received so many days ago; returns how many rows.

    The newest event of each subject stays for ever, so that a rebuilt board misses nothing. "Newest" is the
    layers' word: the later source time, then the later arrival, for each source and type.
    """
    before = clock.now() - timedelta(days=older_than_days)
    later = _table.alias("later")
    newer = sa.or_(later.c.time > _table.c.time, sa.and_(later.c.time == _table.c.time, later.c.seq > _table.c.seq))
    same = (later.c.source == _table.c.source, later.c.subject == _table.c.subject, later.c.type == _table.c.type)
    picked = sa.select(_table.c.seq).where(_table.c.received < before, sa.exists().where(*same, newer)).limit(_DELETE)
    gone = await _drain(db, sa.delete(_table).where(_table.c.seq.in_(picked)))
    newest = _figures.alias("newest")
    shown = (newest.c.tile == _figures.c.tile, newest.c.unit == _figures.c.unit, newest.c.at > _figures.c.at)
    old = sa.delete(_figures).where(_figures.c.at < before, sa.exists().where(*shown))
    async with db.writing() as connection:
        return gone + (await connection.execute(old)).rowcount


async def _drain(db: Database, statement: sa.Delete) -> int:
    """Run a bounded deletion until it finds nothing more: short transactions, so that writers need not wait."""
    total = 0
    while True:
        async with db.writing() as connection:
            done = (await connection.execute(statement)).rowcount
        total += done
        if done < _DELETE:
            return total


def _key(event: Event) -> _Key:
    return _text(event.source), _text(event.subject)


def _looks_back(event: Event) -> bool:
    return event.data is None or event.cause in (REVISED, ASKED_AGAIN)


async def _fresh(connection: AsyncConnection, events: Sequence[Event]) -> list[Event]:
    """Those whose id is not archived."""
    known: set[str] = set()
    ids = [_text(event.id) for event in events]
    for start in range(0, len(ids), _PAGE):
        query = sa.select(_table.c.id).where(_table.c.id.in_(ids[start : start + _PAGE]))
        known.update((await connection.execute(query)).scalars())
    return [event for event in events if _text(event.id) not in known] if known else list(events)


async def _past(connection: AsyncConnection, keys: set[_Key]) -> dict[_Key, _Past]:
    """The newest archived event of each of these subjects."""
    found: dict[_Key, _Past] = {}
    by_source: dict[str, list[str]] = {}
    for source, subject in keys:
        by_source.setdefault(source, []).append(subject)
    for source, subjects in by_source.items():
        for start in range(0, len(subjects), _PAGE):
            those = (_table.c.source == source, _table.c.subject.in_(subjects[start : start + _PAGE]))
            newest = sa.select(sa.func.max(_table.c.seq)).where(*those).group_by(_table.c.subject)
            query = sa.select(_table.c.subject, _table.c.id, _table.c.data).where(_table.c.seq.in_(newest))
            for subject, name, data in await connection.execute(query):
                found[source, subject] = _Past(name, data)
    return found


def _rows(events: Iterable[Event], past: dict[_Key, _Past]) -> list[dict[str, Any]]:
    """Rows to insert, in order; `past` moves on with each."""
    rows = []
    for event in events:
        data = None if event.data is None else msgspec.json.encode(event.data).decode()
        key = _key(event)
        before = past.get(key)
        if event.cause == ASKED_AGAIN and before is not None and _same(before.data, data):
            continue
        corrected = before if event.data is None or event.cause == REVISED else None
        rows.append(
            {
                "id": _text(event.id), "source": key[0], "type": _text(event.type), "subject": key[1],
                "time": event.time, "received": event.received, "data": data,
                "unit": _text(event.unit), "method": event.method, "cause": _text(event.cause),
                "corrects": corrected.id if corrected else None, "old": corrected.data if corrected else None,
            }
        )  # fmt: skip
        past[key] = _Past(_text(event.id), data)
    return rows


_Text = TypeVar("_Text", str, str | None)


def _text(text: _Text) -> _Text:
    """PostgreSQL keeps no NUL; a source that sends one must not stop the archive."""
    return text.replace("\x00", "\ufffd") if text is not None and "\x00" in text else text


def _same(old: str | None, new: str | None) -> bool:
    return old == new or (old is not None and new is not None and _feature.decode(old) == _feature.decode(new))


def _decoded(data: str | None) -> Feature | None:
    return None if data is None else _feature.decode(data)


def _event(row: Sequence[Any]) -> Event:
    name, source, kind, subject, time, received, data, unit, method, cause = row
    return Event(name, source, kind, subject, time, received, _decoded(data), unit, method, cause)
