"""What is sent of a large layer that is looked at from afar: square clusters, or one aggregate a commune.

Both are functions of the items alone, so that every server tells the same. Sums are of whole numbers, so that the order
of the items changes nothing. What changes costs what changed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from sys import intern
from typing import Any, NamedTuple, TypeVar

import msgspec

from ioc.layer import FAR_SIZE, FAR_ZOOM, TROUBLE
from ioc.web.cells import cover, spans
from ioc.web.grid import LEVEL, NOWHERE, WIDE, Box, down, row, split, up
from ioc.web.protocol import encode
from ioc.web.sight import Far, Mark, Sight

TOP = 3
"""The coarsest level: eight clusters around the earth."""
FINER = 3
"""A cluster is 2 ** FINER times finer than a map tile of its zoom: 64 pixels of 512."""
STATES = ("live", "never", "late", "stale", "frozen", "down")
"""From best to worst."""
_RANKS = {state: rank for rank, state in enumerate(STATES)}
_HALF_MICRO = 500_000

K = TypeVar("K")


class _Told(msgspec.Struct, gc=False):
    state: Any = None
    overdue: Any = None
    open: Any = None
    observed: Any = None
    source: Any = None


class _Item(msgspec.Struct, gc=False):
    properties: _Told | None = None


_item = msgspec.json.Decoder(_Item)


class Fact(msgspec.Struct, frozen=True, gc=False):
    """What is counted of one item. `cell` NOWHERE: it is in no cluster. `rank`: of its state, -1 without one.

    `x`, `y`: its middle, in millionths of a degree; None without a place.
    """

    cell: int
    unit: str | None
    bad: bool
    rank: int
    observed: str
    source: str
    x: int | None
    y: int | None


def fact(body: bytes, mark: Mark) -> Fact | None:
    """None when it is over (`open` is false), and so on no map. It is bad when its `state` is one of trouble, or when
    it is `overdue`."""
    try:
        told = _item.decode(body).properties or _Told()
    except msgspec.DecodeError:
        told = _Told()
    if told.open is False:
        return None
    state, observed, source = (one if isinstance(one, str) else "" for one in (told.state, told.observed, told.source))
    bad = state in TROUBLE or told.overdue is True
    x = y = None
    if mark.box is not None:
        west, south, east, north = mark.box
        x, y = round((west + east) * _HALF_MICRO), round((south + north) * _HALF_MICRO)
    # what leaves the earth is WIDE alone
    cell = mark.cell & ~WIDE if mark.cell not in (NOWHERE, WIDE) else NOWHERE
    return Fact(cell, mark.unit, bad, _RANKS.get(state, -1), observed, intern(source), x, y)


class Sum(NamedTuple):
    """Some items together. `worst`: the highest rank. `observed`: the newest. `x`, `y`: sums over those `placed`."""

    many: int
    bad: int
    worst: int
    observed: str
    sources: frozenset[str]
    placed: int
    x: int
    y: int


def total(parts: Iterable[Sum | None]) -> Sum | None:
    """The parts together; None when there are none."""
    found = [part for part in parts if part is not None]
    if len(found) < 2:
        return found[0] if found else None
    many, bad, worst, observed, sources, placed, x, y = zip(*found, strict=True)
    named = frozenset().union(*set(sources))
    return Sum(sum(many), sum(bad), max(worst), max(observed), named, sum(placed), sum(x), sum(y))


class Tally:
    """A sum that items join and leave, one by one; `cells`: where they are, and how many."""

    __slots__ = ("_bad", "_newest", "_observed", "_placed", "_ranks", "_sources", "_x", "_y", "cells")

    def __init__(self) -> None:
        self._observed: dict[str, str] = {}
        self._newest: str | None = ""
        self._bad = self._placed = self._x = self._y = 0
        self._ranks = [0] * (len(_RANKS) + 1)
        self._sources: dict[str, int] = {}
        self.cells: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._observed)

    def join(self, name: str, told: Fact) -> None:
        self._observed[name] = told.observed
        if self._newest is not None and told.observed > self._newest:
            self._newest = told.observed
        self._count(told, 1)

    def leave(self, name: str, told: Fact) -> None:
        if self._observed.pop(name) == self._newest:
            self._newest = None
        self._count(told, -1)

    def _count(self, told: Fact, by: int) -> None:
        self._bad += by * told.bad
        self._ranks[told.rank] += by
        _add(self._sources, told.source, by)
        _add(self.cells, told.cell, by)
        if told.x is not None and told.y is not None:
            self._placed += by
            self._x += by * told.x
            self._y += by * told.y

    def sum(self) -> Sum:
        if self._newest is None:
            self._newest = max(self._observed.values(), default="")
        worst = max((rank for rank in _RANKS.values() if self._ranks[rank]), default=-1)
        sources = frozenset(self._sources) - {""}
        return Sum(len(self), self._bad, worst, self._newest, sources, self._placed, self._x, self._y)


def _add(counts: dict[K, int], key: K, by: int) -> None:
    counts[key] = counts.get(key, 0) + by
    if not counts[key]:
        del counts[key]


def feature(name: str, found: Sum, more: dict[str, Any]) -> bytes:
    """The sum as an item: a GeoJSON feature at the middle of its items. What is counted is computed, by us."""
    place = None
    if found.placed:
        middle = [round(found.x / found.placed / 1e6, 6), round(found.y / found.placed / 1e6, 6)]
        place = {"type": "Point", "coordinates": middle}
    properties: dict[str, Any] = {"cluster": True, "count": found.many, "bad": found.bad}
    if found.worst >= 0:
        properties["state"] = STATES[found.worst]
    known = {"observed": found.observed or None, "source": ", ".join(sorted(found.sources)), "method": "computed"}
    return encode({"type": "Feature", "id": name, "geometry": place, "properties": properties | more | known})


class Afar(ABC):
    """The sums of one scope (its units and agency) over a mirror, whose own `items` and `marks` change under it."""

    def __init__(self, items: Mapping[str, bytes], marks: Mapping[str, Mark], scope: Sight) -> None:
        self._items, self._marks, self._scope = items, marks, scope
        self._facts: dict[str, Fact] = {}
        self._told: dict[Any, bytes] = {}
        self.touch(items)

    def touch(self, names: Iterable[str]) -> None:
        """These items came, went or changed."""
        for name in names:
            old = self._facts.pop(name, None)
            if old is not None:
                self._leave(name, old)
            mark = self._marks.get(name)
            if mark is None or not self._scope.opens(mark):
                continue
            new = fact(self._items[name], mark)
            if new is not None:
                self._facts[name] = new
                self._join(name, new)

    @abstractmethod
    def _join(self, name: str, told: Fact) -> None:
        """An item is counted."""

    @abstractmethod
    def _leave(self, name: str, told: Fact) -> None:
        """An item is counted no more."""

    def freshen(self) -> None:
        """Work out now what else would be when it is asked for."""
        return

    @abstractmethod
    def seen(self, sight: Sight) -> Iterator[tuple[str, bytes]]:
        """All that the sight shows, as items."""

    @abstractmethod
    def changed(self, sight: Sight, marks: list[Mark]) -> tuple[dict[str, bytes], list[str]]:
        """What is put and dropped in the sight by changes of items with these former and present marks."""

    def _mine(self, marks: list[Mark]) -> list[Mark]:
        # what is not this reader's is not named to it
        return [mark for mark in marks if self._scope.opens(mark)] if self._scope.partial else marks


class Clusters(Afar):
    """Sums by cell, on every level from the grid's own to the coarsest."""

    def __init__(self, items: Mapping[str, bytes], marks: Mapping[str, Mark], scope: Sight) -> None:
        self._leaves: dict[int, Tally] = {}
        self._dirty: set[int] = set()
        self._at: list[dict[int, Sum]] = [{} for _ in range(LEVEL + 1)]
        super().__init__(items, marks, scope)

    def _join(self, name: str, told: Fact) -> None:
        if told.cell != NOWHERE:
            self._leaves.setdefault(told.cell, Tally()).join(name, told)
            self._dirty.add(told.cell)

    def _leave(self, name: str, told: Fact) -> None:
        if told.cell != NOWHERE:
            self._leaves[told.cell].leave(name, told)
            self._dirty.add(told.cell)

    def freshen(self) -> None:
        """Work out what was touched since."""
        stale, self._dirty = self._dirty, set()
        for level in range(LEVEL, TOP - 1, -1):
            at = self._at[level]
            for cell in stale:
                found = self._leaf(cell) if level == LEVEL else total(map(self._at[level + 1].get, down(cell)))
                if found is None:
                    at.pop(cell, None)
                else:
                    at[cell] = found
                self._told.pop((level, cell), None)
            stale = {up(cell, 1) for cell in stale}

    def _leaf(self, cell: int) -> Sum | None:
        leaf = self._leaves[cell]
        if len(leaf):
            return leaf.sum()
        del self._leaves[cell]
        return None

    def seen(self, sight: Sight) -> Iterator[tuple[str, bytes]]:
        self.freshen()
        level, view = _afar(sight)
        for cell in _squares(view, level, self._at[level]):
            yield self._name(level, cell), self._feature(level, cell)

    def changed(self, sight: Sight, marks: list[Mark]) -> tuple[dict[str, bytes], list[str]]:
        self.freshen()
        level, view = _afar(sight)
        cells = {mark.cell for mark in self._mine(marks)}
        touched = {up(cell, LEVEL - level) for cell in cells if cell >= 0 and cell != WIDE}
        put, drop = {}, []
        for cell in _squares(view, level, touched):
            if cell in self._at[level]:
                put[self._name(level, cell)] = self._feature(level, cell)
            else:
                drop.append(self._name(level, cell))
        return put, drop

    def _name(self, level: int, cell: int) -> str:
        x, y = split(cell)
        return f"cluster/{level}/{x}/{y}"

    def _feature(self, level: int, cell: int) -> bytes:
        told = self._told.get((level, cell))
        if told is None:
            told = self._told[level, cell] = feature(self._name(level, cell), self._at[level][cell], {})
        return told


def _afar(sight: Sight) -> tuple[int, Box]:
    assert sight.far is not None
    assert sight.view is not None
    return sight.far.level, sight.view


def _squares(view: Box, level: int, among: Iterable[int]) -> list[int]:
    """Those cells of a level that the view meets."""
    across = spans(view, level)
    low, high = row(view[1]) >> LEVEL - level, row(view[3]) >> LEVEL - level
    found = []
    for cell in among:
        x, y = split(cell)
        if low <= y <= high and any(first <= x <= last for first, last in across):
            found.append(cell)
    return found


class Communes(Afar):
    """Sums by unit; a view shows those that have an item in one of its cells."""

    def __init__(self, items: Mapping[str, bytes], marks: Mapping[str, Mark], scope: Sight) -> None:
        self._tallies: dict[str, Tally] = {}
        super().__init__(items, marks, scope)

    def _join(self, name: str, told: Fact) -> None:
        if told.unit is not None:
            self._tallies.setdefault(told.unit, Tally()).join(name, told)
            self._told.pop(told.unit, None)

    def _leave(self, name: str, told: Fact) -> None:
        if told.unit is not None:
            self._tallies[told.unit].leave(name, told)
            self._told.pop(told.unit, None)

    def seen(self, sight: Sight) -> Iterator[tuple[str, bytes]]:
        for unit in self._tallies:
            if self._meets(unit, sight):
                yield f"unit/{unit}", self._feature(unit)

    def changed(self, sight: Sight, marks: list[Mark]) -> tuple[dict[str, bytes], list[str]]:
        put, drop = {}, []
        for unit in {mark.unit for mark in self._mine(marks)}:
            if unit is None:
                continue
            if self._meets(unit, sight):
                put[f"unit/{unit}"] = self._feature(unit)
            else:
                drop.append(f"unit/{unit}")
        return put, drop

    def _meets(self, unit: str, sight: Sight) -> bool:
        tally = self._tallies.get(unit)
        _, view = _afar(sight)
        return tally is not None and not cover(view).apart(tally.cells.keys())

    def _feature(self, unit: str) -> bytes:
        told = self._told.get(unit)
        if told is None:
            told = self._told[unit] = feature(f"unit/{unit}", self._tallies[unit].sum(), {"unit": unit})
        return told


class Elsewhere(Afar):
    """Nothing: from afar, this layer comes as vector tiles alone."""

    def touch(self, names: Iterable[str]) -> None:
        pass

    def _join(self, name: str, told: Fact) -> None:
        pass

    def _leave(self, name: str, told: Fact) -> None:
        pass

    def seen(self, sight: Sight) -> Iterator[tuple[str, bytes]]:
        return iter(())

    def changed(self, sight: Sight, marks: list[Mark]) -> tuple[dict[str, bytes], list[str]]:
        return {}, []


KINDS: dict[str, Callable[..., Afar]] = {"clusters": Clusters, "units": Communes, "tiles": Elsewhere}


def far_of(kind: str | None, zoom: float, size: int) -> Far | None:
    """How a layer that says `kind` is seen at that zoom; None: item by item."""
    if kind is None or zoom >= FAR_ZOOM or size <= FAR_SIZE:
        return None
    return Far(kind, min(LEVEL, int(zoom) + FINER) if kind == "clusters" else 0)
