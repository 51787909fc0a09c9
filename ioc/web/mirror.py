"""The mirror of one channel in a web process: its items now, the steps that led here, and the frames made of them.

Pure: nothing here waits or sends. Items stay bytes; what a view or a unit's key needs of them is read once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ioc.board import Delta, Position, Snapshot
from ioc.web import frames, protocol
from ioc.web.channels import Channel
from ioc.web.frames import Frame
from ioc.web.sight import ALL, Mark, Sight, mark_of

MAX_STEPS = 4096
MAX_IDS = 200_000
"""Ids in all kept steps together."""
MAX_OLD_BYTES = 4 * 1024 * 1024
"""Bytes of former values, kept so that one who sees a part is told of what left it."""

NOWHERE = "none"
"""The epoch of a channel that nobody wrote yet."""


class Step(NamedTuple):
    """One move of the channel; `was`: values before it (None: not there); what has no entry is not known any more."""

    after: int
    offset: int
    ids: tuple[str, ...]
    was: dict[str, bytes | None]


class Cut(NamedTuple):
    """A snapshot ready to send: its frames, the position that they carry, and which quality is in them."""

    offset: int
    frames: list[Frame]
    stamp: int
    made: float


class Made(NamedTuple):
    """Delta frames, ready to send. `idle`: nothing in the reader's sight changed, only the position moves."""

    frames: list[Frame]
    idle: bool


class Mirror:
    """One channel. `present`: the board has it and it is whole; else the last picture is kept, and no delta goes out.

    `loaded`: the board was asked once, whatever came of it. `stamp` counts the changes of `quality` (JSON bytes), so
    that a seat knows which one it was sent.
    """

    def __init__(self, channel: Channel) -> None:
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
        self._marks: dict[str, Mark] = {}
        self._ids = 0
        self._old_bytes = 0
        self._old_steps: deque[Step] = deque()
        self._frames: dict[tuple[Any, ...], Made | None] = {}
        self._cuts: dict[Sight, Cut] = {}
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
        self._cuts.clear()
        self._frames.clear()
        self._ids = self._old_bytes = 0
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
        was = {name: self.items.get(name) for name in changes}
        for name, body in changes.items():
            old = was[name]
            if old is not None:
                self._size -= len(name) + len(old) + 4
            if body is None:
                self.items.pop(name, None)
            else:
                self.items[name] = body
                self._size += len(name) + len(body) + 4
            self._marks.pop(name, None)
        self._keep(Step(self.offset, offset, tuple(changes), was))
        self.offset = offset
        self._frames.clear()

    def _keep(self, step: Step) -> None:
        self.steps.append(step)
        self._old_steps.append(step)
        self._ids += len(step.ids)
        self._old_bytes += sum(len(old) for old in step.was.values() if old is not None)
        while len(self.steps) > MAX_STEPS or self._ids > MAX_IDS:
            self._ids -= len(self.steps.popleft().ids)
        while self._old_bytes > MAX_OLD_BYTES and self._old_steps:
            forgotten = self._old_steps.popleft().was
            self._old_bytes -= sum(len(old) for old in forgotten.values() if old is not None)
            forgotten.clear()
        while len(self._old_steps) > MAX_STEPS:
            self._old_steps.popleft()

    def extend(self, earlier: Sequence[Delta]) -> None:
        """Put steps of the board before the oldest that is kept, after a start of the process."""
        found = [step for step in earlier if step.epoch == self.epoch and step.offset <= self.oldest]
        for step in reversed(found):
            if step.offset != self.oldest:
                break
            ids = (*step.drop, *step.put)
            self.steps.appendleft(Step(step.after, step.offset, ids, {}))
            self._ids += len(ids)

    # what is read

    def mark(self, name: str) -> Mark:
        known = self._marks.get(name)
        if known is None:
            known = self._marks[name] = mark_of(self.items[name])
        return known

    def seen(self, sight: Sight) -> Iterable[tuple[str, bytes]]:
        """The items that are there for a reader, in the board's order."""
        if sight == ALL:
            return self.items.items()
        kind = self.channel.kind
        return ((name, body) for name, body in self.items.items() if sight.sees(name, self.mark(name), kind))

    def covers(self, after: int) -> bool:
        """Whether every change after that offset is known here."""
        if after == self.offset:
            return True
        at = bisect_left(self.steps, after, key=lambda step: step.after)
        return at < len(self.steps) and self.steps[at].after == after

    def changes(self, after: int, sight: Sight) -> tuple[dict[str, bytes], list[str]] | None:
        """Puts and drops that bring a reader from `after` to now; None: only a snapshot is safe."""
        if not self.covers(after):
            return None
        at = bisect_left(self.steps, after, key=lambda step: step.after)
        steps = [self.steps[index] for index in range(at, len(self.steps))]
        first: dict[str, Step] = {}
        for step in steps:
            for name in step.ids:
                first.setdefault(name, step)
        put: dict[str, bytes] = {}
        drop: list[str] = []
        kind = self.channel.kind
        # what a tile's or an alert's id tells of its scope stays true of its former values
        by_id = kind == "tile" or (kind == "alerts" and sight.units is None)
        for name, step in first.items():
            body = self.items.get(name)
            if body is not None and (sight == ALL or sight.sees(name, self.mark(name), kind)):
                put[name] = body
            elif sight == ALL:
                drop.append(name)
            elif name in step.was or by_id:
                # what was never there for this reader is not named to it
                old = step.was.get(name, b"{}")
                if old is not None and sight.sees(name, mark_of(old), kind):
                    drop.append(name)
            elif sight.units is not None:
                return None
            else:
                drop.append(name)
        return put, drop

    # frames, made once for all who need the same

    def cut(self, sight: Sight, now: float) -> Cut:
        """A snapshot's frames; one of the last second serves again (its reader then gets the rest as a delta)."""
        told = sight.epoch(self.epoch)
        known = self._cuts.get(sight)
        if known is not None and now - known.made < 1.0 and (known.offset == self.offset or self.covers(known.offset)):
            return known
        self.forget(now)
        quality = self.quality_for(sight)
        parts = protocol.snapshot_parts(self.channel.name, told, self.offset, self.seen(sight), quality)
        made = self._cuts[sight] = Cut(self.offset, frames.of(parts), self.stamp, now)
        return made

    def forget(self, now: float) -> None:
        """Let go of snapshots that nobody new is given any more."""
        for old in [sight for sight, cut in self._cuts.items() if now - cut.made >= 1.0]:
            del self._cuts[old]

    def frames(self, after: int, sight: Sight, with_quality: bool) -> Made | None:
        """Delta frames from `after` to now; None when a snapshot is needed, or is smaller."""
        key = (after, sight, self.stamp if with_quality else None)
        if key in self._frames:
            return self._frames[key]
        if len(self._frames) > 1000:
            self._frames.clear()
        made = self._frames[key] = self._make(after, sight, with_quality)
        return made

    def _make(self, after: int, sight: Sight, with_quality: bool) -> Made | None:
        found = ({}, []) if after == self.offset else self.changes(after, sight)
        if found is None:
            return None
        put, drop = found
        if sight == ALL and sum(map(len, put.values())) + 8 * len(drop) > self._size + 512:
            return None
        quality = self.quality_for(sight) if with_quality else None
        made = protocol.delta_frames(self.channel.name, sight.epoch(self.epoch), after, self.offset, put, drop, quality)
        return Made(frames.of(made), not put and not drop)

    def quality_alone(self, epoch: str, offset: int, sight: Sight) -> list[Frame]:
        """The delta that changes nothing but the quality, for a reader who stands there (`epoch` as it was told)."""
        return frames.of(
            protocol.delta_frames(self.channel.name, epoch, offset, offset, {}, (), self.quality_for(sight))
        )

    def turn(self, old: Sight, new: Sight) -> list[Frame]:
        """The delta that answers a new view: newly seen in `put`, unseen in `drop`, `after` = `offset`."""
        before, after = dict(self.seen(old)), dict(self.seen(new))
        put = {name: body for name, body in after.items() if name not in before}
        drop = [name for name in before if name not in after]
        told = new.epoch(self.epoch)
        return frames.of(
            protocol.delta_frames(self.channel.name, told, self.offset, self.offset, put, drop, self.quality_for(new))
        )

    def quality_for(self, sight: Sight) -> bytes:
        """The quality as this reader may know it: one who sees some units is not told the counts of all."""
        if sight.units is None or self.quality == b"null":
            return self.quality
        known = msgspec.json.decode(self.quality)
        known["have"] = sum(1 for _ in self.seen(sight._replace(view=None)))
        known.update(expect=None, refused=0, checks={"passed": 0, "failed": []})
        return protocol.encode(known)
