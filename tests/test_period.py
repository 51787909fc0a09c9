"""Unlike periods are not compared."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.period import period


@pytest.mark.parametrize(
    ("text", "first", "last", "iso"),
    [
        ("2026-03-10", "2026-03-10", "2026-03-10", "P1D"),
        ("2026-W10", "2026-03-02", "2026-03-08", "P1W"),
        ("2020-W53", "2020-12-28", "2021-01-03", "P1W"),
        ("2026-02", "2026-02-01", "2026-02-28", "P1M"),
        ("2026-12", "2026-12-01", "2026-12-31", "P1M"),
        ("2026-Q4", "2026-10-01", "2026-12-31", "P3M"),
        ("2026", "2026-01-01", "2026-12-31", "P1Y"),
        ("2026-02-15/2026-03-14", "2026-02-15", "2026-03-14", "P1M"),
        ("2026-03-01/2026-03-10", "2026-03-01", "2026-03-10", "P10D"),
        ("2026-03-09T23:30:00+00:00", "2026-03-10", "2026-03-10", "P1D"),
    ],
)
def test_a_period_is_its_first_and_last_day(text: str, first: str, last: str, iso: str) -> None:
    found = period(text)
    assert (found.first.isoformat(), found.last.isoformat(), found.iso) == (first, last, iso)


NONE = ["", "tháng 3", "2026-13", "2026-Q5", "2026-W60", "2026-03-10/2026-03-01", "1/2", "0000", "9999", "9999-W53"]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        period(text)


@pytest.mark.parametrize(
    ("later", "earlier", "alike"),
    [
        ("2026-03", "2026-02", True),
        ("2026-01", "2025-12", True),
        ("2026-03", "2026-01", False),
        ("2026-02-15/2026-03-14", "2026-01-15/2026-02-14", True),
        ("2026-03", "2026-02-15/2026-03-14", False),
        ("2026-03-01/2026-03-31", "2026-02", True),
        ("2026-Q2", "2026-Q1", True),
        ("2026-Q2", "2026-03", False),
        ("2026", "2025", True),
        ("2026-03-10", "2026-03-09", True),
        ("2026-03-10", "2026-03-08", False),
        ("2026-W10", "2026-W09", True),
        ("2026-W10", "2026-03-01", False),
        ("2026-03-10", "2026-03-10", False),
    ],
)
def test_only_the_adjacent_period_of_the_same_kind_comes_before(later: str, earlier: str, alike: bool) -> None:
    assert period(later).follows(period(earlier)) is alike
    assert not period(earlier).follows(period(later))


def test_a_day_begins_at_midnight_in_vietnam() -> None:
    day = period("2026-03-10")
    assert day.holds(datetime(2026, 3, 9, 17, 0, tzinfo=UTC))
    assert not day.holds(datetime(2026, 3, 9, 16, 59, tzinfo=UTC))
    assert day.ended(datetime(2026, 3, 10, 17, 0, tzinfo=UTC))
    assert not day.ended(datetime(2026, 3, 10, 16, 59, tzinfo=UTC))


@given(st.dates(date(1, 1, 2), date(9000, 1, 1)), st.dates(date(1, 1, 2), date(9000, 1, 1)))
def test_order_is_by_the_last_day(one: date, other: date) -> None:
    assert (period(one.isoformat()) < period(other.isoformat())) is (one < other)


@given(st.text(max_size=12) | st.from_regex(r"[0-9]{4}[-/WQ0-9]{0,8}", fullmatch=True))
def test_any_text_is_a_period_or_refused(text: str) -> None:
    try:
        found = period(text)
    except ValueError:
        return
    assert found.first <= found.last
