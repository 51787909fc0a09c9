"""The SQL database: SQLite by default, PostgreSQL for real. One address in, one `Database` out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from ioc.errors import BadConfig

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

BUSY_S = 30.0
"""Seconds that a writer waits for another one before it gives up."""
MIGRATIONS = Path(__file__).parent / "migrations" / "versions"
"""Each script's name begins with its revision, four digits that count up."""
MIGRATION_LOCK = 0x10C_DB
"""Number of the PostgreSQL advisory lock that only one migrating process holds."""

_DRIVERS = {"sqlite": ("aiosqlite", "pysqlite"), "postgresql": ("psycopg", "psycopg")}
_WRITES = "ioc_writes"
_SAFE = "ioc_safe"


class Database:
    """A pool of connections to one database; one for each process and event loop."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @property
    def sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection with one transaction that sees one state of the database."""
        async with self.engine.connect() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def writing(self, *, safe: bool = False) -> AsyncIterator[AsyncConnection]:
        """A connection with one transaction: all or none, written when the block ends without an error.

        `safe`: it outlives a power cut too, once the block has ended; PostgreSQL's always do.
        """
        async with self.engine.connect() as connection:
            # SQLite refuses a reader that turns writer late, without waiting: so it says from the start that it writes.
            marked = await connection.execution_options(**{_WRITES: True, _SAFE: safe})
            async with marked.begin():
                yield marked

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """An ORM session in one writing transaction, committed by the block's end; rows stay readable after it."""
        async with self.writing() as connection, AsyncSession(bind=connection, expire_on_commit=False) as opened:
            yield opened
            await opened.flush()

    async def ping(self) -> None:
        """Ask for nothing; raises sqlalchemy.exc.DBAPIError (or OSError) when the database is away."""
        async with self.engine.connect() as connection:
            await connection.exec_driver_sql("SELECT 1")

    async def close(self) -> None:
        await self.engine.dispose()


def open_db(url: str) -> Database:
    """The database at `url` (`sqlite:///file`, `postgresql://…` or `postgres://…`); connects at first use.

    Raises BadConfig when the address is of another kind. Tables are there after `migrate`.
    """
    where = _address(url, 0)
    options: dict[str, Any] = {"pool_size": 4, "max_overflow": 4, "pool_pre_ping": True, "pool_recycle": 1800}
    if where.get_backend_name() == "sqlite":
        options = {"connect_args": {"timeout": BUSY_S}}
        if where.database not in (None, "", ":memory:"):
            options |= {"pool_size": 4, "max_overflow": 4}
    engine = create_async_engine(where, **options)
    if where.get_backend_name() == "sqlite":
        _tune(engine.sync_engine)
    else:
        sa.event.listen(engine.sync_engine, "connect", _plan_anew)
    return Database(engine)


def insert(connection: AsyncConnection, table: sa.Table) -> postgresql.Insert:
    """An INSERT that can say what happens on conflict, in the words of the database (both have the same)."""
    # each process loads the one that it needs
    kind = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
    return cast("postgresql.Insert", kind.insert(table))


def migrate(url: str) -> None:
    """Bring the tables at `url` to the newest form. Blocks: call it in a thread. Several processes may do so at once.

    Raises BadConfig when the address is of another kind.
    """
    where = _address(url, 1)
    engine = sa.create_engine(where, poolclass=sa.NullPool, **_patience(where))
    if where.get_backend_name() == "sqlite":
        _tune(engine)
    try:
        if _newest(engine):
            return
        from ioc.db.upgrade import upgrade

        with engine.connect() as connection:
            marked = connection.execution_options(**{_WRITES: True})
            with marked.begin():
                if where.get_backend_name() == "postgresql":
                    marked.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
                upgrade(marked)
    finally:
        engine.dispose()


def _newest(engine: sa.Engine) -> bool:
    """Whether the tables have their newest form already: every role asks at its start, and Alembic is slow to load."""
    version = sa.table("alembic_version", sa.column("version_num"))
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(version.name):
            return False
        standing = connection.execute(sa.select(version.c.version_num)).scalars().all()
    return standing == [max(script.name[:4] for script in MIGRATIONS.glob("[0-9]*.py"))]


def _patience(where: URL) -> dict[str, Any]:
    return {"connect_args": {"timeout": BUSY_S}} if where.get_backend_name() == "sqlite" else {}


def _address(url: str, kind: int) -> URL:
    """`url` with our driver (`kind` 0: async, 1: blocking); makes the folder of a SQLite file."""
    try:
        where = sa.make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    except sa.exc.ArgumentError:
        raise BadConfig("DATABASE_URL is no address; write sqlite:///file.db or postgresql://user@host/name.") from None
    drivers = _DRIVERS.get(where.get_backend_name())
    if drivers is None:
        kind_of = where.get_backend_name()
        raise BadConfig(f"DATABASE_URL names {kind_of}, which is not kept here; write sqlite:///… or postgresql://….")
    if where.get_backend_name() == "sqlite" and where.database not in (None, "", ":memory:"):
        Path(str(where.database)).parent.mkdir(parents=True, exist_ok=True)
    return where.set(drivername=f"{where.get_backend_name()}+{drivers[kind]}")


def _plan_anew(connection: Any, _record: Any) -> None:
    """PostgreSQL plans each statement for the table as it is: a plan that was kept since a table was small (also that
    of a foreign key's check) reads all of it for each row, until the table is analyzed."""
    cursor = connection.cursor()
    cursor.execute("SET plan_cache_mode TO force_custom_plan")
    cursor.close()
    connection.commit()


def _tune(engine: sa.Engine) -> None:
    """SQLite as a store for one machine: readers beside one writer, safe at a process's end, transactions of ours."""

    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={int(BUSY_S * 1000)}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    def begun(connection: sa.Connection) -> None:
        options = connection.get_execution_options()
        writes = options.get(_WRITES, False)
        if writes:
            connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options.get(_SAFE) else 'NORMAL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", begun)
