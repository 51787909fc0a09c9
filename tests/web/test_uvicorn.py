"""What `ioc/web/direct.py` relies on in uvicorn, and in the transports of uvloop and asyncio.

A failure here says that one of them does it differently now, and what of ours must change before it is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from ioc.web import direct

from .conftest import PATIENCE_S
from .raw import asks

Calls = list[tuple[str, Any]]
LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
BIG = b"x" * 2**20
"""More than a socket's buffers take when nobody reads."""


def ours(file: str, must: str) -> str:
    return f"{file} relies on this, and must {must}."


# uvicorn


class Witness(asyncio.Protocol):
    """A `ws=` class that notes what is done with it, and by whom the transport is held then."""

    def __init__(self, **given: Any) -> None:
        self.calls: Calls = [("given", given)]
        self.lost = asyncio.get_running_loop().create_future()
        WITNESSES.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.calls.append(("made", self.transport.get_protocol()))
        self.calls[0][1]["server_state"].connections.add(self)

    def data_received(self, data: bytes) -> None:
        self.calls.append(("data", data))
        self.calls.append(("holder", self.transport.get_protocol()))
        if data.startswith(b"GET"):
            self.transport.write(b"open")

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls[0][1]["server_state"].connections.discard(self)
        self.lost.set_result(exc)

    def shutdown(self) -> None:
        self.calls.append(("shutdown", None))
        self.transport.close()


WITNESSES: list[Witness] = []
STATE = {"gate": object()}


async def app(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    assert scope["type"] == "lifespan"
    scope["state"].update(STATE)
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[tuple[uvicorn.Server, int]]:
    WITNESSES.clear()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(
            uvicorn.Config(app, ws=cast(Any, Witness), http="httptools", lifespan="on", log_level="error")
        )
        serving = asyncio.create_task(server._serve(sockets=[listening]))
        async with asyncio.timeout(PATIENCE_S):
            while not server.started:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            try:
                yield server, listening.getsockname()[1]
            finally:
                server.should_exit = True
                await serving


def on(loop: str, work: Any) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(work)


async def asked(port: int, head: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Witness]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.readexactly(4) == b"open"
        await asyncio.sleep(0)
    return reader, writer, WITNESSES[-1]


@pytest.mark.parametrize("loop", LOOPS)
def test_uvicorn_hands_a_connection_to_a_class_of_ours(loop: str) -> None:
    async def work() -> None:
        async with served() as (server, port):
            _, writer, witness = await asked(port, asks())
            writer.write(b"later")
            async with asyncio.timeout(PATIENCE_S):
                while ("data", b"later") not in witness.calls:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            writer.close()
            async with asyncio.timeout(PATIENCE_S):
                assert await witness.lost is None
            given = witness.calls[0][1]
            assert set(given) == {"config", "server_state", "app_state"}, (
                "uvicorn gives a ws= class other arguments now. "
                + ours("ioc/web/direct.py", "take them in Direct.__init__")
            )
            assert given["server_state"] is server.server_state
            assert given["app_state"]["gate"] is STATE["gate"], (
                "uvicorn does not hand the lifespan's state over as app_state any more. "
                + ours("ioc/web/direct.py", "find its gate elsewhere")
            )
            assert [name for name, _ in witness.calls] == ["given", "made", "data", "holder", "data", "holder"], (
                "uvicorn does not call connection_made, then data_received once with the whole head any more. "
                + ours("ioc/web/direct.py", "open in another place")
            )
            http = witness.calls[1][1]
            assert isinstance(http, HttpToolsProtocol)
            assert (witness.calls[3], witness.calls[5]) == (("holder", http), ("holder", witness)), (
                "uvicorn calls set_protocol at another time than after the first data_received. "
                + ours("ioc/web/direct.py", "not count on being told of a full transport before that")
            )

    on(loop, work())


@pytest.mark.parametrize("loop", LOOPS)
def test_uvicorn_hands_over_the_whole_head_and_nothing_else(loop: str) -> None:
    async def work() -> None:
        async with served() as (_, port):
            more = "X-Two: 1\r\nX-TWO:  2 \r\n"
            head = asks(line="GET /ws?a=%20b HTTP/1.1", Origin="http://A.example", more=more)
            _, writer, witness = await asked(port, head + b"early")
            writer.close()
            first, *fields, last, rest = witness.calls[2][1].split(b"\r\n")
            assert (first, last, rest) == (b"GET /ws?a=%20b HTTP/1.1", b"", b""), (
                "uvicorn hands the request's head over differently, or what came after it too, which it dropped. "
                + ours("ioc/web/handshake.py", "read it as it comes, and ioc/web/direct.py take what follows")
            )
            lines = asks(Origin="http://A.example").decode().split("\r\n")[1:-2]
            wanted = [f"{name.lower()}: {value}" for name, _, value in (line.partition(": ") for line in lines)]
            assert [line.decode().rstrip() for line in fields] == [*wanted, "x-two: 1", "x-two: 2"], (
                "uvicorn does not hand over each field as a line `name: value` with the name in lower case any more. "
                + ours("ioc/web/handshake.py", "read them as they come")
            )

    on(loop, work())


@pytest.mark.parametrize("loop", LOOPS)
def test_uvicorn_tells_the_connections_that_it_stops(loop: str) -> None:
    async def work() -> None:
        async with served() as (server, port):
            reader, writer, witness = await asked(port, asks())
            assert list(cast(Any, server.server_state.connections)) == [witness], (
                "uvicorn counts connections elsewhere, or keeps its own HTTP one after the upgrade. "
                + ours("ioc/web/direct.py", "put itself where uvicorn counts connections")
            )
            server.should_exit = True
            async with asyncio.timeout(PATIENCE_S):
                assert await reader.read() == b""
                await witness.lost
            assert witness.calls[-1] == ("shutdown", None), (
                "uvicorn does not call shutdown() of each connection any more when it stops. "
                + ours("ioc/web/direct.py", "close its transport in another way")
            )
            writer.close()

    on(loop, work())


@pytest.mark.parametrize("line", ["GET /ws HTTP/1.0", "POST /ws HTTP/1.1"])
def test_uvicorn_asks_nothing_of_method_and_version(line: str) -> None:
    async def work() -> None:
        async with served() as (_, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(asks(line=line))
            async with asyncio.timeout(PATIENCE_S):
                while not WITNESSES:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            assert WITNESSES[0].calls[2][1].startswith(line.split()[0].encode() + b" /ws HTTP/1.1\r\n"), (
                "uvicorn judges methods or versions itself now, or hands them over differently. "
                + ours(
                    "ioc/web/handshake.py",
                    "read what it is given; until now it judged the method, and never saw a version",
                )
            )
            writer.close()
            await WITNESSES[0].lost

    on("uvloop", work())


def test_uvicorn_takes_a_class_for_ws() -> None:
    config = uvicorn.Config(app, ws=cast(Any, direct.Direct))
    config.load()
    assert config.ws_protocol_class is direct.Direct
    inspect.signature(direct.Direct).bind(config=config, server_state=ServerState(), app_state={})


# transports


class Sender(asyncio.Protocol):
    """The side of a connection that writes, and notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fd = -1
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=0)
        self.fd = self.transport.get_extra_info("socket").fileno()

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(stat.S_ISSOCK(os.fstat(self.fd).st_mode))


@contextlib.asynccontextmanager
async def pair() -> AsyncIterator[tuple[Sender, socket.socket]]:
    """A sender on one side, and a bare socket on the other."""
    loop = asyncio.get_running_loop()
    senders: list[Sender] = []

    def made() -> Sender:
        senders.append(Sender())
        return senders[-1]

    server = await loop.create_server(made, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()[:2]) as other:
        async with asyncio.timeout(PATIENCE_S):
            while not senders or senders[0].fd < 0:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        try:
            yield senders[0], other
        finally:
            senders[0].transport.abort()
            await senders[0].lost
            server.close()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_write_goes_to_the_kernel_at_once_when_nothing_waits(loop: str) -> None:
    async def work() -> None:
        async with pair() as (sender, other):
            other.settimeout(PATIENCE_S)
            for text in (b"first", b"second"):
                sender.transport.write(text)
                # no turn of the loop between: the other side has it when write returns
                assert other.recv(100) == text, f"{loop} keeps a write until later, though nothing waits. " + ours(
                    "ioc/web/direct.py", "write to the descriptor alone, or orders and latencies change"
                )
                assert sender.transport.get_write_buffer_size() == 0
            assert sender.calls == []

    on(loop, work())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_transport_tells_in_the_same_call_that_something_waits(loop: str) -> None:
    async def work() -> None:
        async with pair() as (sender, other):
            sent = 0
            while not sender.calls:
                sender.transport.write(BIG)
                sent += len(BIG)
                assert bool(sender.calls) == (sender.transport.get_write_buffer_size() > 0), (
                    f"{loop} does not call pause_writing before write returns. "
                    + ours("ioc/web/direct.py", "look at get_write_buffer_size after each write, or frames mix")
                )
            assert sender.calls == ["pause"]
            waiting = sender.transport.get_write_buffer_size()
            sender.transport.write(b"last")
            assert (sender.calls, sender.transport.get_write_buffer_size()) == (["pause"], waiting + 4), (
                f"{loop} counts what waits differently. " + ours("ioc/web/direct.py", "count it itself in behind()")
            )
            other.setblocking(False)
            taken = b""
            async with asyncio.timeout(PATIENCE_S):
                while not taken.endswith(b"last"):
                    taken = taken[-4:] + await asyncio.get_running_loop().sock_recv(other, 2**20)
                while sender.calls[-1] != "resume":  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            assert (sender.calls, sender.transport.get_write_buffer_size()) == (["pause", "resume"], 0), (
                f"{loop} does not call resume_writing once, when all is taken. "
                + ours("ioc/web/direct.py", "not write to the descriptor before its buffer is empty")
            )
            sender.transport.write(b"more")
            assert await asyncio.get_running_loop().sock_recv(other, 100) == b"more"

    on(loop, work())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("ends", ["close", "abort", "reset"])
def test_the_descriptor_is_the_connections_until_connection_lost_returns(loop: str, ends: str) -> None:
    async def work() -> None:
        async with pair() as (sender, other):
            if ends == "reset":
                sender.transport.write(BIG * 8)
                other.close()
            else:
                getattr(sender.transport, ends)()
                assert stat.S_ISSOCK(os.fstat(sender.fd).st_mode)
            async with asyncio.timeout(PATIENCE_S):
                assert await sender.lost, f"{loop} closes the descriptor before connection_lost returns. " + ours(
                    "ioc/web/direct.py", "forget the number earlier, or it writes to another's connection"
                )
                await asyncio.sleep(0)
            with contextlib.suppress(OSError):
                assert not stat.S_ISSOCK(os.fstat(sender.fd).st_mode)

    on(loop, work())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_closing_transport_reads_no_more_and_takes_being_told_so(loop: str) -> None:
    async def work() -> None:
        async with pair() as (sender, _):
            while not sender.calls:
                sender.transport.write(BIG)
            sender.transport.close()
            sender.transport.resume_reading()
            sender.transport.pause_reading()
            await asyncio.sleep(0.01)
            assert not sender.lost.done(), f"{loop} drops what waits when a transport is closed. " + ours(
                "ioc/web/direct.py", "wait itself until its close frame is taken"
            )

    on(loop, work())
