"""The outbox: everything that was committed reaches the log, once and in order, whatever dies in between."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as blocking
import sqlalchemy as sa

from ioc.contract import Contract
from ioc.db import reports as tables
from ioc.db.session import Database
from ioc.errors import StoreAway
from ioc.event import Event
from ioc.log import Log
from ioc.log.memory import MemoryLog
from ioc.log.redis import RedisLog
from ioc.ports import free
from ioc.reports.book import Asked, Book
from ioc.reports.outbox import Relay
from ioc.settings import Source
from tests.conftest import absent
from tests.reports.conftest import Clock
from tests.reports.desk import ADMIN, OPERATOR, filing

SOURCE = Source("reports_own", "desk", Contract("Trung tâm", cadence=10, method="typed"), {})


async def kept(log: Log) -> list[Event]:
    return [entry.event async for entry in log.kept()]


async def test_what_was_filed_is_told_in_order_and_the_source_is_alive(book: Book, db: Database, now: Clock) -> None:
    log = MemoryLog()
    relay = Relay(db, log, SOURCE)
    assert await relay.relay() == 0
    alive = (await log.known(SOURCE.name)).answered
    assert alive is not None and alive.answered is not None and alive.have == 0
    report = (await book.file(filing())).report.id
    now.on(seconds=1)
    await book.step(report, Asked("verify"), OPERATOR)
    await book.file(filing())
    assert await relay.relay() == 3
    events = await kept(log)
    assert [event.subject == report for event in events] == [True, True, False]
    assert {event.type for event in events} == {"ioc.report.filed"}
    assert {event.method for event in events} == {"typed"}
    assert await relay.relay() == 0
    assert len(await kept(log)) == 3


async def test_another_relay_goes_on_where_the_last_one_ended(book: Book, db: Database) -> None:
    log = MemoryLog()
    await book.file(filing())
    assert await Relay(db, log, SOURCE).relay() == 1
    await book.file(filing())
    assert await Relay(db, log, SOURCE).relay() == 1
    assert len(await kept(log)) == 2


async def test_a_store_that_was_emptied_is_told_again_under_the_same_ids(book: Book, db: Database) -> None:
    log = MemoryLog()
    relay = Relay(db, log, SOURCE)
    await book.file(filing())
    await relay.relay()
    before = await kept(log)
    await log.forget()
    await book.file(filing())
    for _ in range(3):
        await relay.relay()
    after = await kept(log)
    assert [event.id for event in after][:1] == [event.id for event in before]
    assert len(after) == 2


async def test_a_database_that_is_younger_than_the_log_is_told_from_its_beginning(book: Book, db: Database) -> None:
    log = MemoryLog()
    relay = Relay(db, log, SOURCE)
    for _ in range(3):
        await book.file(filing())
    await relay.relay()
    async with db.writing() as connection:
        await connection.execute(sa.delete(tables.outbox))
        await connection.execute(sa.delete(tables.counters).where(tables.counters.c.day == tables.OUTBOX))
    await book.file(filing())
    assert await Relay(db, log, SOURCE).relay() == 1


async def test_a_hidden_report_is_told_as_gone(book: Book, db: Database) -> None:
    log = MemoryLog()
    report = (await book.file(filing())).report.id
    await book.step(report, Asked("hide", why="Xúc phạm"), ADMIN)
    await Relay(db, log, SOURCE).relay()
    assert [event.data is None for event in await kept(log)] == [False, True]


async def test_old_rows_are_forgotten_once_they_were_told(book: Book, db: Database, now: Clock) -> None:
    # the book's clock stands in the past: its rows are older than a day
    await book.file(filing())
    relay = Relay(db, MemoryLog(), SOURCE)
    await relay.relay()
    relay._swept = float("-inf")
    await relay.relay()
    async with db.reading() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(tables.outbox))).scalar() == 0


class Server:
    """A Redis of this test's own, that can be killed and started again on the same data."""

    def __init__(self, folder: Path) -> None:
        [self.port] = free()
        self.folder, self.url = folder, f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = shutil.which("redis-server") or shutil.which("valkey-server")
        assert binary is not None
        options = ["--port", str(self.port), "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        command = [binary, *options, "--dir", str(self.folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        with blocking.Redis.from_url(self.url, protocol=3) as client:
            for _ in range(500):
                try:
                    client.ping()
                except blocking.ConnectionError:
                    time.sleep(0.02)
                else:
                    return
        raise AssertionError("Redis did not start.")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if not (shutil.which("redis-server") or shutil.which("valkey-server")):
        absent("There is no redis-server on PATH")
    made = Server(tmp_path)
    made.start()
    yield made
    made.kill()


async def test_what_is_filed_while_redis_is_dead_is_told_once_it_is_back(
    server: Server, book: Book, db: Database
) -> None:
    log = RedisLog(server.url)
    relay = Relay(db, log, SOURCE)
    await book.file(filing())
    assert await relay.relay() == 1
    server.kill()
    filed = [(await book.file(filing())).report.id for _ in range(3)]
    with pytest.raises(StoreAway):
        await relay.relay()
    server.start()
    told = 0
    for _ in range(100):
        try:
            told += await relay.relay()
        except StoreAway:
            continue
        if told >= 3:
            break
    assert [event.subject for event in await kept(log)][1:] == filed
    await log.close()
