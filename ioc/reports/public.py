"""What everybody may see of a report: its event, and where it lies, coarsened. Never who filed it."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import msgspec

from ioc import clock, everybody
from ioc.db.reports import Report, Step
from ioc.event import Event, Feature, Method
from ioc.report_rules import Reports

FILED = "ioc.report.filed"
_METRES = 111_320.0
"""Of a degree of latitude."""


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of an outbox row: an event before it is given an id and a time of receipt. `data` None: it is hidden."""

    id: str
    subject: str
    time: datetime
    data: Feature | None = None
    unit: str | None = None

    def event(self, source: str, received: datetime, method: Method) -> Event:
        """The event under the name of its source; `method`: how its contract says that reports are entered."""
        return Event(self.id, source, FILED, self.subject, self.time, received, self.data, self.unit, method)


def place(report: Report, coarse_m: float) -> tuple[float, float] | None:
    """Where the report lies for the public: lon, lat in WGS84, six decimals, moved to the middle of a grid's cell."""
    if report.lon is None or report.lat is None:
        return None
    if coarse_m <= 0:
        return round(report.lon, 6), round(report.lat, 6)
    north = coarse_m / _METRES
    lat = max(-90.0, min(90.0, (math.floor(report.lat / north) + 0.5) * north))
    east = north / max(math.cos(math.radians(lat)), 0.01)
    lon = (math.floor(report.lon / east) + 0.5) * east
    return round(max(-180.0, min(180.0, lon)), 6), round(lat, 6)


def coarse(rules: Reports, category: str) -> float:
    """Metres of the grid that public positions of this category are moved to; the coarsest for one that is no more."""
    found = rules.categories.get(category)
    return found.coarse_m if found is not None else max(one.coarse_m for one in rules.categories.values())


def told(report: Report, rules: Reports, last: Step, photos: int) -> Told:
    """What the log is told of a report as it stands after the step `last`; `photos`: how many were taken."""
    name = f"report-{report.id}-{report.version}-{int(report.updated.timestamp() * 1000):x}"
    if report.hidden is not None:
        return Told(name, report.id, report.updated)
    at = place(report, coarse(rules, report.category))
    geometry = {"type": "Point", "coordinates": list(at)} if at is not None else None
    feature = Feature(_properties(report, rules, last, photos), geometry)
    return Told(name, report.id, report.updated, feature, report.unit)


def _properties(report: Report, rules: Reports, last: Step, photos: int) -> dict[str, Any]:
    category, agency = rules.categories.get(report.category), rules.agencies.get(report.agency or "")
    vi, en = category.title if category is not None else (report.category, report.category)
    step = {"step": last.step, "who": last.who, "agency": last.agency, "at": clock.rfc3339(last.at)}
    found: dict[str, Any] = {
        "number": report.number, "service_code": report.category, "service": vi, "service_en": en,
        "status": report.state, "since": clock.rfc3339(report.since),
        "requested": clock.rfc3339(report.filed), "updated": clock.rfc3339(report.updated),
        "channel": report.channel, "supports": report.supports, "photos": photos, "reopened": report.reopened,
        "step": step, "description": everybody.words(report.words),
    }  # fmt: skip
    told: dict[str, Any] = {
        "due": clock.rfc3339(report.due) if report.due is not None else None,
        "step_due": clock.rfc3339(report.step_due) if report.step_due is not None else None,
        "closed": clock.rfc3339(report.ended) if report.ended is not None else None,
        "agency": report.agency,
        "agency_title": agency.title[0] if agency is not None else None,
        "satisfied": report.satisfied,
    }
    return found | {key: value for key, value in told.items() if value is not None}
