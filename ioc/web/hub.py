"""The hub: mirrors every channel of the board, and brings each screen from its own position to now.

A delta becomes bytes once and goes to everyone who stands where it begins. Nothing is queued for a screen: one
that is slow stays where it is, and gets one merged delta, or a snapshot, when it takes again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime

import ioc
from ioc import clock, names
from ioc.board import Board
from ioc.errors import StoreAway
from ioc.web import protocol
from ioc.web.access import Access
from ioc.web.channels import Channel
from ioc.web.follow import Follower
from ioc.web.frames import Frame
from ioc.web.grade import Grader
from ioc.web.mirror import NOWHERE, Mirror
from ioc.web.quality import Signs
from ioc.web.screens import Find, Screen, Seat
from ioc.web.wire import Wire

log = logging.getLogger("ioc.web")

STUCK_S = 30.0
HELLO_S = 10.0
TICKS = 4
"""Ticks of the hub in one beat."""


class Hub:
    """Mirrors, and the screens that watch them. `clock` is the wall's, `monotonic` counts seconds.

    `seats` of each mirror are kept here, so that a mirror stays pure.
    """

    def __init__(
        self,
        board: Board,
        access: Access,
        channels: Mapping[str, Channel],
        *,
        beat: float = 2.0,
        signs: Signs | None = None,
        max_screens: int = 20_000,
        clock: Callable[[], datetime] = clock.now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.board = board
        self.access = access
        self.beat = beat
        self.clock = clock
        self.monotonic = monotonic
        self.server = f"ioc/{ioc.__version__}"
        self.mirrors: dict[str, Mirror] = {}
        self.screens: set[Screen] = set()
        self.signs = signs or Signs(None, beat, monotonic, clock)
        self.frames_out = self.bytes_out = 0
        self._seats: dict[str, dict[Screen, Seat]] = {}
        self._max_screens = max_screens
        self._touched: set[str] = set()
        self._lagging: set[Screen] = set()
        self._soon: asyncio.Handle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        for channel in channels.values():
            self.add(channel)
        self._grader = Grader(self)
        self.follower = Follower(self)

    # life

    async def start(self) -> None:
        """Read every board once (a store that is away is waited for later), then follow them."""
        await self.follower.load()
        await self.signs.ask()
        self.tick()
        self._spawn(self.follower.run(), "follow")
        self._spawn(self.follower.seek(), "seek")
        self._spawn(self._listen(), "listen")
        self._spawn(self._beats(), "beats")

    async def stop(self) -> None:
        """Tell every screen to come back, and end the tasks."""
        for number, screen in enumerate(list(self.screens)):
            # spread over a few seconds, so that they do not all come back in one moment
            after = 0.5 + (number % 40) / 10
            screen.bye(protocol.GOING_AWAY, "The server restarts; come back in a moment.", after=after, hurry=True)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: object, name: str) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work, name=f"hub-{name}")  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error(
                "The task %s ended with an error; the hub goes on without it.",
                task.get_name(),
                exc_info=task.exception(),
            )

    async def _listen(self) -> None:
        # apart from the ticks: a store that hangs must not hold up the beats
        while True:
            await asyncio.sleep(self.beat / TICKS)
            try:
                await self.signs.ask()
            except Exception:
                log.exception("Reading the roles' signs of life failed; it is tried again.")

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(self.beat / TICKS)
            try:
                self.tick()
            except Exception:
                log.exception("A tick of the hub failed; the next one follows.")

    # mirrors

    def add(self, channel: Channel) -> Mirror:
        mirror = self.mirrors[channel.name] = Mirror(channel)
        self._seats[channel.name] = {}
        return mirror

    def mirror(self, channel: str) -> Mirror | None:
        """The mirror of a channel; None: neither the settings nor the board know such a channel."""
        return self.mirrors.get(channel)

    def touch(self, channel: str) -> None:
        """The channel moved: its screens are served once in this turn of the loop, however many steps came."""
        self._touched.add(channel)
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_soon(self._fan)

    def regrade(self, mirror: Mirror) -> None:
        """The board of this channel came, went, or is rebuilt: its quality is told anew."""
        self._grader.grade(mirror)
        self.touch(mirror.channel.name)

    def renew(self, channel: str) -> None:
        """The channel began anew: everybody in it needs a snapshot."""
        for seat in self._seats[channel].values():
            if seat.place is None:
                seat.offset = None
        self.touch(channel)

    def _fan(self) -> None:
        self._soon = None
        touched, self._touched = self._touched, set()
        if names.SOURCES in touched:
            self._grader.read()
            touched |= {name for name, mirror in self.mirrors.items() if self._grader.grade(mirror)}
        for channel in touched:
            for screen, seat in list(self._seats[channel].items()):
                if not screen.wire.waiting() and (frames := self._due(seat)):
                    screen.send(frames)

    # screens

    def connect(self, wire: Wire, find: Find, address: str) -> Screen:
        """List a new connection; it is told to come back later when there are too many."""
        screen = Screen(self, wire, find, address)
        self.screens.add(screen)
        wire.ready = lambda: self.flush(screen)
        if len(self.screens) > self._max_screens:
            screen.bye(
                protocol.TOO_MANY, "This server has as many screens as it can serve; come back later.", after=30.0
            )
        return screen

    def leave(self, screen: Screen) -> None:
        """Forget a screen."""
        screen.gone = True
        self.screens.discard(screen)
        for channel in list(screen.seats):
            self.stand_up(screen, channel)

    def sit(self, seat: Seat) -> None:
        """Put a screen on a channel's list; it is served from the next flush on, in the same turn of the loop."""
        channel = seat.mirror.channel.name
        seat.screen.seats[channel] = seat
        self._seats[channel][seat.screen] = seat
        if seat.place is not None:
            asyncio.get_running_loop().call_later(
                max(0.0, seat.until - self.monotonic()) + 0.01, self.flush, seat.screen
            )

    def stand_up(self, screen: Screen, channel: str) -> None:
        screen.seats.pop(channel, None)
        self._seats.get(channel, {}).pop(screen, None)
        screen.shown.pop(channel, None)

    def count(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self.frames_out += 1
            self.bytes_out += len(frame.text)

    def flush(self, screen: Screen) -> None:
        """Bring a screen to now in all its channels, when it has taken what it was sent."""
        if screen.gone or screen.grant is None or screen.wire.waiting():
            return
        frames: list[Frame] = []
        for seat in screen.seats.values():
            frames += self._due(seat)
        if frames:
            screen.send(frames)

    def _due(self, seat: Seat) -> list[Frame]:
        """What brings a seat to now; the seat is moved. A step that shows nothing to it may wait for a beat."""
        mirror = seat.mirror
        if not mirror.loaded or (seat.place is not None and not self._settle(seat, seat.place)):
            return self._kept(seat)
        if not mirror.present and mirror.epoch != NOWHERE and seat.offset is not None:
            return self._kept(seat)
        frames: list[Frame] = []
        if seat.offset is not None and (seat.offset != mirror.offset or seat.stamp != mirror.stamp):
            made = mirror.frames(seat.offset, seat.sight, seat.stamp != mirror.stamp)
            if made is None:
                seat.offset = None
            elif made.idle and seat.stamp == mirror.stamp and seat.turn is None and self._may_wait(seat):
                return []
            else:
                seat.stand(mirror.offset, mirror.stamp, self.monotonic())
                frames += made.frames
        if seat.offset is None:
            frames += self._snapshot(seat)
        if seat.turn is not None and mirror.present:
            frames += mirror.turn(seat.sight, seat.turn)
            seat.sight, seat.turn, seat.stamp = seat.turn, None, mirror.stamp
        return frames

    def _may_wait(self, seat: Seat) -> bool:
        """Whether a position that nothing in sight moved was told less than a beat ago; the next ticks look again."""
        if self.monotonic() - seat.moved_at >= self.beat - self.beat / TICKS / 2:
            return False
        self._lagging.add(seat.screen)
        return True

    def _snapshot(self, seat: Seat) -> list[Frame]:
        mirror = seat.mirror
        seat.sight, seat.turn = seat.turn or seat.sight, None
        cut = mirror.cut(seat.sight, self.monotonic())
        frames = list(cut.frames)
        made = None
        if (cut.offset, cut.stamp) != (mirror.offset, mirror.stamp):
            made = mirror.frames(cut.offset, seat.sight, cut.stamp != mirror.stamp)
        offset, stamp = (mirror.offset, mirror.stamp) if made is not None else (cut.offset, cut.stamp)
        seat.stand(offset, stamp, self.monotonic())
        return frames + (made.frames if made is not None else [])

    def _kept(self, seat: Seat) -> list[Frame]:
        """While the board is away or rebuilt, a screen keeps its picture, and is told how good it is."""
        mirror = seat.mirror
        if not mirror.loaded or mirror.present or seat.stamp == mirror.stamp:
            return []
        if seat.place is not None:
            epoch, offset = seat.place.epoch or "", seat.place.offset or 0
        elif seat.offset is not None:
            epoch, offset = seat.sight.epoch(mirror.epoch), seat.offset
        else:
            return []
        seat.stamp = mirror.stamp
        return mirror.quality_alone(epoch, offset, seat.sight)

    # resuming

    def _settle(self, seat: Seat, place: protocol.Place) -> bool:
        """Decide how a seat that came with a position goes on; False: not yet."""
        mirror, offset = seat.mirror, place.offset or 0
        if place.epoch != seat.sight.epoch(mirror.epoch):
            if mirror.epoch == NOWHERE and not mirror.present and mirror.channel.kind in ("layer", "tile", "sources"):
                return False
            seat.place = None
        elif offset > mirror.offset:
            if self.monotonic() < seat.until:
                return False
            seat.place = None
        elif mirror.covers(offset):
            seat.offset, seat.place = offset, None
        elif not seat.reaching:
            seat.reaching = True
            self._spawn(self._reach(seat, offset), "reach")
            return False
        else:
            return False
        return True

    async def _reach(self, seat: Seat, offset: int) -> None:
        """Fetch steps from before this process began; what can't be had is a snapshot."""
        with suppress(StoreAway):
            await self.follower.reach(seat.mirror, offset)
        if seat.place is not None and not seat.mirror.covers(offset):
            seat.place = None
        self.flush(seat.screen)

    # time

    def tick(self) -> None:
        """What time alone asks for: qualities, beats, screens that take nothing."""
        now = self.monotonic()
        for mirror in self.mirrors.values():
            mirror.forget(now)
            if self._grader.grade(mirror):
                self.touch(mirror.channel.name)
        lagging, self._lagging = self._lagging, set()
        for screen in lagging:
            self.flush(screen)
        frame = Frame(protocol.encode(protocol.Beat(clock.rfc3339(self.clock()))))
        for screen in list(self.screens):
            if screen.grant is None:
                if now - screen.opened > HELLO_S:
                    screen.bye(protocol.NO_HELLO, "No hello came in time; connect again and send it first.")
                continue
            if screen.wire.waiting():
                self._watch_stuck(screen, now)
            elif now - screen.sent_at >= self.beat - self.beat / TICKS / 2:
                self.flush(screen)
                if now - screen.sent_at >= self.beat - self.beat / TICKS / 2:
                    screen.send([frame])

    def _watch_stuck(self, screen: Screen, now: float) -> None:
        took = screen.wire.taken()
        if took != screen.took:
            screen.took, screen.took_at = took, now
        elif now - max(screen.took_at, screen.sent_at) >= STUCK_S:
            screen.bye(
                protocol.TOO_SLOW, "Nothing was taken for 30 seconds; come back when the network is better.", hurry=True
            )

    def recheck(self) -> None:
        """The keys changed: every screen is held to what its key may see now."""
        for screen in list(self.screens):
            if screen.grant is not None:
                newest = self.access.now_of(screen.grant)
                if newest != screen.grant:
                    screen.regrant(newest)

    def seen(self, channel: str) -> int:
        """How many screens watch the channel."""
        return len(self._seats.get(channel, {}))
