"""The push door before a primary and its replica: 202 means that both have it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ioc import names
from ioc.board.memory import MemoryBoard
from ioc.db.session import migrate, open_db
from ioc.log.redis import RedisLog
from ioc.settings import Access as AccessSettings
from ioc.web import access
from ioc.web.app import build
from tests.cluster.servers import Fleet, guarded
from tests.web.conftest import Running, running, settings
from tests.web.test_push import RAIN, post, record


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Fleet]:
    with guarded(tmp_path) as fleet:
        yield fleet


@pytest.fixture
async def log(pair: Fleet) -> AsyncIterator[RedisLog]:
    made = RedisLog(pair.url)
    yield made
    await made.close()


@pytest.fixture
async def door(log: RedisLog, tmp_path: Path) -> AsyncIterator[tuple[Running, str]]:
    """A web process before the log, and a key of the source."""
    migrate(f"sqlite:///{tmp_path}/keys.db")
    db = open_db(f"sqlite:///{tmp_path}/keys.db")
    key = await access.add_key(db, name="rain", role="push:rain", channels=())
    shut = settings(access=AccessSettings(), sources={"rain": RAIN})
    async with running(build(shut, board=MemoryBoard(), db=db, log=log)) as server:
        yield server, key
    await db.close()


async def test_what_no_replica_confirms_is_sent_again_and_taken_once(
    pair: Fleet, log: RedisLog, door: tuple[Running, str]
) -> None:
    server, key = door
    replica = next(port for port in pair.running if pair.role(port) == "slave")
    assert (await post(server, key, [record(1)])).status_code == 202
    assert pair.ask(replica, "XLEN", names.EVENTS_LOG) == 1
    pair.pause(replica)
    answer = await post(server, key, [record(2, 2.0)])
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert int(answer.headers["retry-after"]) > 0
    told = answer.json()["detail"]
    assert told.startswith("No replica of Redis has confirmed") and told.endswith("nothing is taken twice.")
    async with server.http() as http:
        assert "ioc_log_unconfirmed_total 1.0" in (await http.get("/metrics")).text
    pair.resume(replica)
    async with asyncio.timeout(60):
        while (answer := await post(server, key, [record(2, 2.0)])).status_code != 202:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert (answer.json()["events"], answer.json()["duplicates"]) == (0, 1)
    kept = [entry.event.data and entry.event.data.properties["level"] async for entry in log.kept()]
    assert kept == [1.5, 2.0]
    assert pair.ask(replica, "XLEN", names.EVENTS_LOG) == 2
