"""What a step is to those who look at a part: frames by cell, the same for all who see the whole of that cell, and what
each reader is told alone of the border of its view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from ioc.web.cells import Cells, Cover
from ioc.web.frames import Frame
from ioc.web.grid import GONE, WIDE
from ioc.web.sight import Mark, mark_of

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
        for cell in over.of(self.cells):
            for names in (self.wide,) if cell == WIDE else (self.came.get(cell, ()), self.left.get(cell, ())):
                found.update(dict.fromkeys(names))
        return list(found)

    def told(
        self,
        over: Cover,
        items: Mapping[str, bytes],
        sees: Callable[[Mark | None], bool],
        marks: Mapping[str, Mark],
        make: Make,
    ) -> tuple[list[Frame], dict[str, bytes], list[str]]:
        """The shared frames of the cells inside a view, and the puts and drops that are this view's own.

        `sees`: whether an item with this mark is in the view. `make` makes shared frames of puts and drops.
        """
        shared: list[Frame] = []
        put: dict[str, bytes] = {}
        drop: list[str] = []

        def own(name: str) -> None:
            if sees(marks.get(name)):
                put[name] = items[name]
            elif sees(self._old[name]):
                drop.append(name)

        for cell in over.of(self.cells):
            if cell == WIDE:
                for name in self.wide:
                    own(name)
                continue
            inside = over.inside(cell)
            if inside:
                shared += self._of(cell, items, make)
            else:
                for name in self.came.get(cell, ()):
                    own(name)
            for name in self.left.get(cell, ()):
                # one that is seen now is told where it is now; one that is gone, to all who see the cell at once
                if (name in items or not inside) and not sees(marks.get(name)):
                    own(name)
        return shared, put, list(dict.fromkeys(drop))

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


def lying(items: Mapping[str, bytes], marks: dict[str, Mark]) -> Cells:
    """The cells of items that are there already; their marks are read, where they are not known yet."""
    cells = Cells()
    for name, body in items.items():
        if name not in marks:
            marks[name] = mark_of(body)
        cells.put(name, None, marks[name])
    return cells
