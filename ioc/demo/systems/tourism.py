"""The tourism department's register of stays: `/tourism/luu-tru.json`, beside it `tong.json`; names are invented.

PLACES establishments declare the night's guests, as counts: each anew every DECLARES_S, at a second of its own (a day
of the demo is short). A few have declared nothing for days. All of it depends on seed and time alone.
"""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache
from random import Random
from typing import Any, ClassVar, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo import georeport
from ioc.demo.systems import System
from ioc.geo.units import Unit

PLACES = 420
DECLARES_S = 900
SILENT, SILENT_S = 23, 3 * 86_400
"""So many have declared nothing for that long."""
DAY_S = 4 * 3600.0
"""The houses fill and empty over so many seconds."""
TOWNS = {"Hội An": 14.0, "Điện Bàn": 5.0, "Tam Kỳ": 3.0, "Núi Thành": 1.5, "Tân Hiệp": 3.0, "Duy Nghĩa": 1.0}
"""Where guests stay, and how much more often than elsewhere."""
KINDS = (("khách sạn", 30, 180), ("khu nghỉ dưỡng", 60, 320), ("homestay", 3, 14), ("nhà nghỉ", 6, 25))


class Place(NamedTuple):
    number: int
    kind: str
    rooms: int
    unit: Unit
    lon: float
    lat: float
    full: float
    foreign: float
    quiet: bool


class Tourism(System):
    breaks: ClassVar = {
        "expired": "The register knows our key no more.",
        "frozen": "Nobody declares anything any more; the register answers.",
        "storm": "Guests have left: one room in twelve is occupied.",
        "columns": "The column khach_quoc_te is called kqt.",
        "typo": "Every tenth place tells more rooms occupied than it has.",
    }
    shows: ClassVar = {
        "expired": "source", "frozen": "source", "storm": "stays_occupancy", "columns": "source",
        "typo": "stays_doubtful",
    }  # fmt: skip
    _stands: datetime | None = None

    def routes(self) -> list[Route]:
        return [Route("/luu-tru.json", self.register), Route("/tong.json", self.count)]

    async def keep(self) -> None:
        """A register that froze tells what it told then."""
        self._stands = (self._stands or self.world.now) if "frozen" in self.broken else None

    @property
    def now(self) -> float:
        return (self._stands or self.world.now).timestamp()

    def places(self) -> tuple[Place, ...]:
        return _places(self.world.seed, tuple(self.world.units))

    async def count(self, _request: Request) -> Response:
        told = self.declarations()
        return georeport.tally(len(told), max(clock.parse(one["khai_luc"]) for one in told))

    async def register(self, _request: Request) -> Response:
        if "expired" in self.broken:
            return JSONResponse({"say": "Khóa không đúng."}, 401)
        return JSONResponse({"don_vi": "Sở Văn hóa, Thể thao và Du lịch", "co_so": self.declarations()})

    def declarations(self) -> list[dict[str, Any]]:
        """What each place declared last."""
        return [self._declared(one) for one in self.places()]

    def _declared(self, one: Place) -> dict[str, Any]:
        at = (self.now - one.number * 7) // DECLARES_S * DECLARES_S + one.number * 7 % DECLARES_S
        at = at if at <= self.now else at - DECLARES_S
        at -= SILENT_S if one.quiet else 0
        tide = 0.5 + 0.5 * math.sin(at / DAY_S * 2 * math.pi)
        noise = Random(f"{self.world.seed}/stay/{one.number}/{at:.0f}").uniform(-0.05, 0.05)
        share = min(1.0, max(0.0, one.full * (0.7 + 0.3 * tide) + noise))
        occupied = round(one.rooms * (share / 8 if "storm" in self.broken else share))
        guests = round(occupied * 1.8)
        foreign = round(guests * one.foreign)
        typed = occupied + one.rooms if "typo" in self.broken and one.number % 10 == 0 else occupied
        return {
            "ma": f"LT-{one.number:04d}", "ten": f"Cơ sở lưu trú mẫu {one.number:03d}", "loai": one.kind,
            "xa": one.unit.code, "kinh_do": one.lon, "vi_do": one.lat, "phong": one.rooms, "phong_co_khach": typed,
            ("kqt" if "columns" in self.broken else "khach_quoc_te"): foreign, "khach_noi_dia": guests - foreign,
            "khai_luc": datetime.fromtimestamp(at, clock.ZONE).isoformat(timespec="seconds"),
        }  # fmt: skip


@lru_cache(4)
def _places(seed: int, units: tuple[Unit, ...]) -> tuple[Place, ...]:
    chance = Random(f"{seed}/stays")
    weights = [1 + 8 * sum(more for town, more in TOWNS.items() if town in unit.name) for unit in units]
    made = []
    for number in range(1, PLACES + 1):
        unit = chance.choices(units, [weight if weight > 1 else 0.15 for weight in weights])[0]
        kind, least, most = chance.choices(KINDS, (3, 1, 5, 3))[0]
        spread = 0.3 * math.sqrt(unit.km2) / 111.2
        lon, lat = (round(at + chance.uniform(-spread, spread), 6) for at in (unit.lon, unit.lat))
        full, foreign = chance.uniform(0.45, 0.95), chance.uniform(0.0, 0.75 if "Hội An" in unit.name else 0.3)
        rooms = chance.randrange(least, most)
        made.append(Place(number, kind, rooms, unit, lon, lat, full, foreign, number <= SILENT))
    return tuple(made)
