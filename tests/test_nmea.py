"""Lines of shore stations: whole messages out of parts, and the time of each, however it is told."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from operator import xor

import pytest

from ioc.errors import BadRecord
from ioc.nmea import WITHIN_LINES, Reader, Whole

ONE = "!AIVDM,1,1,,B,402R3Wiuef:dO0tgkNOgc?A00HBd,0*76"
FIRST = "!AIVDM,2,1,3,A,802R5Ph0Bk@Ch@Fln<ljQhs2HGwwwwwwwwwwwwwwwwwwwwwwwwwwwwww,0*48"
SECOND = "!AIVDM,2,2,3,A,wwt,2*63"
NOON = datetime(2010, 6, 11, 11, 46, 12, 386000, UTC)


def checked(start: str, body: str) -> str:
    return f"{start}{body}*{reduce(xor, body.encode(), 0):02X}"


def pghp(checksum: str) -> str:
    return checked("$", f"PGHP,1,2010,6,11,11,46,12,386,219,24,992190924,1,{checksum}")


def fed(*lines: str) -> list[Whole | BadRecord]:
    reader = Reader()
    return [found for line in lines for found in reader.feed(line)]


def time(*lines: str) -> datetime | None:
    (whole,) = fed(*lines)
    assert isinstance(whole, Whole)
    return whole.time


def test_a_time_is_told_in_four_ways_and_the_best_is_taken() -> None:
    tag = checked("", "s:b:2,c:1364272372")
    stamp = "@1400000000123 "
    assert time(ONE) is None
    assert time(stamp + ONE) == datetime.fromtimestamp(1400000000.123, UTC)
    assert time(f"{stamp}{ONE},1485907262") == datetime.fromtimestamp(1485907262, UTC)
    assert time(f"{stamp}\\{tag}\\{ONE},1485907262") == datetime.fromtimestamp(1364272372, UTC)
    assert time(f"\\{checked('', 'c:1364272372123')}\\{ONE}") == datetime.fromtimestamp(1364272372.123, UTC)
    assert time(pghp("76"), f"\\{tag}\\{ONE}") == NOON
    assert time(f"\\{tag}\\", ONE) == datetime.fromtimestamp(1364272372, UTC), "a tag block on a line of its own"


def test_a_time_of_another_message_is_not_taken() -> None:
    assert time(pghp("77"), ONE) is None
    assert time("$PGHP,1,2010,6,11,11,46,12,386,219,24,992190924,1,76*00", ONE) is None
    assert time(f"\\s:b:2,c:1364272372*00\\{ONE}") is None
    (first, second) = fed(pghp("76"), ONE, ONE)
    assert isinstance(first, Whole) and isinstance(second, Whole)
    assert (first.time, second.time) == (NOON, None)


def test_parts_make_one_message_in_any_order_and_other_lines_between() -> None:
    for lines in ((FIRST, SECOND), (SECOND, FIRST), (FIRST, ONE, "# Kystverket", SECOND)):
        wholes = [found for found in fed(*lines) if isinstance(found, Whole) and found.parts == 2]
        (whole,) = wholes
        assert whole.payload.startswith("802R5Ph0") and whole.payload.endswith("wwt") and whole.fill == 2
    assert time(pghp(f"{0x48 ^ 0x63:02X}"), FIRST, SECOND) == NOON, "it fits the checksums of both parts"


def test_a_part_without_the_others_is_set_aside() -> None:
    reader = Reader()
    assert list(reader.feed(FIRST)) == [] and reader.waiting == 1
    again = list(reader.feed(FIRST))
    assert [bad.reason for bad in again if isinstance(bad, BadRecord)] == ["lost_part"]
    found = [one for _ in range(WITHIN_LINES + 1) for one in reader.feed(ONE)]
    assert sum(isinstance(one, BadRecord) for one in found) == 1 and reader.waiting == 0
    list(reader.feed(SECOND))
    assert [bad.raw for bad in reader.flush()] == [SECOND]


def test_reading_with_a_copy_changes_nothing() -> None:
    reader = Reader()
    list(reader.feed(FIRST))
    for _ in range(2):
        (whole,) = reader.copy().feed(SECOND)
        assert isinstance(whole, Whole)
    assert (reader.lines, reader.waiting) == (1, 1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (ONE.replace("*76", "*77"), "bad_checksum"),
        (ONE[:30], "bad_sentence"),
        ("GET / HTTP/1.1", "bad_sentence"),
        (checked("!", "AIVDM,1,2,,A,1000,0"), "bad_sentence"),
        (checked("!", "AIVDM,1,1,,A,1000,7"), "bad_sentence"),
        (checked("!", "AIVDM,1,1,,B,,0"), "empty_sentence"),
        (ONE + ",1daasd4218,,1357134222", "bad_time"),
    ],
)
def test_what_cant_be_read_says_why(line: str, reason: str) -> None:
    (bad,) = fed(line)
    assert isinstance(bad, BadRecord)
    assert (bad.reason, bad.raw) == (reason, line) and bad.say.endswith(".")


def test_other_sentences_are_no_records() -> None:
    assert fed("$GPGGA,123519,4807.038,N*47", "# a comment", "", "$PFOO,INVALID") == []
