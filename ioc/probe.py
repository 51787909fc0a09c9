"""Whether a device itself answers: a TCP connect, RTSP OPTIONS, or its picture fetched and hashed.

Bounded in parallel, in rate, in bytes and in time; what was found is remembered, and travels in the cursor.
"""

from __future__ import annotations

import asyncio
import fnmatch
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from urllib.parse import SplitResult, quote, urlsplit

import httpx2
import msgspec

from ioc import clock
from ioc.adapter import client
from ioc.rounds import NoAnswer, Rounds

State = Literal["live", "frozen", "down", "never"]
_PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322, "tcp": None}
MAX_PICTURE = 4 * 1024 * 1024
"""Bytes of one picture that are read at most."""


class Probe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of the probing of each device.

    `kind`: tcp (a connect), rtsp (OPTIONS), jpeg (the picture fetched and hashed). `path`: the record's field with the
    device's address; it is not carried to a screen. `every`: seconds between two probes of one device. `parallel`:
    probes at the same time. `rate`: probes begun per second. `budget_s`: seconds of one asking that probing may take;
    who was not reached is first next time. `timeout_s`: for one probe. `frozen_after`: the same picture so many times
    running is frozen. `down_after`: so many failures running are down. `hosts`: patterns of the hosts that may be
    probed (empty: any).
    """

    kind: Literal["tcp", "rtsp", "jpeg"]
    path: str
    every: float = 60.0
    parallel: int = 8
    rate: float = 20.0
    budget_s: float = 10.0
    timeout_s: float = 5.0
    frozen_after: int = 3
    down_after: int = 2
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        least = min(self.every, self.rate, self.budget_s, self.timeout_s)
        if least <= 0 or min(self.parallel, self.frozen_after, self.down_after) < 1:
            raise ValueError("every, parallel, rate, budget_s, timeout_s, frozen_after and down_after are above zero")


class Outcome(msgspec.Struct, array_like=True):
    """What is known of one device. `same`: how often its picture came running; `since`: when `state` became so."""

    state: State = "never"
    since: datetime | None = None
    why: str | None = None
    failures: int = 0
    same: int = 0
    picture: str = ""


class Prober(Rounds[Outcome]):
    """Probes the devices of one source. `outcomes` holds what is known of each, by subject."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe, Outcome)
        self.probe = probe

    async def run(self, addresses: Mapping[str, str]) -> None:
        """Probe the devices that are due, the longest unasked first, within the budget; forget those that are gone."""
        async with client(self.probe.timeout_s) as http:
            await self.go_round(addresses, lambda subject: self._one(subject, addresses[subject], http))

    async def _one(self, subject: str, address: str, http: httpx2.AsyncClient) -> None:
        try:
            async with asyncio.timeout(self.probe.timeout_s):
                picture = await self._answer(address, http)
        except TimeoutError:
            self._failed(subject, "no answer in time")
        except NoAnswer as error:
            self._failed(subject, str(error))
        except (OSError, httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
            self._failed(subject, type(error).__name__)
        else:
            self._answered(subject, picture)

    async def _answer(self, address: str, http: httpx2.AsyncClient) -> str:
        parts = _address(address, self.probe.hosts)
        match self.probe.kind:
            case "jpeg":
                return await _picture(address, http)
            case "rtsp":
                await _options(parts)
            case _:
                _, writer = await asyncio.open_connection(parts.hostname, _port(parts))
                writer.close()
        return ""

    def _answered(self, subject: str, picture: str) -> None:
        before = self.outcomes[subject]
        same = before.same + 1 if picture and picture == before.picture else 1
        frozen = bool(picture) and same >= self.probe.frozen_after
        why = f"the same picture {self.probe.frozen_after} times running" if frozen else None
        self._now(subject, "frozen" if frozen else "live", why, 0, min(same, self.probe.frozen_after), picture)

    def _failed(self, subject: str, why: str) -> None:
        before = self.outcomes[subject]
        failures = min(before.failures + 1, self.probe.down_after)
        down = failures >= self.probe.down_after
        self._now(
            subject,
            "down" if down else before.state,
            why if down else before.why,
            failures,
            before.same,
            before.picture,
        )

    def _now(self, subject: str, state: State, why: str | None, failures: int, same: int, picture: str) -> None:
        before = self.outcomes[subject]
        since = before.since if state == before.state else clock.now()
        self.outcomes[subject] = Outcome(state, since, why, failures, same, picture)


def _address(address: str, hosts: tuple[str, ...]) -> SplitResult:
    """The parts of an address that may be asked; "host:port" is read as tcp."""
    try:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
        port = _port(parts)
    except ValueError:
        raise NoAnswer("its address can't be read") from None
    if not parts.hostname or parts.scheme not in _PORTS or port is None:
        raise NoAnswer("its address can't be read")
    if hosts and not any(fnmatch.fnmatch(parts.hostname, pattern) for pattern in hosts):
        raise NoAnswer("its address is not among the hosts that may be probed")
    return parts


def _port(parts: SplitResult) -> int | None:
    return parts.port or _PORTS.get(parts.scheme)


async def _options(parts: SplitResult) -> None:
    """Any RTSP answer will do, "401 Unauthorized" too: the device speaks. The key in the address stays here."""
    reader, writer = await asyncio.open_connection(parts.hostname, _port(parts))
    try:
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        asked = f"rtsp://{host}:{_port(parts)}{quote(parts.path or '/', safe='/%:@=&')}"
        writer.write(f"OPTIONS {asked} RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: ioc-probe/1\r\n\r\n".encode("ascii"))
        await writer.drain()
        if not (await reader.read(512)).startswith(b"RTSP/"):
            raise NoAnswer("something answers, but not RTSP")
    finally:
        writer.close()


async def _picture(address: str, http: httpx2.AsyncClient) -> str:
    """A short digest of the picture."""
    hashed, size, head = hashlib.blake2b(digest_size=8), 0, b""
    async with http.stream("GET", address, follow_redirects=False) as response:
        if response.status_code != 200:
            raise NoAnswer(f"HTTP {response.status_code} instead of a picture")
        async for piece in response.aiter_bytes():
            head = head if len(head) >= 2 else (head + piece)[:2]
            hashed.update(piece)
            size += len(piece)
            if size > MAX_PICTURE:
                raise NoAnswer("a picture that is too large")
    if head != b"\xff\xd8":
        raise NoAnswer("no JPEG picture")
    return hashed.hexdigest()
