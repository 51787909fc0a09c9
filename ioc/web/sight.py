"""What one reader sees of a channel: the items of its units, in its view. Read of an item once, beside its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import msgspec

from ioc import names
from ioc.web.channels import Kind, kind_of

Box = tuple[float, float, float, float]


class Mark(NamedTuple):
    """What is read of an item beside its bytes. `box`: west, south, east, north; None without a place."""

    unit: str | None
    box: Box | None


class _Properties(msgspec.Struct):
    unit: str | None = None


class _Place(msgspec.Struct):
    coordinates: Any = None
    geometries: list[Any] = []


class _Feature(msgspec.Struct):
    properties: _Properties | None = None
    geometry: _Place | None = None
    unit: str | None = None


_feature = msgspec.json.Decoder(_Feature)


def mark_of(body: bytes) -> Mark:
    """Unit and bounding box of an item's bytes; both None when they can't be read."""
    try:
        found = _feature.decode(body)
    except msgspec.DecodeError:
        return Mark(None, None)
    unit = found.properties.unit if found.properties is not None else found.unit
    return Mark(unit, _box(found.geometry))


def _box(place: _Place | None) -> Box | None:
    if place is None:
        return None
    points = list(_points(place.coordinates))
    for inner in place.geometries:
        points += _points(inner.get("coordinates") if isinstance(inner, dict) else None)
    if not points:
        return None
    longitudes, latitudes = zip(*points, strict=True)
    return min(longitudes), min(latitudes), max(longitudes), max(latitudes)


def _points(coordinates: Any) -> Iterator[tuple[float, float]]:
    if not isinstance(coordinates, list) or not coordinates:
        return
    if isinstance(coordinates[0], (int, float)):
        yield float(coordinates[0]), float(coordinates[1])
        return
    for inner in coordinates:
        yield from _points(inner)


class Sight(NamedTuple):
    """What a reader sees of a channel. Equal sights share frames.

    `units` None: all; `view` None: everywhere; `causes`: patterns of the channels whose alerts it sees, None: all.
    """

    units: frozenset[str] | None = None
    view: Box | None = None
    causes: tuple[str, ...] | None = None

    def epoch(self, epoch: str) -> str:
        """The epoch as this reader is told it: another scope is another epoch."""
        if self.units is None and self.causes is None:
            return epoch
        scope = "\n".join([*sorted(self.units or ()), "", *(self.causes or ())])
        return f"{epoch}.{hashlib.sha256(scope.encode()).hexdigest()[:10]}"

    def sees(self, name: str, mark: Mark, kind: Kind = "layer") -> bool:
        """Whether an item with this mark, in a channel of this kind, is there for the reader."""
        # a tile's id is the unit that it is of
        if self.units is not None and (name if kind == "tile" else mark.unit) not in self.units:
            return False
        if self.causes is not None and not any(fnmatchcase(_cause(name), pattern) for pattern in self.causes):
            return False
        return self.view is None or (mark.box is not None and _meet(mark.box, self.view))


def _cause(alert: str) -> str:
    """The channel that an alert comes from, by its id."""
    if alert.startswith("source/"):
        return names.SOURCES
    return alert if kind_of(alert) is not None else names.ALERTS


def _meet(box: Box, view: Box) -> bool:
    if box[1] > view[3] or box[3] < view[1]:
        return False
    if view[0] > view[2]:
        return box[2] >= view[0] or box[0] <= view[2]
    return box[0] <= view[2] and box[2] >= view[0]


ALL = Sight()
