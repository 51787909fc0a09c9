"""Which items of a layer lie in which cell, and which cells a view covers: what is looked at is what is seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from functools import lru_cache

from ioc.web.grid import GONE, LAST_COLUMN, LEVEL, WIDE, Box, column, join, row, split
from ioc.web.sight import Mark

MOST_LISTED = 1024
"""A view of more cells than these is asked of each cell, and does not list its own."""


class Cover:
    """The cells that a view meets. `listed`: their numbers, and WIDE; None when there are too many. `inner`: of those
    listed, the ones inside.

    A cell is inside when its column and row are neither the first nor the last of the view, so that no rounding can
    err; where the earth ends, they may be.
    """

    def __init__(self, view: Box) -> None:
        west, south, east, north = view
        self.spans = spans(view)
        self.rows = row(south), row(north)
        over = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
        self._inner = [
            (first + (start > -180), last - (end < 180))
            for (first, last), (start, end) in zip(self.spans, over, strict=True)
        ]
        self._inner_rows = self.rows[0] + (south > -90), self.rows[1] - (north < 90)
        many = sum(last - first + 1 for first, last in self.spans) * (self.rows[1] - self.rows[0] + 1)
        self.listed: frozenset[int] | None = frozenset({WIDE, *self}) if many <= MOST_LISTED else None
        self.inner = frozenset(cell for cell in self if self._inside(cell)) if many <= MOST_LISTED else frozenset()

    def __iter__(self) -> Iterator[int]:
        for first, last in self.spans:
            for x in range(first, last + 1):
                yield from range(join(x, self.rows[0]), join(x, self.rows[1]) + 1)

    def has(self, cell: int) -> bool:
        """Whether the view meets the cell; what is wide is always to be looked at."""
        if cell == WIDE:
            return True
        if cell < 0 or cell > WIDE:
            return False
        x, y = split(cell)
        return self.rows[0] <= y <= self.rows[1] and any(first <= x <= last for first, last in self.spans)

    def _inside(self, cell: int) -> bool:
        x, y = split(cell)
        low, high = self._inner_rows
        return low <= y <= high and any(first <= x <= last for first, last in self._inner)

    def of(self, cells: Set[int]) -> tuple[Iterable[int], Iterable[int]]:
        """Those of the cells all of which is in the view, and the others that it meets."""
        if self.listed is not None:
            met = self.listed & cells
            whole = met & self.inner
            return whole, met - whole
        found = [cell for cell in cells if self.has(cell)]
        inner = {cell for cell in found if cell != WIDE and self._inside(cell)}
        return inner, [cell for cell in found if cell not in inner]

    def apart(self, cells: Set[int]) -> bool:
        """Whether the view meets none of the cells."""
        if self.listed is not None:
            return self.listed.isdisjoint(cells)
        return not any(self.has(cell) for cell in cells)


def spans(view: Box, level: int = LEVEL) -> list[tuple[int, int]]:
    """First and last column of a view in the grid of that level; two pairs when it goes over the date line."""
    west, _, east, _ = view
    coarser = LEVEL - level
    if west <= east:
        return [(column(west) >> coarser, column(east) >> coarser)]
    return [(column(west) >> coarser, LAST_COLUMN >> coarser), (0, column(east) >> coarser)]


@lru_cache(4096)
def cover(view: Box) -> Cover:
    """The view's cover; many readers, and each step, ask for the same ones."""
    return Cover(view)


class Cells:
    """`held`: the items of each cell, by its number; those that reach out of theirs under a number with WIDE set."""

    def __init__(self) -> None:
        self.held: dict[int, dict[str, None]] = {}
        self.wide: dict[str, None] = {}
        self._counts: dict[str | None, int] = {}

    def put(self, name: str, old: Mark | None, new: Mark | None) -> None:
        """Note that an item went from one place to another; None: it was, or is, not there."""
        before = old.cell if old is not None else GONE
        after = new.cell if new is not None else GONE
        if before != after:
            if before != GONE:
                self._leave(name, before)
            if after != GONE:
                self._enter(name, after)
        if old is None or new is None or old.unit is not new.unit:
            if old is not None:
                self._counts[old.unit] -= 1
            if new is not None:
                self._counts[new.unit] = self._counts.get(new.unit, 0) + 1

    def _leave(self, name: str, cell: int) -> None:
        held = self.held[cell]
        del held[name]
        if not held:
            del self.held[cell]
        if cell >= WIDE:
            del self.wide[name]

    def _enter(self, name: str, cell: int) -> None:
        self.held.setdefault(cell, {})[name] = None
        if cell >= WIDE:
            self.wide[name] = None

    def near(self, view: Box) -> Iterator[tuple[list[str], bool]]:
        """Cell by cell, as it is when it is reached: the items that the view may meet, and whether it surely does."""
        whole, partly = cover(view).of(self.held.keys())
        for cell in list(whole):
            yield list(self.held.get(cell, ())), True
        for cell in [cell for cell in partly if cell != WIDE]:
            yield list(self.held.get(cell, ())), False
        yield list(self.wide), False

    def count(self, units: frozenset[str] | None) -> int:
        """How many items a reader of these units has; None: of all."""
        if units is None:
            return sum(self._counts.values())
        return sum(self._counts.get(unit, 0) for unit in units)
