"""What a client of Redis owes those who cancel it."""

from __future__ import annotations

import asyncio

from ioc.redis_link import connect


async def each_command_ends(url: str, *, turns: int, spins: int, fresh: bool = False) -> None:
    """Cancels a client of `url` that asks without a pause, after 0 to `spins` turns of the loop; `fresh`: a new one
    each time, that has to find its server first."""
    redis = connect(url)

    async def ask() -> None:
        while True:
            await redis.ping()

    for turn in range(turns):
        if fresh:
            await redis.aclose()
            redis = connect(url)
        asking = asyncio.create_task(ask())
        for _ in range(turn % spins):
            await asyncio.sleep(0)
        asking.cancel()
        done, _ = await asyncio.wait({asking}, timeout=5)
        assert done, "the command went on after its cancellation"
    await redis.aclose()
