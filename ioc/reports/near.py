"""Reports that everybody may look for: near a place, and within a view. Hidden ones are in no answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from ioc.db.reports import Photo, Report, photos, report_of, reports
from ioc.db.session import Database
from ioc.report_rules import Reports
from ioc.reports import life, public, twins

MOST_NEAR = 10
MOST_SHOWN = 2000
SHOWN = timedelta(days=90)
_DEGREE_M = 111_320.0


class Near(NamedTuple):
    """A report, how far from the place (metres), and the first photo that everybody may see."""

    report: Report
    distance_m: float
    photo: str | None


async def near(db: Database, rules: Reports, lon: float, lat: float, category: str, now: datetime) -> list[Near]:
    """Open reports of that category near a place, the nearest first: within its `near_m` and `near_days`.

    Distances are of the public positions, so that nobody can work out another.
    """
    wanted = rules.categories[category]
    reach = wanted.near_m + wanted.coarse_m
    where = [
        reports.c.category == category, reports.c.hidden.is_(None), reports.c.state.in_(life.OPEN),
        reports.c.filed > now - timedelta(days=wanted.near_days),
        # true places may lie a cell further out than public ones: who is left out here must tell nothing of them
        *_within(_around(lon, lat, reach + wanted.coarse_m)),
    ]  # fmt: skip
    found = []
    for report in await _some(db, where, 500):
        place = public.place(report, wanted.coarse_m)
        far = twins.distance_m(lon, lat, *place) if place is not None else math.inf
        if far <= reach:
            found.append((far, report))
    found.sort(key=lambda pair: (pair[0], pair[1].filed))
    nearest = found[:MOST_NEAR]
    shown = await first_photos(db, [report.id for _, report in nearest if report.state != "new"])
    return [Near(report, far, shown.get(report.id)) for far, report in nearest]


async def shown(
    db: Database, rules: Reports, box: tuple[float, float, float, float] | None, now: datetime
) -> list[tuple[Report, tuple[float, float]]]:
    """Reports of the last 90 days with their public place in `box` (west, south, east, north), the newest first."""
    where = [reports.c.hidden.is_(None), reports.c.lon.is_not(None), reports.c.filed > now - SHOWN]
    if box is not None:
        most = max(one.coarse_m for one in rules.categories.values())
        slack = most / _DEGREE_M
        east = slack / max(math.cos(math.radians(max(abs(box[1]), abs(box[3])))), 0.01)
        where += _within((box[0] - east, box[1] - slack, box[2] + east, box[3] + slack))
    found = []
    for report in await _some(db, where, MOST_SHOWN):
        place = public.place(report, public.coarse(rules, report.category))
        if place is not None and (box is None or (box[0] <= place[0] <= box[2] and box[1] <= place[1] <= box[3])):
            found.append((report, place))
    return found


async def first_photos(db: Database, ids: Sequence[str]) -> dict[str, str]:
    """The first photo that was taken of each report."""
    if not ids:
        return {}
    mine = sa.and_(photos.c.report.in_(ids), photos.c.state == "taken", photos.c.kind == "photo")
    query = sa.select(photos.c.report, photos.c.stored).where(mine).order_by(photos.c.position.desc())
    async with db.reading() as connection:
        return {row.report: str(row.stored) for row in await connection.execute(query)}


async def is_shown(db: Database, stored: str) -> bool:
    """Whether a kept photo belongs to a report that is not hidden."""
    joined = photos.join(reports, reports.c.id == photos.c.report)
    query = sa.select(photos.c.hash).select_from(joined).where(photos.c.stored == stored, reports.c.hidden.is_(None))
    async with db.reading() as connection:
        return (await connection.execute(query.limit(1))).first() is not None


async def is_kept(db: Database, photo: Photo) -> bool:
    """Whether another photo, of this report or another, is kept as the very same bytes."""
    other = sa.or_(photos.c.report != photo.report, photos.c.hash != photo.hash)
    query = sa.select(photos.c.hash).where(photos.c.stored == photo.stored, other)
    async with db.reading() as connection:
        return (await connection.execute(query.limit(1))).first() is not None


async def _some(db: Database, where: Sequence[Any], most: int) -> list[Report]:
    query = sa.select(reports).where(*where).order_by(reports.c.filed.desc()).limit(most)
    async with db.reading() as connection:
        return [report_of(row) for row in (await connection.execute(query)).mappings()]


def _around(lon: float, lat: float, metres: float) -> tuple[float, float, float, float]:
    north = metres / _DEGREE_M * 1.01
    east = north / max(math.cos(math.radians(lat)), 0.01)
    return lon - east, lat - north, lon + east, lat + north


def _within(box: tuple[float, float, float, float]) -> list[Any]:
    west, south, east, north = box
    return [reports.c.lon >= west, reports.c.lon <= east, reports.c.lat >= south, reports.c.lat <= north]
