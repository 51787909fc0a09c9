"""Screens in Python that hold what they are told, half of them compressed, and compare it with a fresh snapshot.

`python -m tests.bench._sampler PORT COUNT WATCHES`: screen i sends line i of the file WATCHES, over and over. It prints
`whole` when all have their picture. After SIGTERM it waits until the boards rest, compares, and prints JSON: `samples`,
`samples_equal`, `compressed` (those for which compression was agreed), `deltas`, `broken` (sentences).
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

REST_S = 30.0
"""How long the screens may take to come to where a fresh one stands."""


class Frame(msgspec.Struct):
    """What is read of any frame; items stay bytes. `after`: an offset, or the seconds of a bye."""

    type: str
    channel: str = ""
    epoch: str = ""
    after: int | float = 0
    offset: int = 0
    part: int = 0
    parts: int = 0
    more: bool = False
    items: dict[str, msgspec.Raw] = {}
    put: dict[str, msgspec.Raw] = {}
    drop: tuple[str, ...] = ()


_decode = msgspec.json.Decoder(Frame).decode


class Sample:
    """One screen's picture of one channel, kept by the law of the protocol."""

    def __init__(self, watch: str, broken: list[str]) -> None:
        self.watch, self.broken = watch, broken
        self.channel: str = json.loads(watch)["channels"][0]["channel"]
        self.items: dict[str, bytes] = {}
        self.place: tuple[str, int | float] | None = None
        self.deltas = self.connects = 0
        self.compressed = False
        self.whole = asyncio.Event()
        self._parts: dict[str, bytes] | None = None

    def take(self, body: bytes | str) -> None:
        """Take one frame; what breaks the law is told in a sentence."""
        frame = _decode(body)
        if frame.channel == self.channel:
            if frame.type == "snapshot":
                self._snapshot(frame)
            elif frame.type == "delta":
                self._delta(frame)

    def _snapshot(self, frame: Frame) -> None:
        if frame.part == 1:
            self._parts = {}
        elif self._parts is None:
            self.broken.append(f"{self.channel}: part {frame.part} came without part 1")
            return
        assert self._parts is not None
        self._parts.update({name: bytes(body) for name, body in frame.items.items()})
        if frame.part == frame.parts:
            self.items, self._parts = self._parts, None
            self.place = (frame.epoch, frame.offset)
            self.whole.set()

    def _delta(self, frame: Frame) -> None:
        if self._parts is not None:
            self.broken.append(f"{self.channel}: a delta came between the parts of a snapshot")
        if self.place != (frame.epoch, frame.after):
            self.broken.append(f"{self.channel}: stands at {self.place}, was told {frame.epoch}, {frame.after}")
        self.deltas += 1
        for name in frame.drop:
            self.items.pop(name, None)
        self.items.update({name: bytes(body) for name, body in frame.put.items()})
        self.place = (frame.epoch, frame.after if frame.more else frame.offset)

    async def follow(self, port: int, compression: str | None) -> None:
        """Watch until cancelled; after a loss it comes back without a position."""
        while True:
            with suppress(OSError, WebSocketException, EOFError, TimeoutError):
                async with _open(port, compression) as socket:
                    self.connects += 1
                    self.compressed = bool(socket.protocol.extensions)
                    await socket.send('{"type":"hello"}')
                    await socket.send(self.watch)
                    async for body in socket:
                        self.take(body)
            self.place = self._parts = None
            await asyncio.sleep(0.2)


def _open(port: int, compression: str | None) -> connect:
    address = f"ws://127.0.0.1:{port}/ws"
    return connect(address, subprotocols=["ioc.v1"], compression=compression, max_size=None, open_timeout=60)  # type: ignore[list-item]


async def _fresh(port: int, watch: str) -> Sample:
    """A screen that has just come, with its first picture."""
    new = Sample(watch, [])
    socket: ClientConnection
    async with _open(port, None) as socket:
        await socket.send('{"type":"hello"}')
        await socket.send(watch)
        while not new.whole.is_set():
            new.take(await socket.recv())
    return new


async def _compare(port: int, samples: list[Sample]) -> int:
    """How many samples hold what a fresh screen is given; each is given time to come there."""
    equal = 0
    until = asyncio.get_running_loop().time() + REST_S
    for watch in dict.fromkeys(sample.watch for sample in samples):
        those = [sample for sample in samples if sample.watch == watch]
        while True:
            fresh = await _fresh(port, watch)
            same = sum(1 for sample in those if sample.items == fresh.items and sample.place == fresh.place)
            if same == len(those) or asyncio.get_running_loop().time() > until:
                break
            await asyncio.sleep(0.5)
        equal += same
    return equal


async def sample(port: int, count: int, watches: list[str]) -> dict[str, Any]:
    """Follow with so many screens until SIGTERM, then compare."""
    broken: list[str] = []
    samples = [Sample(watches[number % len(watches)], broken) for number in range(count)]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    # each watch has screens of both kinds
    kinds = ["deflate" if number // len(watches) % 2 else None for number in range(count)]
    if len(watches) >= count:
        kinds = ["deflate" if number % 2 else None for number in range(count)]
    following = [asyncio.create_task(one.follow(port, kind)) for one, kind in zip(samples, kinds, strict=True)]
    await asyncio.gather(*(one.whole.wait() for one in samples))
    print("whole", flush=True)
    await stop.wait()
    equal = await _compare(port, samples)
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    return {
        "samples": count, "samples_equal": equal, "compressed": sum(one.compressed for one in samples),
        "deltas": sum(one.deltas for one in samples), "reconnects": sum(one.connects - 1 for one in samples),
        "broken": broken[:10], "breaks": len(broken),
    }  # fmt: skip


def main(port: int, count: int, watches: Path) -> None:
    """Follow, and tell."""
    print(json.dumps(uvloop.run(sample(port, count, watches.read_text().splitlines()))))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
