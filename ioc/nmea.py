"""Lines of NMEA 0183 as shore stations send them, put together to whole AIS messages, each with its time.

A message may stand in several sentences; its time comes from a `$PGHP` line before it, from a tag block (`\\c:…\\`),
from a number after the checksum, or, in what we heard ourselves, from `@<milliseconds> ` before it; in that order.
Format: IEC 61162-1 and -450; `$PGHP` as the Danish shore network sends it (its last field is the exclusive or of the
checksums of the message that it belongs to). Other sentences and comments (`#`) are no records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import reduce
from operator import xor

import msgspec

from ioc.errors import BadRecord

MOST_PARTS = 9
WITHIN_LINES = 400
"""A part whose others do not come within so many lines is set aside."""
_STAMP = re.compile(r"@(\d{13}) ")
_TAG = re.compile(r"\\([^\\]*)\\")
_SENTENCE = re.compile(r"!(..VD[MO]),([^*]*)\*([0-9A-Fa-f]{2})(.*)", re.DOTALL)
_PGHP = re.compile(r"\$(PGHP,1,([\d,]*),([0-9A-Fa-f]{1,2}))\*([0-9A-Fa-f]{2})\s*")

Key = tuple[str, str, str, int]


class Sentence(msgspec.Struct, frozen=True):
    """One AIS sentence. `own`: of the ship or station that sends it itself (VDO). `line`: where it stood."""

    own: bool
    total: int
    number: int
    key: Key
    payload: str
    fill: int
    checksum: int
    time: datetime | None
    raw: str
    line: int


class Whole(msgspec.Struct, frozen=True):
    """One whole message: six-bit `payload` with `fill` bits too many; `parts` sentences; `time` aware, or None."""

    own: bool
    payload: str
    fill: int
    time: datetime | None
    parts: int
    raw: str
    line: int


class _Told(msgspec.Struct, frozen=True):
    """A `$PGHP` line: its time, and the checksum of the message that it belongs to."""

    time: datetime
    checksum: int


class Reader:
    """Puts lines together. `copy` makes one that goes on from here, so that reading again changes nothing.

    `lines`, `sentences`: how many came. `others`: lines that are no AIS sentence and claim to be none.
    """

    def __init__(self) -> None:
        self.lines = self.sentences = self.others = 0
        self._parts: dict[Key, dict[int, Sentence]] = {}
        self._told: _Told | None = None
        self._tag: datetime | None = None

    def copy(self) -> Reader:
        made = Reader()
        made.lines, made.sentences, made.others = self.lines, self.sentences, self.others
        made._parts = {key: dict(parts) for key, parts in self._parts.items()}
        made._told, made._tag = self._told, self._tag
        return made

    @property
    def waiting(self) -> int:
        """Sentences whose other parts have not come yet."""
        return sum(len(parts) for parts in self._parts.values())

    def feed(self, line: str) -> Iterator[Whole | BadRecord]:
        """What is whole, or can't be read, with this line."""
        self.lines += 1
        text = line.strip()
        stamp, tag, group, rest = self._unwrapped(text)
        if not rest.startswith("!"):
            if rest and not rest.startswith(("$", "#")):
                say = "The line is no sentence of NMEA 0183; its sender must send nothing else."
                yield BadRecord(say, reason="bad_sentence", raw=text)
            else:
                self.others += 1
                self._told = _told(rest) or self._told
                self._tag = tag or self._tag
            return
        self.sentences += 1
        tag, self._tag = tag or self._tag, None
        try:
            sentence = _sentence(rest, text, group, self.lines, tag, stamp)
        except BadRecord as bad:
            self._told = None
            yield bad.of(text, None)
            return
        yield from self._join(sentence)
        yield from self._late()

    def flush(self) -> Iterator[BadRecord]:
        """The parts whose others never came, at the end of a file."""
        for key in list(self._parts):
            yield from self._drop(key)

    def _unwrapped(self, text: str) -> tuple[datetime | None, datetime | None, str, str]:
        """The line without what stands before the sentence: our own stamp, a tag block's time, and its group."""
        stamp, tag, group = None, None, ""
        if found := _STAMP.match(text):
            stamp, text = datetime.fromtimestamp(int(found[1]) / 1000, UTC), text[found.end() :]
        while found := _TAG.match(text):
            text = text[found.end() :].lstrip()
            time, of = _tagged(found[1])
            tag, group = time or tag, of or group
        return stamp, tag, group, text

    def _join(self, sentence: Sentence) -> Iterator[Whole | BadRecord]:
        if sentence.total == 1:
            yield self._whole([sentence])
            return
        parts = self._parts.setdefault(sentence.key, {})
        if sentence.number in parts:
            yield from self._drop(sentence.key)
            parts = self._parts.setdefault(sentence.key, {})
        parts[sentence.number] = sentence
        if len(parts) == sentence.total:
            del self._parts[sentence.key]
            yield self._whole([parts[number] for number in sorted(parts)])

    def _whole(self, parts: list[Sentence]) -> Whole:
        told, self._told = self._told, None
        ours = told is not None and told.checksum == reduce(xor, (part.checksum for part in parts))
        time = told.time if told is not None and ours else next((part.time for part in parts if part.time), None)
        return Whole(
            parts[0].own, "".join(part.payload for part in parts), parts[-1].fill, time, len(parts),
            "\n".join(part.raw for part in parts), parts[0].line,
        )  # fmt: skip

    def _late(self) -> Iterator[BadRecord]:
        if self._parts:
            for key, parts in list(self._parts.items()):
                if self.lines - min(part.line for part in parts.values()) > WITHIN_LINES:
                    yield from self._drop(key)

    def _drop(self, key: Key) -> Iterator[BadRecord]:
        for part in self._parts.pop(key).values():
            say = f"Part {part.number} of {part.total} came without the others; the line to the station loses some."
            yield BadRecord(say, reason="lost_part", raw=part.raw)


def _sum(text: str) -> int:
    return reduce(xor, text.encode("latin-1", "replace"), 0)


def _told(text: str) -> _Told | None:
    found = _PGHP.fullmatch(text)
    if found is None or _sum(found[1]) != int(found[4], 16):
        return None
    try:
        year, month, day, hour, minute, second, ms = (int(part) for part in found[2].split(",")[:7])
        time = datetime(year, month, day, hour, minute, second, ms * 1000, UTC)
    except ValueError:
        return None
    return _Told(time, int(found[3], 16))


def _tagged(text: str) -> tuple[datetime | None, str]:
    """A tag block's time and group; of one with a wrong checksum nothing is believed."""
    body, star, checksum = text.rpartition("*")
    if not star or not re.fullmatch("[0-9A-Fa-f]{2}", checksum) or _sum(body) != int(checksum, 16):
        return None, ""
    fields = dict(field.partition(":")[::2] for field in body.split(","))
    return epoch(fields.get("c", "")), fields.get("g", "").rpartition("-")[2]


def epoch(text: str) -> datetime | None:
    """A time in seconds or milliseconds since 1970; None: it is none."""
    if not re.fullmatch(r"\d{9,13}", text):
        return None
    return datetime.fromtimestamp(int(text) / (1000 if len(text) > 11 else 1), UTC)


def _sentence(text: str, raw: str, group: str, line: int, tag: datetime | None, stamp: datetime | None) -> Sentence:
    found = _SENTENCE.fullmatch(text)
    fields = found[2].split(",") if found else []
    if found is None or len(fields) != 6 or not all(part.isascii() and part.isdigit() for part in fields[:2]):
        say = "The AIS sentence does not have its seven fields and a checksum; its sender must send whole lines."
        raise BadRecord(say, reason="bad_sentence")
    if _sum(f"{found[1]},{found[2]}") != int(found[3], 16):
        say = "The AIS sentence does not fit its checksum; it was damaged on the way, see to the line."
        raise BadRecord(say, reason="bad_checksum")
    total, number, fill = int(fields[0]), int(fields[1]), fields[5]
    if not 1 <= number <= total <= MOST_PARTS or len(fill) != 1 or fill not in "012345":
        say = "The AIS sentence numbers its parts or bits wrongly; its sender must correct it."
        raise BadRecord(say, reason="bad_sentence")
    if not fields[4]:
        say = "The AIS sentence says nothing; its receiver must send only what it heard."
        raise BadRecord(say, reason="empty_sentence")
    key = (found[1], fields[2] + "/" + group, fields[3], total)
    time = tag or _suffix(found[4]) or stamp
    return Sentence(
        found[1].endswith("O"), total, number, key, fields[4], int(fill), int(found[3], 16), time, raw, line
    )


def _suffix(text: str) -> datetime | None:
    """The time after the checksum. Raises BadRecord when something else stands there."""
    told = text.removeprefix(",").split(",")[0].strip()
    time = epoch(told) if told else None
    if told and time is None:
        say = "What stands after the checksum is no time in seconds; the station's software must be set."
        raise BadRecord(say, reason="bad_time")
    return time
