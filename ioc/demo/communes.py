"""The daily report of the old communes: who tells it in time, who late, who never. Invented, and always the same.

A reporting day is a stretch of DAY_S (`due` of the source `communes` says the same). Of 241 old communes 190 report, as
many as have the software: most of them in its middle, LATE of them after it is over. Those without the software report
never, but for one day in REOPENED_EVERY: some of them send it in long after, and the day's count rises.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

from ioc import clock, roll
from ioc.demo import sheets
from ioc.demo.offices import CONNECTED
from ioc.duty import Due
from ioc.geo.units import Unit
from ioc.period import Period
from ioc.roll import Listed
from ioc.workdays import Calendar

LIST = Path(__file__).parent / "modules" / "phu-yen" / "xa-cu.csv"
"""The old communes by code; their names are invented, and the contract says so."""
DAY_S = 100
LATE, SENT_IN = 19, 12
"""Communes that report late each day, and those that send one day in long after."""
REOPENED_EVERY = 6
SOON, AFTER, LONG_AFTER = timedelta(seconds=40), timedelta(seconds=25), timedelta(seconds=150)
"""When a day's tables are dropped: from its beginning; and after it is over."""

_DUE, _CALENDAR = Due("stretch", seconds=DAY_S), Calendar()


class Groups(NamedTuple):
    """The communes by how they report. `sent_in` are among those who else never do."""

    prompt: tuple[Listed, ...]
    late: tuple[Listed, ...]
    never: tuple[Listed, ...]
    sent_in: tuple[Listed, ...]


def groups(seed: int) -> Groups:
    """Who reports how."""
    listed = list(roll.read(LIST))
    Random(f"{seed}/communes").shuffle(listed)
    told, never = tuple(listed[:CONNECTED]), tuple(listed[CONNECTED:])
    return Groups(told[LATE:], told[:LATE], never, never[:SENT_IN])


class Communes:
    """Drops the tables of the days into a folder, each once. `units`: the communes of today, in which they lie now."""

    def __init__(self, seed: int, units: Sequence[Unit]) -> None:
        self.seed, self.groups = seed, groups(seed)
        self._homes = [unit.code for unit in units]
        self._places = {one.code: number for number, one in enumerate(roll.read(LIST))}
        self._dropped: set[str] = set()

    def keep(self, folder: Path, now: datetime) -> None:
        """Drop what has come by `now`; after a restart the reader knows it again by its content."""
        here = _DUE.of(now)
        days = [here]
        for _ in range(3):
            days.append(_DUE.before(days[-1], _CALENDAR))
        known = set()
        for day in days:
            for name, when, rows in self._tables(day):
                known.add(name)
                if when <= now and name not in self._dropped and not (folder / "done" / name).exists():
                    sheets.drop(folder, name, self.table(day, rows))
                if when <= now:
                    self._dropped.add(name)
        self._dropped &= known

    def _tables(self, day: Period) -> Iterator[tuple[str, datetime, tuple[Listed, ...]]]:
        name = f"xa-{day.begins:%Y%m%d-%H%M%S}"
        yield f"{name}-1.csv", day.begins + SOON, self.groups.prompt
        yield f"{name}-2.csv", day.ends + AFTER, self.groups.late
        if self.number(day) % REOPENED_EVERY == 0:
            yield f"{name}-3.csv", day.ends + LONG_AFTER, self.groups.sent_in

    @staticmethod
    def number(day: Period) -> int:
        """How many reporting days there were before."""
        return int(day.begins.timestamp()) // DAY_S

    def table(self, day: Period, rows: Sequence[Listed]) -> bytes:
        """What these communes tell of a day, as CSV: visits at the one-stop shop. Most days are like the day before."""
        told = f"{(day.begins + SOON).astimezone(clock.ZONE):%d/%m/%Y %H:%M:%S}"
        lines = ["Mã;Xã cũ;Xã nay;Lượt tiếp;Số liệu lúc"]
        for one in sorted(rows, key=lambda one: one.code):
            number = self._places[one.code]
            usual = Random(f"{self.seed}/{one.code}").randrange(8, 60)
            today = Random(f"{self.seed}/{one.code}/{self.number(day)}")
            visits = usual if today.random() < 0.95 else usual + today.randrange(1, 8)
            home = self._homes[number % len(self._homes)]
            lines.append(f"{one.code};{one.name};{home};{visits};{told}")
        return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()
