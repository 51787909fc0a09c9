"""A source that sends over a connection that stays: nothing that came is lost before it is committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ioc.adapter import AdapterConfig, Answer
from ioc.errors import SourceDown, SourceRefused
from ioc.listening import Heard, Listening


class Lines(Listening[AdapterConfig, int]):
    """Reads lines from a TCP server; its receipts are the numbers of the lines."""

    port = 0
    given: list[int]

    async def listen(self) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            raise SourceDown("Nobody is at the port; start the server.") from None
        try:
            self.linked.set()
            number = 0
            while line := await reader.readline():
                if line == b"REFUSED\n":
                    raise SourceRefused("The server refuses us; ask its owner.")
                await self.heard.put(line.rstrip(b"\n"), number)
                number += 1
        finally:
            writer.close()

    async def receipts(self, given: list[int]) -> None:
        self.given = given


class Server:
    """Says what it is told to say, to all who are connected."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.server: asyncio.Server | None = None
        self.port = 0
        self.met = asyncio.Event()

    async def start(self) -> None:
        async def met(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.writers.append(writer)
            self.met.set()

        self.server = await asyncio.start_server(met, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def say(self, text: str) -> None:
        async with asyncio.timeout(10):
            await self.met.wait()
        for writer in self.writers:
            writer.write(text.encode())

    async def stop(self) -> None:
        assert self.server is not None
        self.server.close()
        for writer in self.writers:
            writer.close()
        self.writers.clear()
        self.met.clear()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def lines(server: Server) -> AsyncIterator[Lines]:
    adapter = Lines("lines", AdapterConfig(event="ioc.line.said"))
    adapter.port = server.port
    yield adapter
    await adapter.close()


async def ask(adapter: Lines) -> list[Answer]:
    return [answer async for answer in adapter.ask(None)]


async def until(adapter: Lines, body: bytes) -> Answer:
    async with asyncio.timeout(10):
        while True:
            for answer in await ask(adapter):
                if answer.body == body:
                    return answer


async def test_what_came_is_kept_until_it_is_committed(server: Server, lines: Lines) -> None:
    assert await ask(lines) == [], "connected, and nothing was said"
    await server.say("a\nb\n")
    answer = await until(lines, b"a\nb")
    await server.say("c\n")
    # the store was away: nothing was committed
    answer = await until(lines, b"a\nb\nc")
    await lines.committed(answer, None)
    assert lines.given == [0, 1, 2]
    await server.say("d\n")
    await lines.committed(await until(lines, b"d"), None)
    assert lines.given == [3]


async def test_what_came_after_the_taking_is_not_let_go_by_its_commit(server: Server, lines: Lines) -> None:
    await ask(lines)
    await server.say("a\n")
    answer = await until(lines, b"a")
    await server.say("b\n")
    await lines.heard.wait(10)
    await lines.committed(answer, None)
    assert lines.given == [0]
    await until(lines, b"b")


async def test_an_end_is_told_after_what_came_before_it_and_the_connection_is_opened_again(
    server: Server, lines: Lines
) -> None:
    await ask(lines)
    await server.say("a\n")
    await server.stop()
    await asyncio.sleep(0.2)
    heard = []
    with pytest.raises(SourceDown, match=r"ended the connection; it is opened again\."):
        async for answer in lines.ask(None):
            heard.append(answer.body)
            await lines.committed(answer, None)
    assert heard == [b"a"]
    with pytest.raises(SourceDown, match="Nobody is at the port"):
        await ask(lines)
    await server.start()
    async with asyncio.timeout(10):
        while True:
            try:
                assert await ask(lines) == []
                break
            except SourceDown:
                await asyncio.sleep(0.05)
    await server.say("b\n")
    await until(lines, b"b")


async def test_a_refusal_goes_up(server: Server, lines: Lines) -> None:
    await ask(lines)
    await server.say("REFUSED\n")
    with pytest.raises(SourceRefused):
        await until(lines, b"never")


async def test_a_sender_waits_while_there_is_no_room(server: Server) -> None:
    adapter = Lines("lines", AdapterConfig(event="ioc.line.said", max_bytes=10))
    adapter.port = server.port
    try:
        await ask(adapter)
        await server.say("aaaa\nbbbb\ncccc\n")
        answer = await until(adapter, b"aaaa\nbbbb")
        assert [one.body for one in await ask(adapter)] == [b"aaaa\nbbbb"]
        await adapter.committed(answer, None)
        await until(adapter, b"cccc")
    finally:
        await adapter.close()


async def test_who_can_not_wait_is_counted_as_lost() -> None:
    heard: Heard[None] = Heard(8)
    assert [heard.offer(b"aaa"), heard.offer(b"bbb"), heard.offer(b"ccc")] == [True, True, False]
    assert (heard.lost, heard.take()) == (1, b"aaa\nbbb")
    with pytest.raises(ValueError, match="one line"):
        heard.offer(b"a\nb")


async def test_a_record_that_is_larger_than_all_the_room_is_lost_and_stops_nobody() -> None:
    heard: Heard[None] = Heard(8)
    async with asyncio.timeout(5):
        await heard.put(b"a" * 20)
    assert (heard.lost, heard.take()) == (1, None)
