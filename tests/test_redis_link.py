"""What the connections to Redis owe those who use them."""

from __future__ import annotations

import asyncio
from random import Random

from ioc.board import Position
from ioc.board.redis import RedisBoard
from tests.cancelled import each_command_ends


async def test_a_reader_that_is_cancelled_ends(redis_url: str) -> None:
    """While entries pour in and it hardly ever waits: a swallowed cancellation would leave whoever stops it waiting."""
    board, chance = RedisBoard(redis_url), Random(1)
    await board.reset("tile/a", {})

    async def watch(position: Position) -> None:
        async for _ in board.watch({"tile/a": position}):
            pass

    async def write() -> None:
        number = 0
        while True:
            number += 1
            await board.apply("tile/a", {"all": str(number).encode()})

    writing = asyncio.create_task(write())
    for _ in range(60):
        found = await board.snapshot("tile/a")
        assert found is not None
        watching = asyncio.create_task(watch(found.position))
        await asyncio.sleep(chance.uniform(0, 0.02))
        watching.cancel()
        done, _ = await asyncio.wait({watching}, timeout=5)
        assert done, "the reader went on after its cancellation"
    writing.cancel()
    await asyncio.wait({writing}, timeout=5)
    await board.close()


async def test_a_command_that_is_cancelled_ends(redis_url: str) -> None:
    await each_command_ends(redis_url, turns=300, spins=7)
