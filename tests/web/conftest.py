"""A real server on port 0 for the tests of the web, and a client that keeps the law of the boards."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import websockets
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection

from ioc.board.memory import MemoryBoard
from ioc.db.session import Database, migrate, open_db
from ioc.settings import Access, Province, Settings, Web
from ioc.web.app import Server, build
from ioc.web.direct import Direct
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
        self._steps: dict[str, list[dict[str, Any]]] = {}

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
        if frame["type"] in ("snapshot", "delta"):
            assert len(body.encode()) <= 64 * 1024
            assert self.take(frame), f"a frame that does not follow: {body[:300]}"
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

    def take(self, frame: dict[str, Any]) -> bool:
        """Fold a snapshot or a delta; False: it does not follow on what is held (a gap), and nothing was changed."""
        channel = frame["channel"]
        taken = self._part(channel, frame) if frame["type"] == "snapshot" else self._step(channel, frame)
        if not taken:
            self._parts.pop(channel, None)
            self._steps.pop(channel, None)
        return taken

    def _part(self, channel: str, frame: dict[str, Any]) -> bool:
        parts = self._parts.setdefault(channel, [])
        # what is left of an unfinished step is of the picture before
        self._steps.pop(channel, None)
        if frame["part"] == 1:
            parts.clear()
        place = (frame["epoch"], frame["offset"])
        if frame["part"] != len(parts) + 1 or any((part["epoch"], part["offset"]) != place for part in parts):
            return False
        parts.append(frame)
        if frame["part"] == frame["parts"]:
            self.items[channel] = {name: item for part in parts for name, item in part["items"].items()}
            self.position[channel], self.quality[channel] = place, frame["quality"]
            del self._parts[channel]
        return True

    def _step(self, channel: str, frame: dict[str, Any]) -> bool:
        if channel in self._parts or (frame["epoch"], frame["after"]) != self.position.get(channel):
            return False
        step = self._steps.setdefault(channel, [])
        step.append(frame)
        if frame.get("more"):
            return True
        for part in step:
            for name in part["drop"]:
                self.items[channel].pop(name, None)
        for part in step:
            self.items[channel].update(part["put"])
        del self._steps[channel]
        self.position[channel] = (frame["epoch"], frame["offset"])
        self.quality[channel] = frame.get("quality", self.quality.get(channel))
        return True


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
async def running(app: Starlette, ws: Any = Direct) -> AsyncIterator[Running]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(app, lifespan="on", ws=ws)
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
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """A fresh database with its tables."""
    migrate(f"sqlite:///{tmp_path}/ioc.db")
    opened = open_db(f"sqlite:///{tmp_path}/ioc.db")
    yield opened
    await opened.close()


@pytest.fixture
def board() -> MemoryBoard:
    return MemoryBoard()


@pytest.fixture(params=[Direct, "websockets-sansio"], ids=["direct", "asgi"])
async def server(board: MemoryBoard, request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    """A server on its own protocol class, and one on plain ASGI: they behave alike."""
    async with running(build(settings(), board=board), request.param) as found:
        yield found
