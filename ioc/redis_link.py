"""How we talk to Redis: one place for the client's options and for what its errors mean."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, ReadOnlyError, TimeoutError

from ioc.errors import StoreAway


class _Cancellable:
    """Sends as redis-py does, but for its `asyncio.wait_for`: on Python 3.11 that swallows a cancellation that comes in
    the very turn in which the sending is done, and whoever waits for the cancelled task then waits for ever."""

    socket_timeout: float | None

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        limit, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(limit):
                await super().send_packed_command(command, check_health)  # type: ignore[misc]
        except builtins.TimeoutError:
            await self.disconnect(nowait=True)  # type: ignore[attr-defined]
            raise TimeoutError("Timeout writing to socket") from None
        finally:
            self.socket_timeout = limit


class _Tcp(_Cancellable, Connection):
    pass


class _Tls(_Cancellable, SSLConnection):
    pass


class _Unix(_Cancellable, UnixDomainSocketConnection):
    pass


_KINDS: dict[Any, Any] = {Connection: _Tcp, SSLConnection: _Tls, UnixDomainSocketConnection: _Unix}


def connect(url: str, *, blocking: bool = False) -> Any:
    """A redis.asyncio.Redis for `url`. `blocking`: for a reader that waits (2 s at most), with a longer time limit.

    Nothing is tried again behind our back: a read that was answered into a broken connection is lost to a second
    try, and whoever waits for a store that is away must know it at once. An idle connection that the server closed
    is opened anew. Typed as Any because redis-py types every answer as bytes or text; ours are bytes.
    """
    pool = ConnectionPool.from_url(
        url,
        protocol=2,  # 2 and 3 nest stream answers differently
        socket_timeout=10.0 if blocking else 5.0,
        socket_connect_timeout=5.0,
        health_check_interval=15,
        retry=Retry(NoBackoff(), 0),
    )
    pool.connection_class = _KINDS[pool.connection_class]
    return Redis.from_pool(pool)


@contextmanager
def reaching() -> Iterator[None]:
    """Turns every way in which Redis can be away into StoreAway."""
    try:
        yield
    except (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError, OSError) as error:
        raise StoreAway(f"Redis does not answer ({type(error).__name__}); waiting for it.") from error
