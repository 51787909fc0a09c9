"""Traffic: how many vehicles pass a counter and how fast, what happened on the roads, and how trips run.

Items are of four kinds, told apart by `kind`: `counter`, `incident`, `trip` (`delay_s`, `route`, `next_stop`) and
`notice` (a service alert).

A counter's item is one thing that it counts (`ioc.measured`): `station`, `quantity`, `value` (a number, or none: no
data), `uom`, `due`. The layer adds `state`: live, stale when `due` has passed (or an hour, where none is told), down
when it tells no data; `silent`: stale or down; and `slow`, of a speed that is at most SLOW of `free_kmh`, the speed
when the road is empty.

An incident says `category`, `level` (minor or grave) and `name`. Trips leave 30 minutes after they were told last,
incidents and notices a day after, if nobody ends them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from ioc import clock
from ioc.event import Event
from ioc.layer import Item, Layer

KINDS = {
    "ioc.traffic.counted": "counter",
    "ioc.incident.reported": "incident",
    "ioc.trip.observed": "trip",
    "ioc.service.alerted": "notice",
}
LIVES = {"trip": timedelta(minutes=30), "incident": timedelta(days=1), "notice": timedelta(days=1)}
STALE = timedelta(hours=1)
LATE_S = 300
"""A trip that is so many seconds behind is late."""
SLOW = 0.4
"""At most so much of the free speed are the levels of service E and F of the Highway Capacity Manual 2010 (chapter 17,
urban streets): the road carries all that it can, or more."""


class Traffic(Layer):
    """`state`: of a counter live, stale or down; of a trip on_time or late, where it tells its delay."""

    name = "traffic"
    title = ("Giao thông", "Traffic")
    listens = frozenset(KINDS)
    version = 2

    def item(self, event: Event) -> Item:
        made = super().item(event)
        told = {**made.properties, "kind": KINDS[event.type]}
        delay = told.get("delay_s")
        if told["kind"] == "counter":
            told |= _counted(told, event.received >= _due(told, made.time))
        elif told["kind"] == "trip" and isinstance(delay, int | float):
            told["state"] = "late" if delay >= LATE_S else "on_time"
        return msgspec.structs.replace(made, properties=told)

    def wakes(self, item: Item) -> datetime | None:
        lives = LIVES.get(str(item.properties.get("kind")))
        if lives is not None:
            return item.time + lives
        return _due(item.properties, item.time) if item.properties.get("state") == "live" else None

    def wake(self, item: Item, now: datetime) -> Item | None:
        wakes = self.wakes(item)
        if wakes is None or now < wakes:
            return item
        if item.properties.get("kind") in LIVES:
            return None
        return msgspec.structs.replace(item, properties={**item.properties, "state": "stale", "silent": True})


def _counted(told: dict[str, Any], late: bool) -> dict[str, Any]:
    """What the layer makes of a counter's value; `late`: it was owed before it came."""
    value, free = _number(told.get("value")), _number(told.get("free_kmh"))
    state = "down" if value is None else "stale" if late else "live"
    slow = value is not None and free is not None and told.get("quantity") == "speed" and value <= SLOW * free
    return {"state": state, "silent": state != "live", "slow": slow}


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _due(told: dict[str, Any], time: datetime) -> datetime:
    try:
        return clock.parse(told["due"])
    except (KeyError, ValueError, AttributeError):
        return time + STALE
