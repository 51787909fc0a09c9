"""Boards in Redis or Valkey: a hash of items, a stream of steps, and their meta, changed by one script."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from itertools import chain, islice
from struct import Struct
from typing import Any

from ioc import names
from ioc.board import Delta, Position, Snapshot
from ioc.errors import Fenced, Gap
from ioc.redis_link import connect, reaching

STEP = 1000
"""Items of one step at most: a script's arguments must fit Lua's stack."""
BLOCK_MS = 250
"""How long a watch waits before it looks for new epochs, which no stream tells."""


def _script(name: str) -> str:
    return resources.files("ioc.board").joinpath(name).read_text(encoding="utf-8")


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
        self._redis = connect(url)
        self._apply = self._redis.register_script(_script("apply.lua"))
        self._reset = self._redis.register_script(_script("reset.lua"))
        self._fill = self._redis.register_script(_script("fill.lua"))

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
        with reaching():
            answer = await self._apply(keys=self._keys(channel), args=[fence, epoch, offset, *map(_packed, lists)])
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
        life = await self.life()
        with reaching():
            answer = await self._reset(keys=keys, args=[fence, filling, int(time.time() * 1000), version, life])
            begun = _judge(channel, answer)
            await self._redis.sadd(names.BOARDS, channel)
            for key, pairs in ((keys[3], gone or {}), (keys[0], items)):
                for part in _cut(pairs.items()):
                    _judge(
                        channel,
                        await self._fill(keys=[key, keys[2]], args=[filling, fence, "", *chain.from_iterable(part)]),
                    )
            if not whole:
                return begun
            # a reader who saw it half filled stands in another epoch, and so takes a fresh snapshot
            return _judge(channel, await self._fill(keys=[keys[0], keys[2]], args=[filling, fence, final]))

    async def snapshot(self, channel: str) -> Snapshot | None:
        items, _, meta, gone = self._keys(channel)
        with reaching():
            async with self._redis.pipeline(transaction=True) as together:
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
        )

    async def history(self, channel: str, after: Position) -> list[Delta]:
        _, changes, meta, _ = self._keys(channel)
        with reaching():
            async with self._redis.pipeline(transaction=True) as together:
                together.hmget(meta, "epoch", "offset")
                together.xrange(changes, min=f"({after.offset}-0")
                (epoch, offset), entries = await together.execute()
        if epoch is None or epoch.decode() != after.epoch or len(entries) != int(offset) - after.offset:
            raise Gap(f"The steps of {channel} after {after.offset} are not kept any more; take a snapshot.")
        return [_delta(place, fields) for place, fields in entries]

    async def watch(self, positions: Mapping[str, Position]) -> AsyncIterator[tuple[str, Delta | None]]:
        at = dict(positions)
        redis = connect(self._url, blocking=True)
        by_key = {names.board_key(channel, "changes").encode(): channel for channel in at}
        looked = 0.0
        try:
            while True:
                if time.monotonic() - looked >= BLOCK_MS / 1000:
                    looked = time.monotonic()
                    for channel in await self._lost(at):
                        del at[channel]
                        yield channel, None
                if not at:
                    await asyncio.sleep(BLOCK_MS / 1000)
                    continue
                wanted: dict[Any, Any] = {
                    names.board_key(channel, "changes"): f"{place.offset}-0" for channel, place in at.items()
                }
                with reaching():
                    answer = await redis.xread(wanted, block=BLOCK_MS, count=200)
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
        finally:
            await redis.aclose()

    async def _lost(self, at: Mapping[str, Position]) -> list[str]:
        """Channels of `at` that have a new epoch, or whose offset went back."""
        with reaching():
            async with self._redis.pipeline(transaction=False) as together:
                for channel in at:
                    together.hmget(names.board_key(channel, "meta"), "epoch", "offset")
                metas = await together.execute()
        return [
            channel
            for (channel, position), (epoch, offset) in zip(at.items(), metas, strict=True)
            if epoch is None or epoch.decode() != position.epoch or int(offset) < position.offset
        ]

    async def life(self) -> str:
        with reaching():
            found = await self._redis.info("server")
        return str(found["run_id"])

    async def adopt(self, channel: str) -> None:
        life = await self.life()
        with reaching():
            await self._redis.hset(names.board_key(channel, "meta"), "life", life)

    async def drop(self, channel: str) -> None:
        with reaching():
            await self._redis.srem(names.BOARDS, channel)
            await self._redis.unlink(*self._keys(channel))

    async def channels(self) -> list[str]:
        with reaching():
            found = await self._redis.smembers(names.BOARDS)
        return sorted(name.decode() for name in found)


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
