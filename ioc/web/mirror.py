"""The mirror of one channel in a web process: its picture, and the frames made of it, once for all who need the same.

Pure: nothing here waits or sends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ioc.web import frames, protocol
from ioc.web.cells import cover
from ioc.web.channels import Channel
from ioc.web.frames import Frame
from ioc.web.grid import Box
from ioc.web.kept import Kept
from ioc.web.picture import NOWHERE as NOWHERE
from ioc.web.picture import Picture
from ioc.web.sight import ALL, Sight

MAX_QUIET = 10_000
"""Readers of whom it is known that nothing was in sight for a while."""


class Cut(NamedTuple):
    """A snapshot ready to send: its frames, the position that they carry, and which quality is in them."""

    offset: int
    frames: list[Frame]
    stamp: int
    made: float


class Made:
    """Delta frames. `idle`: they may wait until a beat is due, and are made only when they are read.

    What is idle shows nothing new, only the position moves; or it is a picture from afar, which moves once a beat.
    """

    __slots__ = ("_made", "idle")

    def __init__(self, made: list[Frame] | Callable[[], list[Frame]], idle: bool) -> None:
        self.idle = idle
        self._made = made

    @property
    def frames(self) -> list[Frame]:
        if not isinstance(self._made, list):
            self._made = self._made()
        return self._made


class _NotMade:
    """What was not asked for yet, unlike what can't be made (None)."""


_NOT_MADE = _NotMade()


class Mirror(Picture):
    """One channel. What was made of the present position is kept until it moves."""

    def __init__(self, channel: Channel, kept: Kept | None = None) -> None:
        super().__init__(channel, kept)
        self._frames: dict[tuple[Any, ...], Made | None] = {}
        self._bares: dict[tuple[Any, ...], list[Frame]] = {}
        self._cuts: dict[Sight, Cut] = {}
        self._quiet: dict[tuple[int, Sight], int] = {}

    def _forget_made(self, all_of_it: bool) -> None:
        self._frames.clear()
        self._bares.clear()
        if all_of_it:
            self._cuts.clear()
            self._quiet.clear()

    def cut(self, sight: Sight, now: float) -> Cut:
        """A snapshot's frames; one of the last second serves again when a delta brings its reader from there to now."""
        told = sight.epoch(self.epoch)
        known = self._cuts.get(sight)
        if known is not None and now - known.made < 1.0 and self._leads_on(known, sight):
            return known
        self.forget(now)
        quality = self.quality_for(sight)
        parts = protocol.snapshot_parts(self.channel.name, told, self.offset, self.seen(sight), quality)
        made = self._cuts[sight] = Cut(self.offset, frames.of(parts), self.stamp, now)
        return made

    def _leads_on(self, cut: Cut, sight: Sight) -> bool:
        """Whether a delta brings a reader of that snapshot to now."""
        return self.frames(cut.offset, sight, cut.stamp != self.stamp) is not None

    def forget(self, now: float) -> None:
        """Let go of snapshots that nobody new is given any more."""
        for old in [sight for sight, cut in self._cuts.items() if now - cut.made >= 1.0]:
            del self._cuts[old]

    def frames(self, after: int, sight: Sight, with_quality: bool) -> Made | None:
        """Delta frames from `after` to now; None when a snapshot is needed, or is smaller."""
        key = (after, sight, self.stamp if with_quality else None)
        known = self._frames.get(key, _NOT_MADE)
        if not isinstance(known, _NotMade):
            return known
        if len(self._frames) > 1000:
            self._frames.clear()
        made = self._frames[key] = self._make(after, sight, with_quality)
        return made

    def _make(self, after: int, sight: Sight, with_quality: bool) -> Made | None:
        if after == self.offset:
            return Made(lambda: self._bare(sight, after, after, with_quality), True)
        if sight.far is not None:
            return self._make_afar(after, sight, with_quality)
        if sight.view is not None:
            return self._make_view(sight.view, after, sight, with_quality)
        found = self.changes(after, sight)
        if found is None:
            return None
        put, drop = found
        if not put and not drop:
            return Made(lambda: self._bare(sight, after, self.offset, with_quality), True)
        if sight == ALL and sum(map(len, put.values())) + 8 * len(drop) > self._size + 512:
            return None
        return Made(self._delta(sight, after, put, drop, with_quality), False)

    def _make_afar(self, after: int, sight: Sight, with_quality: bool) -> Made | None:
        steps = self._since(after)
        if steps is None or any(step.cells is None for step in steps):
            return None

        def make() -> list[Frame]:
            put, drop = self.changes(after, sight) or ({}, [])
            return self._delta(sight, after, put, drop, with_quality)

        return Made(make, True)

    def _make_view(self, view: Box, after: int, sight: Sight, with_quality: bool) -> Made | None:
        # up to `start` nothing was in sight: one empty delta brings it there, then comes what all others get
        start = self._quiet.pop((after, sight), after)
        steps = self._since(start)
        if steps is None:
            return None
        over = cover(view)
        if all(step.cells is not None and over.apart(step.cells) for step in steps):
            return self._made_quiet(after, sight, with_quality)
        span = self._span(start)
        shared: list[Frame] = []
        if span is not None and not sight.picks:
            shared, put, drop = span.told(view, self.items, self._marks, self._shared(start))
        elif (found := self.changes(start, sight)) is not None:
            put, drop = found
        else:
            return None
        if not shared and not put and not drop:
            return self._made_quiet(after, sight, with_quality)
        first = self._bare(sight, after, start, False) if start != after else []
        last = self._delta(sight, start, put, drop, with_quality)
        return Made([*first, *shared, *last], False)

    def _made_quiet(self, after: int, sight: Sight, with_quality: bool) -> Made:
        if len(self._quiet) > MAX_QUIET:
            self._quiet.clear()
        self._quiet[after, sight] = self.offset
        return Made(lambda: self._bare(sight, after, self.offset, with_quality), True)

    def _shared(self, after: int) -> Callable[[Mapping[str, bytes], Sequence[str]], list[Frame]]:
        name, told, offset = self.channel.name, self.epoch, self.offset
        return lambda put, drop: frames.of(protocol.delta_frames(name, told, after, offset, put, drop, None, more=True))

    def _bare(self, sight: Sight, after: int, offset: int, with_quality: bool) -> list[Frame]:
        """The delta that moves the position alone, and tells the quality: the same for all of that scope."""
        told = sight.epoch(self.epoch)
        key = after, offset, told, self.stamp if with_quality else None
        found = self._bares.get(key)
        if found is None:
            quality = self.quality_for(sight) if with_quality else None
            made = protocol.delta_frames(self.channel.name, told, after, offset, {}, (), quality)
            found = self._bares[key] = frames.of(made)
        return found

    def _delta(
        self, sight: Sight, after: int, put: Mapping[str, bytes], drop: Sequence[str], with_quality: bool
    ) -> list[Frame]:
        if not put and not drop:
            return self._bare(sight, after, self.offset, with_quality)
        quality = self.quality_for(sight) if with_quality else None
        told = sight.epoch(self.epoch)
        return frames.of(protocol.delta_frames(self.channel.name, told, after, self.offset, put, drop, quality))

    def quality_alone(self, epoch: str, offset: int, sight: Sight) -> list[Frame]:
        """The delta that changes nothing but the quality, for a reader who stands there (`epoch` as it was told)."""
        return frames.of(
            protocol.delta_frames(self.channel.name, epoch, offset, offset, {}, (), self.quality_for(sight))
        )

    def turn(self, old: Sight, new: Sight) -> list[Frame]:
        """What answers a new view: newly seen in `put`, unseen in `drop`, `after` = `offset`; from afar, a snapshot."""
        told, quality = new.epoch(self.epoch), self.quality_for(new)
        if old.far is not None or new.far is not None:
            return frames.of(protocol.snapshot_parts(self.channel.name, told, self.offset, self.seen(new), quality))
        before, after = dict(self.seen(old)), dict(self.seen(new))
        put = {name: body for name, body in after.items() if name not in before}
        drop = [name for name in before if name not in after]
        return frames.of(protocol.delta_frames(self.channel.name, told, self.offset, self.offset, put, drop, quality))

    def quality_for(self, sight: Sight) -> bytes:
        """The quality as this reader may know it: one who sees some of the items is not told the counts of all."""
        if not sight.partial or self.quality == b"null":
            return self.quality
        known = msgspec.json.decode(self.quality)
        known["have"] = self.count(sight)
        known.update(expect=None, refused=0, checks={"passed": 0, "failed": []})
        return protocol.encode(known)
