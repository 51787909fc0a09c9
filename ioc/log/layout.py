"""How many streams the log has, and how that changes without an event lost or out of its order.

The number stands in the store, beside each stream, and every writer looks at it in its transaction. To change it, the
projector's reader (there is one at a time) first marks it as changing, so that nobody appends; when both groups have
read and acknowledged everything, the marks of what was seen go to their new streams, and the new number stands. A crash
between leaves the mark, and the next reader goes on.
"""

from __future__ import annotations

import time
from typing import Any

from redis.exceptions import ResponseError

from ioc import names
from ioc.errors import StoreAway
from ioc.redis_link import Link

LOOK_S = 1.0
"""How long the number is believed by those who only read."""


class Layout:
    """The number of streams as the store tells it."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._told = 1
        self._asked = -LOOK_S

    async def _ask(self) -> int:
        if time.monotonic() - self._asked > LOOK_S:
            async with self._link.on(names.streams_key()) as server:
                self._told = int(await server.get(names.streams_key()) or 1)
            self._asked = time.monotonic()
        return self._told

    def doubt(self) -> None:
        """Ask the store before anything else is done."""
        self._asked = -LOOK_S

    async def count(self) -> int:
        """How many streams may hold something."""
        return abs(await self._ask())

    async def settled(self) -> int:
        """How many streams to write to. Raises StoreAway while that changes."""
        told = await self._ask()
        if told < 0:
            self.doubt()
            raise StoreAway("The log is being laid out anew; what comes is taken as soon as all of it was read.")
        return told

    async def other(self, streams: int, wanted: int | None) -> bool:
        """Whether the log has another number of streams than `streams`; sees to it that it has those `wanted`."""
        if wanted is not None and (wanted != streams or await self._ask() < 0):
            await self._change(streams, wanted)
        return await self.count() != streams

    async def begin(self, streams: int) -> None:
        """Make the streams and their groups of readers, where they are missing."""
        for stream in range(streams):
            await make_group(self._link, names.log_key(stream))

    async def _change(self, old: int, new: int) -> None:
        """Stop the writers; once everything was read, move the marks and let them write to `new` streams."""
        both = max(old, new)
        for stream in range(both):
            await self._note(stream, -old)
        self.doubt()
        for stream in range(old):
            if not await self._read(names.log_key(stream)):
                return
        for stream in range(old):
            # all of it is archived: what stays would be folded after what comes later, in another stream
            async with self._link.on(names.log_key(stream)) as server:
                await server.xtrim(names.log_key(stream), maxlen=0, approximate=False)
        for stream in range(both):
            await self._move(stream, new)
        await self.begin(new)
        for stream in range(both - 1, -1, -1):
            await self._note(stream, new)
        self.doubt()

    async def _note(self, stream: int, told: int) -> None:
        async with self._link.on(names.streams_key(stream)) as server:
            await server.set(names.streams_key(stream), told)

    async def _read(self, key: str) -> bool:
        """Whether each group has read and acknowledged everything in a stream."""
        async with self._link.on(key) as server:
            try:
                last: Any = (await server.xinfo_stream(key))["last-generated-id"]
                groups: Any = {group["name"].decode(): group for group in await server.xinfo_groups(key)}
            except ResponseError:  # it was never made: nothing was ever in it
                return True
        return all(
            name in groups and not groups[name]["pending"] and groups[name]["last-delivered-id"] == last
            for name in names.GROUPS
        )

    async def _move(self, stream: int, new: int) -> None:
        """Take the marks in a stream to where they belong among `new` streams; done twice, it does nothing more."""
        async with self._link.on(names.sources_key(stream)) as server:
            sources = await server.smembers(names.sources_key(stream))
            if stream == 0:
                sources |= set(await server.hkeys(names.ANSWERS))
        for source in sorted(name.decode() for name in sources):
            key = names.seen_key(source, stream)
            async with self._link.on(key) as server:
                marks = await server.hgetall(key)
            strays: dict[int, dict[bytes, bytes]] = {}
            for subject, mark in marks.items():
                home = names.stream_of(subject.decode(), new)
                if home != stream:
                    strays.setdefault(home, {})[subject] = mark
            for home, part in strays.items():
                there = names.seen_key(source, home)
                async with self._link.on(there) as server, server.pipeline(transaction=True) as together:
                    together.hset(there, mapping=part)
                    together.sadd(names.sources_key(home), source)
                    await together.execute()
                async with self._link.on(key) as server:
                    await server.hdel(key, *part)


async def make_group(link: Link, key: str) -> None:
    """Make a stream and its groups of readers, where they are missing."""
    for group in names.GROUPS:
        try:
            async with link.on(key) as server:
                await server.xgroup_create(key, group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
