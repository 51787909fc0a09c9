"""The book: what is filed is there once, each step is one transaction with its outbox row, and two never both win."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ioc import clock
from ioc.db import reports as tables
from ioc.db.session import Database
from ioc.reports.book import Asked, Book, Claimed, NotAllowed, Quicker, Unfit, Unknown, Who
from ioc.reports.filing import Planned
from tests.reports.conftest import Clock
from tests.reports.desk import ADMIN, NOON, OPERATOR, URBAN, WATER, filing


async def told(db: Database) -> list[dict[str, Any]]:
    """What waits for the log, in its order."""
    async with db.reading() as connection:
        rows = (await connection.execute(sa.select(tables.outbox).order_by(tables.outbox.c.seq))).mappings().all()
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    return [json.loads(row["body"]) for row in rows]


async def table(db: Database, name: sa.Table) -> str:
    """All that a table holds, as text."""
    async with db.reading() as connection:
        return str((await connection.execute(sa.select(name))).all())


async def test_a_report_is_filed_with_its_number_its_step_and_its_outbox_row(book: Book, db: Database) -> None:
    filed = await book.file(filing(name="Nguyễn Văn An", phone="0905 123 456"))
    report = filed.report
    assert filed.fresh
    assert (report.number, report.state, report.version) == ("PY-2026-0310-0001", "new", 1)
    assert report.due is not None and report.step_due is not None
    assert (await book.get(report.id)) == report
    assert filed.follow is not None
    assert await book.followed(filed.follow) == report
    assert await book.by_number(report.number) == report
    assert await book.followed("0" * 64) is None
    assert [step.step for step in await book.steps(report.id)] == ["file"]
    [body] = await told(db)
    assert body["subject"] == report.id
    assert body["data"]["properties"]["status"] == "new"
    assert body["data"]["geometry"]["coordinates"] == [109.32, 13.09]
    second = await book.file(filing())
    assert second.report.number == "PY-2026-0310-0002"


async def test_no_table_holds_a_name_a_phone_or_a_secret_in_the_clear(book: Book, db: Database) -> None:
    given = filing(name="Nguyễn Văn An", phone="0905 123 456", device="device-of-an")
    filed = await book.file(given)
    for one in (tables.reports, tables.steps, tables.outbox):
        text = await table(db, one)
        for secret in ("Nguyễn", "905 123", "905123456", filed.follow, given.client, "device-of-an"):
            assert secret is not None and secret not in text
    assert book.vault is not None and filed.report.person is not None
    assert book.vault.open(filed.report.id, filed.report.person).phone == "0905 123 456"


async def test_the_same_client_id_is_one_report(book: Book, db: Database) -> None:
    one = filing()
    first = await book.file(one)
    again = await book.file(one)
    assert (again.fresh, again.report.id, again.follow) == (False, first.report.id, first.follow)
    other = filing()
    together = await asyncio.gather(*(book.file(other) for _ in range(6)))
    assert len({each.report.id for each in together}) == 1
    assert sum(each.fresh for each in together) == 1
    assert len(await told(db)) == 2


async def test_what_many_file_at_one_moment_is_one_batch_and_each_hears_of_their_own(book: Book, db: Database) -> None:
    shared = str(uuid.uuid4())
    given = [
        filing(words=f"Việc {n}", client=None if n % 3 else shared if n == 9 else str(uuid.uuid4())) for n in range(40)
    ]
    done = await asyncio.gather(*(book.file(one) for one in [*given, filing(words="Việc 9", client=shared)]))
    assert [one.report.words for one in done] == [one.words for one in given] + ["Việc 9"]
    assert done[9].report.id == done[40].report.id and (done[9].fresh, done[40].fresh) == (True, False)
    assert len({one.report.number for one in done}) == 40
    for one in done:
        assert await book.followed(one.follow) == one.report
    assert len(await told(db)) == 40


async def test_what_was_known_already_takes_no_number_also_in_a_rush(book: Book) -> None:
    known = filing()
    await book.file(known)
    told = await asyncio.gather(*(book.file(one) for one in (known, filing(), known, filing(), known)))
    assert [one.fresh for one in told] == [False, True, False, True, False]
    assert [one.report.number[-4:] for one in told] == ["0001", "0002", "0001", "0003", "0001"]
    assert (await book.file(filing())).report.number == "PY-2026-0310-0004"


async def test_a_rush_shares_few_transactions(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes while others are written waits a moment for more of them; who comes alone does not."""
    monkeypatch.setattr("ioc.reports.intake.GATHER_S", 1.0)
    written, begun, go_on, together = list[int](), asyncio.Event(), asyncio.Event(), book._intake._together

    async def slow(batch: Any) -> Any:
        written.append(len(batch))
        begun.set()
        await go_on.wait()
        return await together(batch)

    monkeypatch.setattr(book._intake, "_together", slow)
    filed = [asyncio.create_task(book.file(filing()))]
    await begun.wait()
    filed.append(asyncio.create_task(book.file(filing())))
    await asyncio.sleep(0)
    go_on.set()
    await filed[0]
    filed.append(asyncio.create_task(book.file(filing())))
    await asyncio.gather(*filed)
    assert written == [1, 2]


async def test_numbers_are_of_the_provinces_day(book: Book, now: Clock) -> None:
    now.at = NOON.replace(hour=23, minute=59)
    assert (await book.file(filing())).report.number == "PY-2026-0310-0001"
    now.on(minutes=2)
    assert (await book.file(filing())).report.number == "PY-2026-0311-0001"


async def test_everything_wrong_is_named_at_once_and_nothing_is_stored(book: Book, db: Database) -> None:
    wrong = filing(
        category="nonsense", words=" \x00 ", lon=None, lat=95.0, phone="không có", attributes={}, client="x",
        photos=(Planned("zz"), Planned("a" * 64, "photo", 20_000_000)),
    )  # fmt: skip
    with pytest.raises(Unfit) as refused:
        await book.file(wrong)
    assert {one["where"] for one in refused.value.errors} == {"category", "client", "words", "phone", "lon", "photos"}
    assert await table(db, tables.reports) == "[]"
    assert await told(db) == []


@pytest.mark.parametrize(
    ("attributes", "fits"),
    [({}, True), ({"size": "small"}, True), ({"size": "huge"}, False), ({"x": 1}, False), ({"size": {}}, False)],
)
async def test_attributes_are_those_of_the_category(book: Book, attributes: dict[str, Any], fits: bool) -> None:
    if fits:
        assert (await book.file(filing(attributes=attributes))).report.attributes == attributes
        return
    with pytest.raises(Unfit):
        await book.file(filing(attributes=attributes))


async def walk(book: Book, report: str, *steps: tuple[Who, Asked]) -> None:
    for who, asked in steps:
        await book.step(report, asked, who)


async def test_a_life_from_filing_to_the_citizens_word(book: Book, db: Database, now: Clock) -> None:
    report = (await book.file(filing())).report.id
    citizen = Who("citizen")
    for who, asked in (
        (OPERATOR, Asked("verify")),
        (OPERATOR, Asked("assign", agency="do_thi")),
        (URBAN, Asked("reject", why="Không phải của chúng tôi")),
        (OPERATOR, Asked("assign", agency="cap_nuoc")),
        (WATER, Asked("accept")),
        (WATER, Asked("ask", text="Nước chảy mạnh không?")),
        (citizen, Asked("tell", text="Rất mạnh")),
        (WATER, Asked("start")),
        (WATER, Asked("finish", text="Đã thay ống")),
    ):
        now.on(minutes=1)
        await book.step(report, asked, who)
    assert (await book.satisfied(report, 4, "Nhanh")).satisfied == 4
    await book.step(report, Asked("reopen", why="Lại rò"), citizen)
    found = await book.get(report)
    assert found is not None
    assert (found.state, found.reopened, found.satisfied, found.ended, found.agency) == (
        "reopened",
        1,
        None,
        None,
        None,
    )
    steps = await book.steps(report)
    assert [step.version for step in steps] == list(range(1, 13))
    assert steps[6].to_state == "more_info" and steps[7].to_state == "accepted"
    bodies = await told(db)
    assert [body["data"]["properties"]["step"]["step"] for body in bodies] == [step.step for step in steps]
    times = [clock.parse(body["time"]) for body in bodies]
    assert times == sorted(set(times)), "a later event must be later for the fold"
    assert '"Lan"' not in json.dumps(bodies, ensure_ascii=False), "who works at the desk is nobody's business"


async def test_two_at_once_one_wins_and_the_other_is_told(book: Book, db: Database) -> None:
    report = (await book.file(filing())).report
    asked = [Asked("verify", version=1), Asked("refuse", version=1, why="unclear")]
    people = (OPERATOR, Who("operator", "Tú"))
    done = await asyncio.gather(
        *(book.step(report.id, one, who) for one, who in zip(asked, people, strict=True)), return_exceptions=True
    )
    lost = [one for one in done if isinstance(one, Quicker)]
    assert len(lost) == 1
    winner = people[0 if isinstance(done[1], Quicker) else 1]
    assert (lost[0].who, lost[0].version) == (winner.name, 2)
    assert lost[0].what in ("verify", "refuse")
    assert len(await told(db)) == 2


async def test_an_agency_sees_its_own_reports_alone(book: Book) -> None:
    report = (await book.file(filing())).report.id
    with pytest.raises(Unknown):
        await book.step(report, Asked("accept"), WATER)
    await walk(book, report, (OPERATOR, Asked("verify")), (OPERATOR, Asked("assign", agency="cap_nuoc")))
    with pytest.raises(Unknown):
        await book.step(report, Asked("accept"), URBAN)
    with pytest.raises(NotAllowed):
        await book.step(report, Asked("hide", why="Thử"), WATER)
    assert (await book.step(report, Asked("accept"), WATER)).state == "accepted"


async def test_what_a_step_needs_is_asked_for(book: Book) -> None:
    report = (await book.file(filing())).report.id
    for asked in (
        Asked("refuse"),
        Asked("refuse", why="vì không thích"),
        Asked("ask", text=" \u202e "),
        Asked("duplicate", of=report),
        Asked("merge", of="không có"),
        Asked("finish", text="Xong"),
        Asked("answer", text="x" * 5000),
        Asked("nonsense"),
    ):
        with pytest.raises(Unfit):
            await book.step(report, asked, OPERATOR)
    found = await book.get(report)
    assert found is not None and found.version == 1


async def test_merging_counts_those_who_told_the_same(book: Book, db: Database) -> None:
    kept, gone = (await book.file(filing())).report.id, (await book.file(filing())).report.id
    assert await book.support(gone, str(uuid.uuid4())) == 1
    after = await book.step(gone, Asked("merge", of=kept), OPERATOR)
    assert (after.state, after.parent) == ("merged", kept)
    found = await book.get(kept)
    assert found is not None and (found.supports, found.state) == (2, "new")
    assert [step.step for step in await book.steps(kept)] == ["file", "joined"]
    with pytest.raises(Unfit):
        await book.step(kept, Asked("merge", of=gone), OPERATOR)


async def test_two_that_are_merged_into_each_other_at_once_end_with_one_that_stands(book: Book) -> None:
    one, other = (await book.file(filing())).report.id, (await book.file(filing())).report.id
    pairs = ((one, other), (other, one))
    done = await asyncio.gather(
        *(book.step(gone, Asked("merge", of=kept), OPERATOR) for gone, kept in pairs), return_exceptions=True
    )
    assert sum(isinstance(each, Unfit) for each in done) == 1


async def test_a_split_makes_a_report_of_its_own(book: Book) -> None:
    report = (await book.file(filing(name="An"))).report
    await book.step(report.id, Asked("split", words="Đèn đường cũng hỏng", category="noise"), OPERATOR)
    last = (await book.steps(report.id))[-1]
    child = await book.get(last.data["new"])
    assert child is not None
    assert (child.parent, child.words, child.category) == (report.id, "Đèn đường cũng hỏng", "noise")
    assert (child.person, child.client, child.number) == (None, None, "PY-2026-0310-0002")
    assert (child.lon, child.lat) == (report.lon, report.lat)


async def test_a_hidden_report_leaves_the_log_and_comes_back(book: Book, db: Database) -> None:
    report = (await book.file(filing())).report.id
    await book.step(report, Asked("hide", why="Xúc phạm"), ADMIN)
    assert "data" not in (await told(db))[-1]
    with pytest.raises(Unknown):
        await book.support(report, str(uuid.uuid4()))
    await book.step(report, Asked("unhide", why="Nhầm"), ADMIN)
    assert (await told(db))[-1]["data"]["properties"]["number"] == "PY-2026-0310-0001"


async def test_a_citizen_reopens_for_thirty_days(book: Book, now: Clock) -> None:
    report = (await book.file(filing())).report.id
    await walk(book, report, (OPERATOR, Asked("refuse", why="unclear")))
    now.on(days=31)
    with pytest.raises(Unfit):
        await book.step(report, Asked("reopen", why="Vẫn hỏng"), Who("citizen"))
    assert (await book.step(report, Asked("reopen", why="Vẫn hỏng"), OPERATOR)).state == "reopened"


async def test_a_support_counts_once_a_client(book: Book) -> None:
    report, client = (await book.file(filing())).report.id, str(uuid.uuid4())
    assert await book.support(report, client) == 1
    assert await book.support(report, client) == 1
    counted = await asyncio.gather(*(book.support(report, str(uuid.uuid4())) for _ in range(5)))
    assert sorted(counted) == [2, 3, 4, 5, 6]
    with pytest.raises(Unknown):
        await book.support("x", client)


async def test_a_claim_holds_for_two_minutes_and_says_who(book: Book, now: Clock) -> None:
    report = (await book.file(filing())).report.id
    until = await book.claim(report, "Lan")
    assert until == NOON + timedelta(minutes=2)
    with pytest.raises(Claimed) as held:
        await book.claim(report, "Tú")
    assert (held.value.by, held.value.until) == ("Lan", until)
    now.on(minutes=1)
    assert await book.claim(report, "Lan") == NOON + timedelta(minutes=3)
    now.on(minutes=3)
    assert await book.claim(report, "Tú") == NOON + timedelta(minutes=6)
    await book.release(report, "Lan")
    with pytest.raises(Claimed):
        await book.claim(report, "Lan")
    await book.release(report, "Tú")
    await book.claim(report, "Lan")
    with pytest.raises(Unknown):
        await book.claim("x", "Lan")


async def test_outbox_rows_commit_in_the_order_of_their_numbers(book: Book, db: Database) -> None:
    """A reader that has seen a number never finds a smaller one later."""
    seen: list[list[int]] = []
    done = asyncio.Event()

    async def watch() -> None:
        while not done.is_set():
            async with db.reading() as connection:
                seen.append(list((await connection.execute(sa.select(tables.outbox.c.seq))).scalars()))
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(book.file(filing()) for _ in range(25)))
    done.set()
    await watching
    assert all(sorted(one) == list(range(1, len(one) + 1)) for one in seen)
    assert len(await told(db)) == 25
