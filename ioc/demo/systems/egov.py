"""Tây Ninh's electronic office eGov: a database with every body on it, the Party's too; all figures are invented.

In its folder `egov.db`, written anew as it grows: a row for each body of the Party, of the administration and of the
mass organisations, with its users, those who were there within 30 days, and the documents that it sent this year, how
many of them signed.
"""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from random import Random
from typing import Any, ClassVar

from ioc.demo import offices
from ioc.demo.systems import System

DISTRICTS = (
    "Tây Ninh", "Hòa Thành", "Trảng Bàng", "Gò Dầu", "Bến Cầu", "Châu Thành", "Dương Minh Châu", "Tân Biên", "Tân Châu",
)  # fmt: skip
PARTY = (
    "Văn phòng Tỉnh ủy", "Ban Tổ chức", "Ban Tuyên giáo", "Ban Dân vận", "Ban Nội chính", "Ủy ban Kiểm tra",
    "Trường Chính trị", "Đảng ủy Khối",
    *(f"Cấp ủy {name}" for name in DISTRICTS),
)  # fmt: skip
MASS = ("Mặt trận Tổ quốc", "Liên đoàn Lao động", "Tỉnh đoàn", "Hội Phụ nữ", "Hội Nông dân", "Hội Cựu chiến binh")
DEPARTMENTS, COMMUNES = 20, 94
"""Departments, and communes of before 1 July 2025."""
BODIES: tuple[tuple[str, str, int], ...] = (
    *(("Đảng", name, 40) for name in PARTY),
    *(("Chính quyền", f"Sở, ngành mẫu {number + 1:02d}", 90) for number in range(DEPARTMENTS)),
    *(("Chính quyền", f"UBND {name}", 110) for name in DISTRICTS),
    *(("Chính quyền", f"UBND xã mẫu {number + 1:02d}", 20) for number in range(COMMUNES)),
    *(("Đoàn thể", name, 25) for name in MASS),
)
"""The bloc of each body, its name, and about how many users it has."""
WRITE_S = 20.0
LOST = "Đảng"


class Egov(System):
    breaks: ClassVar = {
        "party": "The Party's bodies are not told any more.",
        "silent": "Every second body tells nothing.",
        "frozen": "Its figures stand still.",
        "unsigned": "Half of the documents of this year are not signed.",
        "schema": "The column of the users is called otherwise.",
    }
    shows: ClassVar = {
        "party": "egov_party", "silent": "egov_users", "frozen": "source", "unsigned": "egov_signed",
        "schema": "source",
    }  # fmt: skip

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._written: datetime | None = None
        self._ways: set[str] | None = None
        self._turned = self.world.began

    async def begin(self) -> None:
        await self.keep()

    async def keep(self) -> None:
        """Written anew every WRITE_S, unless it stands still."""
        now = self.world.now
        moved = self._written is None or now - self._written >= timedelta(seconds=WRITE_S)
        if (self.broken != self._ways or moved) and ("frozen" not in self.broken or self._written is None):
            if self._ways is not None and self.broken != self._ways:
                # rows that were away are told anew: an older time would not bring them back
                self._turned = now
            self._written, self._ways = now, set(self.broken)
            self._write(now)

    def rows(self, now: datetime) -> list[tuple[Any, ...]]:
        """Number, bloc, name, users, active ones, documents sent, signed ones, and its last change, of each body."""
        found: list[tuple[Any, ...]] = []
        for number, (bloc, name, users) in enumerate(BODIES, start=1):
            chance = Random(f"{self.world.seed}/egov/{number}")
            have = max(2, round(users * chance.uniform(0.6, 1.4)))
            every = timedelta(minutes=chance.randrange(10, 40))
            # each is somewhere in its span when the demo begins: else nothing would move for ten minutes
            since = self.world.began - chance.random() * every
            more = (now - since) // every
            active, sent = round(have * chance.uniform(0.75, 0.99)), have * chance.randrange(20, 90) + more
            signed = sent // 2 if "unsigned" in self.broken else round(sent * chance.uniform(0.97, 1.0))
            told = (None,) * 4 if "silent" in self.broken and number % 2 == 0 else (have, active, sent, signed)
            if not ("party" in self.broken and bloc == LOST):
                found.append((number, bloc, name, *told, offices.text(max(self._turned, since + more * every))))
        return found

    def _write(self, now: datetime) -> None:
        users = "so_tai_khoan" if "schema" in self.broken else "nguoi_dung"
        columns = f"ma INTEGER PRIMARY KEY, khoi TEXT, ten TEXT, {users} INTEGER, hoat_dong INTEGER"
        file = self.folder / "egov.db"
        with closing(offices.new(file)) as base, base:
            base.execute(f"CREATE TABLE don_vi ({columns}, van_ban INTEGER, ky_so INTEGER, cap_nhat TEXT)")
            base.executemany("INSERT INTO don_vi VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self.rows(now))
        offices.place(file)
