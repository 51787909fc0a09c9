"""Report periods: which days a figure is about, and which periods may be compared.

Report months differ (15th to 14th for banks, calendar months for finance): a period is its first and last day, no name.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple

from ioc import clock

_DAY = timedelta(days=1)
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_QUARTER = re.compile(r"(\d{4})-Q([1-4])")
_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_YEAR = re.compile(r"\d{4}")
_STRETCH = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})/PT(\d{1,5})S")
_DAY_S = 86_400


class Period(NamedTuple):
    """From `first` to `last`, both included, in the province's zone. In order: the later one ends later.

    A stretch of one day (demonstrations alone): `seconds` long, from `at` seconds after midnight; 0: whole days.
    """

    last: date
    first: date
    at: int = 0
    seconds: int = 0

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.first, time(), clock.ZONE) + timedelta(seconds=self.at)

    @property
    def ends(self) -> datetime:
        """The first moment after it."""
        if self.seconds:
            return self.begins + timedelta(seconds=self.seconds)
        return datetime.combine(self.last + _DAY, time(), clock.ZONE)

    @property
    def length(self) -> timedelta:
        return timedelta(seconds=self.seconds) if self.seconds else self.last - self.first + _DAY

    @property
    def months(self) -> int | None:
        """How many whole months it is, from whichever day of the month; None: it is counted in days, or shorter."""
        if self.seconds:
            return None
        after = self.last + _DAY
        count = 12 * (after.year - self.first.year) + after.month - self.first.month
        return count if after.day == self.first.day and count else None

    @property
    def iso(self) -> str:
        """Its length as ISO 8601 writes it: P1D, P1W, P1M, P1Y; PT120S."""
        if self.seconds:
            return f"PT{self.seconds}S"
        if self.months is not None:
            return f"P{self.months // 12}Y" if self.months % 12 == 0 else f"P{self.months}M"
        return f"P{self.length.days // 7}W" if self.length.days % 7 == 0 else f"P{self.length.days}D"

    @property
    def text(self) -> str:
        """The period as `period` reads it: 2026-03-10, 2026-03, 2026-Q1, 2026, or first and last day with a slash.

        Of a stretch: its beginning by the province's clock, and how long it is: 2026-03-10T08:00:00/PT120S.
        """
        if self.seconds:
            return f"{self.begins:%Y-%m-%dT%H:%M:%S}/PT{self.seconds}S"
        if self.first == self.last:
            return self.first.isoformat()
        if self.first.day == 1 and self.months == 1:
            return f"{self.first:%Y-%m}"
        if self.first.day == 1 and self.months == 3 and self.first.month % 3 == 1:
            return f"{self.first.year}-Q{self.first.month // 3 + 1}"
        if self.months == 12 and (self.first.month, self.first.day) == (1, 1):
            return str(self.first.year)
        return f"{self.first}/{self.last}"

    def follows(self, other: Period) -> bool:
        """Whether `other` is the period of the same kind just before this one: only then may they be compared."""
        alike = self.length == other.length if self.months is None else self.months == other.months
        return alike and other.ends == self.begins

    def holds(self, moment: datetime) -> bool:
        return self.begins <= moment < self.ends

    def ended(self, moment: datetime) -> bool:
        return moment >= self.ends


def _day(moment: datetime) -> date:
    return moment.astimezone(clock.ZONE).date()


@lru_cache(maxsize=4096)
def period(text: str) -> Period:
    """The period of 2026-03-10, 2026-W10, 2026-03, 2026-Q1, 2026, of first and last day with a slash, or of a
    stretch of a day.

    A time (RFC 3339) means its day in the province's zone. Raises ValueError when the text is none of these.
    """
    try:
        return _read(text.strip())
    except OverflowError:
        raise ValueError(f"The period {text} lies outside the calendar.") from None


def _read(text: str) -> Period:
    if (found := _MONTH.fullmatch(text)) is not None:
        return _from_month(int(found[1]), int(found[2]), 1)
    if (found := _QUARTER.fullmatch(text)) is not None:
        return _from_month(int(found[1]), 3 * int(found[2]) - 2, 3)
    if (found := _WEEK.fullmatch(text)) is not None:
        monday = date.fromisocalendar(int(found[1]), int(found[2]), 1)
        return Period(monday + 6 * _DAY, monday)
    if _YEAR.fullmatch(text) is not None:
        return _from_month(int(text), 1, 12)
    if (found := _STRETCH.fullmatch(text)) is not None:
        return _stretch(date.fromisoformat(found[1]), *(int(found[part]) for part in (2, 3, 4, 5)))
    if "/" in text:
        first, last = (date.fromisoformat(part) for part in text.split("/", 1))
        if last < first:
            raise ValueError(f"The period {text} ends before it begins.")
        return Period(last, first)
    day = _day(clock.parse(text))
    return Period(day, day)


def _stretch(day: date, hour: int, minute: int, second: int, seconds: int) -> Period:
    at = 3600 * hour + 60 * minute + second
    if not (hour < 24 and minute < 60 and second < 60 and 0 < seconds <= _DAY_S - at):
        raise ValueError("A stretch begins and ends on one day; write one such as 2026-03-10T08:00:00/PT120S.")
    return Period(day, day, at, seconds)


def _from_month(year: int, month: int, count: int) -> Period:
    first = date(year, month, 1)
    after = year * 12 + month - 1 + count
    return Period(date(after // 12, after % 12 + 1, 1) - _DAY, first)
