"""When a figure is owed: which periods a source reports about, and until when. Pure; times are aware.

A report month may run from the 15th to the 14th (banks), a school year from September: a period is its days, no name.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from ioc import clock
from ioc.period import Period
from ioc.workdays import Calendar

Each = Literal["stretch", "day", "week", "month", "quarter", "year"]

_DAY = timedelta(days=1)
_DAY_S = 86_400
_SHORTEST_S, _LONGEST_S = 10, 43_200
_MONTHS: dict[Each, int] = {"month": 1, "quarter": 3, "year": 12}
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_MOST_SKIPPED = 60
"""Periods in a row that owe nothing (days off), at most."""
LONGEST_AFTER = 400


class Due(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One figure for each period, until a clock time on a day counted from the period's last one.

    `each`: the kind of period. `by`: clock time HH:MM in `zone`. `after`: days after the period's last day; 0: on that
    day. `working`: those days are working days, and a day off owes no figure of its own; of a longer period that ends
    on a day off, `after = 0` means the last working day in it. `starts`: the period's first day: of the month (1 to
    28), or of the week (Monday is 1). `month`: the first month of the year that quarters and years are counted from.
    `seconds`: of a stretch alone, how long it is.

    Daily by 17:00 on working days: `{each = "day", by = "17:00", working = true}`. Monthly by the 5th working day:
    `{each = "month", after = 5, working = true}`. A report month from the 15th to the 14th: `{each = "month", starts =
    15, after = 2}`.

    A demonstration has no day to wait for: `{each = "stretch", seconds = 120}` is a reporting day of two minutes. The
    day is cut into such stretches from midnight on, by the province's clock, and a figure is due when its own is over.
    """

    each: Each
    by: str = "17:00"
    after: int = 0
    working: bool = False
    starts: int = 1
    month: int = 1
    zone: str = clock.ZONE.key
    seconds: int = 0

    def __post_init__(self) -> None:
        self._stretched()
        if _CLOCK.fullmatch(self.by) is None:
            raise ValueError(f'by is {self.by}; write a clock time such as "17:00"')
        if not 0 <= self.after <= LONGEST_AFTER:
            raise ValueError(f"after is {self.after}; write a number of days from 0 to {LONGEST_AFTER}")
        most = {"day": 1, "week": 7}.get(self.each, 28)
        if not 1 <= self.starts <= most:
            raise ValueError(f"starts is {self.starts}; of a {self.each} write 1 to {most}")
        if not 1 <= self.month <= 12 or (self.month != 1 and self.each not in ("quarter", "year")):
            raise ValueError(f"month is {self.month}; write 1 to 12, and only for quarters and years")
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"zone is {self.zone}, which is none; write one such as Asia/Ho_Chi_Minh") from None

    def _stretched(self) -> None:
        if self.each != "stretch":
            if self.seconds:
                raise ValueError('seconds belong to each = "stretch" alone; leave them out')
            return
        if not _SHORTEST_S <= self.seconds <= _LONGEST_S or _DAY_S % self.seconds:
            say = f"write {_SHORTEST_S} to {_LONGEST_S:,} of which a day holds a whole number, such as 120"
            raise ValueError(f"seconds is {self.seconds}; {say}")
        if (self.by, self.after, self.working, self.zone) != ("17:00", 0, False, clock.ZONE.key):
            raise ValueError("a stretch is due when it is over; leave by, after, working and zone out")

    def period(self, day: date) -> Period:
        """The period that `day` lies in; of stretches the last one of the day."""
        if self.each == "stretch":
            return Period(day, day, _DAY_S - self.seconds, self.seconds)
        if self.each == "day":
            return Period(day, day)
        if self.each == "week":
            first = day - (day.isoweekday() - self.starts) % 7 * _DAY
            return Period(first + 6 * _DAY, first)
        count = _MONTHS[self.each]
        number = 12 * day.year + day.month - self.month - (day.day < self.starts)
        begins = number - number % count + self.month - 1
        return Period(self._first(begins + count) - _DAY, self._first(begins))

    def _first(self, number: int) -> date:
        return date(number // 12, number % 12 + 1, self.starts)

    def meant(self, given: Period) -> Period:
        """The period of this rule that one which somebody wrote stands for: the one that its end lies in."""
        if self.each == "stretch" and given.seconds:
            return self.of(given.ends - timedelta(seconds=1))
        return self.period(given.last)

    def of(self, moment: datetime) -> Period:
        """The period that a moment lies in, by the clock of `zone`."""
        if self.each == "stretch":
            here = moment.astimezone(clock.ZONE)
            second = 3600 * here.hour + 60 * here.minute + here.second
            return Period(here.date(), here.date(), second - second % self.seconds, self.seconds)
        return self.period(moment.astimezone(ZoneInfo(self.zone)).date())

    def ends(self, period: Period) -> datetime:
        """The first moment after a period, by the clock of `zone`; aware."""
        if self.each == "stretch":
            return period.ends
        return datetime.combine(period.last + _DAY, time(), ZoneInfo(self.zone))

    def owes(self, period: Period, calendar: Calendar) -> bool:
        """Whether anything is owed about a period: of a day off nothing is, where working days count."""
        return not (self.working and self.each == "day") or calendar.works(period.last)

    def at(self, period: Period, calendar: Calendar) -> datetime:
        """The last moment at which the period's figure is on time; aware, in the province's zone."""
        if self.each == "stretch":
            return period.ends
        if not self.working:
            day = period.last + self.after * _DAY
        elif self.after:
            day = calendar.after(period.last, self.after)
        else:
            day = calendar.last_until(period.last)
            # nobody works in it, as at Tết: the first who come back tell it
            day = day if day >= period.first else calendar.after(period.last, 1)
        hour, minute, second = (int(part or 0) for part in _parts(self.by))
        return datetime.combine(day, time(hour, minute, second), ZoneInfo(self.zone)).astimezone(clock.ZONE)

    def following(self, period: Period, calendar: Calendar) -> Period:
        """The first owed period after this one."""
        if self.each == "stretch":
            return self.of(period.ends)
        last = period.last
        for _ in range(_MOST_SKIPPED):
            period = self.period(period.last + _DAY)
            if self.owes(period, calendar):
                return period
        raise ValueError(f"Nothing is owed for long after {last}; look at off in [calendar].")

    def before(self, period: Period, calendar: Calendar) -> Period:
        """The owed period just before this one."""
        if self.each == "stretch":
            return self.of(period.begins - timedelta(seconds=1))
        for _ in range(_MOST_SKIPPED):
            period = self.period(period.first - _DAY)
            if self.owes(period, calendar):
                return period
        raise ValueError(f"Nothing is owed for long before {period.first}; look at off in [calendar].")

    def newest(self, now: datetime, calendar: Calendar) -> Period:
        """The newest owed period that is over, or whose figure was due until `now`."""
        period = self.of(now)
        if self.owes(period, calendar) and self.at(period, calendar) <= now:
            return period
        return self.before(period, calendar)


def _parts(text: str) -> tuple[str | None, ...]:
    found = _CLOCK.fullmatch(text)
    assert found is not None
    return found.groups()
