"""A province's one-stop system: dossiers over HTTP as the national portal has them, services and offices in a database.

Below `/one_stop/`: `DongBoHoSo?tuNgay=&page=&size=`, the dossiers that changed since then, oldest change first, with
who filed them (invented), which no adapter may let out; `tong`. In its folder `danh-muc.db`: the catalogue of services
(Quảng Nam 792 = 539 + 253; Nghệ An 1,833 = 673 + 407 + 753), the offices (190 of 241 communes use the software) and
what was filed online this year and last. The dossiers move as the world's do.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar
from zlib import crc32

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo import offices
from ioc.demo.offices import Dossier
from ioc.demo.systems import System

STAMP = "%Y%m%d%H%M%S"
SERVICES = {"quang-nam": {"Mức 3": 539, "Mức 4": 253}, "nghe-an": {"Mức 2": 673, "Mức 3": 407, "Mức 4": 753}}
"""Services by level, as the provinces published them."""
LAST_YEAR = {"Một phần": 4_466, "Toàn trình": 6_966}
"""Dossiers filed online the year before: 30 % fewer than this year's 14,862."""
KNOWN = {"quang-nam": offices.DOSSIERS, "nghe-an": 6_000, "phu-yen": 6_000}
RARE = {1: 1, 2: 2, 3: 3, 4: 7, 5: 8}
"""Of 400 dossiers one each is new, accepted, refused, withdrawn or stopped."""


class OneStop(System):
    """The system of the world's province."""

    breaks: ClassVar = {
        "token": "It refuses the key.",
        "state": "It writes a state that nobody knows into every tenth dossier.",
        "schema": "It calls the day on which a dossier is due otherwise.",
        "frozen": "It tells of no change any more.",
        "late": "Every second running dossier is past its day.",
        "services": "Ten services are lost from the catalogue.",
        "offices": "Half of the communes' offices gave the software up.",
    }
    shows: ClassVar = {
        "token": "source", "state": "aside", "schema": "aside", "frozen": "source", "late": "dossiers_overdue",
        "services": "alert", "offices": "offices_on_software",
    }  # fmt: skip

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.province = self.world.plan.province
        self.written: set[str] | None = None
        self.broke: dict[str, datetime] = {}

    @property
    def file(self) -> Path:
        return self.folder / "danh-muc.db"

    def ways(self) -> Mapping[str, str]:
        """The list of the communes' offices is Quảng Nam's alone; where no catalogue was published, none is asked."""
        gone = {"offices": self.province != "quang-nam", "services": self.province not in SERVICES}
        return {way: say for way, say in self.breaks.items() if not gone.get(way)}

    def routes(self) -> list[Route]:
        return [Route("/DongBoHoSo", self.dossiers), Route("/tong", self.count)]

    async def begin(self) -> None:
        await self.keep()

    async def keep(self) -> None:
        """The catalogue is written when it is another."""
        ways = self.broken & {"services", "offices"}
        if ways != self.written:
            self._write(ways)
            self.written = set(ways)

    def _write(self, ways: set[str]) -> None:
        with closing(offices.new(self.file)) as base, base:
            base.execute("CREATE TABLE dich_vu (ma INTEGER PRIMARY KEY, ten TEXT, muc TEXT)")
            base.execute("CREATE TABLE cong_bo (so INTEGER)")
            base.execute("CREATE TABLE bo_phan (ma INTEGER PRIMARY KEY, ten TEXT, xa TEXT, dung INTEGER)")
            base.execute("CREATE TABLE truc_tuyen (nam INTEGER, muc TEXT, so INTEGER, nam_truoc INTEGER)")
            levels = SERVICES.get(self.province, {})
            rows = [(f"Thủ tục mẫu {n + 1}", level) for level, count in levels.items() for n in range(count)]
            base.executemany("INSERT INTO dich_vu (ten, muc) VALUES (?, ?)", rows[10 if "services" in ways else 0 :])
            base.execute("INSERT INTO cong_bo VALUES (?)", (sum(levels.values()),))
            self._write_offices(base, ways)
            online = {"Một phần": offices.PARTIAL, "Toàn trình": offices.WHOLE}
            year = self.world.now.astimezone(clock.ZONE).year
            told = [(year, level, count, LAST_YEAR[level]) for level, count in online.items()]
            base.executemany("INSERT INTO truc_tuyen VALUES (?, ?, ?, ?)", told)
        offices.place(self.file)

    def _write_offices(self, base: sqlite3.Connection, ways: set[str]) -> None:
        rows = [
            (n + 1, office_name(n), code, uses and not ("offices" in ways and n % 2))
            for n, (code, uses) in enumerate(self.world.dossiers.offices)
        ]
        base.executemany("INSERT INTO bo_phan VALUES (?, ?, ?, ?)", rows)

    def known(self) -> list[Dossier]:
        """Its dossiers, the longest unchanged first."""
        changed = self.changed if self.broke else attrgetter("touched")
        return sorted(self.world.dossiers.dossiers[: KNOWN[self.province]], key=changed)

    def changed(self, one: Dossier) -> datetime:
        """When a dossier changed last; a break, and its mending, changes those that it is about."""
        if "late" not in self.broke or not self._running(one):
            return one.touched
        return max(one.touched, self.broke["late"] - timedelta(seconds=one.number % 10))

    def _running(self, one: Dossier) -> bool:
        return self.state(one) in (1, 2, 4, 5, 6)

    def state(self, one: Dossier) -> int:
        return RARE.get(one.number % 400, one.state)

    async def dossiers(self, request: Request) -> Response:
        if "token" in self.broken:
            return JSONResponse({"error": "unauthorized"}, 401)
        if ("late" in self.broken) != ("on" in self.broke):
            self.broke = {"late": self.world.now} | ({"on": self.world.now} if "late" in self.broken else {})
        since = request.query_params.get("tuNgay")
        begin = datetime.strptime(since, STAMP).replace(tzinfo=clock.ZONE) if since else None
        if "frozen" in self.broken:
            return JSONResponse({"result": []})
        found = self.known()
        if begin is not None:
            found = found[bisect_left(found, begin, key=self.changed) :]
        page, size = int(request.query_params.get("page", 1)), min(int(request.query_params.get("size", 100)), 1000)
        return JSONResponse({"result": [self.row(one) for one in found[(page - 1) * size : page * size]]})

    async def count(self, _request: Request) -> Response:
        if "token" in self.broken:
            return JSONResponse({"error": "unauthorized"}, 401)
        newest = max(self.changed(one) for one in self.known())
        return JSONResponse({"tong": KNOWN[self.province], "cap_nhat": newest.isoformat(timespec="seconds")})

    def row(self, one: Dossier) -> dict[str, Any]:
        """A dossier as the portal has it. Names and numbers of people in it are invented, and marked so."""
        state, received, due, ended = self.state(one), self._received(one), self._due(one), None
        if state in (9, 10):
            ended = one.touched
        code = "99" if "state" in self.broken and one.number % 10 == 0 else str(state)
        return {
            "MaHoSo": f"H{one.office + 1:03d}-{one.number:06d}", "MaTTHC": f"1.{one.number % 1800:06d}",
            "TenTTHC": f"Thủ tục mẫu {one.number % 700 + 1}", "TrangThaiHoSo": code,
            "DonViXuLy": office_name(one.office), "MaXa": self.world.dossiers.offices[one.office][0],
            "MucDo": "toan_trinh" if one.whole else "mot_phan",
            "NgayTiepNhan": stamp(received), "NgayTra": stamp(ended) if ended else "",
            "HanTra" if "schema" in self.broken else "NgayHenTra": stamp(due), "NgayCapNhat": stamp(self.changed(one)),
            "ChuHoSo": f"Nguyễn Văn Mẫu {one.number}", "SoGiayTo": f"0000{one.number:08d}",
            "SoDienThoai": f"0900{one.number:06d}", "Email": f"mau{one.number}@example.vn",
        }  # fmt: skip

    def _received(self, one: Dossier) -> datetime:
        return self.world.began - timedelta(days=20 + 40 * _chance("received", one.number))

    def _due(self, one: Dossier) -> datetime:
        """When it is due: before the day on which it was done, or now, for those that are late."""
        if "late" in self.broken and self._running(one) and one.number % 2:
            return self.broke["late"] - timedelta(days=1)
        days = 1 + 6 * _chance("due", one.number)
        if self.state(one) in (9, 10):
            return one.touched + timedelta(days=days if one.on_time else -days)
        return self.world.began + timedelta(days=days if one.on_time else -days)


def _chance(what: str, number: int) -> float:
    """A dossier's own number between 0 and 1; a generator for each would be most of the work of a page."""
    return crc32(f"{number}/{what}".encode()) / 2**32


def office_name(number: int) -> str:
    return f"Bộ phận một cửa mẫu {number + 1:03d}"


def stamp(moment: datetime) -> str:
    return moment.astimezone(clock.ZONE).strftime(STAMP)
