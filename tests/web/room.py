"""A hub over a memory board without a server, and wires that take as much as a test lets them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ioc import names
from ioc.board.memory import MemoryBoard
from ioc.web.access import Access
from ioc.web.channels import Channel
from ioc.web.frames import Bundle, Frame
from ioc.web.hub import Hub
from ioc.web.screens import Screen
from ioc.web.wire import OneByOne

from .conftest import Client

LAYER, OTHER = "layer/x", "layer/y"


class Taking(OneByOne):
    """A wire that takes `room` bytes, and is full from then on until it is drained."""

    def __init__(self, room: float = float("inf")) -> None:
        self.room = room
        self.full = self.deflate = False
        self.sent: list[Bundle] = []
        self.closed: int | None = None
        self.screen: Screen | None = None
        self._waiting = 0

    def send(self, bundle: Bundle) -> None:
        assert self.closed is None
        self.sent.append(bundle)
        self._waiting += bundle.size
        self.full = self._waiting > self.room

    def taken(self) -> int:
        return sum(bundle.size for bundle in self.sent) - self._waiting

    def behind(self) -> int:
        return self._waiting

    def close(self, code: int, last: Frame, *, hurry: bool = False) -> None:
        self.send(Bundle([last]))
        self.closed = code

    def drain(self) -> None:
        """The other side takes all of it."""
        self._waiting, self.full = 0, False
        assert self.screen is not None
        self.screen.hub.flush(self.screen)

    def drain_all(self) -> None:
        """The other side takes what comes until nothing more does."""
        while self.full:
            self.drain()

    def frames(self) -> list[dict[str, Any]]:
        """What was sent, as a screen reads it."""
        return [json.loads(frame.text) for bundle in self.sent for frame in bundle.frames]


class Folding(Client):
    """A client that folds what a wire was sent, and checks that each frame follows."""

    def __init__(self, wire: Taking) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self._wire, self._at = wire, 0

    def fold(self) -> dict[str, dict[str, Any]]:
        told = self._wire.frames()
        for frame in told[self._at :]:
            if frame["type"] in ("snapshot", "delta"):
                assert len(json.dumps(frame, separators=(",", ":"))) <= 70_000
                assert self.take(frame), f"a frame that does not follow: {str(frame)[:300]}"
        self._at = len(told)
        return self.items


class Room:
    """`seconds`: the hub's clock, moved by hand."""

    def __init__(self, **other: Any) -> None:
        self.seconds = 1000.0
        self.board = MemoryBoard()
        kinds = {LAYER: "layer", OTHER: "layer", names.SOURCES: "sources", names.ALERTS: "alerts"}
        channels = {name: Channel(name, kind, views=kind == "layer") for name, kind in kinds.items()}  # type: ignore[arg-type]
        self.hub = Hub(self.board, Access(None, ("*",)), channels, monotonic=lambda: self.seconds, **other)

    def come(self, *channels: str, room: float = float("inf"), view: Any = None) -> tuple[Screen, Taking]:
        """A screen that says hello and watches."""
        wire = Taking(room)
        screen = wire.screen = self.hub.connect(wire, "127.0.0.1", None)
        screen.take(b'{"type":"hello"}')
        if channels and not screen.gone:
            places = [{"channel": name, **({"view": view} if view else {})} for name in channels]
            screen.take(json.dumps({"type": "watch", "channels": places}).encode())
        return screen, wire

    async def settle(self) -> None:
        """Let the hub hear of what the board was told, and serve it."""
        for _ in range(12):
            await asyncio.sleep(0)
        self.seconds += 0.2
        await asyncio.sleep(0.02)


@asynccontextmanager
async def room(**other: Any) -> AsyncIterator[Room]:
    """A room whose hub follows its board; ticks come when a test calls `hub.tick()`."""
    made = Room(**other)
    following = asyncio.create_task(made.hub.follower.run())
    try:
        yield made
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
