"""A province full of things that move: its items, and a process that moves them over a publisher's port.

`python -m tests.bench._mover PUBLISHER RATE` moves `RATE` things a second, in turn, a little each, until it is ended.
"""

from __future__ import annotations

import random
import socket
import sys
import time
from collections.abc import Iterator

WEST, SOUTH, SIDE = 107.5, 15.0, 1.0
"""The province is one degree by one degree."""
THINGS = 100_000
TURN_S = 0.05
STEP = 0.002


def start() -> list[tuple[float, float]]:
    """Where everything stands first; the same for all who ask."""
    chance = random.Random(7)
    return [(WEST + chance.random() * SIDE, SOUTH + chance.random() * SIDE) for _ in range(THINGS)]


def body(number: int, lon: float, lat: float, now: int) -> bytes:
    """One thing as the board holds it, about 250 B; `now` 0: without a marker."""
    seen = b'"t":%d,' % now if now else b""
    return (
        b'{"type":"Feature","id":"v%d","geometry":{"type":"Point","coordinates":[%.6f,%.6f]},'
        b'"properties":{%b"name":"Xe %d","observed":"2026-03-10T12:00:00+07:00","source":"bench","method":"machine",'
        b'"unit":"2%04d","state":"live"}}'
        % (number, lon, lat, seen, number, number % 300)
    )  # fmt: skip


def items() -> Iterator[tuple[str, bytes]]:
    """All things where they stand first."""
    for number, (lon, lat) in enumerate(start()):
        yield f"v{number}", body(number, lon, lat, 0)


def moved(place: tuple[float, float], chance: random.Random) -> tuple[float, float]:
    """A step away; who would leave the province turns back."""
    east, north = (chance.random() - 0.5) * 2 * STEP, (chance.random() - 0.5) * 2 * STEP
    lon = place[0] + east if WEST <= place[0] + east <= WEST + SIDE else place[0] - east
    return lon, place[1] + north if SOUTH <= place[1] + north <= SOUTH + SIDE else place[1] - north


def main(publisher: int, rate: int) -> None:
    """Move at that rate, evenly."""
    chance, places = random.Random(11), start()
    number = moves = 0
    with socket.create_connection(("127.0.0.1", publisher)) as out:
        began = time.monotonic()
        while True:
            lines = []
            while moves < rate * (time.monotonic() - began):
                number = (number + 7919) % THINGS
                places[number] = moved(places[number], chance)
                told = body(number, *places[number], time.time_ns())
                lines.append(b"v%d %b\n" % (number, told))
                moves += 1
            out.sendall(b"".join(lines))
            time.sleep(TURN_S)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
