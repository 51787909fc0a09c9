"""How we talk to Redis: one server, the primary that Sentinels name, or a Cluster; told by the address alone.

    redis://  rediss://  unix://                               one server
    redis+sentinel://[user:password@]host:port,host:port/name  the primary `name`; `/name/1`: its database 1
    redis+cluster://[user:password@]host:port,host:port        any servers of the cluster

`rediss+…` speaks TLS. Sentinels with a password of their own: `?sentinel_username=…&sentinel_password=…`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

from ioc.errors import BadConfig
from ioc.redis_cluster import Cluster
from ioc.redis_server import Server, at_address, by_sentinels, reaching

__all__ = ["Cluster", "Link", "Server", "connect", "reaching"]

Link = Server | Cluster
SENTINEL_PORT = 26379
REDIS_PORT = 6379


def connect(url: str, *, blocking: bool = False) -> Any:
    """A `Server` or a `Cluster` for `url`. `blocking`: for a reader that waits (2 s at most), with a longer time limit.

    Nothing is tried again behind our back: a read that was answered into a broken connection is lost to a second
    try, and whoever waits for a store that is away must know it at once. An idle connection that the server closed
    is opened anew. Typed as Any because redis-py types every answer as bytes or text; ours are bytes. Raises BadConfig.
    """
    scheme, _, rest = url.partition("://")
    if scheme in ("redis+sentinel", "rediss+sentinel"):
        return _sentinels(scheme, rest, blocking)
    if scheme in ("redis+cluster", "rediss+cluster"):
        return _cluster(scheme, rest, blocking)
    return at_address(url, blocking=blocking)


def _parts(rest: str, port: int) -> tuple[str, list[tuple[str, int]], list[str], dict[str, str]]:
    """What stands before the @, the hosts, the parts of the path, and the query. Raises BadConfig."""
    rest, _, query = rest.partition("?")
    place, *path = rest.split("/")
    secret, _, hosts = place.rpartition("@")
    found = []
    for one in filter(None, hosts.split(",")):
        host, colon, number = one.rpartition(":")
        if not colon or one.endswith("]"):
            host, number = one, str(port)
        if not number.isdigit():
            raise BadConfig(f"REDIS_URL names no port at {one}; write host:port,host:port.")
        found.append((host.strip("[]"), int(number)))
    if not found:
        raise BadConfig("REDIS_URL names no host; write host:port,host:port after ://.")
    return secret, found, [part for part in path if part], {name: last[-1] for name, last in parse_qs(query).items()}


def _account(secret: str) -> dict[str, Any]:
    if not secret:
        return {}
    user, colon, password = secret.partition(":")
    if not colon:
        raise BadConfig("REDIS_URL has a user without a password; write user:password@ or :password@.")
    return {"password": unquote(password), **({"username": unquote(user)} if user else {})}


def _sentinels(scheme: str, rest: str, blocking: bool) -> Server:
    secret, hosts, path, query = _parts(rest, SENTINEL_PORT)
    if not path or len(path) > 2 or (len(path) == 2 and not path[1].isdigit()):
        raise BadConfig("REDIS_URL names no primary; write redis+sentinel://host:port,host:port/name.")
    own = {**_account(secret), "db": int(path[1]) if len(path) == 2 else 0}
    theirs = {name.removeprefix("sentinel_"): value for name, value in query.items() if name.startswith("sentinel_")}
    return by_sentinels(
        hosts, unquote(path[0]), tls=scheme == "rediss+sentinel", own=own, theirs=theirs, blocking=blocking
    )


def _cluster(scheme: str, rest: str, blocking: bool) -> Cluster:
    secret, hosts, path, _ = _parts(rest, REDIS_PORT)
    if path not in ([], ["0"]):
        raise BadConfig("REDIS_URL names a database, and a cluster has none; end it after the last port.")
    _account(secret)
    plain = f"{scheme.removesuffix('+cluster')}://{secret + '@' if secret else ''}"

    def make(host: str, port: int) -> Server:
        return at_address(f"{plain}{f'[{host}]' if ':' in host else host}:{port}", blocking=blocking)

    return Cluster(hosts, make)
