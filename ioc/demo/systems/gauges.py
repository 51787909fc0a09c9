"""The hydrometeorological network: rain gauges in the communes, river stations with their alarm levels.

`/gauges/api/tram`: what a network sends, a row for each station and quantity (`yeu_to`): H (river, m), R1 and R24
(rain of 1 and 24 hours, mm); times are clocks of the country; alarm levels stand beside H. A gauge without data
says -999999 (of R24) or -9999 (of R1). `/gauges/api/tong`: how many rows there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, ClassVar, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.systems import System
from ioc.demo.world import World

EVERY = timedelta(minutes=1)
"""How often a gauge tells a value; real ones do every 10 minutes."""
RAINY_H = 9.0
"""Hours from one spell of rain to the next."""
SHARE_SILENT = 0.3


class River(NamedTuple):
    """A river station and its alarm levels I, II, III in m; `stands`: the level on a dry day."""

    code: str
    name: str
    lon: float
    lat: float
    levels: tuple[float, float, float]
    stands: float


RIVERS = (
    River("AN", "Ái Nghĩa (Vu Gia)", 108.111, 15.882, (6.5, 8.0, 9.0), 3.1),
    River("GT", "Giao Thủy (Thu Bồn)", 108.128, 15.838, (6.5, 7.5, 8.8), 2.4),
    River("CL", "Câu Lâu (Thu Bồn)", 108.282, 15.857, (2.0, 3.0, 4.0), 0.6),
    River("HA", "Hội An (Hoài)", 108.330, 15.874, (1.0, 1.5, 2.0), 0.3),
    River("TK", "Tam Kỳ (Tam Kỳ)", 108.500, 15.566, (1.7, 2.2, 2.7), 0.5),
    River("HK", "Hội Khách (Vu Gia)", 107.906, 15.826, (14.5, 15.5, 16.5), 10.2),
    River("TM", "Thạnh Mỹ (Cái)", 107.832, 15.762, (19.0, 20.5, 22.0), 14.1),
    River("NS", "Nông Sơn (Thu Bồn)", 108.034, 15.703, (11.0, 13.0, 15.0), 6.0),
    River("HD", "Hiệp Đức (Thu Bồn)", 108.107, 15.583, (21.0, 22.5, 24.0), 17.0),
    River("AT", "An Tân (An Tân)", 108.634, 15.424, (2.0, 2.6, 3.2), 0.8),
)


class Gauges(System):
    """Figures depend on seed and time alone, so that a source that starts anew goes on where it would be."""

    breaks: ClassVar = {
        "silent": "A third of the rain gauges say -999999 and -9999.",
        "frozen": "The network answers, and its clock stands still.",
        "renamed": "The column gia_tri is called value.",
        "flood": "The rivers rise past all their levels.",
    }
    shows: ClassVar = {"silent": "stations_silent", "frozen": "source", "renamed": "aside", "flood": "stations_over_2"}

    def __init__(self, name: str, world: World, folder: Path, ports: Any) -> None:
        super().__init__(name, world, folder, ports)
        self._stood: datetime | None = None

    def routes(self) -> list[Route]:
        return [Route("/api/tram", self.told), Route("/api/tong", self.count)]

    async def told(self, request: Request) -> Response:
        """All stations as they are now."""
        self._stood = (self._stood or self.world.now) if "frozen" in self.broken else None
        rows = list(self.rows(self._stood or self.world.now))
        if "renamed" in self.broken:
            rows = [{("value" if name == "gia_tri" else name): value for name, value in row.items()} for row in rows]
        return JSONResponse({"tong": len(rows), "data": rows})

    async def count(self, request: Request) -> Response:
        return JSONResponse({"tong": 2 * len(self.world.units) + len(RIVERS)})

    def rows(self, now: datetime) -> Iterator[dict[str, Any]]:
        """A row for each station and quantity at the last full step before `now`."""
        at = datetime.fromtimestamp(now.timestamp() // EVERY.total_seconds() * EVERY.total_seconds(), clock.ZONE)
        for number, unit in enumerate(self.world.units):
            code = f"M-{unit.code}"
            near = _row(code, f"Trạm mưa {unit.name}", unit.lon, unit.lat, at)
            silent = "silent" in self.broken and Random(f"silent {code}").random() < SHARE_SILENT
            yield {**near, "yeu_to": "R1", "gia_tri": -9999 if silent else self._rain(number, at, 1.0)}
            yield {**near, "yeu_to": "R24", "gia_tri": -999999 if silent else self._rain(number, at, 24.0)}
        for river in RIVERS:
            first, second, third = river.levels
            levels = {"bd1": first, "bd2": second, "bd3": third}
            yield _row(river.code, river.name, river.lon, river.lat, at) | {
                "yeu_to": "H", "gia_tri": self._level(river, at), **levels,
            }  # fmt: skip

    def _noise(self, number: int, at: datetime) -> float:
        """Between -1 and 1, another for each gauge and step."""
        return Random(f"{self.world.seed} {number} {at.timestamp():.0f}").uniform(-1, 1)

    def _wet(self, at: datetime) -> float:
        """How hard it rains in the province, 0 to 1: spells that come and go."""
        turn = (at - self.world.began).total_seconds() / 3600 / RAINY_H * 2 * math.pi
        return max(0.0, math.sin(turn + 0.6))

    def _rain(self, number: int, at: datetime, hours: float) -> float:
        """Millimetres of the last `hours` at one gauge: some communes, mostly in the hills, are given much more."""
        much = Random(f"{self.world.seed} rain {number}").lognormvariate(1.4, 0.7)
        steps = max(1, round(hours))
        fell = sum(self._wet(at - timedelta(hours=hours * part / steps)) for part in range(steps)) * hours / steps
        return round(max(0.0, much * fell * (1 + 0.1 * self._noise(number, at))), 1)

    def _level(self, river: River, at: datetime) -> float:
        """Metres at one river station: it follows the rain, three hours late."""
        first, _, third = river.levels
        noise = 0.02 * self._noise(len(river.name), at)
        if "flood" in self.broken:
            return round(third + 0.4 + noise, 2)
        room = (first - river.stands) * 0.9
        return round(river.stands + room * self._wet(at - timedelta(hours=3)) + noise, 2)


def _row(code: str, name: str, lon: float, lat: float, at: datetime) -> dict[str, Any]:
    said = f"{at.astimezone(clock.ZONE):%d/%m/%Y %H:%M:%S}"
    return {"ma_tram": code, "ten": name, "kinh_do": lon, "vi_do": lat, "thoi_gian": said}
