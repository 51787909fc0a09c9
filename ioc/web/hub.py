"""The hub: mirrors every channel of the board, and brings each screen from its own position to now.

A delta becomes bytes once and goes to everyone who stands where it begins. Nothing is queued for a screen: one
that is slow stays where it is, and gets one merged delta, or a snapshot, when it takes again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime

import ioc
from ioc import clock, memory, names
from ioc.board import Board
from ioc.errors import StoreAway
from ioc.web import protocol
from ioc.web.access import Access
from ioc.web.channels import Channel
from ioc.web.follow import Follower
from ioc.web.frames import Bundle, Frame
from ioc.web.grade import Grader
from ioc.web.kept import Kept
from ioc.web.mirror import Mirror
from ioc.web.quality import Signs
from ioc.web.receipts import Receipts
from ioc.web.screens import Screen
from ioc.web.seats import Seat
from ioc.web.usher import Usher
from ioc.web.wire import Wire

log = logging.getLogger("ioc.web")

STUCK_S = 30.0
HELLO_S = 10.0
MERGE, MERGE_MOST_S = 0.35, 0.05
"""After serving everybody, what comes is gathered for this part of the time that it took: one write each, not many."""
JOINING_S = 10.0
"""A screen that takes longer than this to its first picture holds up no other."""
MAX_STRANGERS = 4096
MOMENT_S = 0.02
"""Seconds for which a welcome serves others too."""
SHORTLY_S = 0.003
LOOKS = 20
"""Ticks between two looks at a screen that seems to take everything: a dead network shows late."""
TICKS = 4
"""Ticks of the hub in one beat."""


class Hub:
    """Mirrors, and the screens that watch them. `clock` is the wall's, `monotonic` counts seconds.

    `tell_walls`: is told each beat what the walls here drew (see `ioc.walls.Told`); None: there is none.
    `max_joining`: screens that may be on their way to their first picture at once; others are told when to come back.
    """

    def __init__(
        self,
        board: Board,
        access: Access,
        channels: Mapping[str, Channel],
        *,
        beat: float = 2.0,
        signs: Signs | None = None,
        tell_walls: Callable[[bytes | None], Awaitable[None]] | None = None,
        max_screens: int = 20_000,
        max_joining: int = 2_000,
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
        self._kept = Kept()
        self.usher = Usher(self)
        self.screens: set[Screen] = set()
        self.signs = signs or Signs(None, beat, monotonic, clock)
        self.receipts = Receipts(self)
        self._tell_walls = tell_walls
        self.frames_out = self.bytes_out = 0
        self.strangers = 0
        """Connections that have not said hello."""
        self.quiet_s = beat - beat / TICKS / 2
        """After so many seconds without a frame a screen is told something at the next tick."""
        self._max_screens, self._max_joining = max_screens, max_joining
        self._joining: dict[Screen, float] = {}
        self._pace, self._last_pace = 0, 0.0
        self._ticks = 0
        self._shortly: list[Callable[[], None]] = []
        self._welcomes: dict[str | None, Bundle] = {}
        self._welcomed_at = float("-inf")
        self._touched: set[str] = set()
        self._next_fan = 0.0
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
        self.spawn(self.follower.run(), "follow")
        self.spawn(self.follower.seek(), "seek")
        self.spawn(self._listen(), "listen")
        self.spawn(self._beats(), "beats")
        self.spawn(memory.giving_back(), "memory")
        if self._tell_walls is not None:
            self.spawn(self._tell(self._tell_walls), "walls")

    async def stop(self) -> None:
        """Tell every screen to come back, and end the tasks."""
        for number, screen in enumerate(list(self.screens)):
            # spread over a few seconds, so that they do not all come back in one moment
            after = 0.5 + (number % 40) / 10
            screen.bye(protocol.GOING_AWAY, "The server restarts; come back in a moment.", after=after, hurry=True)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, work: object, name: str) -> None:
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

    async def _tell(self, tell: Callable[[bytes | None], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(self.beat)
            try:
                # the next beat tells it again
                with suppress(StoreAway):
                    await tell(self.receipts.told())
            except Exception:
                log.exception("What the walls drew could not be told; it is tried again.")

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(self.beat / TICKS)
            try:
                self.tick()
            except Exception:
                log.exception("A tick of the hub failed; the next one follows.")

    # mirrors

    def add(self, channel: Channel) -> Mirror:
        mirror = self.mirrors[channel.name] = Mirror(channel, self._kept)
        self.usher.add(channel.name)
        return mirror

    def mirror(self, channel: str) -> Mirror | None:
        """The mirror of a channel; None: neither the settings nor the board know such a channel."""
        return self.mirrors.get(channel)

    def touch(self, channel: str) -> None:
        """The channel moved: its screens are served once in this turn of the loop, however many steps came."""
        self._touched.add(channel)
        if self._soon is None:
            loop, pause = asyncio.get_running_loop(), self._next_fan - self.monotonic()
            self._soon = loop.call_later(pause, self._fan) if pause > 0 else loop.call_soon(self._fan)

    def regrade(self, mirror: Mirror) -> None:
        """The board of this channel came, went, or is rebuilt: its quality is told anew."""
        self._grader.grade(mirror)
        self.touch(mirror.channel.name)

    def renew(self, channel: str) -> None:
        """The channel began anew: everybody in it needs a snapshot."""
        self.usher.renew(channel)
        self.touch(channel)

    def _fan(self) -> None:
        self._soon, began = None, self.monotonic()
        touched, self._touched = self._touched, set()
        if names.SOURCES in touched:
            self._grader.read()
            touched |= {name for name, mirror in self.mirrors.items() if self._grader.grade(mirror)}
        self.usher.serve(touched)
        ended = self.monotonic()
        self._next_fan = ended + min(MERGE_MOST_S, MERGE * (ended - began))

    # screens

    def connect(self, wire: Wire, address: str, secret: str | None) -> Screen:
        """List a new connection (`secret`: what its handshake showed); too many are told to come back later."""
        screen = Screen(self, wire, address, secret)
        self.screens.add(screen)
        self.strangers += 1
        if len(self.screens) > self._max_screens:
            screen.bye(
                protocol.TOO_MANY, "This server has as many screens as it can serve; come back later.", after=30.0
            )
        return screen

    def leave(self, screen: Screen) -> None:
        """Forget a screen."""
        if screen.gone:
            return
        screen.gone = True
        self.screens.discard(screen)
        self.strangers -= screen.grant is None
        self.joined(screen)
        for channel in list(screen.seats):
            self.stand_up(screen, channel)

    def sit(self, seat: Seat) -> None:
        """Put a screen on a channel's list; it is served from the next flush on, in the same turn of the loop."""
        channel = seat.mirror.channel.name
        self.stand_up(seat.screen, channel)
        if seat.screen.joining is None:
            self.joins(seat.screen)
        seat.screen.seats[channel] = seat
        self.usher.sit(seat)

    def stand_up(self, screen: Screen, channel: str) -> None:
        seat = screen.seats.pop(channel, None)
        if seat is not None:
            self.usher.leave(seat)
        if screen.shown is not None:
            screen.shown.pop(channel, None)

    def count(self, bundle: Bundle, times: int) -> None:
        self.frames_out += len(bundle.frames) * times
        self.bytes_out += bundle.size * times

    def flush(self, screen: Screen) -> None:
        """Bring a screen to now in all its channels, when it has taken what it was sent."""
        self.usher.guide.flush(screen)

    def welcome(self, screen: str | None) -> Bundle:
        """The answer to hello; those who come in the same moment get the same one."""
        now = self.monotonic()
        if now - self._welcomed_at > MOMENT_S or len(self._welcomes) > 1000:
            self._welcomes.clear()
            self._welcomed_at = now
        known = self._welcomes.get(screen)
        if known is None:
            told = protocol.Welcome(clock.rfc3339(self.clock()), self.beat, self.server, screen)
            known = self._welcomes[screen] = Bundle([Frame(protocol.encode(told))])
        return known

    def shortly(self, work: Callable[[], None]) -> None:
        """Do this in a moment, together with what others have to do then."""
        if not self._shortly:
            asyncio.get_running_loop().call_later(SHORTLY_S, self._do_shortly)
        self._shortly.append(work)

    def _do_shortly(self) -> None:
        todo, self._shortly = self._shortly, []
        for work in todo:
            work()

    # many at once

    def crowded(self) -> bool:
        """Whether so many connections have yet to say hello that no other is opened."""
        return self.strangers >= MAX_STRANGERS

    def admit(self, screen: Screen) -> bool:
        """A screen says hello: it joins, unless too many are on their way to their first picture."""
        if len(self._joining) >= self._max_joining:
            return False
        self.strangers -= 1
        return True

    def joins(self, screen: Screen) -> None:
        """The screen watches its first channel."""
        screen.joining = True
        self._joining[screen] = self.monotonic()

    def joined(self, screen: Screen) -> None:
        """The screen has its first picture, or is gone."""
        if screen.joining:
            screen.joining = False
            del self._joining[screen]
            self._pace += 1

    def wait_s(self) -> float:
        """Seconds after which one who found no room may come back: by the pace of the others, spread by chance."""
        pace = max(self._last_pace, self._pace, self._max_joining / 2)
        return round(0.5 + 2 * random.random() * min(5.0, (len(self._joining) + self.strangers) / pace), 2)

    # time

    def tick(self) -> None:
        """What time alone asks for: qualities, beats, screens that take nothing."""
        now, broke = self.monotonic(), None
        for mirror in self.mirrors.values():
            mirror.forget(now)
            try:
                if self._grader.grade(mirror):
                    self.touch(mirror.channel.name)
            except Exception as error:
                broke = error
        self.usher.wake()
        self._ticks += 1
        if self._ticks % TICKS == 0:
            self._last_pace, self._pace = self._pace / self.beat, 0
        for screen in [screen for screen, since in self._joining.items() if now - since > JOINING_S]:
            self.joined(screen)
        beat = Bundle([Frame(protocol.encode(protocol.Beat(clock.rfc3339(self.clock()))))])
        for screen in list(self.screens):
            try:
                self._beat(screen, beat, now)
            except Exception as error:
                broke = error
        if broke is not None:
            raise broke

    def _beat(self, screen: Screen, beat: Bundle, now: float) -> None:
        if screen.grant is None:
            if now - screen.opened > HELLO_S:
                screen.bye(protocol.NO_HELLO, "No hello came in time; connect again and send it first.")
            return
        since = now - self.quiet_s
        if screen.sent_at <= since and not screen.wire.full:
            self.flush(screen)
            if screen.sent_at <= since:
                screen.send(beat)
        if screen.wire.full or screen.number % LOOKS == self._ticks % LOOKS:
            self._watch_stuck(screen, now)

    def _watch_stuck(self, screen: Screen, now: float) -> None:
        took = screen.wire.taken()
        if took != screen.took or not screen.wire.behind():
            screen.took, screen.took_at = took, now
        elif now - screen.took_at >= STUCK_S:
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
        return self.usher.seen(channel)
