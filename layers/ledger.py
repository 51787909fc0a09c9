"""The ledger: who told of which period, and when. One item for each source and period; what is owed is not in it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec

from ioc import names
from ioc.event import Event
from ioc.layer import Item, Layer

_PERIODS_KEPT, _LEAST_KEPT, _LEAST_OF_STRETCHES = 24, timedelta(days=40), timedelta(hours=1)


class Ledger(Layer):
    """`properties`: `of`, the source; `first` and `last` day; `reported`, when each reporter told first; `excused`.

    `seconds`: how long a period is that is a stretch of one day.
    """

    name = "ledger"
    title = ("Sổ nộp số liệu", "Ledger of reports")
    listens = frozenset({names.REPORTED, names.EXCUSED})
    views = False

    def fold(self, old: Item | None, event: Event) -> Item | None:
        """Reporters are added, in whatever order the events come; of one who told twice the first time counts.

        Of an excuse the last word counts: an empty reason takes it back.
        """
        if event.data is None:
            return old
        new = self.item(event)
        if old is None:
            return new
        told, before = new.properties, old.properties
        reported = dict(before.get("reported") or {})
        for who, when in (told.get("reported") or {}).items():
            reported[who] = min(when, reported.get(who, when))
        excused = dict(before.get("excused") or {})
        for who, excuse in (told.get("excused") or {}).items():
            excused[who] = max(excuse, excused.get(who, excuse), key=lambda one: one["at"])
        merged = {**before, "reported": reported} | ({"excused": excused} if excused else {})
        later = max((old, new), key=lambda item: (item.time, item.received))
        return msgspec.structs.replace(old, time=later.time, received=later.received, properties=merged)

    def wakes(self, item: Item) -> datetime | None:
        """When a period that is long over leaves."""
        if stretch := item.properties.get("seconds"):
            return item.time + max(_LEAST_OF_STRETCHES, _PERIODS_KEPT * timedelta(seconds=stretch))
        first, last = (date.fromisoformat(item.properties[name]) for name in ("first", "last"))
        return item.time + max(_LEAST_KEPT, _PERIODS_KEPT * (last - first + timedelta(days=1)))

    def wake(self, item: Item, now: datetime) -> Item | None:
        wakes = self.wakes(item)
        return None if wakes is not None and now >= wakes else item
