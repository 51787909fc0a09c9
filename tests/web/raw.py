"""A WebSocket client that says what no library would, byte by byte, and sees what comes back as it came."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ioc.web.frames import framed

from .conftest import PATIENCE_S, Running

TEXT, DEFLATED_TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0xC1, 0x82, 0x88, 0x89, 0x8A
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""RFC 6455's own example of a key, and of its answer."""
DEFLATE = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits"


def masked(first: int, payload: bytes = b"", mask: bytes = b"\x9a\x01\xf3\x7c") -> bytes:
    """A client's frame; `first` is its first byte."""
    head = framed(first, payload)[: -len(payload) or None]
    body = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return head[:1] + bytes((head[1] | 0x80,)) + head[2:] + mask + body


def says(**frame: Any) -> bytes:
    """A message of the protocol, as one usual frame."""
    return masked(TEXT, json.dumps(frame, ensure_ascii=False).encode())


def asks(*, line: str = "GET /ws HTTP/1.1", without: str = "", more: str = "", **other: str) -> bytes:
    """The head of an opening handshake; `other` replaces fields (`_` stands for `-`), `more` is put in as it is."""
    fields = {
        "Host": "ioc.example", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    }  # fmt: skip
    fields |= {name.replace("_", "-"): value for name, value in other.items()}
    told = [f"{name}: {value}\r\n" for name, value in fields.items() if name != without]
    return f"{line}\r\n{''.join(told)}{more}\r\n".encode()


class Raw:
    """An open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, *segments: bytes) -> None:
        """Send each in a segment of its own, as far as a kernel lets itself be told so."""
        for segment in segments:
            self._writer.write(segment)
            await self._writer.drain()
            if len(segments) > 1:
                await asyncio.sleep(0.002)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The answer to a handshake: status, fields by their names in lower case, body."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            return int(head[0].split()[1]), fields, await self._reader.readexactly(int(fields.get("content-length", 0)))

    async def frame(self) -> tuple[int, bytes]:
        """The next frame: its first byte, and its payload as it came."""
        async with asyncio.timeout(PATIENCE_S):
            first, size = await self._reader.readexactly(2)
            assert size < 128, "a server never masks"
            if size > 125:
                size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
            return first, await self._reader.readexactly(size)

    async def control(self) -> tuple[int, bytes]:
        """The next control frame; messages before it are passed over."""
        while (told := await self.frame())[0] < CLOSE or told[0] & 0x40:
            pass
        return told

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next message of that type; others are passed over."""
        while True:
            first, payload = await self.frame()
            assert first in (TEXT, DEFLATED_TEXT), f"a message was awaited, not {first:#x} {payload!r}"
            if first == DEFLATED_TEXT:
                payload = zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff")
            message: dict[str, Any] = json.loads(payload)
            if message["type"] == kind:
                return message

    async def echo(self, name: str, *segments: bytes) -> None:
        """Show that the connection is heard: what it watches (as sent in `segments`) is named in a problem."""
        await self.send(*(segments or (watches(name),)))
        assert (await self.hear("problem"))["channel"] == name

    async def end(self) -> int | None:
        """Until the server has closed: the code that it gave in its close frame; None: it sent none."""
        code = None
        async with asyncio.timeout(PATIENCE_S):
            try:
                first, payload = await self.control()
                assert first == CLOSE
                code = int.from_bytes(payload[:2], "big") if payload else 1005
                assert await self._reader.read() == b"", "something followed a close frame"
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
        return code

    async def rest(self) -> bytes:
        """All that comes until the server has closed."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._reader.read()


def watches(name: str) -> bytes:
    return says(type="watch", channels=[{"channel": name}])


@asynccontextmanager
async def plain(server: Running) -> AsyncIterator[Raw]:
    """A connection on which nothing was said yet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**20)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def raw(server: Running, *, hello: bool = True, extensions: str | None = None) -> AsyncIterator[Raw]:
    """An open WebSocket; with `hello`, one that is welcome."""
    async with plain(server) as opened:
        other = {"Sec_WebSocket_Extensions": extensions} if extensions else {}
        await opened.send(asks(Sec_WebSocket_Protocol="ioc.v1", **other))
        status, fields, _ = await opened.answer()
        assert (status, fields["sec-websocket-accept"]) == (101, ACCEPT)
        assert ("permessage-deflate" in fields.get("sec-websocket-extensions", "")) == (extensions is not None)
        if hello:
            await opened.send(says(type="hello"))
            await opened.hear("welcome")
        yield opened
