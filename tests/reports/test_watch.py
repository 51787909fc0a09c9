"""The clock's own steps: routed, warned, told overdue, escalated and closed, once each, over restarts too."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from ioc.db.reports import Report
from ioc.db.session import Database
from ioc.report_rules import Desk, Route
from ioc.reports.book import Book
from ioc.reports.changes import Asked, NotAllowed, Who
from ioc.reports.desk import Desk as Bench
from ioc.reports.watch import Watch
from tests.reports.conftest import Clock
from tests.reports.desk import OPERATOR, RULES, WATER, filing

ROUTED = msgspec.structs.replace(
    RULES, routes=(Route("cap_nuoc", category="water"),), desk=Desk("trung_tam", escalate_h=(1, 4))
)


@pytest.fixture
def book(db: Database, now: Clock) -> Book:
    return Book(db, ROUTED, now=now)


@pytest.fixture
def watch(book: Book, now: Clock) -> Watch:
    return Watch(book, now=now)


async def filed(book: Book) -> Report:
    return (await book.file(filing())).report


async def said(book: Book, report: Report) -> list[str]:
    """What the clock told of a report, in order."""
    return [step.data["warned"] for step in await book.steps(report.id) if step.step == "late"]


async def test_what_was_verified_is_routed_and_what_came_back_waits_for_a_person(book: Book, watch: Watch) -> None:
    one = await filed(book)
    await book.step(one.id, Asked("verify", 1), OPERATOR)
    assert await watch.turn() == 1
    found = await book.get(one.id)
    assert found is not None and (found.state, found.agency) == ("assigned", "cap_nuoc")
    assert [(step.step, step.who) for step in await book.steps(one.id)][-1] == ("assign", "clock")
    await book.step(one.id, Asked("reject", found.version, why="Đường ống của khu công nghiệp"), WATER)
    assert await watch.turn() == 0
    found = await book.get(one.id)
    assert found is not None and (found.state, found.agency) == ("verified", None)


async def test_two_that_are_the_same_to_the_letter_are_proposed_and_joined_by_a_person_alone(
    book: Book, watch: Watch, db: Database, now: Clock
) -> None:
    one, two = await filed(book), await filed(book)
    (twin,) = await Bench(db, ROUTED, book.calendar, now=now).twins(two, OPERATOR)
    assert (twin.report.id, twin.likeness) == (one.id, 1.0)
    for _ in range(60):
        # the clock takes every step of its own over the days that follow
        now.on(hours=12)
        await watch.turn()
    for report in (one, two):
        found = await book.get(report.id)
        assert found is not None and (found.parent, found.ended) == (None, None)
        assert {step.step for step in await book.steps(report.id)} <= {"file", "late"}
        for step in ("duplicate", "merge"):
            with pytest.raises(NotAllowed):
                await book.step(two.id, Asked(step, of=one.id), Who("clock"))
    await book.step(two.id, Asked("duplicate", of=one.id), OPERATOR)
    joined = await book.get(two.id)
    assert joined is not None and (joined.state, joined.parent) == ("duplicate", one.id)


async def test_each_level_is_told_once_over_restarts(book: Book, watch: Watch, now: Clock) -> None:
    one = await filed(book)  # at noon: to be verified by 17:00 less half an hour of noon, 08:00 the next day
    levels = []
    for hours in (0, 3.9, 4.5, 5.5, 19.9, 20.6, 22, 26, 40):
        now.at = one.filed + timedelta(hours=hours)
        await watch.turn()
        assert await Watch(book, now=now).turn() == 0
        levels.append((await said(book, one))[-1:])
    assert await said(book, one) == ["soon", "overdue", "desk-1", "desk-2"]
    assert levels[0] == [] and levels[-1] == ["desk-2"]
    last = (await book.steps(one.id))[-1]
    assert last.data["to"] == "trung_tam" and last.data["waits"] == "new"


async def test_a_step_in_time_begins_its_own_clock(book: Book, watch: Watch, now: Clock) -> None:
    one = await filed(book)
    now.on(days=1)
    await watch.turn()
    # a day passed at once: only how it is now is told
    assert len(await said(book, one)) == 1
    found = await book.get(one.id)
    assert found is not None
    await book.step(one.id, Asked("verify", found.version), OPERATOR)
    await watch.turn()
    found = await book.get(one.id)
    assert found is not None and found.warned is None and found.state == "assigned"
    await book.step(one.id, Asked("ask", found.version, text="Số nhà nào?"), OPERATOR)
    now.on(days=30)
    assert await watch.turn() == 0


async def test_a_done_report_closes_by_itself_unless_it_is_reopened(book: Book, watch: Watch, now: Clock) -> None:
    one, other = await filed(book), await filed(book)
    for each in (one, other):
        await book.step(each.id, Asked("verify", 1), OPERATOR)
    await watch.turn()
    for each in (one, other):
        await book.step(each.id, Asked("accept", 3), WATER)
        await book.step(each.id, Asked("finish", 4, text="Đã thay ống"), WATER)
    now.on(days=6)
    await book.step(other.id, Asked("reopen", 5, why="Vẫn rỉ nước"), OPERATOR)
    now.on(days=1, minutes=1)
    await watch.turn()
    found = await book.get(one.id), await book.get(other.id)
    assert [each.state for each in found if each is not None] == ["closed", "reopened"]
    assert (await book.steps(one.id))[-1].who == "clock"


async def test_two_clocks_at_once_tell_everything_once(book: Book, now: Clock) -> None:
    for _ in range(5):
        await filed(book)
    now.on(days=2)
    taken = await asyncio.gather(*(Watch(book, now=now).turn() for _ in range(3)))
    assert sum(taken) == 5
