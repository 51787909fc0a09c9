"""Keeps who sits where, and brings whole rows to now at once: what they need is made once, and written to each.

A screen that can't take it leaves its row, keeps its place, and is led on alone (`ioc.web.guide`) until it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from ioc import names
from ioc.web.frames import Bundle, Frame
from ioc.web.guide import Guide
from ioc.web.pour import BITE
from ioc.web.seats import Row, Seat, Spot

if TYPE_CHECKING:
    from ioc.web.hub import Hub
    from ioc.web.screens import Screen


class Usher:
    """Keeps the rows and the lone seats of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._rows: dict[str, dict[Spot, Row]] = {}
        self._alone: dict[str, dict[Seat, None]] = {}
        self._waiting: dict[Row, None] = {}
        self.guide = Guide(hub, self)
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
                max(0.0, seat.until - hub.monotonic()) + 0.01, self.guide.flush, seat.screen
            )

    def leave(self, seat: Seat) -> None:
        self._unrow(seat)
        self._alone[seat.mirror.channel.name].pop(seat, None)
        self.guide.forget(seat)

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

    def join(self, seat: Seat) -> None:
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
        row.seats[seat] = seat.screen
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
        """These channels moved: bring who watches them to now. Alerts go first. One that breaks holds up no other."""
        ordered, broke = sorted(channels, key=_late), None
        self._due = {} if len(ordered) > 1 else None
        for channel in ordered:
            try:
                for row in list(self._rows[channel].values()):
                    self._bring_row(row)
            except Exception as error:
                broke = error
        self._write()
        for channel in ordered:
            for seat in list(self._alone[channel]):
                if not seat.screen.wire.full:
                    try:
                        self.guide.flush(seat.screen)
                    except Exception as error:
                        broke = error
        if broke is not None:
            raise broke

    def wake(self) -> None:
        """Look again at those who waited because a step showed nothing to them."""
        waiting, self._waiting = self._waiting, {}
        self._due = {}
        try:
            for row in waiting:
                if row.seats:
                    self._bring_row(row)
        finally:
            # they stand where this leads
            self._write()
        self.guide.wake()

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
                self.guide.later(seat.screen)
        elif made.idle and spot.stamp == mirror.stamp and self.may_wait(row.moved_at):
            self._waiting[row] = None
        else:
            self._move(row, made.frames, Spot(spot.sight, mirror.offset, mirror.stamp))

    def may_wait(self, moved_at: float) -> bool:
        """Whether a position that nothing in sight moved was told less than a beat ago; the next ticks look again."""
        return self._hub.monotonic() - moved_at < self._hub.quiet_s

    def _move(self, row: Row, frames: Sequence[Frame], spot: Spot) -> None:
        """Send a row what leads to `spot`; who can't take it now stays behind, alone."""
        bundle, now = Bundle(frames), self._hub.monotonic()
        if bundle.size > BITE:
            for seat in list(row.seats):
                self.part(seat)
                self.guide.later(seat.screen)
            return
        for seat in [seat for seat in row.seats if seat.screen.wire.full]:
            self.part(seat)
        if not row.seats:
            return
        self._give(row, bundle)
        rows = self._rows[row.mirror.channel.name]
        del rows[row.spot]
        row.spot, row.moved_at = spot, now
        known = rows.setdefault(spot, row)
        if known is not row:
            for seat in row.seats:
                seat.row = known
            known.seats.update(row.seats)
            # it may be among those who wait, and has nobody any more
            row.seats = {}

    def _give(self, row: Row, bundle: Bundle) -> None:
        if self._due is not None:
            for screen in row.seats.values():
                self._due.setdefault(screen, []).append(bundle)
            return
        self._send(row.seats.values(), bundle)

    def _write(self) -> None:
        """Write what several channels have for each screen as one, made once for all who need the same."""
        due, self._due = self._due, None
        if not due:
            return
        joined: dict[tuple[int, ...], Bundle] = {}
        groups: dict[Bundle, list[Screen]] = {}
        for screen, bundles in due.items():
            bundle = bundles[0]
            if len(bundles) > 1:
                key = tuple(map(id, bundles))
                known = joined.get(key)
                if known is None:
                    known = joined[key] = Bundle([frame for one in bundles for frame in one.frames])
                bundle = known
            groups.setdefault(bundle, []).append(screen)
        for bundle, screens in groups.items():
            self._send(screens, bundle)

    def _send(self, screens: Collection[Screen], bundle: Bundle) -> None:
        """Send the same to many screens; the first one's kind of wire knows how it is done best."""
        next(iter(screens)).wire.give(screens, bundle, self._hub.monotonic())
        self._hub.count(bundle, len(screens))


def _late(channel: str) -> bool:
    return channel != names.ALERTS
