"""Client libraries that others wrote take what we send, compressed or plain, and end with the board's picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import aiohttp
import pytest
import websockets

from ioc.board.memory import MemoryBoard
from ioc.web.protocol import SUBPROTOCOL

from .apart import WAYS, Apart, apart
from .conftest import PATIENCE_S, Client
from .story import LAST, tell
from .test_hub import CAMERAS, decoded


class Socket(Protocol):
    """What a fold needs of a library."""

    async def send(self, text: str) -> None: ...

    async def recv(self) -> str: ...


class Ended(Exception):
    """The connection has ended, with a close code."""


class _Aiohttp:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, text: str) -> None:
        await self._socket.send_str(text)

    async def recv(self) -> str:
        message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise Ended(self._socket.close_code, message)
        found: str = message.data
        return found


@asynccontextmanager
async def over_aiohttp(port: int, deflate: bool) -> AsyncIterator[tuple[Socket, bool]]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"http://127.0.0.1:{port}/ws", protocols=[SUBPROTOCOL], compress=15 if deflate else 0, max_msg_size=0
        ) as socket,
    ):
        assert socket.protocol == SUBPROTOCOL
        yield _Aiohttp(socket), bool(socket.compress)


class _Websockets:
    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket

    async def send(self, text: str) -> None:
        await self._socket.send(text)

    async def recv(self) -> str:
        try:
            return str(await self._socket.recv(decode=True))
        except websockets.ConnectionClosed as closed:
            raise Ended(closed.rcvd and closed.rcvd.code, closed) from None


@asynccontextmanager
async def over_websockets(port: int, deflate: bool) -> AsyncIterator[tuple[Socket, bool]]:
    async with websockets.connect(
        f"ws://127.0.0.1:{port}/ws", subprotocols=[websockets.Subprotocol(SUBPROTOCOL)], max_size=None,
        compression="deflate" if deflate else None,
    ) as socket:  # fmt: skip
        assert socket.response is not None
        yield _Websockets(socket), "permessage-deflate" in socket.response.headers.get("Sec-WebSocket-Extensions", "")


Connect = Callable[[int, bool], AbstractAsyncContextManager[tuple[Socket, bool]]]
LIBRARIES: dict[str, Connect] = {"aiohttp": over_aiohttp, "websockets": over_websockets}


@pytest.fixture(params=WAYS)
def server(request: pytest.FixtureRequest) -> Iterator[Apart]:
    with apart(WAYS[request.param], MemoryBoard()) as running:
        yield running


@pytest.mark.parametrize("deflate", [True, False], ids=["compressed", "plain"])
@pytest.mark.parametrize("library", LIBRARIES)
async def test_a_library_that_others_wrote_ends_with_the_boards_picture(
    server: Apart, library: str, deflate: bool
) -> None:
    telling = asyncio.create_task(server.do(tell(server.hub)))
    async with asyncio.timeout(3 * PATIENCE_S), LIBRARIES[library](server.port, deflate) as (socket, agreed):
        assert agreed == deflate
        client = Client(socket)  # type: ignore[arg-type]
        await client.say(type="hello")
        await client.watch(CAMERAS)
        with pytest.raises(Ended) as ended:
            while True:
                frame = await client.hear()
                if frame["type"] in ("snapshot", "delta") and CAMERAS in client.position:
                    epoch, offset = client.position[CAMERAS]
                    await client.say(type="shown", channel=CAMERAS, epoch=epoch, offset=offset)
        told = await telling
    assert ended.value.args[0] == LAST
    assert client.items[CAMERAS] == decoded(told.board.items)
    assert client.position[CAMERAS] == tuple(told.board.position)
    kinds = [frame["type"] for frame in client.frames]
    assert (kinds[0], kinds[-1], "beat" in kinds) == ("welcome", "bye", True)
    assert max(frame.get("parts", 0) for frame in client.frames) > 5
    assert any(frame.get("more") for frame in client.frames)
    # on our own wire: whether what was agreed on was done
    assert told.sent is None or (told.sent < told.texts / 2) == deflate
    await server.empty()
