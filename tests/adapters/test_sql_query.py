"""The same questions to three real databases: what is new, what was revised, what can't be had."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ioc import catalog
from ioc.adapter import Adapter, Reading
from ioc.adapter_suite import poll
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord, IocError, SourceDown, SourceRefused
from ioc.settings import Source
from tests.adapters.conftest import Base

PASSWORD = "mật-khẩu'%"


def opened(options: dict[str, Any], **changed: Any) -> Adapter[Any]:
    given = {"event": "ioc.indicator.measured", "id": "id", **options, **changed}
    return catalog.open_adapter(Source("base", "sql_query", Contract("Sở Y tế"), given))


NEW: dict[str, Any] = {
    "statement": "SELECT id, name, updated FROM t WHERE updated >= :cursor ORDER BY updated",
    "watermark": "updated", "start": "2000-01-01 00:00:00", "properties": {"name": "name"},
}  # fmt: skip
ALL: dict[str, Any] = {"statement": "SELECT * FROM t ORDER BY id", "complete": True, "properties": {"name": "name"}}


def subjects(results: list[Reading | BadRecord]) -> list[str]:
    assert not [one for one in results if isinstance(one, BadRecord)]
    return [one.subject for one in results if isinstance(one, Reading)]


def filled(base: Base, kind: str = "TIMESTAMP", *rows: tuple[int, str, Any]) -> None:
    base.run(f"CREATE TABLE t (id INT, name VARCHAR(100), updated {kind} NULL)")
    for row in rows:
        base.run("INSERT INTO t VALUES (%s, %s, %s)", *row)


async def test_only_what_is_new_is_asked_for(base: Base) -> None:
    filled(base, "TIMESTAMP", (1, "Tuy Hòa", "2025-06-01 08:00:00"), (2, "Sông Cầu", "2025-06-01 09:00:00"))
    adapter = opened(base.options, **NEW)
    results, cursor = await poll(adapter)
    assert subjects(results) == ["1", "2"]
    assert isinstance(results[0], Reading) and results[0].properties == {"name": "Tuy Hòa"}
    base.run("INSERT INTO t VALUES (3, 'Đông Hòa', '2025-06-01 09:00:00')")
    base.run("UPDATE t SET updated = '2025-06-01 10:00:00', name = 'x' WHERE id = 1")
    results, cursor = await poll(adapter, cursor)
    assert sorted(subjects(results)) == ["1", "2", "3"]  # 2 and 3 stand at the watermark: a tie is not lost
    assert subjects((await poll(adapter, cursor))[0]) == ["1"]


@pytest.mark.parametrize(
    ("kind", "marks", "overlap", "again"),
    [
        ("TIMESTAMP", ["2025-06-01 08:00:00", "2025-06-01 08:30:00", "2025-06-01 09:00:00"], 1800, ["1", "2"]),
        ("DATE", ["2025-06-01", "2025-06-02", "2025-06-03"], 3600, ["1", "2"]),
        ("INTEGER", [100, 150, 200], 50, ["1", "2"]),
        ("DECIMAL(30, 10)", ["100.5", "150.5", "200.5000000001"], 49, ["2"]),
    ],
)
async def test_overlap_asks_a_little_again(
    base: Base, kind: str, marks: list[Any], overlap: float, again: list[str]
) -> None:
    if base.kind == "sqlite" and kind.startswith("DECIMAL"):
        pytest.skip("SQLite has no decimals.")
    filled(base, kind, *((number, "n", mark) for number, mark in enumerate(marks)))
    start = marks[0]
    adapter = opened(base.options, **NEW | {"start": start, "overlap": overlap})
    results, cursor = await poll(adapter)
    assert subjects(results) == ["0", "1", "2"]
    results, after = await poll(adapter, cursor)
    assert subjects(results) == again and after == cursor


async def test_more_than_a_page_comes_in_pages(base: Base) -> None:
    begin = datetime(2025, 6, 1)  # noqa: DTZ001 - a column without a zone
    filled(base)
    for number in range(25):
        at = begin + timedelta(minutes=number // 3)
        base.run("INSERT INTO t VALUES (%s, 'n', %s)", number, at.isoformat(" "))
    adapter = opened(base.options, **NEW, limit=7)
    pages = [subjects(list(adapter.parse(answer))) async for answer in adapter.ask(None)]
    assert [len(page) for page in pages] == [6, 6, 6, 7]
    assert sorted(int(one) for page in pages for one in page) == list(range(25))
    results, _ = await poll(adapter, cursor := (await poll(adapter))[1])
    assert subjects(results) == ["24"] and cursor is not None
    with pytest.raises(SourceDown, match="have the same updated; raise limit"):
        await poll(opened(base.options, **NEW, limit=2))
    with pytest.raises(SourceDown, match="write ORDER BY"):
        await poll(opened(base.options, **NEW | {"statement": NEW["statement"] + " DESC"}, limit=7))


async def test_a_row_from_the_future_does_not_hide_what_comes_later(base: Base) -> None:
    filled(base, "TIMESTAMP", (1, "n", "2025-06-01 08:00:00"), (2, "n", "2037-01-01 00:00:00"))
    adapter = opened(base.options, **NEW)
    results, cursor = await poll(adapter)
    assert subjects(results) == ["1", "2"]
    base.run("INSERT INTO t VALUES (3, 'n', '2025-06-01 09:00:00')")
    assert subjects((await poll(adapter, cursor))[0]) == ["1", "3", "2"]


async def test_values_keep_their_kinds(base: Base) -> None:
    if base.kind == "sqlite":
        pytest.skip("SQLite has no dates, decimals or zones.")
    blob = "BYTEA" if base.kind == "postgresql" else "VARBINARY(10)"
    base.run(
        "CREATE TABLE t (id VARCHAR(10), small NUMERIC(10, 2), exact NUMERIC(30, 10), day DATE, clock TIMESTAMP NULL,"
        f" word TEXT, nothing INT, raw {blob})"
    )
    base.run(
        "INSERT INTO t VALUES ('0123', 3359.80, 12345678901234567.0123456789, '2025-06-01', '2025-06-01 08:00:00',"
        " 'Ngã tư Sở 🚦', NULL, 'ab')"
    )
    names = ["small", "exact", "day", "clock", "word", "nothing"]
    options = ALL | {"properties": {name: name for name in names}, "zone": "America/Los_Angeles"}
    if base.kind == "mariadb":
        # a TIMESTAMP is stored in UTC and shown in the zone of the session that wrote it, here the server's
        base.run("UPDATE t SET clock = CONVERT_TZ('2025-06-01 08:00:00', '-07:00', @@session.time_zone)")
    (reading,), _ = await poll(opened(base.options, **options))
    assert isinstance(reading, Reading)
    assert reading.subject == "0123"
    assert reading.properties == {
        "small": 3359.8, "exact": "12345678901234567.0123456789", "day": "2025-06-01",
        "clock": "2025-06-01T22:00:00+07:00", "word": "Ngã tư Sở 🚦", "nothing": None,
    }  # fmt: skip
    (bad,), _ = await poll(opened(base.options, **ALL | {"properties": {"raw": "raw"}}))
    assert isinstance(bad, BadRecord) and bad.reason == "bad_type"


@pytest.mark.services
async def test_times_with_a_zone_and_times_that_are_none(postgres_url: str) -> None:
    statement = """SELECT 1 AS id, '2025-06-01 08:00:00+02'::timestamptz AS at
                   UNION ALL SELECT 2, 'infinity'::timestamptz UNION ALL SELECT 3, '20025-01-01'::timestamptz"""
    results, _ = await poll(
        opened({"url": postgres_url}, statement=statement, complete=True, time="at", properties={"at": "at"})
    )
    good, *bad = results
    assert isinstance(good, Reading) and good.time == datetime(2025, 6, 1, 6, tzinfo=UTC)
    assert [one.reason for one in bad if isinstance(one, BadRecord)] == ["bad_time", "bad_time"]


async def test_text_of_sqlite_that_is_no_text(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as writer:
        writer.execute("CREATE TABLE t (id, name)")
        writer.execute("INSERT INTO t VALUES (1, CAST(x'54fc' AS TEXT)), (2, 'Hòa')")
        writer.commit()
    url = f"sqlite:///{tmp_path}/x.db"
    bad, good = (await poll(opened({"url": url}, **ALL)))[0]
    assert isinstance(bad, BadRecord) and bad.reason == "bad_type"
    assert isinstance(good, Reading) and good.properties == {"name": "Hòa"}


async def test_a_lost_or_retyped_column_sets_records_aside(base: Base) -> None:
    filled(base, "TIMESTAMP", (1, "n", "2025-06-01 08:00:00"))
    mapped = {"properties": {"name": {"path": "name", "default": "không rõ"}}}
    adapter = opened(base.options, **ALL | mapped)
    base.run("ALTER TABLE t ADD COLUMN later INT")
    assert subjects((await poll(adapter))[0]) == ["1"]
    base.run("ALTER TABLE t RENAME COLUMN name TO ten")
    (bad,), _ = await poll(adapter)
    assert isinstance(bad, BadRecord) and (bad.reason, bad.subject) == ("missing_field", "1")
    typed = opened(base.options, **ALL | {"properties": {"ten": {"path": "ten", "kind": "integer"}}})
    (bad,), _ = await poll(typed)
    assert isinstance(bad, BadRecord) and (bad.reason, bad.subject) == ("bad_number", "1")


async def test_a_statement_that_the_base_does_not_know_is_said(base: Base) -> None:
    filled(base)
    for statement in ("SELECT nope AS id FROM t", "SELECT id FROM nothing_here"):
        with pytest.raises(SourceDown, match=r"did not answer the statement: .*(nope|nothing_here).*Correct it"):
            await poll(opened(base.options, **ALL | {"statement": statement}))
    with pytest.raises(SourceDown, match="gives id twice"):
        await poll(opened(base.options, **ALL | {"statement": "SELECT id, id AS ID, id FROM t"}))
    with pytest.raises(SourceDown, match="no column updated"):
        await poll(opened(base.options, **NEW | {"statement": "SELECT id FROM t WHERE updated >= :cursor"}))


async def test_rows_and_bytes_are_bounded(base: Base) -> None:
    filled(base)
    for number in range(20):
        base.run("INSERT INTO t VALUES (%s, %s, NULL)", number, "x" * 100)
    assert len((await poll(opened(base.options, **ALL, limit=20)))[0]) == 20
    with pytest.raises(SourceDown, match="more than 19 rows"):
        await poll(opened(base.options, **ALL, limit=19))
    with pytest.raises(SourceDown, match="more than 1,999 bytes"):
        await poll(opened(base.options, **ALL, max_bytes=1999))


async def test_a_slow_statement_is_stopped(base: Base) -> None:
    slow = {
        "sqlite": "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n WHERE id < 0",
        "postgresql": "SELECT 1 AS id FROM pg_sleep(60)",
        "mariadb": "SELECT SLEEP(60) AS id",
    }[base.kind]
    async with asyncio.timeout(30):
        with pytest.raises(SourceDown, match="no whole answer within 1 s"):
            await poll(opened(base.options, statement=slow, complete=True, timeout_s=1))


async def test_the_base_can_not_be_written_to(base: Base) -> None:
    filled(base, "TIMESTAMP", (1, "n", None))
    write = {
        "sqlite": "WITH x AS (SELECT 1 AS id) INSERT OR IGNORE INTO t SELECT id, 'x', NULL FROM x",
        "postgresql": "WITH x AS (DELETE FROM t RETURNING id) SELECT id FROM x",
        "mariadb": "WITH x AS (SELECT 1 AS id) DELETE FROM t",
    }[base.kind]
    with pytest.raises((SourceDown, BadConfig)):
        await poll(opened(base.options, statement=write, complete=True))
    if base.kind == "postgresql":
        base.run("CREATE SEQUENCE s")
        with pytest.raises(SourceDown, match="read-only"):
            await poll(opened(base.options, statement="SELECT nextval('s') AS id", complete=True))
    assert subjects((await poll(opened(base.options, **ALL)))[0]) == ["1"]


def refused(error: IocError) -> None:
    assert PASSWORD not in error.say and "mật" not in error.say and error.say.endswith(".")


async def test_a_wrong_password_stops_the_asking(base: Base) -> None:
    if base.kind == "sqlite":
        pytest.skip("SQLite has no passwords.")
    user = f"ioc_{os.urandom(4).hex()}"
    filled(base, "TIMESTAMP", (1, "n", None))
    if base.kind == "postgresql":
        import psycopg

        base.run(f"CREATE ROLE {user} LOGIN")
        options = {"kind": "postgresql", **{
            name: value for name, value in psycopg.conninfo.conninfo_to_dict(base.options["url"]).items()
            if name in ("host", "port")
        }, "database": psycopg.conninfo.conninfo_to_dict(base.options["url"])["dbname"]}  # fmt: skip
        options["port"] = int(options.get("port") or 5432)
    else:
        base.run(f"CREATE USER {user} IDENTIFIED BY 'right'")
        options = dict(base.options)
    try:
        if base.kind == "mariadb":
            with pytest.raises(SourceRefused) as caught:
                await poll(opened(options | {"user": user, "password": PASSWORD}, **ALL))
            refused(caught.value)
        with pytest.raises(SourceRefused) as caught:
            await poll(opened(options | {"user": user, "password": "right"}, **ALL))
        refused(caught.value)
        with pytest.raises(SourceRefused) as caught:
            await poll(opened(options | {"user": "nobody_here", "password": PASSWORD}, **ALL))
        refused(caught.value)
    finally:
        base.run(f"DROP {'ROLE' if base.kind == 'postgresql' else 'USER'} {user}")


async def test_text_may_be_a_watermark(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as writer:
        writer.execute("CREATE TABLE t (id, name, updated)")
        writer.executemany("INSERT INTO t VALUES (?, 'n', ?)", [(1, "b"), (2, "c"), (3, None)])
        writer.commit()
        options = {"url": f"sqlite:///{tmp_path}/x.db"} | NEW | {"start": "a"}
        results, cursor = await poll(opened(options))
        assert subjects(results) == ["1", "2"]
        assert subjects((await poll(opened(options), cursor))[0]) == ["2"]
        with pytest.raises(SourceDown, match="is text and no time"):
            await poll(opened(options, overlap=5), cursor)
        writer.executemany("INSERT INTO t VALUES (?, 'n', ?)", [(4, 7), (5, b"x")])
        writer.commit()
        every = options | {"statement": "SELECT * FROM t WHERE updated >= :cursor OR updated < 9 ORDER BY id"}
        with pytest.raises(SourceDown, match="different kinds"):
            await poll(opened(every))
        with pytest.raises(SourceDown, match="write ORDER BY"):
            await poll(opened(every, limit=2))
        with pytest.raises(SourceDown, match="holds bytes"):
            await poll(opened(options | {"statement": "SELECT * FROM t WHERE updated >= :cursor"}), cursor)


async def test_a_locked_file_is_asked_again_later(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as writer:
        writer.execute("CREATE TABLE t (id, name)")
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SourceDown, match="can't be opened or is locked"):
            await poll(opened({"url": f"sqlite:///{tmp_path}/x.db"}, **ALL, timeout_s=0.1))
        writer.execute("ROLLBACK")
    assert (await poll(opened({"url": f"sqlite:///{tmp_path}/x.db"}, **ALL)))[0] == []


async def test_without_tls_where_it_is_required_nothing_is_asked(base: Base) -> None:
    if base.kind == "sqlite":
        pytest.skip("SQLite has no network.")
    filled(base, "TIMESTAMP", (1, "n", None))
    assert subjects((await poll(opened(base.options, **ALL, tls="off")))[0]) == ["1"]
    for tls in ("require", "verify"):
        try:
            results, _ = await poll(opened(base.options, **ALL, tls=tls))
        except SourceDown:
            continue
        assert tls == "require" and subjects(results) == ["1"]


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
async def test_a_base_that_is_away_is_asked_again_later(kind: str) -> None:
    url = f"{kind}://u:geheim@127.0.0.1:1/base"
    with pytest.raises(SourceDown, match="can't be reached") as caught:
        await poll(opened({"url": url}, **ALL))
    assert "geheim" not in caught.value.say


async def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SourceDown, match=r"none.db can't be opened"):
        await poll(opened({"kind": "sqlite", "database": str(tmp_path / "none.db")}, **ALL))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
async def test_a_server_that_hangs_is_left(kind: str) -> None:
    """A listener that takes the connection and says nothing, as a stopped server does."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{kind}://u:geheim@127.0.0.1:{silent.getsockname()[1]}/base"
        adapter = opened({"url": url}, **ALL, timeout_s=1)
        async with asyncio.timeout(30):
            for _ in range(2):
                with pytest.raises(SourceDown):
                    await poll(adapter)


@pytest.mark.services
async def test_a_base_that_stops_in_the_middle_is_cut_off(postgres_url: str) -> None:
    """The server's process is stopped while it works: it can no longer keep its own time limit."""
    import psycopg

    adapter = opened({"url": postgres_url}, statement="SELECT 1 AS id FROM pg_sleep(60)", complete=True, timeout_s=2)
    asking = asyncio.create_task(poll(adapter))
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        found = None
        async with asyncio.timeout(20):
            while found is None:
                await asyncio.sleep(0.02)
                found = admin.execute("SELECT pid FROM pg_stat_activity WHERE query LIKE 'FETCH%'"
                                      " AND datname = current_database()").fetchone()  # fmt: skip
        process = found[0]
        try:
            os.kill(process, signal.SIGSTOP)
        except PermissionError:
            asking.cancel()
            pytest.skip("This user may not stop the server's processes.")
        try:
            async with asyncio.timeout(20):
                with pytest.raises(SourceDown, match="no whole answer within 2 s"):
                    await asking
        finally:
            os.kill(process, signal.SIGCONT)


async def test_a_database_that_is_there_answered_even_when_its_answer_can_t_be_taken(
    base: Base, tmp_path: Path
) -> None:
    with pytest.raises(SourceDown) as caught:
        await poll(opened(base.options, statement="SELECT 1 AS id FROM nowhere", complete=True))
    assert caught.value.answered
    gone = {"sqlite": f"sqlite:///{tmp_path}/gone.db"}.get(base.kind, f"{base.kind}://u:p@127.0.0.1:1/b")
    with pytest.raises(SourceDown) as caught:
        await poll(opened({"url": gone}, **ALL))
    assert not caught.value.answered
