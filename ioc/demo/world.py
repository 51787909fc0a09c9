"""The invented province as it is now: all that happens in it, from a seed and a beginning."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec

from ioc import clock
from ioc.demo import cameras, citizens
from ioc.demo.cameras import Cameras, Town
from ioc.demo.citizens import Citizens
from ioc.demo.offices import CONNECTED, OFFICES, Dossiers, Vaccinations
from ioc.geo.units import Units
from ioc.settings import Province

PROVINCES = {
    "phu-yen": Province(name="Phú Yên", where="tỉnh Đắk Lắk", province="66", legacy_province="54", demo=True),
    "tay-ninh": Province(name="Tây Ninh", where="tỉnh Tây Ninh", province="80", legacy_province="72", demo=True),
    "quang-nam": Province(name="Quảng Nam", where="TP Đà Nẵng", province="48", legacy_province="49", demo=True),
    "nghe-an": Province(name="Nghệ An", province="40", demo=True),
}
"""Provinces that a demo can be had of, by the name that the command line takes."""
OLDEST = timedelta(days=2)
"""A world that began longer ago is not taken up again: what happened since would take too long to work out."""


class Plan(msgspec.Struct, frozen=True):
    """In what one province's world differs from another's; see `cameras`, `citizens` and `offices`.

    `systems`: the simulated systems that it runs beside those (`ioc.demo.systems`): those of which its settings include
    a part. `province`: its name on the command line.
    """

    town: Town
    ways: dict[citizens.Way, float]
    prefix: str
    shops: tuple[int, int] = (OFFICES, CONNECTED)
    behind: timedelta = timedelta()
    systems: tuple[str, ...] = ()
    province: str = "phu-yen"


def _systems(province: str) -> tuple[str, ...]:
    here = Path(__file__).parent
    parts = {path.stem for path in (here / "modules" / province).glob("*.toml")}
    return tuple(sorted(parts & {path.stem for path in (here / "systems").glob("*.py")}))


_PLANS = {
    "phu-yen": Plan(cameras.TUY_HOA, citizens.PHU_YEN, "PY"),
    # the vaccination database is late, as the province said of its own
    "tay-ninh": Plan(cameras.TAY_NINH, citizens.TAY_NINH, "TN", (94, 71), timedelta(hours=26)),
    "quang-nam": Plan(cameras.TAM_KY, citizens.QUANG_NAM, "QN"),
    "nghe-an": Plan(cameras.VINH, citizens.PHU_YEN, "NA"),
}
PLANS = {name: msgspec.structs.replace(plan, province=name, systems=_systems(name)) for name, plan in _PLANS.items()}
"""What is in each province's world, by the same names."""


class World:
    """Cameras, citizens and offices; what is there at a time depends on seed, beginning and that time alone."""

    def __init__(self, seed: int, began: datetime, units: Units, plan: Plan = PLANS["phu-yen"]) -> None:
        self.seed, self.began, self.now, self.plan = seed, began, began, plan
        self.units = units.all()
        day = began.astimezone(clock.ZONE).date()
        self.cameras = Cameras(seed, began, plan.town)
        find = partial(units.find, on=day)
        self.citizens = Citizens(seed, began, self.units, find, plan.ways, plan.prefix)
        self.dossiers = Dossiers(seed, began, self.units, plan.shops)
        self.vaccinations = Vaccinations(seed, began, self.units, plan.behind)

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
    world = World(seed, began, Units.load(PROVINCES[province], folder), PLANS[province])
    world.advance(now)
    return world


def _began(file: Path, seed: int, province: str) -> datetime | None:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return clock.parse(known["began"]) if (known["seed"], known["province"]) == (seed, province) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
