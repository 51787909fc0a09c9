"""What is sent of a large layer that is looked at from afar: square clusters, or one aggregate a commune.

Both are functions of the items alone, so that every server tells the same. Sums are of whole numbers, so that the order
of the items changes nothing. Only what was touched since the last look is worked out again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any, NamedTuple

import msgspec

from ioc.layer import FAR_SIZE, FAR_ZOOM, TROUBLE
from ioc.web.cells import Cells, spans
from ioc.web.grid import LEVEL, WIDE, Box, row, split, up
from ioc.web.protocol import encode
from ioc.web.sight import Far, Mark, Sight, meet

TOP = 3
"""The coarsest level: eight clusters around the earth."""
FINER = 3
"""A cluster is 2 ** FINER times finer than a map tile of its zoom: 64 pixels of 512."""
_STATES = ("live", "never", "late", "stale", "frozen", "down")
"""From best to worst."""
_MICRO = 1_000_000


class _Told(msgspec.Struct, gc=False):
    state: str | None = None
    overdue: Any = None
    open: Any = None
    observed: str | None = None
    source: str | None = None


class _Item(msgspec.Struct, gc=False):
    properties: _Told | None = None


_item = msgspec.json.Decoder(_Item)


class Sum(NamedTuple):
    """Some items together. `worst`: place of the worst state in the list of states, -1 when none has one.

    `observed`: the newest. `x`, `y`: sums of the middles of those `placed`, in millionths of a degree.
    `box`: of them all.
    """

    many: int
    bad: int
    worst: int
    observed: str
    sources: frozenset[str]
    placed: int
    x: int
    y: int
    box: Box | None


def facts(body: bytes, mark: Mark) -> Sum | None:
    """One item as a sum of one; None when it is over (`open` is false), and so on no map.

    It is bad when its `state` is one of trouble, or when it is `overdue`.
    """
    try:
        told = _item.decode(body).properties or _Told()
    except msgspec.DecodeError:
        told = _Told()
    if told.open is False:
        return None
    bad = told.state in TROUBLE or told.overdue is True
    worst = _STATES.index(told.state) if told.state in _STATES else -1
    x = y = 0
    if mark.box is not None:
        west, south, east, north = mark.box
        x, y = round((west + east) / 2 * _MICRO), round((south + north) / 2 * _MICRO)
    sources = frozenset((told.source,)) if told.source else frozenset()
    return Sum(1, int(bad), worst, told.observed or "", sources, int(mark.box is not None), x, y, mark.box)


def total(parts: Iterable[Sum | None]) -> Sum | None:
    """The parts together; None when there are none."""
    found = [part for part in parts if part is not None]
    if len(found) < 2:
        return found[0] if found else None
    counts, bads, worsts, observed, sources, placed, xs, ys, boxes = zip(*found, strict=True)
    west, south, east, north = zip(*(box for box in boxes if box is not None), strict=True) if any(boxes) else ((),) * 4
    box = (min(west), min(south), max(east), max(north)) if west else None
    newest, named = max(observed), frozenset().union(*set(sources))
    return Sum(sum(counts), sum(bads), max(worsts), newest, named, sum(placed), sum(xs), sum(ys), box)


def feature(name: str, found: Sum, more: dict[str, Any]) -> bytes:
    """The sum as an item: a GeoJSON feature at the middle of its items. What is counted is computed, by us."""
    place = None
    if found.placed:
        middle = [round(found.x / found.placed / _MICRO, 6), round(found.y / found.placed / _MICRO, 6)]
        place = {"type": "Point", "coordinates": middle}
    properties: dict[str, Any] = {"cluster": True, "count": found.many, "bad": found.bad}
    if found.worst >= 0:
        properties["state"] = _STATES[found.worst]
    known = {"observed": found.observed or None, "source": ", ".join(sorted(found.sources)), "method": "computed"}
    return encode({"type": "Feature", "id": name, "geometry": place, "properties": properties | more | known})


class Afar:
    """One scope's sums over a mirror. `items`, `marks` and `cells` are the mirror's own, and change under it."""

    def __init__(self, items: Mapping[str, bytes], marks: Mapping[str, Mark], cells: Cells, sight: Sight) -> None:
        self._items, self._marks, self._cells = items, marks, cells
        self._units = sight.units
        self._dirty: set[int] = set(cells.held)
        self._told: dict[Any, bytes] = {}

    def touch(self, cells: Set[int]) -> None:
        """Items of these cells came, went or changed."""
        self._dirty |= cells

    def _stale(self) -> set[int]:
        found, self._dirty = self._dirty, set()
        return found

    def _names(self, cell: int) -> Iterator[str]:
        for name in self._cells.held.get(cell, ()):
            if self._units is None or self._marks[name].unit in self._units:
                yield name

    def _one(self, name: str) -> Sum | None:
        return facts(self._items[name], self._marks[name])

    def seen(self, sight: Sight) -> Iterator[tuple[str, bytes]]:
        """All that the sight shows, as items."""
        raise NotImplementedError

    def changed(self, sight: Sight, marks: list[Mark]) -> tuple[dict[str, bytes], list[str]]:
        """What is put and dropped in the sight by changes of items with these former and present marks."""
        raise NotImplementedError

    def _mine(self, marks: list[Mark]) -> list[Mark]:
        # what is in no unit of this reader's is not named to it
        return marks if self._units is None else [mark for mark in marks if mark.unit in self._units]


class Clusters(Afar):
    """Sums by cell, on every level from the grid's own to the coarsest."""

    def __init__(self, items: Mapping[str, bytes], marks: Mapping[str, Mark], cells: Cells, sight: Sight) -> None:
        super().__init__(items, marks, cells, sight)
        self._at: list[dict[int, Sum]] = [{} for _ in range(LEVEL + 1)]
        self._below: list[dict[int, set[int]]] = [{} for _ in range(LEVEL + 1)]

    def _freshen(self) -> None:
        stale = {cell & ~WIDE for cell in self._stale() if cell >= 0}
        for level in range(LEVEL, TOP - 1, -1):
            at, below = self._at[level], self._below[level]
            parents = set()
            for cell in stale:
                found = self._leaf(cell) if level == LEVEL else total(map(self._at[level + 1].get, below.get(cell, ())))
                parent = up(cell, 1)
                beside = self._below[level - 1].setdefault(parent, set())
                if found is None:
                    at.pop(cell, None)
                    beside.discard(cell)
                else:
                    at[cell] = found
                    beside.add(cell)
                self._told.pop((level, cell), None)
                parents.add(parent)
            stale = parents

    def _leaf(self, cell: int) -> Sum | None:
        # what leaves the earth is held under WIDE alone, and is in no cluster
        wide = self._names(cell | WIDE) if cell else ()
        return total([*map(self._one, self._names(cell)), *map(self._one, wide)])

    def seen(self, sight: Sight) -> Iterator[tuple[str, bytes]]:
        self._freshen()
        assert sight.view is not None
        assert sight.far is not None
        level = sight.far.level
        for cell in _squares(sight.view, level, self._at[level]):
            yield self._name(level, cell), self._feature(level, cell)

    def changed(self, sight: Sight, marks: list[Mark]) -> tuple[dict[str, bytes], list[str]]:
        self._freshen()
        assert sight.view is not None
        assert sight.far is not None
        level = sight.far.level
        cells = {mark.cell for mark in self._mine(marks)}
        touched = {up(cell, LEVEL - level) for cell in cells if cell >= 0 and cell != WIDE}
        put, drop = {}, []
        for cell in _squares(sight.view, level, touched):
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
    """Sums by unit: of each unit, by cell, so that one item that moves asks for the others of its cell alone."""

    def __init__(self, items: Mapping[str, bytes], marks: Mapping[str, Mark], cells: Cells, sight: Sight) -> None:
        super().__init__(items, marks, cells, sight)
        self._parts: dict[str, dict[int, Sum]] = {}
        self._in: dict[int, set[str]] = {}
        self._sums: dict[str, Sum] = {}

    def _freshen(self) -> None:
        touched: set[str] = set()
        for cell in self._stale():
            found: dict[str, list[Sum | None]] = {}
            for name in self._names(cell):
                if (unit := self._marks[name].unit) is not None:
                    found.setdefault(unit, []).append(self._one(name))
            before = self._in.pop(cell, set())
            for unit in before - found.keys():
                del self._parts[unit][cell]
            for unit, parts in found.items():
                if (sum_ := total(parts)) is not None:
                    self._parts.setdefault(unit, {})[cell] = sum_
                    self._in.setdefault(cell, set()).add(unit)
                elif unit in before:
                    del self._parts[unit][cell]
            touched |= before | found.keys()
        for unit in touched:
            sum_ = total(self._parts.get(unit, {}).values())
            self._told.pop(unit, None)
            if sum_ is None:
                self._sums.pop(unit, None)
            else:
                self._sums[unit] = sum_

    def seen(self, sight: Sight) -> Iterator[tuple[str, bytes]]:
        self._freshen()
        for unit in list(self._sums):
            if self._meets(unit, sight):
                yield f"unit/{unit}", self._feature(unit)

    def changed(self, sight: Sight, marks: list[Mark]) -> tuple[dict[str, bytes], list[str]]:
        self._freshen()
        put, drop = {}, []
        for unit in {mark.unit for mark in self._mine(marks)}:
            if unit is None:
                continue
            if unit in self._sums and self._meets(unit, sight):
                put[f"unit/{unit}"] = self._feature(unit)
            else:
                drop.append(f"unit/{unit}")
        return put, drop

    def _meets(self, unit: str, sight: Sight) -> bool:
        box = self._sums[unit].box
        assert sight.view is not None
        return box is not None and meet(box, sight.view)

    def _feature(self, unit: str) -> bytes:
        told = self._told.get(unit)
        if told is None:
            told = self._told[unit] = feature(f"unit/{unit}", self._sums[unit], {"unit": unit})
        return told


class Elsewhere(Afar):
    """Nothing: from afar, this layer comes as vector tiles alone."""

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
