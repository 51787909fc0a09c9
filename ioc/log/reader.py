"""Reads the log's streams for one group: in one command what one may name together, else several side by side.

What is handed out is on a replica, where there is one: nobody has worked on an event that a failover takes back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import Any

from redis.exceptions import RedisError, ResponseError

from ioc import event, names
from ioc.errors import IocError, StoreAway
from ioc.log import Batch, Entry
from ioc.log.layout import make_group
from ioc.redis_cluster import merged
from ioc.redis_link import Link, connect
from ioc.redis_server import UNCONFIRMED, WAIT_MS

BLOCK_MS = 250
SWEEP_S = 5.0
"""How often a reader looks for entries that were given out, and that nobody worked on."""

Found = list[tuple[bytes, list[tuple[bytes, list[bytes] | None]]]]


class Reader:
    """One reading of `streams` streams as `group`, with connections of its own; `link` is for acknowledgements."""

    def __init__(self, url: str, link: Link, group: str, streams: int, count: int) -> None:
        self._url, self._link, self._group, self._count = url, link, group, count
        self._keys = [names.log_key(stream) for stream in range(streams)]

    async def batches(self) -> AsyncGenerator[Batch | None]:
        """Batches for ever, None when nothing came for a while."""
        own: Link = connect(self._url, blocking=True)
        parts = own.split(self._keys)
        try:
            readers = [self._read(own, keys) for keys in parts]
            async with aclosing(readers[0] if len(readers) == 1 else _side_by_side(readers)) as batches:
                async for batch in batches:
                    yield batch
        finally:
            await own.aclose()

    async def _read(self, own: Link, keys: Sequence[str]) -> AsyncGenerator[Batch | None]:
        ahead = _Ahead()
        try:
            async with aclosing(self._batches(own, keys, ahead)) as batches:
                async for batch in batches:
                    yield batch
        finally:
            # what it brings waits among the pending, for whoever reads next
            await ahead.drop()

    async def _batches(self, own: Link, keys: Sequence[str], ahead: _Ahead) -> AsyncGenerator[Batch | None]:
        count = max(1, self._count // len(self._keys))
        pending: dict[str, str] = dict.fromkeys(keys, "0")
        swept = time.monotonic()
        while True:
            if not pending and not ahead.asks and time.monotonic() - swept > SWEEP_S:
                # what a paused reader of this role took before it was fenced waits among the pending
                pending = dict.fromkeys(keys, "0")
            wanted = pending or dict.fromkeys(keys, ">")
            try:
                if ahead.asks:
                    found = await ahead.take()
                else:
                    found = await self._ask(own, wanted, count, None if pending else BLOCK_MS)
            except ResponseError as error:
                # the store was emptied: under us, or while we waited
                if "NOGROUP" not in str(error) and "UNBLOCKED" not in str(error):
                    raise
                for key in keys:
                    await make_group(self._link, key)
                continue
            again = bool(pending)
            if pending:
                pending = {key.decode(): places[-1][0].decode() for key, places in found if places}
                if not pending:
                    swept = time.monotonic()
                    continue
            if not found:
                yield None
                continue
            places = [(key.decode(), [place for place, _ in came]) for key, came in found if came]
            # an entry without a body was trimmed while it was pending: nothing to do but acknowledge it
            entries = [
                Entry(place.decode(), event.decode(fields[1])) for _, came in found for place, fields in came if fields
            ]
            if not again and len(entries) >= count and time.monotonic() - swept <= SWEEP_S:
                # more waits: it is fetched while these are worked on
                await ahead.ask(self._ask(own, dict.fromkeys(keys, ">"), count, BLOCK_MS))
            yield Batch(entries, partial(self._ack, places), again)

    async def _ask(self, own: Link, wanted: dict[str, str], count: int, block: int | None) -> Found:
        async with own.on(next(iter(wanted))) as server:
            return await self._asked(server, wanted, count, block)

    async def _asked(self, server: Any, wanted: dict[str, str], count: int, block: int | None) -> Found:
        # as it came: what redis-py makes of a thousand entries costs more than to read them
        server.set_response_callback("XREADGROUP", _as_it_came)
        if not await server.replicas():
            told = await server.xreadgroup(self._group, "one", wanted, count=count, block=block)
            return told or []
        async with server.pipeline(transaction=False) as together:
            together.xreadgroup(self._group, "one", wanted, count=count, block=block)
            together.execute_command("WAIT", 1, WAIT_MS)
            told, confirmed = await together.execute()
        if told and not confirmed:
            server.doubt()
            raise StoreAway(UNCONFIRMED)
        return told or []

    async def _ack(self, places: Sequence[tuple[str, Sequence[bytes]]]) -> None:
        for key, done in places:
            async with self._link.on(key) as server:
                await server.xack(key, self._group, *done)


class _Ahead:
    """An asking for what comes after the batch that is worked on."""

    def __init__(self) -> None:
        self._asking: asyncio.Task[Found] | None = None

    @property
    def asks(self) -> bool:
        return self._asking is not None

    async def ask(self, asking: Coroutine[Any, Any, Found]) -> None:
        """Begin; the question is sent when this returns."""
        self._asking = asyncio.create_task(asking, name="log ahead")
        await asyncio.sleep(0)

    async def take(self) -> Found:
        """What it brought; raises what it raised."""
        asking, self._asking = self._asking, None
        assert asking is not None
        try:
            return await asking
        except asyncio.CancelledError:
            asking.cancel()
            raise

    async def drop(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
            with suppress(asyncio.CancelledError, RedisError, OSError, IocError):
                await asking


async def _side_by_side(readers: Sequence[AsyncGenerator[Batch | None]]) -> AsyncGenerator[Batch | None]:
    """What all of them bring; None when none of them brought anything for a while."""
    brought = time.monotonic()
    async with aclosing(merged(readers)) as batches:
        async for batch in batches:
            if batch is not None:
                yield batch
                brought = time.monotonic()
            elif time.monotonic() - brought > BLOCK_MS / 1000:
                yield None
                brought = time.monotonic()


def _as_it_came(answer: Any, **_: Any) -> Any:
    return answer
