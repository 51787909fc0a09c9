"""The reports of one jurisdiction as GeoReport tells them: found in SQL, and without what the public may not know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ioc import everybody
from ioc.db.reports import Report, photos, report_of, reports, steps
from ioc.db.session import Database
from ioc.report_rules import Reports
from ioc.reports import public
from ioc.reports.changes import ENDS
from ioc.reports.georeport import Told
from ioc.reports.georeport_form import Wanted

SAID = ("ask", "answer", "finish", "refuse")
"""Steps whose text is the newest public word on a report; a refusal's is its reason, a code of the settings."""

_r = reports.c


async def find(
    db: Database, rules: Reports, jurisdiction: str, wanted: Wanted, media: Callable[[str], str]
) -> list[Told]:
    """One page of what is wanted, the newest first: by update when a bound on updates was asked for, else by request.

    `media`: the address of a photo that is kept under this hash.
    """
    first = _r.updated if wanted.after is not None or wanted.before is not None else _r.filed
    query = (
        sa.select(reports)
        .where(*_conditions(jurisdiction, wanted))
        .order_by(first.desc(), _r.number.desc())
        .limit(wanted.size)
        .offset((wanted.page - 1) * wanted.size)
    )
    async with db.reading() as connection:
        rows = [report_of(row) for row in (await connection.execute(query)).mappings()]
        texts, shots, stays = await _beside(connection, rows)
    return [_told(row, rules, texts.get(row.id), shots.get(row.id), stays.get(row.parent or ""), media) for row in rows]


async def number_of(db: Database, jurisdiction: str, token: str) -> str | None:
    """The number of the report that a token was given for; None: there is none, or it is hidden."""
    query = sa.select(_r.number).where(_r.id == token, _r.jurisdiction == jurisdiction, _r.hidden.is_(None))
    async with db.reading() as connection:
        found: str | None = (await connection.execute(query)).scalar_one_or_none()
    return found


def _conditions(jurisdiction: str, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    told = [_r.jurisdiction == jurisdiction, _r.hidden.is_(None)]
    if wanted.numbers:
        return [*told, _r.number.in_(wanted.numbers)]
    if wanted.codes:
        told.append(_r.category.in_(wanted.codes))
    if wanted.closed is not None:
        told.append(_r.state.in_(ENDS) if wanted.closed else _r.state.not_in(ENDS))
    bounds = ((_r.filed, wanted.begin, wanted.end), (_r.updated, wanted.after, wanted.before))
    told += [column >= low for column, low, _ in bounds if low is not None]
    return told + [column <= high for column, _, high in bounds if high is not None]


async def _beside(connection: AsyncConnection, rows: Sequence[Report]) -> tuple[dict[str, str], ...]:
    """By report: its newest public text; the photo that is shown; and by id the number of a report that others name."""
    if not rows:
        return {}, {}, {}
    ids = [row.id for row in rows]
    words = sa.func.coalesce(steps.c.text, sa.case((steps.c.step == "refuse", steps.c.why)))
    newest = (
        sa.select(sa.func.max(steps.c.version).label("version"), steps.c.report)
        .where(steps.c.report.in_(ids), steps.c.step.in_(SAID), words.is_not(None))
        .group_by(steps.c.report)
        .subquery()
    )
    both = sa.and_(steps.c.report == newest.c.report, steps.c.version == newest.c.version)
    said = sa.select(steps.c.report, words).join(newest, both)
    shown = (
        sa.select(photos.c.report, photos.c.stored)
        .where(
            photos.c.report.in_(ids), photos.c.kind == "photo", photos.c.state == "taken", photos.c.stored.is_not(None)
        )
        .order_by(photos.c.position.desc())
    )
    parents = [row.parent for row in rows if row.parent is not None]
    named = sa.select(_r.id, _r.number).where(_r.id.in_(parents), _r.hidden.is_(None))
    return tuple([await _pairs(connection, query) for query in (said, shown, named)])


async def _pairs(connection: AsyncConnection, query: sa.Select[Any]) -> dict[str, str]:
    return {row[0]: row[1] for row in await connection.execute(query)}


def _told(
    row: Report, rules: Reports, text: str | None, shot: str | None, stays: str | None, media: Callable[[str], str]
) -> Told:
    coarse = public.coarse(rules, row.category)
    place = public.place(row, coarse)
    return Told(
        number=row.number,
        state=row.state,
        category=row.category,
        words=everybody.words(row.words),
        agency=row.agency,
        filed=row.filed,
        updated=row.updated,
        due=row.due,
        # an address would undo what the grid hides
        address=everybody.words(row.address) if row.address is not None and coarse <= 0 else None,
        lon=place[0] if place is not None else None,
        lat=place[1] if place is not None else None,
        media=media(shot) if shot is not None else None,
        text=everybody.words(text) if text is not None else None,
        stays=stays if row.state in ("duplicate", "merged") else None,
    )
