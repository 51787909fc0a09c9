"""The figures of the desk: what became of the reports of a span, by whom and where, and what a shift came to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ioc.clock import ZONE
from ioc.db.reports import Report
from ioc.report_rules import Desk
from ioc.reports.book import Book
from ioc.reports.changes import Asked, Who
from ioc.reports.figures import COLUMNS, Figures, Wanted, shift
from tests.reports.conftest import Clock
from tests.reports.desk import NOON, OPERATOR, RULES, URBAN, WATER, filing

CITIZEN = Who("citizen")


@pytest.fixture
def figures(book: Book, now: Clock) -> Figures:
    return Figures(book.db, book.rules, {"22015": "Phường Tuy Hòa"}.get, now=now)


async def assigned(book: Book, agency: str = "cap_nuoc", **other: Any) -> Report:
    one = (await book.file(filing(**other))).report
    await book.step(one.id, Asked("verify"), OPERATOR)
    return await book.step(one.id, Asked("assign", agency=agency), OPERATOR)


async def finished(book: Book, who: Who = WATER, agency: str = "cap_nuoc", **other: Any) -> Report:
    one = await assigned(book, agency, **other)
    await book.step(one.id, Asked("accept"), who)
    return await book.step(one.id, Asked("finish", text="Xong."), who)


def wanted(**other: Any) -> Wanted:
    return Wanted(**{"by": "agency", "since": NOON - timedelta(days=1), "until": NOON + timedelta(days=90), **other})


async def parts(figures: Figures, who: Who = OPERATOR, **other: Any) -> dict[str | None, dict[str, Any]]:
    rows, whole = await figures.by(wanted(**other), who)
    assert [set(row) for row in (*rows, whole)] == [set(COLUMNS)] * (len(rows) + 1)
    return {**{row["code"]: row for row in rows}, "all": whole}


async def test_the_figures_by_agency(book: Book, figures: Figures, now: Clock) -> None:
    await book.file(filing())
    in_time = await finished(book)
    await book.satisfied(in_time.id, 5)
    now.on(hours=3)
    late = await finished(book)
    await book.satisfied(late.id, 2)
    again = await finished(book)
    await book.step(again.id, Asked("reopen", why="Vẫn rò."), CITIZEN)
    now.on(days=40)
    old = await finished(book, URBAN, "do_thi")
    found = await parts(figures)
    water = found["cap_nuoc"]
    assert (water["received"], water["done"], water["open"]) == (2, 2, 0)
    assert (water["rated"], water["content"], water["content_percent"]) == (2, 1, 50.0)
    assert (found["do_thi"]["title"], found["do_thi"]["hours"]) == ("Phòng Đô thị", 0.0)
    # who gave no agency its report again waits for the desk, and is late by now
    unassigned = found[None]
    assert (unassigned["title"], unassigned["received"], unassigned["open"], unassigned["late"]) == (
        "Chưa giao",
        2,
        2,
        2,
    )
    assert (unassigned["reopened"], unassigned["reopened_of"], unassigned["reopened_percent"]) == (1, 1, 100.0)
    assert (found["all"]["received"], found["all"]["reopened_percent"]) == (5, 25.0)
    assert old.state == "done"


async def test_on_time_is_of_those_that_were_done(book: Book, figures: Figures, now: Clock) -> None:
    late = await assigned(book)
    await finished(book)
    now.on(days=40)
    await book.step(late.id, Asked("accept"), WATER)
    await book.step(late.id, Asked("finish", text="Xong."), WATER)
    refused = (await book.file(filing())).report
    await book.step(refused.id, Asked("refuse", why="no_ground"), OPERATOR)
    whole = (await parts(figures))["all"]
    assert (whole["on_time"], whole["on_time_of"], whole["on_time_percent"]) == (1, 2, 50.0)
    assert (whole["received"], whole["done"], whole["open"]) == (3, 2, 0)


async def test_while_the_citizen_is_asked_nothing_is_late(book: Book, figures: Figures, now: Clock) -> None:
    one = await assigned(book)
    await book.step(one.id, Asked("ask", text="Số nhà mấy?"), OPERATOR)
    now.on(days=40)
    whole = (await parts(figures))["all"]
    assert (whole["open"], whole["asked"], whole["late"]) == (1, 1, 0)
    await book.step(one.id, Asked("tell", text="Số 12."), CITIZEN)
    assert (await parts(figures))["all"]["late"] == 0
    now.on(days=40)
    assert (await parts(figures))["all"]["late"] == 1


async def test_of_nothing_there_is_no_share(book: Book, figures: Figures) -> None:
    rows, whole = await figures.by(wanted(), OPERATOR)
    assert rows == []
    assert whole["received"] == 0
    assert {whole[f"{name}_percent"] for name in ("on_time", "reopened", "content")} | {whole["hours"]} == {None}


async def test_an_agency_sees_its_own_alone(book: Book, figures: Figures) -> None:
    await assigned(book)
    await assigned(book, "do_thi")
    await book.file(filing())
    assert set(await parts(figures, WATER)) == {"cap_nuoc", "all"}
    assert (await parts(figures, WATER))["all"]["received"] == 1
    assert (await parts(figures, WATER, agency="do_thi"))["all"]["received"] == 0
    assert (await parts(figures, Who("agency", "Ai")))["all"]["received"] == 0


async def test_by_commune_and_category_and_only_what_is_asked_for(book: Book, figures: Figures, now: Clock) -> None:
    await book.file(filing(unit="22015", lon=None, lat=None, address="Trần Phú"))
    await book.file(filing(category="noise"))
    now.on(days=2)
    await book.file(filing(category="noise"))
    by_unit = await parts(figures, by="unit")
    assert {code: (row["title"], row["received"]) for code, row in by_unit.items() if code != "all"} == {
        "22015": ("Phường Tuy Hòa", 1), None: ("Không rõ", 2),
    }  # fmt: skip
    rows, _ = await figures.by(wanted(by="category"), OPERATOR)
    assert [(row["code"], row["title"], row["received"]) for row in rows] == [
        ("noise", "Tiếng ồn", 2), ("water", "Cấp nước", 1),
    ]  # fmt: skip
    assert (await parts(figures, until=NOON + timedelta(days=2)))["all"]["received"] == 2
    assert (await parts(figures, since=NOON + timedelta(days=2)))["all"]["received"] == 1
    assert (await parts(figures, category="noise", units=("22015",)))["all"]["received"] == 0
    assert (await parts(figures, units=("22015",)))["all"]["received"] == 1


async def test_a_shift_counts_what_came_was_worked_on_and_waits(book: Book, figures: Figures, now: Clock) -> None:
    before = await assigned(book)
    lay = (await book.file(filing())).report
    now.on(hours=3)
    one = await assigned(book)
    await book.step(lay.id, Asked("verify"), OPERATOR)
    await book.step(lay.id, Asked("assign", agency="cap_nuoc"), OPERATOR)
    await book.step(one.id, Asked("answer", text="Đã báo."), OPERATOR)
    await book.step(before.id, Asked("ask", text="Ở đâu?"), Who("operator", "Nam"))
    await book.step(before.id, Asked("tell", text="Ở đây."), CITIZEN)
    asked = (await book.file(filing())).report
    await book.step(asked.id, Asked("ask", text="Ở đâu?"), OPERATOR)
    found = await figures.shift(OPERATOR)
    assert (found["from"], found["to"]) == ("2026-03-10T14:00:00+07:00", "2026-03-10T22:00:00+07:00")
    del found["from"], found["to"]
    assert found == {"received": 2, "handled": 4, "mine": 3, "waiting": 3, "asked": 1, "late": 0}
    await book.step(one.id, Asked("accept"), WATER)
    water = await figures.shift(WATER)
    assert (water["received"], water["handled"], water["mine"], water["waiting"]) == (2, 1, 1, 3)


def test_shifts_change_by_the_clock_of_the_province() -> None:
    for hour, begins, ends in ((5, (9, 22), (10, 6)), (6, (10, 6), (10, 14)), (23, (10, 22), (11, 6))):
        found = shift(RULES, NOON.replace(hour=hour))
        assert [(at.astimezone(ZONE).day, at.hour) for at in found] == [begins, ends]
    once = msgspec.structs.replace(RULES, desk=Desk("trung_tam", shifts=("08:00",)))
    assert [at.day for at in shift(once, NOON)] == [10, 11]


@pytest.mark.parametrize("shifts", [(), ("14:00", "06:00"), ("6:00",), ("06:00", "06:00")])
def test_shifts_that_can_not_be_are_refused(shifts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="rising clock times"):
        Desk("trung_tam", shifts=shifts)
