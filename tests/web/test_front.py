"""The head of a request: in pieces, too long, too late, and the next one on the same connection."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator

import pytest

from ioc.board.memory import MemoryBoard
from ioc.web import front, gate
from ioc.web.app import build

from .conftest import PATIENCE_S, Running, running, settings

ASKS = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
OPENS = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ioc.v1\r\n\r\n"
)


@pytest.fixture(params=["direct", "asgi"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    ways = {} if request.param == "direct" else {"ws": "websockets-sansio"}
    async with running(build(settings(), board=MemoryBoard()), **ways) as found:
        yield found


async def said(server: Running, *parts: bytes, wait_s: float = 0.0) -> bytes:
    """What is answered to these bytes, up to the end of the connection or of a first answer's body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(wait_s)
        async with asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
            if b"content-length: " not in head.lower():
                return head
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            return head + await reader.readexactly(size)
    finally:
        writer.close()


def detail(answer: bytes) -> str:
    assert b"application/problem+json" in answer
    told: str = json.loads(answer.partition(b"\r\n\r\n")[2])["detail"]
    return told


@pytest.mark.parametrize(("request_", "first"), [(ASKS, b"HTTP/1.1 200"), (OPENS, b"HTTP/1.1 101")])
async def test_a_head_may_come_in_pieces(server: Running, request_: bytes, first: bytes) -> None:
    pieces = [request_[at : at + 7] for at in range(0, len(request_), 7)]
    assert (await said(server, *pieces, wait_s=0.001)).startswith(first)


@pytest.mark.parametrize("start", [ASKS[:-2], OPENS[:-2], ASKS + ASKS[:-2]])
async def test_a_head_without_end_is_refused(server: Running, start: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(start + b"X-Long: " + b"x" * (front.MAX_HEAD + 1))
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    refused = answer[answer.index(b"HTTP/1.1 431") :]
    assert detail(refused) == "The head of a request holds 32,768 bytes at most; send less."


async def test_who_asks_nothing_is_let_go_without_a_word(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "HEAD_S", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("start", [b"GET /w", ASKS + ASKS[:-2]])
async def test_a_head_that_does_not_come_is_not_waited_for(
    server: Running, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(front, "HEAD_S", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(start)
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    assert detail(answer[answer.index(b"HTTP/1.1 408") :]) == "No whole request came in time."


async def test_a_connection_serves_again(server: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(3):
            writer.write(ASKS)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await reader.readuntil(b"}")
    writer.close()


async def test_a_request_behind_a_large_body_is_taken(server: Running) -> None:
    size = front.MAX_HEAD * 2
    post = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(post + ASKS[:-2])
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.write(ASKS[-2:])
    async with asyncio.timeout(PATIENCE_S):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith((b"HTTP/1.1 404", b"HTTP/1.1 405"))
        answer = await reader.readuntil(b"HTTP/1.1 200")
    assert b"431" not in answer
    writer.close()


async def test_frames_behind_the_head_are_read_too() -> None:
    from websockets.frames import Frame, Opcode

    hello = Frame(Opcode.TEXT, b'{"type":"hello"}').serialize(mask=True)
    async with running(build(settings(), board=MemoryBoard())) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(OPENS + hello)
        async with asyncio.timeout(PATIENCE_S):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            assert b"welcome" in await reader.readuntil(b"}")
        writer.close()


async def test_one_that_breaks_while_it_is_opened_holds_up_no_other() -> None:
    opened: list[int] = []

    def work(number: int) -> None:
        if number == gate.AT_ONCE + 1:
            raise RuntimeError("A test breaks this.")
        opened.append(number)

    here = gate.Gate(build(settings(), board=MemoryBoard()).state.hub, settings().access)
    for number in range(3 * gate.AT_ONCE):
        here.enter(functools.partial(work, number))
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(opened) == 3 * gate.AT_ONCE - 1
    here.enter(functools.partial(work, -1))
    assert opened[-1] == -1, "and who comes later finds the way open"
