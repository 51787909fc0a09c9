"""One Redis server, or the primary that Sentinels name: the client's options, and what its errors mean."""

from __future__ import annotations

import asyncio
import builtins
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import (
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)

from ioc.errors import StoreAway

WAIT_MS = 1000
"""How long a commit waits for a replica to have it, where there is one."""
COUNTED_S = 1.0
"""How long the number of replicas is believed."""
SENTINEL_S = 1.0
UNCONFIRMED = "No replica of Redis has confirmed in time that it has this, so it may be lost."


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


class _Found(_Cancellable, SentinelManagedConnection):
    pass


class _FoundTls(_Cancellable, SentinelManagedSSLConnection):
    pass


_KINDS: dict[Any, Any] = {Connection: _Tcp, SSLConnection: _Tls, UnixDomainSocketConnection: _Unix}


class Together(Pipeline):
    """A transaction that waits, on the connection that it was sent on, until a replica has it (`waits`: there is one).

    Another connection would know nothing of it: WAIT counts from the last write of its own. `confirmed`: it has it.
    """

    waits = False
    confirmed = True

    async def _execute_transaction(self, connection: Any, commands: Any, raise_on_error: Any) -> Any:
        told = await super()._execute_transaction(connection, commands, raise_on_error)
        if self.waits:
            await connection.send_command("WAIT", 1, WAIT_MS)
            self.confirmed = int(await connection.read_response()) > 0
        return told


class Server(Redis):
    """A client of one server. What it shares with `ioc.redis_cluster.Cluster` is named there."""

    apart = False
    sentinels: Sentinel | None = None
    _replicas = 0
    _counted = -COUNTED_S

    @asynccontextmanager
    async def on(self, key: str) -> AsyncIterator[Any]:
        with reaching():
            yield self

    async def servers(self) -> list[Server]:
        return [self]

    def split(self, keys: Sequence[str]) -> list[list[str]]:
        return [list(keys)]

    async def get_each(self, keys: Sequence[str]) -> list[bytes | None]:
        with reaching():
            found: Any = await self.mget(keys)
        return list(found)

    async def replicas(self) -> int:
        """How many replicas follow this server now and have caught up; known for a second."""
        if time.monotonic() - self._counted > COUNTED_S:
            told: dict[str, Any] = await self.info("replication")
            following = [told.get(f"slave{number}") for number in range(int(told.get("connected_slaves", 0)))]
            self._replicas = sum(1 for one in following if isinstance(one, dict) and one.get("state") == "online")
            self._counted = time.monotonic()
        return self._replicas

    def doubt(self) -> None:
        """Count the replicas again before the next wait."""
        self._counted = -COUNTED_S

    async def together(self) -> Together:
        """A transaction that a replica must have, where there is one; see `Together.confirmed` after it."""
        made = Together(self.connection_pool, self.response_callbacks, True, None)
        made.waits = await self.replicas() > 0
        return made

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        if self.sentinels is not None:
            await self.sentinels.aclose()


def _options(blocking: bool) -> dict[str, Any]:
    return {
        "protocol": 2,  # 2 and 3 nest stream answers differently
        "socket_timeout": 10.0 if blocking else 5.0,
        "socket_connect_timeout": 5.0,
        "health_check_interval": 15,
        "retry": Retry(NoBackoff(), 0),
    }


def at_address(url: str, *, blocking: bool = False) -> Server:
    """A client of the server at a redis://, rediss:// or unix:// address."""
    pool = ConnectionPool.from_url(url, **_options(blocking))
    pool.connection_class = _KINDS[pool.connection_class]
    return Server.from_pool(pool)  # type: ignore[return-value]


def by_sentinels(
    sentinels: Sequence[tuple[str, int]],
    name: str,
    *,
    tls: bool,
    own: dict[str, Any],
    theirs: dict[str, Any],
    blocking: bool = False,
) -> Server:
    """A client of the primary that the Sentinels call `name`, found anew for each connection.

    `own`: username, password and db at the primary; `theirs`: username and password at the Sentinels.
    """
    quick = {"socket_timeout": SENTINEL_S, "socket_connect_timeout": SENTINEL_S}
    sentinel: Any = Sentinel
    asked = sentinel(list(sentinels), sentinel_kwargs={**_options(False), **quick, "ssl": tls, **theirs})
    for one in asked.sentinels:
        one.connection_pool.connection_class = _KINDS[one.connection_pool.connection_class]
    pool: Any = SentinelConnectionPool
    pool = pool(name, asked, connection_class=_FoundTls if tls else _Found, **_options(blocking), **own)
    found: Server = Server.from_pool(pool)  # type: ignore[assignment]
    found.sentinels = asked
    return found


_AWAY = (
    ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError, AskError, ClusterDownError, TryAgainError, OSError,
)  # fmt: skip
"""AskError is MovedError too: the server keeps other keys now, nothing was done, and its writer must look again."""
_NOT_NOW = ("NOREPLICAS", "MISCONF")


@contextmanager
def reaching() -> Iterator[None]:
    """Turns every way in which Redis can be away into StoreAway."""
    try:
        yield
    except _AWAY as error:
        raise StoreAway(f"Redis does not answer ({type(error).__name__}); waiting for it.") from error
    except ResponseError as error:
        # a transaction puts the command before it
        code = next((code for code in _NOT_NOW if code in str(error)), None)
        if code is None:
            raise
        raise StoreAway(f"Redis takes nothing at the moment ({code}); waiting for it.") from error
