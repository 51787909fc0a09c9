"""AIS messages out of their six-bit payload: who sends, where, how it moves, what it is called (ITU-R M.1371-5).

Units: degrees, knots, metres. What a sender marks as not available is None: longitude 181, latitude 91, course 360,
speed 102.3, heading 511. Messages of types that tell nothing of a vessel or a station give their sender alone.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ioc.errors import BadRecord

Kind = Literal["vessel", "base", "aid", "aircraft", "other"]

MOST_CHARACTERS = 200
"""Of a payload: five slots hold 1,064 bits."""
_TEXT = "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_ !\"#$%&'()*+,-./0123456789:;<=>?"
_FINE, _COARSE = 600_000, 600
_SIX = {chr(code): code - 48 if code < 88 else code - 56 for code in (*range(48, 88), *range(96, 120))}


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message. `placed`: it is of a type that says where its sender is; `lon` and `lat` are None where that is not
    available. `told`: what it says of name, call sign, destination, IMO number, type (`ship_type`), length, width and
    draught, as far as it says it."""

    type: int
    mmsi: int
    kind: Kind = "other"
    placed: bool = False
    lon: float | None = None
    lat: float | None = None
    course: float | None = None
    speed: float | None = None
    heading: int | None = None
    status: int | None = None
    told: dict[str, str | int | float] = {}


class Bits:
    """The bits of a payload. Raises BadRecord (bad_payload, short_message)."""

    def __init__(self, payload: str, fill: int = 0) -> None:
        number = 0
        if len(payload) > MOST_CHARACTERS:
            raise BadRecord("The AIS message is longer than any may be; its sender is wrong.", reason="bad_payload")
        try:
            for character in payload:
                number = number << 6 | _SIX[character]
        except KeyError:
            say = "The AIS message has characters that are none of its alphabet; its sender must correct it."
            raise BadRecord(say, reason="bad_payload") from None
        self.length = 6 * len(payload) - fill
        self._number = number >> fill

    def unsigned(self, start: int, width: int) -> int:
        if start + width > self.length:
            say = f"The AIS message ends after {self.length} bits, within a field; it was cut on the way."
            raise BadRecord(say, reason="short_message")
        return self._number >> (self.length - start - width) & ((1 << width) - 1)

    def signed(self, start: int, width: int) -> int:
        found = self.unsigned(start, width)
        return found - (1 << width) if found >> (width - 1) else found

    def text(self, start: int, width: int) -> str:
        """Six-bit text, without what fills it up; of a message that was cut, what is there."""
        width = min(width, (self.length - start) // 6 * 6)
        said = "".join(_TEXT[self.unsigned(at, 6)] for at in range(start, start + max(0, width), 6))
        return said.partition("@")[0].strip()


def message(payload: str, fill: int) -> Message:
    """The message of a whole payload. Raises BadRecord: bad_payload, short_message, unknown_code, no_id."""
    bits = Bits(payload, fill)
    kind, mmsi = bits.unsigned(0, 6), bits.unsigned(8, 30)
    if not 1 <= kind <= 27:
        say = f"There is no AIS message of type {kind}; its sender is wrong, or newer than what we read."
        raise BadRecord(say, reason="unknown_code", field="type", code=str(kind))
    if not 0 < mmsi <= 999_999_999:
        say = "The sender's number (MMSI) is none of nine digits; its owner must set it."
        raise BadRecord(say, reason="no_id", field="mmsi")
    match kind:
        case 1 | 2 | 3:
            return _class_a(bits, kind, mmsi)
        case 4 | 11:
            return Message(kind, mmsi, "base" if kind == 4 else "other", kind == 4, *_place(bits, 79))
        case 5:
            return Message(kind, mmsi, "vessel", told=_voyage(bits))
        case 9:
            return _aircraft(bits, mmsi)
        case 18 | 19:
            return _class_b(bits, kind, mmsi)
        case 21:
            told = _named(bits, 43, 120) | _size(bits, 219)
            return Message(kind, mmsi, "aid", True, *_place(bits, 164), told=told)
        case 24:
            return Message(kind, mmsi, "vessel", told=_class_b_static(bits, mmsi))
        case 27:
            return _far(bits, mmsi)
        case _:
            return Message(kind, mmsi)


def _class_a(bits: Bits, kind: int, mmsi: int) -> Message:
    course, heading = _course(bits, 116), _heading(bits, 128)
    speed, status = _speed(bits, 50), bits.unsigned(38, 4)
    return Message(kind, mmsi, "vessel", True, *_place(bits, 61), course, speed, heading, status)


def _class_b(bits: Bits, kind: int, mmsi: int) -> Message:
    told = _named(bits, 143, 120) | _type(bits, 263) | _size(bits, 271) if kind == 19 else {}
    course, heading = _course(bits, 112), _heading(bits, 124)
    return Message(kind, mmsi, "vessel", True, *_place(bits, 57), course, _speed(bits, 46), heading, told=told)


def _aircraft(bits: Bits, mmsi: int) -> Message:
    knots = bits.unsigned(50, 10)
    speed = float(knots) if knots != 1023 else None
    return Message(9, mmsi, "aircraft", True, *_place(bits, 61), _course(bits, 116), speed)


def _far(bits: Bits, mmsi: int) -> Message:
    """The long message for satellites: place in tenths of a minute, whole knots and degrees."""
    lon, lat = bits.signed(44, 18), bits.signed(62, 17)
    knots, course = bits.unsigned(79, 6), bits.unsigned(85, 9)
    return Message(
        27, mmsi, "vessel", True,
        _degrees(lon, _COARSE, 181), _degrees(lat, _COARSE, 91),
        float(course) if course < 360 else None, float(knots) if knots < 63 else None, None, bits.unsigned(40, 4),
    )  # fmt: skip


def _place(bits: Bits, start: int) -> tuple[float | None, float | None]:
    lon, lat = bits.signed(start, 28), bits.signed(start + 28, 27)
    return _degrees(lon, _FINE, 181), _degrees(lat, _FINE, 91)


def _degrees(number: int, parts: int, absent: int) -> float | None:
    return round(number / parts, 6) if number != absent * parts else None


def _course(bits: Bits, start: int) -> float | None:
    tenths = bits.unsigned(start, 12)
    return tenths / 10 if tenths < 3600 else None


def _speed(bits: Bits, start: int) -> float | None:
    tenths = bits.unsigned(start, 10)
    return tenths / 10 if tenths != 1023 else None


def _heading(bits: Bits, start: int) -> int | None:
    degrees = bits.unsigned(start, 9)
    return degrees if degrees < 360 else None


Told = dict[str, str | int | float]


def _voyage(bits: Bits) -> Told:
    imo, draught = bits.unsigned(40, 30), bits.unsigned(294, 8)
    found: Told = {"imo": imo} if imo else {}
    found |= _named(bits, 70, 42, "callsign") | _named(bits, 112, 120) | _type(bits, 232) | _size(bits, 240)
    if draught:
        found["draught"] = draught / 10
    return found | _named(bits, 302, 120, "destination")


def _class_b_static(bits: Bits, mmsi: int) -> Told:
    if bits.unsigned(38, 2) == 0:
        return _named(bits, 40, 120)
    found = _type(bits, 40) | _named(bits, 90, 42, "callsign")
    # of a boat that belongs to a ship, the ship's number stands where a length would
    return found if mmsi // 10_000_000 == 98 else found | _size(bits, 132)


def _named(bits: Bits, start: int, width: int, name: str = "name") -> Told:
    said = bits.text(start, width)
    return {name: said} if said else {}


def _type(bits: Bits, start: int) -> Told:
    kind = bits.unsigned(start, 8)
    return {"ship_type": kind} if kind else {}


def _size(bits: Bits, start: int) -> Told:
    bow, stern = bits.unsigned(start, 9), bits.unsigned(start + 9, 9)
    port, starboard = bits.unsigned(start + 18, 6), bits.unsigned(start + 24, 6)
    found: Told = {"length": bow + stern} if bow + stern else {}
    return found | ({"width": port + starboard} if port + starboard else {})
