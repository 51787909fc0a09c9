"""Whether an address answers, how fast, until when its certificate is valid, and when it last posted something.

An address is `tcp://host:port` (or `host:port`), `tls://host:port`, `http://…` or `https://…`. A list of addresses may
come from outside, so none is asked that lies in a network which is not public, unless the settings name that network.
A host's name is looked up once and the address found is connected to: what the name says a moment later changes
nothing. Redirects are not followed. Nothing is sent but the asking, and of a certificate its end is read, whoever
signed it.
"""

from __future__ import annotations

import asyncio
import fnmatch
import re
import socket
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

import httpx2
import msgspec

from ioc import clock
from ioc.rounds import NoAnswer, Rounds

Result = Literal["up", "slow", "down", "never"]
PORTS = {"http": 80, "https": 443, "tls": 443, "tcp": None}
JITTER = 0.1
"""A site is asked again after `every` give or take so much of it, so that many are not asked at one moment."""
_NAT64 = IPv6Network("64:ff9b::/96")


class Reach(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of the asking of sites.

    `every`: seconds between two askings of one site, a tenth more or less. `parallel`: at the same time. `rate`: begun
    per second. `budget_s`: seconds of one asking that all of them may take; who was not reached is first the next time.
    `timeout_s`: for one site. `slow_ms`: an answer that takes longer is slow. `down_after`: so many failures running
    are down. `networks`: those that are not public and may be asked (`10.20.0.0/16`). `hosts`: patterns of the hosts
    that may be asked (empty: any). `newest`: a regular expression whose group finds the times of posts in a page.
    `max_bytes`: of a page that are read for it.
    """

    every: float = 60.0
    parallel: int = 16
    rate: float = 50.0
    budget_s: float = 20.0
    timeout_s: float = 5.0
    slow_ms: float = 1_500.0
    down_after: int = 2
    networks: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    newest: str | None = None
    max_bytes: int = 256 * 1024

    def __post_init__(self) -> None:
        least = min(self.every, self.rate, self.budget_s, self.timeout_s, self.slow_ms)
        if least <= 0 or min(self.parallel, self.down_after, self.max_bytes) < 1:
            names = "every, parallel, rate, budget_s, timeout_s, slow_ms, down_after and max_bytes"
            raise ValueError(f"{names} are above zero")
        for network in self.networks:
            try:
                ip_network(network)
            except ValueError as error:
                raise ValueError(
                    f"networks names {network}, which is none ({error}); write one like 10.0.0.0/8"
                ) from None
        try:
            groups = re.compile(self.newest).groups if self.newest is not None else 1
        except re.error as error:
            raise ValueError(f"newest is no regular expression ({error})") from None
        if groups < 1:
            raise ValueError("newest has no group; put what is to be taken in ( )")


class Outcome(msgspec.Struct, array_like=True):
    """What is known of one site. `ms`: how long its last answer took. `until`: the end of its certificate; `newest`:
    its newest post; aware. `why`: what is wrong, for people. `failures`: running. `forbidden`: it may not be asked."""

    result: Result = "never"
    ms: int | None = None
    why: str | None = None
    until: datetime | None = None
    newest: datetime | None = None
    failures: int = 0
    forbidden: bool = False


class Answered(NamedTuple):
    """One answer, and what stood in it."""

    until: datetime | None = None
    newest: datetime | None = None


class Forbidden(NoAnswer):
    """The address may not be asked."""


class Sites(Rounds[Outcome]):
    """Asks the sites of one source. `outcomes` holds what is known of each, by subject."""

    def __init__(self, reach: Reach) -> None:
        super().__init__(reach, Outcome, JITTER)
        self.reach = reach
        self._networks = tuple(ip_network(network) for network in reach.networks)

    async def run(self, addresses: Mapping[str, str]) -> None:
        """Ask the sites that are due, the longest unasked first, within the budget; forget those that are gone."""
        # certificates are read, and not believed: only their end is told
        unchecked = httpx2.AsyncClient(verify=_unchecked(), timeout=self.reach.timeout_s, trust_env=False)
        async with unchecked as http:
            await self.go_round(addresses, lambda subject: self._one(subject, addresses[subject], http))

    async def _one(self, subject: str, address: str, http: httpx2.AsyncClient) -> None:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self.reach.timeout_s):
                found = await self._answer(address, http)
        except TimeoutError:
            self._failed(subject, "no answer in time")
        except Forbidden as error:
            self.outcomes[subject] = Outcome(why=str(error), forbidden=True)
        except NoAnswer as error:
            self._failed(subject, str(error))
        except (OSError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            self._failed(subject, type(error).__name__)
        else:
            ms = round(1000 * (time.monotonic() - begun))
            slow = ms > self.reach.slow_ms
            why = f"slower than {self.reach.slow_ms:g} ms" if slow else None
            self.outcomes[subject] = Outcome("slow" if slow else "up", ms, why, found.until, found.newest)

    def _failed(self, subject: str, why: str) -> None:
        """One failure is no news; what was known of certificate and posts stays known."""
        before = self.outcomes[subject]
        failures = min(before.failures + 1, self.reach.down_after)
        down = failures >= self.reach.down_after
        changed: dict[str, Any] = {"result": "down", "ms": None, "why": why} if down else {}
        self.outcomes[subject] = msgspec.structs.replace(before, failures=failures, forbidden=False, **changed)

    async def _answer(self, address: str, http: httpx2.AsyncClient) -> Answered:
        parts = _parts(address, self.reach.hosts)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        found = await self._looked_up(host, port)
        if parts.scheme in ("http", "https"):
            return await self._page(http, address, found)
        secure: dict[str, Any] = {"ssl": _unchecked(), "server_hostname": host} if parts.scheme == "tls" else {}
        _, writer = await asyncio.open_connection(found, port, **secure)
        try:
            return Answered(_end(writer.get_extra_info("ssl_object")))
        finally:
            writer.close()

    async def _looked_up(self, host: str, port: int | None) -> str:
        """The first address of the host that may be asked."""
        told = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for one in told:
            if allowed(ip_address(one[4][0]), self._networks):
                return str(one[4][0])
        raise Forbidden("its address lies in a network that is not public and that the setting networks does not name")

    async def _page(self, http: httpx2.AsyncClient, address: str, found: str) -> Answered:
        url = httpx2.URL(address)
        headers = {"Host": url.netloc.decode("ascii"), "User-Agent": "ioc-probe/1"}
        asked = http.build_request(
            "GET", url.copy_with(host=found), headers=headers, extensions={"sni_hostname": url.host}
        )
        response = await http.send(asked, stream=True)
        try:
            # a door that asks who we are is open; a page that is not there is not
            if response.status_code >= 400 and response.status_code not in (401, 403):
                raise NoAnswer(f"HTTP {response.status_code}")
            stream = response.extensions.get("network_stream")
            until = _end(stream.get_extra_info("ssl_object") if stream is not None else None)
            return Answered(until, await self._newest(response) if self.reach.newest else None)
        finally:
            await response.aclose()

    async def _newest(self, response: httpx2.Response) -> datetime | None:
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) >= self.reach.max_bytes:
                break
        text = bytes(body[: self.reach.max_bytes]).decode(response.charset_encoding or "utf-8", "replace")
        times = (moment(found[1]) for found in re.finditer(self.reach.newest or "", text))
        until = clock.now()
        return max((at for at in times if at is not None and at <= until), default=None)


def allowed(address: IPv4Address | IPv6Address, networks: tuple[IPv4Network | IPv6Network, ...] = ()) -> bool:
    """Whether an address is public, or lies in one of `networks`; of one that wraps another, that other counts."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return allowed(inner, networks)
    if any(address in network for network in networks if network.version == address.version):
        return True
    return address.is_global and not address.is_multicast


def moment(text: str) -> datetime | None:
    """A time of a feed or page, aware: RFC 822 (`Tue, 10 Mar 2026 08:00:00 +0700`) or ISO 8601; None: it is none."""
    said = text.strip()
    for read in (clock.parse, parsedate_to_datetime):
        try:
            found = read(said)
            # by RFC 2822 -0000 is UTC, and says nothing of where it was written
            return (found.replace(tzinfo=UTC) if said.endswith("-0000") else clock.aware(found)).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _parts(address: str, hosts: tuple[str, ...]) -> SplitResult:
    """The parts of an address that may be asked; "host:port" is read as tcp."""
    try:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        raise Forbidden("its address can't be read") from None
    if not parts.hostname or parts.scheme not in PORTS or port is None or parts.username is not None:
        raise Forbidden("its address can't be read")
    if hosts and not any(fnmatch.fnmatch(parts.hostname, pattern) for pattern in hosts):
        raise Forbidden("its address is not among the hosts that may be asked")
    return parts


def _unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _end(secured: Any) -> datetime | None:
    """Until when the certificate of the other side is valid; None without TLS, and where it can't be read."""
    body = secured.getpeercert(True) if secured is not None else None
    if not body:
        return None
    from cryptography import x509

    return x509.load_der_x509_certificate(body).not_valid_after_utc
