"""AIS messages: the real ones beside an independent decoder, and what a sender marks as not available."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyais
import pytest

from ioc import ais
from ioc.ais import Message
from ioc.errors import BadRecord
from ioc.nmea import Reader, Whole


def wholes(folder: Path) -> Iterator[Whole]:
    """Every whole message of the real recordings."""
    for file in sorted([*folder.glob("*.txt"), *folder.glob("*.log")]):
        reader = Reader()
        for line in file.read_text("latin-1").splitlines():
            yield from (found for found in reader.feed(line) if isinstance(found, Whole))


def independent(whole: Whole) -> dict[str, Any]:
    """The message as pyais reads it, in our words; what it marks as not available is None."""
    lines = [found[0].replace("!--", "!AI").encode() for found in re.finditer(r"!.{5},[^*\n]*\*..", whole.raw)]
    told: Any = pyais.decode(*lines).asdict()
    kind = told["msg_type"]
    found: dict[str, Any] = {"type": kind, "mmsi": int(told["mmsi"])}
    if kind in (1, 2, 3, 4, 9, 18, 19, 21, 27):
        found["lon"] = None if told["lon"] == 181 else round(told["lon"], 6)
        found["lat"] = None if told["lat"] == 91 else round(told["lat"], 6)
    if kind in (1, 2, 3, 9, 18, 19, 27):
        found["course"] = told["course"] if told["course"] < 360 else None
        found["speed"] = told["speed"] if told["speed"] < 102.3 else None
    if kind in (1, 2, 3, 18, 19):
        found["heading"] = told["heading"] if told["heading"] < 360 else None
    if kind in (1, 2, 3):
        found["status"] = int(told["status"])
    names = {"shipname": "name", "name": "name", "callsign": "callsign", "destination": "destination"}
    if kind in (5, 19, 21, 24):
        found |= {
            ours: told[theirs].partition("@")[0].strip() or None for theirs, ours in names.items() if theirs in told
        }
        # pyais knows no reserved types, and says 0 for them
        found |= {"ship_type": int(told["ship_type"])} if told.get("ship_type") else {}
        found |= {"length": (told["to_bow"] + told["to_stern"]) or None} if "to_bow" in told else {}
        found |= {"draught": told["draught"] or None, "imo": told["imo"] or None} if kind == 5 else {}
    return found


def ours(said: Message, name: str) -> Any:
    return said.told.get(name) if name not in Message.__struct_fields__ else getattr(said, name)


def test_every_real_message_is_read_as_an_independent_decoder_reads_it(shared: Path) -> None:
    messages, fields = Counter[int](), Counter[str]()
    for whole in wholes(shared / "ais"):
        try:
            said = ais.message(whole.payload, whole.fill)
        except BadRecord as bad:
            assert bad.reason == "no_id", whole.raw
            continue
        messages[said.type] += 1
        for name, value in independent(whole).items():
            fields[name] += 1
            assert ours(said, name) == value, f"{name} of {whole.raw}"
    print(f"messages by type: {dict(sorted(messages.items()))}; fields compared: {dict(fields)}")
    assert sum(messages.values()) == 5584 and fields["lon"] == fields["lat"] == 4553
    assert fields["name"] > 500 and fields["course"] == 4299


def payload(bits: str) -> tuple[str, int]:
    fill = -len(bits) % 6
    bits += "0" * fill
    codes = (int(bits[at : at + 6], 2) for at in range(0, len(bits), 6))
    return "".join(chr(code + 48 if code < 40 else code + 56) for code in codes), fill


def placed(lon: int, lat: int, speed: int = 1023, course: int = 3600, heading: int = 511) -> str:
    fields = [(1, 6), (0, 2), (574000001, 30), (15, 4), (128, 8), (speed, 10), (0, 1), (lon & 0xFFFFFFF, 28)]
    fields += [(lat & 0x7FFFFFF, 27), (course, 12), (heading, 9), (60, 6), (0, 25)]
    return "".join(format(number, f"0{width}b") for number, width in fields)


def test_what_is_not_available_is_no_number() -> None:
    said = ais.message(*payload(placed(181 * 600_000, 91 * 600_000)))
    assert said.placed
    assert (said.lon, said.lat, said.course, said.speed, said.heading) == (None,) * 5
    south_west = ais.message(*payload(placed(-179_999_999 // 300, -500_000, 0, 3599, 359)))
    assert (south_west.lon, south_west.lat) == (-1.0, -0.833333)
    assert (south_west.course, south_west.speed, south_west.heading) == (359.9, 0.0, 359)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (payload(format(63, "06b") + "0" * 162), "unknown_code"),
        (payload(format(1, "06b") + "0" * 162), "no_id"),
        (payload(placed(0, 0)[:100]), "short_message"),
        (("1~~~", 0), "bad_payload"),
        (("1" * 201, 0), "bad_payload"),
    ],
)
def test_what_is_no_message_says_why(given: tuple[str, int], reason: str) -> None:
    with pytest.raises(BadRecord) as bad:
        ais.message(*given)
    assert bad.value.reason == reason and bad.value.say.endswith(".")
