"""The three databases: how each is opened read-only, bounded in time, asked once, and what its errors mean."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from ioc.errors import IocError, SourceDown, SourceRefused, Untaken
from ioc.statement import Dialect

KINDS: dict[str, Dialect] = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mariadb": "mariadb",
    "mysql": "mariadb",
}
PORTS = {"postgresql": 5432, "mariadb": 3306, "sqlite": 0}
STEP = 200
"""Rows fetched at a time; time and bytes are looked at between."""
TLS = Literal["off", "prefer", "require", "verify"]
REFUSED_STATES = ("28000", "28P01", "42501")
REFUSED_WORDS = re.compile(
    "password authentication failed|no pg_hba.conf entry|no password supplied|not permitted to log in"
    '|role ".*" does not exist'
)
"""What PostgreSQL says before it gives its errors a code."""
REFUSED_NUMBERS = (1044, 1045, 1142, 1143, 1227, 1698)
SLOW_NUMBERS = (1317, 1969, 3024)
SQLITE_AWAY = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR)
AWAY_NUMBERS = (2002, 2003, 2006, 2013, 1040, 1053)


class Where(NamedTuple):
    """A database's address; `str` of it is safe to show: no user, no password."""

    kind: Dialect
    host: str
    port: int
    user: str
    password: str
    database: str

    def __str__(self) -> str:
        if self.kind == "sqlite":
            return f"The file {Path(self.database).name}"
        return f"The database {self.database} on {self.host}"

    def __repr__(self) -> str:
        return str(self)

    @classmethod
    def checked(cls, kind: str, host: str, port: int | None, user: str, password: str, database: str) -> Where:
        """Raises ValueError, with what to write, when a part is missing or unknown."""
        if kind not in KINDS:
            raise ValueError('kind is sqlite, postgresql or mariadb; or write url = "$DEPT_DB_URL"')
        if not database:
            raise ValueError("database is missing; write its name (for SQLite, its file)")
        if KINDS[kind] != "sqlite" and not (host and user):
            raise ValueError("host or user is missing; write both")
        return cls(KINDS[kind], host, port or PORTS[KINDS[kind]], user, password, database)

    @classmethod
    def of(cls, url: str) -> Where:
        """The address of a URL; raises ValueError without repeating it, since it holds a password."""
        try:
            parts = urlsplit(url)
            kind, port = parts.scheme.partition("+")[0], parts.port
        except ValueError:
            raise ValueError("url is no address; write postgresql://user:password@host:5432/base") from None
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls.checked(kind, unquote(parts.hostname or ""), port, user, password, unquote(parts.path[1:]))


class Page(NamedTuple):
    """Rows of one asking: the columns' names, and the rows; `more`: there were more than the limit."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    more: bool


class Cut:
    """Ends a thread's waiting for a database from outside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._end: Callable[[], None] | None = None

    @contextmanager
    def by(self, end: Callable[[], None]) -> Iterator[None]:
        """While this lasts, `now` calls `end`."""
        with self._lock:
            self._end = end
        try:
            yield
        finally:
            with self._lock:
                self._end = None

    def now(self) -> None:
        """End the waiting; whoever waits gets the driver's error."""
        # a driver that has closed by itself meanwhile has errors of its own for that
        with self._lock, suppress(Exception):
            if self._end is not None:
                self._end()


def _shut(number: int) -> None:
    """Shut the socket with that file number, which stays its owner's to close."""
    with socket.socket(fileno=os.dup(number)) as twin:
        twin.shutdown(socket.SHUT_RDWR)


class Database:
    """Asks the database at `where`. Nothing is kept open between two askings."""

    def __init__(
        self, where: Where, *, zone: str, limit: int, max_bytes: int, timeout_s: float, tls: TLS, ca: str | None
    ) -> None:
        self.where, self.tls, self.ca = where, tls, ca
        # without summer time: a session of MariaDB has one offset, whatever the season of its rows
        self._offset = timezone(datetime.now(ZoneInfo(zone)).utcoffset() or timedelta())
        self.limit, self.max_bytes, self.timeout_s = limit, max_bytes, timeout_s

    def select(self, text: str, given: dict[str, Any] | None, cut: Cut) -> Page:
        """The rows of `text`, `limit` + 1 at most. Blocks. Raises SourceRefused and SourceDown."""
        until = time.monotonic() + self.timeout_s
        match self.where.kind:
            case "sqlite":
                return self._sqlite(text, given, cut, until)
            case "postgresql":
                return self._postgresql(text, given, cut, until)
            case _:
                return self._mariadb(text, given, cut, until)

    def slow(self) -> SourceDown:
        say = f"{self.where} gave no whole answer within {self.timeout_s:g} s; add an index, or raise timeout_s."
        return SourceDown(say)

    def _wrong(self, why: object) -> SourceDown:
        told = " ".join(str(why).split())[:200].rstrip(".")
        if self.where.password:
            told = told.replace(self.where.password, "…")
        return Untaken(f"{self.where} did not answer the statement: {told}. Correct it, or ask what changed.")

    def _away(self, error: Exception) -> SourceDown:
        return SourceDown(
            f"{self.where} can't be reached ({type(error).__name__}); check that it runs and is reachable."
        )

    def _refused(self) -> SourceRefused:
        say = f"{self.where} refused the user, the password or the right to read; ask its owner, then restart."
        return SourceRefused(say)

    def _page(self, cursor: Any, until: float) -> Page:
        """What a driver's cursor holds, up to the limit and one row more, which shows that there are more."""
        columns = [str(column[0]) for column in cursor.description]
        rows: list[tuple[Any, ...]] = []
        size = 0
        while wanted := min(STEP, self.limit + 1 - len(rows)):
            got = cursor.fetchmany(wanted)
            rows += [tuple(row) for row in got]
            size += sum(len(cell) for row in got for cell in row if isinstance(cell, str | bytes))
            if size > self.max_bytes:
                say = f"{self.where} sent more than {self.max_bytes:,} bytes; select fewer columns, or lower limit."
                raise Untaken(say)
            if len(got) < wanted:
                return Page(columns, rows, False)
            if time.monotonic() > until:
                raise self.slow()
        return Page(columns, rows, True)

    def _sqlite(self, text: str, given: dict[str, Any] | None, cut: Cut, until: float) -> Page:
        address = Path(self.where.database).absolute().as_uri() + "?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=self.timeout_s, check_same_thread=False)) as base:
                base.text_factory = _text
                base.execute("PRAGMA query_only = 1")
                base.set_progress_handler(lambda: time.monotonic() > until, 10_000)
                with cut.by(base.interrupt), closing(base.cursor()) as cursor:
                    return self._page(cursor.execute(text, _plain(given)), until)
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code == sqlite3.SQLITE_INTERRUPT:
                raise self.slow() from None
            if code in SQLITE_AWAY:
                raise SourceDown(f"{self.where} can't be opened or is locked; check that it is there.") from None
            raise self._wrong(error) from None

    def _postgresql(self, text: str, given: dict[str, Any] | None, cut: Cut, until: float) -> Page:
        import psycopg

        where = self.where
        options: dict[str, Any] = {"sslmode": {"off": "disable", "verify": "verify-full"}.get(self.tls, self.tls)}
        if self.ca:
            options["sslrootcert"] = self.ca
        try:
            base = psycopg.connect(
                host=where.host,
                port=where.port,
                user=where.user,
                password=where.password,
                dbname=where.database,
                connect_timeout=max(2, int(self.timeout_s)),
                application_name="ioc",
                client_encoding="UTF8",
                **options,
            )
        except psycopg.Error as error:
            refused = error.sqlstate in REFUSED_STATES or REFUSED_WORDS.search(str(error))
            raise (self._refused() if refused else self._away(error)) from None
        try:
            with closing(base), cut.by(lambda: _shut(base.fileno())):
                base.read_only = True
                _keep_odd_times(base)
                base.execute("SELECT set_config('statement_timeout', %s, true)", (f"{int(self.timeout_s * 1000)}ms",))
                with base.cursor(name="ioc") as cursor:
                    return self._page(cursor.execute(text, given), until)
        except psycopg.errors.QueryCanceled:
            raise self.slow() from None
        except psycopg.Error as error:
            if error.sqlstate in REFUSED_STATES:
                raise self._refused() from None
            raise (self._wrong(error.diag.message_primary or error) if error.sqlstate else self._away(error)) from None

    def _mariadb(self, text: str, given: dict[str, Any] | None, cut: Cut, until: float) -> Page:
        import pymysql
        from pymysql.constants import FIELD_TYPE

        where = self.where
        try:
            base: Any = pymysql.connect(
                host=where.host,
                port=where.port,
                user=where.user,
                password=where.password.encode(),
                database=where.database,
                charset="utf8mb4",
                connect_timeout=max(1, min(int(self.timeout_s), 60)),
                read_timeout=int(self.timeout_s) + 2,
                write_timeout=int(self.timeout_s) + 2,
                **self._mariadb_tls(),
            )
            with closing(base), cut.by(lambda: _shut(base._sock.fileno())):
                with base.cursor() as first:
                    self._bound_mariadb(base, first)
                with _unread(base) as cursor:
                    # without parameters the driver must not look for any: % is then a sign like another
                    bound = {name: _clock_in(self._offset, value) for name, value in given.items()} if given else None
                    cursor.execute(text, bound)
                    stamps = [at for at, column in enumerate(cursor.description) if column[1] == FIELD_TYPE.TIMESTAMP]
                    return _stamped(self._page(cursor, until), stamps, self._offset)
        except pymysql.Error as error:
            raise self._mariadb_error(error) from None

    def _mariadb_tls(self) -> dict[str, Any]:
        if self.tls in ("off", "prefer"):
            return {"ssl_disabled": self.tls == "off"}
        context = ssl.create_default_context(cafile=self.ca)
        if self.tls == "require":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return {"ssl": context}

    def _bound_mariadb(self, base: Any, cursor: Any) -> None:
        """Session limits. TIMESTAMP is shown in the session's zone, which is set so that we know it."""
        limit = "max_statement_time" if "MariaDB" in base.get_server_info() else "max_execution_time"
        span = self.timeout_s if limit == "max_statement_time" else int(self.timeout_s * 1000)
        cursor.execute(f"SET SESSION {limit} = %s", (span,))
        cursor.execute("SET SESSION sql_select_limit = %s", (self.limit + 1,))
        offset = datetime.now(self._offset).strftime("%z")
        cursor.execute("SET SESSION time_zone = %s", (f"{offset[:3]}:{offset[3:]}",))
        cursor.execute("START TRANSACTION READ ONLY")

    def _mariadb_error(self, error: Exception) -> IocError:
        number = error.args[0] if error.args else None
        if number in REFUSED_NUMBERS:
            return self._refused()
        if number in SLOW_NUMBERS:
            return self.slow()
        if number in AWAY_NUMBERS or not isinstance(number, int) or number == 0:
            return self._away(error)
        return self._wrong(error.args[-1])


def _clock_in(offset: tzinfo, value: Any) -> Any:
    """MariaDB compares clocks: a time with a zone is bound as the session's clock shows it."""
    aware = isinstance(value, datetime) and value.tzinfo is not None
    return value.astimezone(offset).replace(tzinfo=None) if aware else value


def _stamped(page: Page, stamps: list[int], offset: tzinfo) -> Page:
    """The page with the zone that times in the columns `stamps` have."""
    if not stamps:
        return page
    rows = [list(row) for row in page.rows]
    for row in rows:
        for at in stamps:
            row[at] = row[at].replace(tzinfo=offset) if isinstance(row[at], datetime) else row[at]
    return page._replace(rows=[tuple(row) for row in rows])


@contextmanager
def _unread(base: Any) -> Iterator[Any]:
    """A cursor of pymysql that reads rows as they are asked for. Closing it would read all the rest first, for as long
    as that takes: since the connection goes away with it, the rest is left unread."""
    from pymysql.cursors import SSCursor

    cursor: Any = SSCursor(base)
    try:
        yield cursor
    finally:
        if cursor._result is not None:
            cursor._result.unbuffered_active = False
        cursor.connection = None
        base._force_close()


def _text(raw: bytes) -> str | bytes:
    """Text of SQLite; what is not UTF-8 stays bytes, so that its record is set aside and not the whole answer."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _plain(given: dict[str, Any] | None) -> dict[str, Any]:
    """SQLite knows no times and decimals: they are bound as text, the way they are written there."""
    return {
        name: value if isinstance(value, str | int | float) else str(value) for name, value in (given or {}).items()
    }


def _keep_odd_times(base: Any) -> None:
    """`infinity` and years past 9999 come as text: their record is set aside, not the whole answer."""
    import psycopg
    from psycopg.types import datetime as kinds

    for name, kind in (
        ("date", kinds.DateLoader),
        ("timestamp", kinds.TimestampLoader),
        ("timestamptz", kinds.TimestamptzLoader),
    ):

        def load(self: Any, data: Any, kind: Any = kind) -> Any:
            try:
                return kind.load(self, data)
            except psycopg.DataError:
                return bytes(data).decode()

        base.adapters.register_loader(name, type(f"Kept{kind.__name__}", (kind,), {"load": load}))
