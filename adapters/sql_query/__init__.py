"""One SELECT in a department's database: SQLite, PostgreSQL or MariaDB, read-only, bounded in time, rows and bytes.

Settings (TOML)::

    [sources.dossiers]
    adapter = "sql_query"
    event = "ioc.dossier.changed"
    url = "$DEPT_DB_URL"              # postgresql://user:password@host/base, mariadb://…, sqlite:////srv/base.db
    statement = "SELECT id, state, updated_at FROM dossier WHERE updated_at >= :cursor ORDER BY updated_at"
    watermark = "updated_at"          # or complete = true, with a SELECT of everything
    start = "2020-01-01"              # the first :cursor
    overlap = 300                     # asked again, for rows that were committed late
    id = "id"
    properties = {state = {path = "state", kind = "integer"}}
    tally = "SELECT count(*) AS n, max(updated_at) AS newest FROM dossier"   # what it says of itself

Instead of `url`: `kind`, `host`, `port`, `user`, `password`, `database` (the file, for SQLite). Mapping, `carry` and
`melt` are those of `ioc.mapping` and `ioc.tables`; times without a zone are clocks in `zone`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from adapters.sql_query.databases import TLS, Cut, Database, Page, Where
from ioc import cells, clock, statement, tally
from ioc.adapter import Adapter, Answer, Reading
from ioc.errors import BadRecord, SourceDown, Untaken
from ioc.proof import Tally
from ioc.tables import Row, Rows, readings


class SqlQuery(Adapter["SqlQuery.Config"]):
    """Asks a database. With a watermark, page after page from the cursor on; with `complete`, everything at once."""

    class Config(Rows, frozen=True, forbid_unknown_fields=True, kw_only=True):
        """`url`, or `kind`, `host`, `port`, `user`, `password` and `database` (SQLite: the file): where.

        `tls`: off, prefer, require or verify; `ca`: file of the authority that it is verified by.

        `statement`: one SELECT, with `:cursor` where there is a `watermark` (a column of its answer: time, date, number
        or sortable text). `start`: the first cursor. `overlap`: seconds (or numbers) that are asked again each time.
        `limit`: rows of one page; a complete answer must fit in it. `timeout_s`: for each page. `tally`: one SELECT of
        one row, by the same rules and without `:cursor`: `n`, how many subjects there are, or `newest`, when one of
        them changed last, or both.
        """

        statement: str
        url: str | None = None
        kind: str | None = None
        host: str = "127.0.0.1"
        port: int | None = None
        user: str = ""
        password: str = ""
        database: str = ""
        tls: TLS = "prefer"
        ca: str | None = None
        watermark: str | None = None
        start: str | int | float | None = None
        overlap: float = 0.0
        limit: int = 50_000
        tally: str | None = None

        def __post_init__(self) -> None:
            super().__post_init__()
            if (self.watermark is None) != self.complete:
                raise ValueError("write either watermark, with :cursor in the statement, or complete = true")
            if self.watermark is not None and self.start is None:
                raise ValueError('a watermark needs a start, the first cursor; write start = "2020-01-01", or 0')
            if self.overlap < 0 or self.limit < 1:
                raise ValueError("overlap is 0 or more, and limit 1 or more")
            statement.check(self.statement, self.where.kind, parameter=self.watermark is not None)
            if self.tally is not None:
                try:
                    statement.check(self.tally, self.where.kind, parameter=False)
                except ValueError as error:
                    raise ValueError(f"tally: {error}") from None

        @property
        def where(self) -> Where:
            """The database's address; raises ValueError when the settings name none."""
            if self.url:
                return Where.of(self.url)
            return Where.checked(self.kind or "", self.host, self.port, self.user, self.password, self.database)

    def __init__(self, name: str, config: Config) -> None:
        super().__init__(name, config)
        self.where = config.where
        self.database = Database(
            self.where,
            zone=config.zone,
            limit=config.limit,
            max_bytes=config.max_bytes,
            timeout_s=config.timeout_s,
            tls=config.tls,
            ca=config.ca,
        )
        self._busy: dict[str, asyncio.Task[Page]] = {}

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """Yields one answer a page. Raises SourceRefused (user, password, rights) and SourceDown."""
        name = self.config.watermark
        reached = cells.decode(cursor) if cursor else None
        since = self._earlier(reached) if reached is not None else self.config.start
        while True:
            page = await self._fetch(since)
            if name is None:
                if page.more:
                    say = f"{self.where} has more than {self.config.limit:,} rows; raise limit, or ask by a watermark."
                    raise Untaken(say)
                yield self._answer(page, None)
                return
            if name not in page.columns:
                raise Untaken(f"The statement gives no column {name}; select the watermark, too.")
            at = page.columns.index(name)
            if page.more:
                page, since = self._cut(page, at)
            reached = self._reached(reached, (row[at] for row in page.rows))
            yield self._answer(page, None if reached is None else cells.encode(reached))
            if not page.more:
                return

    def _answer(self, page: Page, cursor: str | None) -> Answer:
        rows = ", ".join(cells.encode(row) for row in page.rows)
        body = f'{{"columns": {json.dumps(page.columns)}, "rows": [{rows}]}}'
        return Answer(body.encode(), cursor=cursor, name=self.name)

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Readings of one page."""
        page = json.loads(answer.body)
        rows = (
            Row(
                line,
                {name: cells.readable(cells.unpacked(cell)) for name, cell in zip(page["columns"], row, strict=True)},
            )
            for line, row in enumerate(page["rows"], 1)
        )
        return readings(self.config, rows)

    def _cut(self, page: Page, at: int) -> tuple[Page, Any]:
        """The page without its last watermark's rows, which may go on behind the limit, and that watermark."""
        marks = [row[at] for row in page.rows if row[at] is not None]
        try:
            ascending = all(one <= other for one, other in pairwise(marks))
        except TypeError:
            ascending = False
        if not ascending:
            raise Untaken(f"The rows do not come in the order of {self.config.watermark}; write ORDER BY at the end.")
        kept = [row for row in page.rows if row[at] != page.rows[-1][at]]
        if not kept:
            say = f"More than {self.config.limit:,} rows have the same {self.config.watermark}; raise limit."
            raise Untaken(say)
        return page._replace(rows=kept), page.rows[-1][at]

    def _reached(self, before: Any, marks: Iterable[Any]) -> Any:
        """The highest watermark seen. One that lies in the future doesn't count: what comes later must not be lost."""
        reached = before
        for mark in marks:
            if mark is None or self._future(mark):
                continue
            if not isinstance(mark, str | int | float | Decimal | date):
                raise Untaken(f"{self.config.watermark} holds {type(mark).__name__}; use a time, a number or a text.")
            try:
                reached = mark if reached is None or mark > reached else reached
            except TypeError:
                say = f"{self.config.watermark} holds values of different kinds; give the column one type."
                raise Untaken(say) from None
        return reached

    def _future(self, mark: Any) -> bool:
        with suppress(ValueError):
            mark = datetime.fromisoformat(mark) if isinstance(mark, str) else mark
        if isinstance(mark, date) and not isinstance(mark, datetime):
            mark = datetime(mark.year, mark.month, mark.day)  # noqa: DTZ001 - the zone comes with the next line
        zone = ZoneInfo(self.config.zone)
        return isinstance(mark, datetime) and clock.aware(mark, zone) > clock.now() + timedelta(
            seconds=self.config.ahead
        )

    def _earlier(self, mark: Any) -> Any:
        """`mark`, less the overlap."""
        overlap = self.config.overlap
        if not overlap:
            return mark
        if isinstance(mark, str):
            try:
                earlier = datetime.fromisoformat(mark) - timedelta(seconds=overlap)
            except ValueError:
                raise Untaken(f"{self.config.watermark} is text and no time; leave overlap out.") from None
            return earlier.isoformat(sep="T" if "T" in mark else " ") if len(mark) > 10 else earlier.date().isoformat()
        if isinstance(mark, datetime):
            return mark - timedelta(seconds=overlap)
        if isinstance(mark, date):
            return mark - timedelta(days=-(-overlap // 86_400))
        return mark - (Decimal(str(overlap)) if isinstance(mark, Decimal) else overlap)

    @property
    def tallies(self) -> bool:
        return self.config.tally is not None

    async def tally(self) -> Tally | None:
        """The one row of `tally`. Raises SourceRefused, SourceDown, and Untaken when it is no such row."""
        if self.config.tally is None:
            return None
        text = statement.bound(self.config.tally, self.where.kind)
        page = await self._in_thread("tally", lambda cut: self.database.select(text, None, cut))
        told = dict(zip(page.columns, page.rows[0], strict=True)) if len(page.rows) == 1 and not page.more else {}
        if not {"n", "newest"} & told.keys():
            raise Untaken("The tally gives no single row with n or newest; write SELECT count(*) AS n.")
        try:
            return tally.told(told.get("n"), cells.readable(told.get("newest")), zone=self.config.zone)
        except BadRecord as error:
            raise Untaken(f"{self.where} tells a tally that can't be read. {error.say}") from None

    async def _fetch(self, since: Any) -> Page:
        return await self._in_thread("statement", lambda cut: self._select(since, cut))

    async def _in_thread(self, what: str, select: Callable[[Cut], Page]) -> Page:
        """One page, read in a thread that is cut off when the time is over; a tally that hangs keeps no statement."""
        if what in self._busy and not self._busy[what].done():
            raise SourceDown(f"{self.where} still holds the last asking; it is asked again later.")
        cut = Cut()
        task = asyncio.create_task(asyncio.to_thread(select, cut), name=f"{what} of {self.name}")
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._busy[what] = task
        try:
            async with asyncio.timeout(self.config.timeout_s + 1):
                return await asyncio.shield(task)
        except TimeoutError:
            raise self.database.slow() from None
        finally:
            cut.now()

    def _select(self, since: Any, cut: Cut) -> Page:
        given = {"cursor": since} if self.config.watermark is not None else None
        page = self.database.select(statement.bound(self.config.statement, self.where.kind), given, cut)
        if twice := sorted({name for name in page.columns if page.columns.count(name) > 1}):
            raise Untaken(f"The statement gives {', '.join(twice)} twice; name the columns apart with AS.")
        return page
