"""What others run, as a server of its own: `python -m tests.bench._peer KIND PORT PUBLISHER`.

One line in on the publisher's port is one message to every screen. `websockets`: its broadcast. `picows`: a loop over
its transports. `python`: ready frames written by asyncio alone, all that is at hand in one write; it is no server to
ship (it never looks at a buffer before it writes), and the yardstick where there is no C compiler.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
Lines = Callable[[list[bytes]], None]


async def feed(port: int, send: Lines, *, merged: bool = False) -> asyncio.Server:
    """Take lines there; `merged`: all that are at hand at once, else one in each turn of the loop."""

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rest = b""
        while data := await reader.read(1 << 18):
            *lines, rest = (rest + data).split(b"\n")
            for some in [lines] if merged and lines else [[line] for line in lines]:
                send(some)
                await asyncio.sleep(0)
        writer.close()

    return await asyncio.start_server(taken, "127.0.0.1", port)


async def websockets(port: int, publisher: int) -> None:
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    there: set[ServerConnection] = set()

    async def screen(socket: ServerConnection) -> None:
        there.add(socket)
        try:
            async for _ in socket:
                pass
        finally:
            there.discard(socket)

    async with serve(screen, "127.0.0.1", port, compression=None, backlog=4096):
        await feed(publisher, lambda lines: broadcast(there, lines[0].decode()))
        await asyncio.Future()


async def picows(port: int, publisher: int) -> None:
    import importlib

    lib: Any = importlib.import_module("picows")
    there: set[Any] = set()

    class Listener(lib.WSListener):  # type: ignore[misc]
        def on_ws_connected(self, transport: Any) -> None:
            there.add(transport)

        def on_ws_disconnected(self, transport: Any) -> None:
            there.discard(transport)

        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            if frame.msg_type == lib.WSMsgType.CLOSE:
                transport.disconnect()

    def send(lines: list[bytes]) -> None:
        for transport in there:
            transport.send(lib.WSMsgType.TEXT, lines[0])

    await lib.ws_create_server(lambda request: Listener(), "127.0.0.1", port, backlog=4096)
    await feed(publisher, send)
    await asyncio.Future()


def frame(body: bytes) -> bytes:
    """A whole text frame of a server."""
    if len(body) < 126:
        return bytes((0x81, len(body))) + body
    if len(body) < 65536:
        return b"\x81\x7e" + len(body).to_bytes(2, "big") + body
    return b"\x81\x7f" + len(body).to_bytes(8, "big") + body


def accepted(request: bytes) -> bytes:
    """The answer to an upgrade request."""
    at = request.lower().index(b"sec-websocket-key:") + 18
    key = request[at : request.index(b"\r\n", at)].strip()
    told = base64.b64encode(hashlib.sha1(key + GUID).digest())
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    return head + told + b"\r\n\r\n"


async def python(port: int, publisher: int, merged: bool) -> None:
    there: set[Any] = set()

    class Bare(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport, self.seen = transport, b""

        def data_received(self, data: bytes) -> None:
            if self.transport in there:
                return
            self.seen += data
            if b"\r\n\r\n" in self.seen:
                self.transport.write(accepted(self.seen))
                there.add(self.transport)

        def connection_lost(self, error: Exception | None) -> None:
            there.discard(self.transport)

    def send(lines: list[bytes]) -> None:
        made = b"".join(map(frame, lines))
        for transport in there:
            transport.write(made)

    await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", port, backlog=4096)
    await feed(publisher, send, merged=merged)
    await asyncio.Future()


def main(kind: str, port: int, publisher: int) -> None:
    """Serve until the process is ended."""
    kinds: dict[str, Callable[[int, int], Awaitable[None]]] = {
        "websockets": websockets,
        "picows": picows,
        "python": lambda port, publisher: python(port, publisher, False),
        "python-merged": lambda port, publisher: python(port, publisher, True),
    }
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(kinds[kind](port, publisher))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
