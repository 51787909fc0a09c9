"""The archive's role: every event into SQL before the log forgets it; while SQL is away, nothing is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ioc.board.memory import MemoryBoard
from ioc.contract import Answered
from ioc.db import archive as store
from ioc.db.figures import figures
from ioc.db.session import Database, migrate, open_db
from ioc.event import Event, Feature
from ioc.log.memory import MemoryLog
from ioc.run import archive
from ioc.run.archive import Noting, SqlArchive

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)
KIND = "ioc.thing.seen"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "AGAIN_S", 0.02)
    monkeypatch.setattr(archive, "TRIM_S", 0.02)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/archive.db"
    await asyncio.to_thread(migrate, url)
    opened = open_db(url)
    yield opened
    await opened.close()


def event(number: int, subject: str = "a", *, time: float = 0, gone: bool = False, source: str = "s") -> Event:
    at = NOON + timedelta(minutes=time)
    feature = None if gone else Feature({"n": number})
    return Event(f"{source}{number}", source, KIND, subject, at, NOON + timedelta(minutes=number), feature)


async def put(log: MemoryLog, *events: Event) -> None:
    known = await log.known("s")
    await log.append(events, source="s", revision=known.revision, cursor=None, seen={}, answered=Answered("s", NOON))


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not reached():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Counting(MemoryLog):
    """A log that counts what the archive acknowledged."""

    @property
    def acknowledged(self) -> int:
        return self._acked["archive"]


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_what_came_is_archived_and_then_acknowledged(db: Database) -> None:
    log = Counting()
    await put(log, event(1), event(2))
    keeping = asyncio.create_task(archive.keep(log, db))
    await until(lambda: log.acknowledged == 2)
    assert await store.count(db, "s") == 2
    await stop(keeping)


class Wire:
    """A road to a database that can be cut, and mended again on the same port."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.there = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self.parts, self.port = parts, 0
        self.server: asyncio.Server | None = None
        self.open: set[asyncio.StreamWriter] = set()

    async def mend(self) -> None:
        self.server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        user = f"{self.parts.username}@" if self.parts.username else ""
        return f"postgresql://{user}127.0.0.1:{self.port}{self.parts.path}"

    async def cut(self) -> None:
        assert self.server is not None
        self.server.close()
        for writer in list(self.open):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self.there)
        self.open |= {writer, far_writer}

        async def one_way(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while piece := await source.read(65536):
                    target.write(piece)
                    await target.drain()
            target.close()

        await asyncio.gather(one_way(reader, far_writer), one_way(far_reader, writer))
        self.open -= {writer, far_writer}


@pytest.mark.services
async def test_while_sql_is_away_nothing_is_acknowledged_and_nothing_is_lost(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    wire, log = Wire(postgres_url), Counting()
    await wire.mend()
    await asyncio.to_thread(migrate, postgres_url)
    db, direct = open_db(wire.url), open_db(postgres_url)
    running = asyncio.create_task(archive.run(log, MemoryBoard(), db, list, 1000))
    await put(log, event(1))
    await until(lambda: log.acknowledged == 1)
    await wire.cut()
    await put(log, event(2), event(3))
    await until(lambda: "events wait in the log" in caplog.text)
    await put(log, event(4))
    assert log.acknowledged == 1 and await store.count(direct, "s") == 1
    assert [entry.event.id async for entry in log.kept()][-3:] == ["s2", "s3", "s4"]
    await wire.mend()
    await until(lambda: log.acknowledged == 4)
    assert await store.count(direct, "s") == 4
    assert caplog.text.count("events wait in the log") == 1 and caplog.text.count("The database answers again") == 1
    await stop(running)
    for one in (db, direct):
        await one.close()
    await wire.cut()


async def test_a_batch_that_was_archived_but_not_acknowledged_comes_twice_and_counts_once(db: Database) -> None:
    log = Counting()
    await put(log, event(1), event(2, "b"))
    batches = log.read("archive")
    batch = await anext(batches)
    assert batch is not None
    await store.store(db, batch.entries)
    keeping = asyncio.create_task(archive.keep(log, db))
    await until(lambda: log.acknowledged == 2)
    await stop(keeping)
    assert await store.count(db, "s") == 2


async def test_the_log_is_trimmed_when_both_have_read_it(db: Database) -> None:
    log = Counting()
    await put(log, event(1), event(2))
    running = asyncio.create_task(archive.run(log, MemoryBoard(), db, list, 1000))
    await until(lambda: log.acknowledged == 2)
    assert await log.length() == 2
    batch = await anext(log.read("projector"))
    assert batch is not None
    await batch.ack()
    async with asyncio.timeout(60):
        while await log.length():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await stop(running)


async def test_figures_are_noted_when_they_moved(db: Database) -> None:
    board = MemoryBoard()
    noting = Noting(board, db, lambda: ["cameras", "absent"])
    await board.reset("tile/cameras", {"all": b'{"value":3}', "22015": b'{"value":null}'})
    assert await noting.note(NOON) == 2
    assert await noting.note(NOON + timedelta(minutes=1)) == 0
    await board.apply("tile/cameras", {"all": b'{"value":4}'})
    assert await noting.note(NOON + timedelta(minutes=2)) == 1
    kept = await figures(db, "cameras", "all")
    assert [(row.value, json.loads(row.item)["value"]) for row in kept] == [(3.0, 3), (4.0, 4)]
    assert await SqlArchive(db).value("cameras", NOON + timedelta(minutes=1)) == 3.0
    assert await SqlArchive(db).value("cameras", NOON - timedelta(minutes=1)) is None


async def test_figures_that_could_not_be_noted_are_noted_later(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/archive.db"
    db, board = open_db(url), MemoryBoard()
    noting = Noting(board, db, lambda: ["cameras"])
    await board.reset("tile/cameras", {"all": b'{"value":3}'})
    with pytest.raises(Exception, match="no such table"):
        await noting.note(NOON)
    assert await SqlArchive(db).value("cameras", NOON) is None
    await asyncio.to_thread(migrate, url)
    assert await noting.note(NOON) == 1
    await db.close()


async def test_who_stands_in_the_archive_is_who_has_not_ended(db: Database) -> None:
    log = Counting()
    await put(
        log,
        event(1, "a", time=5), event(2, "b", time=1), event(3, "b", time=1, gone=True), event(4, "c", gone=True),
        event(5, "c", time=2), event(6, "d", time=3), event(7, "d", time=2, gone=True), event(8, "e", source="other"),
    )  # fmt: skip
    keeping = asyncio.create_task(archive.keep(log, db))
    await until(lambda: log.acknowledged == 8)
    await stop(keeping)
    minutes = {
        name: (time - NOON).total_seconds() / 60 for name, time in (await SqlArchive(db).standing("s", KIND)).items()
    }
    assert minutes == {"a": 5, "c": 2, "d": 3}
    assert await SqlArchive(db).standing("s", "ioc.other.kind") == {}
