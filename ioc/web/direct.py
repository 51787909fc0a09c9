"""`GET /ws` at the speed of the machine: a protocol class that uvicorn runs (`Config(ws=Direct)`), and a wire itself.

One object a screen, no task, no queue, no parser: whole messages are read where they lie (`ioc.web.reading`), and
written as bytes that others get too. What is relied on in uvicorn is pinned in `tests/web/test_uvicorn.py`. Other
servers take `ioc.web.socket`.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import sys
import termios
from collections import deque
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, cast

from websockets.exceptions import ProtocolError
from websockets.frames import Close, CloseCode

from ioc.web import caller, handshake, protocol, wire
from ioc.web.frames import Bundle, framed
from ioc.web.frames import Frame as Message
from ioc.web.gate import PATH, Gate
from ioc.web.reading import Reading
from ioc.web.screens import Screen

UNSENT = 16 * 1024
"""TCP_NOTSENT_LOWAT: bytes that the kernel holds unsent at most. The rest stays with us, where it can still merge."""
UNREAD = 256 * 1024
"""Bytes that a client may leave untaken before we read no more of it: who only asks must not fill our memory."""
GATHERED = 16 * 1024
"""A message smaller than this waits for the others of its turn; a larger one is worth a write of its own."""
_TCP_NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 25)

_PATH = PATH.encode()


def listen(sock: socket.socket) -> None:
    """Tell a listening socket how its connections buffer: what is not sent yet stays with us, not in the kernel."""
    # elsewhere than on Linux the option may be unknown: pictures are then as old as the kernel's buffer
    with suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, UNSENT)


def _let_go(transport: asyncio.Transport) -> None:
    """Free the protocol that read the request: it and its parser hold each other, and would wait for the collector."""
    before = transport.get_protocol()
    if getattr(before, "parser", None) is not None:
        before.parser = None  # type: ignore[attr-defined]


class Direct(Reading, asyncio.Protocol):
    """One connection. The gate (who may come in, and to which hub) is found in the app's lifespan state as `gate`."""

    __slots__ = (
        "_closing", "_connections", "_fd", "_gate", "_held", "_inbox", "_patience", "_ping", "_sent", "_task",
        "_transport", "full", "screen",
    )  # fmt: skip

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__()
        self._connections: set[Any] = server_state.connections
        self._gate: Gate = app_state["gate"]
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.screen: Screen | None = None
        self.full = False
        self._sent = 0
        self._fd = -1
        self._held: list[bytes] | None = None
        self._closing = False
        self._inbox: deque[bytes] | None = None
        self._task: asyncio.Task[None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._ping: bytes | None = None

    # the connection, as asyncio tells of it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        # told as soon as anything waits, and again when nothing does
        self._transport.set_write_buffer_limits(high=0)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        # the number is another connection's as soon as we return
        self._closing, self._fd = True, -1
        if self._patience is not None:
            self._patience.cancel()
        if self._task is not None:
            self._task.cancel()
        if self.screen is not None:
            self._gate.hub.leave(self.screen)
        self._transport.close()

    def eof_received(self) -> None:
        """The client sends no more: the transport closes when this returns."""
        if self._transport.get_write_buffer_size():
            self._drop_later()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        if not self._closing:
            self._transport.resume_reading()
            ping, self._ping = self._ping, None
            if ping is not None:
                self._pong(ping)
            if self.screen is not None:
                self._gate.hub.flush(self.screen)

    def shutdown(self) -> None:
        """uvicorn stops: the hub has told every screen before."""
        self._leave()

    def data_received(self, data: bytes) -> None:
        if self.screen is None:
            try:
                self._open(data)
            except Exception:
                # the transport is not ours yet: nobody else would take us off uvicorn's list
                self.connection_lost(None)
                raise
            return
        # what is said together (a hello, what to watch) is answered with one write
        if self._held is None:
            self._held = []
        self._read(data)
        if self.screen.grant is not None and not self.screen.seats and not self._closing:
            self._gate.hub.shortly(self.release)
        else:
            self.release()
        if self.full and self._transport.get_write_buffer_size() > UNREAD:
            self._transport.pause_reading()

    def release(self) -> None:
        """Write what was held."""
        held, self._held = self._held, None
        if held and not self._transport.is_closing():
            self._write(held[0] if len(held) == 1 else b"".join(held))

    # opening

    def _open(self, data: bytes) -> None:
        gate, transport = self._gate, self._transport
        if self._closing:
            return
        _let_go(transport)
        secure = transport.get_extra_info("sslcontext") is not None
        asked = handshake.read(data, transport.get_extra_info("peername"), secure)
        try:
            if asked.path != _PATH:
                raise handshake.Refusal(404, f"There is no WebSocket at this address; connect to {PATH}.")
            gate.check(asked.scope)
            offered = asked.offered
            answer, self.deflate = handshake.accept(asked, offered)
        except handshake.Refusal as refusal:
            self._closing, self._fd = True, -1
            transport.write(handshake.refused(refusal.status, refusal.say, retry_after=gate.wait(refusal.status)))
            transport.close()
            return
        transport.write(answer)
        if not secure and transport.get_write_buffer_size() == 0:
            self._fd = transport.get_extra_info("socket").fileno()
        self._sent += len(answer)
        settings = gate.settings
        self.screen = gate.hub.connect(self, caller.address(asked.scope, settings), caller.secret(asked.scope))
        if (say := gate.stranger(offered)) is not None:
            self.screen.bye(protocol.NOT_OF_THIS_PROTOCOL, say)

    # the wire

    def send(self, bundle: Bundle) -> None:
        if self._closing:
            return
        data = bundle.wire(self.deflate)
        held = self._held
        if held is not None:
            if len(data) < GATHERED:
                held.append(data)
                return
            if held:
                data, self._held = b"".join([*held, data]), []
        self._write(data)

    @classmethod
    def give(cls, screens: Iterable[Screen], bundle: Bundle, now: float) -> None:
        """Send the same to many screens, with as little done for each as can be: this is where the time goes."""
        write, plain, deflated = os.write, bundle.wire(False), b""
        for screen in screens:
            wire = screen.wire
            screen.sent_at = now
            if type(wire) is not cls or wire._fd < 0 or wire.full:
                wire.send(bundle)
                continue
            data = plain
            if wire.deflate:
                data = deflated = deflated or bundle.wire(True)
            size = len(data)
            wire._sent += size
            try:
                written = write(wire._fd, data)
            except OSError:
                written = 0
            if written != size:
                wire._transport.write(data[written:])

    def _write(self, data: bytes) -> None:
        size = len(data)
        self._sent += size
        if self._fd >= 0 and not self.full:
            # nothing waits in the transport: the kernel can have it at once, for half of what the transport's way costs
            try:
                written = os.write(self._fd, data)
            except OSError:
                written = 0
            if written == size:
                return
            data = data[written:]
        self._transport.write(data)

    def _control(self, data: bytes) -> None:
        """A control frame goes after what was sent before it."""
        held, self._held = self._held, None if self._held is None else []
        if held:
            data = b"".join([*held, data])
        self._sent += len(data)
        self._transport.write(data)

    def taken(self) -> int:
        return self._sent - self.behind()

    def behind(self) -> int:
        waiting: int = self._transport.get_write_buffer_size()
        if sys.platform == "linux":
            with suppress(OSError, AttributeError):
                number = self._transport.get_extra_info("socket").fileno()
                waiting += struct.unpack("i", fcntl.ioctl(number, termios.TIOCOUTQ, b"\0\0\0\0"))[0]
        return waiting

    def close(self, code: int, last: Message, *, hurry: bool = False) -> None:
        if not self._closing:
            self.send(Bundle([last]))
            self._end(code)

    def _end(self, code: int) -> None:
        """Send the close frame; the client answers it, or is dropped after a while."""
        self._closing, self._fd = True, -1
        self._control(framed(0x88, Close(code, "").serialize()))
        self._transport.resume_reading()
        self._drop_later()

    def _leave(self) -> None:
        """Close when what waits is taken; one that takes nothing is dropped after a while."""
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._drop_later()

    def _drop_later(self) -> None:
        if self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(wire.PATIENCE_S, self._transport.abort)

    def _fail(self, code: int) -> None:
        """The client broke the protocol: it is told the code, and the connection ends."""
        if not self._closing:
            self._end(code)
        self._leave()

    # what the client says

    def _answered(self, outputs: list[bytes], ended: bool) -> None:
        # the parser does not know of a close frame of ours, and nothing may follow one
        for output in outputs if not self._closing else ():
            if output and not self._transport.is_closing():
                self._control(output)
        if ended:
            self._closing, self._fd = True, -1
            self._leave()

    def _pong(self, payload: bytes) -> None:
        """Answer a ping; of those that come while something waits the last one, later (RFC 6455, 5.5.3)."""
        if self.full:
            self._ping = payload
        elif not self._closing:
            self._control(framed(0x8A, payload))

    def _closed(self, payload: bytes) -> None:
        """The client closes, or answers our close frame."""
        if not self._closing:
            try:
                code = Close.parse(payload).code
                reply = b"" if code == CloseCode.NO_STATUS_RCVD else payload[:2]
            except (ProtocolError, UnicodeDecodeError) as error:
                wrong = CloseCode.INVALID_DATA if isinstance(error, UnicodeDecodeError) else CloseCode.PROTOCOL_ERROR
                reply = Close(wrong, "").serialize()
            self._closing, self._fd = True, -1
            self._control(framed(0x88, reply))
        self._leave()

    def _message(self, body: bytes, text: bool) -> None:
        if self._closing:
            return
        if text and not body.isascii():
            try:
                body.decode()
            except UnicodeDecodeError:
                self._fail(CloseCode.INVALID_DATA)
                return
        if self._inbox is not None:
            self._inbox.append(body)
            return
        assert self.screen is not None
        work = self.screen.take(body)
        if work is not None:
            self._inbox = deque()
            self._task = asyncio.get_running_loop().create_task(self._wait(work), name=f"screen-{self.screen.number}")

    async def _wait(self, work: Coroutine[Any, Any, None] | None) -> None:
        """A message needs something that takes time (a key that is not known here yet); what follows it waits."""
        assert self._inbox is not None
        assert self.screen is not None
        self._transport.pause_reading()
        try:
            while work is not None:
                await work
                work = None
                while self._inbox and work is None:
                    work = self.screen.take(self._inbox.popleft())
        finally:
            self._inbox = self._task = None
            if not self._transport.is_closing():
                self._transport.resume_reading()
