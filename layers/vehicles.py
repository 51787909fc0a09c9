"""Vehicles: where buses and other public vehicles are now, and how they run.

A source's `properties` may say (all optional): `name`, `route`, `course` (degrees), `speed_kmh`, `stop`, `at_stop` (its
place is that of the stop which it names). A vehicle that was not heard of for 10 minutes is silent, and leaves after 2
hours: it stands in a depot, or its receiver is broken.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ioc.event import Event
from ioc.layer import Item, Layer

SILENT = timedelta(minutes=10)
LEAVES = timedelta(hours=2)


class Vehicles(Layer):
    """`state`: live, or stale once it was silent for so long. `placed`: false while it tells no place."""

    name = "vehicles"
    title = ("Xe công cộng", "Public vehicles")
    listens = frozenset({"ioc.vehicle.observed"})
    far = "clusters"

    def item(self, event: Event) -> Item:
        made = super().item(event)
        told = {**made.properties, "state": "live", "placed": made.geometry is not None}
        return msgspec.structs.replace(made, properties=told)

    def wakes(self, item: Item) -> datetime | None:
        return item.time + (SILENT if item.properties.get("state") == "live" else LEAVES)

    def wake(self, item: Item, now: datetime) -> Item | None:
        if now >= item.time + LEAVES:
            return None
        if now >= item.time + SILENT and item.properties.get("state") == "live":
            return msgspec.structs.replace(item, properties={**item.properties, "state": "stale"})
        return item
