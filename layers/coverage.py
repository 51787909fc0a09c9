"""Coverage: villages that mobile broadband reaches, and as points those that it does not.

What a source's `properties` say: `covered` (true or false); `name`. A village of which neither is said counts nowhere.
An item has `state` for its mark (live, or never); only a village that is not covered keeps its place: a map shows what
is missing.
"""

from __future__ import annotations

import msgspec

from ioc.event import Event
from ioc.layer import Item, Layer


class Coverage(Layer):
    name = "coverage"
    title = ("Phủ sóng thôn, bản", "Coverage of villages")
    listens = frozenset({"ioc.village.listed"})

    def item(self, event: Event) -> Item:
        made = super().item(event)
        covered = made.properties.get("covered") is True
        properties = {**made.properties, "state": "live" if covered else "never"}
        return msgspec.structs.replace(made, properties=properties, geometry=None if covered else made.geometry)
