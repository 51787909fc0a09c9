"""Networks: sites that were asked themselves, up, slow or down; portals with their newest post; certificates.

What a source's `properties` may say: `name`; `kind` (a line, a conference point, a portal …); `result`: up, slow, down
or never; `used`: percent of its line; `until`: the end of its certificate; `newest`: its newest post (RFC 3339).

An item has `state` for its mark (live, late for slow, down, never); `expires`: expired, 30, 60, 90 (as many days are
left at most) or later; `posts`: fresh, or old once nothing was posted for QUIET. Tiles over it are counted
(`ioc.counted`): `where = {state = ["live", "late"]}`, `where = {expires = ["expired", "30"]}`, `field = "used"`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from ioc import expiry
from ioc.event import Event
from ioc.layer import Item, Layer

STATES = {"up": "live", "slow": "late", "down": "down"}
QUIET = timedelta(days=7)
"""A portal whose newest post is older is quiet."""


class Networks(Layer):
    name = "networks"
    title = ("Mạng và điểm cầu", "Networks and sites")
    listens = frozenset({"ioc.site.probed"})
    far = "clusters"

    def item(self, event: Event) -> Item:
        made = super().item(event)
        said = made.properties.get("result")
        state = STATES.get(said, "never") if isinstance(said, str) else "never"
        return _at(msgspec.structs.replace(made, properties={**made.properties, "state": state}), made.received)

    def wakes(self, item: Item) -> datetime | None:
        """When its certificate comes nearer to its end, or its newest post grows old."""
        until, newest = expiry.told(item.properties, "until"), expiry.told(item.properties, "newest")
        known, posts = item.properties.get("expires"), item.properties.get("posts")
        moments = [
            expiry.changes(until, str(known)) if until is not None and known is not None else None,
            newest + QUIET if newest is not None and posts == "fresh" else None,
        ]
        return min((moment for moment in moments if moment is not None), default=None)

    def wake(self, item: Item, now: datetime) -> Item | None:
        due = self.wakes(item)
        return item if due is None or now < due else _at(item, now)


def _at(item: Item, now: datetime) -> Item:
    """The item with what depends on the time `now`."""
    properties: dict[str, Any] = dict(item.properties)
    for name in ("expires", "posts"):
        properties.pop(name, None)
    if (until := expiry.told(properties, "until")) is not None:
        properties["expires"] = expiry.band(until, now)
    if (newest := expiry.told(properties, "newest")) is not None:
        properties["posts"] = "fresh" if now < newest + QUIET else "old"
    return msgspec.structs.replace(item, properties=properties)
