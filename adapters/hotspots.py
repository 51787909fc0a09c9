"""Where more reports come than chance would bring. Nobody is asked: the centre works it out of what it has archived.

A source of this kind stands in the settings so that the age of the hot spots, their quality and their score are those
of any other; the method, and the papers it is from, are told in `ioc/reports/hotspots.py`::

    [sources.hotspots]
    adapter = "hotspots"
    event = "ioc.hotspot.found"
    crs = 9218
    contract = {owner = "Trung tâm điều hành", cadence = 900, every = 300, method = "computed"}

It is confirmed each time that the reports were counted anew, also when nothing is hot.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from ioc.adapter import AdapterConfig, AsksNobody
from ioc.contract import Contract
from ioc.errors import BadConfig
from ioc.geo import crs

EVENT = "ioc.hotspot.found"
_Hours = Annotated[float, msgspec.Meta(gt=0, le=24 * 366)]


class HotspotsConfig(AdapterConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`crs`: EPSG code of the province's zone in metres; `cell_m`: side of a cell there.

    `hours`: how far back the counted span goes; `before_hours`: the span before that, with which it is compared.
    `least`: reports that a cell must have to be shown (a cell with fewer could point at a home). `rate`: the share of
    the cells shown that may be there by chance. `leave_out`: codes of categories that are not counted. `event`: always
    ioc.hotspot.found.
    """

    crs: int
    cell_m: Annotated[float, msgspec.Meta(ge=250, le=20_000)] = 1_000
    hours: _Hours = 7 * 24
    before_hours: _Hours = 28 * 24
    least: Annotated[int, msgspec.Meta(ge=3, le=1_000)] = 5
    rate: Annotated[float, msgspec.Meta(gt=0, le=0.2)] = 0.05
    leave_out: tuple[str, ...] = ()


class Hotspots(AsksNobody[HotspotsConfig]):
    """A hot spot is worked out, and becomes an event by itself."""

    Config = HotspotsConfig

    def owes(self, contract: Contract) -> None:
        if self.config.event != EVENT:
            raise BadConfig(f'{self.name} tells of hot spots alone; write event = "{EVENT}".')
        if contract.due is not None or contract.method != "computed":
            raise BadConfig(f'{self.name} is worked out; write cadence and method = "computed" in its contract.')
        crs.from_wgs84(self.config.crs)
