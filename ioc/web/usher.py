"""Brings seats to now: whole rows at once, and those that stand alone (new, slow, or on their way) one by one.

Nothing is queued for a screen. One whose wire is full leaves its row and keeps its place; when it has taken what it
was sent, it gets one step from there to now, merged, or a snapshot; alerts come first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ioc import names
from ioc.errors import StoreAway
from ioc.web.frames import Bundle, Frame
from ioc.web.mirror import NOWHERE
from ioc.web.protocol import Place
from ioc.web.seats import Rest, Row, Seat, Spot

if TYPE_CHECKING:
    from ioc.web.hub import Hub
    from ioc.web.screens import Screen

BITE = 64 * 1024
"""Bytes that a screen is sent at once; more follows when they are taken, so that what is urgent can go between."""


class Pour:
    """What one screen is to be sent in this turn: small things become one write, and it ends when the wire is full."""

    __slots__ = ("_held", "_size", "full", "screen")

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.full = screen.wire.full
        self._held: list[Frame] = []
        self._size = 0

    def add(self, frames: Sequence[Frame]) -> int:
        """Take frames while the wire does; returns how many."""
        for count, frame in enumerate(frames):
            if self.full:
                return count
            self._held.append(frame)
            self._size += len(frame.text)
            if self._size >= BITE:
                self.end()
        return len(frames)

    def end(self) -> None:
        """Write what was taken."""
        if self._held:
            self.screen.send(Bundle(self._held))
            self._held, self._size = [], 0
            self.full = self.screen.wire.full


class Usher:
    """Keeps the rows and the lone seats of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._rows: dict[str, dict[Spot, Row]] = {}
        self._alone: dict[str, dict[Seat, None]] = {}
        self._waiting: dict[Row, None] = {}
        self._later: dict[Screen, None] = {}
        self._due: dict[Screen, list[Bundle]] | None = None

    def add(self, channel: str) -> None:
        self._rows[channel], self._alone[channel] = {}, {}

    def seen(self, channel: str) -> int:
        """How many screens watch the channel."""
        rows = self._rows.get(channel, {})
        return sum(len(row.seats) for row in rows.values()) + len(self._alone.get(channel, ()))

    # coming and going

    def sit(self, seat: Seat) -> None:
        """Put a seat on its channel's list; it is served from the next flush on, in the same turn of the loop."""
        self._alone[seat.mirror.channel.name][seat] = None
        if seat.place is not None:
            hub = self._hub
            asyncio.get_running_loop().call_later(
                max(0.0, seat.until - hub.monotonic()) + 0.01, self.flush, seat.screen
            )

    def leave(self, seat: Seat) -> None:
        self._unrow(seat)
        self._alone[seat.mirror.channel.name].pop(seat, None)

    def part(self, seat: Seat) -> None:
        """Let a seat stand alone, where it is."""
        if seat.row is not None:
            seat.stand(seat.row.spot, seat.row.moved_at)
            self._unrow(seat)
            self._alone[seat.mirror.channel.name][seat] = None

    def _unrow(self, seat: Seat) -> None:
        row, seat.row = seat.row, None
        if row is not None:
            del row.seats[seat]
            if not row.seats:
                self._rows[row.mirror.channel.name].pop(row.spot, None)
                self._waiting.pop(row, None)

    def _join(self, seat: Seat) -> None:
        """A seat that stands at now, with nothing left to be sent, joins those who stand there too."""
        mirror = seat.mirror
        if seat.row is not None or seat.rest or seat.turn or seat.place or not mirror.present:
            return
        if (seat.offset, seat.stamp) != (mirror.offset, mirror.stamp):
            return
        spot, rows = Spot(seat.sight, mirror.offset, mirror.stamp), self._rows[mirror.channel.name]
        row = rows.get(spot)
        if row is None:
            row = rows[spot] = Row(mirror, spot, seat.moved_at)
        self._alone[mirror.channel.name].pop(seat, None)
        row.seats[seat] = None
        seat.row = row

    def renew(self, channel: str) -> None:
        """The channel began anew: everybody in it needs a snapshot."""
        for row in list(self._rows[channel].values()):
            for seat in list(row.seats):
                self.part(seat)
        for seat in self._alone[channel]:
            seat.rest = None
            if seat.place is None:
                seat.offset = None

    # rows

    def serve(self, channels: Iterable[str]) -> None:
        """These channels moved: bring who watches them to now. Alerts go first."""
        ordered = sorted(channels, key=_late)
        self._due = {} if len(ordered) > 1 else None
        for channel in ordered:
            for row in list(self._rows[channel].values()):
                self._bring_row(row)
        self._write()
        for channel in ordered:
            for seat in list(self._alone[channel]):
                if not seat.screen.wire.full:
                    self.flush(seat.screen)

    def wake(self) -> None:
        """Look again at those who waited because a step showed nothing to them."""
        waiting, self._waiting = self._waiting, {}
        self._due = {}
        for row in waiting:
            if row.seats:
                self._bring_row(row)
        self._write()
        later, self._later = self._later, {}
        for screen in later:
            self.flush(screen)

    def _bring_row(self, row: Row) -> None:
        mirror, spot = row.mirror, row.spot
        if (spot.offset, spot.stamp) == (mirror.offset, mirror.stamp):
            return
        if not mirror.present:
            if mirror.loaded and spot.stamp != mirror.stamp:
                told = mirror.quality_alone(spot.sight.epoch(mirror.epoch), spot.offset, spot.sight)
                self._move(row, told, spot._replace(stamp=mirror.stamp))
            return
        made = mirror.frames(spot.offset, spot.sight, spot.stamp != mirror.stamp)
        if made is None:
            for seat in list(row.seats):
                self.part(seat)
                seat.offset = None
        elif made.idle and spot.stamp == mirror.stamp and self._may_wait(row.moved_at):
            self._waiting[row] = None
        else:
            self._move(row, made.frames, Spot(spot.sight, mirror.offset, mirror.stamp))

    def _may_wait(self, moved_at: float) -> bool:
        """Whether a position that nothing in sight moved was told less than a beat ago; the next ticks look again."""
        return self._hub.monotonic() - moved_at < self._hub.quiet_s

    def _move(self, row: Row, frames: Sequence[Frame], spot: Spot) -> None:
        """Send a row what leads to `spot`; who can't take it now stays behind, alone."""
        bundle, now = Bundle(frames), self._hub.monotonic()
        if bundle.size > BITE:
            for seat in list(row.seats):
                self.part(seat)
            return
        for seat in [seat for seat in row.seats if seat.screen.wire.full]:
            self.part(seat)
        if not row.seats:
            return
        self._give(row, bundle, now)
        rows = self._rows[row.mirror.channel.name]
        del rows[row.spot]
        row.spot, row.moved_at = spot, now
        known = rows.setdefault(spot, row)
        if known is not row:
            for seat in row.seats:
                seat.row = known
            known.seats.update(row.seats)

    def _give(self, row: Row, bundle: Bundle, now: float) -> None:
        if self._due is not None:
            for seat in row.seats:
                self._due.setdefault(seat.screen, []).append(bundle)
            return
        for seat in row.seats:
            screen = seat.screen
            screen.wire.send(bundle)
            screen.sent_at = now
        self._hub.count(bundle, len(row.seats))

    def _write(self) -> None:
        """Write what several channels have for each screen as one, made once for all who need the same."""
        due, self._due = self._due, None
        if not due:
            return
        now = self._hub.monotonic()
        joined: dict[tuple[int, ...], Bundle] = {}
        times: dict[Bundle, int] = {}
        for screen, bundles in due.items():
            bundle = bundles[0]
            if len(bundles) > 1:
                key = tuple(map(id, bundles))
                known = joined.get(key)
                if known is None:
                    known = joined[key] = Bundle([frame for one in bundles for frame in one.frames])
                bundle = known
            screen.wire.send(bundle)
            screen.sent_at = now
            times[bundle] = times.get(bundle, 0) + 1
        for bundle, count in times.items():
            self._hub.count(bundle, count)

    # those who stand alone

    def flush(self, screen: Screen) -> None:
        """Bring a screen to now in all channels in which it stands alone, while it takes what it is sent."""
        if screen.gone or screen.grant is None or screen.wire.full:
            return
        alone = [seat for seat in screen.seats.values() if seat.row is None]
        if not alone:
            return
        alone.sort(key=_late_seat)
        pour, served = Pour(screen), []
        for seat in alone:
            if not pour.full:
                self._bring(seat, pour)
                served.append(seat)
        pour.end()
        for seat in served:
            self._join(seat)
        if screen.joining:
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
            elif made.idle and seat.stamp == mirror.stamp and seat.turn is None and self._may_wait(seat.moved_at):
                self._later[seat.screen] = None
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
        (frames, spot), seat.rest = seat.rest, None
        return self._pour(seat, frames, spot, pour)

    def _pour(self, seat: Seat, frames: Sequence[Frame], spot: Spot, pour: Pour) -> bool:
        """Pour frames that lead to `spot`; True: all of them, and the seat stands there."""
        count = pour.add(frames)
        if count < len(frames):
            seat.rest = Rest(frames[count:], spot)
            return False
        seat.stand(spot, self._hub.monotonic())
        return True

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
        seat.stamp = mirror.stamp
        pour.add(mirror.quality_alone(epoch, offset, seat.sight))

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
        with suppress(StoreAway):
            await self._hub.follower.reach(seat.mirror, offset)
        if seat.place is not None and not seat.mirror.covers(offset):
            seat.place = None
        self.flush(seat.screen)


def _late(channel: str) -> bool:
    return channel != names.ALERTS


def _late_seat(seat: Seat) -> bool:
    return seat.mirror.channel.kind != "alerts"
