"""From a department's coordinates to WGS84. The zone comes from the source's settings, never guessed.

VN-2000 and WGS84 differ by a datum shift of about 225 m, and EPSG knows two operations for it, 0.8 m apart. One is
pinned here by name: "VN-2000 to WGS 84 (2)" (EPSG:6960), valid for the whole country; the other, (1) (EPSG:5194),
was determined for two blocks of the Mekong delta alone (EPSG dataset, areas of use of both operations).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from ioc.errors import BadConfig, BadRecord

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
    # pyproj costs 20 MB and most sources speak WGS84
    from pyproj import CRS
    from pyproj.exceptions import CRSError, ProjError
    from pyproj.transformer import TransformerGroup

    wrong = BadConfig(
        f"EPSG:{epsg} is no coordinate system that can be read; write 4326 for WGS84, "
        "or the VN-2000 zone of the source's province, such as 5899 (Quảng Nam) or 9218 (Phú Yên)."
    )
    try:
        system = CRS.from_epsg(epsg)
        if not (system.is_projected or system.is_geographic):
            raise wrong
        found = TransformerGroup(system, CRS.from_epsg(WGS84), always_xy=True, allow_ballpark=False).transformers
    except (CRSError, ProjError):
        raise wrong from None
    if epsg in VN2000:
        found = [each for each in found if OPERATION in each.description]
    if not found:
        raise wrong
    transform = found[0].transform

    def change(x: float, y: float) -> tuple[float, float]:
        lon, lat = transform(x, y)
        if not (math.isfinite(lon) and math.isfinite(lat)):
            say = f"The place ({x:.10g}, {y:.10g}) does not exist in EPSG:{epsg}; correct it, or the source's crs."
            raise BadRecord(say, reason="bad_place")
        return lon, lat

    return change


def _same(x: float, y: float) -> tuple[float, float]:
    return x, y
