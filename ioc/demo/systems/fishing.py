"""A simulated fishing-vessel monitoring system: a list of boats with their last places, over JSON with a key.

Boats tell their place every half an hour; about one in ten falls silent now and then, some with a reason. All is
invented (`ioc.demo.fleet`).
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo import SYSTEMS_KEY
from ioc.demo.fleet import Boat, Fleet
from ioc.demo.systems import System


class Monitoring(System):
    breaks: ClassVar = {
        "token": "The key has run out: it answers 401.",
        "schema": "The time of a place has another name.",
        "frozen": "The list stands still, as if nobody fed it.",
        "half": "Every other boat at sea is silent for seven hours; who knows newer places sees it later.",
        "codes": "Reasons come in codes that nobody knows.",
        "gone": "It answers 503.",
    }
    shows: ClassVar = {
        "half": "nothing", "token": "source", "schema": "aside", "frozen": "source", "codes": "aside", "gone": "source",
    }  # fmt: skip

    def routes(self) -> list[Route]:
        return [Route("/tau.json", self.boats), Route("/tong.json", self.count)]

    async def begin(self) -> None:
        self.fleet = Fleet(self.world.seed)
        self._stood: Any = None
        self._key = os.environ.get(SYSTEMS_KEY, "")

    async def boats(self, request: Request) -> Response:
        if (no := self._refused(request)) is not None:
            return no
        if "frozen" not in self.broken or self._stood is None:
            self._stood = [self._row(boat) for boat in self.fleet.boats if boat.fishing]
        return JSONResponse({"tau": self._stood})

    async def count(self, request: Request) -> Response:
        """How many boats the list holds."""
        return self._refused(request) or JSONResponse({"tong": sum(boat.fishing for boat in self.fleet.boats)})

    def _refused(self, request: Request) -> Response | None:
        if "gone" in self.broken:
            return Response(status_code=503)
        if "token" in self.broken or not self._key or request.headers.get("x-api-key") != self._key:
            return JSONResponse({"loi": "Khóa hết hạn."}, 401)
        return None

    def _row(self, boat: Boat) -> dict[str, Any]:
        now = self.world.now
        heard = boat.heard(now)
        if "half" in self.broken and boat.number % 2 and boat.watch == "1":
            heard = min(heard, now - timedelta(hours=7))
        fix = boat.at(heard)
        silent = boat.watch == "1" and now - heard >= timedelta(hours=2)
        reason = boat.reason if silent else None
        at = "luc" if "schema" in self.broken else "vi_tri_luc"
        return {
            "so_dang_ky": boat.name,
            "mmsi": boat.mmsi,
            "chieu_dai_m": boat.length,
            "trang_thai": boat.watch,
            at: clock.rfc3339(heard.replace(microsecond=0)),
            "kinh_do": fix.lon,
            "vi_do": fix.lat,
            "huong": fix.course,
            "toc_do": fix.speed,
            "ma_ly_do": "9" + reason if reason is not None and "codes" in self.broken else reason,
        }
