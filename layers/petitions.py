"""Petitions: which body owes whom an answer, and which answers came late. What was petitioned stays at its source.

What a source's `properties` may say are GeoReport's times and names (`requested`, `updated`, `expected` or `due`,
`closed`, each RFC 3339; `status`; `service`; `agency`). An item has `kind`, `office` and `status`; `open`; `overdue`:
open, and past its due time (it becomes so by time alone); `late`: answered after it. Without a due time neither is
said. No word of what somebody wrote, and no address, becomes part of an item. An answered petition leaves after KEPT.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from ioc import clock
from ioc.event import Event
from ioc.layer import Item, Layer
from ioc.report_rules import DONE, DROPPED

KEPT = timedelta(days=31)
_ENVELOPE = ("source", "method", "unit", "cause")


class Petitions(Layer):
    name = "petitions"
    title = ("Đơn, kiến nghị", "Petitions")
    listens = frozenset({"ioc.petition.observed"})
    far = "units"

    def item(self, event: Event) -> Item:
        made = super().item(event)
        told = made.properties
        status = str(told.get("status") or "open").strip().casefold()
        requested = clock.told(told, "requested") or event.time
        due = clock.told(told, "expected", "due")
        ended = status in DONE or status in DROPPED
        closed = max(clock.told(told, "closed", "updated") or event.time, requested) if ended else None
        overdue = due is not None and closed is None and due <= event.received
        kept: dict[str, Any] = {name: told[name] for name in _ENVELOPE if name in told}
        kept |= {
            "kind": str(told.get("service") or told.get("service_code") or "—"),
            "office": str(told.get("agency") or "—"),
            "status": status,
            "open": closed is None,
            "requested": clock.rfc3339(requested),
            "overdue": overdue,
            "late": due is not None and closed is not None and closed > due,
            "promised": due is not None,
            "state": "late" if overdue else "live",
        }
        kept |= {name: clock.rfc3339(at) for name, at in (("due", due), ("closed", closed)) if at is not None}
        return msgspec.structs.replace(made, properties=kept)

    def wakes(self, item: Item) -> datetime | None:
        """An open petition when it becomes overdue, an answered one when it leaves."""
        told = item.properties
        if not told["open"]:
            return clock.parse(told["closed"]) + KEPT
        return clock.parse(told["due"]) if "due" in told and not told["overdue"] else None

    def wake(self, item: Item, now: datetime) -> Item | None:
        wakes = self.wakes(item)
        if wakes is None or now < wakes:
            return item
        if not item.properties["open"]:
            return None
        return msgspec.structs.replace(item, properties={**item.properties, "overdue": True, "state": "late"})
