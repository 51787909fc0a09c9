"""How often one may come: counted by all web processes together, and by each for itself while Redis is away."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from ioc.board.memory import MemoryBoard
from ioc.db.session import Database, migrate, open_db
from ioc.redis_link import Link, connect
from ioc.report_rules import Limits, Open311
from ioc.settings import Access as AccessSettings
from ioc.web import access, caller, rates
from ioc.web.app import build
from ioc.web.rates import Rates
from tests.georeport import KEY, LIGHT
from tests.georeport import RULES as GEOREPORT
from tests.mortal import mortal
from tests.reports.desk import RULES

from .conftest import Running, running, settings
from .test_reports import body

FIVE = Limits("5/hour", "5/hour", "5/hour")
ADDRESS = "203.0.113.7"


@asynccontextmanager
async def linked(url: str) -> AsyncIterator[Link]:
    link: Link = connect(url)
    try:
        yield link
    finally:
        await link.aclose()


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/ioc.db"
    await asyncio.to_thread(migrate, url)
    opened = open_db(url)
    yield opened
    await opened.close()


@pytest.mark.parametrize("where", ["redis_url", "cluster_url"])
async def test_what_one_process_counts_the_other_knows(where: str, request: pytest.FixtureRequest) -> None:
    url = str(request.getfixturevalue(where))
    async with linked(url) as one, linked(url) as other:
        pair = Rates(FIVE, one), Rates(FIVE, other)
        for turn in range(5):
            for who in range(6):
                assert await pair[turn % 2].wait("address", f"{ADDRESS}/{who}") == 0
        for each in pair:
            assert 0 < await each.wait("address", f"{ADDRESS}/0") <= 3600
            assert await each.wait("device", f"{ADDRESS}/0") == 0, "an address and a device are counted apart"
            assert await each.wait_by("1/hour", "open311 a", "key") == (
                0 if each is pair[0] else pytest.approx(3600, 1)
            )


async def test_two_web_processes_on_one_redis_take_so_many_together(
    redis_url: str, db: Database, tmp_path: Path
) -> None:
    rules = msgspec.structs.replace(RULES, limits=FIVE)
    shut = settings(access=AccessSettings(), reports=rules, file=str(tmp_path / "ioc.toml"))
    async with AsyncExitStack() as held:
        servers = []
        for _ in range(2):
            link = await held.enter_async_context(linked(redis_url))
            made = build(shut, board=MemoryBoard(), db=db, redis=link)
            servers.append(await held.enter_async_context(running(made)))
        statuses = [await _file(servers[turn % 2]) for turn in range(8)]
    assert statuses == [201] * 5 + [429] * 3


async def test_a_key_of_open311_is_counted_together_too(redis_url: str, db: Database) -> None:
    await access.add_key(db, name="app", role="push:open311", secret=KEY)
    shut = settings(
        access=AccessSettings(), reports=msgspec.structs.replace(GEOREPORT, open311=Open311(per_key="2/hour"))
    )
    statuses = []
    async with linked(redis_url) as one, linked(redis_url) as other:
        for link in (one, other):
            async with running(build(shut, board=MemoryBoard(), db=db, redis=link)) as server, server.http() as http:
                for _ in range(2):
                    answer = await http.post("/open311/v2/requests.json", data=LIGHT)
                    statuses.append(answer.status_code)
    assert statuses == [201, 201, 429, 429]
    assert int(answer.headers["retry-after"]) > 60, "it says how long the hour still is"


async def test_a_report_is_taken_while_redis_is_dead_and_each_process_counts_for_itself(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "AWAY_S", 0.0)
    rules = msgspec.structs.replace(RULES, limits=FIVE)
    shut = settings(access=AccessSettings(), reports=rules, file=str(tmp_path / "ioc.toml"))
    with mortal(tmp_path) as (url, process):
        async with linked(url) as link, running(build(shut, board=MemoryBoard(), db=db, redis=link)) as server:
            assert await _file(server) == 201
            process.kill()
            process.wait()
            assert [await _file(server) for _ in range(6)] == [201] * 5 + [429]


async def test_a_redis_that_hangs_holds_nobody_up_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rates, "WAIT_S", 0.2)
    with mortal(tmp_path) as (url, process):
        async with linked(url) as link:
            counted = Rates(FIVE, link)
            assert await counted.wait("address", ADDRESS) == 0
            os.kill(process.pid, signal.SIGSTOP)
            async with asyncio.timeout(10):
                # one waits; the others are told from memory
                assert [await counted.wait("address", ADDRESS) for _ in range(100)].count(0) == 5
            os.kill(process.pid, signal.SIGCONT)
            monkeypatch.setattr(counted, "_away_until", 0.0)
            assert [await counted.wait("address", ADDRESS) for _ in range(5)].count(0) in (3, 4), (
                "Redis counts again: the first one, and perhaps the one that it was asked for while it hung"
            )
    assert caplog.text.count("counts for itself") == 1


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", ""),
    ],
)
def test_a_household_has_many_addresses_of_ipv6_and_is_counted_as_one(address: str, counted: str) -> None:
    scope = {"headers": [], "client": (address, 1)}
    assert caller.household(scope, AccessSettings()) == counted


async def _file(server: Running) -> int:
    async with server.http() as http:
        return (await http.post("/api/reports", json=body())).status_code
