"""How we talk to Redis: one place for the client's options and for what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, ConnectionError, ReadOnlyError, TimeoutError

from ioc.errors import StoreAway


def connect(url: str, *, blocking: bool = False) -> Any:
    """A redis.asyncio.Redis for `url`. `blocking`: for a reader that waits, so without a time limit on answers.

    Typed as Any because redis-py types every answer as bytes or text; ours are bytes.
    """
    # the protocol is named because 2 and 3 nest stream answers differently; 5 s is redis-py's default and kills waits
    limit = None if blocking else 5.0
    return Redis.from_url(url, protocol=2, socket_timeout=limit, socket_connect_timeout=5.0, health_check_interval=15)


@contextmanager
def reaching() -> Iterator[None]:
    """Turns every way in which Redis can be away into StoreAway."""
    try:
        yield
    except (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError, OSError) as error:
        raise StoreAway(f"Redis does not answer ({type(error).__name__}); waiting for it.") from error
