"""What clients may send, in every form, and what none may: over our own protocol class and over plain ASGI alike."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from ioc.board.memory import MemoryBoard
from ioc.web.direct import UNREAD, Direct
from ioc.web.frames import framed
from ioc.web.protocol import MAX_IN
from ioc.web.reading import MAX_MESSAGE

from .apart import OURS, WAYS, Apart, apart
from .conftest import PATIENCE_S
from .raw import BINARY, CLOSE, DEFLATE, PING, PONG, TEXT, Raw, asks, masked, raw, says, watches
from .test_hub import CAMERAS, item

NAME = "đường/ngã-tư-Sở"
SAID = json.dumps({"type": "watch", "channels": [{"channel": NAME}]}, ensure_ascii=False).encode()
RECEIPT = b'{"type":"shown","channel":"a","epoch":"e","offset":1}'
INSIDE = SAID.index("đ".encode()) + 1
"""A place inside a character of two bytes."""


@pytest.fixture(scope="module", params=WAYS)
def server(request: pytest.FixtureRequest) -> Iterator[Apart]:
    with apart(WAYS[request.param], MemoryBoard()) as running:
        yield running


@pytest.fixture(scope="module", params=OURS)
def ours(request: pytest.FixtureRequest) -> Iterator[Apart]:
    """A server on our own protocol class: what is promised of it alone."""
    with apart(WAYS[request.param], MemoryBoard()) as running:
        yield running


def squeezed(text: bytes) -> bytes:
    work = zlib.compressobj(wbits=-12)
    return (work.compress(text) + work.flush(zlib.Z_SYNC_FLUSH))[:-4]


def each(data: bytes, size: int = 1) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


MESSAGES: dict[str, list[bytes]] = {
    "whole": [masked(TEXT, SAID)],
    "binary": [masked(BINARY, SAID)],
    "without a mask to speak of": [masked(TEXT, SAID, b"\0\0\0\0")],
    "a byte a segment": each(masked(TEXT, SAID)),
    "with a length of two bytes, cut in it": each(masked(TEXT, SAID + b" " * 200), 3),
    "with a length of eight bytes": each(masked(TEXT, SAID + b" " * (MAX_IN - len(SAID))), 30_000),
    "in fragments, cut inside a character": [masked(0x01, SAID[:INSIDE]) + masked(0x80, SAID[INSIDE:])],
    "in fragments, a byte a segment": each(masked(0x01, SAID[:INSIDE]) + masked(0x80, SAID[INSIDE:])),
    "in empty fragments": [masked(0x01) + masked(0x00) + masked(0x00, SAID) + masked(0x00) + masked(0x80)],
    "a fragment a byte": [masked(0x01) + b"".join(masked(0x00, byte) for byte in each(SAID)) + masked(0x80)],
    "binary in fragments": [masked(0x02, SAID[:INSIDE]) + masked(0x80, SAID[INSIDE:])],
    "after a pong that nobody asked for": [masked(PONG, b"beat") + masked(PONG) + masked(TEXT, SAID)],
    "after receipts, in one segment": [masked(TEXT, RECEIPT) * 50 + masked(TEXT, SAID)],
}
COMPRESSED: dict[str, list[bytes]] = {
    "whole": [masked(0xC1, squeezed(SAID))],
    "binary": [masked(0xC2, squeezed(SAID))],
    "a byte a segment": each(masked(0xC1, squeezed(SAID))),
    "in fragments": [
        masked(0x41, squeezed(SAID)[:9]) + masked(0x00, squeezed(SAID)[9:20]) + masked(0x80, squeezed(SAID)[20:])
    ],
    "that grows a thousand times": [masked(0xC1, squeezed(SAID + b" " * (MAX_IN - len(SAID))))],
    "not compressed at all": [masked(TEXT, SAID)],
}  # fmt: skip


@pytest.mark.parametrize("form", MESSAGES)
async def test_a_message_is_heard_in_every_form(server: Apart, form: str) -> None:
    async with raw(server) as client:
        await client.echo(NAME, *MESSAGES[form])
        await client.echo("again")


@pytest.mark.parametrize("form", COMPRESSED)
async def test_a_compressed_message_is_heard_in_every_form(server: Apart, form: str) -> None:
    async with raw(server, extensions=DEFLATE) as client:
        await client.echo(NAME, *COMPRESSED[form])
        await client.echo("again")


@pytest.mark.parametrize("text", [b"", b"{", "ngã tư".encode(), b" " * (MAX_IN + 1), b"\xef\xbb\xbf{}"])
@pytest.mark.parametrize("first", [TEXT, BINARY])
async def test_a_message_that_says_nothing_is_a_problem_and_no_more(server: Apart, text: bytes, first: int) -> None:
    async with raw(server) as client:
        await client.send(masked(first, text))
        assert (await client.hear("problem"))["code"] == ("too-large" if len(text) > MAX_IN else "invalid")
        await client.echo("again")


@pytest.mark.parametrize("payload", [b"", b"\x00\xff", b"x" * 125])
async def test_a_ping_is_answered_with_what_it_brought(server: Apart, payload: bytes) -> None:
    async with raw(server) as client:
        await client.send(masked(PING, payload))
        assert await client.control() == (PONG, payload)
        # and in the middle of a message, and from then on
        await client.send(masked(0x01, SAID[:INSIDE]), masked(PING, payload))
        assert await client.control() == (PONG, payload)
        await client.echo(NAME, masked(0x80, SAID[INSIDE:]))
        await client.send(masked(PING, payload))
        assert await client.control() == (PONG, payload)


REFUSED: dict[str, tuple[bytes, int]] = {
    "unmasked": (framed(TEXT, b"{}"), 1002),
    "an unmasked close": (framed(CLOSE, b"\x03\xe8"), 1002),
    "the first reserved bit": (masked(TEXT | 0x40, b"{}"), 1002),
    "the second reserved bit": (masked(TEXT | 0x20, b"{}"), 1002),
    "the third reserved bit": (masked(TEXT | 0x10, b"{}"), 1002),
    "a reserved bit in a ping": (masked(PING | 0x40, b""), 1002),
    "an unknown opcode": (masked(0x83, b"{}"), 1002),
    "an unknown control opcode": (masked(0x8B, b""), 1002),
    "a continuation of nothing": (masked(0x80, b"{}"), 1002),
    "a first fragment that continues nothing": (masked(0x00, b"{}"), 1002),
    "a message inside another": (masked(0x01, b"{") + masked(TEXT, b"}"), 1002),
    "a fragment that begins anew": (masked(0x01, b"{") + masked(0x01, b"}"), 1002),
    "a ping in fragments": (masked(0x09, b"a"), 1002),
    "a close in fragments": (masked(0x08, b""), 1002),
    "a ping of 126 bytes": (masked(PING, b"x" * 126), 1002),
    "a close of 126 bytes": (masked(CLOSE, b"\x03\xe8" + b"x" * 124), 1002),
    "a close of one byte": (masked(CLOSE, b"\x03"), 1002),
    "a close inside a message": (masked(0x01, b"{") + masked(CLOSE, b"\x03\xe8"), 1002),
    "a close with a reason that is no UTF-8": (masked(CLOSE, b"\x03\xe8\xff"), 1007),
    "text that is no UTF-8": (masked(TEXT, b'{"type":"\xff"}'), 1007),
    "text that ends inside a character": (masked(TEXT, SAID[:INSIDE]), 1007),
    "a surrogate": (masked(TEXT, b"\xed\xa0\x80"), 1007),
    "fragments that are no UTF-8": (masked(0x01, b"\xc3") + masked(0x80, b"\xc3"), 1007),
    "too large a message": (masked(TEXT, b" " * (MAX_MESSAGE + 1)), 1009),
    # only the length is sent: it is refused before anything is kept for it
    "an announced megabyte": (b"\x81\xff" + struct.pack("!Q", 2**20) + b"mask", 1009),
    "an announced exabyte": (b"\x82\xff" + struct.pack("!Q", 2**62) + b"mask", 1009),
    "fragments that grow too large": (masked(0x01, b" " * 60_000) + masked(0x00, b" " * 60_000) * 2, 1009),
}  # fmt: skip
CODES = [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535]
REFUSED |= {f"a close with the code {code}": (masked(CLOSE, struct.pack("!H", code)), 1002) for code in CODES}
CORRUPT = {
    "corrupt": (masked(0xC1, b"\xff\xff\xff"), 1002),
    "corrupt from the second fragment on": (masked(0x41) + masked(0x80, b"\xff" * 9), 1002),
    "a reserved bit in a continuation": (masked(0x41, squeezed(SAID)[:9]) + masked(0xC0, squeezed(SAID)[9:]), 1002),
    "a bomb": (masked(0xC1, squeezed(b" " * 50_000_000)), 1009),
    "a bomb in fragments": (masked(0x41, squeezed(b" " * 50_000_000)[:400]) + masked(0x00, b""), 1009),
    "no UTF-8": (masked(0xC1, squeezed(b"\xff")), 1007),
}


async def _refused(server: Apart, wrong: bytes, code: int, extensions: str | None = None) -> None:
    async with raw(server) as other:
        async with raw(server, extensions=extensions) as client:
            await client.send(wrong)
            assert await client.end() == code
        await other.echo("nobody else notices")
    await server.empty()


@pytest.mark.parametrize("wrong", REFUSED)
async def test_what_no_client_may_send_ends_its_connection_alone(server: Apart, wrong: str) -> None:
    await _refused(server, *REFUSED[wrong])


@pytest.mark.parametrize("wrong", CORRUPT)
async def test_what_cannot_be_inflated_ends_its_connection_alone(server: Apart, wrong: str) -> None:
    await _refused(server, *CORRUPT[wrong], extensions=DEFLATE)


async def test_what_comes_after_a_wrong_frame_is_not_heard(server: Apart) -> None:
    async with raw(server) as client:
        await client.send(masked(0x83) + watches("layer/cameras") * 5 + masked(PING, b"a"))
        assert await client.end() == 1002


# closing


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"\x03\xe8", 1000), (b"\x03\xe9bye", 1001), (b"", 1005), (b"\x0f\xa0", 4000), (b"\x03\xe8" + b"x" * 123, 1000)],
)
async def test_a_client_that_closes_is_answered_with_its_code(server: Apart, payload: bytes, code: int) -> None:
    async with raw(server) as client:
        await client.send(masked(CLOSE, payload) + watches("too late") + masked(PING, b"late"))
        assert await client.end() == code
    await server.empty()


async def test_a_client_that_closes_byte_by_byte_is_answered(server: Apart) -> None:
    async with raw(server) as client:
        await client.send(*each(masked(CLOSE, b"\x03\xe8")))
        assert await client.end() == 1000
    await server.empty()


@pytest.mark.parametrize("before", [b"", masked(0x01) + masked(0x80, RECEIPT)], ids=["usual", "after fragments"])
async def test_a_server_that_closes_ends_when_it_is_answered(
    server: Apart, monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
    monkeypatch.setattr("ioc.web.wire.PATIENCE_S", 10 * PATIENCE_S)
    async with raw(server) as client:
        await client.echo("here", before + watches("here"))
        await server.bye(4000)
        assert (await client.hear("bye"))["code"] == 4000
        assert await client.frame() == (CLOSE, struct.pack("!H", 4000))
        # what was on its way when it closed changes nothing any more, and is answered with nothing
        await client.send(watches("too late") + masked(CLOSE, b"\x0f\xa0"))
        assert await client.end() is None
    await server.empty()


async def test_a_client_that_never_answers_a_close_is_dropped(ours: Apart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ioc.web.wire.PATIENCE_S", 0.2)
    async with raw(ours) as client:
        await ours.bye(4000)
        await client.hear("bye")
        assert await client.control() == (CLOSE, struct.pack("!H", 4000))
        assert await client.end() is None
        await ours.empty()


# who takes nothing


@asynccontextmanager
async def deaf(server: Apart, *, hello: bool = True) -> AsyncIterator[socket.socket]:
    """An open WebSocket with small buffers whose client reads nothing but the handshake's answer."""
    loop = asyncio.get_running_loop()
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.setblocking(False)
        await loop.sock_connect(plain, ("127.0.0.1", server.port))
        await loop.sock_sendall(plain, asks())
        assert b" 101 " in await loop.sock_recv(plain, 4096)
        if hello:
            await loop.sock_sendall(plain, says(type="hello") + watches(CAMERAS))
        yield plain


async def full(server: Apart) -> Direct:
    """Wait until a screen's connection takes no more; that connection."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for screen in list(server.hub.screens):
                if screen.wire.full:
                    found: Direct = screen.wire
                    return found
            await asyncio.sleep(0.005)


@pytest.fixture
async def large(ours: Apart) -> Apart:
    """`ours`, with a picture that no buffer holds."""
    await ours.do(ours.hub.board.reset(CAMERAS, {f"c{n}": item(f"c{n}", n, pad=60_000) for n in range(300)}))
    return ours


@pytest.mark.parametrize(
    "last", [masked(CLOSE, b"\x03\xe8"), masked(0x83), None], ids=["closes", "errs", "says no more"]
)
async def test_who_ends_and_takes_nothing_is_dropped(
    large: Apart, monkeypatch: pytest.MonkeyPatch, last: bytes | None
) -> None:
    monkeypatch.setattr("ioc.web.wire.PATIENCE_S", 0.2)
    async with deaf(large) as plain:
        await full(large)
        if last is None:
            plain.shutdown(socket.SHUT_WR)
        else:
            await asyncio.get_running_loop().sock_sendall(plain, last)
        await large.empty()


async def test_a_ping_is_answered_when_what_was_before_it_is_taken(large: Apart) -> None:
    loop = asyncio.get_running_loop()
    async with deaf(large) as plain:
        await full(large)
        await loop.sock_sendall(plain, masked(PING, b"first") + masked(PING, b"last"))
        reader, writer = await asyncio.open_connection(sock=plain, limit=2**20)
        client = Raw(reader, writer)
        assert await client.control() == (PONG, b"last")
        writer.close()
        await writer.wait_closed()
    await large.empty()


@pytest.mark.parametrize("before", [b"", masked(0x01)], ids=["usual", "after a fragment"])
async def test_who_pings_and_never_reads_fills_no_memory_and_is_stuck(large: Apart, before: bytes) -> None:
    loop = asyncio.get_running_loop()
    async with deaf(large) as plain:
        wire = await full(large)
        taken = wire.taken()
        flood = before + masked(PING, b"x" * 125) * 500
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    await loop.sock_sendall(plain, flood)
                    flood = masked(PING, b"x" * 125) * 500
                    await asyncio.sleep(0)
        assert wire._transport.get_write_buffer_size() < UNREAD + 2**19
        assert wire.taken() - taken < 2**16, "its kernel took something, and it did not"
    await large.empty()
