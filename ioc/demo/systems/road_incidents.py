"""What happens on Quảng Nam's roads: `/road_incidents/su-kien.geojson`, and beside it `tong.json`; all of it invented.

An incident is opened every EVERY_S seconds and is cleared by and by: a register tells those that stand, and no others.
No plates and no names: what it tells is of roads.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any, ClassVar, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.systems import System
from ioc.demo.systems.counters import ROADS

EVERY_S, LONGEST_S = 200, 2 * 3600
KINDS = (("tai_nan", 0.35, 30), ("cam_duong", 0.1, 100), ("thi_cong", 0.25, 115), ("xe_hong", 0.3, 17))
"""Code of a kind, how often it is that one, and how many minutes it stands at most."""


class Incident(NamedTuple):
    number: int
    kind: str
    grave: bool
    road: str
    lon: float
    lat: float
    began: datetime
    ends: datetime


class RoadIncidents(System):
    breaks: ClassVar = {
        "crash": "A pile-up: eight grave accidents at once.",
        "codes": "Kinds are told in codes that nobody agreed.",
        "frozen": "No incident is opened or cleared any more.",
        "token": "The register knows our key no more.",
    }
    shows: ClassVar = {"crash": "road_incidents_grave", "codes": "aside", "frozen": "source", "token": "source"}

    async def begin(self) -> None:
        self._stands: datetime | None = None
        self._crashed: datetime | None = None

    async def keep(self) -> None:
        now = self.world.now
        self._stands = (self._stands or now) if "frozen" in self.broken else None
        self._crashed = (self._crashed or now) if "crash" in self.broken else None

    def routes(self) -> list[Route]:
        return [Route("/su-kien.geojson", self.register), Route("/tong.json", self.tally)]

    def standing(self) -> list[Incident]:
        """Incidents that are not cleared yet, the oldest first."""
        now = self._stands or self.world.now
        last = int(now.timestamp() // EVERY_S)
        drawn = [self._incident(number) for number in range(last - LONGEST_S // EVERY_S, last + 1)]
        found = [one for one in drawn if one.ends > now]
        if self._crashed is not None:
            found += [
                self._incident(number)._replace(kind="tai_nan", grave=True, began=self._crashed)
                for number in range(-8, 0)
            ]
        return found

    def _incident(self, number: int) -> Incident:
        chance = Random(f"{self.world.seed}/road/{number}")
        kind, _, minutes = chance.choices(KINDS, [share for _, share, _ in KINDS])[0]
        road, share = chance.choice(ROADS), chance.uniform(0.05, 0.95)
        lon, lat = (a + share * (b - a) for a, b in zip(road.begins, road.ends, strict=True))
        began = datetime.fromtimestamp(number * EVERY_S, clock.ZONE)
        ends = began + timedelta(minutes=chance.uniform(0.3, 1.0) * minutes)
        grave = kind == "cam_duong" or (kind == "tai_nan" and chance.random() < 0.3)
        return Incident(number, kind, grave, road.name, round(lon, 6), round(lat, 6), began, ends)

    async def register(self, _request: Request) -> Response:
        if "token" in self.broken:
            return JSONResponse({"say": "Khóa không đúng."}, 401)
        return JSONResponse(
            {"type": "FeatureCollection", "features": [self._feature(one) for one in self.standing()]},
            media_type="application/geo+json",
        )

    async def tally(self, _request: Request) -> Response:
        told = self.standing()
        newest = max((one.began for one in told), default=self.world.began)
        return JSONResponse({"tong": len(told), "cap_nhat": newest.isoformat(timespec="seconds")})

    def _feature(self, one: Incident) -> dict[str, Any]:
        code = {kind: str(at) for at, (kind, _, _) in enumerate(KINDS, 41)}[one.kind]
        return {
            "type": "Feature",
            "id": f"SK-{one.number}",
            "geometry": {"type": "Point", "coordinates": [one.lon, one.lat]},
            "properties": {
                "loai": code if "codes" in self.broken else one.kind,
                "muc": "nghiem_trong" if one.grave else "nhe",
                "tuyen": one.road,
                "bat_dau": one.began.isoformat(timespec="seconds"),
            },
        }
