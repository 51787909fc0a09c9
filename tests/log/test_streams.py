"""The log in several streams: what a crash between two of them does, and how their number changes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as blocking_redis

from ioc import intake, names
from ioc.adapter import Reading
from ioc.board.redis import RedisBoard
from ioc.contract import Answered
from ioc.errors import Gap, StoreAway
from ioc.event import Event, Feature
from ioc.log import layout
from ioc.log.redis import RedisLog
from tests.house import House

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)
SOURCE = "s"


@pytest.fixture(params=["redis_url", "cluster_url"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def log(url: str) -> AsyncIterator[RedisLog]:
    made = RedisLog(url, streams=3)
    await laid_out(made, 3)
    yield made
    await made.close()


async def laid_out(log: RedisLog, streams: int) -> None:
    """Read as the projector does until the log has that many streams."""
    async with asyncio.timeout(60), aclosing(log.read("projector")) as batches:
        async for batch in batches:
            if batch is not None:
                await batch.ack()
            if await log._layout._ask() == streams:
                return


def events(*subjects: int, at: int = 0) -> list[Event]:
    when = NOON + timedelta(seconds=at)
    return [Event(f"c{n}-{at}", SOURCE, "ioc.t.seen", f"c{n}", when, when, Feature({"at": at}, None)) for n in subjects]


class Dying(RedisLog):
    """Its process ends, as it were, before the transaction of one stream."""

    dies_before: int | None = None

    async def _stands(self, together: Any, source: str, stream: int, stands: int, streams: int) -> None:
        if stream == self.dies_before:
            raise StoreAway("The process was killed here.")
        await super()._stands(together, source, stream, stands, streams)


@pytest.mark.parametrize("stream", [0, 1, 2])
async def test_a_crash_between_two_streams_repeats_the_poll_and_tells_nothing_twice(url: str, stream: int) -> None:
    log, board = Dying(url, streams=3), RedisBoard(url)
    await laid_out(log, 3)
    house = House(log, board, url)
    projector = await house.projector()
    names_ = [f"t{n}" for n in range(40)]
    assert {names.stream_of(name, 3) for name in names_} == {0, 1, 2}
    house.listed(*((name, 1) for name in names_))
    await house.asking.poll()
    await house.work(projector, archive=True)
    house.listed(*((name, 2) for name in names_))
    log.dies_before = stream
    with pytest.raises(StoreAway):
        await house.asking.poll()
    # what was written before the crash may be read before the poll is repeated
    await house.work(projector, archive=True)
    told = len(house.archive.kept) - 40
    assert told == sum(names.stream_of(name, 3) > stream for name in names_)
    log.dies_before = None
    await house.asking.poll()
    await house.work(projector, archive=True)
    assert await house.values() == dict.fromkeys(names_, 2)
    states = [(event.subject, event.data and event.data.properties["value"]) for event in house.archive.kept]
    assert sorted(states) == sorted((name, value) for name in names_ for value in (1, 2))
    await log.close()
    await board.close()


async def test_what_one_stream_lost_is_told_again_though_the_source_says_nothing_new(redis_url: str) -> None:
    log, board = RedisLog(redis_url, streams=3), RedisBoard(redis_url)
    await laid_out(log, 3)
    house = House(log, board, redis_url)
    names_ = [f"t{n}" for n in range(9)]
    house.listed(*((name, 1) for name in names_))
    await house.asking.poll()
    with blocking_redis.Redis.from_url(redis_url, protocol=3) as client:
        kept = {key: client.dump(key) for key in client.keys("*") if b"{events:1}" in key}
        house.listed(*((name, 2) for name in names_))
        await house.asking.poll()
        for key, body in kept.items():
            client.restore(key, 0, body, replace=True)
    known = await house.asking.poll()
    lost = [name for name in names_ if names.stream_of(name, 3) == 1]
    assert lost and known.answered is not None and known.answered.lost == len(lost)
    kept_now = [(entry.event.subject, entry.event.data) async for entry in log.kept()]
    assert sorted(name for name, data in kept_now if data and data.properties["value"] == 2) == names_
    await log.close()
    await board.close()


async def test_of_senders_at_once_each_event_is_told_once(log: RedisLog) -> None:
    readings = [Reading(f"c{n}", {"value": 1}, NOON, sender_id=f"m{n}") for n in range(12)]
    weighed = {"kind": "ioc.t.seen", "method": "machine"}
    await asyncio.gather(*(intake.take(log, SOURCE, readings[turn:], weighed=weighed) for turn in (0, 3, 6, 0)))
    kept = [entry.event.subject async for entry in log.kept()]
    assert sorted(kept) == sorted(reading.subject for reading in readings)
    assert await log.sent(SOURCE, [f"m{n}" for n in range(12)]) == {f"m{n}" for n in range(12)}


class Writer:
    """Appends an event of each subject again and again, and repeats what was not taken, as the poller does."""

    def __init__(self, log: RedisLog) -> None:
        self.log, self.written, self.refused = log, 0, 0

    async def run(self) -> None:
        while True:
            await self.write()

    async def write(self) -> None:
        some = [n for n in range(30) if n % 7 != self.written % 7]
        while True:
            try:
                known = await self.log.known(SOURCE)
                fresh = [one for one in events(*some, at=self.written) if known.seen.get(one.subject) != one.id]
                marks = {one.subject: one.id for one in fresh}
                await self.log.append(
                    fresh, source=SOURCE, revision=known.revision, cursor=str(self.written), seen=marks,
                    answered=Answered(SOURCE, NOON),
                )  # fmt: skip
                break
            except (Gap, StoreAway):
                self.refused += 1
                await asyncio.sleep(0.02)
        self.written += 1


async def gather(log: RedisLog, group: str, found: list[Event]) -> None:
    async with aclosing(log.read(group, count=50)) as batches:
        async for batch in batches:
            if batch is not None:
                found += [entry.event for entry in batch.entries]
                await batch.ack()


def wanted(writer: Writer) -> set[str]:
    return {f"c{n}-{at}" for at in range(writer.written) for n in range(30) if n % 7 != at % 7}


def check(found: Sequence[Event], writer: Writer) -> None:
    """Every event once, and each subject's in their order."""
    ids = [event.id for event in found]
    assert len(ids) == len(set(ids))
    assert set(ids) >= wanted(writer)
    order: Mapping[str, list[datetime]] = defaultdict(list)
    for event in found:
        order[event.subject].append(event.time)
    assert all(times == sorted(times) for times in order.values())


async def test_the_number_changes_under_load_and_no_event_is_lost_or_out_of_order(url: str) -> None:
    write, archive = RedisLog(url), RedisLog(url)
    writer, by_archive, by_projector = Writer(write), list[Event](), list[Event]()
    running = [asyncio.create_task(writer.run()), asyncio.create_task(gather(archive, "archive", by_archive))]
    logs = []
    for streams in (3, 2, 1, 4):
        # the projector begins again with other settings; the others are not told
        log = RedisLog(url, streams=streams)
        logs.append(log)
        reading = asyncio.create_task(gather(log, "projector", by_projector))
        async with asyncio.timeout(60):
            while await log._layout._ask() != streams:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            stood = writer.written
            while writer.written < stood + 5:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    running[0].cancel()
    await asyncio.gather(running[0], return_exceptions=True)
    running.append(asyncio.create_task(gather(logs[-1], "projector", by_projector)))
    async with asyncio.timeout(60):
        while not all({one.id for one in found} >= wanted(writer) for found in (by_archive, by_projector)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert writer.refused > 0, "nobody was in its way"
    check(by_archive, writer)
    # what the projector had read and not acknowledged when it was stopped comes again, first
    check(list({one.id: one for one in by_projector}.values()), writer)
    known = await write.known(SOURCE)
    last = {f"c{n}": max(at for at in range(writer.written) if n % 7 != at % 7) for n in range(30)}
    assert all(int(known.seen[name].split("-")[1]) >= at for name, at in last.items())
    for made in (write, archive, *logs):
        await made.close()


async def test_a_crash_while_the_number_changes_is_gone_on_from(
    log: RedisLog, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(log)
    await writer.write()
    whole, moves = layout.Layout._move, 0

    async def dying(self: layout.Layout, stream: int, new: int) -> None:
        nonlocal moves
        moves += 1
        await whole(self, stream, new)
        if moves == 2:
            raise StoreAway("The process was killed here.")

    monkeypatch.setattr(layout.Layout, "_move", dying)
    before = (await log.known(SOURCE)).seen
    read: list[Event] = []
    archiving = asyncio.create_task(gather(log, "archive", read))
    changing = RedisLog(url, streams=2)
    with pytest.raises(StoreAway):
        await laid_out(changing, 2)
    other = RedisLog(url)
    with pytest.raises(StoreAway, match="laid out anew"):
        await other.known(SOURCE)
    await laid_out(changing, 2)
    archiving.cancel()
    await asyncio.gather(archiving, return_exceptions=True)
    for made in (changing, RedisLog(url)):
        assert (await made.known(SOURCE)).seen == before
        await made.close()
    assert {one.id for one in read} == wanted(writer)
    await other.close()


@pytest.mark.parametrize("streams", [1, 3])
async def test_what_the_store_lost_of_our_commits_is_counted_once_it_is_noted(redis_url: str, streams: int) -> None:
    log, weighed = RedisLog(redis_url, streams=streams), {"kind": "ioc.t.seen", "method": "machine"}
    await laid_out(log, streams)
    await intake.take(log, SOURCE, [Reading(f"c{n}", {"value": 1}, NOON) for n in range(9)], weighed=weighed)
    # with several streams one server loses its last second, and it is not the one that keeps the cursors
    lost = [f"c{n}" for n in range(9) if names.stream_of(f"c{n}", streams) == streams - 1]
    mine = b"{events}" if streams == 1 else b"{events:2}"
    assert len(lost) > 0 and (len(lost) == 9) == (streams == 1)
    with blocking_redis.Redis.from_url(redis_url, protocol=3) as client:
        kept = {key: client.dump(key) for key in client.keys("*") if mine in key}
        more = [Reading(f"c{n}", {"value": 2}, NOON + timedelta(hours=1)) for n in range(9)]
        await intake.take(log, SOURCE, more, weighed=weighed)
        for key, body in kept.items():
            client.restore(key, 0, body, replace=True)
    assert (await log.known(SOURCE)).lost == len(lost)
    taken = await intake.take(log, SOURCE, more, weighed=weighed)
    assert taken.told == len(lost)
    assert (await log.answers())[SOURCE].lost == len(lost)
    assert (await log.known(SOURCE)).lost == 0
    await log.close()
    fresh = RedisLog(redis_url)
    await intake.take(fresh, SOURCE, more, weighed=weighed)
    assert (await fresh.answers())[SOURCE].lost == len(lost)
    # an emptied store is told otherwise: its boards come back from the archive
    with blocking_redis.Redis.from_url(redis_url, protocol=3) as client:
        client.flushall()
    assert (await fresh.known(SOURCE)).lost == 0
    await fresh.close()
