"""Events a second from the log to the board: read, folded, applied, acknowledged; one core beside one Redis.

The yardstick of the same run reads the same entries from the stream and writes their bytes back with one HSET a batch:
what the client library and Redis cost without us.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import uvloop

from ioc import names
from ioc.board.redis import RedisBoard
from ioc.contract import Answered
from ioc.event import Event
from ioc.log.redis import RedisLog
from ioc.redis_link import connect
from ioc.run.projector import Projector
from ioc.settings import build
from tests.bench._place import START, Things, Watch, events, redis_url

COUNT = 100_000
SUBJECTS = 5_000
TURNS = 3


class Nothing:
    """An archive that is empty."""

    async def events(self, types: frozenset[str]) -> AsyncIterator[Event]:
        nothing: tuple[Event, ...] = ()
        for event in nothing:
            yield event

    async def value(self, tile: str, at: datetime) -> float | None:
        return None


async def _fill(url: str) -> None:
    log = RedisLog(url)
    await log.begin()
    revision, all_ = 0, events(COUNT, SUBJECTS)
    for start in range(0, COUNT, 5000):
        part = all_[start : start + 5000]
        answered = Answered("bench", START)
        revision = await log.append(part, source="bench", revision=revision, cursor=None, seen={}, answered=answered)
    await log.close()


async def _project(url: str) -> Watch:
    board, log = RedisBoard(url), RedisLog(url)
    settings = build({"province": {"name": "bench"}})
    projector = Projector({Things(): ()}, board, log, Nothing(), settings)
    # the rebuild would fold the log once more: the board is begun empty, so that the loop alone is measured
    await board.reset(names.layer_channel("things"), {})
    await projector.open()
    done = 0
    with Watch() as watch:
        async for batch in log.read("projector"):
            if batch is None:
                continue
            await projector.work(batch)
            done += len(batch.entries)
            if done >= COUNT:
                break
    snapshot = await board.snapshot(names.layer_channel("things"))
    assert snapshot is not None and len(snapshot.items) == SUBJECTS
    await board.close()
    await log.close()
    return watch


async def _copy(url: str) -> Watch:
    redis = connect(url)
    done, after = 0, "-"
    with Watch() as watch:
        while done < COUNT:
            found = await redis.xrange(names.EVENTS_LOG, min=after, count=1000)
            after = f"({found[-1][0].decode()}"
            await redis.hset(
                "bench", mapping={str((done + n) % SUBJECTS): fields[b"e"] for n, (_, fields) in enumerate(found)}
            )
            done += len(found)
    await redis.aclose()
    return watch


async def _turn(url: str) -> tuple[Watch, Watch]:
    redis = connect(url)
    await redis.flushall()
    await redis.aclose()
    await _fill(url)
    return await _copy(url), await _project(url)


def main() -> dict[str, Any]:
    """The median of three turns: events/s, and how many times the yardstick's time it took."""
    with redis_url() as url:
        turns = [uvloop.run(_turn(url)) for _ in range(TURNS)]
    turns.sort(key=lambda turn: turn[1].wall / turn[0].wall)
    copy, ours = turns[TURNS // 2]
    return {
        "events": COUNT,
        "events_per_s": round(COUNT / ours.wall),
        "yardstick_events_per_s": round(COUNT / copy.wall),
        "times_the_yardstick": round(ours.wall / copy.wall, 2),
        "cpu_us_per_event": round(ours.cpu / COUNT * 1e6, 1),
    }
