"""The databases of the departments: dossiers of the one-stop shops, vaccinations, documents; as SQLite files.

Sizes are those that Quảng Nam published: 14,862 online dossiers = 5,806 + 9,056; the software runs in 190 of 241 old
communes. Everything in them is invented.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime, time, timedelta
from pathlib import Path

import msgspec

from ioc.clock import ZONE
from ioc.demo.happening import Happening
from ioc.geo.units import Unit

PARTIAL, WHOLE = 5_806, 9_056
"""Dossiers filed partly and wholly online."""
DOSSIERS = PARTIAL + WHOLE
OFFICES, CONNECTED = 241, 190
"""One-stop offices of the old communes, and those that use the software."""
LATE = 862
"""Dossiers that are past their day at first: 94.2 % are on time."""
SLOW, SLOW_LATE = "22096", 0.29
"""The commune that is behind, and how many of its dossiers are late."""
UNCONNECTED = ("22192", "22225")
"""Communes none of whose offices use the software."""
STATES = {4: 30, 9: 40, 10: 25, 5: 3, 6: 2}
"""Dossier states of the national portal, and how common each is here."""
BODIES = 252
"""Bodies on the document axis."""
DAYS = 30
"""Days of vaccinations that the health database holds."""


class Dossier(msgspec.Struct):
    """One dossier: number, office, whether filed wholly online, state (national portal), on time."""

    number: int
    office: int
    whole: bool
    state: int
    on_time: bool
    touched: datetime


class Dossiers(Happening):
    """The one-stop shops' dossiers. Their number stands; their states and lateness move.

    `shops`: how many offices there are, and how many of them use the software.
    """

    def __init__(
        self, seed: int, began: datetime, units: Sequence[Unit], shops: tuple[int, int] = (OFFICES, CONNECTED)
    ) -> None:
        super().__init__(f"{seed}/dossiers", began, 1.5)
        self.shops = shops
        self.offices = self._offices([unit.code for unit in units])
        connected = [number for number, (_, uses) in enumerate(self.offices) if uses]
        slow = {number for number in connected if self.offices[number][0] == SLOW}
        order = list(range(DOSSIERS))
        self.chance.shuffle(order)
        whole = set(order[:WHOLE])
        homes = [connected[number % shops[1]] for number in range(DOSSIERS)]
        late = self._late(homes, slow)
        self.dossiers = [
            Dossier(number, homes[number], number in whole, self._state(), number not in late, self._past())
            for number in range(DOSSIERS)
        ]
        self._slow = slow
        self.touched: set[int] = set()

    def _offices(self, codes: Sequence[str]) -> list[tuple[str, bool]]:
        """Commune of each office, and whether it uses the software; at least one a commune does, but in UNCONNECTED."""
        homes = [codes[number % len(codes)] for number in range(self.shops[0])]
        free = [number for number, code in enumerate(homes) if code not in UNCONNECTED]
        first = [number for number in free if number < len(codes)]
        rest = [number for number in free if number >= len(codes)]
        uses = {*first, *self.chance.sample(rest, self.shops[1] - len(first))}
        return [(code, number in uses) for number, code in enumerate(homes)]

    def _late(self, homes: list[int], slow: set[int]) -> set[int]:
        behind = [number for number, home in enumerate(homes) if home in slow]
        others = [number for number, home in enumerate(homes) if home not in slow]
        there = round(SLOW_LATE * len(behind))
        return {*self.chance.sample(behind, there), *self.chance.sample(others, LATE - there)}

    def _state(self) -> int:
        return self.chance.choices(list(STATES), list(STATES.values()))[0]

    def _past(self) -> datetime:
        return self.began - timedelta(seconds=self.chance.uniform(60, 20 * 86_400))

    def happen(self, at: datetime) -> None:
        dossier = self.dossiers[self.chance.randrange(DOSSIERS)]
        share = SLOW_LATE if dossier.office in self._slow else 0.05
        dossier.state, dossier.on_time, dossier.touched = self._state(), self.chance.random() >= share, at
        self.touched.add(dossier.number)

    def write(self, file: Path) -> None:
        """Write the database anew, whole or not at all."""
        with closing(new(file)) as base, base:
            base.execute("CREATE TABLE bo_phan (ma INTEGER PRIMARY KEY, ten TEXT, xa TEXT, dung_phan_mem INTEGER)")
            base.execute(
                "CREATE TABLE ho_so (ma INTEGER PRIMARY KEY, bo_phan INTEGER, muc TEXT, trang_thai INTEGER, "
                "dung_han INTEGER, cap_nhat TEXT)"
            )
            rows = [(n, f"Bộ phận một cửa mẫu {n + 1:03d}", code, uses) for n, (code, uses) in enumerate(self.offices)]
            base.executemany("INSERT INTO bo_phan VALUES (?, ?, ?, ?)", rows)
            made = [
                (one.number, one.office, "toan_trinh" if one.whole else "mot_phan", *_moving(one))
                for one in self.dossiers
            ]
            base.executemany("INSERT INTO ho_so VALUES (?, ?, ?, ?, ?, ?)", made)
        place(file)
        self.touched.clear()

    def flush(self, file: Path) -> None:
        """Write what moved since the last writing."""
        rows = [(*_moving(self.dossiers[number]), number) for number in sorted(self.touched)]
        with closing(sqlite3.connect(file, timeout=2)) as base, base:
            base.executemany("UPDATE ho_so SET trang_thai = ?, dung_han = ?, cap_nhat = ? WHERE ma = ?", rows)
        self.touched.clear()


def _moving(one: Dossier) -> tuple[int, bool, str]:
    return one.state, one.on_time, text(one.touched)


class Vaccinations(Happening):
    """Doses a day and commune. Today's grow; days gone by are revised now and then, as they are everywhere.

    `behind`: by how much the table that others may read lags behind the office's own book.
    """

    def __init__(self, seed: int, began: datetime, units: Sequence[Unit], behind: timedelta = timedelta()) -> None:
        super().__init__(f"{seed}/vaccinations", began, 4.0)
        self.behind, self.newest = behind, began
        self.codes = [unit.code for unit in units]
        self.doses: dict[tuple[date, str], tuple[int, datetime]] = {}
        self.touched: set[tuple[date, str]] = set()
        today = began.astimezone(ZONE).date()
        for back in range(DAYS, -1, -1):
            day = today - timedelta(days=back)
            # a day is told in full at one in the morning of the next, once that has come
            night = datetime.combine(day + timedelta(days=1), time(1), ZONE)
            told = min(night, began) if back else began
            for code in self.codes:
                self.doses[day, code] = (self.chance.randrange(20, 120), told)

    def happen(self, at: datetime) -> None:
        today = at.astimezone(ZONE).date()
        code = self.chance.choice(self.codes)
        back = 0 if self.chance.random() < 0.8 else self.chance.randrange(1, 8)
        by = self.chance.randrange(1, 6) if back == 0 else self.chance.choice((-3, -2, -1, 1, 2, 4))
        key = (today - timedelta(days=back), code)
        self.doses[key] = (max(0, self.doses.get(key, (0, at))[0] + by), at)
        self.touched.add(key)
        self.newest = at

    def write(self, file: Path) -> None:
        """Write the database anew, whole or not at all."""
        with closing(new(file)) as base, base:
            base.execute(
                "CREATE TABLE tiem_chung (ngay TEXT, xa TEXT, mui INTEGER, cap_nhat TEXT, PRIMARY KEY (ngay, xa))"
            )
            base.execute("CREATE TABLE so_goc (cap_nhat TEXT)")
            base.execute("INSERT INTO so_goc VALUES (?)", (text(self.newest),))
            base.execute("CREATE INDEX theo_cap_nhat ON tiem_chung (cap_nhat)")
            base.executemany("INSERT INTO tiem_chung VALUES (?, ?, ?, ?)", [self._row(key) for key in self.doses])
        place(file)
        self.touched.clear()

    def flush(self, file: Path) -> None:
        """Write what moved since the last writing."""
        rows = [self._row(key) for key in sorted(self.touched)]
        with closing(sqlite3.connect(file, timeout=2)) as base, base:
            base.executemany("INSERT OR REPLACE INTO tiem_chung VALUES (?, ?, ?, ?)", rows)
            base.execute("UPDATE so_goc SET cap_nhat = ?", (text(self.newest),))
        self.touched.clear()

    def _row(self, key: tuple[date, str]) -> tuple[str, str, int, str]:
        doses, told = self.doses[key]
        return key[0].isoformat(), key[1], doses, text(told - self.behind)


def write_documents(file: Path, seed: int, began: datetime, units: Sequence[Unit]) -> None:
    """The document axis: 252 bodies, all documents electronic and signed, as it was when it was last alive."""
    from random import Random

    chance = Random(f"{seed}/documents")
    rows = []
    for number in range(BODIES):
        sent = chance.randrange(40, 900)
        rows.append((number + 1, f"Cơ quan mẫu {number + 1:03d}", units[number % len(units)].code, sent, sent, sent))
    with closing(new(file)) as base, base:
        base.execute(
            "CREATE TABLE don_vi "
            "(ma INTEGER PRIMARY KEY, ten TEXT, xa TEXT, gui INTEGER, dien_tu INTEGER, ky_so INTEGER)"
        )
        base.execute("CREATE TABLE trang_thai (cap_nhat TEXT)")
        base.executemany("INSERT INTO don_vi VALUES (?, ?, ?, ?, ?, ?)", rows)
        base.execute("INSERT INTO trang_thai VALUES (?)", (text(began),))
    place(file)


def new(file: Path) -> sqlite3.Connection:
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    return sqlite3.connect(fresh)


def place(file: Path) -> None:
    """The finished database takes the place of the old one, between two readers' opens."""
    file.with_suffix(".new").replace(file)


def text(moment: datetime) -> str:
    return moment.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
