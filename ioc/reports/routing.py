"""Which agency a report goes to: category, commune and time against the routes of the settings. Pure."""

from __future__ import annotations

from datetime import datetime, time

from ioc import clock
from ioc.report_rules import Reports, Route


def agency(rules: Reports, category: str, unit: str | None, at: datetime) -> str:
    """The agency of the first route that fits, in the order of the settings; where none does, the desk's."""
    for route in rules.routes:
        if fits(route, category, unit, at):
            return route.agency
    return rules.desk.agency


def fits(route: Route, category: str, unit: str | None, at: datetime) -> bool:
    """Whether a route holds for a report of that category in that commune, at that time on the province's clock.

    A route that names communes never fits a report without one. Hours hold from the first up to, and without, the
    second; they may reach over midnight, and then the days count by the date on which it is.
    """
    local = at.astimezone(clock.ZONE)
    if route.category not in (None, category) or (route.units and unit not in route.units):
        return False
    if route.since is not None and local.date() < route.since:
        return False
    if route.until is not None and local.date() > route.until:
        return False
    return route.hours is None or _within(local.time(), *map(time.fromisoformat, route.hours))


def _within(now: time, begin: time, end: time) -> bool:
    if begin < end:
        return begin <= now < end
    # over midnight; the same twice is the whole day
    return now >= begin or now < end
