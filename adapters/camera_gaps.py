"""Where no camera lives: crossroads and communes that should be watched, held against the cameras that live.

A source of this kind stands in the settings so that the age of the gaps, their quality and their score are those of any
other; they are worked out by `ioc/run/gaps.py` from what the layer of cameras knows::

    [sources.camera_gaps]
    adapter = "camera_gaps"
    event = "ioc.gap.found"
    within_m = 150
    crossroads = {file = "nut-giao.csv", as_of = 2026-01-15, source = "Sở Giao thông vận tải"}
    contract = {owner = "Trung tâm điều hành", cadence = 60, every = 15, method = "computed"}

The list of crossroads is a dated one (`ioc/roll.py`) with the columns code, name, lon, lat, and from, to; it is read
again when the file changes. While a source of cameras is stale or down nothing is confirmed: nobody knows then which
cameras live, and this source is late, with that reason.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from ioc.adapter import AdapterConfig, AsksNobody
from ioc.contract import Contract
from ioc.errors import BadConfig
from ioc.geo import place
from ioc.roll import Roll

EVENT = "ioc.gap.found"


class CameraGapsConfig(AdapterConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`crossroads`: the dated list of those that should be watched, with places in `crs` (EPSG code; WGS84 when left
    out). `within_m`: a camera that stands so near watches a crossroads. `communes`: whether each commune should have a
    camera that lives. `places`: whether each place that cameras name should. `event`: always ioc.gap.found.
    """

    crossroads: Roll | None = None
    crs: int = 4326
    within_m: Annotated[float, msgspec.Meta(gt=0, le=5_000)] = 150.0
    communes: bool = True
    places: bool = False


class CameraGaps(AsksNobody[CameraGapsConfig]):
    """A gap is worked out, and becomes an event by itself."""

    Config = CameraGapsConfig

    def owes(self, contract: Contract) -> None:
        if self.config.event != EVENT:
            raise BadConfig(f'{self.name} tells of gaps alone; write event = "{EVENT}".')
        if contract.due is not None or contract.method != "computed":
            raise BadConfig(f'{self.name} is worked out; write cadence and method = "computed" in its contract.')
        if self.config.crossroads is None and not self.config.communes and not self.config.places:
            raise BadConfig(f"{self.name} names nothing that should be watched; write crossroads, communes or places.")
        place.change(self.config.crs)
