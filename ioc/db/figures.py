"""What the tiles showed, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from ioc.db.session import Database, insert
from ioc.db.tables import FigureRow, table_of

_table = table_of(FigureRow)


class Noted(NamedTuple):
    """A tile's item for one unit from `at` on. `value`: its number, else None; `item`: UTF-8 JSON as on the wire."""

    tile: str
    unit: str
    at: datetime
    value: float | None
    item: bytes


async def note_figures(db: Database, rows: Sequence[Noted]) -> None:
    """Keep these figures; one that is known for the same tile, unit and time is replaced."""
    if not rows:
        return
    async with db.writing() as connection:
        statement = insert(connection, _table)
        given = statement.excluded
        upsert = statement.on_conflict_do_update(
            index_elements=["tile", "unit", "at"], set_={"value": given.value, "item": given.item}
        )
        await connection.execute(upsert, [row._asdict() | {"item": row.item.decode()} for row in rows])


async def figures(
    db: Database,
    tile: str,
    unit: str,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 1000,
) -> list[Noted]:
    """The newest `limit` figures of that tile and unit from `since` to `until` (both included), oldest first."""
    query = _of(tile, unit)
    if since is not None:
        query = query.where(_table.c.at >= since)
    if until is not None:
        query = query.where(_table.c.at <= until)
    async with db.reading() as connection:
        found = (await connection.execute(query.limit(limit))).all()
    return [_noted(row) for row in reversed(found)]


async def figure_at(
    db: Database, tile: str, unit: str, at: datetime | None = None, known: datetime | None = None
) -> Noted | None:
    """What the tile showed at `at`, or at `known` when that is earlier; None: nothing yet.

    A figure knows what was known when it was worked out. To work out the figure of `at` with what is
    known since, fold `archive.latest(types, at=at)`.
    """
    query = _of(tile, unit)
    for limit in (at, known):
        if limit is not None:
            query = query.where(_table.c.at <= limit)
    async with db.reading() as connection:
        found = (await connection.execute(query.limit(1))).first()
    return None if found is None else _noted(found)


def _of(tile: str, unit: str) -> sa.Select[Any]:
    columns = (_table.c.tile, _table.c.unit, _table.c.at, _table.c.value, _table.c.item)
    return sa.select(*columns).where(_table.c.tile == tile, _table.c.unit == unit).order_by(_table.c.at.desc())


def _noted(row: Sequence[Any]) -> Noted:
    tile, unit, at, value, item = row
    return Noted(tile, unit, at, value, item.encode())
