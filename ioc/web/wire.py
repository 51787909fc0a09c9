"""The wire to one screen: frames go in whole and in order, and the hub can see what was not taken yet.

`AsgiWire` speaks to any ASGI server; a server's own protocol class may take its place, for speed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from ioc.web.frames import Frame

Send = Callable[[Any], Awaitable[None]]
PATIENCE_S = 5.0
"""How long a closing connection may take what is left, before it is dropped."""


class Wire(Protocol):
    """What the hub needs of a connection. Nothing here waits."""

    ready: Callable[[], None]
    """Called when all that was sent has been taken, after a time when it was not."""

    def send(self, frames: Sequence[Frame]) -> None:
        """Send messages, in order; a closed wire swallows them."""
        ...

    def waiting(self) -> int:
        """Bytes that were sent and that the other side has not taken yet; 0: free for more."""
        ...

    def taken(self) -> int:
        """A count that grows whenever the other side takes something."""
        ...

    def close(self, code: int, last: Frame, *, hurry: bool = False) -> None:
        """Send `last`, then close with `code`. `hurry`: what was not begun yet is dropped before it."""
        ...


class AsgiWire:
    """A wire over ASGI's `send`: one task writes what is pending and waits where the server waits.

    `transport`: the server's transport where it hands one over, so that a trickle counts as taking.
    """

    def __init__(self, send: Send, transport: asyncio.WriteTransport | None = None) -> None:
        self.ready: Callable[[], None] = lambda: None
        self._send = send
        self._transport = transport
        self._pending: deque[Frame] = deque()
        self._bytes = 0
        self._taken = 0
        self._wake = asyncio.Event()
        self._closing: int | None = None
        self._stopped = False
        self._patience: asyncio.TimerHandle | None = None

    def send(self, frames: Sequence[Frame]) -> None:
        if self._closing is None:
            self._pending.extend(frames)
            self._bytes += sum(len(frame.text) for frame in frames)
            self._wake.set()

    def waiting(self) -> int:
        return self._bytes

    def taken(self) -> int:
        left = self._transport.get_write_buffer_size() if self._transport is not None else 0
        return self._taken - left

    def close(self, code: int, last: Frame, *, hurry: bool = False) -> None:
        if self._closing is not None:
            return
        if hurry:
            while len(self._pending) > 1:
                self._bytes -= len(self._pending.pop().text)
        self.send([last])
        self._closing = code
        self._patience = asyncio.get_running_loop().call_later(PATIENCE_S, self.abort)

    def abort(self) -> None:
        """Drop the connection without a word."""
        if self._transport is not None and not self._stopped:
            self._transport.abort()

    def stop(self) -> None:
        """The connection has ended by itself."""
        self._stopped = True
        if self._patience is not None:
            self._patience.cancel()

    async def write(self) -> None:
        """Write until closed. Raises what the server's `send` raises when the client is gone."""
        while True:
            while self._pending:
                frame = self._pending[0]
                await self._send({"type": "websocket.send", "text": frame.text.decode()})
                self._pending.popleft()
                self._bytes -= len(frame.text)
                self._taken += len(frame.text)
            if self._closing is not None:
                await self._send({"type": "websocket.close", "code": self._closing, "reason": ""})
                return
            self._wake.clear()
            self.ready()
            if not self._pending and self._closing is None:
                await self._wake.wait()
