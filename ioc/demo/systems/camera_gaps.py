"""The list of crossroads that should be watched (`nut-giao.csv`, invented), and the cameras that watch them.

Each place of the town's cameras is a crossroads of the list; so are WARD of each ward of the province, where no camera
is.
The cameras themselves are served by the province's registry; here they can be put out.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from ioc.demo import sheets
from ioc.demo.systems import System
from ioc.geo.units import Unit

FILE = "nut-giao.csv"
WARD = 2
EVERY_OTHER = 3
"""One place of so many loses its cameras in a blackout."""
UNLISTED = ("phu-yen",)
"""Provinces whose settings take the places from the cameras themselves: nobody reads the list there."""


class CameraGaps(System):
    breaks: ClassVar = {
        "blackout": "The cameras of every third place are without power.",
        "columns": "The list has lost its column lon.",
        "lost": "The list is not there any more.",
    }
    shows: ClassVar = {"blackout": "tile", "columns": "source", "lost": "source"}

    def ways(self) -> Mapping[str, str]:
        if self.world.plan.province not in UNLISTED:
            return self.breaks
        return {"blackout": self.breaks["blackout"]}

    async def begin(self) -> None:
        self._out: set[str] = set()
        self._written = ""
        self._rows = self.rows()
        await self.keep()

    async def keep(self) -> None:
        cameras = self.world.cameras
        dark = set(self.places()[::EVERY_OTHER]) if "blackout" in self.broken else set()
        wanted = {one.id for one in cameras.cameras if one.place in dark}
        for id in sorted(self._out - wanted):
            cameras.let_go(id, self.world.now)
        for id in sorted(wanted - self._out):
            cameras.put_out(id, self.world.now)
        self._out = wanted
        if "lost" in self.broken:
            (self.folder / FILE).unlink(missing_ok=True)
            self._written = ""
            return
        lon = "kinh_do" if "columns" in self.broken else "lon"
        text = "\ufeff" + "\n".join([f"code;name;{lon};lat;from;to", *self._rows, ""])
        if text != self._written:
            sheets.drop(self.folder, FILE, text.encode())
            self._written = text

    def places(self) -> list[str]:
        """Where the town's cameras stand."""
        return sorted({one.place for one in self.world.cameras.cameras})

    def rows(self) -> list[str]:
        """The list as the department keeps it, without its head."""
        found = []
        for place in self.places():
            first = next(one for one in self.world.cameras.cameras if one.place == place)
            at = first.lon_lat
            found.append(f"{place};{first.name.rpartition(' ')[0]};{at[0]:.5f};{at[1]:.5f};2025-07-01;")
        for unit in self.world.units:
            if unit.name.startswith("Phường"):
                found += [self._beside(unit, number) for number in range(1, WARD + 1)]
        return found

    def _beside(self, unit: Unit, number: int) -> str:
        """A crossroads of a ward, some hundred metres from its middle."""
        chance = Random(f"{self.world.seed}/crossroad/{unit.code}/{number}")
        lon, lat = (middle + chance.choice((-1, 1)) * chance.uniform(0.006, 0.012) for middle in (unit.lon, unit.lat))
        return f"{unit.code}-{number};Ngã tư {number}, {unit.name};{lon:.5f};{lat:.5f};2025-07-01;"
