"""Invented boats off the coast of Quảng Nam: where each is at a time, whether it is heard, and why it is silent.

Names, numbers and ways are made from a seed (dữ liệu mẫu); nothing of it is a real boat. Where a boat is depends on
seed and time alone. Positions are degrees in WGS84, speeds knots, courses degrees from north.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import cached_property
from random import Random
from typing import Any, NamedTuple

FISHING, CARGO = 420, 36
"""Boats of the register, and ships that only pass by and are only heard by AIS."""
REPORT_S = 1800
"""A fishing boat's device tells its place so often."""
PORTS = ((108.672, 15.493), (108.402, 15.872))
REASONS = ("01", "02", "03", "04", "05")
"""Codes of the register: device broken, no power, no satellite, in shelter, under repair."""
ZONES: dict[str, Any] = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature", "id": "cam-1",
            "properties": {"id": "cam-1", "name": "Vùng lõi san hô (mẫu)", "closed": True},
            "geometry": {"type": "Polygon", "coordinates": [[
                [108.99, 15.79], [109.17, 15.72], [109.24, 15.83], [109.07, 15.92], [108.99, 15.79]]]},
        },
        {
            "type": "Feature", "id": "ban-1",
            "properties": {"id": "ban-1", "name": "Trường bắn biển (mẫu)", "closed": True},
            "geometry": {"type": "Polygon", "coordinates": [[
                [109.55, 15.42], [109.86, 15.42], [109.86, 15.62], [109.55, 15.62], [109.55, 15.42]]]},
        },
        {
            "type": "Feature", "id": "luong-1",
            "properties": {"id": "luong-1", "name": "Luồng hàng hải (mẫu)", "closed": False},
            "geometry": {"type": "Polygon", "coordinates": [[
                [110.02, 15.05], [110.12, 15.05], [109.92, 16.45], [109.82, 16.45], [110.02, 15.05]]]},
        },
    ],
}  # fmt: skip
"""Invented zones, as a map file."""
_CLOSED = [zone["geometry"]["coordinates"][0] for zone in ZONES["features"] if zone["properties"]["closed"]]


class Fix(NamedTuple):
    """Where a boat is, and how it moves."""

    lon: float
    lat: float
    course: float
    speed: float


class Boat:
    """One boat. `ais`: it has a transponder; `fishing`: the register knows it; `watch`: the register's code (1 at sea,
    2 in port, 3 laid up)."""

    def __init__(self, number: int, seed: int) -> None:
        random = Random(f"{seed}/boat/{number}")
        self.number, self.fishing = number, number < FISHING
        self.mmsi = 574_900_000 + number if self.fishing else 574_800_000 + number
        self.name = f"QNa-{90_000 + 7 * number}-TS" if self.fishing else f"TAU MAU {number - FISHING + 1:02d}"
        self.length = random.randint(15, 27) if self.fishing else random.randint(80, 190)
        self.phase = random.randrange(REPORT_S)
        self.watch = random.choices("123", (72, 21, 7))[0] if self.fishing else "1"
        self.ais = self.watch == "1" and (not self.fishing or random.random() < 0.4)
        self.reason = random.choice(REASONS) if random.random() < 0.5 else None
        self._unlucky = self.fishing and random.random() < 0.15
        self._spell, self._silent = random.uniform(18, 30) * 3600, random.uniform(4, 15) * 3600
        self._turn, self._period = random.random(), random.uniform(4, 8) * 3600
        self._centre = _ground(random)
        self._radii = (random.uniform(0.02, 0.08), random.uniform(0.02, 0.08))
        self._port = random.choice(PORTS)
        self._berth = (random.uniform(-0.004, 0.004), random.uniform(-0.004, 0.004))

    def at(self, when: datetime) -> Fix:
        """Where it is. Fishing boats circle over their ground, ships go up and down the lane, others lie in port."""
        if self.watch != "1":
            return Fix(self._port[0] + self._berth[0], self._port[1] + self._berth[1], 0.0, 0.0)
        seconds = when.timestamp()
        if not self.fishing:
            return self._passing(seconds)
        angle = 2 * math.pi * (seconds / self._period + self._turn)
        (lon, lat), (across, up) = self._centre, self._radii
        east, north = -across * math.sin(angle), up * math.cos(angle)
        here = (lon + across * math.cos(angle), lat + up * math.sin(angle))
        return _fix(*here, east * 2 * math.pi / self._period, north * 2 * math.pi / self._period)

    def _passing(self, seconds: float) -> Fix:
        """Up or down the lane between 15° and 16.5° north in five hours; then it begins anew from the other end."""
        share = (seconds / 18_000 + self._turn) % 1
        way = 1 if self.number % 2 else -1
        north = share if way == 1 else 1 - share
        side = 0.03 * way + self._berth[0] * 5
        return _fix(110.07 - 0.21 * north + side, 15.0 + 1.5 * north, way * -0.21 / 18_000, way * 1.5 / 18_000)

    def heard(self, when: datetime) -> datetime:
        """When its device told its last place: every REPORT_S, but not while it is silent."""
        seconds = when.timestamp()
        last = seconds - (seconds + self.phase) % REPORT_S
        if self._unlucky and self.watch == "1":
            into = (last + self._turn * self._spell) % self._spell
            if into < self._silent:
                last -= into + (last - into + self.phase) % REPORT_S
        return when - timedelta(seconds=seconds - last)


def _ground(random: Random) -> tuple[float, float]:
    """Where a boat fishes: off the coast, which runs from 108.26° in the north to 108.72° in the south. Most keep out
    of the closed zones."""
    while True:
        lat = random.uniform(15.15, 16.25)
        lon = 108.72 - (lat - 15.4) * 0.77 + random.uniform(0.3, 1.6)
        near = any(
            min(x for x, _ in ring) - 0.08 < lon < max(x for x, _ in ring) + 0.08
            and min(y for _, y in ring) - 0.08 < lat < max(y for _, y in ring) + 0.08
            for ring in _CLOSED
        )
        if not near or random.random() < 0.08:
            return lon, lat


def _fix(lon: float, lat: float, east: float, north: float) -> Fix:
    """`east`, `north`: degrees a second."""
    east_nm, north_nm = east * 60 * math.cos(math.radians(lat)) * 3600, north * 60 * 3600
    course = math.degrees(math.atan2(east_nm, north_nm)) % 360
    return Fix(round(lon, 6), round(lat, 6), round(course, 1) % 360, round(math.hypot(east_nm, north_nm), 1))


class Fleet:
    """All boats of a seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @cached_property
    def boats(self) -> list[Boat]:
        return [Boat(number, self.seed) for number in range(FISHING + CARGO)]
