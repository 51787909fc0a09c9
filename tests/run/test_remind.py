"""Reminders from a missed duty to their receipt: what goes out, what does not, what is excused; and nothing twice."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from ioc import names
from ioc.contract import Contract
from ioc.db import reminders as book
from ioc.db.session import Database, migrate, open_db
from ioc.db.tables import ReminderRow
from ioc.ports import free
from ioc.run import remind
from tests.conftest import ROOT
from tests.posts import Hook, Post, post_office, webhook
from tests.reminded import BEDS, FRIDAY, Office, at, by_hook, by_mail

DUTY = f"beds/{FRIDAY}"
LATE = f"{FRIDAY} 18:00:01"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/ioc.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    await asyncio.to_thread(migrate, made)
    return str(made)


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    opened = open_db(url)
    yield opened
    await opened.close()


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office() as found:
        yield found


@pytest.fixture
def hook() -> Iterator[Hook]:
    with webhook() as found:
        yield found


def sent(day: str) -> ReminderRow:
    """A reminder that went out on a day."""
    return ReminderRow(
        id=day, duty=day, step=1, way="mail", agency="Sở Cũ", source="old", period=None, due=at(day), missing=[],
        recipients=["a@b.vn"], subject="Nhắc", text="Kính gửi", number=1, created=at(day), state="sent", next=None,
    )  # fmt: skip


async def test_a_missed_period_is_reminded_of_by_mail_with_a_receipt_and_counts(db: Database, post: Post) -> None:
    office = await Office(db, by_mail(post.port)).open()
    assert (await office.items())["Sở Y tế"]["count"] == 0
    office.now = at(f"{FRIDAY} 15:00")
    await office.reports("bv1")
    await office.answers()
    await office.look(f"{FRIDAY} 17:59:59")
    assert [one.duty for one in await office.made() if one.source == "beds"] == []
    await office.look(LATE)
    mail = post.mails[-1]
    assert post.to == [["vp@soyte.vn"]]
    assert "Đơn vị chưa báo cáo (1): bv2." in mail.get_content()
    (row,) = await book.listed(db, agency="Sở Y tế")
    assert (row["state"], row["receipt"], row["attempts"]) == ("sent", "250 OK: queued as 4711", 1)
    assert mail["Message-ID"] == f"<{row['id']}@quangnam.gov.vn>"
    item = (await office.items())["Sở Y tế"]
    assert (item["count"], item["level"], item["sources"], item["year"]) == (1, None, {"beds": 1}, 2026)
    assert at(LATE).isoformat() == item["last"]


async def test_nothing_is_sent_twice_while_it_stays_missing_or_after_a_restart(db: Database, post: Post) -> None:
    first = await Office(db, by_mail(post.port)).open()
    await first.look(LATE)
    await first.look(f"{FRIDAY} 18:30")
    again = await Office(db, by_mail(post.port), now=f"{FRIDAY} 18:31").open()
    await again.look(f"{FRIDAY} 18:45")
    assert len([to for to in post.to if to == ["vp@soyte.vn"]]) == 1
    # the second step lies a day after the due time, on Saturday: Monday morning it goes
    await again.look("2026-03-09 06:59")
    assert len(post.to) == 1
    await again.look("2026-03-09 07:00")
    assert [(one.step, one.state) for one in await again.made() if one.duty == DUTY] == [(1, "sent"), (2, "sent")]


async def test_who_tells_late_or_in_time_is_reminded_no_more(db: Database, post: Post) -> None:
    office = await Office(db, by_mail(post.port)).open()
    await office.look(LATE)
    await office.reports("bv1", "bv2")
    await office.look("2026-03-09 07:00")
    assert [step for duty, step, _ in await office.states() if duty == DUTY] == [1]


async def test_a_contract_without_a_contact_keeps_the_reminder_and_says_so(db: Database, post: Post) -> None:
    silent = msgspec.structs.replace(BEDS, contact="0235 3852 111")
    office = await Office(db, by_mail(post.port), beds=silent).open()
    await office.look(LATE)
    (row,) = await book.listed(db, agency="Sở Y tế")
    assert (row["state"], row["way"], row["recipients"], post.mails) == ("no contact", "none", [], [])
    assert "write contact" in row["error"]
    assert (await office.items())["Sở Y tế"]["count"] == 1


async def test_an_outage_is_one_reminder_until_it_ends_and_the_next_is_another(db: Database, hook: Hook) -> None:
    office = await Office(db, by_hook(hook.url), now=f"{FRIDAY} 08:00", beds=BEDS).open()
    for minutes in (2, 30, 61, 63, 90, 120):
        office.now = at(f"{FRIDAY} 08:00") + timedelta(minutes=minutes)
        await office.answers(answered=at(f"{FRIDAY} 08:00"), error="It could not be asked.")
        await office.look()
    assert [body["source"] for body in hook.bodies] == ["cams"]
    # a restart of ours is no new outage
    again = await Office(db, by_hook(hook.url), now=f"{FRIDAY} 10:30").open()
    await again.answers(answered=at(f"{FRIDAY} 08:00"), error="It could not be asked.")
    await again.look(f"{FRIDAY} 10:31")
    assert len(hook.bodies) == 1
    await again.answers()
    await again.look()
    ended = [one.ended for one in await again.made() if one.source == "cams"]
    assert None not in ended
    for minutes in (5, 70):
        again.now = at(f"{FRIDAY} 10:31") + timedelta(minutes=minutes)
        await again.answers(answered=at(f"{FRIDAY} 10:31"), error="It could not be asked.")
        await again.look()
    assert [body["source"] for body in hook.bodies] == ["cams", "cams"]


async def test_while_our_poller_is_dead_no_agency_is_reminded(db: Database, hook: Hook) -> None:
    office = await Office(db, by_hook(hook.url), now=f"{FRIDAY} 08:00").open()
    await office.look(f"{FRIDAY} 08:10")
    await office.look(f"{FRIDAY} 10:00")
    assert (await office.items(names.SOURCES))["cams"]["state"] == "stale"
    assert hook.bodies == [] and await office.made() == []


async def test_an_excuse_goes_through_the_log_to_the_ledger_and_the_count(db: Database, post: Post) -> None:
    office = await Office(db, by_mail(post.port)).open()
    office.now = at(f"{FRIDAY} 15:00")
    await office.reports("bv1")
    await office.look(LATE)
    ledger = (await office.items(names.LEDGER))["beds"]
    assert (ledger["missing"], ledger["excused"], (await office.items())["Sở Y tế"]["count"]) == (1, 0, 1)
    await office.excuse("bv2")
    await office.look()
    ledger = (await office.items(names.LEDGER))["beds"]
    assert (ledger["missing"], ledger["excused"], (await office.items())["Sở Y tế"]["count"]) == (0, 1, 0)
    office.now += timedelta(seconds=1)
    await office.excuse("bv2", take_back=True)
    await office.look()
    ledger = (await office.items(names.LEDGER))["beds"]
    assert (ledger["missing"], ledger["excused"], (await office.items())["Sở Y tế"]["count"]) == (1, 0, 1)


async def test_who_is_excused_before_is_never_reminded(db: Database, post: Post) -> None:
    office = await Office(db, by_mail(post.port)).open()
    office.now = at(f"{FRIDAY} 15:00")
    await office.excuse("bv1")
    await office.excuse("bv2")
    await office.look(LATE)
    assert await office.made() == [] and post.mails == []


async def test_a_server_that_is_away_is_tried_again_with_back_off_and_not_for_ever(db: Database) -> None:
    office = await Office(db, by_mail(free()[0], quiet=None, days_off=True)).open()
    await office.look(LATE)
    waits = []
    for _ in range(40):
        (one,) = [one for one in await office.made() if one.step == 1]
        if one.state != "waiting":
            break
        assert one.next is not None
        waits.append((one.next - office.now).total_seconds())
        office.now = one.next
        await office.look()
    assert waits == [60, 120, 240, 480, 960, 1920, 3600]
    (one,) = [one for one in await office.made() if one.step == 1]
    assert (one.state, one.attempts, one.next) == ("failed", remind.MOST_ATTEMPTS, None)
    assert (await office.items())["Sở Y tế"]["count"] == 0


async def test_what_was_told_before_the_server_came_back_is_withdrawn(db: Database) -> None:
    [port] = free()
    office = await Office(db, by_mail(port)).open()
    await office.look(LATE)
    await office.reports("bv1", "bv2")
    await office.look(f"{FRIDAY} 18:10")
    assert (await office.states())[0] == (DUTY, 1, "withdrawn")


async def test_the_third_of_a_year_is_copied_to_the_superior_and_numbered(db: Database, post: Post) -> None:
    rules = by_mail(post.port, escalate_to="vanphong@quangnam.vn", thresholds=(1, 2), quiet=None, days_off=True)
    office = await Office(db, rules).open()
    await office.look(LATE)
    await office.look("2026-03-07 18:00")
    assert post.to == [["vp@soyte.vn"], ["vp@soyte.vn", "vanphong@quangnam.vn"]]
    assert [str(mail["Subject"]).split(":")[0] for mail in post.mails] == [
        "[IOC Quảng Nam] Nhắc lần 1/2026", "[IOC Quảng Nam] Nhắc lần 2/2026",
    ]  # fmt: skip
    item = (await office.items())["Sở Y tế"]
    assert (item["level"], item["thresholds"]) == ("bad", [1, 2])


async def test_a_slow_mail_server_holds_up_no_look(db: Database, post: Post) -> None:
    post.hangs = True
    office = await Office(db, by_mail(post.port)).open()
    office.now = at(LATE)
    await office.health.look(office.now)
    sending = asyncio.create_task(office.reminding.turn())
    async with asyncio.timeout(20):
        while not post.mails:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    for _ in range(3):
        await office.health.look(office.now)
    assert not sending.done()
    # the watch begins again while one is on its way: it is brought to its end, and its receipt is written down
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await Office(db, by_mail(post.port), now=LATE).open()
    assert [state for _, _, state in await office.states()] == ["unknown"]
    post.answers.set()
    async with asyncio.timeout(20):
        while [state for _, _, state in await office.states()] != ["sent"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert len(post.mails) == 1


async def test_reminders_wait_while_the_database_is_away(
    tmp_path: Path, post: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(remind, "AWAY_S", 0.01)
    monkeypatch.setattr(remind, "EVERY_S", 0.01)
    url = f"sqlite:///{tmp_path}/later.db"
    db = open_db(url)
    office = Office(db, by_mail(post.port))
    running = asyncio.create_task(office.reminding.run())

    def said() -> list[str]:
        return [record.message for record in caplog.records if "database" in record.message]

    async with asyncio.timeout(20):
        while not said():  # noqa: ASYNC110 - the log tells it
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert not running.done()
    assert said() == ["The database does not answer (OperationalError); reminders wait."]
    await asyncio.to_thread(migrate, url)
    async with asyncio.timeout(20):
        while "Reminders go on." not in [record.message for record in caplog.records]:
            caplog.set_level("INFO", "ioc.reminders")
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await db.close()


# killed while one is on its way


def started(url: str, port: int) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    return subprocess.Popen([sys.executable, "-m", "tests.reminded", url, str(port)], cwd=ROOT, env=env)


async def on_its_way(db: Database) -> bool:
    async with db.reading() as connection:
        found = await connection.execute(sa.text("SELECT count(*) FROM reminders WHERE state = 'sending'"))
        return bool(found.scalar_one())


@pytest.mark.chaos
async def test_killed_between_sending_and_sent_it_is_unknown_and_goes_out_only_by_a_person(
    url: str, db: Database, post: Post
) -> None:
    post.hangs = True
    process = started(url, post.port)
    try:
        async with asyncio.timeout(60):
            while not post.mails:
                assert process.poll() is None, "it ended by itself"
                await asyncio.sleep(0.01)
        assert await on_its_way(db)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    post.hangs = False
    office = await Office(db, by_mail(post.port), now=f"{FRIDAY} 18:05").open()
    for minutes in (6, 20, 50):
        await office.look(f"{FRIDAY} 18:{minutes:02}")
    (row,) = await book.listed(db)
    assert (row["state"], row["error"], len(post.mails)) == ("unknown", book.CUT_OFF, 1)
    assert (await office.items())["Sở Y tế"]["count"] == 0
    assert await book.again(db, row["id"], office.now)
    await office.look()
    assert [mail["Message-ID"] for mail in post.mails] == [f"<{row['id']}@quangnam.gov.vn>"] * 2
    assert [state for _, _, state in await office.states()] == ["sent"]
    assert (await office.items())["Sở Y tế"]["count"] == 1


@pytest.mark.chaos
async def test_killed_before_a_byte_left_it_is_unknown_too(url: str, db: Database) -> None:
    # a server that takes the connection and says nothing: the mail has not been handed over
    with socket.create_server(("127.0.0.1", 0)) as silent:
        process = started(url, silent.getsockname()[1])
        try:
            async with asyncio.timeout(60):
                while not await on_its_way(db):
                    assert process.poll() is None, "it ended by itself"
                    await asyncio.sleep(0.01)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    with post_office() as post:
        office = await Office(db, by_mail(post.port), now=f"{FRIDAY} 18:05").open()
        await office.look(f"{FRIDAY} 18:30")
        assert post.mails == [] and [state for _, _, state in await office.states()] == ["unknown"]


async def test_who_owes_nothing_by_periods_and_lives_stands_with_none(db: Database, post: Post) -> None:
    office = await Office(db, by_mail(post.port), labour=Contract("Sở Lao động", cadence=60)).open()
    items = await office.items()
    assert {name: item["count"] for name, item in items.items()} == {"Sở Giao thông": 0, "Sở Lao động": 0, "Sở Y tế": 0}
    assert items["Sở Lao động"] == {
        "id": "Sở Lao động", "agency": "Sở Lao động", "year": 2026, "count": 0, "thresholds": [3, 6], "level": None,
        "last": None, "say": None, "sources": {},
    }  # fmt: skip


async def test_nobody_is_reminded_of_what_the_contract_keeps_quiet_about(db: Database, post: Post) -> None:
    office = Office(db, by_mail(post.port), beds=msgspec.structs.replace(BEDS, remind=False))
    await office.open()
    office.now = at(LATE)
    await office.answers()
    await office.look(LATE)
    assert [one.duty for one in await office.made() if one.source == "beds"] == []


async def test_who_types_what_a_machine_tells_by_now_is_reminded_of_nothing(db: Database, post: Post) -> None:
    office = Office(db, by_mail(post.port))
    beds = office.settings.sources["beds"]
    retired = msgspec.structs.replace(beds, options={"retired_by": "cams"})
    office.settings = msgspec.structs.replace(office.settings, sources={**office.settings.sources, "beds": retired})
    office.health.settings = office.settings
    await office.open()
    office.now = at(LATE)
    await office.answers()
    await office.look(LATE)
    assert [one.duty for one in await office.made() if one.source == "beds"] == []
    await office.answers(error="Nobody answers.", failures=9)
    office.now = at(f"{FRIDAY} 18:05")
    await office.look(f"{FRIDAY} 18:05")
    assert [one.duty for one in await office.made() if one.source == "beds"] == [DUTY]


async def test_this_year_and_those_before_that_are_kept_stay_whole_and_older_ones_go_with_a_line(
    db: Database, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    days = ("2024-12-31 23:59:59", "2025-01-01 00:00", "2025-12-31 12:00", "2026-01-01 08:00")
    await book.make(db, [sent(day) for day in days])

    async def years() -> list[str]:
        return sorted(one.duty for one in await book.made(db, at("2000-01-01")) if one.source == "old")

    rules = by_hook(hook.url, keep_years=2)
    with caplog.at_level("INFO", "ioc.reminders"):
        office = await Office(db, rules, now="2026-03-05 18:00").open()
    assert await years() == list(days[1:])
    assert "1 reminders from before 2025 were purged (kept for 2 years)." in caplog.messages
    assert (await office.items())["Sở Cũ"]["count"] == 1
    await office.look("2026-12-31 23:59")
    assert await years() == list(days[1:])
    await office.look("2027-01-01 00:00")
    assert await years() == [days[3]]
