"""One layer's items in the projector's memory: the board's own, decoded, with what was dropped and what will wake."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import datetime, timedelta

from ioc import clock
from ioc.board import Position, Snapshot
from ioc.event import Event
from ioc.layer import Item, Layer

TOMBS_LIVE = timedelta(days=7)
NOWHERE = ""


class Fold:
    """Folds events into one layer's items, and collects what changed since it was last handed out.

    `by_unit` groups the items for the tiles; `touched` names the units whose tiles must be worked out again.
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.position: Position | None = None
        self.items: dict[str, Item] = {}
        self.gone: dict[str, tuple[datetime, datetime]] = {}
        self.by_unit: dict[str, dict[str, Item]] = {}
        self.touched: set[str] = set()
        self.changes: dict[str, bytes | None] = {}
        self.tombs: dict[str, str] = {}
        self._waking: list[tuple[datetime, str]] = []

    @classmethod
    def of(cls, layer: Layer, snapshot: Snapshot) -> Fold:
        """The fold that goes on where the board stands."""
        fold = cls(layer)
        fold.position = snapshot.position
        for name, body in snapshot.items.items():
            fold._put(Item.decode(body), name)
        fold.gone = {name: _unmark(mark) for name, mark in snapshot.gone.items()}
        return fold

    def event(self, event: Event) -> None:
        """Fold one event in; a late one can't bring back what was dropped after it."""
        name = event.subject
        tomb = self.gone.get(name)
        if tomb is not None and (event.time, event.received) <= tomb:
            return
        old = self.items.get(name)
        new = self.layer.fold(old, event)
        if new is None:
            if event.data is None:
                self._bury(name, event.time, event.received)
            self._drop(name)
        elif new is not old:
            self.gone.pop(name, None)
            self._put(new, name)
            self.changes[name] = new.encode()
            self.tombs.pop(name, None)

    def wake(self, now: datetime) -> None:
        """Let items change, or go, by time alone."""
        while self._waking and self._waking[0][0] <= now:
            when, name = heapq.heappop(self._waking)
            old = self.items.get(name)
            # an entry of a former state of the item: a newer one stands in the heap
            if old is None or self.layer.wakes(old) != when:
                continue
            new = self.layer.wake(old, now)
            if new is None:
                self._bury(name, old.time, old.received)
                self._drop(name)
            elif new is not old:
                self._put(new, name)
                self.changes[name] = new.encode()

    def _put(self, item: Item, name: str) -> None:
        old = self.items.get(name)
        unit = item.properties.get("unit") or NOWHERE
        if old is not None and (was := old.properties.get("unit") or NOWHERE) != unit:
            self._leave(was, name)
        self.items[name] = item
        self.by_unit.setdefault(unit, {})[name] = item
        self.touched.add(unit)
        wakes = self.layer.wakes(item)
        if wakes is not None:
            heapq.heappush(self._waking, (wakes, name))

    def _drop(self, name: str) -> None:
        old = self.items.pop(name, None)
        if old is not None:
            self._leave(old.properties.get("unit") or NOWHERE, name)
            self.changes[name] = None

    def _leave(self, unit: str, name: str) -> None:
        del self.by_unit[unit][name]
        self.touched.add(unit)

    def _bury(self, name: str, time: datetime, received: datetime) -> None:
        self.gone[name] = (time, received)
        self.tombs[name] = f"{clock.rfc3339(time)}|{clock.rfc3339(received)}"

    def encoded(self) -> dict[str, bytes]:
        """All items as they stand on a board."""
        return {name: item.encode() for name, item in self.items.items()}

    def marks(self, now: datetime) -> dict[str, str]:
        """All tombstones that are young enough to matter."""
        young: Iterable[tuple[str, tuple[datetime, datetime]]] = self.gone.items()
        return {
            name: f"{clock.rfc3339(time)}|{clock.rfc3339(received)}"
            for name, (time, received) in young
            if now - received < TOMBS_LIVE
        }


def _unmark(mark: str) -> tuple[datetime, datetime]:
    time, _, received = mark.partition("|")
    return clock.parse(time), clock.parse(received)
