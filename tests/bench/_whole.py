"""The processes of load E: who writes the log, who projects it, who shows it; and the bare relay to compare with.

`python -m tests.bench._whole writer URL SECONDS | projector URL | web URL PORT | relay URL PUBLISHER`
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import uvloop

from ioc import clock, names, settings
from ioc.board.redis import RedisBoard
from ioc.contract import Answered
from ioc.event import Event, Feature
from ioc.layer import Layer
from ioc.log.redis import RedisLog
from ioc.redis_link import connect
from ioc.run.projector import Projector
from ioc.web.app import Server, build
from ioc.web.channels import Channel
from tests.bench._place import START
from tests.bench.log_to_board import Nothing

CHANNELS, RATE, SUBJECTS = 10, 500, 500
"""So many layers, events a second in each, items in each."""
TURN_S = 0.02
KEPT = 100_000
"""Entries that the stream is cut to: nobody archives here, so nothing else would cut it."""


def kind(number: int) -> str:
    """The type of the events of one layer."""
    return f"ioc.bench{number}.observed"


def channel(number: int) -> str:
    """The channel of one layer."""
    return names.layer_channel(f"bench{number}")


def layers() -> list[Layer]:
    """Ten layers whose fold is the default one."""
    return [
        type(f"Bench{n}", (Layer,), {"name": f"bench{n}", "title": ("Thử", "Bench"), "listens": frozenset({kind(n)})})()
        for n in range(CHANNELS)
    ]


def events(first: int, count: int) -> Iterator[Event]:
    """Events in turn over the layers and their subjects; each carries the present time (ns) as its marker."""
    for number in range(first, first + count):
        layer, subject = number % CHANNELS, number // CHANNELS % SUBJECTS
        when = START + timedelta(milliseconds=number)
        place = {"type": "Point", "coordinates": [109.3 + subject / 1e4, 13.1 + layer / 10]}
        properties = {"t": time.time_ns(), "name": f"Xe {subject}", "state": "live", "speed": number % 90}
        yield Event(f"b{number}", "bench", kind(layer), f"c{subject}", when, when, Feature(properties, place), "22015")


async def write(url: str, seconds: float) -> None:
    """Append evenly for so long; tell how many, and how long one append took at most."""
    log, redis = RedisLog(url), connect(url)
    await log.begin()
    revision = (await log.known("bench")).revision
    done, slowest, cut = 0, 0.0, 0
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        some = list(events(done, int(passed * CHANNELS * RATE) - done))
        if some:
            before = time.monotonic()
            answered = Answered("bench", clock.now())
            revision = await log.append(
                some, source="bench", revision=revision, cursor=None, seen={}, answered=answered
            )
            slowest = max(slowest, time.monotonic() - before)
            done += len(some)
        if done - cut > KEPT:
            cut = done
            await redis.xtrim(names.EVENTS_LOG, maxlen=KEPT, approximate=True)
        await asyncio.sleep(TURN_S)
    await log.close()
    await redis.aclose()
    print(json.dumps({"events": done, "seconds": time.monotonic() - began, "slowest_append_ms": slowest * 1000}))


async def project(url: str) -> None:
    """The projector of the ten layers, over an archive that is empty."""
    log = RedisLog(url)
    await log.begin()
    known = settings.build({"province": {"name": "bench"}})
    await Projector(dict.fromkeys(layers(), ()), RedisBoard(url), log, Nothing(), known).run()


async def show(url: str, port: int) -> None:
    """The web process over the boards in Redis."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    known = settings.build({"province": {"name": "bench"}, "access": {"public": ["layer/*"]}})
    channels = {channel(number): Channel(channel(number), "layer", True) for number in range(CHANNELS)}
    app = build(known, board=RedisBoard(url), channels=channels)
    await Server(app).serve(sockets=[socket.create_server(("127.0.0.1", port), backlog=4096)])


async def relay(url: str, publisher: int) -> None:
    """The entries of one layer from the stream to a publisher's port, as they are: the way without us."""
    redis = connect(url, blocking=True)
    _, writer = await asyncio.open_connection("127.0.0.1", publisher)
    after, mine = b"$", b'"%b"' % kind(0).encode()
    while True:
        answer = await redis.xread({names.EVENTS_LOG: after}, block=250, count=1000)
        for _, found in answer.items() if isinstance(answer, dict) else answer or ():
            entries = found[0] if found and isinstance(found[0], list) else found
            after = entries[-1][0]
            lines = [fields[b"e"] for _, fields in entries if mine in fields[b"e"]]
            writer.write(b"".join(line + b"\n" for line in lines))
        await writer.drain()


def main(role: str, url: str, word: str = "") -> None:
    """Play one role until it is done, or ended."""
    roles = {
        "writer": lambda: write(url, float(word)),
        "projector": lambda: project(url),
        "web": lambda: show(url, int(word)),
        "relay": lambda: relay(url, int(word)),
    }
    uvloop.run(roles[role]())


if __name__ == "__main__":
    main(*sys.argv[1:])
