"""Who would wear a server out: who comes and says nothing, or half of something, or tears the line in mid-sentence."""

from __future__ import annotations

import asyncio
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack

import pytest

from ioc.board.memory import MemoryBoard
from tests.conftest import absent

from .apart import WAYS, Apart, apart
from .conftest import PATIENCE_S
from .raw import CLOSE, asks, masked, plain, raw, says, watches
from .test_direct import full
from .test_hub import CAMERAS, item

HALF_OPEN = 1000
"""Connections that say nothing."""


@pytest.fixture(scope="module", params=WAYS)
def server(request: pytest.FixtureRequest) -> Iterator[Apart]:
    with apart(WAYS[request.param], MemoryBoard()) as running:
        yield running


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Leave for the files of both ends, which one process has here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    least = 3 * HALF_OPEN
    if hard != resource.RLIM_INFINITY and hard < least:
        absent(f"No process may open {least} files on this machine")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, least), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("says_so_far", [b"", says(type="hello")[:-1], masked(0x01, b'{"type":'), b"\x81"])
async def test_who_never_says_hello_is_sent_away(
    server: Apart, monkeypatch: pytest.MonkeyPatch, says_so_far: bytes
) -> None:
    async with raw(server, hello=False) as silent:
        await silent.send(says_so_far)
        monkeypatch.setattr("ioc.web.hub.HELLO_S", 0.1)
        bye = await silent.hear("bye")
        assert (bye["code"], bye["reconnect"]) == (4002, True)
        monkeypatch.undo()
        assert await silent.frame() == (CLOSE, struct.pack("!H", 4002))
    await server.empty()


@pytest.mark.usefixtures("descriptors")
async def test_many_who_say_nothing_hold_up_nobody(server: Apart, monkeypatch: pytest.MonkeyPatch) -> None:
    async with AsyncExitStack() as held:
        silent = [await held.enter_async_context(raw(server, hello=False)) for _ in range(HALF_OPEN)]
        async with asyncio.timeout(PATIENCE_S):
            while server.hub.strangers < HALF_OPEN:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        async with raw(server) as other:
            await other.echo("here")
            monkeypatch.setattr("ioc.web.hub.HELLO_S", 0.1)
            for one in silent:
                assert (await one.hear("bye"))["code"] == 4002
            monkeypatch.undo()
            await other.echo("still here")
    await server.empty()


@pytest.mark.usefixtures("descriptors")
async def test_many_who_never_finish_their_request_hold_up_nobody(server: Apart) -> None:
    async with AsyncExitStack() as held:
        for _ in range(HALF_OPEN):
            await (await held.enter_async_context(plain(server))).send(asks()[:-3])
        async with raw(server) as other:
            await other.echo("here")
    await server.empty()


@pytest.mark.parametrize("how", ["reset", "reset before hello", "gone"])
async def test_a_line_torn_in_mid_write_is_noticed_and_hurts_nobody(server: Apart, how: str) -> None:
    await server.do(server.hub.board.reset(CAMERAS, {f"c{n}": item(f"c{n}", n, pad=60_000) for n in range(200)}))
    loop = asyncio.get_running_loop()
    async with raw(server) as other:
        with ExitStack() as held:
            for _ in range(20):
                torn = held.enter_context(socket.socket())
                torn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                torn.setblocking(False)
                await loop.sock_connect(torn, ("127.0.0.1", server.port))
                await loop.sock_sendall(torn, asks())
                assert b" 101 " in await loop.sock_recv(torn, 4096)
                if how != "gone":
                    torn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if how != "reset before hello":
                    await loop.sock_sendall(torn, says(type="hello") + watches(CAMERAS))
            if how != "reset before hello":
                await full(server)
        async with asyncio.timeout(PATIENCE_S):
            while len(server.hub.screens) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        await other.echo("here")
    await server.empty()
