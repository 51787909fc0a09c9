"""The log in Redis or Valkey: a stream with a group of readers for each role that works on events; or N of them.

With N streams a subject's events lie in one of them, beside the mark of what was seen of it. An append is one MULTI a
stream, and the one with the cursor comes last: a crash between repeats the poll, which finds what it told already.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
from redis.exceptions import ResponseError, WatchError

from ioc import event, names
from ioc.contract import Answered
from ioc.errors import Gap, StoreAway
from ioc.event import Event
from ioc.log import Batch, Entry, Known
from ioc.log.layout import Layout
from ioc.log.reader import Reader
from ioc.redis_link import Link, connect
from ioc.redis_server import UNCONFIRMED

PUSHED_S = 30 * 86400
"""Seconds for which a sender's ids are remembered."""
REMEMBERED = 100
"""Commits of a source that this process remembers, to notice when the store has lost some."""
_BITS = 64

_answered = msgspec.json.Decoder(Answered)


class RedisLog:
    """Keeps the law of `ioc.log.Log` in Redis.

    `streams`: how many the log is to have; the projector's reader sees to it. None: it stays as it is.
    `unconfirmed` counts the commits of this process that no replica confirmed in time.
    """

    def __init__(self, url: str, *, streams: int | None = None) -> None:
        self._url = url
        self._redis: Link = connect(url)
        self._layout = Layout(self._redis)
        self._wanted = streams
        self._committed: dict[str, deque[tuple[int, list[int]]]] = {}
        self._lost: dict[str, int] = {}
        self.unconfirmed = 0

    async def close(self) -> None:
        await self._redis.aclose()

    async def append(
        self,
        events: Sequence[Event],
        *,
        source: str,
        revision: int,
        cursor: str | None,
        seen: Mapping[str, str | None],
        answered: Answered,
        sender_ids: Sequence[str] = (),
    ) -> int:
        streams = await self._layout.settled()
        stands = _split(revision, streams)
        # numbers begin at the clock (µs), so that one that the store lost is never given out again
        number = max(time.time_ns() // 1000, *(one + 1 for one in stands))
        told: list[list[Event]] = [[] for _ in range(streams)]
        marks: list[dict[str, str | None]] = [{} for _ in range(streams)]
        for one in events:
            told[names.stream_of(one.subject, streams)].append(one)
        for subject, mark in seen.items():
            marks[names.stream_of(subject, streams)][subject] = mark
        if streams > 1:
            await self._newest(source, stands)
        for stream in range(streams - 1, -1, -1):
            if stream and not told[stream] and not marks[stream]:
                continue
            async with self._redis.on(names.log_key(stream)) as server, await server.together() as together:
                await self._stands(together, source, stream, stands[stream], streams)
                self._tell(together, source, stream, number, told[stream], marks[stream])
                if stream:
                    together.sadd(names.sources_key(stream), source)
                else:
                    _head(together, source, cursor, answered, sender_ids)
                await self._execute(server, together, source)
            stands[stream] = number
        self._remember(source, number, [len(part) for part in told])
        return _joined(stands)

    async def _newest(self, source: str, stands: list[int]) -> None:
        """Before anything is written: who comes too late writes nothing, and a stream that lost something is noticed
        also when there is nothing to write to it."""
        keys = [names.revision_key(source, stream) for stream in range(len(stands))]
        if [int(one or 0) for one in await self._redis.get_each(keys)] != stands:
            raise _gap(source)

    async def _stands(self, together: Any, source: str, stream: int, stands: int, streams: int) -> None:
        """Begin the transaction, unless somebody else wrote for this source or the log was laid out anew."""
        keys = names.revision_key(source, stream), names.streams_key(stream)
        await together.watch(*keys)
        revision, told = await together.mget(keys)
        if int(told or 1) != streams:
            self._layout.doubt()
            raise Gap("The log was laid out anew meanwhile; read what is known again.")
        if int(revision or 0) != stands:
            raise _gap(source)
        together.multi()

    @staticmethod
    def _tell(
        together: Any, source: str, stream: int, number: int, events: Sequence[Event], seen: Mapping[str, str | None]
    ) -> None:
        together.set(names.revision_key(source, stream), number)
        log = names.log_key(stream)
        for one in events:
            together.xadd(log, {b"e": event.encode(one)})
        put = {subject: mark for subject, mark in seen.items() if mark is not None}
        drop = [subject for subject, mark in seen.items() if mark is None]
        if put:
            together.hset(names.seen_key(source, stream), mapping=put)
        if drop:
            together.hdel(names.seen_key(source, stream), *drop)

    async def _execute(self, server: Any, together: Any, source: str) -> None:
        try:
            await together.execute()
        except WatchError:
            raise _gap(source) from None
        if not together.confirmed:
            self.unconfirmed += 1
            server.doubt()
            raise StoreAway(UNCONFIRMED)

    def _remember(self, source: str, number: int, events: list[int]) -> None:
        """Note a commit with the events that it told, by stream."""
        self._committed.setdefault(source, deque(maxlen=REMEMBERED)).append((number, events))
        self._lost.pop(source, None)

    def _forgotten(self, source: str, stands: Sequence[int]) -> int:
        """Events of commits of ours that the store has lost, as far as it still knows the source; told until noted."""
        for number, events in self._committed.get(source, ()):
            for stream, stood in enumerate(stands[: len(events)]):
                if number > stood and events[stream]:
                    if stands[0]:
                        self._lost[source] = self._lost.get(source, 0) + events[stream]
                    events[stream] = 0
        return self._lost.get(source, 0)

    async def known(self, source: str) -> Known:
        streams = await self._layout.settled()
        stands, seen = [0] * streams, {}
        for stream in range(1, streams):
            async with self._redis.on(names.log_key(stream)) as server, server.pipeline(transaction=True) as together:
                together.get(names.revision_key(source, stream))
                together.hgetall(names.seen_key(source, stream))
                revision, marks = await together.execute()
            stands[stream] = int(revision or 0)
            seen.update(marks)
        async with self._redis.on(names.EVENTS_LOG) as server, server.pipeline(transaction=True) as together:
            together.get(names.revision_key(source))
            together.hget(names.CURSORS, source)
            together.hgetall(names.seen_key(source))
            together.hget(names.ANSWERS, source)
            revision, cursor, marks, answered = await together.execute()
        stands[0] = int(revision or 0)
        seen.update(marks)
        return Known(
            _joined(stands),
            cursor.decode() if cursor is not None else None,
            {subject.decode(): mark.decode() for subject, mark in seen.items()},
            _answered.decode(answered) if answered else None,
            self._forgotten(source, stands),
        )

    async def sent(self, source: str, sender_ids: Sequence[str]) -> set[str]:
        if not sender_ids:
            return set()
        key = names.pushed_key(source)
        async with self._redis.on(key) as server:
            scores = await server.zmscore(key, list(sender_ids))
        return {name for name, score in zip(sender_ids, scores, strict=True) if score is not None}

    async def answers(self) -> dict[str, Answered]:
        async with self._redis.on(names.ANSWERS) as server:
            found = await server.hgetall(names.ANSWERS)
        return {source.decode(): _answered.decode(body) for source, body in found.items()}

    async def read(self, group: str, *, count: int = 1000) -> AsyncGenerator[Batch | None]:
        wanted = self._wanted if group == "projector" else None
        while True:
            streams = await self._layout.count()
            reader = Reader(self._url, self._redis, group, streams, count)
            async with aclosing(reader.batches()) as batches:
                async for batch in batches:
                    yield batch
                    if await self._layout.other(streams, wanted):
                        break

    async def begin(self) -> None:
        """Make the streams and their groups of readers, where they are missing."""
        await self._layout.begin(await self._layout.count())

    async def kept(self) -> AsyncGenerator[Entry]:
        for stream in range(await self._layout.count()):
            key, after = names.log_key(stream), "-"
            while True:
                async with self._redis.on(key) as server:
                    found = await server.xrange(key, min=after, count=1000)
                for place, fields in found:
                    yield Entry(place.decode(), event.decode(fields[b"e"]))
                if not found:
                    break
                after = f"({found[-1][0].decode()}"

    async def oldest(self) -> str:
        first = []
        for stream in range(await self._layout.count()):
            key = names.log_key(stream)
            async with self._redis.on(key) as server:
                found = await server.xrange(key, count=1)
            first.append(found[0][0].decode() if found else "")
        return " ".join(first)

    async def trim(self) -> int:
        return sum([await self._trim(names.log_key(stream)) for stream in range(await self._layout.count())])

    async def _trim(self, key: str) -> int:
        try:
            async with self._redis.on(key) as server:
                groups = await server.xinfo_groups(key)
                if not {group["name"].decode() for group in groups} >= set(names.GROUPS):
                    return 0
                least = min([await _least(server, key, group) for group in groups], key=_order)
                dropped: int = await server.xtrim(key, minid=least, approximate=False)
        except ResponseError:
            return 0
        return dropped

    async def length(self) -> int:
        found = 0
        for stream in range(await self._layout.count()):
            async with self._redis.on(names.log_key(stream)) as server:
                found += await server.xlen(names.log_key(stream))
        return found


def _gap(source: str) -> Gap:
    return Gap(f"Somebody else wrote for {source} meanwhile; read what is known of it again.")


def _head(together: Any, source: str, cursor: str | None, answered: Answered, sender_ids: Sequence[str]) -> None:
    if cursor is None:
        together.hdel(names.CURSORS, source)
    else:
        together.hset(names.CURSORS, source, cursor)
    if sender_ids:
        now = time.time()
        together.zadd(names.pushed_key(source), dict.fromkeys(sender_ids, now))
        together.zremrangebyscore(names.pushed_key(source), 0, now - PUSHED_S)
    together.hset(names.ANSWERS, source, msgspec.json.encode(answered))


def _joined(stands: Sequence[int]) -> int:
    """The revisions of all streams as one number, that of the cursor's stream lowest."""
    return sum(one << (_BITS * stream) for stream, one in enumerate(stands))


def _split(revision: int, streams: int) -> list[int]:
    return [(revision >> (_BITS * stream)) & ((1 << _BITS) - 1) for stream in range(streams)]


async def _least(server: Any, key: str, group: Mapping[str, Any]) -> str:
    """The place up to which a group no longer needs the stream."""
    if group["pending"]:
        waiting = await server.xpending(key, group["name"])
        if waiting["min"] is not None:
            return str(waiting["min"].decode())
    ms, number = group["last-delivered-id"].decode().split("-")
    return f"{ms}-{int(number) + 1}"


def _order(place: str) -> tuple[int, int]:
    ms, number = place.split("-")
    return int(ms), int(number)
