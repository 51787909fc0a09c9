"""Zones of a map file, for adapters of things that move: in which a place lies, which a way crosses.

The file is GeoJSON (WGS84): a FeatureCollection of Polygons and MultiPolygons, each with an `id` (its own, or a
property) and the properties `name` and, where nobody may go in, `closed = true`. It is read again when it changes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from ioc.errors import BadRecord, SourceDown
from ioc.geo import place

MOST_BYTES = 8 * 1024 * 1024
MOST_ZONES = 1_000

Place = tuple[float, float]


class Zones:
    """The zones of one reading of the file."""

    def __init__(self, features: list[tuple[str, bool, Any]]) -> None:
        from shapely import STRtree

        self._ids = [name for name, _, _ in features]
        self.closed = frozenset(name for name, closed, _ in features if closed)
        self._tree = STRtree([shape for _, _, shape in features])

    def at(self, where: Place) -> list[str]:
        """Ids of the zones that the place lies in, sorted; longitude first."""
        from shapely import Point

        return self._found(Point(where), "intersects")

    def crossed(self, before: Place, where: Place) -> list[str]:
        """Ids of the zones that the straight way between two places touches, sorted; none over the dateline."""
        if before == where or abs(before[0] - where[0]) > 180:
            return []
        from shapely import LineString

        return self._found(LineString([before, where]), "intersects")

    def _found(self, shape: Any, how: Any) -> list[str]:
        return sorted({self._ids[number] for number in self._tree.query(shape, predicate=how)})


class _Version(NamedTuple):
    mark: tuple[int, int]
    zones: Zones


class ZoneFile:
    """A file of zones. Raises SourceDown while it can't be read: nobody is told to be outside of what isn't known."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: _Version | None = None

    def read(self) -> Zones:
        """The zones as the file says them now."""
        try:
            found = self.path.stat()
            mark = (found.st_mtime_ns, found.st_size)
            if self._known is None or self._known.mark != mark:
                if found.st_size > MOST_BYTES:
                    raise ValueError(f"more than {MOST_BYTES:,} bytes")
                self._known = _Version(mark, Zones(_features(json.loads(self.path.read_bytes()))))
        except (OSError, ValueError, TypeError, LookupError, AttributeError, BadRecord) as error:
            why = error.say if isinstance(error, BadRecord) else str(error) or type(error).__name__
            told = f"The zones in {self.path.name} can't be read ({why.rstrip('.')})"
            say = f"{told}; put a GeoJSON file of polygons there."
            raise SourceDown(say) from None
        return self._known.zones


def _features(tree: Any) -> list[tuple[str, bool, Any]]:
    # two threads that load it, one of them by a part of it, leave it broken in this process: only from the whole
    from shapely import geometry

    features = tree["features"]
    if len(features) > MOST_ZONES:
        raise ValueError(f"more than {MOST_ZONES:,} zones")
    found = []
    for feature in features:
        told = feature.get("properties") or {}
        name = feature.get("id", told.get("id"))
        if name is None or feature["geometry"]["type"] not in ("Polygon", "MultiPolygon"):
            raise ValueError("a feature without an id, or that is no polygon")
        found.append((str(name), told.get("closed") is True, geometry.shape(place.shape(feature["geometry"]))))
    return found
