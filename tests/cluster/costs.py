"""What more than one machine costs: `python -m tests.cluster.costs` prints a line for each kind of store.

An append of one event and one of a thousand (median of many, ms), and the processor time of following fifty quiet
channels (per cent of a core). Everything on loopback, so that the network's own time is not in it.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from ioc.board.redis import RedisBoard
from ioc.contract import Answered
from ioc.log.redis import RedisLog
from tests.bench._place import START, events, redis_url
from tests.cluster.servers import cluster, guarded

TURNS = 200
QUIET_S = 5.0
CHANNELS = 50


async def _append(log: RedisLog, count: int, turns: int) -> float:
    """Median ms of an append of `count` events on as many subjects."""
    took, some = [], events(count, count)
    revision = (await log.known("bench")).revision
    for _ in range(turns):
        began = time.perf_counter()
        revision = await log.append(
            some, source="bench", revision=revision, cursor=None, seen={}, answered=Answered("bench", START)
        )
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


async def _follow(url: str) -> float:
    """Processor time, per cent of a core, of a process that follows quiet channels."""
    board = RedisBoard(url)
    at = {name: await board.reset(name, {"a": b"1"}) for name in (f"layer/l{n}" for n in range(CHANNELS))}

    async def follow() -> None:
        async with aclosing(board.watch(at)) as steps:  # type: ignore[type-var]
            async for _ in steps:
                pass

    following = asyncio.create_task(follow())
    await asyncio.sleep(1)
    began = time.process_time()
    await asyncio.sleep(QUIET_S)
    spent = time.process_time() - began
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await board.close()
    return 100 * spent / QUIET_S


async def _measure(kind: str, url: str, streams: int) -> None:
    log = RedisLog(url, streams=streams)
    await log._layout._change(1, streams)
    one, thousand = await _append(log, 1, TURNS), await _append(log, 1000, 20)
    await log.close()
    print(
        f"{kind:34} append of 1: {one:5.2f} ms   of 1000: {thousand:6.1f} ms   50 channels: {await _follow(url):4.1f} %"
    )


def main() -> None:
    import uvloop

    with redis_url() as url:
        uvloop.run(_measure("one server", url, 1))
    with redis_url() as url:
        uvloop.run(_measure("one server, 3 streams", url, 3))
    with tempfile.TemporaryDirectory() as folder, guarded(Path(folder)) as pair:
        uvloop.run(_measure("primary and replica", pair.url, 1))
    with tempfile.TemporaryDirectory() as folder, cluster(Path(folder)) as three:
        uvloop.run(_measure("cluster of 3", three.url, 1))
    with tempfile.TemporaryDirectory() as folder, cluster(Path(folder), replicas=3) as six:
        uvloop.run(_measure("cluster of 3, 3 streams, replicas", six.url, 3))


if __name__ == "__main__":
    main()
