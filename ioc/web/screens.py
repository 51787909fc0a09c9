"""One screen that is connected: a position in each channel, no queue; and what it may say."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ioc import clock
from ioc.web import protocol
from ioc.web.access import Grant, Refused
from ioc.web.channels import kind_of
from ioc.web.frames import Frame
from ioc.web.mirror import Mirror
from ioc.web.scope import sight
from ioc.web.sight import Sight
from ioc.web.wire import Wire

if TYPE_CHECKING:
    from ioc.web.hub import Hub

AHEAD_S = 2.0
"""How long a client that is ahead of the mirror is held."""
MAX_SEATS = 512
BURST, RATE = 200.0, 50.0
"""Frames that a client may send at once, and each second from then on (receipts not counted)."""

Find = Callable[[str | None], Awaitable[Grant]]
"""The grant of a key given in hello (None: of the handshake's cookie or header); raises Refused."""


class Seat:
    """Where a screen stands in one channel, and since when (`moved_at`). `offset` None: it needs a snapshot.
    `stamp`: which quality it was sent.

    `place`: the position that it came with, until that is settled (`until`: at the latest). `turn`: a view asked for.
    """

    __slots__ = ("mirror", "moved_at", "offset", "place", "reaching", "screen", "sight", "stamp", "turn", "until")

    def __init__(
        self, screen: Screen, mirror: Mirror, sight: Sight, place: protocol.Place | None, until: float
    ) -> None:
        self.screen = screen
        self.mirror = mirror
        self.sight = sight
        self.offset: int | None = None
        self.stamp = -1
        self.place = place
        self.until = until
        self.reaching = False
        self.turn: Sight | None = None
        self.moved_at = float("-inf")

    def stand(self, offset: int, stamp: int, now: float) -> None:
        """The screen was sent what brings it here."""
        self.offset, self.stamp, self.moved_at = offset, stamp, now


class Screen:
    """One connection. `received` takes its frames, one after another; the hub flushes it."""

    _numbers = itertools.count(1)

    def __init__(self, hub: Hub, wire: Wire, find: Find, address: str) -> None:
        self.number = next(Screen._numbers)
        self.hub = hub
        self.wire = wire
        self.address = address
        self.grant: Grant | None = None
        self.screen: str | None = None
        self.name: str | None = None
        self.seats: dict[str, Seat] = {}
        self.shown: dict[str, tuple[str, int, float | None]] = {}
        self.opened = self.sent_at = self.took_at = hub.monotonic()
        self.took = 0
        self.gone = False
        self._find = find
        self._credit, self._credit_at = BURST, self.opened

    def send(self, frames: list[Frame]) -> None:
        self.sent_at = self.hub.monotonic()
        self.hub.count(frames)
        self.wire.send(frames)

    def problem(self, code: str, say: str, channel: str | None = None, temporary: bool = False) -> None:
        self.send([Frame(protocol.problem(code, say, channel=channel, temporary=temporary))])

    def bye(self, code: int, say: str, *, after: float | None = None, hurry: bool = False) -> None:
        """Send it away; `hurry`: what it has not taken is dropped."""
        if not self.gone:
            self.hub.leave(self)
            self.wire.close(code, Frame(protocol.bye(code, say, after)), hurry=hurry)

    # what it says

    async def received(self, body: bytes | str) -> None:
        """Take one frame of the client; what is wrong with it is answered with a problem."""
        if self.gone:
            return
        try:
            frame = protocol.decode(body)
        except protocol.BadFrame as error:
            if self._paid():
                self.problem(error.code, error.say)
            return
        if isinstance(frame, protocol.Shown):
            self._receipt(frame)
            return
        if not self._paid():
            return
        if isinstance(frame, protocol.Hello):
            await self._greet(frame)
        elif self.grant is None:
            self.problem("hello-first", "The first frame is a hello; send it, then watch channels.")
        elif isinstance(frame, protocol.Watch):
            self._watch(frame)
        elif isinstance(frame, protocol.Unwatch):
            for channel in frame.channels:
                self.hub.stand_up(self, channel)
        else:
            self._view(frame)

    def _paid(self) -> bool:
        now = self.hub.monotonic()
        self._credit = min(BURST, self._credit + (now - self._credit_at) * RATE) - 1
        self._credit_at = now
        if self._credit < 0:
            self.bye(
                protocol.TOO_FAST, "Too many frames came at once; come back a little later.", after=10.0, hurry=True
            )
            return False
        return True

    def _receipt(self, frame: protocol.Shown) -> None:
        if frame.channel in self.seats:
            self.shown[frame.channel] = (frame.epoch, frame.offset, frame.ms)

    async def _greet(self, hello: protocol.Hello) -> None:
        if self.grant is not None:
            self.problem("hello-again", "This connection said hello before; open a new one to show another key.")
            return
        try:
            grant = await self._find(hello.key)
        except Refused as error:
            code, after = {
                401: (protocol.UNKNOWN_KEY, None),
                403: (protocol.REVOKED, None),
                429: (protocol.TOO_FAST, 60.0),
            }.get(error.status, (protocol.GOING_AWAY, 5.0))
            self.bye(code, error.say, after=after)
            return
        if self.gone:
            return
        self.grant, self.screen, self.name = grant, hello.screen, hello.name
        now = clock.rfc3339(self.hub.clock())
        self.send([Frame(protocol.encode(protocol.Welcome(now, self.hub.beat, self.hub.server, hello.screen)))])

    def _watch(self, watch: protocol.Watch) -> None:
        for place in watch.channels:
            self._start(place, watch.past)
        if not watch.channels and watch.past:
            self._no_past(None)
        self.hub.flush(self)

    def _no_past(self, channel: str | None) -> None:
        say = "The past can't be watched here; ask the API with at or known instead."
        self.problem("unsupported", say, channel)

    def _start(self, place: protocol.Place, past: bool) -> None:
        channel = place.channel
        if past or place.past:
            self._no_past(channel)
            return
        mirror = self._mirror(channel)
        if mirror is None or not self._fits(mirror, place.view):
            return
        if channel not in self.seats and len(self.seats) >= MAX_SEATS:
            self.problem("too-many", f"A screen watches {MAX_SEATS} channels at most; unwatch some first.", channel)
            return
        came = place if place.epoch is not None and place.offset is not None else None
        self.hub.sit(Seat(self, mirror, self.sight(mirror, place.view), came, self.hub.monotonic() + AHEAD_S))

    def _mirror(self, channel: str) -> Mirror | None:
        """The mirror of a channel that this screen may see; else it is told what is wrong."""
        assert self.grant is not None
        if not self.grant.may(channel):
            self.problem(
                "forbidden", "Your key does not open this channel; ask the operator for one that does.", channel
            )
            return None
        mirror = self.hub.mirror(channel)
        if mirror is None:
            known = "is not known here" if kind_of(channel) else "is no channel's name"
            self.problem(
                "unknown", f"This channel {known}; GET /api/layers and /api/tiles list what there is.", channel
            )
        return mirror

    def _fits(self, mirror: Mirror, view: protocol.View | None) -> bool:
        if view is None:
            return True
        channel = mirror.channel
        if not channel.views:
            self.problem("unsupported", "This channel has no views; watch it whole.", channel.name)
            return False
        if (wrong := view.sentence()) is not None:
            self.problem("invalid", wrong, channel.name)
            return False
        return True

    def sight(self, mirror: Mirror, view: protocol.View | None) -> Sight:
        """What this screen's key sees of the channel, in that view."""
        assert self.grant is not None
        if view is None:
            return sight(self.grant, mirror.channel)
        return mirror.afar(sight(self.grant, mirror.channel, view.bbox), view.zoom)

    def _view(self, frame: protocol.ViewOf) -> None:
        seat = self.seats.get(frame.channel)
        if seat is None:
            self.problem(
                "not-watched", "This channel is not watched; watch it before you ask for a view.", frame.channel
            )
            return
        view = protocol.View(frame.bbox, frame.zoom)
        if self._fits(seat.mirror, view):
            seat.turn = self.sight(seat.mirror, view)
            self.hub.flush(self)

    # what became of its key

    def regrant(self, grant: Grant) -> None:
        """Take a newer form of its key's grant: what was lost is erased, another scope is another epoch."""
        if grant.revoked:
            self.bye(protocol.REVOKED, "This screen's key was revoked; ask the operator for a new one.", hurry=True)
            return
        self.grant = grant
        for channel, seat in list(self.seats.items()):
            if not grant.may(channel):
                self.hub.stand_up(self, channel)
                self.problem(
                    "forbidden", "Your key does not open this channel any more; what it showed is erased.", channel
                )
                continue
            seen = sight(grant, seat.mirror.channel, seat.sight.view)._replace(far=seat.sight.far)
            if seen != seat.sight:
                seat.turn = seen._replace(view=seat.turn.view, far=seat.turn.far) if seat.turn is not None else None
                seat.sight = seen
                seat.offset = seat.place = None
        self.hub.flush(self)

    def about(self) -> dict[str, Any]:
        """For /metrics and people: who it is and what it last showed."""
        return {"number": self.number, "screen": self.screen, "name": self.name, "shown": dict(self.shown)}
