"""Boards in Redis or Valkey: a hash of items, a stream of steps, and their meta, changed by one script."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from importlib import resources
from itertools import chain, islice
from struct import Struct
from typing import Any

from redis.commands.core import AsyncScript
from redis.exceptions import ResponseError

from ioc import names
from ioc.board import Delta, Position, Snapshot
from ioc.errors import Fenced, Gap, StoreAway
from ioc.redis_cluster import merged
from ioc.redis_link import Link, connect
from ioc.redis_server import UNCONFIRMED

STEP = 1000
"""Items of one step at most: a script's arguments must fit Lua's stack."""
HISTORY_BYTES = 12 * 1024 * 1024
"""Bytes of steps that all boards of a store keep together, about; each has an equal share."""
BLOCK_MS = 250
"""How long a watch waits before it looks for new epochs, which no stream tells."""
APART_BLOCK_MS = 1000
"""The same where each channel has a reader of its own, for one command can't wait for several slots."""


def _script(name: str) -> Any:
    # as bytes, so that it belongs to no client: each call names its server
    return AsyncScript(None, resources.files("ioc.board").joinpath(name).read_bytes())  # type: ignore[arg-type]


def _cut(pairs: Iterable[tuple[str, Any]]) -> Iterator[list[tuple[str, Any]]]:
    """`pairs` in lists of STEP."""
    work = iter(pairs)
    while part := list(islice(work, STEP)):
        yield part


_head = Struct(">BI").pack
_LIST, _TEXT = 0xDD, 0xDB


def _packed(texts: Iterable[Any]) -> bytes:
    """A MessagePack list of strings; written here because a script reads no other form of bytes."""
    bodies = [text if isinstance(text, bytes) else text.encode() for text in texts]
    return _head(_LIST, len(bodies)) + b"".join(chain.from_iterable((_head(_TEXT, len(body)), body) for body in bodies))


def _judge(channel: str, answer: Sequence[bytes]) -> Position:
    match answer:
        case [b"ok", epoch, offset]:
            return Position(epoch.decode(), int(offset))
        case [b"fenced"]:
            raise Fenced(f"Another writer took over {channel}; this one stops.")
        case _:
            raise Gap(f"The board {channel} is not there or stands elsewhere than its writer believed; read it again.")


class RedisBoard:
    """Keeps the law of `ioc.board.Board` in Redis; any number of processes may read, one writes a channel."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._redis: Link = connect(url)
        self.apart = self._redis.apart
        self._apply = _script("apply.lua")
        self._reset = _script("reset.lua")
        self._fill = _script("fill.lua")
        self._share = HISTORY_BYTES

    async def close(self) -> None:
        await self._redis.aclose()

    def _keys(self, channel: str) -> list[str]:
        return [names.board_key(channel, part) for part in ("items", "changes", "meta", "gone")]

    async def apply(
        self,
        channel: str,
        changes: Mapping[str, bytes | None],
        *,
        after: Position | None = None,
        fence: int = 0,
        gone: Mapping[str, str] | None = None,
    ) -> Position:
        parts = [dict(part) for part in _cut(changes.items())] or [{}]
        marks = dict(gone or {})
        position = after
        for part in parts:
            own = {name: marks.pop(name) for name in part if name in marks} if part is not parts[-1] else marks
            position = await self._step(channel, part, position, fence, own)
        assert position is not None
        return position

    async def _step(
        self,
        channel: str,
        part: Mapping[str, bytes | None],
        after: Position | None,
        fence: int,
        gone: Mapping[str, str],
    ) -> Position:
        puts = [pair for pair in part.items() if pair[1] is not None]
        drops = [name for name, body in part.items() if body is None]
        # three packed lists, not thousands of arguments: the client packs each of them in Python
        lists = (chain.from_iterable(puts), drops, chain.from_iterable(gone.items()))
        epoch, offset = after or ("", 0)
        keys, args = self._keys(channel), [fence, epoch, offset, *map(_packed, lists), self._share]
        async with self._redis.on(keys[0]) as server:
            answer = await self._apply(keys=keys, args=args, client=server)
        return _judge(channel, answer)

    async def reset(
        self,
        channel: str,
        items: Mapping[str, bytes],
        *,
        fence: int = 0,
        gone: Mapping[str, str] | None = None,
        version: int = 1,
        whole: bool = True,
    ) -> Position:
        keys = self._keys(channel)
        filling, final = uuid.uuid4().hex[:16], uuid.uuid4().hex[:16]
        life = await self.life(channel)
        await self._list(channel)
        async with self._redis.on(keys[0]) as server:
            begin = [fence, filling, int(time.time() * 1000), version, life]
            begun = _judge(channel, await self._reset(keys=keys, args=begin, client=server))
            for key, pairs in ((keys[3], gone or {}), (keys[0], items)):
                for part in _cut(pairs.items()):
                    args = [filling, fence, "", *chain.from_iterable(part)]
                    _judge(channel, await self._fill(keys=[key, keys[2]], args=args, client=server))
            if not whole:
                return begun
            # a reader who saw it half filled stands in another epoch, and so takes a fresh snapshot
            return _judge(
                channel, await self._fill(keys=[keys[0], keys[2]], args=[filling, fence, final], client=server)
            )

    async def snapshot(self, channel: str) -> Snapshot | None:
        items, _, meta, gone = self._keys(channel)
        async with self._redis.on(meta) as server, server.pipeline(transaction=True) as together:
            together.hgetall(meta)
            together.hgetall(items)
            together.hgetall(gone)
            about, known, marks = await together.execute()
        if not about:
            return None
        position = Position(about[b"epoch"].decode(), int(about[b"offset"]))
        return Snapshot(
            position,
            {name.decode(): body for name, body in known.items()},
            about[b"whole"] == b"1",
            {name.decode(): mark.decode() for name, mark in marks.items()},
            int(about[b"version"]),
            about[b"life"].decode(),
            int(about.get(b"fence", 0)),
        )

    async def each(self, channels: Sequence[str], name: str) -> dict[str, bytes]:
        by_key = {names.board_key(channel, "items"): channel for channel in channels}
        found: dict[str, bytes] = {}
        for keys in self._redis.split(list(by_key)) if by_key else ():
            async with self._redis.on(keys[0]) as server, server.pipeline(transaction=False) as together:
                for key in keys:
                    together.hget(key, name)
                bodies = await together.execute()
            found |= {by_key[key]: body for key, body in zip(keys, bodies, strict=True) if body is not None}
        return found

    async def history(self, channel: str, after: Position) -> list[Delta]:
        _, changes, meta, _ = self._keys(channel)
        async with self._redis.on(meta) as server, server.pipeline(transaction=True) as together:
            together.hmget(meta, "epoch", "offset")
            together.xrange(changes, min=f"({after.offset}-0")
            (epoch, offset), entries = await together.execute()
        if epoch is None or epoch.decode() != after.epoch or len(entries) != int(offset) - after.offset:
            raise Gap(f"The steps of {channel} after {after.offset} are not kept any more; take a snapshot.")
        return [_delta(place, fields) for place, fields in entries]

    async def watch(self, positions: Mapping[str, Position]) -> AsyncIterator[tuple[str, Delta | None]]:
        link: Link = connect(self._url, blocking=True)
        by_key = {names.board_key(channel, "changes"): channel for channel in positions}
        parts = [{by_key[key]: positions[by_key[key]] for key in keys} for keys in link.split(list(by_key))]
        try:
            readers = [self._follow(link, part) for part in parts]
            async with aclosing(readers[0] if len(readers) == 1 else merged(readers)) as steps:
                async for step in steps:
                    yield step
        finally:
            await link.aclose()

    async def _follow(self, link: Link, positions: Mapping[str, Position]) -> AsyncGenerator[tuple[str, Delta | None]]:
        """Steps of channels that one command may name."""
        at = dict(positions)
        by_key = {names.board_key(channel, "changes").encode(): channel for channel in at}
        block = APART_BLOCK_MS if link.apart else BLOCK_MS
        looked = 0.0
        while True:
            if time.monotonic() - looked >= block / 1000:
                looked = time.monotonic()
                for channel in await self._lost(at):
                    del at[channel]
                    yield channel, None
            if not at:
                await asyncio.sleep(block / 1000)
                continue
            wanted: dict[Any, Any] = {
                names.board_key(channel, "changes"): f"{place.offset}-0" for channel, place in at.items()
            }
            async with link.on(next(iter(wanted))) as server:
                answer = await _steps(server, wanted, block)
            for key, entries in answer:
                channel = by_key[key]
                for place, fields in entries:
                    delta = _delta(place, fields)
                    if delta.epoch != at[channel].epoch or delta.after != at[channel].offset:
                        del at[channel]
                        yield channel, None
                        break
                    at[channel] = Position(delta.epoch, delta.offset)
                    yield channel, delta

    async def _lost(self, at: Mapping[str, Position]) -> list[str]:
        """Channels of `at`, all of one slot or one server, that have a new epoch, or whose offset went back."""
        if not at:
            return []
        keys = [names.board_key(channel, "meta") for channel in at]
        async with self._redis.on(keys[0]) as server, server.pipeline(transaction=False) as together:
            for key in keys:
                together.hmget(key, "epoch", "offset")
            metas = await together.execute()
        return [
            channel
            for (channel, position), (epoch, offset) in zip(at.items(), metas, strict=True)
            if epoch is None or epoch.decode() != position.epoch or int(offset) < position.offset
        ]

    async def life(self, channel: str) -> str:
        async with self._redis.on(names.board_key(channel, "meta")) as server:
            found: dict[str, Any] = await server.info("server")
        return str(found["run_id"])

    async def adopt(self, channel: str, *, fence: int) -> None:
        await self.apply(channel, {}, fence=fence)
        life, meta = await self.life(channel), names.board_key(channel, "meta")
        await self._list(channel)
        async with self._redis.on(meta) as server, await server.together() as together:
            together.hset(meta, "life", life)
            await together.execute()
            if not together.confirmed:
                server.doubt()
                raise StoreAway(UNCONFIRMED)

    async def _list(self, channel: str) -> None:
        async with self._redis.on(names.BOARDS) as server:
            await server.sadd(names.BOARDS, channel)
            self._share = HISTORY_BYTES // await server.scard(names.BOARDS)

    async def drop(self, channel: str) -> None:
        keys = self._keys(channel)
        async with self._redis.on(names.BOARDS) as server:
            await server.srem(names.BOARDS, channel)
        async with self._redis.on(keys[0]) as server:
            await server.unlink(*keys)

    async def channels(self) -> list[str]:
        async with self._redis.on(names.BOARDS) as server:
            found = await server.smembers(names.BOARDS)
        return sorted(name.decode() for name in found)


async def _steps(server: Any, wanted: dict[Any, Any], block: int) -> Any:
    try:
        return await server.xread(wanted, block=block, count=200)
    except ResponseError as error:
        # our server became a replica while we waited
        if "UNBLOCKED" not in str(error):
            raise
        raise StoreAway("The Redis primary was replaced; looking for the new one.") from None


def _delta(place: bytes, fields: Mapping[bytes, bytes]) -> Delta:
    offset = int(place.split(b"-")[0])
    put, drop, epoch = {}, [], ""
    for name, body in fields.items():
        if name == b"e":
            epoch = body.decode()
        elif name[:1] == b"+":
            put[name[1:].decode()] = body
        else:
            drop.append(name[1:].decode())
    return Delta(epoch, offset - 1, offset, put, tuple(drop))
