"""The police's register of incidents: `/public_order/vu-viec.json`, and `tong.json`; all of it invented.

An incident is opened every EVERY_S seconds and closed OPEN_S later.
"""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.systems import System

EVERY_S, OPEN_S = 90, 7_200
KINDS = (("gây rối", False), ("trộm cắp", False), ("cố ý gây thương tích", True), ("tai nạn nghiêm trọng", True))


class PublicOrder(System):
    breaks: ClassVar = {
        "token": "The register knows our key no more.",
        "frozen": "No incident is opened or closed any more.",
        "kinds": "The register tells the kinds of incidents in codes that nobody agreed.",
    }
    shows: ClassVar = {"token": "incidents_open", "frozen": "incidents_open", "kinds": "incidents_open"}

    async def begin(self) -> None:
        self._stands: datetime | None = None

    async def keep(self) -> None:
        """A register that froze tells what it told then."""
        self._stands = (self._stands or self.world.now) if "frozen" in self.broken else None

    def routes(self) -> list[Route]:
        return [Route("/vu-viec.json", self.register), Route("/tong.json", self.count)]

    def incidents(self) -> list[dict[str, Any]]:
        """What was opened within four hours, as the register tells it."""
        now = (self._stands or self.world.now).timestamp()
        last = int(now // EVERY_S)
        return [self._incident(number, now) for number in range(last - 2 * OPEN_S // EVERY_S, last + 1)]

    def _incident(self, number: int, now: float) -> dict[str, Any]:
        chance = Random(f"{self.world.seed}/order/{number}")
        unit, (kind, grave) = chance.choice(self.world.units), chance.choice(KINDS)
        opened = number * EVERY_S
        closed = opened + OPEN_S <= now
        return {
            "so": f"VV-{number}",
            "loai": "9" if "kinds" in self.broken else kind,
            "nghiem_trong": grave,
            "tinh_trang": "closed" if closed else "open",
            "luc": datetime.fromtimestamp(opened + OPEN_S if closed else opened, clock.ZONE).isoformat(),
            "kinh_do": round(unit.lon + chance.uniform(-0.01, 0.01), 6),
            "vi_do": round(unit.lat + chance.uniform(-0.01, 0.01), 6),
        }

    async def register(self, _request: Request) -> Response:
        if "token" in self.broken:
            return JSONResponse({"say": "Khóa không đúng."}, 401)
        return JSONResponse({"vu_viec": self.incidents()})

    async def count(self, _request: Request) -> Response:
        if "token" in self.broken:
            return JSONResponse({"say": "Khóa không đúng."}, 401)
        told = self.incidents()
        return JSONResponse({"tong": len(told), "cap_nhat": max(one["luc"] for one in told)})
