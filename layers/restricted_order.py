"""Public order, for those whose key names it: no wildcard opens this layer, its tiles, or what is told of its source.

A key sees it that names its channels: `ioc key add NAME --channel layer/restricted_order --channel
tile/restricted_order_open`. What a source's `properties` say: `category`, `grave` (true or false), `status` (open or
closed); an incident that is closed leaves the map. Others see a count of it, where the settings declare one.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from ioc.event import Event
from ioc.layer import Item, Layer


class RestrictedOrder(Layer):
    name = "restricted_order"
    title = ("An ninh, trật tự (hạn chế)", "Public order (restricted)")
    listens = frozenset({"ioc.order.reported"})
    lives = timedelta(days=30)

    def item(self, event: Event) -> Item:
        made = super().item(event)
        closed = made.properties.get("status") == "closed"
        state = "live" if closed else "down" if made.properties.get("grave") is True else "late"
        geometry = None if closed else made.geometry
        return msgspec.structs.replace(made, properties={**made.properties, "state": state}, geometry=geometry)
