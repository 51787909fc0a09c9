"""The server under test as a process of its own: the web app over a memory board, fed by lines over plain TCP.

A line is one changed item, or several with tabs between; its bytes go to the board as they come, each as another item:
`i0`, `i1`, … in turn. With `--province` an item is told as `<id> <body>`. All lines that are at hand together are one
step of the board. The first line on standard output says that it listens.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import resource
import socket
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import uvloop

from ioc import clock, contract, names, settings
from ioc.board.memory import MemoryBoard
from ioc.web.app import Server, build
from ioc.web.channels import Channel
from tests.bench import _mover

SOURCE = "things"
CHANNEL = names.layer_channel("bench")
FILES = 60_000


class Lines(asyncio.Protocol):
    """A publisher's connection: gathers whole lines until they are taken."""

    def __init__(self, changes: dict[str, bytes], wake: asyncio.Event, ids: Iterator[str] | None) -> None:
        self._changes, self._wake, self._ids = changes, wake, ids
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            for item in line.split(b"\t"):
                if self._ids is not None:
                    self._changes[next(self._ids)] = item
                else:
                    name, _, body = item.partition(b" ")
                    self._changes[name.decode()] = body
        if lines:
            self._wake.set()


def turning(items: int) -> Iterator[str]:
    """The ids of that many items, in turn, for ever."""
    while True:
        for number in range(items):
            yield f"i{number}"


def bodies(items: int, size: int) -> dict[str, bytes]:
    """Items of `size` bytes each, without a marker."""
    return {f"i{number}": b'{"p":"%b"}' % (b"x" * max(0, size - 8)) for number in range(items)}


async def _work(board: MemoryBoard, changes: dict[str, bytes], wake: asyncio.Event) -> None:
    while True:
        await wake.wait()
        wake.clear()
        taken = dict(changes)
        changes.clear()
        await board.apply(CHANNEL, taken)


def _source(number: int) -> bytes:
    """The item of a source that is live, and has another number of records each time."""
    now = clock.now()
    item = contract.source_item(
        SOURCE, contract.Contract("Sở Giao thông"), contract.Answered(SOURCE, now, now, now), now
    )
    return msgspec.json.encode({**item, "have": number, "due": now + timedelta(days=1)})


async def _move(board: MemoryBoard) -> None:
    """The channel's source has one record more each second."""
    for number in itertools.count(1):
        await asyncio.sleep(1)
        await board.apply(names.SOURCES, {SOURCE: _source(number)})


async def serve(
    port: int, publisher: int, items: dict[str, bytes], *, province: bool, sourced: bool = False, moving: bool = False
) -> None:
    """Serve until SIGTERM. `province`: lines name their items, and screens may ask for views.

    `sourced`: the channel has a source, whose quality is in every snapshot; `moving`: it is another each second.
    """
    board = MemoryBoard()
    await board.reset(CHANNEL, items)
    channels = {CHANNEL: Channel(CHANNEL, "layer", province, (SOURCE,) if sourced else ())}
    if sourced:
        await board.reset(names.SOURCES, {SOURCE: _source(0)})
        channels[names.SOURCES] = Channel(names.SOURCES, "sources", False, (SOURCE,), watched=True)
    known = settings.build({"province": {"name": "bench"}, "access": {"public": ["layer/*"]}})
    # nobody gives signs of life here, so none are expected: the quality stands still
    app = build(known, board=board, channels=channels, beats=None)
    changes: dict[str, bytes] = {}
    wake, loop = asyncio.Event(), asyncio.get_running_loop()
    ids = None if province else turning(max(1, len(items)))
    listening = socket.create_server(("127.0.0.1", port), backlog=4096)
    lines = await loop.create_server(lambda: Lines(changes, wake, ids), "127.0.0.1", publisher)
    works = [asyncio.create_task(_work(board, changes, wake))]
    if moving:
        works.append(asyncio.create_task(_move(board)))
    print("listening", flush=True)
    await Server(app).serve(sockets=[listening])
    for work in works:
        work.cancel()
    lines.close()


def main() -> None:
    """Serve with what the command line says."""
    said = argparse.ArgumentParser()
    said.add_argument("port", type=int)
    said.add_argument("publisher", type=int)
    said.add_argument("--items", type=int, default=1)
    said.add_argument("--size", type=int, default=256)
    said.add_argument("--province", action="store_true", help="Things with places, told by name, and views.")
    said.add_argument("--sourced", action="store_true", help="The channel has a source.")
    said.add_argument("--moving", action="store_true", help="Its quality is another each second.")
    given = said.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, most), most))
    made = dict(_mover.items()) if given.province else bodies(given.items, given.size)
    quality = {"sourced": given.sourced, "moving": given.moving}
    uvloop.run(serve(given.port, given.publisher, made, province=given.province, **quality))


if __name__ == "__main__":
    main()
