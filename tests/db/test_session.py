"""One address in, one database out, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError, StatementError
from sqlmodel import SQLModel, select

from ioc.clock import ZONE
from ioc.db.session import MIGRATIONS, Database, migrate, open_db
from ioc.db.tables import FigureRow, KeyRow
from ioc.errors import BadConfig

NOON = datetime(2026, 3, 10, 12, 0, 0, 123456, tzinfo=ZONE)


async def test_the_migrations_make_the_tables_of_the_models(db: Database) -> None:
    def differences(connection: sa.Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), SQLModel.metadata))

    async with db.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_three_processes_may_migrate_at_once(empty_url: str) -> None:
    script = f"from ioc.db.session import migrate; migrate({empty_url!r})"
    home = Path(__file__).parents[2]
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=home, stderr=asyncio.subprocess.PIPE)
        for _ in range(3)
    ]
    ends = await asyncio.gather(*(process.communicate() for process in started))
    assert [process.returncode for process in started] == [0, 0, 0], ends
    db = open_db(empty_url)
    async with db.reading() as connection:
        assert (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).scalars().all() == ["0003"]
    await db.close()


@pytest.mark.services
async def test_postgresql_plans_for_a_table_that_grew(postgres_url: str) -> None:
    """The check of a foreign key was planned while its table held a few rows; it does not read all of a large one."""
    db = open_db(postgres_url)
    async with db.engine.connect() as connection:
        for statement in (
            "CREATE TABLE parent (id int PRIMARY KEY) WITH (autovacuum_enabled = off)",
            "CREATE TABLE child (parent int REFERENCES parent)",
            "INSERT INTO parent SELECT generate_series(1, 20)",
            "ANALYZE parent",
            "INSERT INTO child SELECT generate_series(1, 10)",
            "INSERT INTO parent SELECT generate_series(21, 20000)",
            "INSERT INTO child SELECT generate_series(19991, 20000)",
            "SELECT pg_stat_force_next_flush()",
        ):
            await connection.exec_driver_sql(statement)
            await connection.commit()
        read = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'parent'"
        assert (await connection.exec_driver_sql(read)).scalar_one() < 20_000
    await db.close()


async def test_a_second_migration_changes_nothing(url: str) -> None:
    db = open_db(url)
    async with db.session() as session:
        session.add(KeyRow(name="wall", digest="d", role="wall", created=NOON))
    await asyncio.to_thread(migrate, url)
    async with db.session() as session:
        assert [key.name for key in (await session.exec(select(KeyRow))).all()] == ["wall"]
    await db.close()


async def test_times_come_back_aware_in_utc(db: Database) -> None:
    async with db.session() as session:
        session.add(KeyRow(name="a", digest="d", channels=["tile/*"], units=["22015"], role="wall", created=NOON))
    async with db.session() as session:
        key = (await session.exec(select(KeyRow).where(KeyRow.created == NOON))).one()
    assert key.created == NOON
    assert key.created.tzinfo is UTC
    assert (key.channels, key.units, key.revoked) == (["tile/*"], ["22015"], None)


async def test_a_time_without_a_zone_is_refused(db: Database) -> None:
    with pytest.raises(StatementError, match="A stored time needs a zone"):
        async with db.session() as session:
            session.add(FigureRow(tile="t", unit="all", at=NOON.replace(tzinfo=None), item="{}"))


async def test_an_error_leaves_nothing_behind(db: Database) -> None:
    with pytest.raises(RuntimeError):
        async with db.session() as session:
            session.add(KeyRow(name="a", digest="d", role="wall", created=NOON))
            await session.flush()
            raise RuntimeError
    async with db.session() as session:
        assert (await session.exec(select(KeyRow))).all() == []


async def test_twenty_writers_wait_for_each_other(db: Database) -> None:
    async def write(number: int) -> None:
        async with db.writing() as connection:
            held = (await connection.execute(sa.select(sa.func.count()).select_from(KeyRow))).scalar_one()
            row = {"name": f"{held}", "digest": f"{number}", "channels": [], "units": [], "role": "r", "created": NOON}
            await connection.execute(sa.insert(KeyRow), [row])

    await asyncio.gather(*(write(number) for number in range(20)))
    async with db.reading() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(KeyRow))).scalar_one() == 20


async def test_sqlite_is_tuned_for_readers_beside_a_writer(tmp_path: Path) -> None:
    db = open_db(f"sqlite:///{tmp_path}/a.db")
    found = []
    async with db.reading() as connection:
        for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout"):
            found.append((await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one())
    assert found == ["wal", 1, 1, 30000]
    await db.close()


async def test_ping_tells_whether_the_database_is_there(db: Database) -> None:
    await db.ping()
    away = open_db("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises((DBAPIError, OSError)):
        await away.ping()
    await away.close()


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite://", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite://", "sqlite+aiosqlite"),
        ("postgres://a@b/c", "postgresql+psycopg"),
        ("postgresql://a@b/c", "postgresql+psycopg"),
        ("postgresql+psycopg://a@b/c", "postgresql+psycopg"),
    ],
)
def test_a_plain_address_gets_our_driver(url: str, driver: str) -> None:
    assert open_db(url).engine.url.drivername == driver


@pytest.mark.parametrize("url", ["", "archive.db", "mysql://root:secret@host/ioc", "redis://localhost"])
def test_an_address_of_another_kind_says_what_to_write(url: str) -> None:
    with pytest.raises(BadConfig, match=r"write sqlite:///.* or postgresql://") as caught:
        open_db(url)
    assert "secret" not in str(caught.value)


async def test_tables_that_are_the_newest_are_left_alone_and_without_alembic(empty_url: str) -> None:
    """Each role asks at its start; what makes tables costs it a second to load, and is not needed then."""
    migrate(empty_url)
    script = f"import sys; from ioc.db.session import migrate; migrate({empty_url!r})"
    script += "; sys.exit('alembic' in sys.modules)"
    home = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=home)
    assert await process.wait() == 0
    db = open_db(empty_url)
    async with db.writing() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    with pytest.raises(DBAPIError):  # it is gone through again from there, and its tables are there already
        await asyncio.to_thread(migrate, empty_url)
    await db.close()


def test_the_names_of_the_scripts_count_up_as_alembic_goes_through_them() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS.parent))
    through = [script.revision for script in scripts.walk_revisions()]
    assert sorted(script.name[:4] for script in MIGRATIONS.glob("[0-9]*.py")) == through[::-1]
    assert scripts.get_heads() == [through[0]]
