"""A role is held by one process at a time; a second copy is a spare. The number that comes with a lease fences writers."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil

from ioc import names
from ioc.errors import Fenced
from ioc.redis_link import reaching

TTL_S = 6.0
_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
local n = math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, tonumber(ARGV[4]))
redis.call('SET', KEYS[2], string.format('%d', n))
return n
"""
_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_DROP = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


def token() -> str:
    """Who holds a lease: host, process, and when that process began (ids are used again)."""
    return f"{socket.gethostname()}|{os.getpid()}|{psutil.Process().create_time():.2f}"


def dead(holder: str) -> bool:
    """Whether `holder` was a process of this host that no longer runs: its lease can be taken over at once."""
    try:
        host, pid, began = holder.split("|")
        if host != socket.gethostname():
            return False
        return f"{psutil.Process(int(pid)).create_time():.2f}" != began
    except psutil.NoSuchProcess:
        return True
    except ValueError:
        return False


@asynccontextmanager
async def hold(redis: Any, role: str, *, ttl_s: float = TTL_S) -> AsyncIterator[int]:
    """Wait until this process holds `role`; yields its fencing number, renews meanwhile, lets go at the end.

    The block is cancelled and Fenced raised when the lease is lost. Raises StoreAway.
    """
    lease, fence, own = names.lease_key(role), names.fence_key(role), token()
    while True:
        with reaching():
            holder = await redis.get(lease)
            stale = holder.decode() if holder is not None and dead(holder.decode()) else ""
            # numbers begin at the clock, so that they go on growing after the store was emptied
            number = await redis.eval(_TAKE, 2, lease, fence, own, stale, int(ttl_s * 1000), int(time.time() * 1000))
        if number:
            break
        await asyncio.sleep(ttl_s / 6)
    async with _renewing(redis, lease, own, role, ttl_s):
        yield int(number)


@asynccontextmanager
async def _renewing(redis: Any, lease: str, own: str, role: str, ttl_s: float) -> AsyncIterator[None]:
    block = asyncio.current_task()
    assert block is not None
    lost: list[Exception] = []

    async def renew() -> None:
        while True:
            await asyncio.sleep(ttl_s / 3)
            try:
                with reaching():
                    kept = await redis.eval(_RENEW, 1, lease, own, int(ttl_s * 1000))
                if not kept:
                    raise Fenced(f"Another process took over the role {role}; this one waits as a spare.")
            except Exception as error:
                lost.append(error)
                block.cancel()
                return

    renewing = asyncio.create_task(renew(), name=f"lease {role}")
    try:
        yield
    except asyncio.CancelledError:
        if lost and block.uncancel() == 0:
            raise lost[0] from None
        raise
    finally:
        renewing.cancel()
        if not lost:
            try:
                with reaching():
                    await redis.eval(_DROP, 1, lease, own)
            except Exception:  # noqa: S110 - the lease runs out by itself
                pass
