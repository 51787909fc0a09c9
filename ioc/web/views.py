"""What a step is to those who look at a part: frames by cell, the same for all who see the whole of that cell, and what
each reader is told alone of the border of its view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

import msgspec

from ioc.web.cells import Cells, Cover, cover
from ioc.web.frames import Frame
from ioc.web.grid import GONE, WIDE, Box
from ioc.web.sight import Mark, mark_of, meet

Make = Callable[[Mapping[str, bytes], Sequence[str]], list[Frame]]


class Step(msgspec.Struct, gc=False):
    """One move of the channel. `was`: what stood there before (None: nothing); what has no entry is not known any more.

    `cells`: all that were touched, when every `was` is known as a mark; else None.
    """

    after: int
    offset: int
    ids: tuple[str, ...]
    was: dict[str, bytes | Mark | None]
    cells: frozenset[int] | None = None

    def before(self, name: str) -> Mark | None:
        """The mark that the item had before this step; None: it was not there. Raises KeyError when it is not known."""
        was = self.was[name]
        return mark_of(was) if isinstance(was, bytes) else was

    def forget(self) -> None:
        self.was, self.cells = {}, None


class Span:
    """What changed from a position to now, by cell. `first`: of each item, the step that changed it first.

    `came`: what was changed and now lies in the cell. `left`: what lay in it then and does not now. `wide`: what needs
    a look of its own, then or now.
    """

    def __init__(self, steps: Iterable[Step], marks: Mapping[str, Mark]) -> None:
        self.first: dict[str, Step] = {}
        for step in steps:
            for name in step.ids:
                self.first.setdefault(name, step)
        self.came: dict[int, list[str]] = {}
        self.left: dict[int, list[str]] = {}
        self.wide: list[str] = []
        self._old = {name: step.before(name) for name, step in self.first.items()}
        for name, old in self._old.items():
            new = marks.get(name)
            before = old.cell if old is not None else GONE
            after = new.cell if new is not None else GONE
            if before >= WIDE or after >= WIDE:
                self.wide.append(name)
            if 0 <= after < WIDE:
                self.came.setdefault(after, []).append(name)
            if before != after and 0 <= before < WIDE:
                self.left.setdefault(before, []).append(name)
        self.cells = self.came.keys() | self.left.keys() | ({WIDE} if self.wide else set())
        self._frames: dict[int, list[Frame]] = {}

    def names(self, over: Cover) -> list[str]:
        """The items that a reader of these cells may have to be told of."""
        found: dict[str, None] = {}
        for cell in chain(*over.of(self.cells)):
            for names in (self.wide,) if cell == WIDE else (self.came.get(cell, ()), self.left.get(cell, ())):
                found.update(dict.fromkeys(names))
        return list(found)

    def told(
        self, view: Box, items: Mapping[str, bytes], marks: Mapping[str, Mark], make: Make
    ) -> tuple[list[Frame], dict[str, bytes], list[str]]:
        """The shared frames of the cells inside a view, and the puts and drops that are this view's own.

        `make` makes shared frames of puts and drops.
        """
        shared: list[Frame] = []
        put: dict[str, bytes] = {}
        drop: dict[str, None] = {}
        whole, partly = cover(view).of(self.cells)
        for cell in whole:
            shared += self._of(cell, items, make)
            for name in self.left.get(cell, ()):
                # one that is gone was told to all who see the cell; one that is seen, is told where it is now
                if name in items and not in_view(marks[name], view):
                    drop[name] = None
        for cell in partly:
            for name in self.wide if cell == WIDE else self.came.get(cell, ()):
                if in_view(marks.get(name), view):
                    put[name] = items[name]
                elif in_view(self._old[name], view):
                    drop[name] = None
            for name in self.left.get(cell, ()):
                if not in_view(marks.get(name), view) and in_view(self._old[name], view):
                    drop[name] = None
        return shared, put, list(drop)

    def _of(self, cell: int, items: Mapping[str, bytes], make: Make) -> list[Frame]:
        found = self._frames.get(cell)
        if found is None:
            put = {name: items[name] for name in self.came.get(cell, ())}
            drop = [name for name in self.left.get(cell, ()) if name not in items]
            found = self._frames[cell] = make(put, drop) if put or drop else []
        return found

    def marks(self, now: Mapping[str, Mark]) -> list[Mark]:
        """The former and the present marks of all that changed."""
        new = (now.get(name) for name in self._old)
        return [mark for found in (self._old.values(), new) for mark in found if mark is not None]


def in_view(mark: Mark | None, view: Box) -> bool:
    """Whether an item with this mark (None: it is not there) is in the view."""
    return mark is not None and mark.box is not None and meet(mark.box, view)


def lying(items: Mapping[str, bytes], marks: dict[str, Mark]) -> Cells:
    """The cells of items that are there already; their marks are read, where they are not known yet."""
    cells = Cells()
    for name, body in items.items():
        if name not in marks:
            marks[name] = mark_of(body)
        cells.put(name, None, marks[name])
    return cells
