"""Quảng Nam's schools: a table a day from each of the eighteen district offices, and the department's own register.

In the folder `bao-cao` each office drops a CSV of all its schools once in a reporting day (DAY_S long here), at a
moment of its own: pupils and teachers, present and needed, open or closed; a school that did not tell its office has an
older time, or none. `truong.db` is the register that the schools are licensed by. Schools and figures are invented.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, ClassVar, NamedTuple

from ioc import clock
from ioc.demo import offices, sheets
from ioc.demo.districts import district
from ioc.demo.dropping import csv
from ioc.demo.systems import System
from ioc.demo.systems.network import DISTRICTS

LEVELS = {"Mầm non": 241, "Tiểu học": 241, "THCS": 241, "THPT": 54}
"""Schools of each level: one for each old commune, and three upper secondary ones a district."""
SCHOOLS = sum(LEVELS.values())
DAY_S = 600
LATE_OFFICE = "Nam Trà My"
MOUNTAINS = ("Tây Giang", "Đông Giang", "Nam Giang", "Phước Sơn", "Bắc Trà My", "Nam Trà My")
FORGETS, CLOSED, NEVER = 0.02, 0.006, 3
MERGED = 12
HEADS = (
    "Mã", "Trường", "Cấp học", "Huyện", "Mã xã", "Kinh độ", "Vĩ độ", "Học sinh", "Có mặt", "Mở cửa", "Giáo viên",
    "Cần giáo viên", "Trường báo lúc", "Số liệu lúc",
)  # fmt: skip
STAMP = "%d/%m/%Y %H:%M:%S"


class School(NamedTuple):
    code: str
    name: str
    level: str
    district: str
    unit: str
    lon: float
    lat: float


class Education(System):
    breaks: ClassVar = {
        "office": f"The office of {LATE_OFFICE} sends nothing any more.",
        "frozen": "No office sends anything any more.",
        "schema": "The column of pupils present is called otherwise.",
        "storm": "Schools in the mountains are closed.",
        "over": "Every school counts a tenth more pupils present than it has.",
        "merged": f"{MERGED} schools were merged away in the register, and the offices go on telling of them.",
    }
    shows: ClassVar = {
        "office": "schools_silent", "frozen": "alert", "schema": "source", "storm": "alert", "over": "alert",
        "merged": "alert",
    }  # fmt: skip

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._dropped: dict[str, tuple[int, frozenset[str]]] = {}
        self._number = 0
        self._registered: bool | None = None

    @property
    def file(self) -> Path:
        return self.folder / "truong.db"

    async def begin(self) -> None:
        await self.keep()

    async def keep(self) -> None:
        """Each office drops its table once in its day, and again when something broke."""
        now = self.world.now.astimezone(clock.ZONE)
        for office, schools in self.schools.items():
            mark = (self._day(office, now), frozenset(self.broken & {"schema", "storm", "over"}))
            before = self._dropped.get(office)
            quiet = "frozen" in self.broken or ("office" in self.broken and office == LATE_OFFICE)
            if before == mark or (before is not None and quiet):
                continue
            self._dropped[office] = mark
            # what was broken or mended since is told at once, as of now
            fresh = before is None or before[0] != mark[0]
            at = self._told_at(office, mark[0]) if fresh else now
            if before is None and at.timestamp() // DAY_S == now.timestamp() // DAY_S:
                self._drop(office, schools, mark[0] - 1, self._told_at(office, mark[0] - 1))
            self._drop(office, schools, mark[0], at)
        if self._registered is not ("merged" in self.broken):
            self._registered = "merged" in self.broken
            self._write(now)

    def _drop(self, office: str, schools: Iterable[School], day: int, at: datetime) -> None:
        self._number += 1
        name = f"truong-{DISTRICTS.index(office) + 1:02d}-{int(at.timestamp())}-{self._number}.csv"
        sheets.drop(self.folder / "bao-cao", name, csv(self._table(schools, day, at)))

    def _day(self, office: str, now: datetime) -> int:
        return int((now.timestamp() + self._phase(office)) // DAY_S)

    def _phase(self, office: str) -> float:
        # never in the last minute of a day: its table is taken in time
        return Random(f"{self.world.seed}/office/{office}").uniform(60, DAY_S - 10)

    def _told_at(self, office: str, day: int) -> datetime:
        return datetime.fromtimestamp(day * DAY_S - self._phase(office), clock.ZONE)

    @cached_property
    def schools(self) -> dict[str, list[School]]:
        """The schools of each office."""
        units = self.world.units
        homes = {name: [unit for unit in units if district(unit.code) == name] for name in DISTRICTS}
        found: dict[str, list[School]] = {name: [] for name in DISTRICTS}
        number = 0
        for level, count in LEVELS.items():
            for at in range(count):
                chance = Random(f"{self.world.seed}/school/{number}")
                home = DISTRICTS[at % len(DISTRICTS)]
                own = homes[home] if level == "THPT" else units
                unit = own[(at // len(DISTRICTS) if level == "THPT" else at) % len(own)]
                lon, lat = (round(here + chance.uniform(-0.03, 0.03), 5) for here in (unit.lon, unit.lat))
                of = district(unit.code)
                number += 1
                name = f"Trường {level} mẫu {at + 1:03d}"
                found[of].append(School(f"TH{number:03d}", name, level, of, unit.code, lon, lat))
        return found

    def _table(self, schools: Iterable[School], day: int, at: datetime) -> Iterable[Sequence[object]]:
        yield tuple("Hiện diện" if name == "Có mặt" and "schema" in self.broken else name for name in HEADS)
        for school in schools:
            yield (*school, *self._figures(school, day, at), f"{at:{STAMP}}")

    def _figures(self, school: School, day: int, at: datetime) -> tuple[object, ...]:
        """What a school told its office last: pupils, present, open, teachers, needed, and when."""
        own = Random(f"{self.world.seed}/{school.code}")
        pupils = own.randrange(120, 900)
        needed = -(-pupils // 20)
        teachers = needed - max(0, own.randrange(-3, 4))
        if int(school.code[2:]) > SCHOOLS - NEVER:
            return ("", "", "", "", "", "")
        chance = Random(f"{self.world.seed}/{school.code}/{day}")
        forgot = chance.random() < FORGETS
        present = round(pupils * chance.uniform(0.94, 0.995))
        shut = chance.random() < CLOSED or ("storm" in self.broken and school.district in MOUNTAINS)
        if "over" in self.broken:
            present = round(1.1 * pupils)
        told = at - timedelta(seconds=2.5 * DAY_S if forgot else 0)
        return pupils, 0 if shut else present, "không" if shut else "có", teachers, needed, f"{told:{STAMP}}"

    def _write(self, now: datetime) -> None:
        with closing(offices.new(self.file)) as base, base:
            base.execute("CREATE TABLE truong (ma TEXT PRIMARY KEY, ten TEXT, cap TEXT, xa TEXT, cap_nhat TEXT)")
            told = offices.text(now)
            every = [school for schools in self.schools.values() for school in schools]
            kept = every[MERGED:] if "merged" in self.broken else every
            rows = [(one.code, one.name, one.level, one.unit, told) for one in kept]
            base.executemany("INSERT INTO truong VALUES (?, ?, ?, ?, ?)", rows)
        offices.place(self.file)
