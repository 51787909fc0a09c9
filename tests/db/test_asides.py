"""What was set aside is counted once, masked, and bounded for each source."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ioc import names
from ioc.db import archive
from ioc.db import asides as kept
from ioc.db.session import Database
from ioc.event import Event, Feature, new_id
from ioc.log import Entry

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)


def refused(digest: str, minute: float = 0, raw: object = "x", source: str = "cams", say: str = "No.") -> Entry:
    when = NOON + timedelta(minutes=minute)
    told = {"reason": "no_place", "say": say, "raw": raw, "digest": digest, "record": f"cam/{digest}"}
    return Entry("0-0", Event(new_id(), source, names.REFUSED, digest, when, when, Feature(told)))


async def test_the_same_record_again_is_counted_with_its_first_and_last_time(db: Database) -> None:
    await archive.store(db, [refused("a"), refused("b", 1), refused("a", 2)])
    await archive.store(db, [refused("a", 5, say="Still no."), refused("a", 5, source="other")])
    told = [(row.digest, row.count, row.first, row.last, row.say) for row in await archive.asides(db, "cams")]
    five = NOON + timedelta(minutes=5)
    one = NOON + timedelta(minutes=1)
    assert told == [("a", 3, NOON, five, "Still no."), ("b", 1, one, one, "No.")]
    assert [row.subject for row in await archive.asides(db, "cams", limit=1)] == ["cam/a"]


async def test_a_repeated_batch_counts_nothing_twice(db: Database) -> None:
    batch = [refused("a"), refused("b"), refused("a", 1)]
    assert (await archive.store(db, batch)).aside == 3
    assert (await archive.store(db, batch)).aside == 0
    assert (await archive.store(db, [*batch[1:], refused("c", 2)])).aside == 1
    assert {row.digest: row.count for row in await archive.asides(db, "cams")} == {"a": 2, "b": 1, "c": 1}


async def test_older_ones_are_summed_up_and_none_is_lost_from_the_count(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEEP", 10)
    batch = [refused(f"d{number}", number) for number in range(25)]
    await archive.store(db, batch)
    await archive.store(db, batch)
    await archive.store(db, [refused(f"e{number}", 100 + number) for number in range(4)])
    rows = await archive.asides(db, "cams")
    own = [*(f"e{number}" for number in (3, 2, 1, 0)), *(f"d{number}" for number in range(24, 18, -1))]
    assert [row.digest for row in rows] == [*own, "older"]
    assert (rows[-1].count, rows[-1].first, rows[-1].last) == (19, NOON, NOON + timedelta(minutes=18))
    assert sum(row.count for row in rows) == 29
    assert await archive.asides(db, "other") == []


async def test_an_answer_with_more_bad_records_than_are_kept_is_counted_whole(db: Database) -> None:
    for start in range(0, 2500, 1000):
        await archive.store(db, [refused(f"d{number}") for number in range(start, min(start + 1000, 2500))])
    rows = await archive.asides(db, "cams", limit=5000)
    assert (len(rows), sum(row.count for row in rows)) == (1001, 2500)


async def test_the_raw_record_is_masked_and_bounded(db: Database) -> None:
    raw = {"note": "gọi 0905123456", "token": "s3cret", "more": "ấ" * 9000}
    await archive.store(db, [refused("a", raw=raw, say="The value lan@example.vn is no number.")])
    (row,) = await archive.asides(db, "cams")
    assert "0905123456" not in row.raw
    assert "s3cret" not in row.raw
    assert len(row.raw.encode()) <= 8192
    assert row.say == "The value ‹mail› is no number."


async def test_a_record_without_reason_or_digest_is_kept_all_the_same(db: Database) -> None:
    bare = Event(new_id(), "cams", names.REFUSED, "", NOON, NOON, None)
    await archive.store(db, [Entry("0-0", bare)])
    (row,) = await archive.asides(db, "cams")
    assert (row.reason, row.subject, row.raw, row.count) == ("unknown", None, "", 1)
    assert len(row.digest) == 24


def mended(digest: str, source: str = "cams") -> Entry:
    return Entry("0-0", Event(new_id(), source, names.MENDED, digest, NOON, NOON))


async def test_what_is_mended_leaves_and_may_come_again_and_a_repeated_batch_changes_nothing(db: Database) -> None:
    batch = [refused("a"), refused("b"), mended("a"), refused("c"), mended("c"), refused("c", 3), mended("b", "other")]
    for _ in range(2):
        await archive.store(db, batch)
        assert {row.digest: row.count for row in await archive.asides(db, "cams")} == {"b": 1, "c": 1}
    assert await kept.reasons(db, "cams") == {"no_place": 2}
    await archive.store(db, [mended("b"), mended("c")])
    assert await kept.reasons(db, "cams") == {} and await archive.asides(db, "cams") == []


async def test_what_is_mended_of_those_that_are_summed_up_is_counted_less(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEEP", 10)
    await archive.store(db, [refused(f"d{number}", number) for number in range(25)])
    assert await kept.reasons(db, "cams") == {"no_place": 10, "older": 15}
    await archive.store(db, [*(mended(f"d{number}") for number in range(14)), mended("d24")])
    assert await kept.reasons(db, "cams") == {"no_place": 9, "older": 1}
    await archive.store(db, [mended("d14")])
    assert await kept.reasons(db, "cams") == {"no_place": 9}


async def test_the_value_that_a_new_column_came_with_is_archived_masked(db: Database) -> None:
    told = Feature({"of": "cams", "column": "sdt", "raw": '{"sdt":"0905123456"}'})
    await archive.store(db, [Entry("0-0", Event(new_id(), names.WATCH, names.APPEARED, "cams/sdt", NOON, NOON, told))])
    (event,) = [event async for event in archive.latest(db, [names.APPEARED])]
    assert event.data is not None and event.data.properties["raw"] == '{"sdt":"‹person›"}'
