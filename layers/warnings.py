"""Warnings that others give to the public (CAP): what is warned of, how badly, where, and until when.

An item is one alert. What a source's `properties` may say: `event`, `severity` (Extreme, Severe, Moderate, Minor,
Unknown), `urgency`, `certainty`, `headline`, `area`, `units` (codes of communes); `area_fault`: why its area can't be
drawn; `onset`, `expires`: from when and until when (RFC 3339). Without `expires` a warning stands for a day. `open`
ends by itself, on the warning's own clock; it leaves a week later, so that none in force is a figure. An update or a
cancellation ends it before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from ioc import clock
from ioc.event import Event
from ioc.layer import Figure, Item, Layer, Level, tile

STANDS = timedelta(days=1)
KEPT = timedelta(days=7)
LAST_YEAR = 9000
SEVERITIES = {
    "Extreme": ("rất nghiêm trọng", "extreme"),
    "Severe": ("nghiêm trọng", "severe"),
    "Moderate": ("vừa", "moderate"),
    "Minor": ("nhẹ", "minor"),
    "Unknown": ("không rõ", "unknown"),
}


class Warnings(Layer):
    name = "warnings"
    title = ("Cảnh báo thiên tai", "Public warnings")
    listens = frozenset({"ioc.warning.told"})
    views = False

    def item(self, event: Event) -> Item:
        made = super().item(event)
        severity = made.properties.get("severity")
        told = {**made.properties, "severity": severity if severity in SEVERITIES else "Unknown"}
        made = msgspec.structs.replace(made, properties=told)
        told["open"] = event.received < _ends(made)
        return made

    def wakes(self, item: Item) -> datetime | None:
        """When it has expired; then when it leaves."""
        return _ends(item) + (timedelta() if item.properties["open"] else KEPT)

    def wake(self, item: Item, now: datetime) -> Item | None:
        if now < _ends(item):
            return item
        if now >= _ends(item) + KEPT:
            return None
        return msgspec.structs.replace(item, properties={**item.properties, "open": False})


def _ends(item: Item) -> datetime:
    try:
        ends = clock.parse(item.properties["expires"])
    except (KeyError, ValueError, AttributeError):
        return item.time + STANDS
    return ends if ends.year < LAST_YEAR else item.time + STANDS


@tile(over="warnings", label=("Cảnh báo còn hiệu lực", "Warnings in force"), by_unit=False)
def warnings_open(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many warnings stand, by severity; those that have expired and not been put away yet do not count. `why` names
    those whose area can't be drawn: a map without them must not pass for one of a province that is safe there."""
    if not items:
        return Figure(None)
    standing = [one for one in items.values() if one.properties["open"] and now < _ends(one)]
    counts = Counter(str(item.properties["severity"]) for item in standing)
    parts = [
        {"label": {"vi": vi, "en": en}, "value": counts[name]} for name, (vi, en) in SEVERITIES.items() if counts[name]
    ]
    blind = sorted(_called(item) for item in standing if item.properties.get("area_fault"))
    why = f"Không vẽ được vùng của {len(blind)} cảnh báo: {', '.join(blind)}." if blind else None
    return Figure(len(standing), level=_level(counts) or ("warn" if blind else None), parts=parts, why=why)


def _called(item: Item) -> str:
    told = item.properties
    return str(told.get("headline") or told.get("event") or "không tên")


def _level(counts: Counter[str]) -> Level | None:
    if counts["Extreme"] or counts["Severe"]:
        return "bad"
    return "warn" if counts["Moderate"] else None
