"""Press: what feeds posted within a day, what of it is an alert, and feeds that are quiet. No text and no name.

What a source's `properties` say: `kind`: post or feed. Of a post `feed`, `topics`, `places` (codes of communes),
`alert` (it has a topic); of a feed `newest` (RFC 3339). A post counts for a day; a feed has `posts`: fresh, or old once
nothing was posted for QUIET. Tiles are counted (`ioc.counted`): `where = {kind = "post", alert = true}`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ioc import expiry
from ioc.event import Event
from ioc.layer import Item, Layer

QUIET = timedelta(days=1)


class Press(Layer):
    name = "press"
    title = ("Thông tin trên mạng", "Online information")
    listens = frozenset({"ioc.press.posted"})
    lives = timedelta(days=1)

    def item(self, event: Event) -> Item:
        return _at(super().item(event), event.received)

    def wakes(self, item: Item) -> datetime | None:
        """When a post has counted for a day, or a feed becomes quiet."""
        if item.properties.get("kind") != "feed":
            return super().wakes(item)
        newest = expiry.told(item.properties, "newest")
        return newest + QUIET if newest is not None and item.properties.get("posts") == "fresh" else None

    def wake(self, item: Item, now: datetime) -> Item | None:
        if item.properties.get("kind") != "feed":
            return super().wake(item, now)
        due = self.wakes(item)
        return item if due is None or now < due else _at(item, now)


def _at(item: Item, now: datetime) -> Item:
    properties = {name: value for name, value in item.properties.items() if name != "posts"}
    newest = expiry.told(properties, "newest")
    if properties.get("kind") == "feed" and newest is not None:
        properties["posts"] = "fresh" if now < newest + QUIET else "old"
    return msgspec.structs.replace(item, properties=properties)
