"""One screen that is connected: a position in each channel, no queue; and what it may say."""

from __future__ import annotations

import itertools
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple

from ioc.web import protocol
from ioc.web.access import Grant, Refused
from ioc.web.channels import kind_of
from ioc.web.frames import Bundle, Frame
from ioc.web.mirror import Mirror
from ioc.web.scope import sight
from ioc.web.seats import Seat
from ioc.web.sight import Sight
from ioc.web.wire import Wire

if TYPE_CHECKING:
    from ioc.web.hub import Hub

AHEAD_S = 2.0
"""How long a client that is ahead of the mirror is held."""
MAX_SEATS = 512
BURST, RATE = 200.0, 50.0
"""Frames that a client may send at once, and each second from then on (receipts not counted)."""


class Receipt(NamedTuple):
    """What a screen says that it shows: a position, and the milliseconds from the frame's arrival to the glass.

    `at`: when it said so, in the hub's seconds.
    """

    epoch: str
    offset: int
    ms: float | None
    at: float


class Screen:
    """One connection. `take` takes its frames, one after another; the hub flushes it.

    `joining`: it is on its way to its first picture (None: it watched nothing so far). `shown`: its receipts.
    """

    _numbers = itertools.count(1)
    __slots__ = (
        "_credit", "_credit_at", "_secret", "address", "gone", "grant", "hub", "joining", "name", "number", "opened",
        "screen", "seats", "sent_at", "shown", "took", "took_at", "wire",
    )  # fmt: skip

    def __init__(self, hub: Hub, wire: Wire, address: str, secret: str | None) -> None:
        self.number = next(Screen._numbers)
        self.hub = hub
        self.wire = wire
        self.address = address
        self.grant: Grant | None = None
        self.screen: str | None = None
        self.name: str | None = None
        self.seats: dict[str, Seat] = {}
        self.shown: dict[str, Receipt] | None = None
        self.opened = self.sent_at = self.took_at = hub.monotonic()
        self.took = 0
        self.gone = False
        self.joining: bool | None = None
        self._secret = secret
        self._credit, self._credit_at = BURST, self.opened

    def send(self, bundle: Bundle) -> None:
        self.sent_at = self.hub.monotonic()
        self.hub.count(bundle, 1)
        self.wire.send(bundle)

    def problem(self, code: str, say: str, channel: str | None = None, temporary: bool = False) -> None:
        """Tell it what is wrong; this goes before whatever else waits for it."""
        self.send(Bundle([Frame(protocol.problem(code, say, channel=channel, temporary=temporary))]))

    def bye(self, code: int, say: str, *, after: float | None = None, hurry: bool = False) -> None:
        """Send it away; `hurry`: what it has not taken is dropped."""
        if not self.gone:
            self.hub.leave(self)
            self.wire.close(code, Frame(protocol.bye(code, say, after)), hurry=hurry)

    # what it says

    def take(self, body: bytes) -> Coroutine[Any, Any, None] | None:
        """Take one frame of the client; what is wrong with it is answered with a problem.

        What is given back must be awaited before the next frame is taken: the key in it is not known here yet.
        """
        if self.gone:
            return None
        try:
            frame = protocol.decode(body)
        except protocol.BadFrame as error:
            if self._paid():
                self.problem(error.code, error.say)
            return None
        if isinstance(frame, protocol.Shown):
            self._receipt(frame)
        elif self._paid():
            if isinstance(frame, protocol.Hello):
                return self._greet(frame)
            self._obey(frame)
        return None

    def _obey(self, frame: protocol.Watch | protocol.Unwatch | protocol.ViewOf) -> None:
        if self.grant is None:
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
            if self.shown is None:
                self.shown = {}
            self.shown[frame.channel] = Receipt(frame.epoch, frame.offset, frame.ms, self.hub.monotonic())

    def _greet(self, hello: protocol.Hello) -> Coroutine[Any, Any, None] | None:
        if self.grant is not None:
            self.problem("hello-again", "This connection said hello before; open a new one to show another key.")
            return None
        secret = hello.key or self._secret
        grant = self.hub.access.at_once(secret)
        if grant is None:
            return self._look_up(hello, secret)
        self._welcome(hello, grant)
        return None

    async def _look_up(self, hello: protocol.Hello, secret: str | None) -> None:
        try:
            grant = await self.hub.access.of(secret, self.address)
        except Refused as error:
            code, after = {
                401: (protocol.UNKNOWN_KEY, None),
                403: (protocol.REVOKED, None),
                429: (protocol.TOO_FAST, 60.0),
            }.get(error.status, (protocol.GOING_AWAY, 5.0))
            self.bye(code, error.say, after=after)
            return
        self._welcome(hello, grant)

    def _welcome(self, hello: protocol.Hello, grant: Grant) -> None:
        if self.gone:
            return
        if not self.hub.admit(self):
            say = "Many screens are coming at once; come back in a moment."
            self.bye(protocol.TOO_MANY, say, after=self.hub.wait_s())
            return
        self.grant, self.screen, self.name = grant, hello.screen, hello.name
        self._secret = None
        self.send(self.hub.welcome(hello.screen))

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
            self.hub.usher.part(seat)
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
                self.hub.usher.part(seat)
                seat.turn = seen._replace(view=seat.turn.view, far=seat.turn.far) if seat.turn is not None else None
                seat.sight = seen
                seat.offset = seat.place = seat.rest = None
        self.hub.flush(self)

    def about(self) -> dict[str, Any]:
        """For /metrics and people: who it is and what it last showed."""
        return {"number": self.number, "screen": self.screen, "name": self.name, "shown": dict(self.shown or {})}
