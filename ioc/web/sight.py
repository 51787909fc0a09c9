"""What one reader sees of a channel: the items of its units, in its view. Read of an item once, beside its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple

import msgspec

from ioc import names
from ioc.web.channels import Kind, kind_of
from ioc.web.grid import NOWHERE, Box, number


class Mark(msgspec.Struct, frozen=True, gc=False):
    """What is read of an item beside its bytes, once. `box` None: without a place. `cell`: its number in the grid.

    A hundred thousand of them are kept, so none is one that the collector has to visit.
    """

    unit: str | None
    box: Box | None
    cell: int
    agency: str | None = None


class _Properties(msgspec.Struct, gc=False):
    unit: str | None = None
    agency: Any = None


class _Place(msgspec.Struct, gc=False):
    coordinates: Any = None
    geometries: list[Any] = []


class _Feature(msgspec.Struct, gc=False):
    properties: _Properties | None = None
    geometry: _Place | None = None
    unit: str | None = None


_feature = msgspec.json.Decoder(_Feature)


def mark_of(body: bytes) -> Mark:
    """Unit and bounding box of an item's bytes; None what can't be read of them."""
    try:
        found = _feature.decode(body)
    except msgspec.DecodeError:
        return Mark(None, None, NOWHERE)
    unit = found.properties.unit if found.properties is not None else found.unit
    agency = found.properties.agency if found.properties is not None else None
    try:
        box = _box(found.geometry)
    except (IndexError, TypeError, ValueError, OverflowError):
        # one place that is none must not end the following of all channels
        box = None
    # a province has few units and agencies: a hundred thousand items share their texts
    return Mark(unit and intern(unit), box, number(box), intern(agency) if isinstance(agency, str) else None)


def _box(place: _Place | None) -> Box | None:
    if place is None:
        return None
    given = place.coordinates
    if type(given) is list and len(given) > 1 and type(given[0]) is type(given[1]) is float:
        # a point, as nearly all are: five times as fast as the road for every geometry
        return given[0], given[1], given[0], given[1]
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


class Far(NamedTuple):
    """How a large layer is seen from afar: `kind` as the layer says it, `level` of the grid for clusters."""

    kind: str
    level: int = 0


class Sight(NamedTuple):
    """What a reader sees of a channel. Equal sights share frames.

    `units` None: all; `view` None: everywhere; `causes`: patterns of the channels whose alerts it sees, None: all;
    `far` None: item by item; `agency`: the one whose items it sees, None: those of all and of none. `minds` False:
    without the items that tell of what is restricted. `tenant`: of lists, with what is this tenant's alone ("": with
    what is no tenant's); None: whosever it is.
    """

    units: frozenset[str] | None = None
    view: Box | None = None
    causes: tuple[str, ...] | None = None
    far: Far | None = None
    agency: str | None = None
    minds: bool = True
    tenant: str | None = None

    @property
    def partial(self) -> bool:
        """Whether the reader's key opens some of the items alone."""
        return self.units is not None or self.agency is not None

    @property
    def picks(self) -> bool:
        """Whether the reader is shown some of what lies in its view, for any reason."""
        return self.partial or self.causes is not None or not self.minds or self.tenant is not None

    def epoch(self, epoch: str) -> str:
        """The epoch as this reader is told it: another scope, or other items from afar, are another epoch."""
        if self.partial or self.causes is not None:
            epoch = f"{epoch}.{_digest(self.units, self.causes, self.agency)}"
        if not self.minds:
            epoch = f"{epoch}.open"
        if self.tenant is not None:
            epoch = f"{epoch}.of-{self.tenant}"
        return epoch if self.far is None else f"{epoch}~{self.far.kind}{self.far.level}"

    def opens(self, mark: Mark) -> bool:
        """Whether an item with this mark is of the reader's units and agency."""
        if self.units is not None and mark.unit not in self.units:
            return False
        return self.agency is None or mark.agency == self.agency

    def hides(self, name: str) -> bool:
        """Whether the name of an item alone says that it is not for this reader."""
        if self.tenant is not None and (names.tenant(name) or "") != self.tenant:
            return True
        return not self.minds and names.restricted(name)

    def sees(self, name: str, mark: Mark, kind: Kind = "layer") -> bool:
        """Whether an item with this mark, in a channel of this kind, is there for the reader."""
        if self.hides(name):
            return False
        # a tile's id is the unit that it is of
        if self.partial and not self.opens(msgspec.structs.replace(mark, unit=name) if kind == "tile" else mark):
            return False
        if self.causes is not None and not any(fnmatchcase(_cause(name), pattern) for pattern in self.causes):
            return False
        return self.view is None or (mark.box is not None and meet(mark.box, self.view))


@lru_cache(1024)
def _digest(units: frozenset[str] | None, causes: tuple[str, ...] | None, agency: str | None) -> str:
    scope = "\n".join([*sorted(units or ()), "", *(causes or ()), *(() if agency is None else ("", agency))])
    return hashlib.sha256(scope.encode()).hexdigest()[:10]


def _cause(alert: str) -> str:
    """The channel that an alert comes from, by its id."""
    if alert.startswith("source/"):
        return names.SOURCES
    channel = alert.partition("#")[0]
    return channel if kind_of(channel) is not None else names.ALERTS


def meet(box: Box, view: Box) -> bool:
    """Whether a place and a view (which may go over the date line) have a point in common."""
    if box[1] > view[3] or box[3] < view[1]:
        return False
    if view[0] > view[2]:
        return box[2] >= view[0] or box[0] <= view[2]
    return box[0] <= view[2] and box[2] >= view[0]


ALL = Sight()
