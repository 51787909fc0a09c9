"""What may be learnt of a report by asking what lies near: its public place, and nothing closer."""

from __future__ import annotations

import math

from ioc.db.session import Database
from ioc.reports import near, public, twins
from ioc.reports.book import Book
from tests.reports.conftest import Clock
from tests.reports.desk import RULES, filing

_METRES = 111_320.0


async def test_whether_a_report_is_near_is_told_by_its_public_place_alone(db: Database, book: Book, now: Clock) -> None:
    """Else one who asks along a line sees where it begins to be left out, and so where it truly lies."""
    noise = RULES.categories["noise"]
    reach = noise.near_m + noise.coarse_m
    # at the edge of a cell the true place is as far from the public one as it can be
    filed = await book.file(filing(category="noise", lon=109.32, lat=_corner(noise.coarse_m)))
    place = public.place(filed.report, noise.coarse_m)
    assert place is not None
    for bearing in range(0, 360, 15):
        for share in (0.2, 0.9, 0.999, 1.001, 1.2):
            north = math.cos(math.radians(bearing)) * reach * share / _METRES
            east = math.sin(math.radians(bearing)) * reach * share / _METRES / math.cos(math.radians(place[1]))
            lon, lat = place[0] + east, place[1] + north
            told = bool(await near.near(db, RULES, lon, lat, "noise", now()))
            assert told is (twins.distance_m(lon, lat, *place) <= reach), (bearing, share)


def _corner(cell_m: float) -> float:
    """The latitude at the lower edge of a cell, a little inside."""
    north = cell_m / _METRES
    return math.floor(13.09 / north) * north + north * 0.01
