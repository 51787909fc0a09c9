"""People: how many look after a province's systems, body by body, and where one is lacking.

What a source's `properties` say: `body`, `group`; `staff`, how many there are; `needed`, how many there should be. An
item has `lacking`: how many are needed besides, and `short`: whether any are.
"""

from __future__ import annotations

import msgspec

from ioc.event import Event
from ioc.layer import Item, Layer


class People(Layer):
    name = "people"
    title = ("Nhân lực", "People")
    listens = frozenset({"ioc.staff.counted"})
    views = False

    def item(self, event: Event) -> Item:
        made = super().item(event)
        staff, needed = made.properties.get("staff"), made.properties.get("needed")
        if not isinstance(staff, int) or not isinstance(needed, int):
            return made
        lacking = max(0, needed - staff)
        return msgspec.structs.replace(made, properties={**made.properties, "lacking": lacking, "short": lacking > 0})
