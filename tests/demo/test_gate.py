"""A gate refuses while it is closed, hands on while it is open, and keeps its port all the time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from ioc.demo import gate
from ioc.demo.gate import HOST, Gate


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """The port of a server that says back what it is told."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(1000):
            writer.write(said)
        writer.close()

    server = await asyncio.start_server(say, HOST, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def closed(echo: int) -> AsyncIterator[Gate]:
    made = Gate(0, echo)
    yield made
    await made.close()


async def said(port: int, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(text)
        writer.write_eof()
        return await asyncio.wait_for(reader.read(), 30)
    finally:
        writer.close()


async def hung_up(port: int) -> bool:
    try:
        return await said(port, b"x") == b""
    except ConnectionResetError:
        return True


async def test_it_is_closed_until_it_is_opened_and_again_after(closed: Gate) -> None:
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            await said(closed.port, b"x")
        await closed.set(True)
        assert closed.open and await said(closed.port, b"xin chao") == b"xin chao"
        await closed.set(False)
    with pytest.raises(ConnectionRefusedError):
        await said(closed.port, b"x")


async def test_while_it_is_closed_nobody_else_gets_the_port(closed: Gate) -> None:
    with pytest.raises(OSError, match=r"Address already in use|in use"), socket.create_server((HOST, closed.port)):
        pass


async def test_closing_cuts_off_who_is_inside(closed: Gate) -> None:
    await closed.set(True)
    reader, writer = await asyncio.open_connection(HOST, closed.port)
    writer.write(b"a")
    assert await reader.read(1) == b"a"
    await closed.set(False)
    assert await asyncio.wait_for(reader.read(), 30) == b""
    writer.close()


async def test_one_more_than_it_holds_is_turned_away(closed: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MOST", 1)
    await closed.set(True)
    reader, writer = await asyncio.open_connection(HOST, closed.port)
    writer.write(b"a")
    assert await reader.read(1) == b"a"
    assert await hung_up(closed.port)
    writer.close()


async def test_with_nobody_behind_it_hangs_up() -> None:
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    made = Gate(0, port)
    await made.set(True)
    assert await hung_up(made.port)
    await made.close()
