"""Tây Ninh's vaccination database, confused as the province said of its own, and the slips that the stations count.

In its folder `tiem-chung.db`, written anew every WRITE_S: `tiem_chung`, entries by day and commune, of which some are
there twice and some were "corrected" below zero, and what may be read of it lags a day and two hours behind the book
(`so_goc`). In `phieu`, each minute: the doses of today by commune, as the stations count their slips; in `tram`, which
station counted when, and where it is. All invented.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from ioc.clock import ZONE
from ioc.demo import offices, sheets
from ioc.demo.dropping import csv
from ioc.demo.systems import System

TWICE, NEGATIVE = 8, 2
"""Communes whose entries are there twice, and those that a correction took below zero."""
BELOW = 30
WRITE_S, SLIPS_S = 10.0, 60.0
DAYS = 8
"""Days that the table holds; so far back are days revised."""

Row = tuple[str, str, int, str]


class Vaccination(System):
    breaks: ClassVar = {
        "double": "Every entry of today is there twice.",
        "negative": "Every third commune was corrected below zero.",
        "frozen": "What may be read stands still; the book goes on.",
        "slips": "The stations send their slips no more.",
        "schema": "The column of doses is called otherwise.",
        "cleaned": "Each entry stands once, none is below zero, what may be read is the book itself. Mended, it "
        "is late by a day again: until that is over, its figures stand as they were cleaned.",
    }
    shows: ClassVar = {
        "double": "vaccinations_doubled", "negative": "vaccinations_negative", "frozen": "source", "slips": "source",
        "schema": "source", "cleaned": "vaccinations_behind",
    }  # fmt: skip

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.written: datetime | None = None
        self.sent: datetime | None = None
        self.followed: set[str] = set()
        self._stood: list[Row] = []

    @property
    def file(self) -> Path:
        return self.folder / "tiem-chung.db"

    async def begin(self) -> None:
        await self.keep()

    async def keep(self) -> None:
        """The database and the slips are brought up to the world's time."""
        now = self.world.now.astimezone(ZONE)
        due = self.written is None or now - self.written >= timedelta(seconds=WRITE_S) or self.followed != self.broken
        if due:
            self.written, self.followed = now, set(self.broken)
            self._write(now)
        if "slips" not in self.broken and (self.sent is None or now - self.sent >= timedelta(seconds=SLIPS_S)):
            self.sent = now
            sheets.drop(self.folder / "phieu", f"phieu-{int(now.timestamp())}.csv", csv(self._slips(now)))
            sheets.drop(self.folder / "tram", f"tram-{int(now.timestamp())}.csv", csv(self._stations(now)))

    def _communes(self) -> tuple[set[str], set[str]]:
        """Those whose entries are there twice, and those below zero."""
        codes = list(self.world.vaccinations.codes)
        if "cleaned" in self.broken:
            return set(), set()
        drawn = Random(f"{self.world.seed}/vaccination").sample(codes, TWICE + NEGATIVE)
        twice, below = set(drawn[:TWICE]), set(drawn[TWICE:])
        return set(codes) if "double" in self.broken else twice, set(codes[::3]) if "negative" in self.broken else below

    def _doses(self, day: date, code: str, now: datetime) -> tuple[int, datetime]:
        """What the book holds of a day and commune; today's beginning where nothing happened yet."""
        return self.world.vaccinations.doses.get((day, code), (0, now.replace(hour=0, minute=0, second=0)))

    def entries(self, now: datetime) -> Iterator[Row]:
        """Day, commune, doses, and when it was told: the entries as others may read them."""
        twice, below = self._communes()
        behind = timedelta() if "cleaned" in self.broken else self.world.plan.behind
        today = now.date()
        for back in range(DAYS):
            day = today - timedelta(days=back)
            for code in self.world.vaccinations.codes:
                doses, at = self._doses(day, code, now)
                row = (day.isoformat(), code, doses, offices.text(at - behind))
                yield row
                if code in twice:
                    yield row
                if code in below and not back:
                    yield (row[0], code, -doses * (2 if code in twice else 1) - BELOW, row[3])

    def _write(self, now: datetime) -> None:
        rows = self._stood if "frozen" in self.broken and self._stood else list(self.entries(now))
        self._stood = rows
        doses = "so_mui" if "schema" in self.broken else "mui"
        with closing(offices.new(self.file)) as base, base:
            base.execute(f"CREATE TABLE tiem_chung (ngay TEXT, xa TEXT, {doses} INTEGER, cap_nhat TEXT)")
            base.execute("CREATE TABLE so_goc (cap_nhat TEXT)")
            base.executemany("INSERT INTO tiem_chung VALUES (?, ?, ?, ?)", rows)
            base.execute("INSERT INTO so_goc VALUES (?)", (offices.text(self.world.vaccinations.newest),))
        offices.place(self.file)

    def _slips(self, now: datetime) -> Iterator[tuple[object, ...]]:
        yield "Mã xã", "Xã", "Ngày", "Phiếu tiêm", "Đếm lúc"
        for unit in self.world.units:
            doses, _ = self._doses(now.date(), unit.code, now)
            yield unit.code, unit.name, f"{now:%Y-%m-%d}", doses, f"{now:%d/%m/%Y %H:%M:%S}"

    def _stations(self, now: datetime) -> Iterator[tuple[object, ...]]:
        yield "Mã", "Trạm", "Mã xã", "Kinh độ", "Vĩ độ", "Đếm lúc"
        for number, unit in enumerate(self.world.units):
            near = Random(f"{self.world.seed}/station/{number}")
            lon, lat = (round(at + near.uniform(-0.02, 0.02), 5) for at in (unit.lon, unit.lat))
            # each counts in its own moment of the last minute
            at = now - timedelta(seconds=near.randrange(int(SLIPS_S)))
            name = f"Trạm y tế mẫu {number + 1:02d}"
            yield f"TYT{number + 1:02d}", name, unit.code, lon, lat, f"{at:%d/%m/%Y %H:%M:%S}"
