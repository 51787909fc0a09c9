"""Load F: events a second from the log to the board: read, folded, applied, acknowledged; one core beside one Redis.

The yardstick of the same run reads the same entries from the stream and writes their bytes back with one HSET a batch:
what the client library and Redis cost without us.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import uvloop

from ioc import names
from ioc.board.redis import RedisBoard
from ioc.contract import Answered
from ioc.event import Event
from ioc.log.redis import RedisLog
from ioc.redis_link import connect
from ioc.run.projector import Projector
from ioc.run.roles import rarely_collect
from ioc.settings import build
from tests.bench import _machine
from tests.bench._figures import Figures, Goal, How, Load
from tests.bench._place import START, Things, Watch, events, redis_url

COUNT = 100_000
SUBJECTS = 5_000


class Nothing:
    """An archive that is empty."""

    async def events(self, types: frozenset[str]) -> AsyncIterator[Event]:
        nothing: tuple[Event, ...] = ()
        for event in nothing:
            yield event

    async def value(self, tile: str, at: datetime) -> float | None:
        return None


async def _fill(url: str, count: int) -> None:
    log = RedisLog(url)
    await log.begin()
    revision, all_ = 0, events(count, SUBJECTS)
    for start in range(0, count, 5000):
        part = all_[start : start + 5000]
        answered = Answered("bench", START)
        revision = await log.append(part, source="bench", revision=revision, cursor=None, seen={}, answered=answered)
    await log.close()


async def _project(url: str, count: int) -> Watch:
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
            if done >= count:
                break
    snapshot = await board.snapshot(names.layer_channel("things"))
    assert snapshot is not None and len(snapshot.items) == SUBJECTS
    await board.close()
    await log.close()
    return watch


async def _copy(url: str, count: int) -> Watch:
    redis = connect(url)
    done, after = 0, "-"
    with Watch() as watch:
        while done < count:
            found = await redis.xrange(names.EVENTS_LOG, min=after, count=1000)
            after = f"({found[-1][0].decode()}"
            await redis.hset(
                "bench", mapping={str((done + n) % SUBJECTS): fields[b"e"] for n, (_, fields) in enumerate(found)}
            )
            done += len(found)
    await redis.aclose()
    return watch


async def _turn(url: str, count: int) -> tuple[Watch, Watch]:
    redis = connect(url)
    await redis.flushall()
    await redis.aclose()
    await _fill(url, count)
    return await _copy(url, count), await _project(url, count)


def measure(names: Sequence[str], how: How) -> list[Load]:
    """The turns, each beside its yardstick."""
    # as the role does it
    rarely_collect()
    noise, turns = [], []
    count = COUNT // 5 if how.quick else COUNT
    with redis_url() as url:
        for rep in range(how.reps):
            noise.append(_machine.noise_ms(_machine.cores()[0]))
            turns.append(uvloop.run(_turn(url, count)))
            print(f"  F {rep + 1}/{how.reps} {count / turns[-1][1].wall:,.0f} events/s", file=sys.stderr, flush=True)
    runs: dict[str, list[Figures]] = {
        name: [{"events_per_s": count / turn[at].wall, "cpu_us": turn[at].cpu / count * 1e6} for turn in turns]
        for at, name in ((1, "ioc"), (0, "read and HSET"))
    }
    return [
        Load(
            name="F",
            say=f"{count:,} events on {SUBJECTS:,} subjects from the log to the board, one core beside one Redis",
            yardstick="read and HSET",
            goals=(Goal("events_per_s", 30_000, "Events a second", least=True),),
            columns={"events_per_s": "events/s", "cpu_us": "CPU µs/event"},
            runs=runs,
            quick=how.quick,
            ratios={"cpu_ratio": [ours.cpu / copy.cpu for copy, ours in turns]},
            noise_ms=noise,
        )
    ]
