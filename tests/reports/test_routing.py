"""Routing: category × commune × time to an agency; the first route that fits, and the desk where none does."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from ioc import clock
from ioc.report_rules import Agency, Category, Desk, Reports, Route
from ioc.reports import routing

BOTH = ("vi", "en")
AGENCIES = ("desk", "pipes", "pipes_west", "old_pipes", "night", "ward", "tet")
RULES = Reports(
    jurisdiction="phuyen.gov.vn", desk=Desk("desk"),
    categories={name: Category(BOTH) for name in ("water", "light", "noise")},
    agencies={name: Agency(BOTH) for name in AGENCIES},
    routes=(
        Route("tet", since=date(2026, 2, 16), until=date(2026, 2, 20)),
        Route("old_pipes", category="water", until=date(2026, 6, 30)),
        Route("pipes_west", category="water", units=("22015", "22018"), since=date(2026, 7, 1)),
        Route("pipes", category="water", since=date(2026, 7, 1)),
        Route("night", category="noise", hours=("19:00", "07:00")),
        Route("ward", units=("22015",), hours=("07:00", "19:00")),
    ),
)  # fmt: skip

CASES = [
    ("water", "22015", "2026-06-30 23:59", "old_pipes"),
    ("water", "22015", "2026-07-01 00:00", "pipes_west"),
    ("water", "22018", "2026-07-01 00:00", "pipes_west"),
    ("water", "22240", "2026-07-01 00:00", "pipes"),
    ("water", None, "2026-07-01 00:00", "pipes"),
    ("water", "22015", "2026-02-16 00:00", "tet"),
    ("light", None, "2026-02-20 23:59", "tet"),
    ("light", None, "2026-02-21 00:00", "desk"),
    ("noise", None, "2026-03-10 19:00", "night"),
    ("noise", None, "2026-03-10 23:59", "night"),
    ("noise", None, "2026-03-10 06:59", "night"),
    ("noise", None, "2026-03-10 07:00", "desk"),
    ("noise", "22015", "2026-03-10 07:00", "ward"),
    ("noise", "22015", "2026-03-10 18:59", "ward"),
    ("noise", "22015", "2026-03-10 19:00", "night"),
    ("light", "22015", "2026-03-10 19:00", "desk"),
    ("light", "22018", "2026-03-10 12:00", "desk"),
    ("gone", None, "2026-03-10 12:00", "desk"),
]


@pytest.mark.parametrize(("category", "unit", "when", "agency"), CASES)
def test_category_by_commune_by_time(category: str, unit: str | None, when: str, agency: str) -> None:
    moment = datetime.fromisoformat(when).replace(tzinfo=clock.ZONE)
    assert routing.agency(RULES, category, unit, moment) == agency
    # the same moment on another clock is the same moment
    assert routing.agency(RULES, category, unit, moment.astimezone(None)) == agency
