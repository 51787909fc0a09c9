"""A real server on port 0 for the tests of the web, and a client that keeps the law of the boards."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import websockets
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection

from ioc.board.memory import MemoryBoard
from ioc.settings import Access, Province, Settings, Web
from ioc.web.app import Server, build
from ioc.web.protocol import SUBPROTOCOL

PATIENCE_S = 20


def settings(**other: Any) -> Settings:
    given = {
        "province": Province("Tỉnh thử"),
        "access": Access(public=("*",)),
        "web": Web(beat=0.4),
        "layers": ("cameras",),
    }
    return Settings(**{**given, **other})


class Client:
    """Speaks `ioc.v1`, folds what it hears, and checks the order of frames while it does."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.items: dict[str, dict[str, Any]] = {}
        self.position: dict[str, tuple[str, int]] = {}
        self.quality: dict[str, Any] = {}
        self.frames: list[dict[str, Any]] = []
        self._parts: dict[str, list[dict[str, Any]]] = {}

    async def say(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def watch(self, *channels: str, **place: Any) -> None:
        await self.say(type="watch", channels=[{"channel": channel, **place} for channel in channels])

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            body = await self.socket.recv()
        assert isinstance(body, str)
        frame: dict[str, Any] = json.loads(body)
        self.frames.append(frame)
        if frame["type"] == "snapshot":
            assert len(body.encode()) <= 64 * 1024
            self._snapshot(frame)
        elif frame["type"] == "delta":
            self._delta(frame)
        return frame

    async def until(self, test: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first frame that passes; what comes before is folded."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = await self.hear()
                if test(frame):
                    return frame

    async def until_at(self, channel: str, offset: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while channel not in self.position or self.position[channel][1] < offset or channel in self._parts:
                await self.hear()

    def _snapshot(self, frame: dict[str, Any]) -> None:
        channel = frame["channel"]
        if frame["part"] == 1:
            self._parts[channel] = []
        parts = self._parts[channel]
        assert frame["part"] == len(parts) + 1
        assert all((part["epoch"], part["offset"]) == (frame["epoch"], frame["offset"]) for part in parts)
        parts.append(frame)
        self.quality[channel] = frame["quality"]
        if frame["part"] == frame["parts"]:
            self.items[channel] = {name: item for part in parts for name, item in part["items"].items()}
            self.position[channel] = (frame["epoch"], frame["offset"])
            del self._parts[channel]

    def _delta(self, frame: dict[str, Any]) -> None:
        channel = frame["channel"]
        assert channel not in self._parts, "a delta came between the parts of a snapshot"
        assert (frame["epoch"], frame["after"]) == self.position[channel]
        held = self.items[channel]
        for name in frame["drop"]:
            held.pop(name, None)
        held.update(frame["put"])
        if not frame.get("more"):
            self.position[channel] = (frame["epoch"], frame["offset"])
        if "quality" in frame:
            self.quality[channel] = frame["quality"]


class Running:
    """A server that runs, and doors to it."""

    def __init__(self, app: Starlette, port: int) -> None:
        self.app, self.port = app, port
        self.hub = app.state.hub

    @asynccontextmanager
    async def client(self, *, key: str | None = None, hello: bool = True, **other: Any) -> AsyncIterator[Client]:
        other.setdefault("subprotocols", [SUBPROTOCOL])
        # a queue with a limit stops reading when it is full, and a close then waits for its time limit
        other.setdefault("max_queue", None)
        async with websockets.connect(f"ws://127.0.0.1:{self.port}/ws", max_size=None, **other) as socket:
            client = Client(socket)
            if hello:
                await client.say(type="hello", **({"key": key} if key else {}))
                assert (await client.hear())["type"] == "welcome"
            yield client

    async def present(self, *channels: str) -> None:
        """Wait until the hub has found these boards."""
        async with asyncio.timeout(PATIENCE_S):
            while not all(self.hub.mirrors[channel].present for channel in channels):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def http(self, key: str | None = None) -> AsyncIterator[httpx2.AsyncClient]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=headers) as http:
            yield http


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[Running]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(app, lifespan="on")
        serving = asyncio.create_task(server._serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0.005)
            if serving.done():
                serving.result()
        try:
            yield Running(app, listening.getsockname()[1])
        finally:
            server.should_exit = True
            await serving


@pytest.fixture
def board() -> MemoryBoard:
    return MemoryBoard()


@pytest.fixture
async def server(board: MemoryBoard) -> AsyncIterator[Running]:
    async with running(build(settings(), board=board)) as found:
        yield found
