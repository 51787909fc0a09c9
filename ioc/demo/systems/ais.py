"""A simulated AIS station: NMEA 0183 over TCP, with tag blocks, as shore stations send it; zones as a map file.

Each boat with a transponder tells its place every EVERY_S, and its name every NAMES_S. The lines of a second go to all
who are connected. Boats and zones are invented (`ioc.demo.fleet`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import reduce
from operator import xor
from typing import ClassVar

from ioc import clock
from ioc.demo.fleet import ZONES, Boat, Fix, Fleet
from ioc.demo.systems import System

PORT = 8110
EVERY_S, NAMES_S = 30, 360
_TEXT = "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_ !\"#$%&'()*+,-./0123456789:;<=>?"


class Station(System):
    """`zones.geojson` in its folder holds the zones."""

    breaks: ClassVar = {
        "silent": "The connection stands, and nothing comes over it.",
        "gone": "Nobody listens on its port.",
        "garbled": "Each line is damaged on the way: no checksum fits.",
        "spoofed": "Every third boat's place jumps to an airport and back.",
        "ahead": "The station's clock runs two hours ahead.",
    }
    shows: ClassVar = {
        "silent": "source", "gone": "source", "garbled": "aside", "spoofed": "vessels_doubtful", "ahead": "aside",
    }  # fmt: skip

    async def begin(self) -> None:
        self.fleet = Fleet(self.world.seed)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._told = int(self.world.now.timestamp())
        (self.folder / "zones.geojson").write_text(json.dumps(ZONES, ensure_ascii=False), encoding="utf-8")
        await self._open()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._met, "127.0.0.1", self.ports[PORT])

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Who connects is told all boats at once, as a station that begins to hear them; then what comes."""
        if "silent" not in self.broken:
            writer.write(self._bytes(self._all(self.world.now)))
        self._writers.add(writer)
        try:
            await reader.read()
        except (OSError, asyncio.CancelledError):
            # it broke off, or the demo ends
            pass
        finally:
            self._leave(writer)

    def _leave(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.close()

    async def keep(self) -> None:
        """Say what the boats said since the last time."""
        now = self.world.now
        if "gone" in self.broken:
            await self.end()
            return
        if self._server is None:
            await self._open()
        told, self._told = self._told, int(now.timestamp())
        if "silent" in self.broken:
            return
        lines = [
            line for second in range(max(told, self._told - EVERY_S) + 1, self._told + 1) for line in self._of(second)
        ]
        for writer in [one for one in self._writers if not one.is_closing()]:
            if writer.transport.get_write_buffer_size() > 1_000_000:
                self._leave(writer)
            elif lines:
                writer.write(self._bytes(lines))

    async def end(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            for writer in list(self._writers):
                self._leave(writer)

    def _bytes(self, lines: list[str]) -> bytes:
        if "garbled" in self.broken:
            lines = [line.replace(",A,", ",B,") for line in lines]
        return "".join(line + "\r\n" for line in lines).encode("ascii")

    def _all(self, now: datetime) -> list[str]:
        boats = [boat for boat in self.fleet.boats if boat.ais]
        return [line for boat in boats for line in (*self._named(boat, now), *self._placed(boat, now))]

    def _of(self, second: int) -> Iterator[str]:
        """What is said in that second since 1970."""
        now = datetime.fromtimestamp(second, clock.ZONE)
        for boat in self.fleet.boats:
            if boat.ais and (second + boat.phase) % EVERY_S == 0:
                yield from self._placed(boat, now)
            if boat.ais and (second + boat.phase) % NAMES_S == 0:
                yield from self._named(boat, now)

    def _placed(self, boat: Boat, now: datetime) -> Iterator[str]:
        fix = boat.at(now)
        if "spoofed" in self.broken and boat.number % 3 == 0 and int(now.timestamp() + boat.phase) // EVERY_S % 2:
            fix = Fix(108.199, 16.044, fix.course, fix.speed)
        yield from self._sentences(placed(boat.mmsi, fix, now), now)

    def _named(self, boat: Boat, now: datetime) -> Iterator[str]:
        yield from self._sentences(named(boat.mmsi, boat.name, 30 if boat.fishing else 70, boat.length), now)

    def _sentences(self, bits: str, now: datetime) -> Iterator[str]:
        time = now + timedelta(hours=2) if "ahead" in self.broken else now
        yield from sentences(bits, int(time.timestamp()))


def placed(mmsi: int, fix: Fix, when: datetime) -> str:
    """The bits of a class A report of a place (type 1)."""
    speed, course = min(1022, round(fix.speed * 10)), round(fix.course * 10) % 3600
    return (
        _bits(1, 6) + _bits(0, 2) + _bits(mmsi, 30) + _bits(0, 4) + _bits(-128, 8) + _bits(speed, 10) + "1"
        + _bits(round(fix.lon * 600_000), 28) + _bits(round(fix.lat * 600_000), 27) + _bits(course, 12)
        + _bits(course // 10, 9) + _bits(when.second, 6) + _bits(0, 2 + 3 + 1 + 19)
    )  # fmt: skip


def named(mmsi: int, name: str, kind: int, length: int) -> str:
    """The bits of a message of name, type and size (type 5)."""
    size = _bits(length // 2, 9) + _bits(length - length // 2, 9) + _bits(3, 6) + _bits(3, 6)
    head = _bits(5, 6) + _bits(0, 2) + _bits(mmsi, 30) + _bits(0, 2) + _bits(0, 30)
    return (
        head
        + _text("", 7)
        + _text(name.upper(), 20)
        + _bits(kind, 8)
        + size
        + _bits(1, 4)
        + _bits(0, 28)
        + _text("DU LIEU MAU", 20)
        + _bits(0, 2)
    )


def sentences(bits: str, epoch: int) -> list[str]:
    """The lines of one message, in parts of at most 56 characters, the first with a tag block of its time."""
    fill = -len(bits) % 6
    bits += "0" * fill
    codes = [int(bits[at : at + 6], 2) for at in range(0, len(bits), 6)]
    payload = "".join(chr(code + 48 if code < 40 else code + 56) for code in codes)
    parts = [payload[at : at + 56] for at in range(0, len(payload), 56)]
    group = "" if len(parts) == 1 else str(sum(codes) % 10)
    lines = []
    for number, part in enumerate(parts, start=1):
        body = f"AIVDM,{len(parts)},{number},{group},A,{part},{fill if number == len(parts) else 0}"
        tag = f"s:TRAM-MAU,c:{epoch}"
        lines.append((f"\\{tag}*{_sum(tag):02X}\\" if number == 1 else "") + f"!{body}*{_sum(body):02X}")
    return lines


def _sum(text: str) -> int:
    return reduce(xor, text.encode("ascii"), 0)


def _bits(number: int, width: int) -> str:
    return format(number & ((1 << width) - 1), f"0{width}b")


def _text(text: str, characters: int) -> str:
    return "".join(_bits(_TEXT.index(letter), 6) for letter in text[:characters].ljust(characters, "@"))
