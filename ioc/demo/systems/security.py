"""A security operations centre: a sensor that writes Suricata's `eve.json`, and servers that send their syslog.

The file grows by what happens in the world; its first lines are of the PAST before it began. The servers' lines go to
where the settings listen, over UDP (RFC 3164, without a year) and TCP (RFC 5424), and are lost while nobody does.
`/security/tong.json`: when the newest alert was.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.systems import System

UDP, TCP = 8132, 8133
"""Ports that the settings write."""
PAST = timedelta(hours=6)
PACE = 0.15
"""Alerts a second, over all bodies."""
BODIES = 18
"""Bodies with systems that are watched: 10.49.1.0/24 and on."""
SIGNATURES = (
    (1, "ET EXPLOIT Possible code execution"), (2, "ET SCAN Potential SSH Scan"), (2, "ET WEB_SERVER SQL injection"),
    (3, "ET POLICY Outdated client"), (3, "ET POLICY Cleartext password"), (3, "ET INFO Session traversal"),
)  # fmt: skip
ATTACK = 12
"""Alerts a second under attack, all of one body."""
FUTURE = timedelta(hours=3)


class Security(System):
    breaks: ClassVar = {
        "attack": f"{ATTACK} grave alerts a second, all of one body.",
        "silent": "The sensor and the servers say nothing.",
        "clock": f"The sensor's clock runs {FUTURE.seconds // 3600} hours ahead.",
        "garbled": "The sensor's lines break off.",
    }
    shows: ClassVar = {"attack": "alert", "silent": "source", "clock": "aside", "garbled": "aside"}

    def routes(self) -> list[Route]:
        return [Route("/tong.json", self.newest)]

    async def newest(self, _request: Request) -> Response:
        """When the newest alert was, as the centre's own console knows it, whether it is sent on or not."""
        now = self.world.now
        last = max((at for at, _ in self.happened(now - timedelta(minutes=5), now)), default=now - timedelta(minutes=5))
        return JSONResponse({"moi_nhat": clock.rfc3339(last)})

    async def begin(self) -> None:
        self._told = self.world.now - PAST
        self._file = self.folder / "eve.json"
        self._file.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._writer: asyncio.StreamWriter | None = None
        await self.keep()

    async def keep(self) -> None:
        """Tell what happened since the last time."""
        since, self._told = self._told, self.world.now
        if "silent" in self.broken:
            return
        lines = []
        for at, event in self.happened(since, self.world.now):
            line = json.dumps({**event, "timestamp": f"{at:%Y-%m-%dT%H:%M:%S.%f%z}"})
            lines.append(line[:40] if "garbled" in self.broken else line)
        if lines:
            with self._file.open("a", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
        await self._servers(int((self.world.now - max(since, self.world.began)).total_seconds()))

    async def end(self) -> None:
        self._socket.close()
        if self._writer is not None:
            self._writer.close()

    def happened(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, dict[str, Any]]]:
        """The sensor's alerts of a span of time, at the clock that the sensor has."""
        first, last = int(since.timestamp()) + 1, int(until.timestamp())
        for second in range(first, last + 1):
            chance = Random(f"{self.world.seed}/alerts/{second}")
            many = ATTACK if "attack" in self.broken else int(chance.random() < PACE)
            for _ in range(many):
                severity, signature = SIGNATURES[0] if "attack" in self.broken else chance.choice(SIGNATURES)
                body = 1 if "attack" in self.broken else chance.randrange(1, BODIES + 1)
                at = datetime.fromtimestamp(second, clock.ZONE) + (FUTURE if "clock" in self.broken else timedelta())
                yield (
                    at,
                    {
                        "event_type": "alert",
                        "src_ip": f"203.0.113.{chance.randrange(1, 250)}",
                        "dest_ip": f"10.49.{body}.{chance.randrange(2, 250)}",
                        "proto": "TCP",
                        "alert": {"severity": severity, "signature": signature},
                    },
                )

    async def _servers(self, seconds: int) -> None:
        """A line of a server now and then: failed passwords by UDP, a full disk by TCP."""
        now = self.world.now.astimezone(clock.ZONE)
        chance = Random(f"{self.world.seed}/servers/{int(now.timestamp())}")
        for _ in range(min(seconds, 600)):
            if chance.random() < PACE:
                host = f"may-{chance.randrange(1, BODIES + 1):02d}"
                told = f"<38>{now:%b} {now.day:>2} {now:%H:%M:%S} {host} sshd[12]: Failed password for invalid user"
                with suppress(OSError):
                    self._socket.sendto(told.encode(), ("127.0.0.1", self.ports[UDP]))
            if chance.random() < PACE / 3:
                await self._by_tcp(
                    f"<27>1 {clock.rfc3339(now)} may-{chance.randrange(1, BODIES + 1):02d} df - - - Disk full"
                )

    async def _by_tcp(self, line: str) -> None:
        try:
            if self._writer is None or self._writer.is_closing():
                _, self._writer = await asyncio.open_connection("127.0.0.1", self.ports[TCP])
            self._writer.write(line.encode() + b"\n")
            await self._writer.drain()
        except OSError:
            # nobody listens yet: the line is lost, as a real one would be
            self._writer = None
