"""How often one address, and one device, may do something: counted in this process, by the library `limits`."""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from ioc.report_rules import Limits


class Rates:
    """The limits of one process; with several, one address may do as often in each of them."""

    def __init__(self, limits: Limits) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._by: dict[str, list[RateLimitItem]] = {
            name: parse_many(getattr(limits, name)) for name in limits.__struct_fields__
        }

    async def wait(self, kind: str, who: str) -> int:
        """Count one try of `who`; returns the seconds that they must wait, 0: none. `kind`: a field of `Limits`."""
        longest = 0.0
        for limit in self._by[kind]:
            if not await self._limiter.hit(limit, kind, who):
                stats = await self._limiter.get_window_stats(limit, kind, who)
                longest = max(longest, stats.reset_time - time.time(), 1.0)
        return math.ceil(longest)
