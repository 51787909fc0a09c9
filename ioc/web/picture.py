"""The picture of one channel in a web process: its items now, the steps that led here, and what a reader sees of them.

Pure: nothing here waits or sends. Items stay bytes; what a view or a unit's key needs of them is read once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ioc.board import Delta, Position, Snapshot
from ioc.layer import FAR_ZOOM
from ioc.web.afar import KINDS, Afar, far_of
from ioc.web.cells import Cells, cover
from ioc.web.channels import Channel
from ioc.web.grid import GONE, WIDE
from ioc.web.kept import Kept, old_weight
from ioc.web.sight import ALL, Far, Mark, Sight, mark_of
from ioc.web.views import Span, Step, lying

MAX_STEPS = 4096
MAX_IDS = 200_000
"""Ids in all kept steps together."""
MAX_OLD_BYTES = 4 * 1024 * 1024
"""Bytes of former values, kept so that one who sees a part is told of what left it."""
MANY = 5_000
"""A picture of so many items gets its cells when it is loaded; a smaller one when the first view is asked for."""
MAX_SCOPES = 64
"""Scopes whose sums from afar are kept."""

NOWHERE = "none"
"""The epoch of a channel that nobody wrote yet."""


class Picture:
    """One channel. `present`: the board has it and it is whole; else the last picture is kept, and no delta goes out.

    `loaded`: the board was asked once, whatever came of it. `stamp` counts the changes of `quality` (JSON bytes), so
    that a seat knows which one it was sent. `kept`: where its steps are counted with those of other pictures.
    """

    def __init__(self, channel: Channel, kept: Kept | None = None) -> None:
        self.channel = channel
        self.epoch = NOWHERE
        self.offset = 0
        self.items: dict[str, bytes] = {}
        self.loaded = False
        self.present = False
        self.rebuilding = False
        self.quality = b"null"
        self.stamp = 0
        self.steps: deque[Step] = deque()
        self._kept = kept or Kept()
        self._marks: dict[str, Mark] = {}
        self._cells: Cells | None = None
        self._afar: dict[Sight, Afar] = {}
        self._spans: dict[int, Span] = {}
        self._ids = 0
        self._old_bytes = 0
        self._old_steps: deque[Step] = deque()
        self._size = 0

    @property
    def position(self) -> Position:
        return Position(self.epoch, self.offset)

    @property
    def oldest(self) -> int:
        """The oldest offset of this epoch from which a reader can go on."""
        return self.steps[0].after if self.steps else self.offset

    # how it moves

    def load(self, snapshot: Snapshot) -> bool:
        """Take a fresh snapshot; True: seats of the old epoch need a snapshot too.

        A snapshot that is not whole is not shown: the old picture stays until the rebuild is done.
        """
        if not snapshot.whole:
            self.present, self.rebuilding = False, True
            return False
        epoch, offset = snapshot.position
        self.present, self.rebuilding = True, False
        if epoch == self.epoch and offset > self.offset:
            changes: dict[str, bytes | None] = {n: b for n, b in snapshot.items.items() if self.items.get(n) != b}
            changes.update((name, None) for name in self.items.keys() - snapshot.items.keys())
            self._move(offset, changes)
            return False
        if snapshot.position == self.position and snapshot.items == self.items:
            return False
        self.epoch, self.offset = epoch, offset
        self.items = dict(snapshot.items)
        self._size = sum(len(name) + len(body) + 4 for name, body in self.items.items())
        self.steps.clear()
        self._old_steps.clear()
        self._marks.clear()
        self._spans.clear()
        self._afar.clear()
        self._forget_made(True)
        self._ids = self._old_bytes = 0
        if self._cells is not None or (self.channel.views and len(self.items) >= MANY):
            self._cells = lying(self.items, self._marks)
            if self.channel.far is not None:
                self._sums(Sight(far=Far(self.channel.far))).freshen()
        return True

    def lose(self) -> None:
        """The board has no such channel (any more): keep the picture, and say so."""
        self.present = False

    def step(self, delta: Delta) -> bool:
        """Take a step of the board; False: it does not follow on what is here (a gap)."""
        if delta.epoch != self.epoch or delta.after > self.offset:
            return False
        if delta.offset > self.offset:
            changes: dict[str, bytes | None] = dict.fromkeys(delta.drop)
            changes.update(delta.put)
            self._move(delta.offset, changes)
        return True

    def _move(self, offset: int, changes: Mapping[str, bytes | None]) -> None:
        was: dict[str, bytes | Mark | None] = {}
        for name, body in changes.items():
            old = self.items.get(name)
            mark = self._marks.pop(name, None)
            if self.channel.kind != "tile":
                # a tile's id tells whose it is, whatever it said before
                was[name] = mark if mark is not None else old
            if old is not None:
                self._size -= len(name) + len(old) + 4
            if body is None:
                self.items.pop(name, None)
            else:
                self.items[name] = body
                self._size += len(name) + len(body) + 4
        step = Step(self.offset, offset, tuple(changes), was)
        if self._cells is not None:
            step.cells = self._place(self._cells, step)
        self._keep(step)
        self.offset = offset
        self._spans.clear()
        self._forget_made(False)

    def _place(self, cells: Cells, step: Step) -> frozenset[int]:
        """Note where the step's items are now; the numbers of all cells that they left or came to."""
        touched = set()
        for name in step.ids:
            old = step.before(name)
            new = None
            if name in self.items:
                new = self._marks[name] = mark_of(self.items[name])
                touched.add(new.cell)
            if old is not None:
                touched.add(old.cell)
            cells.put(name, old, new)
        for sums in self._afar.values():
            sums.touch(step.ids)
        if max(touched, default=GONE) >= WIDE:
            touched.add(WIDE)
        return frozenset(touched)

    def _keep(self, step: Step) -> None:
        self.steps.append(step)
        self._old_steps.append(step)
        self._ids += len(step.ids)
        self._old_bytes += old_weight(step)
        while len(self.steps) > MAX_STEPS or self._ids > MAX_IDS:
            self._ids -= len(self.steps.popleft().ids)
        self._kept.add(self, step)
        while self._old_bytes > MAX_OLD_BYTES and self._old_steps:
            self._old_bytes -= self._kept.forget_old(self._old_steps.popleft())
        while len(self._old_steps) > MAX_STEPS:
            self._old_bytes -= old_weight(self._old_steps.popleft())

    def let_go(self, step: Step) -> None:
        """Give up the oldest step, or what is still known of one given up before."""
        if self.steps and self.steps[0] is step:
            self.steps.popleft()
            self._ids -= len(step.ids)
        if self._old_steps and self._old_steps[0] is step:
            self._old_steps.popleft()
            self._old_bytes -= old_weight(step)

    def _forget_made(self, all_of_it: bool) -> None:
        """What was made of the picture so far is of the past; `all_of_it`: none of it can be gone on from either."""

    def extend(self, earlier: Sequence[Delta]) -> None:
        """Put steps of the board before the oldest that is kept, after a start of the process."""
        found = [step for step in earlier if step.epoch == self.epoch and step.offset <= self.oldest]
        for step in reversed(found):
            if step.offset != self.oldest:
                break
            ids = (*step.drop, *step.put)
            self.steps.appendleft(Step(step.after, step.offset, ids, {}))
            self._kept.add_before(self, self.steps[0])
            self._ids += len(ids)

    # what is read

    def mark(self, name: str) -> Mark:
        known = self._marks.get(name)
        if known is None:
            known = self._marks[name] = mark_of(self.items[name])
        return known

    def seen(self, sight: Sight) -> Iterable[tuple[str, bytes]]:
        """The items that are there for a reader: in the board's order, or, in a view, cell by cell."""
        if sight == ALL:
            return self.items.items()
        if sight.far is not None:
            return self._sums(sight).seen(sight)
        kind = self.channel.kind
        if sight.view is None:
            return ((name, body) for name, body in self.items.items() if sight.sees(name, self.mark(name), kind))
        seen = list(self.names(sight))
        return zip(seen, map(self.items.__getitem__, seen), strict=True)

    def names(self, sight: Sight) -> Iterator[str]:
        """The items that are there for a reader in its view, cell by cell; they may move while this goes on."""
        assert sight.view is not None
        kind, sure_is_seen = self.channel.kind, sight == Sight(view=sight.view)
        for names, sure in self._placed().near(sight.view):
            if sure and sure_is_seen:
                yield from names
                continue
            for name in names:
                if name in self._marks and sight.sees(name, self._marks[name], kind):
                    yield name

    def afar(self, sight: Sight, zoom: float) -> Sight:
        """The sight as a screen at that zoom has it: of a large layer, it may be another one from afar."""
        if sight.view is None or self.channel.far is None or zoom >= FAR_ZOOM:
            return sight._replace(far=None)
        self._placed()
        return sight._replace(far=far_of(self.channel.far, zoom, self.count(sight)))

    def count(self, sight: Sight) -> int:
        """How many items the reader's key opens, in view or not."""
        if self.channel.kind == "layer" and sight.causes is None and self._cells is not None:
            if sight.agency is not None:
                return sum(map(sight.opens, self._marks.values()))
            return self._cells.count(sight.units)
        return sum(1 for _ in self.seen(sight._replace(view=None, far=None)))

    def _placed(self) -> Cells:
        if self._cells is None:
            self._cells = lying(self.items, self._marks)
        return self._cells

    def _sums(self, sight: Sight) -> Afar:
        assert sight.far is not None
        key = Sight(sight.units, far=Far(sight.far.kind), agency=sight.agency)
        known = self._afar.pop(key, None)
        if known is None:
            self._placed()
            known = KINDS[sight.far.kind](self.items, self._marks, key)
            while len(self._afar) >= MAX_SCOPES:
                del self._afar[next(iter(self._afar))]
        self._afar[key] = known
        return known

    def covers(self, after: int) -> bool:
        """Whether every change after that offset is known here."""
        return self._since(after) is not None

    def _since(self, after: int) -> list[Step] | None:
        """The steps after that offset; None when they are not all known."""
        if after == self.offset:
            return []
        if self.steps and self.steps[-1].after == after:
            return [self.steps[-1]]
        at = bisect_left(self.steps, after, key=lambda step: step.after)
        if at == len(self.steps) or self.steps[at].after != after:
            return None
        return [self.steps[index] for index in range(at, len(self.steps))]

    def _span(self, after: int) -> Span | None:
        """What changed since, by cell; None when it is not known any more."""
        found = self._spans.get(after)
        if found is None:
            steps = self._since(after)
            if steps is None or any(step.cells is None for step in steps):
                return None
            found = self._spans[after] = Span(steps, self._marks)
        return found

    def changes(self, after: int, sight: Sight) -> tuple[dict[str, bytes], list[str]] | None:
        """Puts and drops that bring a reader from `after` to now; None: only a snapshot is safe."""
        steps = self._since(after)
        if steps is None:
            return None
        span = self._span(after) if sight.view is not None else None
        if sight.far is not None:
            return self._sums(sight).changed(sight, span.marks(self._marks)) if span is not None else None
        if span is not None and sight.view is not None:
            first = {name: span.first[name] for name in span.names(cover(sight.view))}
        else:
            first = {}
            for step in steps:
                for name in step.ids:
                    first.setdefault(name, step)
        put: dict[str, bytes] = {}
        drop: list[str] = []
        kind = self.channel.kind
        # what a tile's or an alert's id tells of its scope stays true of its former values
        by_id = kind == "tile" or (kind == "alerts" and not sight.partial)
        for name, step in first.items():
            if sight.hides(name):
                continue
            body = self.items.get(name)
            if body is not None and (sight == ALL or sight.sees(name, self.mark(name), kind)):
                put[name] = body
            elif sight == ALL:
                drop.append(name)
            elif name in step.was or by_id:
                # what was never there for this reader is not named to it
                old = step.before(name) if name in step.was else mark_of(b"{}")
                if old is not None and sight.sees(name, old, kind):
                    drop.append(name)
            elif sight.partial:
                return None
            else:
                drop.append(name)
        return put, drop
