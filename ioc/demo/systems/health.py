"""Quảng Nam's health department: its list of facilities and their daily reports, in a database (invented).

In its folder `y-te.db`: `co_so`, 268 facilities (9 hospitals, 18 district centres, a station for each of 241 old
communes), and `bao_cao`, the newest report of each: beds, beds in use, vaccine in stock. A reporting day is DAY_S long
here; some forget theirs, and a few stations have never sent one. The database is written anew every WRITE_S.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, ClassVar, NamedTuple

from ioc.demo import offices
from ioc.demo.districts import district
from ioc.demo.systems import System
from ioc.demo.systems.network import DISTRICTS

HOSPITALS, STATIONS = 9, 241
FACILITIES = HOSPITALS + len(DISTRICTS) + STATIONS
HOSPITAL, CENTRE, STATION = "Bệnh viện", "Trung tâm y tế", "Trạm y tế"
DAY_S = 600
"""A reporting day of the demo; each facility tells at a moment of it that is its own."""
FORGETS, NEVER = 0.03, 4
"""The share of reports that are forgotten, and stations that never sent one."""
LEAST = {HOSPITAL: 200, CENTRE: 150, STATION: 20}
"""Doses of vaccine that each kind must have in stock."""
WRITE_S = 10.0
WITHDRAWN = timedelta(days=2)


class Place(NamedTuple):
    """A facility of the list. `beds`: planned; None: it has none."""

    code: str
    name: str
    kind: str
    district: str
    unit: str
    lon: float
    lat: float
    beds: int | None


class Report(NamedTuple):
    """What one told last: the beds that are used, the doses in stock, and when."""

    used: int | None
    doses: int
    at: datetime


class Health(System):
    breaks: ClassVar = {
        "half": "The reports of every second facility were withdrawn: its newest is two days old.",
        "schema": "The column of beds in use is called otherwise.",
        "crowded": "Every hospital and centre uses a fifth more beds than it has.",
        "shortage": "Every third station has no vaccine left.",
        "frozen": "Nothing is written any more.",
        "lost": "Twenty stations are gone from the list.",
    }
    shows: ClassVar = {
        "half": "health_reported", "schema": "source", "crowded": "hospital_beds_used", "shortage": "vaccine_low",
        "frozen": "source", "lost": "alert",
    }  # fmt: skip

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.written: datetime | None = None
        self.followed: set[str] = set()
        self._told: dict[str, tuple[Report | None, datetime]] = {}

    @property
    def file(self) -> Path:
        return self.folder / "y-te.db"

    async def begin(self) -> None:
        await self.keep()

    async def keep(self) -> None:
        """The database is written anew, unless it stands still."""
        now = self.world.now
        due = self.written is None or now - self.written >= timedelta(seconds=WRITE_S) or self.followed != self.broken
        if due and (self.written is None or "frozen" not in self.broken):
            self.written, self.followed = now, set(self.broken)
            self._write(now)

    @cached_property
    def places(self) -> list[Place]:
        """The list: hospitals, district centres, stations."""
        units = self.world.units
        homes = {name: [unit for unit in units if district(unit.code) == name] for name in DISTRICTS}
        found = []
        for number in range(FACILITIES):
            chance = Random(f"{self.world.seed}/health/{number}")
            beds: int | None = None
            if number < HOSPITALS:
                kind, unit = HOSPITAL, homes[DISTRICTS[number % 4]][number // 4]
                name, beds = f"Bệnh viện mẫu {number + 1}", chance.randrange(20, 80) * 10
            elif number < HOSPITALS + len(DISTRICTS):
                home = DISTRICTS[number - HOSPITALS]
                kind, unit, name = CENTRE, homes[home][0], f"Trung tâm y tế mẫu {home}"
                beds = chance.randrange(6, 20) * 10
            else:
                at = number - HOSPITALS - len(DISTRICTS)
                kind, unit, name = STATION, units[at % len(units)], f"Trạm y tế mẫu {at + 1:03d}"
            lon, lat = (round(here + chance.uniform(-0.03, 0.03), 5) for here in (unit.lon, unit.lat))
            found.append(Place(f"YT{number + 1:03d}", name, kind, district(unit.code), unit.code, lon, lat, beds))
        return found

    def report(self, number: int, place: Place, now: datetime) -> Report | None:
        """The newest report of a facility at `now`; it depends on seed and time alone."""
        seed = f"{self.world.seed}/{place.code}"
        if number >= FACILITIES - NEVER:
            return None
        phase = Random(seed).uniform(0, DAY_S)
        day = int((now.timestamp() + phase) // DAY_S)
        while Random(f"{seed}/{day}/forgot").random() < FORGETS:
            day -= 1
        chance = Random(f"{seed}/{day}")
        used = None if place.beds is None else round(place.beds * chance.uniform(0.62, 0.98))
        usual = Random(f"{seed}/doses").uniform(0.9, 5)
        doses = round(LEAST[place.kind] * usual * chance.uniform(0.8, 1.2))
        at = datetime.fromtimestamp(day * DAY_S - phase, now.tzinfo)
        if "crowded" in self.broken and place.beds is not None:
            used = round(place.beds * 1.2)
        if "shortage" in self.broken and place.kind == STATION and number % 3 == 0:
            doses = 0
        if "half" in self.broken and number % 2:
            at -= WITHDRAWN
        return Report(used, doses, at)

    def _rows(self, now: datetime) -> Iterator[tuple[Place, Report | None, datetime]]:
        """Each facility, its newest report, and when its row changed last."""
        for number, place in enumerate(self.places):
            if "lost" in self.broken and FACILITIES - 40 <= number < FACILITIES - 20:
                continue
            report = self.report(number, place, now)
            before = self._told.get(place.code)
            if before is None:
                self._told[place.code] = (report, report.at if report is not None else self.world.began)
            elif before[0] != report:
                self._told[place.code] = (report, now)
            yield place, report, self._told[place.code][1]

    def _write(self, now: datetime) -> None:
        used = "giuong_su_dung" if "schema" in self.broken else "giuong_dung"
        with closing(offices.new(self.file)) as base, base:
            base.execute(
                "CREATE TABLE co_so (ma TEXT PRIMARY KEY, ten TEXT, loai TEXT, huyen TEXT, xa TEXT, kinh_do REAL, "
                "vi_do REAL, cap_nhat TEXT)"
            )
            base.execute(
                f"CREATE TABLE bao_cao (ma TEXT PRIMARY KEY, giuong INTEGER, {used} INTEGER, ton INTEGER, "
                "ton_it_nhat INTEGER, nop_luc TEXT)"
            )
            for place, report, changed in self._rows(now):
                base.execute("INSERT INTO co_so VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*place[:7], offices.text(changed)))
                if report is not None:
                    told = (place.code, place.beds, report.used, report.doses, LEAST[place.kind])
                    base.execute("INSERT INTO bao_cao VALUES (?, ?, ?, ?, ?, ?)", (*told, offices.text(report.at)))
        offices.place(self.file)
