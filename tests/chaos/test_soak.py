"""Screens come and go in every way that there is, round after round: memory, file descriptors and tasks stay flat.

A round ends when the last of them has gone and the server knows it; what it holds then is what nobody needs any more.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import random
import socket
import statistics
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.chaos.stage import Stage

pytestmark = pytest.mark.chaos

ROLES = ("web", "poller", "health", "projector", "archive")
CHANNELS = ("layer/cameras", "tile/cameras_live", "sources", "alerts")
GUESTS = 40
WARM = 2
"""Rounds that are not compared: caches fill."""
GONE_S = 60.0
"""How long the server may take to notice that somebody has gone; generous, for a loaded machine."""
SLACK_FILES = 4
SLACK_TASKS = 4
SLACK_MB = 6.0
SLACK_SHARE = 1.05


class Held(NamedTuple):
    """What the web process holds when nobody is there."""

    mb: float
    files: int
    tasks: int


class House:
    """The address of the server, and what a screen says there."""

    def __init__(self, stage: Stage, key: str) -> None:
        self.port, self.process = stage.ports["web"], psutil.Process(stage.running["web"].pid)
        watch = {"type": "watch", "channels": [{"channel": channel} for channel in CHANNELS]}
        self.says = [json.dumps({"type": "hello", "key": key}), json.dumps(watch)]
        self.pictures = 0

    @property
    def request(self) -> bytes:
        return (
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: ioc.v1\r\n\r\n"
        ).encode()

    async def gauges(self) -> dict[str, float]:
        """What /metrics tells without labels."""

        def ask() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=20) as answer:
                told: str = answer.read().decode()
                return told

        lines = (line.split() for line in (await asyncio.to_thread(ask)).splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in lines if "{" not in name}

    async def held(self) -> Held:
        """What it holds once it knows that everybody has gone."""
        before: Held | None = None
        async with asyncio.timeout(GONE_S):
            while True:
                told = await self.gauges()
                now = Held(self.process.memory_info().rss / 1e6, self.process.num_fds(), int(told["ioc_tasks"]))
                if told["ioc_screens"] == 0 and before is not None and now[1:] == before[1:]:
                    return now
                before = now
                await asyncio.sleep(0.5)


def masked(opcode: int, body: bytes) -> bytes:
    """A client's frame, masked with nought."""
    size = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + len(body).to_bytes(2, "big")
    return bytes([0x80 | opcode]) + size + bytes(4) + body


@asynccontextmanager
async def bare(house: House, said: bytes, receive: int | None = None) -> AsyncIterator[asyncio.StreamReader]:
    """A plain connection that says this, and ends with a reset; `receive`: bytes of its buffer."""
    sock = socket.socket()
    sock.setblocking(False)
    if receive is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", house.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=1 << 16)
    try:
        writer.write(said)
        yield reader
    finally:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def stays_and_closes(house: House, chance: random.Random) -> None:
    """Sees its picture, stays a while, and says good-bye."""
    compression = chance.choice([None, "deflate"])
    address = f"ws://127.0.0.1:{house.port}/ws"
    async with connect(address, subprotocols=["ioc.v1"], compression=compression, max_size=None) as screen:  # type: ignore[list-item]
        for frame in house.says:
            await screen.send(frame)
        seen: set[str] = set()
        while not seen.issuperset(CHANNELS):
            frame = json.loads(await screen.recv())
            if frame["type"] == "snapshot" and frame["part"] == frame["parts"]:
                seen.add(frame["channel"])
        house.pictures += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(chance.random()):
                async for _ in screen:
                    pass


async def is_cut_off(house: House, chance: random.Random) -> None:
    """Watches, and its line is cut: in the handshake, in the picture, or later."""
    said = b"".join(masked(1, frame.encode()) for frame in house.says)
    async with bare(house, house.request + said) as reader:
        with suppress(TimeoutError):
            async with asyncio.timeout(chance.random() * 0.5):
                while await reader.read(4096):
                    pass


async def never_ends_its_request(house: House, chance: random.Random) -> None:
    """Sends a part of the handshake, and nothing more."""
    request = house.request
    async with bare(house, request[: chance.randrange(1, len(request) - 2)]):
        await asyncio.sleep(chance.random())


async def reads_nothing(house: House, chance: random.Random) -> None:
    """Watches through a small buffer, and takes nothing."""
    said = b"".join(masked(1, frame.encode()) for frame in house.says)
    async with bare(house, house.request + said, receive=2048):
        await asyncio.sleep(chance.random() * 2)


async def says_nothing(house: House, chance: random.Random) -> None:
    """Connects, and never says hello."""
    async with bare(house, house.request):
        await asyncio.sleep(chance.random())


async def talks_nonsense(house: House, chance: random.Random) -> None:
    """Sends what is no frame, or no JSON, or half a frame."""
    wrong = chance.choice(
        [b"\xff\xff\xff", masked(1, b"{"), masked(1, b"\xff\xfe"), masked(1, b'{"type":"hello"}')[:-3]]
    )
    async with bare(house, house.request + wrong) as reader:
        with suppress(TimeoutError):
            async with asyncio.timeout(chance.random()):
                while await reader.read(4096):
                    pass


WAYS: list[Callable[[House, random.Random], Awaitable[None]]] = [
    stays_and_closes, stays_and_closes, is_cut_off, never_ends_its_request, reads_nothing, says_nothing, talks_nonsense,
]  # fmt: skip


async def guest(house: House, chance: random.Random, until: float) -> None:
    """Comes and goes until the round is over."""
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        way = chance.choice(WAYS)
        # a server may refuse whom it can't take now; that it forgets them is what is looked at
        with suppress(OSError, WebSocketException, EOFError, TimeoutError):
            async with asyncio.timeout(GONE_S):
                await way(house, chance)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    try:
        made.start("redis", "source", *ROLES)
        yield made
    finally:
        made.close()


def flat(rounds: list[Held]) -> list[str]:
    """What grew, in sentences: the last third of the rounds against the first third after the warm ones."""
    kept = rounds[WARM:]
    third = max(1, len(kept) // 3)
    early, late = kept[:third], kept[-third:]
    before, after = (Held(*(statistics.median(values) for values in zip(*some, strict=True))) for some in (early, late))
    grew = []
    if after.mb > before.mb * SLACK_SHARE + SLACK_MB:
        grew.append(f"Memory grew from {before.mb:.1f} to {after.mb:.1f} MB.")
    if after.files > before.files + SLACK_FILES:
        grew.append(f"Open files grew from {before.files} to {after.files}.")
    if after.tasks > before.tasks + SLACK_TASKS:
        grew.append(f"Tasks grew from {before.tasks} to {after.tasks}.")
    return grew


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Open files are counted through /proc.")
@pytest.mark.parametrize(
    ("rounds", "seconds"),
    [pytest.param(5, 3.0, id="short"), pytest.param(62, 56.0, id="an hour", marks=pytest.mark.long)],
)
async def test_nothing_grows_while_screens_come_and_go(stage: Stage, rounds: int, seconds: float) -> None:
    key = (await asyncio.to_thread(stage.ioc, "key", "add", "soak")).strip()
    house, chance = House(stage, key), random.Random(20)
    await _ready(house)
    found: list[Held] = []
    for number in range(rounds):
        # each round has its own limit: an hour would be taken for a test that hangs
        faulthandler.dump_traceback_later(seconds + 3 * GONE_S, exit=True, file=2)
        until = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(guest(house, random.Random(chance.random()), until) for _ in range(GUESTS)))
        found.append(await house.held())
        print(f"{number + 1}/{rounds} {house.pictures} pictures so far, {found[-1]}")
    faulthandler.cancel_dump_traceback_later()
    assert house.pictures > rounds * GUESTS / 10, "Hardly anybody saw a picture."
    assert flat(found) == []


def test_what_grows_is_told() -> None:
    assert flat([Held(80.0, 20, 9)] * 8) == []
    assert flat([Held(80.0 + n / 2, 20, 9) for n in range(8)]) == []
    assert flat([Held(80.0 + 10 * n, 20 + 2 * n, 9 + 3 * n) for n in range(8)]) == [
        "Memory grew from 105.0 to 145.0 MB.",
        "Open files grew from 25.0 to 33.0.",
        "Tasks grew from 16.5 to 28.5.",
    ]


async def _ready(house: House) -> None:
    """Wait until a screen gets the picture of every channel."""
    async with asyncio.timeout(GONE_S * 2):
        while not house.pictures:
            with suppress(OSError, WebSocketException, EOFError, TimeoutError):
                async with asyncio.timeout(10):
                    await stays_and_closes(house, random.Random(1))
            await asyncio.sleep(0.2)
