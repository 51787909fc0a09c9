"""Working days: the country's, and what a team writes over them."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest

from ioc.workdays import Calendar

HERE = Calendar()


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-03-06", True), ("2026-03-07", False), ("2026-03-08", False),
        ("2026-02-16", False), ("2026-02-17", False), ("2026-02-20", False), ("2026-02-23", True),
        ("2026-04-27", False),  # for the Hùng Kings' day, which is a Sunday
        ("2026-08-31", False), ("2026-08-22", True),  # a Monday off, and the Saturday that is worked for it
        ("2026-09-02", False), ("2025-05-02", False), ("2025-04-26", True),
    ],
)  # fmt: skip
def test_the_country_s_days(day: str, works: bool) -> None:
    assert HERE.works(date.fromisoformat(day)) == works


def test_a_team_s_own_days_go_over_the_country_s() -> None:
    own = Calendar(off=(date(2026, 3, 6),), on=(date(2026, 3, 7), date(2026, 2, 17)))
    assert [own.works(date(2026, 3, day)) for day in (5, 6, 7, 8)] == [True, False, True, False]
    assert own.works(date(2026, 2, 17))


def test_working_days_are_counted() -> None:
    friday = date(2026, 2, 13)
    assert [HERE.after(friday, count) for count in (0, 1, 2)] == [friday, date(2026, 2, 23), date(2026, 2, 24)]
    assert HERE.last_until(date(2026, 2, 22)) == friday
    assert HERE.last_until(friday) == friday


def test_a_day_can_t_be_both() -> None:
    with pytest.raises(msgspec.ValidationError, match="both off and on"):
        msgspec.convert({"off": [date(2026, 3, 6)], "on": [date(2026, 3, 6)]}, Calendar)


def test_a_calendar_without_a_working_day_says_where_to_look() -> None:
    off = tuple(date(2026, 3, 1) + timedelta(days=number) for number in range(100))
    with pytest.raises(ValueError, match=r"look at off in \[calendar\]"):
        Calendar(off=off).after(date(2026, 2, 28), 1)
