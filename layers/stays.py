"""Stays: what hotels and homestays declare of a night, as counts, and who has declared nothing of late.

What a source's `properties` say of one establishment: `name`, `kind`; `rooms`, and how many are `occupied`; guests:
`foreign` and `domestic`. An item has those alone (nobody's name), and

- `guests`: foreign and domestic ones;
- `silent`: the newest declaration is older than a day; `state` is late then;
- `doubt`: more rooms are occupied than there are, or a count is below nothing: it is in no figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ioc.event import Event
from ioc.layer import Figure, Item, Layer, tile

OWED = timedelta(days=1)
COUNTS = ("rooms", "occupied", "foreign", "domestic")
NOBODY = "Chưa cơ sở nào khai trong một ngày qua."
_KEPT = ("source", "method", "unit", "cause", "name", "kind")


class Stays(Layer):
    name = "stays"
    title = ("Cơ sở lưu trú", "Places to stay")
    listens = frozenset({"ioc.stay.declared"})
    far = "clusters"

    def item(self, event: Event) -> Item:
        made = super().item(event)
        told = {name: made.properties[name] for name in _KEPT if name in made.properties}
        counts = {name: _count(made.properties.get(name)) for name in COUNTS}
        known = [count for count in counts.values() if count is not None]
        rooms, occupied = counts["rooms"], counts["occupied"]
        doubt = min(known, default=0) < 0 or (rooms is not None and occupied is not None and occupied > rooms)
        foreign, domestic = counts["foreign"], counts["domestic"]
        guests = foreign + domestic if foreign is not None and domestic is not None else None
        silent = event.time + OWED <= event.received
        more: dict[str, Any] = {"guests": guests, "doubt": doubt, "silent": silent, "state": _state(silent, doubt)}
        return msgspec.structs.replace(made, properties=told | counts | more)

    def wakes(self, item: Item) -> datetime | None:
        """A place is silent a day after it declared last."""
        return None if item.properties["silent"] else item.time + OWED

    def wake(self, item: Item, now: datetime) -> Item | None:
        wakes = self.wakes(item)
        if wakes is None or now < wakes:
            return item
        return msgspec.structs.replace(item, properties={**item.properties, "silent": True, "state": "late"})


@tile(over="stays", label=("Công suất phòng", "Rooms occupied"), unit=("%", "%"))
def stays_occupancy(items: Mapping[str, Item], now: datetime) -> Figure:
    """Of the rooms of those that declared within a day, how many percent are occupied; `have`: how many declared."""
    both = [(one["rooms"], one["occupied"]) for one in _counted(items)]
    counted = [(rooms, occupied) for rooms, occupied in both if rooms and occupied is not None]
    if not counted:
        return Figure(None, have=0, why=NOBODY if items else None)
    rooms, occupied = (sum(some) for some in zip(*counted, strict=True))
    parts = [
        {"label": {"vi": "phòng có khách", "en": "rooms occupied"}, "value": occupied},
        {"label": {"vi": "phòng", "en": "rooms"}, "value": rooms},
    ]
    return Figure(round(100 * occupied / rooms, 1), have=len(counted), method="computed", parts=parts)


@tile(over="stays", label=("Khách lưu trú", "Guests"), unit=("khách", "guests"))
def stays_guests(items: Mapping[str, Item], now: datetime) -> Figure:
    """Guests of those that declared within a day; the parts say in what kind of house. `have`: how many declared."""
    return _guests(items, "guests")


@tile(over="stays", label=("Khách quốc tế", "Foreign guests"), unit=("khách", "guests"))
def stays_foreign(items: Mapping[str, Item], now: datetime) -> Figure:
    """As `stays_guests`, of those from abroad."""
    return _guests(items, "foreign")


@tile(over="stays", label=("Khách nội địa", "Domestic guests"), unit=("khách", "guests"))
def stays_domestic(items: Mapping[str, Item], now: datetime) -> Figure:
    """As `stays_guests`, of those from the country."""
    return _guests(items, "domestic")


def _counted(items: Mapping[str, Item]) -> list[dict[str, Any]]:
    """What those say that declared within a day, and nothing that can't be."""
    told = (item.properties for item in items.values())
    return [one for one in told if not one["silent"] and not one["doubt"]]


def _guests(items: Mapping[str, Item], field: str) -> Figure:
    told = [one for one in _counted(items) if one[field] is not None]
    if not told:
        return Figure(None, have=0, why=NOBODY if items else None)
    kinds: dict[str, int] = {}
    for one in told:
        kind = str(one.get("kind") or "—")
        kinds[kind] = kinds.get(kind, 0) + one[field]
    parts = [{"label": kind, "value": kinds[kind]} for kind in sorted(kinds, key=lambda kind: (-kinds[kind], kind))]
    return Figure(sum(kinds.values()), have=len(told), method="computed", parts=parts)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _state(silent: bool, doubt: bool) -> str:
    return "late" if silent or doubt else "live"
