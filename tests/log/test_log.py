"""The log's law, for memory and Redis alike; and what only a Redis can do to us."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis as blocking_redis

from ioc import names
from ioc.contract import Answered
from ioc.errors import Gap, StoreAway
from ioc.event import Event, Feature
from ioc.log import Batch, Known, Log
from ioc.log import reader as log_reader
from ioc.log.memory import MemoryLog
from ioc.log.redis import RedisLog
from tests.mortal import mortal

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)
SOURCE = "cams"


@pytest.fixture(params=["memory", "redis_url 1", "redis_url 3", "cluster_url 1", "cluster_url 3"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    """Logs in memory, and in 1 and 3 streams on one server and on a cluster of three."""
    if request.param == "memory":
        yield MemoryLog()
        return
    fixture, streams = request.param.split()
    made = RedisLog(request.getfixturevalue(fixture), streams=int(streams))
    await laid_out(made)
    yield made
    await made.close()


async def laid_out(log: Log) -> None:
    """Let the projector's reader look once: it sees to it that the log has the streams that are wanted."""
    async with aclosing(log.read("projector")) as batches:
        assert await anext(batches) is None
        assert await anext(batches) is None


def subject(number: int) -> str:
    """A name of its own for each number; all lie in one stream of three, so that their order is told."""
    return next(name for name in (f"c{number}{n}" for n in range(100)) if names.stream_of(name, 3) == 1)


def events(*numbers: int) -> list[Event]:
    feature = Feature({"name": "Cầu Hùng Vương"}, {"type": "Point", "coordinates": [109.3, 13.1]})
    return [
        Event(f"e{n}", SOURCE, "ioc.test.observed", subject(n), NOON, NOON + timedelta(seconds=n), feature)
        for n in numbers
    ]


def answered(count: int = 0) -> Answered:
    return Answered(SOURCE, NOON, answered=NOON, have=count)


async def put(log: Log, *numbers: int, revision: int = 0, **given: Any) -> int:
    told = {"cursor": None, "seen": {}, "answered": answered(len(numbers)), **given}
    return await log.append(events(*numbers), source=SOURCE, revision=revision, **told)


async def brought(log: Log, group: str, *, ack: bool = True, count: int = 1000, limit: int = 100) -> list[str]:
    """Ids of the events that a reader of that group gets, until nothing comes (or `limit` batches came)."""
    found: list[str] = []
    count *= 3 if isinstance(log, RedisLog) and await log._layout.count() == 3 else 1
    reading: AsyncGenerator[Batch | None] = log.read(group, count=count)
    quiet = 0
    async with aclosing(reading) as batches:
        async for batch in batches:
            if batch is None:
                # servers of a cluster that are busy may take longer than a reader waits for all of them
                quiet += 1
                if quiet == 3:
                    break
                continue
            quiet = 0
            found += [entry.event.id for entry in batch.entries]
            if ack:
                await batch.ack()
            limit -= 1
            if not limit:
                break
    return found


async def test_an_append_keeps_events_cursor_marks_and_answer_together(log: Log) -> None:
    assert await log.known(SOURCE) == Known(0, None, {}, None)
    first = await put(log, 1, 2, cursor="p1", seen={"c1": "t|a", "c2": "t|b"}, sender_ids=["s1"])
    second = await put(log, 3, revision=first, cursor="p2", seen={"c1": None, "c3": "t|c"})
    assert await log.known(SOURCE) == Known(second, "p2", {"c2": "t|b", "c3": "t|c"}, answered(1))
    assert await log.answers() == {SOURCE: answered(1)}
    assert [entry.event for entry in [entry async for entry in log.kept()]] == events(1, 2, 3)
    assert await log.sent(SOURCE, ["s1", "s2"]) == {"s1"}
    assert await log.sent("another", ["s1"]) == set()
    assert await log.sent(SOURCE, []) == set()


async def test_an_append_on_an_old_revision_changes_nothing(log: Log) -> None:
    first = await put(log, 1, cursor="p1", seen={"c1": "t|a"})
    before = await log.known(SOURCE)
    for wrong in (0, first + 1):
        with pytest.raises(Gap):
            await put(log, 2, revision=wrong, cursor="lost", seen={"c1": None}, sender_ids=["lost"])
    assert await log.known(SOURCE) == before
    assert await log.length() == 1
    assert await log.sent(SOURCE, ["lost"]) == set()


async def test_of_two_writers_at_once_one_wins_whole(log: Log) -> None:
    both = await asyncio.gather(
        put(log, 1, seen={subject(1): "t|a"}), put(log, 2, seen={subject(2): "t|b"}), return_exceptions=True
    )
    assert {type(one) for one in both} == {int, Gap}
    (entry,) = [entry async for entry in log.kept()]
    assert (await log.known(SOURCE)).seen.keys() == {entry.event.subject}


async def test_what_was_not_acknowledged_comes_again_first(log: Log) -> None:
    revision = await put(log, 1, 2, 3)
    assert await brought(log, "projector", ack=False, count=2, limit=1) == ["e1", "e2"]
    await put(log, 4, revision=revision)
    assert await brought(log, "projector", count=2) == ["e1", "e2", "e3", "e4"]
    assert await brought(log, "projector") == []


async def test_what_was_fetched_ahead_and_not_worked_on_comes_again_in_order(log: Log) -> None:
    await put(log, *range(1, 11))
    assert await brought(log, "projector", count=3, limit=1) == ["e1", "e2", "e3"]
    assert await brought(log, "projector", count=3, ack=False, limit=1) == ["e4", "e5", "e6"]
    assert await brought(log, "projector", count=3) == [f"e{number}" for number in range(4, 11)]
    assert await brought(log, "projector") == []


async def test_while_a_batch_is_worked_on_the_next_is_fetched(redis_url: str) -> None:
    log = RedisLog(redis_url)
    await log.begin()
    await put(log, *range(1, 7))
    reading: AsyncGenerator[Batch | None] = log.read("projector", count=3)
    async with aclosing(reading) as batches:
        first = await anext(batches)
        assert first is not None and len(first.entries) == 3
        with blocking_redis.Redis.from_url(redis_url, protocol=3) as client:
            for _ in range(100):
                pending: Any = client.xpending(names.EVENTS_LOG, "projector")
                if pending["pending"] == 6:
                    break
                await asyncio.sleep(0.01)
            assert pending["pending"] == 6
        await first.ack()
        second = await anext(batches)
        assert second is not None and [entry.event.id for entry in second.entries] == ["e4", "e5", "e6"]
        assert not second.again
    await log.close()


async def test_under_a_backlog_without_end_what_nobody_worked_on_is_still_found(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_reader, "SWEEP_S", 0.05)
    log = RedisLog(redis_url)
    await log.begin()
    await put(log, *range(1, 101))
    reading: AsyncGenerator[Batch | None] = log.read("projector", count=1)
    async with aclosing(reading) as batches:
        first = await anext(batches)
        assert first is not None
        await first.ack()
        assert (await brought(log, "projector", count=1, ack=False, limit=2))[1] == "e3"
        found: list[str] = []
        async for batch in batches:
            assert batch is not None, "All was read, and the other reader's batch did not come again."
            found += [entry.event.id for entry in batch.entries if batch.again]
            await batch.ack()
            if found:
                break
            await asyncio.sleep(0.01)
    await log.close()


async def test_groups_read_apart(log: Log) -> None:
    await put(log, 1, 2)
    assert await brought(log, "projector") == ["e1", "e2"]
    assert await brought(log, "archive", ack=False) == ["e1", "e2"]
    assert await brought(log, "archive") == ["e1", "e2"]


async def test_trimming_waits_for_the_slowest_group(log: Log) -> None:
    await put(log, *range(1, 7))
    assert await log.trim() == 0
    assert len(await brought(log, "projector")) == 6
    assert await log.trim() == 0
    await brought(log, "archive", count=2, limit=1)
    assert await log.trim() == 2
    assert await brought(log, "archive", ack=False) == ["e3", "e4", "e5", "e6"]
    assert await log.trim() == 0
    assert [entry.event.id async for entry in log.kept()] == ["e3", "e4", "e5", "e6"]
    await brought(log, "archive")
    assert await log.trim() == 4
    assert await log.length() == 0


class Store:
    """The servers under a log, as whoever empties them sees them."""

    def __init__(self, log: Log, request: pytest.FixtureRequest) -> None:
        self.log, self.urls = log, list[str]()
        if "cluster" in request.node.name:
            self.urls = [f"redis://127.0.0.1:{port}" for port in request.getfixturevalue("whole_cluster").running]
        elif "redis" in request.node.name:
            self.urls = [request.getfixturevalue("redis_url")]

    async def empty(self) -> None:
        if isinstance(self.log, MemoryLog):
            await self.log.forget()
        for url in self.urls:
            with blocking_redis.Redis.from_url(url, protocol=3) as client:
                client.flushall()

    def waited_on(self) -> bool:
        """Whether a reader stands in its wait."""
        found = 0
        for url in self.urls:
            with blocking_redis.Redis.from_url(url, protocol=3) as client:
                found += client.info("clients")["blocked_clients"]
        return bool(found)


async def test_a_reader_goes_on_after_the_store_was_emptied(log: Log, request: pytest.FixtureRequest) -> None:
    store = Store(log, request)
    revision = await put(log, 1, 2)
    reading: AsyncGenerator[Batch | None] = log.read("projector")
    async with aclosing(reading) as batches:
        old = await anext(batches)
        assert old is not None
        waiting = asyncio.create_task(anext(batches))
        await asyncio.sleep(0)
        # the reader stands in its wait when the store is emptied under it
        while isinstance(log, RedisLog) and not waiting.done() and not store.waited_on():  # noqa: ASYNC110
            await asyncio.sleep(0)
        await store.empty()
        with pytest.raises(Gap):
            await put(log, 3, revision=revision)
        try:
            await put(log, 4)
        except Gap:  # it had more streams than an empty one has
            await put(log, 4)
        found = await waiting
        while found is None:
            found = await anext(batches)
        assert [entry.event.id for entry in found.entries] == ["e4"]
        # an acknowledgement from before the flush must not count for what came after it
        await old.ack()
    assert await brought(log, "projector") == ["e4"]


async def test_a_reader_of_a_paused_role_takes_nothing_away(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes read as one group; the first was paused, lost its lease, and takes a batch before it notices."""
    monkeypatch.setattr(log_reader, "SWEEP_S", 0.05)
    log = RedisLog(redis_url)
    await log.begin()
    reading: AsyncGenerator[Batch | None] = log.read("projector")
    async with aclosing(reading) as batches:
        assert await anext(batches) is None
        await put(log, 1)
        assert await brought(log, "projector", ack=False, limit=1) == ["e1"]
        found = await anext(batches)
        while found is None:
            found = await anext(batches)
        assert [entry.event.id for entry in found.entries] == ["e1"] and found.again
    await log.close()


async def test_a_pending_entry_that_was_trimmed_is_acknowledged(redis_url: str) -> None:
    log = RedisLog(redis_url)
    await log.begin()
    await put(log, 1, 2)
    assert await brought(log, "projector", ack=False) == ["e1", "e2"]
    with blocking_redis.Redis.from_url(redis_url, protocol=3) as client:
        client.xtrim(names.EVENTS_LOG, maxlen=1, approximate=False)
        assert await brought(log, "projector") == ["e2"]
        pending: Any = client.xpending(names.EVENTS_LOG, "projector")
    assert pending["pending"] == 0
    await log.close()


async def test_nothing_is_trimmed_while_a_group_is_missing(redis_url: str) -> None:
    log = RedisLog(redis_url)
    with blocking_redis.Redis.from_url(redis_url, protocol=3) as client:
        for group in ("archive", "somebody"):
            client.xgroup_create(names.EVENTS_LOG, group, id="0", mkstream=True)
    await put(log, 1)
    await brought(log, "archive", limit=1)
    with blocking_redis.Redis.from_url(redis_url, protocol=3) as client:
        client.xgroup_setid(names.EVENTS_LOG, "somebody", "$")
        client.xgroup_destroy(names.EVENTS_LOG, "projector")
    assert await log.trim() == 0
    await log.close()


async def test_a_store_that_was_killed_is_said_to_be_away(tmp_path: Path) -> None:
    with mortal(tmp_path) as (url, process):
        log = RedisLog(url)
        await log.begin()
        await put(log, 1)
        reading: AsyncGenerator[Batch | None] = log.read("projector")
        async with aclosing(reading) as batches:
            batch = await anext(batches)
            assert batch is not None
            process.kill()
            process.wait()
            for asked in (
                log.known(SOURCE),
                log.answers(),
                log.trim(),
                put(log, 2, revision=1),
                batch.ack(),
                anext(batches),
            ):
                with pytest.raises(StoreAway):
                    await asked
        await log.close()
