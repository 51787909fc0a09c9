"""The log in Redis or Valkey: one stream with a group of readers for each role that works on events."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from redis.exceptions import ResponseError, WatchError

from ioc import event, names
from ioc.contract import Answered
from ioc.errors import Gap
from ioc.event import Event
from ioc.log import Batch, Entry, Known
from ioc.redis_link import connect, reaching

BLOCK_MS = 250
SWEEP_S = 5.0
"""How often a reader looks for entries that were given out, and that nobody worked on."""
PUSHED_S = 30 * 86400
"""Seconds for which a sender's ids are remembered."""

_answered = msgspec.json.Decoder(Answered)


class RedisLog:
    """Keeps the law of `ioc.log.Log` in Redis."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._redis = connect(url)

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
        key = names.revision_key(source)
        with reaching():
            async with self._redis.pipeline(transaction=True) as together:
                await together.watch(key)
                if int(await together.get(key) or 0) != revision:
                    raise Gap(f"Somebody else wrote for {source} meanwhile; read what is known of it again.")
                together.multi()
                together.set(key, revision + 1)
                for one in events:
                    together.xadd(names.EVENTS_LOG, {b"e": event.encode(one)})
                self._mark(together, source, cursor, seen, sender_ids)
                together.hset(names.ANSWERS, source, msgspec.json.encode(answered))
                try:
                    await together.execute()
                except WatchError:
                    raise Gap(f"Somebody else wrote for {source} meanwhile; read what is known of it again.") from None
        return revision + 1

    @staticmethod
    def _mark(
        together: Any, source: str, cursor: str | None, seen: Mapping[str, str | None], sender_ids: Sequence[str]
    ) -> None:
        put = {subject: mark for subject, mark in seen.items() if mark is not None}
        drop = [subject for subject, mark in seen.items() if mark is None]
        if cursor is None:
            together.hdel(names.CURSORS, source)
        else:
            together.hset(names.CURSORS, source, cursor)
        if put:
            together.hset(names.seen_key(source), mapping=put)
        if drop:
            together.hdel(names.seen_key(source), *drop)
        if sender_ids:
            now = time.time()
            together.zadd(names.pushed_key(source), dict.fromkeys(sender_ids, now))
            together.zremrangebyscore(names.pushed_key(source), 0, now - PUSHED_S)

    async def known(self, source: str) -> Known:
        with reaching():
            async with self._redis.pipeline(transaction=True) as together:
                together.get(names.revision_key(source))
                together.hget(names.CURSORS, source)
                together.hgetall(names.seen_key(source))
                together.hget(names.ANSWERS, source)
                revision, cursor, seen, answered = await together.execute()
        return Known(
            int(revision or 0),
            cursor.decode() if cursor is not None else None,
            {subject.decode(): mark.decode() for subject, mark in seen.items()},
            _answered.decode(answered) if answered else None,
        )

    async def sent(self, source: str, sender_ids: Sequence[str]) -> set[str]:
        if not sender_ids:
            return set()
        with reaching():
            scores = await self._redis.zmscore(names.pushed_key(source), list(sender_ids))
        return {name for name, score in zip(sender_ids, scores, strict=True) if score is not None}

    async def answers(self) -> dict[str, Answered]:
        with reaching():
            found = await self._redis.hgetall(names.ANSWERS)
        return {source.decode(): _answered.decode(body) for source, body in found.items()}

    async def read(self, group: str, *, count: int = 1000) -> AsyncIterator[Batch | None]:
        redis = connect(self._url, blocking=True)
        # as it came: what redis-py makes of a thousand entries costs more than to read them
        redis.set_response_callback("XREADGROUP", _as_it_came)
        pending: str | None = "0"
        swept = time.monotonic()
        try:
            while True:
                if pending is None and time.monotonic() - swept > SWEEP_S:
                    # what a paused reader of this role took before it was fenced waits among the pending
                    pending = "0"
                try:
                    with reaching():
                        answer: Any = await redis.xreadgroup(
                            group,
                            "one",
                            {names.EVENTS_LOG: pending or ">"},
                            count=count,
                            block=None if pending else BLOCK_MS,
                        )
                except ResponseError as error:
                    # the store was emptied: under us, or while we waited
                    if "NOGROUP" not in str(error) and "UNBLOCKED" not in str(error):
                        raise
                    await self.begin()
                    continue
                found = answer[0][1] if answer else []
                if pending is not None:
                    pending = found[-1][0].decode() if found else None
                    if not found:
                        swept = time.monotonic()
                        continue
                if not found:
                    yield None
                    continue
                places = [place for place, _ in found]
                # an entry without a body was trimmed while it was pending: nothing to do but acknowledge it
                entries = [Entry(place.decode(), event.decode(fields[1])) for place, fields in found if fields]
                yield Batch(entries, partial(self._ack, group, places), pending is not None)
        finally:
            await redis.aclose()

    async def begin(self) -> None:
        """Make the stream and its groups of readers, where they are missing."""
        for group in names.GROUPS:
            try:
                with reaching():
                    await self._redis.xgroup_create(names.EVENTS_LOG, group, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def _ack(self, group: str, places: Sequence[bytes]) -> None:
        with reaching():
            await self._redis.xack(names.EVENTS_LOG, group, *places)

    async def kept(self) -> AsyncGenerator[Entry]:
        after = "-"
        while True:
            with reaching():
                found = await self._redis.xrange(names.EVENTS_LOG, min=after, count=1000)
            for place, fields in found:
                yield Entry(place.decode(), event.decode(fields[b"e"]))
            if not found:
                return
            after = f"({found[-1][0].decode()}"

    async def trim(self) -> int:
        try:
            with reaching():
                groups = await self._redis.xinfo_groups(names.EVENTS_LOG)
                if not {group["name"].decode() for group in groups} >= set(names.GROUPS):
                    return 0
                least = min([await self._least(group) for group in groups], key=_order)
                dropped: int = await self._redis.xtrim(names.EVENTS_LOG, minid=least, approximate=False)
        except ResponseError:
            return 0
        return dropped

    async def _least(self, group: Mapping[str, Any]) -> str:
        """The place up to which a group no longer needs the stream."""
        if group["pending"]:
            waiting = await self._redis.xpending(names.EVENTS_LOG, group["name"])
            if waiting["min"] is not None:
                return str(waiting["min"].decode())
        ms, number = group["last-delivered-id"].decode().split("-")
        return f"{ms}-{int(number) + 1}"

    async def length(self) -> int:
        with reaching():
            found: int = await self._redis.xlen(names.EVENTS_LOG)
        return found


def _as_it_came(answer: Any, **_: Any) -> Any:
    return answer


def _order(place: str) -> tuple[int, int]:
    ms, number = place.split("-")
    return int(ms), int(number)
