"""What happens on a board while one client watches it, from the first picture to the bye: the same for every client."""

from __future__ import annotations

import asyncio
import json
from typing import NamedTuple

from ioc.board import Snapshot
from ioc.web.direct import Direct
from ioc.web.hub import Hub
from ioc.web.screens import Screen

from .conftest import PATIENCE_S
from .test_hub import CAMERAS

LAST = 4000
"""The code of the bye."""


def camera(name: str, value: int) -> bytes:
    """An item of a kilobyte, in words that compress as words do."""
    words = " ".join(f"Ngã tư {value * n % 97} phường {n * 31 % 89}" for n in range(30))
    return json.dumps(
        {"type": "Feature", "id": name, "geometry": None, "properties": {"value": value, "words": words}},
        ensure_ascii=False,
    ).encode()


class Told(NamedTuple):
    """The board at the end. `texts`, `sent`: bytes of what the client was told, and of that on our own wire."""

    board: Snapshot
    texts: int
    sent: int | None


async def tell(hub: Hub, patience: float = PATIENCE_S) -> Told:
    """Let it happen, in the server's loop; the client comes within `patience` seconds.

    A picture in many parts, small steps, one of many frames, a beat, a bye. The client sends receipts.
    """
    board = hub.board
    place = await board.reset(CAMERAS, {f"c{n}": camera(f"c{n}", n) for n in range(400)})
    screen = await _watching(hub, patience)
    await _shown(screen, place.offset)
    for value in range(1, 4):
        place = await board.apply(CAMERAS, {"c1": camera("c1", value), f"c{value + 9}": None, f"new{value}": b"{}"})
        await _shown(screen, place.offset)
    place = await board.apply(CAMERAS, {f"c{n}": camera(f"c{n}", n + 1) for n in range(200, 400)})
    await _shown(screen, place.offset)
    async with asyncio.timeout(PATIENCE_S):
        quiet = hub.frames_out
        while hub.frames_out < quiet + 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    found = await board.snapshot(CAMERAS)
    assert found is not None
    wire = screen.wire
    told = Told(found, hub.bytes_out, wire.taken() + wire.behind() if isinstance(wire, Direct) else None)
    screen.bye(LAST, "The story ends.")
    return told


async def _watching(hub: Hub, patience: float) -> Screen:
    async with asyncio.timeout(patience):
        while not any(screen.seats for screen in hub.screens):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    (screen,) = hub.screens
    return screen


async def _shown(screen: Screen, offset: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while screen.shown is None or CAMERAS not in screen.shown or screen.shown[CAMERAS].offset < offset:
            assert not screen.gone, "the client has left before the end"
            await asyncio.sleep(0.005)
