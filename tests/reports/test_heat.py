"""The hot spots as a source: what the archive has is counted, and the log is told what is another now."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from ioc import catalog, clock
from ioc.contract import Contract
from ioc.db import archive
from ioc.db.session import Database
from ioc.event import Event, Feature, new_id
from ioc.log import Entry, Log
from ioc.log.memory import MemoryLog
from ioc.reports.heat import SUMMARY, Heat
from ioc.run.archive import SqlArchive
from ioc.settings import Source
from tests.reports.conftest import Clock
from tests.reports.desk import NOON

EVENT = "ioc.hotspot.found"
SOURCE = Source(
    "hotspots", "hotspots", Contract("Trung tâm", cadence=900, method="computed"), {"crs": 9218, "event": EVENT}
)
TOWN = (109.30, 13.08)


def report(place: tuple[float, float] | None = TOWN, at: datetime = NOON, **other: Any) -> Event:
    told = {"status": "open", "requested": clock.rfc3339(at), "service_code": "MT", **other.pop("told", {})}
    geometry = {"type": "Point", "coordinates": list(place)} if place is not None else None
    whole = {
        "id": new_id(), "source": "1022", "type": "ioc.report.observed", "subject": new_id(), "time": at,
        "received": at, "data": Feature(told, geometry), "unit": "22015",
    }  # fmt: skip
    return Event(**{**whole, **other})


def burst(chance: random.Random, many: int = 40, at: datetime = NOON, **other: Any) -> Iterator[Event]:
    """So many reports within a kilometre of a place in the town."""
    for _ in range(many):
        yield report((TOWN[0] + chance.uniform(-0.009, 0.009), TOWN[1] + chance.uniform(-0.009, 0.009)), at, **other)


def spread(chance: random.Random, many: int = 150, at: datetime = NOON) -> Iterator[Event]:
    """So many reports all over the province."""
    for _ in range(many):
        yield report((chance.uniform(108.9, 109.4), chance.uniform(12.9, 13.5)), at)


async def store(db: Database, events: Iterator[Event] | list[Event]) -> list[Event]:
    told = list(events)
    await archive.store(db, [Entry(f"{at}-0", event) for at, event in enumerate(told)])
    return told


def heat(db: Database, log: Log, now: Clock, coarse: dict[str, float] | None = None, **options: Any) -> Heat:
    source = msgspec.structs.replace(SOURCE, options={**SOURCE.options, **options})
    rules = catalog.open_adapter(source).config
    return Heat(db, log, source, rules, standing=SqlArchive(db).standing, coarse=coarse, now=now)


async def told(log: Log) -> dict[str, Event]:
    """What the log was told last of each subject."""
    return {entry.event.subject: entry.event async for entry in log.kept()}


async def test_a_burst_is_told_as_polygons_with_their_figures(db: Database, now: Clock) -> None:
    chance, log = random.Random(5), MemoryLog()
    await store(db, [*spread(chance), *burst(chance), *spread(chance, 600, NOON - timedelta(days=10))])
    found = await heat(db, log, now).turn()
    events = await told(log)
    assert len(found) == len(events) - 1 >= 2
    whole = events[SUMMARY].data
    assert whole is not None
    assert (whole.properties["reports"], whole.properties["placed"], whole.properties["enough"]) == (190, 190, True)
    for name, event in events.items():
        assert (event.type, event.source, event.method) == (EVENT, "hotspots", "computed")
        if name != SUMMARY:
            assert event.data is not None and event.data.geometry is not None
            assert event.data.geometry["type"] == "Polygon"
            assert event.data.properties["reports"] >= 5
            assert event.data.properties["kind"] == "new"
    answered = (await log.known("hotspots")).answered
    assert answered is not None
    assert (answered.have, answered.error) == (len(found), None)


async def test_what_stays_as_it_is_is_not_told_again_and_what_cools_ends(db: Database, now: Clock) -> None:
    chance, log = random.Random(5), MemoryLog()
    await store(db, [*spread(chance), *burst(chance)])
    one = heat(db, log, now)
    hot = await one.turn()
    many = len([entry async for entry in log.kept()])
    assert await one.turn() == hot
    assert len([entry async for entry in log.kept()]) == many
    now.on(days=8)
    assert await one.turn() == []
    events = await told(log)
    assert [name for name, event in events.items() if event.data is not None] == [SUMMARY]
    assert len(events) == len(hot) + 1


async def test_what_was_refused_merged_hidden_or_left_out_does_not_count(db: Database, now: Clock) -> None:
    chance, log = random.Random(5), MemoryLog()
    quiet = list(burst(chance))
    await store(db, [*spread(chance), *quiet])
    ended = [
        report(subject=event.subject, at=NOON + timedelta(seconds=1), told={"status": status})
        for event, status in zip(quiet[:20], ["refused", "Merged", "duplicate", "đã hủy"] * 5, strict=True)
    ]
    hidden = [msgspec.structs.replace(one, id=new_id(), time=NOON + timedelta(seconds=1), data=None) for one in quiet]
    now.on(minutes=1)
    first = heat(db, log, now)
    assert await first.turn() != []
    await store(db, [*ended, *hidden[20:]])
    assert await first.turn() == []
    assert first.count(now()).placed == 150
    assert await heat(db, MemoryLog(), now).turn() == []


async def test_categories_that_are_left_out_or_coarser_than_a_cell_do_not_count(db: Database, now: Clock) -> None:
    chance, log = random.Random(5), MemoryLog()
    homes = burst(chance, told={"service_code": "noise"})
    await store(db, [*spread(chance), *homes])
    assert await heat(db, log, now, coarse={"noise": 200}).turn() != []
    assert await heat(db, MemoryLog(), now, coarse={"noise": 2_000}).turn() == []
    assert await heat(db, MemoryLog(), now, leave_out=["noise"]).turn() == []


async def test_a_report_without_a_place_in_the_province_is_counted_as_such(db: Database, now: Clock) -> None:
    log = MemoryLog()
    await store(db, [report(), report(None), report((12.0, 47.0), unit=None)])
    assert await heat(db, log, now).turn() == []
    whole = (await told(log))[SUMMARY].data
    assert whole is not None
    assert (whole.properties["reports"], whole.properties["placed"], whole.properties["enough"]) == (3, 1, False)


async def test_a_store_that_was_emptied_keeps_no_hot_spot_of_before(db: Database, now: Clock) -> None:
    chance, log = random.Random(5), MemoryLog()
    await store(db, [*spread(chance), *burst(chance)])
    hot = await heat(db, log, now).turn()
    await archive.store(db, [entry async for entry in log.kept()])
    await log.forget()
    now.on(days=8)
    again = MemoryLog()
    assert await heat(db, again, now).turn() == []
    assert sum(event.data is None for event in (await told(again)).values()) == len(hot)


@pytest.mark.parametrize("days", [1, 8])
async def test_another_beginning_finds_the_same(db: Database, now: Clock, days: int) -> None:
    """What one that ran all the time knows is what one that begins now reads."""
    chance = random.Random(5)
    running = heat(db, MemoryLog(), now)
    await store(db, [*spread(chance), *burst(chance)])
    await running.turn()
    now.on(days=days)
    await store(db, [*spread(chance, 50, now()), *burst(chance, 20, now())])
    assert await running.turn() == await heat(db, MemoryLog(), now).turn() != []
