"""Nghệ An's iOffice: a database with the 823 bodies of its four levels, their users and their documents of the year.

In its folder `ioffice.db`, written anew every few seconds: departments, districts, communes and the units below them.
How many bodies there are is the published number of the dedicated network; how they divide, users and documents are
invented (dữ liệu mẫu). Communes are old ones, told by the commune that they lie in now.
"""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, ClassVar, NamedTuple

from ioc.clock import ZONE
from ioc.demo import offices
from ioc.demo.systems import System

BODIES = {"tinh": 40, "huyen": 21, "xa": 460, "don_vi": 302}
"""Bodies of each level; together 823."""
USERS = {"tinh": (40, 220), "huyen": (60, 140), "xa": (14, 30), "don_vi": (5, 22)}
"""From and to how many users a body of each level has."""
NAMES = {"tinh": "Cơ quan cấp tỉnh", "huyen": "UBND cấp huyện", "xa": "UBND xã", "don_vi": "Đơn vị trực thuộc"}
A_SECOND = 0.4
"""Documents that are added each second of a day, in the mean."""
A_USER = 130
"""Documents of this year for each user, at the beginning."""
WRITE_S = 10.0
QUIET = timedelta(days=12)
"""For how long those have sent nothing that gave iOffice up."""


class Body(NamedTuple):
    """One body; `home`: the number of its commune in the province, None above communes."""

    code: str
    level: str
    name: str
    home: int | None
    users: int
    uses: bool


class IOffice(System):
    """The office's database."""

    breaks: ClassVar = {
        "frozen": "Its statistics stand still.",
        "withheld": "The units below are counted, and not handed over.",
        "quiet": "Every second commune has sent nothing for twelve days.",
        "levels": "The level of the units below is told in a code that nobody agreed.",
        "columns": "The column of users is called otherwise.",
    }
    shows: ClassVar = {
        "frozen": "source", "withheld": "ioffice_bodies", "quiet": "ioffice_quiet", "levels": "aside",
        "columns": "source",
    }  # fmt: skip

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.bodies = list(self._made())
        self.weights = list(accumulate(body.users * body.uses for body in self.bodies))
        self.chance = Random(f"{self.world.seed}/ioffice/flow")
        self.documents = [A_USER * body.users * body.uses for body in self.bodies]
        self.last = [self._before(number) for number in range(len(self.bodies))]
        self.flown = 0
        self.written: datetime | None = None
        self.followed: set[str] = set()

    @property
    def file(self) -> Path:
        return self.folder / "ioffice.db"

    def _made(self) -> list[Body]:
        found = []
        for level, count in BODIES.items():
            for number in range(count):
                chance = Random(f"{self.world.seed}/ioffice/{level}/{number}")
                home = number if level in ("xa", "don_vi") else None
                users = chance.randrange(*USERS[level])
                uses = level in ("tinh", "huyen") or chance.random() > 0.03
                found.append(
                    Body(f"{level}-{number:03d}", level, f"{NAMES[level]} mẫu {number + 1:03d}", home, users, uses)
                )
        return found

    def _before(self, number: int) -> datetime:
        return self.world.began - timedelta(
            minutes=Random(f"{self.world.seed}/ioffice/last/{number}").uniform(5, 2_800)
        )

    async def begin(self) -> None:
        await self.keep()

    async def keep(self) -> None:
        """The statistics are written anew, unless they stand still; another break is written at once."""
        now = self.world.now
        due = self.written is None or now - self.written >= timedelta(seconds=WRITE_S) or self.followed != self.broken
        if due and not ("frozen" in self.broken and self.written):
            self._flow(now)
            self.written, self.followed = now, set(self.broken)
            self._write(now)

    def _flow(self, now: datetime) -> None:
        """What bodies sent since the last writing."""
        until = int(A_SECOND * (now - self.world.began).total_seconds())
        for number in self.chance.choices(
            range(len(self.bodies)), cum_weights=self.weights, k=max(0, until - self.flown)
        ):
            self.documents[number] += 1
            self.last[number] = now
        self.flown = max(until, self.flown)

    def _write(self, now: datetime) -> None:
        users = "tai_khoan" if "columns" in self.broken else "nguoi_dung"
        with closing(offices.new(self.file)) as base, base:
            base.execute(
                f"CREATE TABLE don_vi (ma TEXT PRIMARY KEY, ten TEXT, cap TEXT, xa TEXT, {users} INTEGER, "
                "van_ban INTEGER, dung INTEGER, cuoi TEXT, chia_se INTEGER)"
            )
            base.execute("CREATE TABLE trang_thai (cap_nhat TEXT)")
            base.executemany(
                "INSERT INTO don_vi VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(self._row, range(len(self.bodies)))
            )
            base.execute("INSERT INTO trang_thai VALUES (?)", (offices.text(now.astimezone(ZONE)),))
        offices.place(self.file)

    def _row(self, number: int) -> tuple[Any, ...]:
        body, units = self.bodies[number], self.world.units
        home = units[body.home % len(units)].code if body.home is not None else None
        level = "C4" if "levels" in self.broken and body.level == "don_vi" else body.level
        silent = "quiet" in self.broken and body.level == "xa" and number % 2
        last = self.last[number] - (QUIET if silent else timedelta())
        shared = not ("withheld" in self.broken and body.level == "don_vi")
        return (
            body.code, body.name, level, home, body.users * body.uses, self.documents[number], body.uses,
            offices.text(last.astimezone(ZONE)), shared,
        )  # fmt: skip
