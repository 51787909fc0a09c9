"""A Redis or Valkey Cluster, as one client for each server and the map of who keeps which slot.

redis-py's own cluster client has no blocking reads over several servers, and tries again behind our back; a writer must
hear that its server was replaced, for the steps that it wrote last may be gone. So each command goes to one plain
client, and whatever shows that the map is old ends in StoreAway, and in another look at the map.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

from redis.crc import key_slot
from redis.exceptions import RedisError

from ioc.errors import StoreAway
from ioc.redis_server import Server, reaching

T = TypeVar("T")
Address = tuple[str, int]


class Cluster:
    """Stands where a `Server` stands; what both have:

    `on(key)` is the server that keeps a key, inside `reaching`; `servers()` are all primaries; `split(keys)` groups the
    keys that one command may name; `get_each(keys)` their values; `apart`: boards and log may lie on different servers.
    """

    apart = True

    def __init__(self, seeds: Sequence[Address], make: Callable[[str, int], Server]) -> None:
        self._seeds, self._make = list(seeds), make
        self._clients: dict[Address, Server] = {}
        self._begins: list[int] = []
        self._kept: list[tuple[int, Address]] = []
        self._old = True
        self._looking = asyncio.Lock()
        self._turn = 0
        self._silent: set[Address] = set()

    @asynccontextmanager
    async def on(self, key: str) -> AsyncIterator[Any]:
        try:
            with reaching():
                yield await self._at(key)
        except StoreAway:
            self._old = True
            raise

    async def servers(self) -> list[Server]:
        if self._old:
            await self._look()
        return [self._client(address) for address in dict.fromkeys(address for _, address in self._kept)]

    def split(self, keys: Sequence[str]) -> list[list[str]]:
        found: dict[int, list[str]] = {}
        for key in keys:
            found.setdefault(key_slot(key.encode()), []).append(key)
        return list(found.values())

    async def get_each(self, keys: Sequence[str]) -> list[bytes | None]:
        async def one(key: str) -> bytes | None:
            async with self.on(key) as server:
                found: bytes | None = await server.get(key)
                return found

        return list(await asyncio.gather(*map(one, keys)))

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    def _client(self, address: Address) -> Server:
        if address not in self._clients:
            self._clients[address] = self._make(*address)
        return self._clients[address]

    async def _at(self, key: str) -> Server:
        if self._old:
            await self._look()
        slot = key_slot(key.encode())
        place = bisect_right(self._begins, slot) - 1
        if place < 0 or slot > self._kept[place][0]:
            raise StoreAway(f"No server of the cluster keeps slot {slot}; waiting for one.")
        return self._client(self._kept[place][1])

    async def _look(self) -> None:
        """Ask who keeps what: another server first each time, for one may not have heard yet; the silent ones last."""
        async with self._looking:
            if not self._old:
                return
            known = list(dict.fromkeys([*(address for _, address in self._kept), *self._seeds]))
            self._turn = (self._turn + 1) % len(known)
            for address in sorted(known[self._turn :] + known[: self._turn], key=self._silent.__contains__):
                self._silent.add(address)
                try:
                    client: Any = self._client(address)
                    told: list[Any] = await client.execute_command("CLUSTER", "SLOTS")
                except (RedisError, OSError):
                    continue
                self._silent.discard(address)
                if not told:
                    continue
                kept = sorted((int(begin), int(end), _address(node, address)) for begin, end, node, *_ in told)
                self._begins = [begin for begin, _, _ in kept]
                self._kept = [(end, place) for _, end, place in kept]
                await self._forget()
                self._old = False
                return
        raise StoreAway("No server of the Redis Cluster answers; waiting for one.")

    async def _forget(self) -> None:
        """Close the clients of servers that keep nothing any more, but for those that can be asked for the map."""
        wanted = {*(address for _, address in self._kept), *self._seeds}
        for address in self._clients.keys() - wanted:
            await self._clients.pop(address).aclose()


def _address(node: Sequence[Any], asked: Address) -> Address:
    host = node[0].decode() if node[0] else ""
    return (host if host not in ("", "?") else asked[0], int(node[1]))


async def merged(readers: Sequence[AsyncGenerator[T]]) -> AsyncGenerator[T]:
    """What several readers bring, each in its own order; an error of one of them ends all."""
    queue: asyncio.Queue[tuple[T | None, Exception | None]] = asyncio.Queue(len(readers))

    async def bring(reader: AsyncGenerator[T]) -> None:
        try:
            async with aclosing(reader) as told:
                async for one in told:
                    await queue.put((one, None))
        except Exception as error:
            await queue.put((None, error))

    tasks = [asyncio.create_task(bring(reader), name="redis reader") for reader in readers]
    try:
        while True:
            one, error = await queue.get()
            if error is not None:
                raise error
            yield one  # type: ignore[misc]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
