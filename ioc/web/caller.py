"""Who calls: address, scheme, origin and key. Forwarded headers are believed from named proxies only."""

from __future__ import annotations

import ipaddress
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ioc.settings import Access as AccessSettings

COOKIE = "ioc_session"
NEVER_IN_QUERY = frozenset({"key", "token", "api_key", "apikey", "access_token", "secret", "code"})

Scope = Any


def _field(scope: Scope, name: bytes) -> str | None:
    """A header by its name in lower case, as it came first; None without one."""
    for given, value in scope["headers"]:
        if given == name:
            return str(value.decode("latin-1"))
    return None


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _named(address: str, proxies: tuple[str, ...]) -> bool:
    if not proxies:
        return False
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
    for hop in reversed((_field(scope, b"x-forwarded-for") or "").split(",")):
        if hop.strip():
            found = hop.strip()
            if not _named(found, settings.proxies):
                break
    return found


def household(scope: Scope, settings: AccessSettings) -> str:
    """What is counted as one caller: the address, or of IPv6 the network (/64) that one household is given."""
    found = address(scope, settings)
    try:
        ip = ipaddress.ip_address(found)
    except ValueError:
        return found
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
    return found


def secure(scope: Scope, settings: AccessSettings) -> bool:
    """Whether the caller came over TLS, to us or to a named proxy."""
    if scope["scheme"] in ("https", "wss"):
        return True
    told = _field(scope, b"x-forwarded-proto") or ""
    return told.split(",")[0].strip() in ("https", "wss") and _named(_peer(scope), settings.proxies)


def secret(scope: Scope) -> str | None:
    """The key that came in the Authorization header, else in the session cookie; None without one."""
    scheme, _, given = (_field(scope, b"authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and given.strip():
        return given.strip()
    told = _field(scope, b"cookie")
    if not told:
        return None
    try:
        cookie = SimpleCookie(told).get(COOKIE)
    except CookieError:
        return None
    return str(cookie.value) if cookie is not None and cookie.value else None


def by_cookie(scope: Scope) -> bool:
    """Whether the key came as a cookie, which a browser sends by itself."""
    return _field(scope, b"authorization") is None and secret(scope) is not None


def origin_fits(scope: Scope, settings: AccessSettings) -> bool:
    """Whether the page that opens the connection is ours, or named; a caller without a page has no Origin."""
    origin = _field(scope, b"origin")
    if origin is None:
        return True
    if origin in settings.origins:
        return True
    host = _field(scope, b"host") or ""
    if _named(_peer(scope), settings.proxies):
        host = _field(scope, b"x-forwarded-host") or host
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc.lower() == host.lower()


def key_in_query(scope: Scope) -> str | None:
    """The name of a query parameter that holds a key, which must never stand in an address; None when none does."""
    if not scope.get("query_string"):
        return None
    for name, _ in parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True):
        if name.lower() in NEVER_IN_QUERY:
            return str(name)
    return None
