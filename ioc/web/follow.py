"""Keeps the hub's mirrors at the board: reads, follows, finds what was away. Said once when down, once when back."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING

from ioc.board import Board, Position
from ioc.errors import Gap, StoreAway
from ioc.web.channels import Channel, kind_of
from ioc.web.mirror import Mirror

if TYPE_CHECKING:
    from ioc.web.hub import Hub

log = logging.getLogger("ioc.web")

SEEK_S = 0.5
BACK_OFF_S = (0.2, 0.5, 1.0, 2.0)
MARGIN = 500
"""Steps before the asked one that are fetched too: who comes back after a restart does not come alone."""


class Follower:
    """Follows the board for one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._board: Board = hub.board
        self._again = asyncio.Event()
        self._reaching: dict[str, asyncio.Lock] = {}
        self._away = False

    async def load(self) -> None:
        """Read every board that is there, once; a store that is away leaves the mirrors empty, and marked so."""
        try:
            await self._list()
            for mirror in list(self._hub.mirrors.values()):
                await self._read(mirror)
            self._reached()
        except StoreAway as error:
            self._lost(error)
        except Exception:
            log.exception("The boards can't be read; it is tried again.")
        for mirror in self._hub.mirrors.values():
            mirror.loaded = True

    async def _list(self) -> set[str]:
        """The channels that have a board now; new ones get a mirror."""
        there = await self._board.channels()
        for name in there:
            kind = kind_of(name)
            if name not in self._hub.mirrors and kind is not None:
                self._hub.add(Channel(name, kind, views=kind == "layer"))
        return set(there)

    async def _read(self, mirror: Mirror) -> bool:
        """Read one board; its screens are told what became of it. True: it is there, and whole."""
        snapshot = await self._board.snapshot(mirror.channel.name)
        if snapshot is None:
            mirror.lose()
        elif mirror.load(snapshot):
            self._hub.renew(mirror.channel.name)
        mirror.loaded = True
        self._hub.regrade(mirror)
        return mirror.present

    async def run(self) -> None:
        """Follow the boards that are there, for ever."""
        tries = 0
        while True:
            self._again.clear()
            watching = asyncio.create_task(self._watch(), name="hub-watch")
            changed = asyncio.create_task(self._again.wait(), name="hub-again")
            try:
                await asyncio.wait({watching, changed}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (watching, changed):
                    task.cancel()
                ended = await asyncio.gather(watching, changed, return_exceptions=True)
            error = ended[0]
            if isinstance(error, StoreAway):
                self._lost(error)
                await asyncio.sleep(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])
                tries += 1
            elif isinstance(error, Exception):
                log.error("Following the boards failed; it is tried again.", exc_info=error)
                await asyncio.sleep(1.0)
            else:
                tries = 0

    async def _watch(self) -> None:
        mirrors = self._hub.mirrors
        positions: dict[str, Position] = {name: mirror.position for name, mirror in mirrors.items() if mirror.present}
        if not positions:
            await asyncio.Event().wait()
        async with aclosing(self._board.watch(positions)) as steps:  # type: ignore[type-var]
            async for channel, delta in steps:
                self._reached()
                mirror = mirrors[channel]
                if delta is None or not mirror.step(delta):
                    await self._read(mirror)
                    self._again.set()
                else:
                    self._hub.touch(channel)

    async def seek(self) -> None:
        """Look for boards that are not there (yet, or any more), and for new ones, for ever."""
        while True:
            await asyncio.sleep(SEEK_S)
            try:
                there = await self._list()
                for name, mirror in list(self._hub.mirrors.items()):
                    if not mirror.present and name in there and await self._read(mirror):
                        self._again.set()
                self._reached()
            except StoreAway as error:
                self._lost(error)
            except Exception:
                log.exception("Looking for boards failed; it is tried again.")

    async def reach(self, mirror: Mirror, offset: int) -> None:
        """Fetch the steps from `offset` on that are older than this process; none when they are not kept any more."""
        name = mirror.channel.name
        async with self._reaching.setdefault(name, asyncio.Lock()):
            for margin in (MARGIN, 0):
                if mirror.covers(offset):
                    return
                try:
                    earlier = await self._board.history(name, Position(mirror.epoch, max(0, offset - margin)))
                except Gap:
                    continue
                mirror.extend(earlier)

    def _lost(self, error: StoreAway) -> None:
        if not self._away:
            self._away = True
            log.warning("The boards can't be read: %s The last picture stays, and is marked.", error.say)

    def _reached(self) -> None:
        if self._away:
            self._away = False
            log.warning("The boards can be read again.")
