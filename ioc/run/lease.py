"""A role is held by one process at a time; a second copy is a spare. The number of a lease fences writers."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from ioc import names
from ioc.errors import Fenced
from ioc.redis_link import Link

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


_holding: set[str] = set()
"""The tokens of the leases that this process waits for or holds now."""


def token() -> str:
    """Who holds a lease: where, which process, when that began (ids are used again), and which of its leases."""
    return f"{_where()}|{os.getpid()}|{_began(os.getpid())}|{secrets.token_hex(4)}"


def dead(holder: str) -> bool:
    """Whether `holder` was a process of this host that no longer runs, or a lease that this one gave up.

    Such a lease can be taken over at once.
    """
    try:
        where, pid, began, _ = holder.split("|")
        if where != _where():
            return False
        if int(pid) == os.getpid() and began == _began(os.getpid()):
            return holder not in _holding
        return _began(int(pid)) != began
    except psutil.NoSuchProcess:
        return True
    except (ValueError, psutil.Error):
        return False


def _where() -> str:
    """The host, and on Linux the space in which its process ids are counted: containers may share a host's name."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return f"{socket.gethostname()} {space}".strip()


def _began(pid: int) -> str:
    """When a process began, in a form that no correction of the clock changes where the system has one."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return f"{psutil.Process(pid).create_time():.2f}"
    state, *rest = stat.rpartition(")")[2].split()
    if state in "ZX":
        raise psutil.NoSuchProcess(pid)
    return rest[18]


@asynccontextmanager
async def hold(redis: Link, role: str, *, ttl_s: float = TTL_S) -> AsyncIterator[int]:
    """Wait until this process holds `role`; yields its fencing number, renews meanwhile, lets go at the end.

    The block is cancelled and Fenced raised when the lease is lost. Raises StoreAway.
    """
    own = token()
    _holding.add(own)
    try:
        number = await _take(redis, role, own, ttl_s)
        async with _renewing(redis, names.lease_key(role), own, role, ttl_s):
            yield number
    finally:
        _holding.discard(own)


async def _take(redis: Link, role: str, own: str, ttl_s: float) -> int:
    """Wait for the lease; returns its fencing number."""
    lease, fence = names.lease_key(role), names.fence_key(role)
    while True:
        async with redis.on(lease) as server:
            holder = await server.get(lease)
            stale = holder.decode() if holder is not None and dead(holder.decode()) else ""
            # numbers begin at the clock (µs), so that they go on growing after the store was emptied
            number = await server.eval(_TAKE, 2, lease, fence, own, stale, int(ttl_s * 1000), time.time_ns() // 1000)
        if number:
            return int(number)
        await asyncio.sleep(ttl_s / 6)


@asynccontextmanager
async def _renewing(redis: Link, lease: str, own: str, role: str, ttl_s: float) -> AsyncIterator[None]:
    block = asyncio.current_task()
    assert block is not None
    # a group of tasks that failed in this task before may have left a cancellation that nobody took back (Python 3.11)
    stood = block.cancelling()
    lost: list[Exception] = []

    async def renew() -> None:
        while True:
            await asyncio.sleep(ttl_s / 3)
            try:
                async with redis.on(lease) as server:
                    kept = await server.eval(_RENEW, 1, lease, own, int(ttl_s * 1000))
                if not kept:
                    raise Fenced(f"Another process took over the role {role}; this one waits as a spare.")
            except Exception as error:
                lost.append(error)
                block.cancel()
                return

    renewing = asyncio.create_task(renew(), name=f"lease {role}")
    try:
        yield
    except BaseException:
        # the block may end with another error of the same moment; the cancellation is ours to take back all the same
        if lost and block.uncancel() <= stood:
            raise lost[0] from None
        raise
    finally:
        renewing.cancel()
        if not lost:
            try:
                async with redis.on(lease) as server:
                    await server.eval(_DROP, 1, lease, own)
            except Exception:  # noqa: S110 - the lease runs out by itself
                pass
