"""One layer's items in the projector's memory: the board's own, decoded, with what was dropped and what will wake."""

from __future__ import annotations

import heapq
from datetime import datetime, timedelta

from ioc import clock
from ioc.board import Position, Snapshot
from ioc.event import Event
from ioc.layer import Item, Layer

TOMBS_LIVE = timedelta(days=7)
MOST_WAKES = 10
"""How many times one item may change by time at once: after a long rest several moments may have passed."""
NOWHERE = ""

Key = tuple[datetime, datetime]
"""Source time and receipt: what decides which of two events is the later one."""


class Fold:
    """Folds events into one layer's items, and collects what changed since it was last handed out.

    `by_unit` groups the items for the tiles; `touched` names the units whose tiles must be worked out again.
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.position: Position | None = None
        self.items: dict[str, Item] = {}
        self.gone: dict[str, Key] = {}
        self.by_unit: dict[str, dict[str, Item]] = {}
        self.touched: set[str] = set()
        self._changed: dict[str, Item | None] = {}
        self._tombs: dict[str, str] = {}
        self._waking: list[tuple[datetime, str]] = []
        self._due: dict[str, datetime] = {}

    @classmethod
    def of(cls, layer: Layer, snapshot: Snapshot) -> Fold:
        """The fold that goes on where the board stands."""
        fold = cls(layer)
        fold.position = snapshot.position
        for name, body in snapshot.items.items():
            fold._put(Item.decode(body), name)
        marks = ((name, _unmark(mark)) for name, mark in snapshot.gone.items())
        fold.gone = dict(sorted(marks, key=lambda pair: pair[1][1]))
        return fold

    def event(self, event: Event) -> None:
        """Fold one event in; a late one can't bring back what was dropped after it."""
        name, key = event.subject, (event.time, event.received)
        tomb = self.gone.get(name)
        if tomb is not None and key <= tomb:
            return
        old = self.items.get(name)
        new = self.layer.fold(old, event)
        if new is None:
            if old is not None or event.data is None:
                self._bury(name, key)
            self._drop(name)
        elif new is not old:
            if tomb is not None:
                del self.gone[name]
                self._tombs.pop(name, None)
            self._put(new, name)
            self._changed[name] = new

    def wake(self, now: datetime) -> None:
        """Let items change, or go, by time alone; tombstones that nobody needs any more are forgotten."""
        due = []
        while self._waking and self._waking[0][0] <= now:
            when, name = heapq.heappop(self._waking)
            # only the earliest entry of an item counts
            if self._due.get(name) == when:
                del self._due[name]
                due.append(name)
        for name in due:
            if (old := self.items.get(name)) is not None:
                self._wake(name, old, now)
        while self.gone and now - self.gone[name := next(iter(self.gone))][1] >= TOMBS_LIVE:
            del self.gone[name]
            self._tombs[name] = ""

    def _wake(self, name: str, old: Item, now: datetime) -> None:
        item = old
        for _ in range(MOST_WAKES):
            wakes = self.layer.wakes(item)
            if wakes is None or wakes > now:
                break
            new = self.layer.wake(item, now)
            if new is None:
                self._bury(name, (old.time, old.received))
                self._drop(name)
                return
            if new is item:
                return
            item = new
        if item is not old:
            self._put(item, name)
            self._changed[name] = item
        else:
            self._set_alarm(name, wakes)

    def take(self) -> tuple[dict[str, bytes | None], dict[str, str]]:
        """What changed since the last call, encoded once, and the tombstones to keep ("" to forget)."""
        changed, tombs = self._changed, self._tombs
        self._changed, self._tombs = {}, {}
        return {name: item.encode() if item is not None else None for name, item in changed.items()}, tombs

    def _put(self, item: Item, name: str) -> None:
        old = self.items.get(name)
        unit = unit_of(item)
        if old is not None and (was := unit_of(old)) != unit:
            self._leave(was, name)
        self.items[name] = item
        there = self.by_unit.get(unit)
        if there is None:
            there = self.by_unit[unit] = {}
        there[name] = item
        self.touched.add(unit)
        self._set_alarm(name, self.layer.wakes(item))

    def _set_alarm(self, name: str, wakes: datetime | None) -> None:
        """One entry for each item, the earliest; a later time is looked up when that one is due."""
        if wakes is not None and ((due := self._due.get(name)) is None or wakes < due):
            self._due[name] = wakes
            heapq.heappush(self._waking, (wakes, name))

    def _drop(self, name: str) -> None:
        old = self.items.pop(name, None)
        if old is not None:
            self._leave(unit_of(old), name)
            self._changed[name] = None

    def _leave(self, unit: str, name: str) -> None:
        there = self.by_unit[unit]
        del there[name]
        if not there:
            del self.by_unit[unit]
        self.touched.add(unit)

    def _bury(self, name: str, key: Key) -> None:
        # the newest stand last, so that the oldest are found first
        self.gone.pop(name, None)
        self.gone[name] = key
        self._tombs[name] = _mark(key)

    def encoded(self) -> dict[str, bytes]:
        """All items as they stand on a board."""
        return {name: item.encode() for name, item in self.items.items()}

    def marks(self, now: datetime) -> dict[str, str]:
        """All tombstones that are young enough to matter."""
        return {name: _mark(key) for name, key in self.gone.items() if now - key[1] < TOMBS_LIVE}


def unit_of(item: Item) -> str:
    """The commune that an item counts for; NOWHERE when it has none."""
    unit = item.properties.get("unit")
    return unit if isinstance(unit, str) else NOWHERE


def _mark(key: Key) -> str:
    return f"{clock.rfc3339(key[0])}|{clock.rfc3339(key[1])}"


def _unmark(mark: str) -> Key:
    time, _, received = mark.partition("|")
    return clock.parse(time), clock.parse(received)
