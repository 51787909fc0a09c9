"""Who would wear a server out: who comes and says nothing, or half of something, or tears the line in mid-sentence."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack

import pytest

from ioc.board.memory import MemoryBoard
from ioc.web.access import Grant
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


# a key that is not known here yet


@pytest.fixture
def slow(server: Apart, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key is good, after a moment."""

    async def of(_secret: str | None, _address: str) -> Grant:
        await asyncio.sleep(0.05)
        return Grant(("*",))

    monkeypatch.setattr(server.hub.access, "of", of)


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("between", [b"", masked(0x01) + masked(0x80, b"{}")], ids=["whole", "fragments"])
async def test_what_follows_an_unknown_key_waits_for_its_answer(server: Apart, between: bytes) -> None:
    async with raw(server, hello=False) as client:
        follows = between + b"".join(watches(f"n{n}") for n in range(5))
        await client.send(says(type="hello", key="a key that is not known here") + follows)
        heard = [json.loads((await client.frame())[1]) for _ in range(7 if between else 6)]
        assert heard[0]["type"] == "welcome"
        assert [frame["channel"] for frame in heard if "channel" in frame] == [f"n{n}" for n in range(5)]
        await client.echo("here")
    await server.empty()


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("last", [b"", masked(CLOSE, b"\x03\xe8"), masked(0x83)], ids=["goes", "closes", "errs"])
async def test_who_leaves_before_its_key_is_known_leaves_nothing_behind(server: Apart, last: bytes) -> None:
    async with raw(server, hello=False) as client:
        await client.send(says(type="hello", key="a key that is not known here") + watches("n") + last)
        if last:
            assert await client.end() == (1002 if last[0] == 0x83 else 1000)
    await server.empty()


async def test_a_handshake_that_breaks_leaves_nothing_behind(server: Apart, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("A test breaks this.")

    monkeypatch.setattr("ioc.web.gate.Gate.check", broken)
    async with plain(server) as client:
        await client.send(asks())
        assert b" 101 " not in await client.rest()
    monkeypatch.undo()
    await server.empty()
    async with raw(server) as other:
        await other.echo("here")
