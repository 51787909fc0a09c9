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
    return {"type": "Point", "coordinates": _checked(x, y, _change(crs), within)}


def shape(given: object, crs: int = 4326, within: Box | None = None) -> Geometry:
    """A GeoJSON geometry, checked and changed point by point. Raises BadRecord as `point` does."""
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(given, dict) or not isinstance(kind, str) or kind not in _DEPTH:
        say = f"The geometry is none of {', '.join(_DEPTH)}; the source must send one of them."
        raise BadRecord(say, reason="bad_place")
    left = [MAX_POINTS]
    coordinates = _nested(given.get("coordinates"), _DEPTH[kind], _LEAST.get(kind, 1), _change(crs), within, left)
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


def _change(crs: int) -> Change | None:
    if crs == 4326:
        return None
    from ioc.geo.crs import to_wgs84

    return to_wgs84(crs)


def _checked(x: float, y: float, change: Change | None, within: Box | None) -> list[float]:
    lon, lat = _finite(x), _finite(y)
    if change is not None:
        turned = change(lat, lon)
        lon, lat = change(lon, lat)
    else:
        turned = (lat, lon)
    if _earthly(lon, lat) and (within is None or _inside(lon, lat, within)):
        return [round(lon, 6) + 0.0, round(lat, 6) + 0.0]
    at = f"{x:.10g}, {y:.10g}"
    fits = _inside(*turned, within) if within is not None else abs(lat) > 90
    if _earthly(*turned) and fits:
        say = (
            f"The place ({at}) has latitude and longitude exchanged; correct the source, or map lon and lat otherwise."
        )
        raise BadRecord(say, reason="swapped_place")
    if not _earthly(lon, lat):
        say = f"The place ({at}) is nowhere on earth; correct it at the source, or name its coordinate system as crs."
        raise BadRecord(say, reason="bad_place")
    say = f"The place ({at}) lies outside the area of this source; correct it, or widen within."
    raise BadRecord(say, reason="outside_place")


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
