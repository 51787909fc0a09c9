"""Working days of the country: weekends and public holidays off, make-up days on, a team's settings over both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from holidays import HolidayBase

_DAY = timedelta(days=1)
_LONGEST_REST = 60
"""Days off in a row, at most; more can only be a mistake in the settings."""


class Calendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a team adds to the country's calendar: `off`, days on which nobody works; `on`, make-up days.

    The government decides each year which days around Tết and National Day are off, and which Saturdays are worked for
    them; what the calendar of the library `holidays` does not know yet is written here. A day in `on` is worked,
    whatever else is said of it.
    """

    off: tuple[date, ...] = ()
    on: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        if both := set(self.off) & set(self.on):
            raise ValueError(f"{min(both)} is both off and on; leave it in one of them")

    def works(self, day: date) -> bool:
        """Whether offices are open on `day` (a date in the province's zone)."""
        if day in self.on:
            return True
        return day not in self.off and not _resting(day)

    def after(self, day: date, count: int) -> date:
        """The `count`-th working day after `day`; for 0 `day` itself. Raises ValueError when there is none."""
        found = day
        for _ in range(count):
            found = self._first(_days(found + _DAY, _DAY), found)
        return found

    def last_until(self, day: date) -> date:
        """The last working day up to `day`, that one included. Raises ValueError when there is none."""
        return self._first(_days(day, -_DAY), day)

    def _first(self, days: Iterator[date], near: date) -> date:
        for day in days:
            if self.works(day):
                return day
        raise ValueError(f"No day near {near} is worked; look at off in [calendar].")


def _days(first: date, step: timedelta) -> Iterator[date]:
    return (first + step * number for number in range(_LONGEST_REST))


@lru_cache(maxsize=4096)
def _resting(day: date) -> bool:
    return not _country().is_working_day(day)


@lru_cache(maxsize=1)
def _country() -> HolidayBase:
    from holidays import country_holidays

    return country_holidays("VN")
