"""Who calls: address, scheme, origin and key. Forwarded headers are believed from named proxies only."""

from __future__ import annotations

import ipaddress
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers

from ioc.settings import Access as AccessSettings

COOKIE = "ioc_session"
NEVER_IN_QUERY = frozenset({"key", "token", "api_key", "apikey", "access_token", "secret", "code"})

Scope = Any


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _named(address: str, proxies: tuple[str, ...]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address in proxies
    for proxy in proxies:
        try:
            if ip in ipaddress.ip_network(proxy, strict=False):
                return True
        except ValueError:
            continue
    return False


def address(scope: Scope, settings: AccessSettings) -> str:
    """The caller's address; behind named proxies, the first one before them."""
    found = _peer(scope)
    if not _named(found, settings.proxies):
        return found
    for hop in reversed(Headers(scope=scope).get("x-forwarded-for", "").split(",")):
        if hop.strip():
            found = hop.strip()
            if not _named(found, settings.proxies):
                break
    return found


def secure(scope: Scope, settings: AccessSettings) -> bool:
    """Whether the caller came over TLS, to us or to a named proxy."""
    if scope["scheme"] in ("https", "wss"):
        return True
    told = Headers(scope=scope).get("x-forwarded-proto", "")
    return told.split(",")[0].strip() in ("https", "wss") and _named(_peer(scope), settings.proxies)


def secret(scope: Scope) -> str | None:
    """The key that came in the Authorization header, else in the session cookie; None without one."""
    headers = Headers(scope=scope)
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and given.strip():
        return given.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return str(cookie.value) if cookie is not None and cookie.value else None


def by_cookie(scope: Scope) -> bool:
    """Whether the key came as a cookie, which a browser sends by itself."""
    return "authorization" not in Headers(scope=scope) and secret(scope) is not None


def origin_fits(scope: Scope, settings: AccessSettings) -> bool:
    """Whether the page that opens the connection is ours, or named; a caller without a page has no Origin."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is None:
        return True
    if origin in settings.origins:
        return True
    host = headers.get("host", "")
    if _named(_peer(scope), settings.proxies):
        host = headers.get("x-forwarded-host", host)
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc.lower() == host.lower()


def key_in_query(scope: Scope) -> str | None:
    """The name of a query parameter that holds a key, which must never stand in an address; None when none does."""
    for name, _ in parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True):
        if name.lower() in NEVER_IN_QUERY:
            return str(name)
    return None
