"""A source's coordinates as a GeoJSON geometry in WGS84, six decimals; what can't be true is a BadRecord."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ioc.errors import BadRecord
from ioc.event import Geometry

MAX_POINTS = 50_000
"""Points of one geometry at most."""
_DEPTH = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
_LEAST = {"LineString": 2, "MultiLineString": 2, "Polygon": 4, "MultiPolygon": 4}

Box = tuple[float, float, float, float]
Change = Callable[[float, float], tuple[float, float]]


def point(x: float, y: float, crs: int = 4326, within: Box | None = None) -> Geometry:
    """A point of `x` (longitude, easting) and `y`. Raises BadRecord: bad_place, swapped_place, outside_place."""
    return {"type": "Point", "coordinates": _checked(x, y, change(crs), within)}


def shape(given: object, crs: int = 4326, within: Box | None = None) -> Geometry:
    """A GeoJSON geometry, checked and changed point by point. Raises BadRecord as `point` does."""
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(given, dict) or not isinstance(kind, str) or kind not in _DEPTH:
        say = f"The geometry is none of {', '.join(_DEPTH)}; the source must send one of them."
        raise BadRecord(say, reason="bad_place")
    left = [MAX_POINTS]
    coordinates = _nested(given.get("coordinates"), _DEPTH[kind], _LEAST.get(kind, 1), change(crs), within, left)
    return {"type": kind, "coordinates": coordinates}


def _nested(
    given: object, depth: int, least: int, change: Change | None, within: Box | None, left: list[int]
) -> list[Any]:
    if not isinstance(given, list | tuple) or not given:
        say = "The geometry's coordinates are not nested as its type wants; correct it at the source."
        raise BadRecord(say, reason="bad_place")
    if depth == 0:
        left[0] -= 1
        numbers = [part for part in given if isinstance(part, int | float) and not isinstance(part, bool)]
        if left[0] < 0 or not 2 <= len(numbers) <= 4 or len(numbers) != len(given):
            say = (
                f"The geometry has a point that is none, or more than {MAX_POINTS:,} points; correct it at the source."
            )
            raise BadRecord(say, reason="bad_place")
        return _checked(numbers[0], numbers[1], change, within)
    if depth == 1 and len(given) < least:
        raise BadRecord(
            f"A line or ring of the geometry has fewer than {least} points; correct it.", reason="bad_place"
        )
    return [_nested(inner, depth - 1, least, change, within, left) for inner in given]


def change(crs: int) -> Change | None:
    """How coordinates of that EPSG code become WGS84; None: they are. Raises BadConfig on a code that can't be read."""
    if crs == 4326:
        return None
    from ioc.geo.crs import to_wgs84

    return to_wgs84(crs)


def _checked(x: float, y: float, change: Change | None, within: Box | None) -> list[float]:
    given_lon, given_lat = _finite(x), _finite(y)
    lon, lat = change(given_lon, given_lat) if change else (given_lon, given_lat)
    if _earthly(lon, lat) and (within is None or _inside(lon, lat, within)):
        return [round(lon, 6) + 0.0, round(lat, 6) + 0.0]
    at = f"{x:.10g}, {y:.10g}"
    if _swapped(given_lon, given_lat, change, within):
        say = (
            f"The place ({at}) has latitude and longitude exchanged; correct the source, or map lon and lat otherwise."
        )
        raise BadRecord(say, reason="swapped_place")
    if not _earthly(lon, lat):
        say = f"The place ({at}) is nowhere on earth; correct it at the source, or name its coordinate system as crs."
        raise BadRecord(say, reason="bad_place")
    say = f"The place ({at}) lies outside the area of this source; correct it, or widen within."
    raise BadRecord(say, reason="outside_place")


def _swapped(x: float, y: float, change: Change | None, within: Box | None) -> bool:
    """Whether `x` and `y` exchanged would be right; without `within` only seen where `y` can't be a latitude."""
    if within is None:
        return change is None and abs(y) > 90 and _earthly(y, x)
    try:
        lon, lat = change(y, x) if change else (y, x)
    except BadRecord:
        return False
    return _earthly(lon, lat) and _inside(lon, lat, within)


def _finite(part: float) -> float:
    try:
        found = float(part)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise BadRecord("The place is no finite number; correct it at the source.", reason="bad_place")
    return found


def _earthly(lon: float, lat: float) -> bool:
    """Inside WGS84's bounds, and not the (0, 0) that stands for nothing."""
    return -180 <= lon <= 180 and -90 <= lat <= 90 and not (abs(lon) < 1e-6 and abs(lat) < 1e-6)


def _inside(lon: float, lat: float, box: Box) -> bool:
    return box[0] <= lon <= box[2] and box[1] <= lat <= box[3]
