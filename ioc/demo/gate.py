"""A port of this machine that is closed until it is opened: a sector that nobody has connected yet.

While it is closed the port is kept, and whoever tries it is refused by the machine itself, as by a server that is not
there. Open, it hands everything on to another port.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

HOST = "127.0.0.1"
MOST = 64
"""Connections at once; one more is closed at once."""
PIECE = 64 * 1024


class Gate:
    """The gate at `port`, before `behind`; both on loopback. `port` 0: a free one."""

    def __init__(self, port: int, behind: int) -> None:
        self.behind = behind
        self._kept: socket.socket | None = self._keep(port)
        self.port: int = self._kept.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()

    @staticmethod
    def _keep(port: int) -> socket.socket:
        kept = socket.socket()
        try:
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            kept.bind((HOST, port))
            # from now on nobody else may bind it, though nobody listens
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        except OSError:
            kept.close()
            raise
        kept.setblocking(False)
        return kept

    @property
    def open(self) -> bool:
        return self._server is not None

    async def set(self, wanted: bool) -> None:
        """Open it, or close it; what is passing is cut off then."""
        if wanted and self._server is None and self._kept is not None:
            # the connections inherit it, and must not keep the port when it is closed again
            self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._server, self._kept = await asyncio.start_server(self._pass, sock=self._kept), None
        elif not wanted and self._server is not None:
            await self._shut(self._server)
            self._server, self._kept = None, self._keep(self.port)

    async def close(self) -> None:
        """Let the port go."""
        if self._server is not None:
            await self._shut(self._server)
            self._server = None
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    async def _shut(self, server: asyncio.Server) -> None:
        server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        try:
            if len(self._passing) <= MOST:
                inner, outer = await asyncio.open_connection(HOST, self.behind)
                try:
                    async with asyncio.TaskGroup() as both:
                        both.create_task(_copy(reader, outer))
                        both.create_task(_copy(inner, writer))
                finally:
                    await _hang_up(outer)
        except* OSError:
            pass
        except* asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._passing.discard(task)
            await _hang_up(writer)


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()


async def _copy(from_: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    while piece := await from_.read(PIECE):
        to.write(piece)
        await to.drain()
    with suppress(OSError, NotImplementedError):
        to.write_eof()
