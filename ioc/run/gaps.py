"""Keeps the gaps in what cameras see: what should be watched is held against the cameras on the board.

It works on what the layer of cameras knows now, whatever registries that comes from, and tells the log what is another,
as a source does (`adapters/camera_gaps.py`). A camera that does not live watches nothing: frozen, late or down.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ioc import clock, contract, intake, roll
from ioc.board import Board
from ioc.errors import BadConfig, BadRecord, Gap
from ioc.event import Feature
from ioc.geo import place
from ioc.geo.units import Units
from ioc.intake import worked
from ioc.intake.worked import Standing, Worked
from ioc.layer import Item
from ioc.log import Log
from ioc.roll import Listed, Roll
from ioc.run.following import Following
from ioc.settings import Source
from ioc.workdays import Calendar

CAMERAS, GAPS = "cameras", "camera_gaps"
"""The layer that is looked at, and the one that keeps what is found."""
BLIND = frozenset({"never", "stale", "down"})
"""Whoever's cameras are in such a state says nothing of which of them live."""
EARTH_M = 6_371_008.8

logger = logging.getLogger("ioc.gaps")


class Rules(Protocol):
    """What the settings say (`adapters/camera_gaps.py`)."""

    event: str
    crossroads: Roll | None
    crs: int
    within_m: float
    communes: bool
    places: bool


class Camera(NamedTuple):
    """A camera as the board has it. `at`: longitude and latitude; `since`: when it became as it is."""

    live: bool
    since: datetime
    at: tuple[float, float] | None
    unit: str | None
    place: str | None


class Spot(NamedTuple):
    """One thing that should be watched, with the cameras that stand there."""

    kind: str
    name: str
    at: tuple[float, float] | None
    unit: str | None
    cameras: list[Camera]


class Gaps:
    """Works out the gaps of one source of the settings. `feeding`: the sources of cameras. `standing`: what the archive
    knows of gaps that the log has lost."""

    def __init__(
        self,
        board: Board,
        log: Log,
        source: Source,
        rules: Rules,
        units: Units,
        *,
        feeding: Mapping[str, Source],
        standing: Standing,
        calendar: Calendar = contract.CALENDAR,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self.log, self.source, self.rules, self.units = log, source, rules, units
        self.feeding, self.standing, self.calendar, self._now = feeding, standing, calendar, now
        self._cameras = Following(board, CAMERAS, camera)
        self._found = Following(board, GAPS, Item.decode)
        self._list: tuple[tuple[int, int], tuple[Listed, ...]] | None = None

    async def run(self) -> None:
        """Look for ever. StoreAway goes up to the role, which begins again."""
        while True:
            try:
                await self.turn()
            except Gap:
                # somebody else noted something of this source: tell what is found by what is known now
                continue
            await asyncio.sleep(self.source.contract.pace)

    async def turn(self) -> dict[str, Worked]:
        """Look once, and tell what is another now; returns what was found, or nothing while that can't be known."""
        now = self._now()
        await self._cameras.read()
        await self._found.read()
        try:
            await self._see(now)
            spots = await asyncio.to_thread(self._spots, now)
        except BadConfig as error:
            known = await self.log.known(self.source.name)
            if known.answered is None or known.answered.error is None:
                logger.warning("%s: %s", self.source.name, error)
            await intake.fail(self.log, self.source.name, known, error.say, asked=now)
            return {}
        told = {subject: self._told(subject, spot) for subject, spot in spots.items()}
        name, kind = self.source.name, self.rules.event
        await worked.tell(self.log, name, kind, told, have=len(told), now=now, standing=self.standing)
        return told

    async def _see(self, now: datetime) -> None:
        """Raises BadConfig while nobody can say which cameras live."""
        answers = await self.log.answers()
        for name, source in self.feeding.items():
            state = contract.judge(source.contract, answers.get(name), now, self.calendar).state
            if state in BLIND:
                say = f"The cameras of {name} are {state}: which of them live is not known; see to that source first."
                raise BadConfig(say)
        if not self._cameras.there:
            raise BadConfig("The board of cameras is not there yet; it is looked at again soon.")

    def _spots(self, now: datetime) -> dict[str, Spot]:
        """All that should be watched, by its subject. Raises BadConfig when the list can't be read."""
        cameras = list(self._cameras.items.values())
        found = dict(self._crossroads(now, cameras))
        if self.rules.communes:
            there = _by(cameras, "unit")
            for unit in self.units.all():
                spot = Spot("commune", unit.name, (unit.lon, unit.lat), unit.code, there.get(unit.code, []))
                found[f"commune/{unit.code}"] = spot
        if self.rules.places:
            for name, those in sorted(_by(cameras, "place").items()):
                found[f"place/{name}"] = Spot("place", name, _middle(those), those[0].unit, those)
        return found

    def _crossroads(self, now: datetime, cameras: list[Camera]) -> Iterator[tuple[str, Spot]]:
        if self.rules.crossroads is None:
            return
        day = now.astimezone(clock.ZONE).date()
        listed = [one for one in self._read(self.rules.crossroads) if (one.first or day) <= day <= (one.last or day)]
        places = [self._place(one) for one in listed]
        near = Near(cameras, self.rules.within_m)
        for one, at, unit in zip(listed, places, self.units.find_many(places, day), strict=True):
            yield f"crossroad/{one.code}", Spot("crossroad", one.name, at, unit, near.of(at))

    def _read(self, rolled: Roll) -> tuple[Listed, ...]:
        if rolled.listed:
            return rolled.listed
        file = Path(rolled.file)
        try:
            told = file.stat()
        except OSError as error:
            say = f"The list of crossroads can't be read ({error.strerror}); put the file {file.name} there."
            raise BadConfig(say) from None
        mark = (told.st_mtime_ns, told.st_size)
        if self._list is None or self._list[0] != mark:
            self._list = (mark, roll.read(file))
        return self._list[1]

    def _place(self, one: Listed) -> tuple[float, float]:
        if one.lon is None or one.lat is None:
            say = f"The list of crossroads tells no place for {one.code}; write its columns lon and lat."
            raise BadConfig(say)
        try:
            lon, lat = place.point(one.lon, one.lat, self.rules.crs, None)["coordinates"]
        except BadRecord as bad:
            raise BadConfig(f"The list of crossroads has {one.code} where it can't be: {bad.say}") from None
        return lon, lat

    def _told(self, subject: str, spot: Spot) -> Worked:
        live = sum(one.live for one in spot.cameras)
        properties: dict[str, Any] = {
            "kind": spot.kind, "name": spot.name, "cameras": len(spot.cameras), "live": live,
        }  # fmt: skip
        if not live and (since := self._since(subject, spot.cameras)) is not None:
            properties["since"] = since
        geometry = {"type": "Point", "coordinates": list(spot.at)} if spot.at is not None else None
        return Worked(Feature(properties, geometry), spot.unit)

    def _since(self, subject: str, cameras: list[Camera]) -> str | None:
        """From when on none of them lives: as it was told before, else when the last of them became as it is."""
        before = self._found.items.get(subject)
        if before is not None and before.properties.get("since") is not None:
            return str(before.properties["since"])
        last = max((one.since for one in cameras), default=None)
        return clock.rfc3339(last) if last is not None else None


def camera(body: bytes) -> Camera:
    """What a gap needs to know of a camera on its board."""
    item = Item.decode(body)
    told, geometry = item.properties, item.geometry
    at = geometry["coordinates"][:2] if geometry is not None and geometry.get("type") == "Point" else None
    unit, place_ = told.get("unit"), told.get("place")
    return Camera(
        told.get("state") == "live",
        item.time,
        (at[0], at[1]) if at is not None else None,
        unit if isinstance(unit, str) else None,
        str(place_) if place_ is not None else None,
    )


class Near:
    """Finds the cameras within so many metres of a place."""

    def __init__(self, cameras: Iterable[Camera], within_m: float) -> None:
        self._within = within_m
        self._side = math.degrees(within_m / EARTH_M)
        self._cells: dict[tuple[int, int], list[tuple[float, float, Camera]]] = {}
        for one in cameras:
            if one.at is not None:
                self._cells.setdefault(self._cell(*one.at), []).append((*one.at, one))

    def _cell(self, lon: float, lat: float) -> tuple[int, int]:
        # of columns by latitude of the row alone: a cell is as wide as it is high, or wider
        row = math.floor(lat / self._side)
        return row, math.floor(lon * math.cos(math.radians((abs(row) + 2) * self._side)) / self._side)

    def of(self, at: tuple[float, float]) -> list[Camera]:
        """Those near `at` (longitude, latitude in WGS84), in the order in which they were given."""
        row = math.floor(at[1] / self._side)
        found = []
        for beside in (row - 1, row, row + 1):
            column = self._cell(at[0], (beside + 0.5) * self._side)[1]
            for nearby in (column - 1, column, column + 1):
                found += self._cells.get((beside, nearby), [])
        return [one for lon, lat, one in found if apart_m(at[0], at[1], lon, lat) <= self._within]


def apart_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Metres between two places in WGS84 on a sphere (haversine)."""
    east, north = math.radians(other_lon - lon) / 2, math.radians(other_lat - lat) / 2
    across = math.cos(math.radians(lat)) * math.cos(math.radians(other_lat))
    half = math.sin(north) ** 2 + across * math.sin(east) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(half)))


def _by(cameras: list[Camera], what: str) -> dict[str, list[Camera]]:
    found: dict[str, list[Camera]] = {}
    for one in cameras:
        if (name := getattr(one, what)) is not None:
            found.setdefault(name, []).append(one)
    return found


def _middle(cameras: list[Camera]) -> tuple[float, float] | None:
    placed = [one.at for one in cameras if one.at is not None]
    if not placed:
        return None
    lon, lat = (sum(part) / len(placed) for part in zip(*placed, strict=True))
    return round(lon, 6), round(lat, 6)
