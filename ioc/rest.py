"""Asking a REST service: below one base address, in pages, from the newest change on, with a token that is renewed.

Adapters of services that provinces share build on it (`sharing_platform`, `dossiers`, `documents`, `report_forms`).
Settings (TOML), beside the mapping of `ioc.mapping`::

    url = "https://lgsp.example.vn"            # one line to change when the platform moves
    path = "/apim/v1/services"
    records = "data.items"
    grant = {address = "/oauth2/token", client_id = "$LGSP_ID", client_secret = "$LGSP_SECRET", scope = "ioc"}
    pages = {param = "page", size_param = "limit", size = 200}
    since = {param = "tu_ngay", form = "%Y%m%d%H%M%S", overlap = 600}
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx2
import msgspec

from ioc import bodies, clock, fields
from ioc.adapter import Adapter, Answer, Reading, client, fetch, host
from ioc.errors import BadRecord, SourceDown, SourceRefused, Untaken
from ioc.event import digest
from ioc.mapped_field import as_time, value
from ioc.mapping import Mapped, results
from ioc.proof import Tally
from ioc.tally import TallyAt

MAX_TOKEN = 64 * 1024
"""Bytes of a token's answer that are read at most."""
LIFE_S = 300.0
"""How long a token is used whose life its server does not tell."""


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """OAuth2 client credentials (RFC 6749, 4.4). `address`: of its tokens: a path below the source's url, or an
    address of its own.

    `client_id`, `client_secret`, `scope`: what the platform's owner gave out. `renew_s`: so long before its end a token
    is renewed, and at half its life at the latest. `basic`: credentials go into the header; else into the body.
    """

    address: str
    client_id: str
    client_secret: str
    scope: str = ""
    renew_s: float = 60.0
    basic: bool = True


class Pages(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`param`, `size_param`: names of the query's parameters; `size`: records wanted a page; `first`: the first one's
    number; more than `most` are refused, and nothing is taken.

    `by`: number; or since, where records come oldest change first: each page goes on from the newest change of the one
    before. What moves while numbered pages are read pushes another record past the reader.
    """

    by: Literal["number", "since"] = "number"
    param: str = "page"
    size_param: str = "limit"
    size: int = 200
    first: int = 1
    most: int = 200


class Since(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Only what changed is asked for. `param`: the query's parameter; `form`: how its time is written (ISO 8601 when
    left out; else strftime, in the source's zone); `overlap`: seconds that are asked again; `start`: the very first."""

    param: str
    form: str | None = None
    overlap: float = 600.0
    start: str | None = None

    def __post_init__(self) -> None:
        if self.start is not None:
            clock.parse(self.start)


class Rest(Mapped, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url`: base address of the service; `path`: of the list, below it. `records`: where they stand in its JSON.

    `params`: more of the query. `grant`: how a token is got, or `token`: one that does not end. `pages`, `since`: see
    there; without them one answer is all. `tally`: where the service says how much it holds (`ioc.tally`).
    """

    url: str
    path: str = ""
    records: str = ""
    params: dict[str, str] = msgspec.field(default_factory=dict)
    grant: Grant | None = None
    token: str | None = None
    pages: Pages | None = None
    since: Since | None = None
    tally: TallyAt | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.grant is not None and self.token is not None:
            raise ValueError("a token comes from grant or from token; write one of them")
        if self.since is not None and (self.complete or self.time is None):
            raise ValueError("since asks for what changed: write time, and leave complete out")
        if self.since is None and self.pages is not None and self.pages.by == "since":
            raise ValueError(
                'pages by since need since, which says how changes are asked for; write it, or by = "number"'
            )
        if self.tally is not None:
            self.tally.check(self.url)


R = TypeVar("R", bound=Rest)


class RestAdapter(Adapter[R]):
    """Asks one service. An adapter over it says how a record is read (`mapped`, `parse`), and what else is asked."""

    def __init__(self, name: str, config: R) -> None:
        super().__init__(name, config)
        self.mapped: Mapped = config
        self._tokens = (
            Tokens(config.grant, self.below(config.grant.address), config.timeout_s) if config.grant else None
        )

    def below(self, path: str) -> str:
        """The address of a path below the base; one that is an address already stays."""
        whole = urlsplit(path).scheme in ("http", "https")
        return path if whole else f"{self.config.url.rstrip('/')}/{path.lstrip('/')}".rstrip("/")

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """The pages of one asking; the last holds the cursor, where only changes are asked for.

        A page is the last when it is empty, shorter than the first, or only repeats (servers that know no pages do).
        """
        config, pages = self.config, self.config.pages
        moving = pages is not None and pages.by == "since"
        begin = cursor or (config.since.start if config.since else None)
        newest = since = clock.parse(begin) if begin and config.since else None
        known, length, page, left, number = set[str](), 0, None, config.max_bytes, 0
        for _ in range(pages.most if pages else 1):
            params = self._query(since, again=page is None or not moving)
            answer = await self.get(config.path, {**params, **self._numbered(number)}, left)
            left -= len(answer.body)
            marks, moments = await asyncio.to_thread(self._look, answer)
            if page is not None and (not marks or set(marks) <= known):
                if not moving or number or len(marks) < length:
                    break
                number = 1  # as many as fill a page may have changed at one moment: these alone are counted through
                continue
            newest = max(filter(None, (newest, *moments)), default=None)
            number = 0 if moving and newest != since else number + 1
            since = newest if moving else since
            if page is not None:
                yield page
            again = [at for at, mark in enumerate(marks) if mark in known] if moving else []
            about = {**answer.about, "again": again}
            page, length = msgspec.structs.replace(answer, cursor=None, last=False, about=about), length or len(marks)
            known.update(marks)
            if pages is None or len(marks) < length or not marks or (moving and not any(moments)):
                break
        else:
            say = f"{host(config.url)} has more than {pages.most if pages else 1} pages; nothing was taken."
            raise Untaken(f"{say} Raise pages.size or pages.most.")
        assert page is not None
        told = clock.rfc3339(newest) if config.since and newest else None
        yield msgspec.structs.replace(page, last=True, cursor=told)

    async def get(self, path: str, params: dict[str, str], max_bytes: int, timeout_s: float | None = None) -> Answer:
        """One GET below the base. A token that is refused is renewed once. Raises SourceRefused and SourceDown."""
        address, wait = self.below(path), timeout_s or self.config.timeout_s
        token = await self._tokens.get() if self._tokens else self.config.token
        for last in (self._tokens is None, True):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            try:
                return await fetch(address, params=params, headers=headers, max_bytes=max_bytes, timeout_s=wait)
            except SourceRefused:
                if last or self._tokens is None:
                    raise
                token = await self._tokens.get(refused=token)
        raise AssertionError("the second asking answers or raises")

    def _query(self, since: datetime | None, *, again: bool) -> dict[str, str]:
        """The query's parameters; `again`: what changed within the overlap before `since` is asked for again."""
        params, wanted = dict(self.config.params), self.config.since
        if wanted is not None and since is not None:
            at = since - timedelta(seconds=wanted.overlap if again else 0)
            local = at.astimezone(ZoneInfo(self.config.zone))
            params[wanted.param] = local.strftime(wanted.form) if wanted.form else clock.rfc3339(at)
        return params

    def _numbered(self, number: int) -> dict[str, str]:
        pages = self.config.pages
        return {} if pages is None else {pages.param: str(pages.first + number), pages.size_param: str(pages.size)}

    def _look(self, answer: Answer) -> tuple[list[str], list[datetime | None]]:
        """A mark of each record, and when it changed."""
        rows = list(self.rows(answer))
        moments = [self._moment(row) for row in rows] if self.config.since else []
        return [digest(row.raw) for row in rows] if self.config.pages else [""] * len(rows), moments

    def _moment(self, row: bodies.Record) -> datetime | None:
        """When a record changed, for the cursor; what can't be read, or lies ahead of us, moves no cursor."""
        assert self.mapped.time is not None
        try:
            when = value(as_time(self.mapped.time), row.fields, self.config.zone)
        except BadRecord:
            return None
        return when if isinstance(when, datetime) and when <= clock.now() else None

    def rows(self, answer: Answer) -> Iterable[bodies.Record]:
        """The records of a page, without those that the page before had too. Raises SourceDown when it is no page."""
        where, again = answer.name or self.name, frozenset(answer.about.get("again", ()))
        found = bodies.records(bodies.load_json(answer.body, where), self.config.records, where)
        return (row for at, row in enumerate(found) if at not in again) if again else found

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        return results(self.mapped, self.rows(answer))

    @property
    def tallies(self) -> bool:
        return self.config.tally is not None

    async def tally(self) -> Tally | None:
        if self.config.tally is None:
            return None
        token = await self._tokens.get() if self._tokens else self.config.token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self.config.tally.ask(headers=headers, timeout_s=self.config.timeout_s, zone=self.config.zone)


class Tokens:
    """The token of one grant, kept until shortly before its end; however many ask at once, it is got once."""

    def __init__(self, grant: Grant, address: str, timeout_s: float) -> None:
        self._grant, self._address, self._timeout_s = grant, address, timeout_s
        self._token: str | None = None
        self._until = 0.0
        self._one = asyncio.Lock()

    async def get(self, *, refused: str | None = None) -> str:
        """A token that is good for a while yet; another one than `refused`. Raises SourceRefused and SourceDown."""
        async with self._one:
            if self._token is None or self._token == refused or time.monotonic() >= self._until:
                self._token = None
                self._token, life = await self._new()
                self._until = time.monotonic() + max(life - self._grant.renew_s, life / 2)
            return self._token

    async def _new(self) -> tuple[str, float]:
        where, grant = host(self._address), self._grant
        form = {"grant_type": "client_credentials"} | ({"scope": grant.scope} if grant.scope else {})
        auth = httpx2.BasicAuth(grant.client_id, grant.client_secret) if grant.basic else None
        if auth is None:
            form |= {"client_id": grant.client_id, "client_secret": grant.client_secret}
        try:
            async with asyncio.timeout(self._timeout_s), client(self._timeout_s) as http:
                http.follow_redirects = False
                async with http.stream("POST", self._address, data=form, auth=auth) as response:
                    status, body = response.status_code, bytearray()
                    async for piece in response.aiter_bytes():
                        body += piece
                        if len(body) > MAX_TOKEN:
                            raise Untaken(
                                f"{where} sent more than {MAX_TOKEN:,} bytes as a token; check grant.address."
                            )
        except TimeoutError:
            say = f"{where} gave no whole answer to the asking for a token within {self._timeout_s:g} s"
            raise SourceDown(f"{say}; it is asked again later.") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            say = f"{where} could not be asked for a token ({type(error).__name__})"
            raise SourceDown(f"{say}; check that it runs and is reachable.") from None
        if status in (400, 401, 403):
            say = f"{where} refused the key of the client (HTTP {status} at the asking for a token)"
            raise SourceRefused(f"{say}; ask its owner for a valid one, then restart.")
        if status != 200:
            raise Untaken(f"{where} answered HTTP {status} at the asking for a token; it is asked again later.")
        return _told(bytes(body), where)


def _told(body: bytes, where: str) -> tuple[str, float]:
    """The token of an answer, and its life in seconds."""
    told: Any = bodies.load_json(body, where)
    token = told.get("access_token") if isinstance(told, dict) else None
    if not isinstance(token, str) or not token.isascii() or not token.strip() or not token.isprintable():
        raise Untaken(f"{where} gave no access_token; check that grant.address is the address of its tokens.")
    try:
        life = fields.number(told.get("expires_in", LIFE_S), "expires_in")
    except BadRecord:
        life = LIFE_S
    return token, max(0.0, min(life, 86_400.0))
