"""Stations: what they measure now, how far it stands above its alarm levels, and which of them are silent.

An item is one gauge: a station's one quantity. What a source's `properties` may say: `station`, `quantity`, `value` (a
number, or none: no data), `uom`, `name`; `limits`: alarm levels I, II and III; `due`: until when the next value is owed
(RFC 3339). The layer adds:

- `alarm`: 0, or the highest level (1 to 3) that the value has reached; none without value or limits;
- `state`: live; stale, when `due` has passed; down, when it tells no data. `silent`: stale or down;
- `before`: the value before, and `trend`: how much it rose since, and in how many seconds.

Tiles over it are declared in the settings (`ioc/counted.py`)::

    [tiles.stations_over_2]
    over = "stations"
    label = ["Vượt báo động II", "Over alarm level II"]
    where = {alarm = [2, 3]}
    each = "station"
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from ioc import clock
from ioc.event import Event
from ioc.layer import Item, Layer


class Stations(Layer):
    name = "stations"
    title = ("Trạm quan trắc", "Stations")
    listens = frozenset({"ioc.station.measured"})

    def item(self, event: Event) -> Item:
        made = super().item(event)
        told = {name: value for name, value in made.properties.items() if name not in ("before", "trend")}
        due = _due(told)
        late = due is not None and due <= event.received
        state = "down" if _number(told.get("value")) is None else "stale" if late else "live"
        told |= {"alarm": _alarm(told), "state": state, "silent": state != "live"}
        return msgspec.structs.replace(made, properties=told)

    def fold(self, old: Item | None, event: Event) -> Item | None:
        """As by default; beside it stays the newest value of an earlier time, in whatever order they come."""
        new = super().fold(old, event)
        if old is None or event.data is None or new is None:
            return new
        if new is old:
            return old if event.time >= old.time else _with(old, [_told(self.item(event)), _kept(old)])
        return _with(new, [_told(old), _kept(old)])

    def wakes(self, item: Item) -> datetime | None:
        """A live gauge is stale once its `due` has passed."""
        return _due(item.properties) if item.properties.get("state") == "live" else None

    def wake(self, item: Item, now: datetime) -> Item | None:
        due = self.wakes(item)
        if due is None or now < due:
            return item
        return msgspec.structs.replace(item, properties={**item.properties, "state": "stale", "silent": True})


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _alarm(told: dict[str, Any]) -> int | None:
    value, limits = _number(told.get("value")), told.get("limits")
    if value is None or not isinstance(limits, list) or len(limits) != 3:
        return None
    return sum(value >= limit for limit in map(_number, limits) if limit is not None)


def _due(told: dict[str, Any]) -> datetime | None:
    try:
        return clock.parse(told["due"])
    except (KeyError, ValueError, AttributeError):
        return None


def _told(item: Item) -> dict[str, Any]:
    """What the next item keeps of this one."""
    value = _number(item.properties.get("value"))
    return {"value": value, "observed": clock.rfc3339(item.time), "received": clock.rfc3339(item.received)}


def _kept(item: Item) -> dict[str, Any] | None:
    found = item.properties.get("before")
    return found if isinstance(found, dict) else None


def _with(item: Item, told: list[dict[str, Any] | None]) -> Item:
    """The item, with the newest of `told` that is of an earlier time than its own, and the trend since."""
    earlier = [one for one in told if one is not None and clock.parse(one["observed"]) < item.time]
    properties = {name: value for name, value in item.properties.items() if name not in ("before", "trend")}
    if earlier:
        before = max(earlier, key=lambda one: (clock.parse(one["observed"]), clock.parse(one["received"])))
        properties["before"] = before
        value, was = _number(properties.get("value")), before["value"]
        if value is not None and was is not None:
            seconds = (item.time - clock.parse(before["observed"])).total_seconds()
            properties["trend"] = {"by": round(value - was, 6), "seconds": round(seconds)}
    return msgspec.structs.replace(item, properties=properties)
