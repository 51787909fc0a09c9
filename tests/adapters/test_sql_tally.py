"""What a database says of how much it holds, and of its newest change."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from ioc import clock
from ioc.adapter_suite import poll
from ioc.errors import BadConfig, SourceDown, Untaken
from ioc.proof import Tally
from tests.adapters.conftest import Base
from tests.adapters.test_sql_query import ALL, filled, opened, subjects

BOTH = "SELECT count(*) AS n, max(updated) AS newest FROM t"


async def test_a_database_says_how_much_it_holds(base: Base) -> None:
    kind, wrote = "DATETIME" if base.kind == "mariadb" else "TIMESTAMP", clock.parse("2025-06-01T09:00:00+07:00")
    filled(base, kind, (1, "a", "2025-06-01 08:00:00"), (2, "b", "2025-06-01 09:00:00"))
    told = await opened(base.options, **ALL, tally=BOTH).tally()
    assert told is not None and (told.count, told.newest) == (2, wrote)
    base.run("DELETE FROM t")
    assert await opened(base.options, **ALL, tally=BOTH).tally() == Tally(0, None)
    assert await opened(base.options, **ALL, tally="SELECT count(*) AS n FROM t").tally() == Tally(0, None)


async def test_a_tally_may_end_in_a_semicolon_and_hold_per_cent_signs(base: Base) -> None:
    filled(base, "TIMESTAMP", (1, "ab", None), (2, "b", None))
    adapter = opened(base.options, **ALL, tally="SELECT count(*) AS n FROM t WHERE name LIKE 'a%';")
    assert await adapter.tally() == Tally(1, None)
    every = {**ALL, "statement": "SELECT id, name FROM t WHERE name LIKE 'a%'"}
    assert subjects((await poll(opened(base.options, **every)))[0]) == ["1"]


async def test_a_tally_that_hangs_keeps_no_statement_waiting(base: Base) -> None:
    filled(base, "TIMESTAMP", (1, "a", None))
    adapter = opened(base.options, **ALL, tally="SELECT 1 AS n")
    held = threading.Event()
    hang = asyncio.create_task(adapter._in_thread("tally", lambda cut: held.wait() and None))  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    with pytest.raises(SourceDown, match="still holds the last asking"):
        await adapter.tally()
    assert subjects((await poll(adapter))[0]) == ["1"]
    held.set()
    await hang


async def test_without_the_setting_a_database_is_not_asked_for_its_tally(base: Base) -> None:
    adapter = opened(base.options, **ALL)
    assert not adapter.tallies and await adapter.tally() is None
    assert opened(base.options, **ALL, tally="SELECT 1 AS n").tallies


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("SELECT id AS n FROM t", "no single row"),
        ("SELECT 5 AS m", "no single row"),
        ("SELECT 'x' AS n", "no number"),
        ("SELECT 5 AS n, 'x' AS newest", "no time"),
        ("SELECT count(*) AS n FROM nowhere", "did not answer the statement"),
    ],
)
async def test_what_is_no_tally_is_said(base: Base, statement: str, wanted: str) -> None:
    filled(base, "TIMESTAMP", (1, "a", None), (2, "b", None))
    with pytest.raises(Untaken, match=wanted):
        await opened(base.options, **ALL, tally=statement).tally()


@pytest.mark.parametrize("statement", ["DELETE FROM t", "SELECT 1 AS n; SELECT 2 AS n", "SELECT :cursor AS n"])
def test_a_tally_that_is_no_plain_select_is_refused(statement: str) -> None:
    with pytest.raises(BadConfig, match="tally: statement"):
        opened({"url": "sqlite:////x.db"}, **ALL, tally=statement)


async def test_a_tally_that_takes_too_long_is_cut_off(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "x.db").close()
    endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) AS n FROM c"
    with pytest.raises(SourceDown, match="no whole answer") as caught:
        await opened({"url": f"sqlite:///{tmp_path}/x.db"}, **ALL, tally=endless, timeout_s=0.2).tally()
    assert not caught.value.answered
