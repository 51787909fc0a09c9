"""150 published versions of a vaccination table, played into three databases and polled after each.

Days long past are revised again and again, columns come late, rows are dropped and come back: whatever the database,
the board ends as the last version, and the archive knows every value that was replaced.
"""

from __future__ import annotations

import asyncio
import csv
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ioc import catalog, clock
from ioc.db import archive
from ioc.db.session import Database, migrate, open_db
from ioc.web.past import items_at
from tests.archived import Archived

Row = tuple[int | None, ...]
Version = dict[str, Row]
"""A day in ISO 8601, and its numbers in the order of COLUMNS."""
COLUMNS = (
    "doses", "doses_novas", "doses1", "doses1_novas", "doses2", "doses2_novas", "pessoas_vacinadas_completamente",
    "pessoas_vacinadas_completamente_novas", "pessoas_vacinadas_parcialmente", "pessoas_vacinadas_parcialmente_novas",
    "pessoas_inoculadas", "pessoas_inoculadas_novas", "vacinas", "vacinas_novas",
)  # fmt: skip


@pytest.fixture(scope="module")
def versions(shared: Path) -> list[Version]:
    """All versions in order; a column that a version does not have yet is empty in it."""
    folder = shared / "health" / "vacinas_vintages_2021-06-10_2021-10-20"
    with (folder / "INDEX.csv").open(encoding="utf-8", newline="") as index:
        files = [row["file"] for row in csv.DictReader(index)]
    return [read(folder / file) for file in files]


def read(file: Path) -> Version:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert set(rows[0]) <= {"data", *COLUMNS}
    return {
        datetime.strptime(row["data"], "%d-%m-%Y").date().isoformat(): tuple(  # noqa: DTZ007 - a day
            int(row[name]) if row.get(name) else None for name in COLUMNS
        )
        for row in rows
    }


class Play(NamedTuple):
    """What the versions come to, worked out from them alone: each with its step (from 0) and its day."""

    told: int
    revised: list[tuple[int, str, Row, Row]]
    dropped: list[tuple[int, str, Row]]


def played(versions: list[Version]) -> Play:
    told, revised, dropped = 0, [], []
    before: Version = {}
    for step, version in enumerate(versions):
        revised += [(step, day, before[day], row) for day, row in version.items() if before.get(day, row) != row]
        dropped += [(step, day, row) for day, row in before.items() if day not in version]
        told += sum(day not in before for day in version)
        before = version
    return Play(told, revised, dropped)


class Department(NamedTuple):
    """The department's database: how we ask it, and how it takes a version in (the rows to drop, the rows to put)."""

    options: dict[str, Any]
    change: Callable[[list[str], list[tuple[Any, ...]]], None]


TABLE = f"CREATE TABLE vacinas (data {{}} PRIMARY KEY, {', '.join(f'{name} INT' for name in COLUMNS)})"
DROP = "DELETE FROM vacinas WHERE data = {}"


def put(mark: str) -> str:
    return f"INSERT INTO vacinas VALUES ({', '.join([mark] * (1 + len(COLUMNS)))})"


@contextmanager
def sqlite_department(file: Path) -> Iterator[Department]:
    with closing(sqlite3.connect(file)) as base:
        base.execute(TABLE.format("TEXT"))

        def change(drop: list[str], rows: list[tuple[Any, ...]]) -> None:
            with base:
                base.executemany(DROP.format("?"), [(day,) for day in drop])
                base.executemany(put("?"), rows)

        yield Department({"kind": "sqlite", "database": str(file)}, change)


@contextmanager
def postgresql_department(url: str) -> Iterator[Department]:
    import psycopg

    with psycopg.connect(url) as base:
        base.execute(TABLE.format("DATE"))
        base.commit()

        def change(drop: list[str], rows: list[tuple[Any, ...]]) -> None:
            with base.transaction(), base.cursor() as cursor:
                cursor.executemany(DROP.format("%s"), [(day,) for day in drop])
                cursor.executemany(put("%s"), rows)

        yield Department({"url": url}, change)


@contextmanager
def mariadb_department(where: dict[str, Any]) -> Iterator[Department]:
    import pymysql

    with pymysql.connect(**where) as base, base.cursor() as cursor:
        cursor.execute(TABLE.format("DATE"))

        def change(drop: list[str], rows: list[tuple[Any, ...]]) -> None:
            cursor.executemany(DROP.format("%s"), [(day,) for day in drop])
            cursor.executemany(put("%s"), rows)
            base.commit()

        named = {name: where[name] for name in ("host", "port", "user", "password", "database")}
        yield Department({"kind": "mariadb", **named}, change)


@pytest.fixture(
    params=["sqlite", *(pytest.param(name, marks=pytest.mark.services) for name in ("postgresql", "mariadb"))]
)
def department(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Department]:
    if request.param == "sqlite":
        opened = sqlite_department(tmp_path / "vacinas.db")
    elif request.param == "postgresql":
        opened = postgresql_department(request.getfixturevalue("postgres_url"))
    else:
        opened = mariadb_department(request.getfixturevalue("mariadb"))
    with opened as found:
        yield found


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/archive.db"
    await asyncio.to_thread(migrate, url)
    opened = open_db(url)
    yield opened
    await opened.close()


OPTIONS: dict[str, Any] = {
    "event": "ioc.indicator.measured", "statement": "SELECT * FROM vacinas", "complete": True, "id": "data",
    "time": "data", "zone": "Europe/Lisbon", "carry": {"columns": list(COLUMNS), "kind": "integer"},
}  # fmt: skip


def numbers(properties: dict[str, Any]) -> Row:
    return tuple(properties[name] for name in COLUMNS)


async def test_150_versions_end_as_the_last_and_every_revision_is_kept(
    department: Department, db: Database, versions: list[Version]
) -> None:
    expected = played(versions)
    assert (len(versions), len(expected.revised), len(expected.dropped)) == (150, 3912, 12)
    wall = await Archived("sql_query", {**OPTIONS, **department.options}, db, layer="indicators").open()
    before: Version = {}
    moments: list[datetime] = []
    for version in versions:
        changed = [day for day, row in version.items() if before.get(day) != row]
        department.change([*(before.keys() - version.keys()), *changed], [(day, *version[day]) for day in changed])
        answered = await wall.poll()
        assert (answered.error, answered.have, answered.set_aside) == (None, len(version), 0)
        assert answered.events == len(wall.events)
        before = version
        moments.append(clock.now())

    items = await wall.items()
    assert {day: numbers(item["properties"]) for day, item in items.items()} == versions[-1]
    assert await wall.archived() == len(wall.events) == expected.told + len(expected.revised) + len(expected.dropped)
    assert [event.subject for event in wall.events if event.data is None] == [day for _, day, _ in expected.dropped]

    kept = (await archive.corrections(db, "source", limit=10_000))[::-1]
    revisions = [one for one in kept if one.event.data is not None]
    found = [
        (one.event.subject, one.old and numbers(one.old.properties), numbers(one.event.data.properties))
        for one in revisions
        if one.event.data is not None
    ]
    assert sorted(found, key=str) == sorted(((day, old, new) for _, day, old, new in expected.revised), key=str)
    assert all(one.event.cause == archive.REVISED for one in revisions)
    dropped = [(one.event.subject, one.old and numbers(one.old.properties)) for one in kept if one.event.data is None]
    assert dropped == [(day, row) for _, day, row in expected.dropped]
    await known_then(db, versions, moments, every=1 if department.options.get("kind") == "sqlite" else 30)


async def known_then(db: Database, versions: list[Version], moments: list[datetime], *, every: int) -> None:
    """As known when a version had come, the figures are that version's."""
    for version, moment in list(zip(versions, moments, strict=True))[::every]:
        items = await items_at(db, catalog.layer("indicators"), None, moment, clock.now())
        assert {day: numbers(item.properties) for day, item in items.items()} == version


async def test_with_a_watermark_the_same_revisions_come_row_by_row(
    tmp_path: Path, db: Database, versions: list[Version]
) -> None:
    """A department that keeps the time of each change needs not be asked for everything; only drops stay unseen."""
    options = {
        **OPTIONS, "complete": False, "kind": "sqlite", "database": str(tmp_path / "vacinas.db"), "watermark": "step",
        "start": 0, "statement": "SELECT * FROM vacinas WHERE step >= :cursor ORDER BY step", "limit": 100,
    }  # fmt: skip
    wall = await Archived("sql_query", options, db, layer="indicators").open()
    told: Version = {}
    revised: list[tuple[str, Row, Row]] = []
    with closing(sqlite3.connect(tmp_path / "vacinas.db")) as base:
        base.execute(TABLE.format("TEXT").removesuffix(")") + ", step INT)")
        for step, version in enumerate(versions[:60]):
            changed = [day for day, row in version.items() if told.get(day) != row]
            # a page holds what one step changes: more rows than the limit share no watermark
            for number, day in enumerate(changed):
                base.execute(DROP.format("?"), (day,))
                marks = ", ".join("?" * (2 + len(COLUMNS)))
                base.execute(f"INSERT INTO vacinas VALUES ({marks})", (day, *version[day], step * 1000 + number // 50))
            base.commit()
            revised += [(day, told[day], version[day]) for day in changed if day in told]
            told |= version
            answered = await wall.poll()
            assert (answered.error, answered.have) == (None, len(told))
    assert len(revised) > 1000
    assert {day: numbers(item["properties"]) for day, item in (await wall.items()).items()} == told
    kept = (await archive.corrections(db, "source", limit=10_000))[::-1]
    found = [
        (one.event.subject, numbers(one.old.properties), numbers(one.event.data.properties))
        for one in kept
        if one.old is not None and one.event.data is not None
    ]
    assert sorted(found, key=str) == sorted(revised, key=str)
