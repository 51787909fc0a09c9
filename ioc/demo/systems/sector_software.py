"""The departments' sector software in Phú Yên: figures by commune, and what each holds itself; all of it invented.

Below `/sector_software/`: `<sector>/so-lieu.json`, a row for each commune, and `<sector>/tong.json`, how many there are
and when one changed last. Each sector can be broken apart from the others. The police's cameras are another system;
Labour's database, `labour.db` in this folder, is there only while it is opened.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import datetime, timedelta
from random import Random
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc.clock import ZONE
from ioc.demo import offices
from ioc.demo.systems import System

SECTORS = {
    "education": (9_000, "Sở Giáo dục và Đào tạo"), "finance": (400, "Sở Tài chính"), "transport": (900, "Sở Xây dựng"),
    "agriculture": (60, "Sở Nông nghiệp và Môi trường"), "construction": (40, "Sở Xây dựng"),
    "justice": (700, "Sở Tư pháp"), "culture": (25, "Sở Văn hóa, Thể thao và Du lịch"),
}  # fmt: skip
"""How much a commune has of what the sector counts, at most; and whose it is."""
TILES = {
    "education": "sector_pupils", "finance": "sector_payments", "transport": "sector_vehicles",
    "agriculture": "sector_areas", "construction": "sector_permits", "justice": "sector_registrations",
    "culture": "sector_lodgings",
}  # fmt: skip
"""The figure that each is shown by: it tells of how many communes it is."""
WAYS = {
    "down": "It answers nothing in time.",
    "refused": "It refuses the key.",
    "withheld": "It hands over only half of its rows.",
    "still": "Nothing in it has changed for eight days.",
}
STANDS = timedelta(days=8)
STEP = timedelta(minutes=5)
"""A commune's figure grows by one each so often."""
PATIENCE_S = 4.0
"""Longer than the settings wait for an answer."""


class SectorSoftware(System):
    breaks: ClassVar = {
        **{f"{sector}-{way}": say for sector in SECTORS for way, say in WAYS.items()},
        "labour-open": "Labour's database is there at last.",
    }
    shows: ClassVar = {
        **{f"{sector}-{way}": "source" for sector in SECTORS for way in WAYS},
        **{f"{sector}-withheld": tile for sector, tile in TILES.items()},
        "labour-open": "jobs_new",
    }

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._open: bool | None = None
        self._ways: set[str] = set()
        self._turned: dict[str, datetime] = {}

    def routes(self) -> list[Route]:
        return [Route("/{sector}/so-lieu.json", self.figures), Route("/{sector}/tong.json", self.count)]

    async def begin(self) -> None:
        await self.keep()

    async def keep(self) -> None:
        """Labour's database comes and goes with the way that opens it; a sector that was turned tells all anew."""
        for sector in {way.partition("-")[0] for way in self._ways ^ self.broken}:
            self._turned[sector] = self.world.now
        self._ways = set(self.broken)
        here = "labour-open" in self.broken
        if here is not self._open:
            self._open = here
            self._labour(here)

    def rows(self, sector: str) -> list[dict[str, Any]]:
        """A row of each commune: how much it has now, and since when."""
        most, owner = SECTORS[sector]
        at = self._changed(sector)
        found = []
        for unit in self.world.units:
            chance = Random(f"{self.world.seed}/{sector}/{unit.code}")
            grown = int((at - self.world.began) / STEP)
            told = chance.randrange(most // 4, most) + grown
            found.append({"xa": unit.code, "so": told, "don_vi": owner, "luc": at.isoformat(timespec="seconds")})
        return found

    def _changed(self, sector: str) -> datetime:
        """When its figures changed last: at the last full step, unless it stands still."""
        if f"{sector}-still" in self.broken:
            return (self.world.began - STANDS).astimezone(ZONE)
        steps = (self.world.now - self.world.began) // STEP
        return max(self.world.began + steps * STEP, self._turned.get(sector, self.world.began)).astimezone(ZONE)

    async def _wrong(self, sector: str) -> Response | None:
        if sector not in SECTORS:
            return Response(status_code=404)
        if f"{sector}-down" in self.broken:
            await asyncio.sleep(PATIENCE_S)
            return Response(status_code=503)
        return Response(status_code=401) if f"{sector}-refused" in self.broken else None

    async def figures(self, request: Request) -> Response:
        sector = request.path_params["sector"]
        if (wrong := await self._wrong(sector)) is not None:
            return wrong
        rows = self.rows(sector)
        return JSONResponse({"so_lieu": rows[::2] if f"{sector}-withheld" in self.broken else rows})

    async def count(self, request: Request) -> Response:
        sector = request.path_params["sector"]
        if (wrong := await self._wrong(sector)) is not None:
            return wrong
        newest = self._changed(sector).isoformat(timespec="seconds")
        return JSONResponse({"tong": len(self.world.units), "cap_nhat": newest})

    def _labour(self, here: bool) -> None:
        file, now = self.folder / "labour.db", offices.text(self.world.now)
        if not here:
            file.unlink(missing_ok=True)
            return
        chance = Random(f"{self.world.seed}/labour")
        with closing(offices.new(file)) as base, base:
            base.execute("CREATE TABLE viec_lam (xa TEXT, viec_lam INTEGER, cap_nhat TEXT)")
            rows = [(unit.code, chance.randrange(5, 90), now) for unit in self.world.units]
            base.executemany("INSERT INTO viec_lam VALUES (?, ?, ?)", rows)
        offices.place(file)
