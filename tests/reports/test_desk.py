"""The desk over real databases: the queue and its counts, two at once, what an agency may know, twins, exports."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from openpyxl import load_workbook

from ioc.db.reports import Report
from ioc.reports import export
from ioc.reports.book import Book, Claimed, NotAllowed, Quicker, Unfit, Unknown, Who
from ioc.reports.changes import Asked
from ioc.reports.desk import Asking, Desk
from ioc.workdays import Calendar
from tests.reports.conftest import Clock
from tests.reports.desk import ADMIN, OPERATOR, URBAN, WATER, filing

NAM = Who("operator", "Nam")


@pytest.fixture
def desk(book: Book, now: Clock) -> Desk:
    return Desk(book.db, book.rules, Calendar(), now=now)


async def filed(book: Book, **other: Any) -> Report:
    return (await book.file(filing(**other))).report


async def assigned(book: Book, agency: str = "cap_nuoc", **other: Any) -> Report:
    one = await filed(book, **other)
    await book.step(one.id, Asked("verify", 1), OPERATOR)
    return await book.step(one.id, Asked("assign", 2, agency=agency), OPERATOR)


def numbers(page: Any) -> list[str]:
    return [found.report.number for found in page.found]


class TestTwoAtOnce:
    async def test_one_wins_and_the_other_is_told_who_and_what(self, book: Book) -> None:
        one = await filed(book)
        steps = [(Asked("verify", 1), OPERATOR), (Asked("refuse", 1, why="no_ground"), NAM)]
        told = await asyncio.gather(*(book.step(one.id, *step) for step in steps), return_exceptions=True)
        (won,) = [index for index, each in enumerate(told) if isinstance(each, Report)]
        lost = told[1 - won]
        assert isinstance(lost, Quicker)
        assert (lost.who, lost.what, lost.version) == (("Lan", "verify", 2), ("Nam", "refuse", 2))[won]
        assert [step.step for step in await book.steps(one.id)] == ["file", ("verify", "refuse")[won]]

    async def test_of_ten_operators_one_takes_the_step_and_one_the_claim(self, book: Book) -> None:
        one = await filed(book)
        people = [Who("operator", f"N{n}") for n in range(10)]
        steps = [book.step(one.id, Asked("verify", 1), who) for who in people]
        told = await asyncio.gather(*steps, return_exceptions=True)
        assert sum(isinstance(each, Report) for each in told) == 1
        assert sum(isinstance(each, Quicker) for each in told) == 9
        claims = await asyncio.gather(*(book.claim(one.id, who.name or "") for who in people), return_exceptions=True)
        lost = [each for each in claims if isinstance(each, Claimed)]
        assert len(lost) == 9 and len({each.by for each in lost}) == 1

    async def test_a_claim_ends_by_itself_and_is_renewed_by_its_owner(self, book: Book, now: Clock) -> None:
        one = await filed(book)
        await book.claim(one.id, "Lan")
        now.on(seconds=90)
        await book.claim(one.id, "Lan")
        now.on(seconds=90)
        with pytest.raises(Claimed, match="Lan works on this report"):
            await book.claim(one.id, "Nam")
        now.on(seconds=31)
        await book.claim(one.id, "Nam")


class TestQueue:
    async def test_the_most_urgent_comes_first_and_pages_leave_none_out(
        self, book: Book, desk: Desk, now: Clock
    ) -> None:
        now.on(hours=2)
        for _ in range(7):
            await filed(book)
            now.on(minutes=30)
        asked = await filed(book)
        await book.step(asked.id, Asked("ask", 1, text="Ở đâu?"), OPERATOR)
        seen: list[str] = []
        asking = Asking(limit=3)
        while True:
            page = await desk.queue(asking, OPERATOR)
            seen += numbers(page)
            if page.next is None:
                break
            asking = msgspec.structs.replace(asking, after=page.next)
        # who waits for the citizen comes last, however soon it would be due
        assert [int(number[-4:]) for number in seen] == [1, 2, 3, 4, 5, 6, 7, 8]
        with pytest.raises(Unfit, match="after is no place"):
            await desk.queue(Asking(after="'; DROP TABLE reports; --"), OPERATOR)

    async def test_ended_ones_come_with_the_newest_first(self, book: Book, desk: Desk, now: Clock) -> None:
        for _ in range(3):
            one = await filed(book)
            await book.step(one.id, Asked("refuse", 1, why="no_ground"), OPERATOR)
            now.on(minutes=1)
        first = await desk.queue(Asking(states=("refused",), limit=2), OPERATOR)
        rest = await desk.queue(Asking(states=("refused",), limit=2, after=first.next), OPERATOR)
        assert [int(number[-4:]) for number in numbers(first) + numbers(rest)] == [3, 2, 1] and rest.next is None
        assert (await desk.queue(Asking(), OPERATOR)).found == []

    async def test_counts_and_the_filters_that_they_stand_for(self, book: Book, desk: Desk, now: Clock) -> None:
        old, back = await filed(book), await assigned(book)
        back = await book.step(back.id, Asked("reject", back.version, why="Không phải của chúng tôi"), WATER)
        gone = await filed(book)
        await book.step(gone.id, Asked("refuse", 1, why="no_ground"), OPERATOR)
        now.on(days=1)
        new = await assigned(book)
        await book.claim(new.id, "Lan")
        assert await desk.counts(OPERATOR) == {"all": 3, "late": 2, "unassigned": 2, "mine": 1, "returned": 1}
        assert await desk.counts(NAM) == {"all": 3, "late": 2, "unassigned": 2, "mine": 0, "returned": 1}
        assert await desk.counts(WATER) == {"all": 1, "late": 0, "unassigned": 0, "mine": 0, "returned": 0}
        for asking, expected in (
            (Asking(late=True), [old, back]), (Asking(unassigned=True), [old, back]), (Asking(mine=True), [new]),
            (Asking(returned=True), [back]), (Asking(states=("all",)), [old, back, gone, new]),
            (Asking(states=("new", "refused")), [old, gone]), (Asking(agency="cap_nuoc"), [new]),
            (Asking(category="noise"), []), (Asking(since=now.at), [new]),
            (Asking(until=now.at - timedelta(hours=1)), [old, back]),
        ):  # fmt: skip
            assert set(numbers(await desk.queue(asking, OPERATOR))) == {one.number for one in expected}, asking
        # once it is sent on, it was given back no more
        await book.step(back.id, Asked("assign", back.version, agency="do_thi"), OPERATOR)
        assert (await desk.counts(OPERATOR))["returned"] == 0

    @pytest.mark.parametrize("q", ["TRẦN PHÚ", "tran phu", "ONG NUOC", "0310-0001", "py-2026", "số 12 trần phú"])
    async def test_search_with_and_without_diacritics(self, book: Book, desk: Desk, q: str) -> None:
        one = await filed(book)
        await filed(book, words="Đèn hỏng", address="Lê Lợi")
        found = numbers(await desk.queue(Asking(q=q), OPERATOR))
        assert one.number in found and len(found) == (2 if q == "py-2026" else 1)

    @pytest.mark.parametrize("q", ["%", "_", "' OR 1=1 --", "100%", "\\"])
    async def test_what_is_sought_is_never_a_pattern(self, book: Book, desk: Desk, q: str) -> None:
        await filed(book)
        assert (await desk.queue(Asking(q=q), OPERATOR)).found == []

    async def test_a_row_says_how_much_time_is_left(self, book: Book, desk: Desk, now: Clock) -> None:
        one = await filed(book)  # at noon: four working hours are gone at eight the next morning
        await book.claim(one.id, "Lan")
        row = desk.row(await desk.one(one.id, OPERATOR), str, NAM)
        assert (row["left_s"], row["late"], row["level"]) == (4 * 3600, False, None)
        assert row["claim"]["by"] == "Lan" and not row["claim"]["mine"]
        now.on(hours=4)
        assert desk.row(await desk.one(one.id, OPERATOR), str, NAM)["level"] is None
        now.on(hours=16)
        row = desk.row(await desk.one(one.id, OPERATOR), str, NAM)
        assert (row["left_s"], row["level"], row["claim"]) == (0, "warn", None)
        now.on(hours=1)
        row = desk.row(await desk.one(one.id, OPERATOR), str, NAM)
        assert (row["left_s"], row["late"], row["level"]) == (-3600, True, "bad")
        asked = await book.step(one.id, Asked("ask", one.version, text="Ở đâu?"), OPERATOR)
        row = desk.row(await desk.one(asked.id, OPERATOR), str, NAM)
        assert (row["left_s"], row["late"], row["level"], row["stands"]) == (-3600, False, None, True)


class TestAgencies:
    async def test_what_is_not_theirs_does_not_exist(self, book: Book, desk: Desk) -> None:
        mine, other = await assigned(book), await assigned(book, "do_thi")
        assert numbers(await desk.queue(Asking(states=("all",)), WATER)) == [mine.number]
        assert numbers(await desk.queue(Asking(q="trần"), URBAN)) == [other.number]
        with pytest.raises(Unknown):
            await desk.one(other.id, WATER)
        with pytest.raises(Unknown):
            await book.step(other.id, Asked("accept", other.version), WATER)
        with pytest.raises(NotAllowed):
            await book.step(mine.id, Asked("assign", mine.version, agency="do_thi"), WATER)
        # the same place and words: for the agency the other is no twin, for the desk it is
        assert await desk.twins(mine, WATER) == []
        assert [twin.report.id for twin in await desk.twins(mine, OPERATOR)] == [other.id]
        nobody = Who("agency", "Ai", None)
        assert (await desk.queue(Asking(states=("all",)), nobody)).found == []


class TestTwins:
    async def test_near_soon_and_alike_is_proposed_and_nothing_is_merged(self, book: Book, desk: Desk) -> None:
        one = await filed(book)
        same = await filed(book, words="vo ong nuoc o so 12 tran phu", lon=109.3202)
        for other in (
            {"lon": 109.33}, {"category": "noise"}, {"words": "Nước đục, có mùi hôi mấy ngày nay", "lon": 109.3204},
        ):  # fmt: skip
            await filed(book, **other)
        (twin,) = await desk.twins(one, OPERATOR)
        assert twin.report.id == same.id and 15 < (twin.distance_m or 0) < 30 and twin.likeness > 0.8
        assert {(await desk.one(each, OPERATOR)).report.state for each in (one.id, same.id)} == {"new"}
        await book.step(same.id, Asked("duplicate", 1, of=one.id), OPERATOR)
        assert await desk.twins(one, OPERATOR) == []
        parent, children = await desk.family((await desk.one(one.id, OPERATOR)).report, OPERATOR)
        assert parent is None and [child.id for child in children] == [same.id]

    async def test_one_without_a_place_is_found_by_its_address(self, book: Book, desk: Desk) -> None:
        one = await filed(book, address="12 Trần Phú, phường Tuy Hoà")
        called = await filed(book, lon=None, lat=None, address="số 12 đường Trần Phú")
        await filed(book, lon=None, lat=None, address="5 Lê Lợi")
        assert [twin.report.id for twin in await desk.twins(one, OPERATOR)] == [called.id]
        assert [twin.distance_m for twin in await desk.twins(called, OPERATOR)] == [None]


class TestExport:
    async def test_rows_without_persons_and_homes(self, book: Book, desk: Desk) -> None:
        words = "=cmd|' /C calc'!A0 gọi 0905 123 456"
        await filed(book, category="noise", words=words, name="Nguyễn Văn An", phone="0905123456")
        page = await desk.queue(Asking(states=("all",)), ADMIN)
        rows = [export.row(found, book.rules, str) for found in page.found]
        assert rows[0]["category_title"] == "Tiếng ồn" and (rows[0]["lon"], rows[0]["lat"]) != (109.32, 13.09)
        told = repr(rows)
        assert "Nguyễn" not in told and "0905" not in told
        sheet = load_workbook(io.BytesIO(export.workbook(rows))).active
        assert sheet is not None
        cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
        assert cells[0] == list(export.COLUMNS)
        assert str(cells[1][-1]).startswith("'=cmd") and all(cell.data_type != "f" for cell in sheet[2])
        made = export.collection(rows)
        assert made["features"][0]["geometry"] == {"type": "Point", "coordinates": [rows[0]["lon"], rows[0]["lat"]]}
