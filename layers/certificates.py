"""Certificates: how many there are of each kind, and how many end in 30, 60 and 90 days.

What a source's `properties` say: `kind`; `state`: valid, suspended or revoked; `until`: the end (RFC 3339); `agency`.

An item has `expires`: expired, 30, 60, 90 (as many days are left at most) or later; of one that is no longer valid it
says nothing. Tiles are counted (`ioc.counted`), such as `where = {state = "valid", expires = ["30", "60"]}`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from ioc import expiry
from ioc.event import Event
from ioc.layer import Item, Layer


class Certificates(Layer):
    name = "certificates"
    title = ("Chứng thư số", "Certificates")
    listens = frozenset({"ioc.certificate.listed"})
    views = False

    def item(self, event: Event) -> Item:
        made = super().item(event)
        return _at(made, made.received)

    def wakes(self, item: Item) -> datetime | None:
        """When it comes nearer to its end."""
        until, known = expiry.told(item.properties, "until"), item.properties.get("expires")
        return expiry.changes(until, str(known)) if until is not None and known is not None else None

    def wake(self, item: Item, now: datetime) -> Item | None:
        due = self.wakes(item)
        return item if due is None or now < due else _at(item, now)


def _at(item: Item, now: datetime) -> Item:
    properties = {name: value for name, value in item.properties.items() if name != "expires"}
    until = expiry.told(properties, "until")
    if until is not None and properties.get("state", "valid") == "valid":
        properties["expires"] = expiry.band(until, now)
    return msgspec.structs.replace(item, properties=properties)
