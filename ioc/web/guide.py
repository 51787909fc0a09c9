"""Brings screens to now that stand alone: new ones, slow ones, and those on their way from another place.

Nothing is queued for a screen. One whose wire is full keeps its place; when it has taken what it was sent, it gets one
step from there to now, merged, or a snapshot; alerts come first, also between the parts of a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ioc.errors import StoreAway
from ioc.web.frames import Frame
from ioc.web.mirror import NOWHERE
from ioc.web.pour import Pour
from ioc.web.protocol import Place
from ioc.web.seats import Rest, Seat, Spot
from ioc.web.thin import Thin

if TYPE_CHECKING:
    from ioc.web.hub import Hub
    from ioc.web.screens import Screen
    from ioc.web.usher import Usher

THIN_S = 2.0
"""Seconds after which what a screen has not taken is kept as names only."""


class Guide:
    """For one hub; the usher's other half."""

    def __init__(self, hub: Hub, usher: Usher) -> None:
        self._hub, self._usher = hub, usher
        self._slow: dict[Seat, None] = {}
        self._later: dict[Screen, None] = {}

    def later(self, screen: Screen) -> None:
        """Look at the screen again at the next tick."""
        self._later[screen] = None

    def wake(self) -> None:
        """Look again at those who wait, and let go of bytes that nobody takes."""
        later, self._later = self._later, {}
        for screen in later:
            self.flush(screen)
        self._thin()

    def forget(self, seat: Seat) -> None:
        self._slow.pop(seat, None)

    def flush(self, screen: Screen) -> None:
        """Bring a screen to now in all channels in which it stands alone, while it takes what it is sent."""
        if screen.gone or screen.grant is None or screen.wire.full:
            return
        alone = [seat for seat in screen.seats.values() if seat.row is None]
        if not alone:
            return
        alone.sort(key=_late_seat)
        pour, served = Pour(screen), []
        try:
            for seat in alone:
                if not pour.full:
                    self._bring(seat, pour)
                    served.append(seat)
        finally:
            # they stand where this leads
            pour.end()
        for seat in served:
            self._usher.join(seat)
        # one that is held at its own position has a picture
        if screen.joining and all(not seat.rest and (seat.place or seat.offset is not None) for seat in alone):
            self._hub.joined(screen)

    def _bring(self, seat: Seat, pour: Pour) -> None:
        """Pour what brings a seat to now; the seat is moved. A step that shows nothing to it may wait for a beat."""
        mirror = seat.mirror
        if seat.rest is not None and not self._go_on(seat, pour):
            return
        if not mirror.loaded or (seat.place is not None and not self._settle(seat, seat.place)):
            self._keep(seat, pour)
            return
        if not mirror.present and mirror.epoch != NOWHERE and seat.offset is not None:
            self._keep(seat, pour)
            return
        if seat.offset is not None and (seat.offset != mirror.offset or seat.stamp != mirror.stamp):
            made = mirror.frames(seat.offset, seat.sight, seat.stamp != mirror.stamp)
            if made is None:
                seat.offset = None
            elif made.idle and seat.stamp == mirror.stamp and seat.turn is None and self._usher.may_wait(seat.moved_at):
                self.later(seat.screen)
                return
            elif not self._pour(seat, made.frames, Spot(seat.sight, mirror.offset, mirror.stamp), pour):
                return
        if seat.offset is None and not self._picture(seat, pour):
            return
        if seat.turn is not None and mirror.present:
            turn, seat.turn = seat.turn, None
            self._pour(seat, mirror.turn(seat.sight, turn), Spot(turn, mirror.offset, mirror.stamp), pour)

    def _go_on(self, seat: Seat, pour: Pour) -> bool:
        """Pour what was left; True: all of it."""
        assert seat.rest is not None
        (frames, spot, since), seat.rest = seat.rest, None
        return self._pour(seat, frames, spot, pour, since)

    def _pour(
        self, seat: Seat, frames: Sequence[Frame | Thin], spot: Spot, pour: Pour, since: float | None = None
    ) -> bool:
        """Pour frames that lead to `spot`; True: all of them, and the seat stands there."""
        now = self._hub.monotonic()
        for count, frame in enumerate(frames):
            made = frame if isinstance(frame, Frame) else self._thick(frame, seat)
            if made is None:
                seat.offset = None
                return True
            if not pour.add(made):
                seat.rest = Rest(frames[count:], spot, now if since is None else since)
                # what is on its way is seen so: a view that was asked for outlives what ends this
                seat.sight = spot.sight
                self._slow[seat] = None
                return False
        seat.stand(spot, now)
        return True

    def _thick(self, thin: Thin, seat: Seat) -> Frame | None:
        mirror, sight = seat.mirror, seat.sight
        return thin.frame(mirror.items, lambda name: sight.sees(name, mirror.mark(name), mirror.channel.kind))

    def _thin(self) -> None:
        """Let go of the bytes that screens have not taken for a while: their names are enough to make them again."""
        now = self._hub.monotonic()
        self._slow = {seat: None for seat in self._slow if seat.rest is not None}
        for seat in self._slow:
            rest = seat.rest
            if rest is not None and now - rest.since >= THIN_S and seat.sight.view is None:
                # the first may be half shared with others; it is the next to go out
                first, *others = rest.frames
                thinned = [frame if isinstance(frame, Thin) else Thin(frame) for frame in others]
                seat.rest = rest._replace(frames=[first, *thinned], since=float("inf"))

    def _picture(self, seat: Seat, pour: Pour) -> bool:
        """Pour a snapshot, and what came since it was cut."""
        mirror = seat.mirror
        sight, seat.turn = seat.turn or seat.sight, None
        cut = mirror.cut(sight, self._hub.monotonic())
        if not self._pour(seat, cut.frames, Spot(sight, cut.offset, cut.stamp), pour):
            return False
        if (cut.offset, cut.stamp) == (mirror.offset, mirror.stamp):
            return True
        made = mirror.frames(cut.offset, sight, cut.stamp != mirror.stamp)
        return made is None or self._pour(seat, made.frames, Spot(sight, mirror.offset, mirror.stamp), pour)

    def _keep(self, seat: Seat, pour: Pour) -> None:
        """While the board is away or rebuilt, a screen keeps its picture, and is told how good it is."""
        mirror = seat.mirror
        if not mirror.loaded or mirror.present or seat.stamp == mirror.stamp:
            return
        if seat.place is not None:
            epoch, offset = seat.place.epoch or "", seat.place.offset or 0
        elif seat.offset is not None:
            epoch, offset = seat.sight.epoch(mirror.epoch), seat.offset
        else:
            return
        if all(pour.add(frame) for frame in mirror.quality_alone(epoch, offset, seat.sight)):
            seat.stamp = mirror.stamp

    # resuming

    def _settle(self, seat: Seat, place: Place) -> bool:
        """Decide how a seat that came with a position goes on; False: not yet."""
        mirror, offset = seat.mirror, place.offset or 0
        if place.epoch != seat.sight.epoch(mirror.epoch):
            if mirror.epoch == NOWHERE and not mirror.present and mirror.channel.kind in ("layer", "tile", "sources"):
                return False
            seat.place = None
        elif offset > mirror.offset:
            if self._hub.monotonic() < seat.until:
                return False
            seat.place = None
        elif mirror.covers(offset):
            seat.offset, seat.place = offset, None
        elif not seat.reaching:
            seat.reaching = True
            self._hub.spawn(self._reach(seat, offset), "reach")
            return False
        else:
            return False
        return True

    async def _reach(self, seat: Seat, offset: int) -> None:
        """Fetch steps from before this process began; what can't be had is a snapshot."""
        try:
            with suppress(StoreAway):
                await self._hub.follower.reach(seat.mirror, offset)
        finally:
            # a slow one may need them again when they are gone
            seat.reaching = False
        if seat.place is not None and not seat.mirror.covers(offset):
            seat.place = None
        self.flush(seat.screen)


def _late_seat(seat: Seat) -> bool:
    return seat.mirror.channel.kind != "alerts"
