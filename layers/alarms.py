"""The history of alerts: when each was raised and ended, and who took it. What is open now is the channel `alerts`."""

from __future__ import annotations

from datetime import datetime, timedelta

from ioc import names
from ioc.layer import Item, Layer

KEPT = timedelta(days=30)
"""How long an alert that ended, and a claim, are kept here; the archive keeps all."""


class Alarms(Layer):
    """Two kinds of items. Of an alert, by its id: `since`, `open`, `level`, `say`, `about`.

    Of the claim of an alert, by its id behind `claim/`: `of`, the raising's `since`, `by` (empty: given back). A claim
    counts for the raising that it names alone: an alert that is raised again has been taken by nobody.
    """

    name = "alarms"
    title = ("Lịch sử cảnh báo", "Alert history")
    listens = frozenset({names.RAISED, names.CLEARED, names.CLAIMED})
    views = False

    def wakes(self, item: Item) -> datetime | None:
        return None if item.properties.get("open") else item.time + KEPT

    def wake(self, item: Item, now: datetime) -> Item | None:
        wakes = self.wakes(item)
        return None if wakes is not None and now >= wakes else item
