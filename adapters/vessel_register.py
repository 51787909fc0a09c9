"""The fishing-vessel monitoring system of a province: each boat's last place, over JSON with a key.

    [sources.fishing]
    adapter = "vessel_register"
    event = "ioc.vessel.monitored"
    url = "https://gstc.example.vn/api/tau"
    token = "$FISHING_TOKEN"
    token_header = "X-Api-Key"
    records = "tau"
    id = ["mmsi_text"]              # the same subject as AIS has, so that both make one boat
    prefix = "mmsi/"
    time = "vi_tri_luc"
    lon = "kinh_do"
    lat = "vi_do"
    [sources.fishing.properties]
    name = "so_dang_ky"
    watch = {path = "trang_thai", values = {"1" = "at_sea", "2" = "in_port", "3" = "laid_up"}}
    reason = {path = "ma_ly_do", values = {"01" = "device", "02" = "power"}, required = false}

`time` is that of the last place: a boat at sea owes one every two hours, must be reported when it is silent for six,
and its owner gives a reason (decree 26/2019/NĐ-CP, article 44). `watch` must be one of WATCHES and `reason` one of
REASONS; a code that nobody mapped sets the record aside. Names of owners and crews are not mapped: nothing here needs
them. Places must be kept for 36 months: that is what `retention_days` is when it is left out (1,100).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from ioc import bodies
from ioc.adapter import Adapter, Answer, Reading
from ioc.errors import BadRecord
from ioc.mapping import Mapped, results
from ioc.tally import Keyed, TallyAt
from ioc.zones import ZoneFile, Zones

WATCHES = ("at_sea", "in_port", "laid_up")
"""Whether a boat owes places: only at sea."""
REASONS = ("device", "power", "signal", "weather", "repair", "taken_off", "seized", "other")
"""Why a boat may be silent: device broken, no power, no satellite, in shelter, under repair, taken off, held, other."""


class Register(Mapped, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url`: address of the list. `records`: where the array of boats stands in the object.

    `token`: sent in `token_header`, as Bearer when that is Authorization. `params`: query parameters. `zones`: a file
    of zones (`ioc/zones.py`); readings then say in which they lie. `tally`: where the system says how many boats it
    holds (`ioc.tally`); it is sent the same key. `ahead`: as of every mapping, but 5 minutes when left out.
    """

    url: str
    records: str = ""
    token: str | None = None
    token_header: str = "Authorization"  # noqa: S105 - the name of a header
    params: dict[str, str] = msgspec.field(default_factory=dict)
    zones: str | None = None
    tally: TallyAt | None = None
    ahead: float = 300.0
    at_sea: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.time is None or self.lon is None:
            raise ValueError("a boat's silence is worked out from its last place; map time, lon and lat")
        if "watch" not in self.properties:
            raise ValueError(f"properties must map watch to {', '.join(WATCHES)}: only at sea a boat owes its place")
        if self.tally is not None:
            self.tally.check(self.url)


class VesselRegister(Keyed, Adapter[Register]):
    """Asks for the whole list each time; a boat whose last place is the same is unchanged."""

    Config = Register

    def __init__(self, name: str, config: Register) -> None:
        super().__init__(name, config)
        self.zones = ZoneFile(Path(config.zones)) if config.zones is not None else None

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        where = answer.name or self.name
        boats = list(bodies.records(bodies.load_json(answer.body, where), self.config.records, where))
        zones = self.zones.read() if self.zones is not None else None
        for boat, result in zip(boats, results(self.config, boats), strict=True):
            try:
                yield _boat(result, zones) if isinstance(result, Reading) and not result.gone else result
            except BadRecord as bad:
                yield bad.of(boat.raw, getattr(result, "subject", None))


def _boat(reading: Reading, zones: Zones | None) -> Reading:
    """The reading with what the layer wants. Raises BadRecord: missing_field, unknown_code."""
    if reading.time is None:
        say = "The record has no time of its last place; a boat that was never heard stands in no list of places."
        raise BadRecord(say, reason="missing_field", field="time", at="time")
    for name, known in (("watch", WATCHES), ("reason", REASONS)):
        said = reading.properties.get(name)
        if said not in known and not (name == "reason" and said is None):
            say = f"{name} is {said!r}; map the system's codes to {', '.join(known)}."
            raise BadRecord(say, reason="unknown_code", field=name, code=str(said), at=f"properties.{name}")
    more: dict[str, Any] = {"kind": "fishing"}
    if zones is not None and reading.geometry is not None:
        lon, lat = reading.geometry["coordinates"]
        inside = zones.at((lon, lat))
        more |= {"zones": inside, "in_closed": not zones.closed.isdisjoint(inside)}
    return msgspec.structs.replace(reading, properties={**reading.properties, **more})
