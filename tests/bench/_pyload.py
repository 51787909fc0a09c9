"""The load client where there is no C compiler: what `wsload.c` measures, in Python, as simply as it can be done.

It takes the same words and tells the same figures. It reads no frames: it looks for markers in what comes, so that the
chain of positions is not checked, and it costs so much itself that its figures are of less worth.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import re
import struct
import time
from pathlib import Path
from typing import Any

import psutil
import uvloop

MARKER = re.compile(rb'"t":(\d{19})')
PART = re.compile(rb'"part":(\d+),"parts":(\d+)')
KEPT = 64
"""Bytes that are kept of what came, in which a marker may have begun."""


def masked(opcode: int, body: bytes) -> bytes:
    """A client's frame; the mask is nought, which leaves the bytes as they are."""
    size = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + struct.pack(">H", len(body))
    return bytes([0x80 | opcode]) + size + bytes(4) + body


class Client:
    """All screens, the publisher, and what was measured."""

    def __init__(self, words: argparse.Namespace) -> None:
        self.words = words
        self.took: list[int] = []
        self.events = self.published = self.ready = self.bytes = 0
        self.first = self.last = 0
        lines = Path(words.sub_lines).read_text().splitlines() if words.sub_lines else []
        said = [masked(1, text.encode()) for text in words.sub_text]
        said += [masked(2, bytes.fromhex(text)) for text in words.sub_hex]
        self.says = [b"".join([*said, masked(1, line.encode())]) for line in lines] or [b"".join(said)]
        self.processes = [psutil.Process(int(pid)) for pid in words.pids.split(",") if pid]
        self.publisher: asyncio.StreamWriter | None = None

    def cpu(self) -> float:
        """Processor seconds of the server."""
        return sum(spent.user + spent.system for spent in (one.cpu_times() for one in self.processes))

    def rss(self) -> int:
        """KiB of the server."""
        return sum(one.memory_info().rss for one in self.processes) // 1024

    async def connect(self) -> float:
        """Open all screens, a few at a time; seconds until the last has its picture."""
        loop, room = asyncio.get_running_loop(), asyncio.Semaphore(self.words.pending)
        began = time.monotonic()

        async def one(number: int) -> None:
            async with room:
                # a loopback address has ports for some ten thousand screens: they are spread over several
                local = (f"127.1.0.{2 + number // 8000}", 0)
                _, screen = await loop.create_connection(
                    lambda: Screen(self, number), "127.0.0.1", self.words.port, local_addr=local
                )
                await screen.whole

        await asyncio.gather(*(one(number) for number in range(self.words.n)))
        return time.monotonic() - began

    def publish(self) -> None:
        """One message, or a batch of them, with the present time in each."""
        assert self.publisher is not None
        words = self.words
        head = b'{"t":%d,"p":"' % time.time_ns()
        body = head + b"x" * (words.pub_size - len(head) - 2) + b'"}'
        whole = b"\t".join([body] * words.pub_batch)
        self.publisher.write(bytes.fromhex(words.pub_pre_hex) + whole + bytes.fromhex(words.pub_post_hex))
        self.published += words.pub_batch

    async def run(self, count: int, seconds: float, most: int, rate: float) -> None:
        """Publish so many, or so long, or until so much came; then wait until everything is there."""
        began = told = time.monotonic()
        while True:
            now = time.monotonic()
            over = (count and self.published >= count) or (seconds and now - began >= seconds)
            if over or (most and self.events >= most):
                break
            if self.publisher is not None and rate and now >= told:
                self.publish()
                told += 1 / rate
            while self.publisher is not None and not rate and self._in_flight() < self.words.window:
                self.publish()
            await asyncio.sleep(min(0.005, max(0.0, told - now)) if rate else 0)
        until = time.monotonic() + self.words.drain
        while self._in_flight() > 0 and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    def _in_flight(self) -> int:
        """Messages that are not at every screen yet."""
        return self.published - self.events // self.ready

    def forget(self) -> None:
        """Begin to measure."""
        self.took.clear()
        self.events = self.published = self.bytes = self.first = self.last = 0

    async def measure(self) -> dict[str, Any]:
        """The whole load; the same figures as wsload's."""
        words, before, cpu = self.words, self.rss(), self.cpu()
        connect_s = await self.connect()
        conn_cpu = self.cpu() - cpu
        await asyncio.sleep(words.settle)
        settled = self.rss()
        if words.pub_port:
            _, self.publisher = await asyncio.open_connection("127.0.0.1", words.pub_port)
            self.publisher.write(bytes.fromhex(words.pub_hello_hex))
            if words.warmup:
                await self.run(words.warmup, 0, 0, 0)
        self.forget()
        cpu, began, mine = self.cpu(), time.monotonic(), time.process_time()
        await self.run(words.messages, words.duration, words.max_frames, words.pub_rate)
        spent, span = self.cpu() - cpu, time.monotonic() - began
        seconds = (self.last - self.first) / 1e9 or span
        quantiles = {"p50": self._at(0.5), "p90": self._at(0.9), "p99": self._at(0.99), "max": self._at(1)}
        return {
            "n": words.n, "ok": self.ready, "failed": words.n - self.ready, "dropped": 0, "retries": 0, "refused": 0,
            "connect_s": connect_s, "conn_per_s": self.ready / connect_s, "conn_cpu_us": conn_cpu / self.ready * 1e6,
            "published": self.published, "events": self.events, "expected": self.published * self.ready, "frames": 0,
            "bytes": self.bytes, "span": span, "events_per_s": self.events / seconds, "cpu_s": spent,
            "cpu_us_per_event": spent / max(1, self.events) * 1e6, "cpu_pct": spent / span * 100,
            "client_cpu_pct": (time.process_time() - mine) / span * 100, "client_s": time.process_time(),
            "rss_kb": [before, settled, self.rss()], "lat_ms": {**quantiles, "n": len(self.took)}, "checked": 0,
            "chain": {}, "err": "",
        }  # fmt: skip

    def _at(self, share: float) -> float:
        ordered = sorted(self.took)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1e6 if ordered else 0.0


class Screen(asyncio.Protocol):
    """One connection. `whole`: it is connected, and has its picture when one is waited for."""

    def __init__(self, client: Client, number: int) -> None:
        self._client, self._number = client, number
        self._rest, self._open = b"", False
        self.whole: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport, words = transport, self._client.words
        proto = f"Sec-WebSocket-Protocol: {words.subproto}\r\n" if words.subproto else ""
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {words.path} HTTP/1.1\r\nHost: 127.0.0.1:{words.port}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Version: 13\r\n{proto}\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        now, client = time.time_ns(), self._client
        if not self._open:
            if b"\r\n\r\n" not in data:
                return
            self._open = True
            self._transport.write(client.says[self._number % len(client.says)])
            if not client.words.whole:
                self._ready()
        client.bytes += len(data)
        data = self._rest + data
        if not self.whole.done():
            for found in PART.finditer(data):
                if found[1] == found[2]:
                    self._ready()
        end = 0
        for found in MARKER.finditer(data):
            end = found.end()
            client.events += 1
            client.took.append(now - int(found[1]))
            client.first, client.last = client.first or now, now
        self._rest = data[max(end, len(data) - KEPT) :]

    def _ready(self) -> None:
        if not self.whole.done():
            self._client.ready += 1
            self.whole.set_result(None)


def main() -> None:
    """Measure with wsload's words; those that are not known here are left out."""
    said = argparse.ArgumentParser(allow_abbrev=False)
    for name, kind, least in (
        ("port", int, 0), ("n", int, 0), ("pending", int, 64), ("pub-port", int, 0), ("pub-size", int, 256),
        ("pub-batch", int, 1), ("pub-rate", float, 0), ("messages", int, 0), ("duration", float, 0), ("whole", int, 0),
        ("max-frames", int, 0), ("warmup", int, 0), ("window", int, 8), ("settle", float, 0.5), ("drain", float, 3),
        ("path", str, "/"), ("subproto", str, ""), ("pids", str, ""), ("sub-lines", str, ""),
        ("pub-hello-hex", str, ""), ("pub-pre-hex", str, ""), ("pub-post-hex", str, "0a"),
    ):  # fmt: skip
        said.add_argument(f"--{name}", type=kind, default=least)
    said.add_argument("--sub-text", action="append", default=[])
    said.add_argument("--sub-hex", action="append", default=[])
    words, _ = said.parse_known_args()
    print(json.dumps(uvloop.run(Client(words).measure())))


if __name__ == "__main__":
    main()
