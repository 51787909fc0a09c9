"""From a department's coordinates to WGS84. The zone comes from the source's settings, never guessed.

VN-2000 and WGS84 differ by a datum shift of about 225 m, and EPSG knows two operations for it, 0.8 m apart. One is
pinned here by name: "VN-2000 to WGS 84 (2)" (EPSG:6960), valid for the whole country; the other, (1) (EPSG:5194),
was determined for two blocks of the Mekong delta alone (EPSG dataset, areas of use of both operations).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from ioc.errors import BadConfig, BadRecord

if TYPE_CHECKING:
    from pyproj import CRS, Transformer

OPERATION = "VN-2000 to WGS 84 (2)"
"""The one datum shift that is used, as EPSG names it (EPSG:6960)."""
VN2000 = frozenset({3405, 3406, 4756, 5896, 5897, 5898, 5899, *range(9205, 9219)})
"""EPSG codes of VN-2000: geographic (4756), UTM zones, and the provinces' 3-degree zones."""
WGS84 = 4326

Change = Callable[[float, float], tuple[float, float]]


def known(epsg: int) -> bool:
    """Whether `to_wgs84` can read coordinates of that EPSG code."""
    try:
        to_wgs84(epsg)
    except BadConfig:
        return False
    return True


@lru_cache(maxsize=64)
def to_wgs84(epsg: int) -> Change:
    """A function from (x, y) in the system `epsg` to (longitude, latitude) in WGS84, degrees.

    x is the easting or longitude, y the northing or latitude, whatever order EPSG writes them in. The function raises
    BadRecord (bad_place) where no finite place comes out; this one raises BadConfig on a code it can't read.
    """
    if epsg == WGS84:
        return _same
    transform = _transformer(epsg).transform

    def change(x: float, y: float) -> tuple[float, float]:
        lon, lat = transform(x, y)
        if not (math.isfinite(lon) and math.isfinite(lat)):
            say = f"The place ({x:.10g}, {y:.10g}) does not exist in EPSG:{epsg}; correct it, or the source's crs."
            raise BadRecord(say, reason="bad_place")
        return lon, lat

    return change


@lru_cache(maxsize=64)
def from_wgs84(epsg: int) -> Change:
    """The inverse of `to_wgs84`, for a system in metres: (longitude, latitude) to (easting, northing).

    Raises BadConfig on a code it can't read, or whose unit is no metre; the function raises BadRecord.
    """
    wrong = BadConfig(f"EPSG:{epsg} is not in metres; write the VN-2000 zone of the province, such as 9218 (Phú Yên).")
    if epsg == WGS84:
        raise wrong
    system = _system(epsg)
    if not system.is_projected or any(axis.unit_name != "metre" for axis in system.axis_info):
        raise wrong
    found = _transformer(epsg)

    def change(lon: float, lat: float) -> tuple[float, float]:
        x, y = found.transform(lon, lat, direction="INVERSE")
        if not (math.isfinite(x) and math.isfinite(y)):
            raise BadRecord(f"The place ({lon:.8g}, {lat:.8g}) does not exist in EPSG:{epsg}.", reason="bad_place")
        return x, y

    return change


def _wrong(epsg: int) -> BadConfig:
    return BadConfig(
        f"EPSG:{epsg} is no coordinate system that can be read; write 4326 for WGS84, "
        "or the VN-2000 zone of the source's province, such as 5899 (Quảng Nam) or 9218 (Phú Yên)."
    )


def _system(epsg: int) -> CRS:
    # pyproj costs 20 MB and most sources speak WGS84
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        system = CRS.from_epsg(epsg)
    except CRSError:
        raise _wrong(epsg) from None
    if not (system.is_projected or system.is_geographic):
        raise _wrong(epsg)
    return system


def _transformer(epsg: int) -> Transformer:
    """The one operation from `epsg` to WGS84. Raises BadConfig."""
    from pyproj.exceptions import ProjError
    from pyproj.transformer import TransformerGroup

    try:
        group = TransformerGroup(_system(epsg), _system(WGS84), always_xy=True, allow_ballpark=False)
    except ProjError:
        raise _wrong(epsg) from None
    found = [each for each in group.transformers if epsg not in VN2000 or OPERATION in each.description]
    if not found:
        raise _wrong(epsg)
    return found[0]


def _same(x: float, y: float) -> tuple[float, float]:
    return x, y
