"""The archive keeps every event once, and what each correction replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ioc import clock, names
from ioc.db import archive
from ioc.db.archive import Stored
from ioc.db.session import Database, migrate, open_db
from ioc.db.tables import EventRow, table_of
from ioc.event import Event, Feature, decode, encode, new_id
from ioc.log import Entry

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=clock.ZONE)
CAMERA = "ioc.camera.observed"


def event(subject: str = "cam/1", data: dict[str, Any] | None = None, minute: float = 0, **fields: Any) -> Event:
    """An event of `minute` minutes past noon; `data` None: the subject is gone."""
    when = NOON + timedelta(minutes=minute)
    feature = None if data is None else Feature(data)
    made = Event(new_id(), "cams", CAMERA, subject, when, when, feature)
    return msgspec.structs.replace(made, **fields)


def entries(events: Sequence[Event]) -> list[Entry]:
    return [Entry(f"{number}-0", each) for number, each in enumerate(events)]


async def everything(db: Database, types: Sequence[str] = (CAMERA,), **limits: datetime) -> list[Event]:
    return [each async for each in archive.latest(db, types, **limits)]


async def test_what_is_stored_is_read_back_in_order(db: Database) -> None:
    stored = [event(f"cam/{number}", {"state": "live", "n": number}, minute=-number) for number in range(5)]
    assert await archive.store(db, entries(stored)) == Stored(5, 0, 0, 0)
    assert await everything(db) == stored
    assert await archive.count(db, "cams") == 5
    assert await archive.count(db, "other") == 0


async def test_a_repeated_batch_changes_nothing(db: Database) -> None:
    first = [event(data={"v": 1}), event(data={"v": 2}, minute=1, cause="revised")]
    second = [event(data=None, minute=2), event("cam/2", {"v": 1})]
    await archive.store(db, entries(first))
    await archive.store(db, entries([*first[1:], *second]))
    before = await archive.corrections(db, "cams"), await everything(db)
    for batch in (first, second, [*first, *second], [first[0], first[0]]):
        assert (await archive.store(db, entries(batch))).new == 0
    assert (await archive.corrections(db, "cams"), await everything(db)) == before
    assert await everything(db) == [*first, *second]


async def test_a_revision_keeps_the_value_that_it_replaces(db: Database) -> None:
    first, late = event(data={"v": 1}), event(data={"v": 9}, minute=1)
    other = event(data={"v": 5}, minute=2, source="elsewhere")
    await archive.store(db, entries([first, late, other]))
    revised = event(data={"v": 2}, minute=3, cause="revised")
    again = event(data={"v": 3}, minute=4, cause="revised")
    gone = event(minute=5)
    await archive.store(db, entries([revised, again, gone]))
    told = [(found.event, found.corrects, found.old) for found in await archive.corrections(db, "cams", "cam/1")]
    assert told == [(gone, again.id, again.data), (again, revised.id, revised.data), (revised, late.id, late.data)]


async def test_a_first_value_and_an_end_without_beginning_correct_nothing(db: Database) -> None:
    await archive.store(db, entries([event(data={"v": 1}, cause="revised"), event("cam/2")]))
    assert await archive.corrections(db, "cams") == []
    assert await archive.count(db, "cams") == 2


async def test_an_answer_asked_again_is_kept_only_where_it_differs(db: Database) -> None:
    known = [event("a", {"v": 1}), event("b", {"v": 1}), event("c", {"v": 1}), event("c", minute=1)]
    await archive.store(db, entries(known))
    again = [
        event("a", {"v": 1}, minute=9, cause="asked again"),
        event("b", {"v": 2}, minute=9, cause="asked again"),
        event("b", {"v": 2}, minute=9, cause="asked again"),
        event("c", {"v": 1}, minute=9, cause="asked again"),
        event("d", {"v": 1}, minute=9, cause="asked again"),
    ]
    assert await archive.store(db, entries(again)) == Stored(3, 0, 2, 0)
    assert await everything(db) == [*known, again[1], again[3], again[4]]
    assert await archive.corrections(db, "cams", "b") == []


async def test_the_same_content_told_in_another_order_of_fields_is_the_same(db: Database) -> None:
    await archive.store(db, entries([event("a", {"x": 1, "y": {"b": 2.0, "c": [1]}})]))
    again = event("a", {"y": {"c": [1], "b": 2.0}, "x": 1}, minute=9, cause="asked again")
    assert await archive.store(db, entries([again])) == Stored(0, 0, 1, 0)


async def test_as_it_was_and_as_it_was_known(db: Database) -> None:
    early = event("a", {"v": 1})
    late_news = event("a", {"v": 2}, minute=1, received=NOON + timedelta(hours=3))
    later = event("a", {"v": 3}, minute=60)
    await archive.store(db, entries([early, late_news, later, event("x", {}, type="ioc.report.observed")]))
    assert await everything(db, at=NOON + timedelta(minutes=1)) == [early, late_news]
    assert await everything(db, known=NOON + timedelta(hours=1)) == [early, later]
    assert await everything(db, at=NOON + timedelta(minutes=1), known=NOON + timedelta(hours=1)) == [early]
    assert len(await everything(db, types=(CAMERA, "ioc.report.observed"))) == 4
    assert await everything(db, types=()) == []


async def test_a_long_archive_is_read_page_by_page_up_to_where_it_began(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_STREAM", 7)
    stored = [event(f"cam/{number}", {"n": number}) for number in range(50)]
    await archive.store(db, entries(stored))
    read: list[Event] = []
    async for each in archive.latest(db, [CAMERA]):
        if not read:
            await archive.store(db, entries([event("cam/late", {})]))
        read.append(each)
    assert read == stored


async def test_a_sign_that_no_database_keeps_does_not_stop_the_archive(db: Database) -> None:
    odd = event("cam/\x001", {"name": "a\x00b"}, cause="revised\x00")
    assert (await archive.store(db, entries([odd]))).new == 1
    assert (await archive.store(db, entries([odd]))).repeated == 1
    (kept,) = await everything(db)
    assert (kept.subject, kept.data) == ("cam/\ufffd1", odd.data)


async def test_the_purge_keeps_the_newest_word_on_each_subject(db: Database) -> None:
    long_ago = clock.now() - timedelta(days=100)
    times: dict[str, Any] = {"received": long_ago}
    winner = event("a", {"v": 2}, minute=5, **times)
    superseded = [event("a", {"v": 1}, **times), event("a", {"v": 0}, minute=1, **times)]
    alone, ended = event("b", {"v": 1}, **times), event("c", minute=9, **times)
    ended_before = event("c", {"v": 1}, minute=8, **times)
    other_type = event("a", {"v": 7}, type="ioc.camera.counted", **times)
    fresh = [event("d", {"v": 1}, received=clock.now()), event("d", {"v": 2}, minute=1, received=clock.now())]
    old = [superseded[0], winner, superseded[1], alone, ended_before, ended, other_type]
    await archive.store(db, entries([*old, *fresh]))
    await archive.note_figures(db, [archive.Noted("t", "all", long_ago + timedelta(n), n, b"{}") for n in (0, 1, 50)])
    assert await archive.purge(db, 90) == 5
    assert await everything(db, types=(CAMERA, "ioc.camera.counted")) == [winner, alone, ended, other_type, *fresh]
    assert [figure.value for figure in await archive.figures(db, "t", "all")] == [50]
    assert await archive.purge(db, 90) == 0


async def test_a_batch_that_fails_leaves_nothing(db: Database) -> None:
    broken = event("b", {"v": 1}, time=NOON.replace(tzinfo=None))
    with pytest.raises(sa.exc.StatementError):
        await archive.store(db, entries([event("a", {"v": 1}), broken]))
    assert await archive.count(db, "cams") == 0


async def test_two_archives_that_store_the_same_batch_keep_it_once(url: str) -> None:
    batch = entries([event(f"cam/{number}", {"n": number}) for number in range(300)])
    several = [open_db(url) for _ in range(3)]
    await asyncio.gather(*(archive.store(db, batch) for db in several))
    assert await archive.count(several[0], "cams") == 300
    for db in several:
        await db.close()


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
_zones = st.sampled_from([UTC, clock.ZONE])
_span = st.integers(-(2**50), 2**50)
_moments = st.builds(lambda span, zone: NOON.astimezone(zone) + timedelta(microseconds=span), _span, _zones)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=5,
)
_points = st.fixed_dictionaries(
    {"type": st.just("Point"), "coordinates": st.lists(st.floats(-180, 180), min_size=2, max_size=2)}
)
_features = st.builds(Feature, st.dictionaries(_text, _values, max_size=4), st.none() | _points)
_events = st.builds(
    Event,
    id=st.uuids().map(lambda made: made.hex),
    source=st.sampled_from(["one", "two"]),
    type=st.sampled_from([CAMERA, "ioc.report.observed"]),
    subject=st.sampled_from(["a", "b"]) | _text,
    time=_moments,
    received=_moments,
    data=st.none() | _features,
    unit=st.none() | _text,
    method=st.sampled_from(["machine", "typed", "computed", "estimated"]),
    cause=st.none() | st.sampled_from(["revised", "late"]),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(_events, max_size=5), max_size=4))
def test_any_events_come_back_equal_and_each_revision_has_its_past(
    batches: list[list[Event]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('any')}/archive.db"
    migrate(url)
    stored = [decode(encode(each)) for batch in batches for each in batch]

    async def check() -> None:
        db = open_db(url)
        try:
            for batch in batches:
                await archive.store(db, entries(batch))
            assert await everything(db, types=(CAMERA, "ioc.report.observed")) == stored
            await _check_corrections(db, stored)
        finally:
            await db.close()

    asyncio.run(check())


async def _check_corrections(db: Database, stored: list[Event]) -> None:
    newest: dict[tuple[str, str], Event] = {}
    expected: dict[str, list[tuple[str, str, Feature | None]]] = {"one": [], "two": []}
    for each in stored:
        before = newest.get((each.source, each.subject))
        if before is not None and (each.data is None or each.cause == "revised"):
            expected[each.source].insert(0, (each.id, before.id, before.data))
        newest[each.source, each.subject] = each
    for source, wanted in expected.items():
        found = await archive.corrections(db, source)
        assert [(each.event.id, each.corrects, each.old) for each in found] == wanted


async def test_records_set_aside_are_no_events(db: Database) -> None:
    told = {"reason": "no_place", "say": "There is no place.", "raw": "{}", "digest": "d"}
    refused = event("cam/9", told, type=names.REFUSED)
    assert await archive.store(db, entries([refused, event(data={"v": 1})])) == Stored(1, 0, 0, 1)
    assert await archive.count(db, "cams") == 1
    async with db.reading() as connection:
        types = (await connection.execute(sa.select(table_of(EventRow).c.type))).scalars().all()
    assert types == [CAMERA]
    assert [row.reason for row in await archive.asides(db, "cams")] == ["no_place"]
