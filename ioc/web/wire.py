"""The wire to one screen: messages go in whole and in order, and the hub can see whether more would be taken now.

`AsgiWire` speaks to any ASGI server; `ioc.web.direct.Direct` is a server's own protocol class, for speed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from ioc.web.frames import Bundle, Frame

if TYPE_CHECKING:
    from ioc.web.screens import Screen

Send = Callable[[Any], Awaitable[None]]
PATIENCE_S = 5.0
"""How long a closing connection may take what is left, before it is dropped."""


class Wire(Protocol):
    """What the hub needs of a connection. Nothing here waits."""

    full: bool
    """Something that was sent has not been taken yet: only what is urgent is sent now."""
    deflate: bool
    """Messages go out compressed. False where the server below does that, or not, without us."""

    def send(self, bundle: Bundle) -> None:
        """Send messages, in order; a closed wire swallows them."""
        ...

    @classmethod
    def give(cls, screens: Iterable[Screen], bundle: Bundle, now: float) -> None:
        """Send the same to many screens, whatever their wires."""
        ...

    def taken(self) -> int:
        """A count that grows whenever the other side takes something."""
        ...

    def behind(self) -> int:
        """Bytes that were sent and that the other side has not taken, as far as this host can see."""
        ...

    def close(self, code: int, last: Frame, *, hurry: bool = False) -> None:
        """Send `last`, then close with `code`. `hurry`: what was not begun yet is dropped before it."""
        ...


class OneByOne:
    """A wire that knows no faster way to many screens."""

    @classmethod
    def give(cls, screens: Iterable[Screen], bundle: Bundle, now: float) -> None:
        """Send the same to many screens, whatever their wires."""
        for screen in screens:
            screen.sent_at = now
            screen.wire.send(bundle)


class AsgiWire(OneByOne):
    """A wire over ASGI's `send`: one task writes what is pending and waits where the server waits."""

    def __init__(self, send: Send) -> None:
        self.full = self.deflate = False
        self.drained: Callable[[], None] = lambda: None
        """Called when all that was sent has been taken, after a time when it was not."""
        self._send = send
        self._pending: deque[Frame] = deque()
        self._bytes = 0
        self._taken = 0
        self._wake = asyncio.Event()
        self._closing: int | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def send(self, bundle: Bundle) -> None:
        if self._closing is None:
            self._pending.extend(bundle.frames)
            self._bytes += bundle.size
            self.full = True
            self._wake.set()

    def taken(self) -> int:
        return self._taken

    def behind(self) -> int:
        return self._bytes

    def close(self, code: int, last: Frame, *, hurry: bool = False) -> None:
        if self._closing is not None:
            return
        if hurry:
            while len(self._pending) > 1:
                self._bytes -= len(self._pending.pop().text)
        self.send(Bundle([last]))
        self._closing = code
        self._patience = asyncio.get_running_loop().call_later(PATIENCE_S, self.stop)

    def start(self, name: str) -> None:
        """Begin to write; `stop` ends it."""
        self._writing = asyncio.create_task(self._write(), name=name)

    def stop(self) -> None:
        """Write no more: the connection has ended, or must."""
        if self._patience is not None:
            self._patience.cancel()
        if self._writing is not None:
            self._writing.cancel()

    async def written(self) -> None:
        """Wait until writing has ended."""
        if self._writing is not None:
            # which error `send` raises when the client is gone is the server's own business
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write(self) -> None:
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
            self.full = False
            self.drained()
            if not self._pending and self._closing is None:
                await self._wake.wait()
