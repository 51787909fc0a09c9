"""The loops of Quảng Nam's roads, behind an OGC SensorThings server (1.1): `/counters/v1.1`; all of it invented.

48 Things, each with its Location and two Datastreams: vehicles and mean speed of five minutes. What a loop tells of a
span stands there when the span has ended; spans of different loops end at different seconds, so that there is always
something new. Lists come in pages (`$top`, `$skip`, `@iot.nextLink`), with what the adapter lets expand.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from random import Random
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.systems import System

SPAN = timedelta(minutes=5)
PAGE, PAGE_MOST = 50, 100
QUANTITIES = (("Vehicle count", "xe", "xe"), ("Mean speed", "km/h", "km/h"))
SHARE_SILENT = 0.3


class Road(NamedTuple):
    """A road with its loops along a line from `begins` to `ends`; `busy`: vehicles of five minutes at the peak."""

    name: str
    begins: tuple[float, float]
    ends: tuple[float, float]
    loops: int
    busy: int
    free_kmh: int


ROADS = (
    Road("QL1", (108.232, 15.905), (108.640, 15.440), 14, 130, 60),
    Road("Cao tốc Đà Nẵng – Quảng Ngãi", (108.140, 15.870), (108.560, 15.470), 10, 90, 100),
    Road("QL14B", (108.100, 15.905), (107.860, 15.760), 6, 45, 50),
    Road("QL14E", (108.340, 15.735), (108.020, 15.560), 5, 35, 50),
    Road("QL40B", (108.470, 15.560), (108.230, 15.340), 5, 30, 50),
    Road("ĐT.607", (108.240, 15.930), (108.320, 15.890), 4, 60, 50),
    Road("Võ Chí Công", (108.400, 15.830), (108.560, 15.600), 4, 40, 70),
)


class Loop(NamedTuple):
    number: int
    name: str
    road: Road
    lon: float
    lat: float
    offset: timedelta


def loops(seed: int) -> list[Loop]:
    """All loops, by number; each has its own place on its road and its own second at which spans end."""
    found: list[Loop] = []
    for road in ROADS:
        for at in range(road.loops):
            chance = Random(f"{seed}/loop/{road.name}/{at}")
            share = (at + 0.5) / road.loops
            lon, lat = (
                a + share * (b - a) + chance.uniform(-0.004, 0.004) for a, b in zip(road.begins, road.ends, strict=True)
            )
            offset = timedelta(seconds=chance.randrange(int(SPAN.total_seconds())))
            found.append(
                Loop(len(found) + 1, f"{road.name} Km{8 + 6 * at}", road, round(lon, 6), round(lat, 6), offset)
            )
    return found


class Counters(System):
    breaks: ClassVar = {
        "silent": "A third of the loops send nothing more.",
        "cut": "The loops' wires are cut on QL1: their observations hold no result.",
        "jam": "The roads are full: nobody drives faster than a fourth of the free speed.",
        "renamed": "The observed property Mean speed is called Vitesse moyenne.",
        "frozen": "The server answers, and its observations are those of an hour ago.",
    }
    shows: ClassVar = {
        "silent": "counters_silent", "cut": "counters_silent", "jam": "roads_slow", "renamed": "aside",
        "frozen": "source",
    }  # fmt: skip

    async def begin(self) -> None:
        self._loops = loops(self.world.seed)
        self._stood: dict[int, datetime] = {}
        self._froze: datetime | None = None

    async def keep(self) -> None:
        """What fell silent stands where it stood then."""
        now = self.world.now
        self._froze = (self._froze or now - timedelta(hours=1)) if "frozen" in self.broken else None
        if "silent" not in self.broken:
            self._stood = {}
            return
        for loop in self._loops:
            if Random(f"silent {loop.number}").random() < SHARE_SILENT:
                self._stood.setdefault(loop.number, now)

    def routes(self) -> list[Route]:
        return [
            Route("/v1.1", self.root),
            Route("/v1.1/Things", self.things),
            Route("/v1.1/Datastreams", self.datastreams),
        ]

    async def root(self, request: Request) -> Response:
        base = str(request.url).rstrip("/")
        served = [{"name": name, "url": f"{base}/{name}"} for name in ("Things", "Datastreams")]
        return JSONResponse({"value": served, "serverSettings": {"conformance": [
            "http://www.opengis.net/spec/iot_sensing/1.1/req/datamodel",
        ]}})  # fmt: skip

    async def things(self, request: Request) -> Response:
        return self._page(request, [_thing(loop) for loop in self._loops])

    async def datastreams(self, request: Request) -> Response:
        """Every datastream with its thing and its newest observation."""
        return self._page(request, [self._stream(loop, at) for loop in self._loops for at in (0, 1)])

    def _page(self, request: Request, all: list[dict[str, Any]]) -> Response:
        asked = dict(request.query_params)
        try:
            top, skip = min(int(asked.get("$top", PAGE)), PAGE_MOST), int(asked.get("$skip", 0))
            if top < 1 or skip < 0:
                raise ValueError(f"{top}, {skip}")
        except ValueError:
            return JSONResponse({"code": 400, "message": "$top and $skip are whole numbers."}, 400)
        told: dict[str, Any] = {"@iot.count": len(all), "value": all[skip : skip + top]}
        if skip + top < len(all):
            following = urlencode({**asked, "$top": top, "$skip": skip + top})
            told["@iot.nextLink"] = f"{request.url.path}?{following}"
        return JSONResponse(told)

    def _stream(self, loop: Loop, at: int) -> dict[str, Any]:
        property, unit, symbol = QUANTITIES[at]
        if "renamed" in self.broken and property == "Mean speed":
            property = "Vitesse moyenne"
        now = self._stood.get(loop.number, self._froze or self.world.now)
        ends = _ended(now - loop.offset) + loop.offset
        begins = ends - SPAN
        cut = "cut" in self.broken and loop.road.name == "QL1"
        said = f"{begins.isoformat(timespec='seconds')}/{ends.isoformat(timespec='seconds')}"
        return {
            "@iot.id": 2 * loop.number + at - 1,
            "name": f"{property}, {loop.name}",
            "unitOfMeasurement": {"name": unit, "symbol": symbol, "definition": ""},
            "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
            "ObservedProperty": {"@iot.id": at + 1, "name": property, "description": property},
            "Thing": _thing(loop),
            "Observations": [{
                "@iot.id": int(ends.timestamp()) * 1000 + 2 * loop.number + at,
                "phenomenonTime": said,
                "resultTime": ends.isoformat(timespec="seconds"),
                "result": None if cut else self._counted(loop, ends)[at],
            }],
        }  # fmt: skip

    def _counted(self, loop: Loop, ends: datetime) -> tuple[int, float]:
        """Vehicles of the five minutes until `ends`, and their mean speed: two peaks a day, and quiet nights."""
        chance = Random(f"{self.world.seed}/{loop.number}/{int(ends.timestamp())}")
        hour = ends.astimezone(clock.ZONE).hour + ends.astimezone(clock.ZONE).minute / 60
        peaks = math.exp(-(((hour - 7.2) / 1.3) ** 2)) + math.exp(-(((hour - 17.3) / 1.6) ** 2))
        full = min(1.0, 0.12 + (0.4 if 5.5 < hour < 21 else 0.0) + 0.5 * peaks) * chance.uniform(0.8, 1.1)
        share = 0.22 if "jam" in self.broken else max(0.2, 1.0 - 0.45 * full - 0.12 * chance.random())
        return round(loop.road.busy * full), round(loop.road.free_kmh * share * chance.uniform(0.94, 1.04), 1)


def _ended(at: datetime) -> datetime:
    seconds = SPAN.total_seconds()
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, clock.ZONE)


def _thing(loop: Loop) -> dict[str, Any]:
    place = {"type": "Point", "coordinates": [loop.lon, loop.lat]}
    return {
        "@iot.id": f"DX-{loop.number:02d}",
        "name": loop.name,
        "description": "Vòng từ đếm xe (dữ liệu mẫu)",
        "properties": {"road": loop.road.name, "free_kmh": loop.road.free_kmh},
        "Locations": [{"name": loop.name, "encodingType": "application/geo+json", "location": place}],
    }
