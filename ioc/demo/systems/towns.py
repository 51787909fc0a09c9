"""The pilots of four towns, each with a server of its own below `/towns/`; all of it invented.

`tam_ky/api/tu-dien` (cabinets of street lights: lamps that are out) and `nui_thanh/api/ngap` (depths at low roads) send
rows; `hoi_an/ngsi-ld/v1` (car parks: free places) and `dien_ban/ngsi-ld/v1` (fine dust) are context brokers. Values
depend on seed and time alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any, ClassVar, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.systems import System

EVERY_S = 60
STORM_CM = 45
"""Centimetres that a cloudburst adds on every low road."""


class Town(NamedTuple):
    """How many things a town's pilot has, about which place, and what they are called."""

    many: int
    lon: float
    lat: float
    name: str


TOWNS = {
    "tam_ky": Town(24, 108.487, 15.566, "Tủ điện chiếu sáng"),
    "hoi_an": Town(12, 108.335, 15.881, "Bãi xe"),
    "dien_ban": Town(10, 108.245, 15.905, "Cảm biến bụi"),
    "nui_thanh": Town(8, 108.61, 15.45, "Điểm ngập"),
}


class Towns(System):
    breaks: ClassVar = {
        "dark": "Tam Kỳ: a third of the cabinets has no current.",
        "full": "Hội An: a festival, every car park is full.",
        "smoke": "Điện Bàn: the craft villages burn their waste.",
        "cloudburst": "Núi Thành: the low roads are under water.",
        "expired": "Hội An's broker knows our key no more.",
        "silent": "Every other thing of all towns stands still for two hours.",
    }
    shows: ClassVar = {
        "dark": "tam_ky__lamps_out", "full": "hoi_an__places_free", "smoke": "dien_ban__dust",
        "cloudburst": "nui_thanh__flooded", "expired": "source", "silent": "tam_ky__silent",
    }  # fmt: skip

    def routes(self) -> list[Route]:
        return [
            Route("/tam_ky/api/tu-dien", self._rows("tam_ky", self.lamps)),
            Route("/nui_thanh/api/ngap", self._rows("nui_thanh", self.depth)),
            Route("/hoi_an/ngsi-ld/v1/entities", self._broker("hoi_an", self.parking)),
            Route("/dien_ban/ngsi-ld/v1/entities", self._broker("dien_ban", self.dust)),
        ]

    def seen(self, number: int) -> datetime:
        """When that thing told its value: at the last full step, or long ago."""
        still = "silent" in self.broken and number % 2 == 1
        now = self.world.now - timedelta(hours=2) if still else self.world.now
        return datetime.fromtimestamp(now.timestamp() // EVERY_S * EVERY_S, clock.ZONE)

    def spot(self, town: str, number: int) -> tuple[float, float]:
        chance, about = Random(f"{self.world.seed}/{town}/{number}"), TOWNS[town]
        return tuple(round(at + chance.uniform(-0.02, 0.02), 6) for at in (about.lon, about.lat))  # type: ignore[return-value]

    def lamps(self, number: int, at: datetime) -> float:
        """Lamps of a cabinet that are out, of forty."""
        if "dark" in self.broken and number % 3 == 0:
            return 40
        return self._chance("lamps", number, at.timestamp() // 600).choice((0, 0, 0, 1, 1, 2, 4))

    def depth(self, number: int, at: datetime) -> float:
        """Centimetres of water on a low road: with the tide, mostly none."""
        tide = math.sin(at.timestamp() / (6.2 * 3600) * 2 * math.pi) * 6 - 2 + number % 3
        dry = max(0.0, tide + self._chance("depth", number, at.timestamp()).uniform(-0.5, 0.5))
        return round(dry + (STORM_CM if "cloudburst" in self.broken else 0), 1)

    def parking(self, number: int, at: datetime) -> dict[str, Any]:
        """A car park: its places, and those that are free."""
        places = 40 + 15 * (number % 5)
        taken = 0.5 + 0.3 * math.sin((at.timestamp() / 3600 + number) / 5 * 2 * math.pi)
        taken += self._chance("parking", number, at.timestamp()).uniform(-0.05, 0.05)
        free = 0 if "full" in self.broken else round(places * (1 - taken))
        told = {"totalSpotNumber": places, "availableSpotNumber": free}
        return {"type": "OffStreetParking"} | {name: _measured(value, at) for name, value in told.items()}

    def dust(self, number: int, at: datetime) -> dict[str, Any]:
        """Fine dust at one sensor, in micrograms in a cubic metre."""
        usual = 14 + number + self._chance("dust", number, at.timestamp()).uniform(-2, 2)
        return {
            "type": "AirQualityObserved",
            "pm25": _measured(round(usual + (90 if "smoke" in self.broken else 0), 1), at, "GQ"),
        }

    def _chance(self, what: str, number: int, at: float) -> Random:
        return Random(f"{self.world.seed}/{what}/{number}/{at:.0f}")

    def _rows(self, town: str, value: Callable[[int, datetime], float]) -> Any:
        async def told(_request: Request) -> Response:
            return JSONResponse({"data": [self._row(town, number, value) for number in range(TOWNS[town].many)]})

        return told

    def _row(self, town: str, number: int, value: Callable[[int, datetime], float]) -> dict[str, Any]:
        at, (lon, lat) = self.seen(number), self.spot(town, number)
        return {
            "ma": f"{town}-{number:02d}", "ten": f"{TOWNS[town].name} mẫu {number + 1:02d}", "x": lon, "y": lat,
            "loai": "do", "gia_tri": value(number, at), "luc": at.isoformat(),
        }  # fmt: skip

    def _broker(self, town: str, attributes: Callable[[int, datetime], dict[str, Any]]) -> Any:
        async def entities(request: Request) -> Response:
            if "expired" in self.broken and town == "hoi_an":
                return JSONResponse({"title": "The token has expired."}, 401)
            first, size = int(request.query_params.get("offset", 0)), int(request.query_params.get("limit", 20))
            told = [self._entity(town, number, attributes) for number in range(TOWNS[town].many)]
            return JSONResponse(told[first : first + size])

        return entities

    def _entity(self, town: str, number: int, attributes: Callable[[int, datetime], dict[str, Any]]) -> dict[str, Any]:
        own = attributes(number, self.seen(number))
        return own | {
            "id": f"urn:ngsi-ld:{own['type']}:{town}-{number:02d}",
            "name": {"type": "Property", "value": f"{TOWNS[town].name} mẫu {number + 1:02d}"},
            "location": {
                "type": "GeoProperty",
                "value": {"type": "Point", "coordinates": list(self.spot(town, number))},
            },
        }


def _measured(value: float, at: datetime, unit: str | None = None) -> dict[str, Any]:
    told = {"type": "Property", "value": value, "observedAt": clock.rfc3339(at)}
    return told | ({"unitCode": unit} if unit is not None else {})
