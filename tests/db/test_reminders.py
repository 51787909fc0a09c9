"""The reminder ledger in SQL: a reminder is made once, claimed once, and what became of it is kept."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from ioc.db import reminders as book
from ioc.db.session import Database
from ioc.db.tables import ReminderRow
from ioc.mailing import Made

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)


def row(name: str = "r1", **other: Any) -> ReminderRow:
    return ReminderRow(**{
        "id": name, "duty": f"beds/{name}", "step": 1, "way": "mail", "agency": "Sở Y tế", "source": "beds",
        "period": "2026-03-09", "due": NOON, "missing": ["bv1"], "recipients": ["a@b.vn"], "subject": "Nhắc",
        "text": "Kính gửi", "number": 1, "created": NOON, "state": "waiting", "next": NOON, **other,
    })  # fmt: skip


async def kept(db: Database) -> dict[str, Made]:
    return {one.id: one for one in await book.made(db, NOON - timedelta(days=1))}


async def test_a_reminder_comes_back_as_it_was_made(db: Database) -> None:
    await book.make(db, [row()])
    found = (await kept(db))["r1"]
    assert found == Made(
        "r1", "beds/r1", 1, "mail", "Sở Y tế", "beds", "2026-03-09", ("bv1",), NOON, "waiting", next=NOON
    )
    assert await book.made(db, NOON) == []


async def test_the_same_duty_step_and_way_is_made_once(db: Database) -> None:
    await book.make(db, [row()])
    await book.make(db, [row(), row("other", duty="beds/r1"), row("r1-hook", duty="beds/r1", way="webhook")])
    await book.make(db, [])
    assert set(await kept(db)) == {"r1", "r1-hook"}


async def test_of_many_who_claim_a_reminder_one_gets_it(db: Database) -> None:
    await book.make(db, [row()])
    found = await asyncio.gather(*(book.claim(db, "r1", NOON) for _ in range(5)))
    (mine,) = [one for one in found if one is not None]
    assert (mine.state, mine.attempts, mine.text, mine.recipients) == ("sending", 1, "Kính gửi", ["a@b.vn"])
    assert (await kept(db))["r1"].state == "sending"
    assert await book.claim(db, "nobody", NOON) is None


async def test_what_was_on_its_way_is_unknown_afterwards_and_a_late_receipt_still_counts(db: Database) -> None:
    await book.make(db, [row(), row("r2")])
    await book.claim(db, "r1", NOON)
    assert await book.cut_off(db) == 1
    assert {name: one.state for name, one in (await kept(db)).items()} == {"r1": "unknown", "r2": "waiting"}
    assert await book.claim(db, "r1", NOON) is None
    await book.settle(db, "r1", "sent", sent=NOON, receipt="250 ok", error=None)
    await book.settle(db, "r2", "sent", sent=NOON)
    assert {name: one.state for name, one in (await kept(db)).items()} == {"r1": "sent", "r2": "waiting"}


async def test_a_person_sends_again_only_what_failed_or_is_unknown(db: Database) -> None:
    for name, state in (("a", "failed"), ("b", "unknown"), ("c", "sent"), ("d", "withdrawn")):
        await book.make(db, [row(name, state=state, attempts=8)])
    assert [await book.again(db, name, NOON) for name in ("a", "b", "c", "d", "e")] == [True, True, False, False, False]
    found = await kept(db)
    assert [(found[name].state, found[name].attempts) for name in "abcd"] == [
        ("waiting", 0), ("waiting", 0), ("sent", 8), ("withdrawn", 8),
    ]  # fmt: skip


async def test_what_is_withdrawn_excused_or_over_is_kept_so(db: Database) -> None:
    await book.make(db, [row("a"), row("b", state="sent"), row("c", duty="cams/outage/x", period=None)])
    await book.withdraw(db, ["a", "b"])
    await book.excuse(db, ["b"], NOON)
    await book.end(db, ["cams/outage/x"], NOON)
    await book.end(db, ["cams/outage/x"], NOON + timedelta(hours=1))
    found = await kept(db)
    assert [found[name].state for name in "ab"] == ["withdrawn", "sent"]
    assert (found["b"].excused, found["c"].ended) == (NOON, NOON)
    await book.excuse(db, ["b"], None)
    assert (await kept(db))["b"].excused is None


async def test_a_source_is_watched_since_it_was_first_seen(db: Database) -> None:
    assert await book.since(db, ["a"], NOON) == {"a": NOON}
    later = NOON + timedelta(days=1)
    assert await book.since(db, ["a", "b"], later) == {"a": NOON, "b": later}
    assert await book.since(db, [], later) == {"a": NOON, "b": later}


async def test_the_ledger_lists_the_newest_first_without_the_text(db: Database) -> None:
    await book.make(db, [row("a"), row("b", created=NOON + timedelta(hours=1), agency="Sở Tài chính")])
    found = await book.listed(db)
    assert [one["id"] for one in found] == ["b", "a"] and "text" not in found[0]
    assert [one["id"] for one in await book.listed(db, agency="Sở Y tế")] == ["a"]
    assert [one["id"] for one in await book.listed(db, after=NOON + timedelta(minutes=1))] == ["b"]
    assert len(await book.listed(db, limit=1)) == 1


async def test_old_reminders_are_dropped_and_what_is_still_to_go_out_is_not(db: Database) -> None:
    old = {"created": NOON - timedelta(days=1), "next": None}
    states = ("sent", "failed", "unknown", "withdrawn", "no contact", "waiting", "sending")
    await book.make(db, [row(name, state=name, **old) for name in states])
    await book.make(db, [row("young", state="sent")])
    assert await book.purge(db, NOON) == 5
    assert await book.purge(db, NOON) == 0
    left = {one.id for one in await book.made(db, NOON - timedelta(days=2))}
    assert left == {"waiting", "sending", "young"}
