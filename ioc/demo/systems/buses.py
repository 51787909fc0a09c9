"""The buses of Tam Kỳ and Hội An: a GTFS-realtime feed (`/buses/all.pb`) and the stops of its timetable (`stops.txt`).

Six invented lines run to and fro between towns that are there; each bus is where its timetable and the world's time put
it, some minutes late.
"""

from __future__ import annotations

import random
from typing import Any, ClassVar, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ioc.demo.systems import System

PLACES = {
    "tam-ky": ("Bến xe Tam Kỳ", 108.474, 15.566),
    "nui-thanh": ("Bến xe Núi Thành", 108.648, 15.437),
    "ha-lam": ("Hà Lam", 108.361, 15.735),
    "nam-phuoc": ("Nam Phước", 108.264, 15.856),
    "hoi-an": ("Bến xe Hội An", 108.322, 15.885),
    "vinh-dien": ("Vĩnh Điện", 108.238, 15.894),
    "ai-nghia": ("Ái Nghĩa", 108.103, 15.882),
    "tien-ky": ("Tiên Kỳ", 108.308, 15.488),
}
LINES = {
    "TK1": ("tam-ky", "nui-thanh"),
    "TK2": ("tam-ky", "ha-lam", "nam-phuoc", "vinh-dien"),
    "TK3": ("tam-ky", "tien-ky"),
    "HA1": ("hoi-an", "vinh-dien", "ai-nghia"),
    "HA2": ("hoi-an", "nam-phuoc", "ha-lam"),
    "HA3": ("hoi-an", "vinh-dien"),
}
BUSES_A_LINE, ROUND_S = 7, 5_400.0


class _At(NamedTuple):
    lon: float
    lat: float
    course: int
    stop: str
    delay: int


class Buses(System):
    """42 buses on six lines."""

    breaks: ClassVar = {
        "frozen": "The feed is the same, with the same time, for ever.",
        "parked": "Every bus of the lines of Hội An is missing from the feed.",
        "unplaced": "Receivers have lost their fix: each position is 0, 0.",
        "late": "Every bus is 20 minutes late.",
    }
    shows: ClassVar = {
        "frozen": "source", "parked": "buses_running", "unplaced": "buses_unplaced", "late": "trips_late",
    }  # fmt: skip

    async def begin(self) -> None:
        rows = [f"{id},{name},{lat},{lon}" for id, (name, lon, lat) in PLACES.items()]
        text = "\n".join(["stop_id,stop_name,stop_lat,stop_lon", *rows, ""])
        (self.folder / "stops.txt").write_text(text, encoding="utf-8")
        self._stood: bytes | None = None

    def routes(self) -> list[Route]:
        return [Route("/all.pb", self.feed)]

    async def feed(self, _request: Request) -> Response:
        if "frozen" not in self.broken or self._stood is None:
            self._stood = self._made()
        return Response(self._stood, media_type="application/x-protobuf")

    def _made(self) -> bytes:
        from google.transit import gtfs_realtime_pb2 as form

        told = form.FeedMessage()
        told.header.gtfs_realtime_version = "2.0"
        told.header.timestamp = int(self.world.now.timestamp())
        for line, stops in LINES.items():
            if "parked" in self.broken and line.startswith("HA"):
                continue
            for number in range(BUSES_A_LINE):
                self._bus(told, line, stops, number)
        return bytes(told.SerializeToString())

    def _bus(self, told: Any, line: str, stops: tuple[str, ...], number: int) -> None:
        chance = random.Random(f"{self.world.seed}/{line}/{number}")
        at = self._at(stops, number, chance)
        vehicle = told.entity.add(id=f"v-{line}-{number}").vehicle
        vehicle.vehicle.id = f"92B-{chance.randrange(10_000, 99_999)}"
        vehicle.trip.route_id, vehicle.trip.trip_id = line, f"{line}-{number}"
        vehicle.timestamp = told.header.timestamp - chance.randrange(2, 25)
        if "unplaced" in self.broken:
            at = at._replace(lon=0.0, lat=0.0)
        vehicle.position.longitude, vehicle.position.latitude = at.lon, at.lat
        vehicle.position.bearing, vehicle.position.speed = at.course, 6.0 + 9.0 * chance.random()
        trip = told.entity.add(id=f"t-{line}-{number}").trip_update
        trip.trip.route_id, trip.trip.trip_id = line, f"{line}-{number}"
        trip.timestamp = told.header.timestamp
        trip.delay = 1200 if "late" in self.broken else at.delay
        trip.stop_time_update.add(stop_id=at.stop)

    def _at(self, stops: tuple[str, ...], number: int, chance: random.Random) -> _At:
        """Where a bus is on its way to and fro, straight from stop to stop."""
        age = (self.world.now - self.world.began).total_seconds()
        part = (age / ROUND_S + number / BUSES_A_LINE) % 1.0
        way, back = (2 * part, False) if part < 0.5 else (2 - 2 * part, True)
        along = way * (len(stops) - 1)
        leg = min(int(along), len(stops) - 2)
        here, there = PLACES[stops[leg]], PLACES[stops[leg + 1]]
        share = along - leg
        lon, lat = here[1] + share * (there[1] - here[1]), here[2] + share * (there[2] - here[2])
        course = 90 if there[1] > here[1] else 270
        delay = max(0, int(chance.gauss(120, 150)))
        return _At(lon, lat, (course + 180 * back) % 360, stops[leg] if back else stops[leg + 1], delay)
