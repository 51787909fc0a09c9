"""A server in a thread of its own, as a process would run it: on uvloop or asyncio, shared by the tests of a module."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NamedTuple, TypeVar

import uvloop
from starlette.applications import Starlette

from ioc.board.memory import MemoryBoard
from ioc.settings import Settings
from ioc.web import direct
from ioc.web.app import Server, build

from .conftest import PATIENCE_S, Running, settings

T = TypeVar("T")


class Way(NamedTuple):
    """How a server is run: its loop, and what carries its WebSockets."""

    loop: Callable[[], asyncio.AbstractEventLoop]
    ws: Any


WAYS = {
    "direct-uvloop": Way(uvloop.new_event_loop, direct.Direct),
    "direct-asyncio": Way(asyncio.new_event_loop, direct.Direct),
    "asgi-uvloop": Way(uvloop.new_event_loop, "websockets-sansio"),
}
OURS = ("direct-uvloop", "direct-asyncio")


class Apart(Running):
    """A server that runs elsewhere; what touches it is done in its own loop."""

    def __init__(self, app: Starlette, server: Server, port: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(app, port)
        self.server, self.loop = server, loop

    @property
    def open(self) -> int:
        """Connections that uvicorn knows of."""
        return len(self.server.server_state.connections)

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` in the server's loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    async def bye(self, code: int) -> None:
        """Send its only screen away."""

        async def send_away() -> None:
            (screen,) = self.hub.screens
            screen.bye(code, "A test ends.")

        await self.do(send_away())

    async def empty(self) -> None:
        """Wait until no connection is open, and the hub knows no screen any more."""
        async with asyncio.timeout(PATIENCE_S):
            while self.open or self.hub.screens:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert self.hub.strangers == 0


@contextlib.contextmanager
def apart(
    way: Way, board: MemoryBoard, given: Settings | None = None, made: Callable[[], Starlette] | None = None
) -> Iterator[Apart]:
    """Run a server until the block ends. What it raises is raised here. `made`: makes its app, in its own loop."""
    failed: list[BaseException] = []
    started, found = threading.Event(), []

    async def serve() -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
            direct.listen(listening)
            app = made() if made is not None else build(given or settings(), board=board)
            server = Server(app, lifespan="on", ws=way.ws)
            serving = asyncio.create_task(server._serve(sockets=[listening]))
            while not server.started and not serving.done():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            found.append(Apart(app, server, listening.getsockname()[1], asyncio.get_running_loop()))
            started.set()
            await serving

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=way.loop) as runner:
                runner.run(serve())
        except BaseException as error:
            failed.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="server", daemon=True)
    thread.start()
    try:
        assert started.wait(PATIENCE_S)
        if found:
            yield found[0]
    finally:
        if found:
            found[0].server.should_exit = True
        thread.join(PATIENCE_S)
    if failed:
        raise failed[0]
    assert not thread.is_alive(), "a server ends when it is told to"
