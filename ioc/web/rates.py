"""How often one address, one device and one key may do something: counted by the library `limits`.

With a Redis all web processes of the centre count together. While it is away each counts for itself, in memory: who
reports something is taken in whatever happens to Redis, and then one may come as often to each process.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from ioc import names
from ioc.errors import StoreAway
from ioc.redis_link import Link, Server
from ioc.report_rules import Limits

WAIT_S = 1.0
"""How long a count in Redis may take."""
AWAY_S = 5.0
"""After a count that failed, Redis is not asked for so long."""

log = logging.getLogger("ioc.web")


class Rates:
    """The limits of one centre; `redis`: where its processes count together. None: this process alone."""

    def __init__(self, limits: Limits, redis: Link | None = None) -> None:
        self._memory, self._redis = MemoryStorage(), redis
        self._shared: WeakKeyDictionary[Server, Storage] = WeakKeyDictionary()
        self._away_until = -math.inf
        self._by: dict[str, list[RateLimitItem]] = {
            name: parse_many(getattr(limits, name)) for name in limits.__struct_fields__
        }

    async def wait(self, kind: str, who: str) -> int:
        """Count one try of `who`; returns the seconds that they must wait, 0: none. `kind`: a field of `Limits`."""
        return await self._wait(self._by[kind], kind, who)

    async def wait_by(self, words: str, kind: str, who: str) -> int:
        """The same by a limit that is given in the words of `limits`, such as 600/minute; `kind`: what is counted."""
        return await self._wait(parse_many(words), kind, who)

    async def _wait(self, told: Sequence[RateLimitItem], kind: str, who: str) -> int:
        if self._redis is not None and time.monotonic() >= self._away_until:
            try:
                async with asyncio.timeout(WAIT_S):
                    found = await self._together(self._redis, told, kind, who)
            except (StoreAway, RedisError, TimeoutError) as error:
                if self._away_until == -math.inf:
                    log.warning("Each web process counts for itself (%s), until Redis answers.", type(error).__name__)
                self._away_until = time.monotonic() + AWAY_S
            else:
                if self._away_until != -math.inf:
                    log.info("Redis answers again; all web processes count together.")
                self._away_until = -math.inf
                return found
        return max([0, *[await _counted(self._memory, limit, kind, who) for limit in told]])

    async def _together(self, redis: Link, told: Sequence[RateLimitItem], kind: str, who: str) -> int:
        longest = 0
        for limit in told:
            async with redis.on(f"{names.RATES}:{limit.key_for(kind, who)}") as server:
                longest = max(longest, await _counted(self._storage(server), limit, kind, who))
        return longest

    def _storage(self, server: Server) -> Storage:
        """The library's storage over our own connections to a server; a cluster has several servers."""
        if server not in self._shared:
            pool: Any = server.connection_pool
            self._shared[server] = RedisStorage(
                "async+redis://", implementation="redispy", key_prefix=names.RATES, connection_pool=pool
            )
        return self._shared[server]


async def _counted(storage: Storage, limit: RateLimitItem, kind: str, who: str) -> int:
    """Count one try; returns the seconds to wait, 0: none."""
    limiter = FixedWindowRateLimiter(storage)
    if await limiter.hit(limit, kind, who):
        return 0
    stats = await limiter.get_window_stats(limit, kind, who)
    return max(1, math.ceil(stats.reset_time - time.time()))
