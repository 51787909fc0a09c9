"""How we talk to Redis: one place for the client's options and for what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, ReadOnlyError, TimeoutError

from ioc.errors import StoreAway


def connect(url: str, *, blocking: bool = False) -> Any:
    """A redis.asyncio.Redis for `url`. `blocking`: for a reader that waits (2 s at most), with a longer time limit.

    Nothing is tried again behind our back: a read that was answered into a broken connection is lost to a second
    try, and whoever waits for a store that is away must know it at once. An idle connection that the server closed
    is opened anew. Typed as Any because redis-py types every answer as bytes or text; ours are bytes.
    """
    return Redis.from_url(
        url,
        protocol=2,  # 2 and 3 nest stream answers differently
        socket_timeout=10.0 if blocking else 5.0,
        socket_connect_timeout=5.0,
        health_check_interval=15,
        retry=Retry(NoBackoff(), 0),
    )


@contextmanager
def reaching() -> Iterator[None]:
    """Turns every way in which Redis can be away into StoreAway."""
    try:
        yield
    except (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError, OSError) as error:
        raise StoreAway(f"Redis does not answer ({type(error).__name__}); waiting for it.") from error
