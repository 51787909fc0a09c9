"""What an answer enters into the ledger: each reporter and period once, however often the same is told."""

from __future__ import annotations

from datetime import date
from typing import Any

from ioc import clock, names
from ioc.adapter import Reading
from ioc.duty import Due
from ioc.event import Event
from ioc.intake import Taken, book
from ioc.log.memory import MemoryLog
from layers.ledger import Ledger
from tests.asked import NOON, Source, at

DAILY = Due("day", by="17:00")
MONTHLY = Due("month", after=5)


def row(subject: str, value: int = 1, **told: Any) -> Reading:
    return Reading(subject, {"value": value, **told}, NOON)


def entered(taken: Taken) -> dict[str, list[str]]:
    """Who told, by subject of the entry."""
    found = [event for event in taken.events if event.type == names.REPORTED]
    return {event.subject: list(event.data.properties["reported"]) for event in found if event.data is not None}


async def test_each_reporter_is_entered_once_for_a_period_even_when_the_figure_is_the_same() -> None:
    source = Source(due=DAILY, reporters=True)
    taken = await source.ask(row("a", reporter="bv1"), row("b", reporter="bv2"))
    assert entered(taken) == {"s/2026-03-10": ["bv1", "bv2"]}
    taken = await source.ask(row("a", reporter="bv1"), row("b", 7, reporter="bv2"), row("c", reporter="bv3"))
    assert entered(taken) == {"s/2026-03-10": ["bv3"]}
    # the next day's figures are the same ones: no event of their own, and an entry
    tomorrow = [Reading(name, {"value": 1, "reporter": who}, at(24 * 60)) for name, who in (("a", "bv1"), ("c", "bv3"))]
    source.minute = 24 * 60
    taken = await source.ask(*tomorrow)
    assert (taken.told, taken.unchanged) == (0, 2)
    assert entered(taken) == {"s/2026-03-11": ["bv1", "bv3"]}
    assert taken.have == 3
    assert source.known.answered is not None and source.known.answered.reached == date(2026, 3, 11)


async def test_who_tells_is_the_reporter_else_the_commune_else_the_row_and_one_source_tells_by_itself() -> None:
    rows = [row("a", reporter="bv1"), Reading("b", {}, NOON, unit="22240"), Reading("c", {}, NOON)]
    assert entered(await Source(due=DAILY, reporters=True).ask(*rows)) == {"s/2026-03-10": ["22240", "bv1", "c"]}
    assert entered(await Source(due=DAILY).ask(*rows)) == {"s/2026-03-10": [""]}


async def test_the_period_is_the_one_that_the_row_names_else_that_of_its_time() -> None:
    source = Source(due=MONTHLY)
    taken = await source.ask(row("a", period="2026-02"), row("b"), row("c", period="2026-01-07"))
    assert list(entered(taken)) == ["s/2026-01", "s/2026-02", "s/2026-03"]
    assert source.known.answered is not None and source.known.answered.reached == date(2026, 3, 31)


async def test_a_period_that_has_not_begun_or_can_t_be_read_is_not_entered() -> None:
    source = Source(due=MONTHLY)
    taken = await source.ask(row("a", period="2062-02"), row("b", period="tháng hai"))
    assert (entered(taken), taken.reached) == ({}, None)
    assert taken.told == 2


async def test_what_is_set_aside_or_gone_enters_nothing() -> None:
    source = Source(due=DAILY)
    taken = await source.ask(Reading("a", {"value": object()}, NOON), Reading("b", {}, NOON, gone=True))
    assert entered(taken) == {}


async def test_without_a_duty_there_is_no_ledger() -> None:
    taken = await Source().ask(row("a"))
    assert entered(taken) == {} and taken.reached is None


async def test_marks_are_no_records_and_survive_a_complete_answer() -> None:
    source = Source(due=DAILY, reporters=True, complete=True)
    await source.ask(row("a", reporter="bv1"), row("b", reporter="bv2"))
    taken = await source.ask(row("a", reporter="bv1"), row("b", reporter="bv2"))
    assert (taken.have, taken.gone, entered(taken)) == (2, 0, {})


async def test_old_marks_are_forgotten_when_there_are_too_many(monkeypatch: Any) -> None:
    monkeypatch.setattr(book, "MOST_MARKS", 10)
    source = Source(due=DAILY, reporters=True)
    for number in range(12):
        await source.ask(row(f"r{number}", reporter=f"bv{number}"))
    taken = await source.ask(row("r0"))
    marks = [name for name in source.known.seen if name.startswith(names.TOLD)]
    assert 9 <= len(marks) <= 11
    assert taken.have == 12


async def test_an_event_and_its_marks_lie_in_one_stream_of_the_log() -> None:
    taken = await Source(due=DAILY, reporters=True).ask(row("a", reporter="bv1"), row("b", reporter="bv/2"))
    (event,) = [event for event in taken.events if event.type == names.REPORTED]
    marks = [name for name in taken.seen if name.startswith(names.TOLD)]
    assert len(marks) == 2
    for streams in (2, 7, 64):
        assert {names.stream_of(mark, streams) for mark in marks} == {names.stream_of(event.subject, streams)}


# the layer that the entries become


def entry(minutes: float, **told: Any) -> Event:
    kind = names.EXCUSED if "excused" in told else names.REPORTED
    from ioc.event import Feature

    properties = {"of": "s", "first": "2026-03-10", "last": "2026-03-10", **told}
    return Event(f"{minutes}", "s", kind, "s/2026-03-10", at(minutes), at(minutes), Feature(properties))


def excuse(minutes: float, why: str) -> Event:
    return entry(minutes, excused={"bv3": {"why": why, "by": "Trực ban", "at": clock.rfc3339(at(minutes))}})


def test_entries_add_up_in_whatever_order_they_come() -> None:
    events = [
        entry(1, reported={"bv1": clock.rfc3339(at(1))}), entry(2, reported={"bv2": clock.rfc3339(at(2))}),
        entry(3, reported={"bv1": clock.rfc3339(at(3))}), excuse(4, "Mất điện"), excuse(5, ""), excuse(6, "Bão"),
    ]  # fmt: skip
    layer, found = Ledger(), []
    for order in (events, events[::-1], events[3:] + events[:3]):
        item = None
        for event in order:
            item = layer.fold(item, event)
        assert item is not None and layer.fold(item, events[2]) == item
        found.append(item)
    assert found[0] == found[1] == found[2]
    assert found[0].properties["reported"] == {"bv1": clock.rfc3339(at(1)), "bv2": clock.rfc3339(at(2))}
    assert found[0].properties["excused"]["bv3"]["why"] == "Bão"


def test_a_period_long_over_leaves() -> None:
    layer = Ledger()
    item = layer.fold(None, entry(0, reported={"": clock.rfc3339(at(0))}))
    assert item is not None
    leaves = layer.wakes(item)
    assert leaves is not None and (leaves - NOON).days == 40
    assert layer.wake(item, leaves) is None and layer.wake(item, NOON) == item


async def test_the_log_in_memory_keeps_the_marks() -> None:
    source = Source(due=DAILY)
    assert isinstance(source.log, MemoryLog)
    await source.ask(row("a"))
    known = await source.log.known("s")
    assert [name for name in known.seen if names.is_mark(name)] == [names.told_mark("s/2026-03-10", "")]
