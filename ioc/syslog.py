"""Lines of syslog as they are sent: RFC 5424, RFC 3164 (which has no year and no zone), and how TCP frames them.

A line is read for its severity, time, host and program; its text is the caller's affair.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ioc import clock
from ioc.errors import BadRecord

MAX_LINE = 64 * 1024
"""Bytes of one line at most."""
NOTICE = 13
"""What a line without a priority is read as (RFC 3164, 4.3.3): user, notice."""
_PRIORITY = re.compile(r"<(\d{1,3})>")
_RFC5424 = re.compile(r"1 (\S+) (\S+) (\S+) (\S+) (\S+) (.*)", re.DOTALL)
_RFC3164 = re.compile(r"([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (\S+) (.*)", re.DOTALL)
_PROGRAM = re.compile(r"([\w./-]{1,48})(?:\[\d+\])?:")
_AHEAD = timedelta(days=1)


class Line(NamedTuple):
    """`severity`: 0 (emergency) to 7 (debug). `time`: aware; None: the line tells none."""

    severity: int
    time: datetime | None
    host: str
    program: str
    text: str


def read(line: str, now: datetime, zone: ZoneInfo) -> Line:
    """One line. A time without a year is the newest such time that is not more than a day after `now`.

    Raises BadRecord without the line in it: bad_line, bad_time.
    """
    priority = _PRIORITY.match(line)
    number = int(priority[1]) if priority else NOTICE
    rest = line[priority.end() :] if priority else line
    if number > 191:
        raise _bad("its priority is more than 191", "bad_line")
    if (told := _RFC5424.fullmatch(rest)) is not None:
        when, host, program, _, _, text = told.groups()
        return Line(number % 8, None if when == "-" else _moment(when), host, program, text)
    if (told := _RFC3164.fullmatch(rest)) is not None:
        when, host, text = told.groups()
        program = _PROGRAM.match(text)
        return Line(number % 8, _yearless(when, now, zone), host, program[1] if program else "", text)
    raise _bad("it is in the form of neither RFC 5424 nor RFC 3164", "bad_line")


def _bad(why: str, reason: str) -> BadRecord:
    return BadRecord(f"A line of the log can't be read: {why}; look at what its sender is set to send.", reason=reason)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise _bad("its time is none", "bad_time") from None
    if found.tzinfo is None:
        raise _bad("its time has no offset", "bad_time")
    return found


def _yearless(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    latest = (now + _AHEAD).astimezone(zone)
    # 29 February is in no other year
    for year in range(latest.year, latest.year - 8, -1):
        try:
            found = clock.aware(datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S"), zone)  # noqa: DTZ007
        except ValueError:
            continue
        if found <= latest:
            return found
    raise _bad("its time is none", "bad_time")


async def framed(reader: asyncio.StreamReader, idle_s: float) -> AsyncIterator[bytes]:
    """The messages of a TCP connection (RFC 6587): after their length, or a line each. Ends with the connection, when
    nothing comes for `idle_s` seconds, and at a message of more than MAX_LINE bytes."""
    while True:
        try:
            async with asyncio.timeout(idle_s):
                first = await reader.read(1)
                if not first:
                    return
                message = await _counted(reader, first) if first.isdigit() else first + await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as cut:
            if first and not first.isdigit() and (cut.partial or first.strip()):
                yield first + cut.partial
            return
        except (TimeoutError, asyncio.LimitOverrunError, ValueError, OSError):
            return
        yield message


async def _counted(reader: asyncio.StreamReader, first: bytes) -> bytes:
    digits = first + (await reader.readuntil(b" ")).rstrip(b" ")
    if not digits.isdigit() or not 0 < int(digits[:8]) <= MAX_LINE:
        raise ValueError("no length")
    return await reader.readexactly(int(digits))
