"""The invented province as it is now: all that happens in it, from a seed and a beginning."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from ioc import clock
from ioc.demo.cameras import Cameras
from ioc.demo.citizens import Citizens
from ioc.demo.offices import Dossiers, Vaccinations
from ioc.geo.units import Units
from ioc.settings import Province

PROVINCES = {
    "phu-yen": Province(name="Phú Yên", where="tỉnh Đắk Lắk", province="66", legacy_province="54", demo=True),
}
"""Provinces that a demo can be had of, by the name that the command line takes."""
OLDEST = timedelta(days=2)
"""A world that began longer ago is not taken up again: what happened since would take too long to work out."""


class World:
    """Cameras, citizens and offices; what is there at a time depends on seed, beginning and that time alone."""

    def __init__(self, seed: int, began: datetime, units: Units) -> None:
        self.seed, self.began, self.now = seed, began, began
        self.units = units.all()
        day = began.astimezone(clock.ZONE).date()
        self.cameras = Cameras(seed, began)
        self.citizens = Citizens(seed, began, self.units, lambda lon, lat: units.find(lon, lat, day))
        self.dossiers = Dossiers(seed, began, self.units)
        self.vaccinations = Vaccinations(seed, began, self.units)

    def advance(self, to: datetime) -> None:
        """Let everything happen that is due until `to`."""
        for happening in (self.cameras, self.citizens, self.dossiers, self.vaccinations):
            happening.advance(to)
        self.now = max(self.now, to)

    @property
    def age(self) -> float:
        """Seconds since the beginning."""
        return (self.now - self.began).total_seconds()


def open_world(folder: Path, seed: int, now: datetime, province: str = "phu-yen") -> World:
    """The world that `folder` remembers, gone on until `now`; a new one when it remembers none, or an old one.

    So a simulation that was killed goes on where it would be, and nothing that a source told is taken back.
    """
    file = folder / "world.json"
    began = _began(file, seed, province)
    if began is None or not now - OLDEST < began <= now:
        began = now
        folder.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps({"seed": seed, "province": province, "began": now.isoformat()}), encoding="utf-8")
        fresh.replace(file)
    world = World(seed, began, Units.load(PROVINCES[province], folder))
    world.advance(now)
    return world


def _began(file: Path, seed: int, province: str) -> datetime | None:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return clock.parse(known["began"]) if (known["seed"], known["province"]) == (seed, province) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
