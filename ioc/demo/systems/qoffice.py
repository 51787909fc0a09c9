"""Quảng Nam's Qoffice: a database with how many people use it, and how many documents it holds.

In its folder `qoffice.db`, written anew every few seconds: 27,500 users of the bodies on it, and 5.8 million documents,
as published, to which some are added each hour of the day.
"""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from ioc.clock import ZONE
from ioc.demo import offices
from ioc.demo.systems import System

USERS, DOCUMENTS = 27_500, 5_800_000
BODIES = 58
"""Departments and districts that it counts its users by."""
A_SECOND = 0.07
"""Documents that are added each second of a day, in the mean: about 2.2 million a year."""
WRITE_S = 5.0


class Qoffice(System):
    """The office's database."""

    breaks: ClassVar = {
        "frozen": "Its statistics stand still.",
        "lost": "Half of the bodies are not counted.",
        "fewer": "A million documents are gone.",
    }
    shows: ClassVar = {"frozen": "source", "lost": "qoffice_users", "fewer": "qoffice_documents"}

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.written: datetime | None = None

    @property
    def file(self) -> Path:
        return self.folder / "qoffice.db"

    async def begin(self) -> None:
        await self.keep()

    async def keep(self) -> None:
        """The statistics are written anew, unless they stand still."""
        now = self.world.now
        if self.written is None or ("frozen" not in self.broken and now - self.written >= timedelta(seconds=WRITE_S)):
            self.written = now
            self._write(now)

    def users(self) -> list[int]:
        """Users of each body; they add up to what was published."""
        chance = Random(f"{self.world.seed}/qoffice")
        weights = [chance.uniform(1, 4) for _ in range(BODIES)]
        found = [int(USERS * weight / sum(weights)) for weight in weights]
        return [found[0] + USERS - sum(found), *found[1:]]

    def documents(self, now: datetime) -> int:
        """How many documents there are at `now`."""
        added = A_SECOND * (now - self.world.began).total_seconds()
        return DOCUMENTS + round(added) - (1_000_000 if "fewer" in self.broken else 0)

    def _write(self, now: datetime) -> None:
        told = offices.text(now.astimezone(ZONE))
        counted = self.users()[:: 2 if "lost" in self.broken else 1]
        with closing(offices.new(self.file)) as base, base:
            base.execute("CREATE TABLE don_vi (ma INTEGER PRIMARY KEY, ten TEXT, nguoi_dung INTEGER, cap_nhat TEXT)")
            base.execute("CREATE TABLE van_ban (so INTEGER, cap_nhat TEXT)")
            rows = [(n + 1, f"Đơn vị mẫu {n + 1:02d}", users, told) for n, users in enumerate(counted)]
            base.executemany("INSERT INTO don_vi VALUES (?, ?, ?, ?)", rows)
            base.execute("INSERT INTO van_ban VALUES (?, ?)", (self.documents(now), told))
        offices.place(self.file)
