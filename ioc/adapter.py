"""What an author of an adapter sees: an adapter turns one kind of source's answers into readings.

Usually an author writes `Config` and `parse`; `ask` defaults to one polite GET. An adapter sees no
store and no web part; it may load the client library of the system that it asks, inside a method.

A whole one, `adapters/rain_log.py` (settings call it `rain_log`, as its file is), for lines such as
`G1;Trà My;108.231;15.342;2026-03-10 14:10;12,4` and an end mark `#END 1`. Its records are mapped as in `ioc.mapping`:
settings say which field is what (`time = "at"`, `mm = {path = "mm", kind = "number", form = "vi"}`)::

    from collections.abc import Iterable

    from ioc import bodies, mapping
    from ioc.adapter import Adapter, Answer, Reading
    from ioc.errors import BadRecord, Untaken

    FIELDS = ("code", "name", "x", "y", "at", "mm")


    class Config(mapping.Mapped, frozen=True, forbid_unknown_fields=True, kw_only=True):
        "`url`: where the log is. `key`: what the header X-Key holds."

        url: str
        key: str


    class RainLog(Adapter[Config]):
        Config = Config

        def headers(self) -> dict[str, str]:
            return {"X-Key": self.config.key}

        def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
            bodies.refuse_others(answer.body, answer.name, "lines")  # nothing, or an HTML page
            try:
                *lines, end = answer.body.decode("utf-8-sig").splitlines()
            except UnicodeDecodeError:
                raise Untaken(f"{answer.name} sent no UTF-8; its owner must.") from None
            if end != f"#END {len(lines)}":
                raise Untaken(f"{answer.name} sent a log that was cut; it is asked again later.")
            for number, line in enumerate(lines, start=1):
                said = (part.strip() for part in line.split(";"))
                record = {name: None if part in ("", "-") else part for name, part in zip(FIELDS, said)}
                try:
                    yield mapping.read(self.config, record, line=number, raw=line)
                except BadRecord as error:  # one line that can't be read does not cost the others
                    yield error
"""

from __future__ import annotations

import json
import logging
import ssl
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import httpx2
import msgspec

from ioc.contract import Contract
from ioc.errors import BadRecord, SourceDown, SourceRefused, Untaken
from ioc.event import Geometry, Method
from ioc.proof import Tally

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of one answer that are read at most, unless a source's settings say otherwise."""
TIMEOUT_S = 20.0
"""Seconds for one whole answer, from the asking to its last byte."""
DAY_S = 86_400


class Reading(msgspec.Struct, frozen=True):
    """One record of an answer, already in WGS84 and aware time.

    `subject`: stable identity within the source's kind of thing, unique in one answer. `time`: when it
    became true at the source; None when the source gives none (the time of receipt is then used).
    `volatile`: names of properties that are carried but do not count as a change. `unit`: code of the commune,
    where the source states it. `gone`: the subject ended. `repeat`: this form of the record only repeats what
    another form tells in full: known subjects count as duplicates. `sender_id`: id that a sender gave, for the
    push door. `line`: where it stood in the answer. `spare`: fields of the record that nothing maps, each beside the
    first reading of an answer that has it (see `ioc.spares`).
    """

    subject: str
    properties: dict[str, Any]
    time: datetime | None = None
    geometry: Geometry | None = None
    type: str | None = None
    unit: str | None = None
    method: Method | None = None
    volatile: frozenset[str] = frozenset()
    gone: bool = False
    repeat: bool = False
    sender_id: str | None = None
    line: int | None = None
    spare: dict[str, Any] | None = None


class Answer(msgspec.Struct, frozen=True):
    """What a source said to one asking (a page, a file, a result set).

    `cursor`: where the next asking goes on, once this answer is committed (None: no news of it).
    `unchanged`: the source confirmed that nothing moved (HTTP 304); `body` is empty then.
    `last`: False while more pages of the same asking follow; only a whole asking shows who is absent.
    `name`: the file or page, for people. `about`: facts that parse needs beside the bytes.
    """

    body: bytes
    cursor: str | None = None
    unchanged: bool = False
    last: bool = True
    name: str = ""
    about: dict[str, Any] = {}


class AdapterConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings that every adapter has; authors add theirs in a subclass named Config.

    `event`: type of the events that its readings become; `also`: types of other kinds of things that an answer tells,
    by what the adapter calls them. `complete`: an answer holds everything there is, so a subject that is absent is
    gone. `reasons`: people give a reason (property `why`) with each figure that says otherwise what was told before.
    `at_sea`: its places lie outside all communes, and none is looked for. `max_bytes`, `timeout_s`: limits for one
    answer.
    """

    event: str
    also: dict[str, str] = {}
    complete: bool = False
    reasons: bool = False
    at_sea: bool = False
    max_bytes: int = MAX_ANSWER
    timeout_s: float = TIMEOUT_S


# at INFO the library logs whole addresses, and a query string may hold a source's key
logging.getLogger("httpx2").setLevel(logging.WARNING)

C = TypeVar("C", bound=AdapterConfig)


class Adapter(Generic[C]):
    """Asks one source. `name` is the source's id in the settings; `config` is checked before it comes here.

    `asks`: False, where it only waits for what is sent.
    """

    Config: ClassVar[type[AdapterConfig]] = AdapterConfig
    asks: bool = True

    def __init__(self, name: str, config: C) -> None:
        self.name = name
        self.config = config

    def owes(self, contract: Contract) -> None:
        """Called once before the first asking: what the source owes, for adapters whose answers depend on it.

        Raises BadConfig when settings and contract do not fit.
        """

    def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """Ask once, from `cursor` on; yields the answers. Default: one polite GET of `config.url`.

        Raises SourceRefused (401, 403) and SourceDown (anything else that is no answer).
        """
        return self._get(str(self.config.url), cursor)  # type: ignore[attr-defined]

    async def _get(self, url: str, cursor: str | None) -> AsyncIterator[Answer]:
        yield await fetch(
            url,
            max_bytes=self.config.max_bytes,
            timeout_s=self.config.timeout_s,
            headers=self.headers(),
            validators=cursor,
        )

    def headers(self) -> dict[str, str]:
        """Headers of the GET; the place for a token out of the settings."""
        return {}

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Readings of one answer, and for each record that can't be read a BadRecord (yielded, not raised). Pure.

        Raises SourceDown when the answer as a whole is not of the form that the source owes.
        """
        raise SourceDown(f"The adapter {type(self).__name__} has no parse method; write one.")

    @property
    def tallies(self) -> bool:
        """Whether `tally` is worth asking."""
        return type(self).tally is not Adapter.tally

    async def tally(self) -> Tally | None:
        """How many records the source says it holds, and their newest change; None: it can't say it (the default).

        Asked by itself, after an answer was taken, so that both can be compared; bounded as an answer is. A count is of
        what `parse` makes subjects of. Raises SourceRefused and SourceDown; the answer stands whatever happens here.
        """
        return None

    async def committed(self, answer: Answer, trouble: str | None) -> None:
        """Called after the answer's events are safe (`trouble` None), or when it could not be taken."""

    async def close(self) -> None:
        """Let connections go."""


class AsksNobody(Adapter[C]):
    """What it tells of is made here: filed, or worked out, and written as an event by whoever makes it."""

    asks = False

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        nothing: tuple[Answer, ...] = ()
        for answer in nothing:
            yield answer

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Nothing: there was no answer."""
        return []


@lru_cache(maxsize=1)
def _trusted(_day: int) -> ssl.SSLContext:
    """The authorities that the machine trusts: read once a day, since reading them costs more than most askings."""
    return httpx2.create_ssl_context()


@asynccontextmanager
async def client(timeout_s: float = TIMEOUT_S) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client with our time limit, that follows at most 5 redirects."""
    async with httpx2.AsyncClient(
        verify=_trusted(int(time.monotonic() // DAY_S)),
        timeout=timeout_s,
        follow_redirects=True,
        max_redirects=5,
        headers={"User-Agent": "ioc-adapter/1"},
    ) as opened:
        yield opened


async def fetch(
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    validators: str | None = None,
    max_bytes: int = MAX_ANSWER,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """One polite GET: bounded in bytes and in time; `validators` (an earlier answer's cursor) makes it conditional.

    The answer's cursor holds ETag and Last-Modified as JSON. Raises SourceRefused on 401 and 403,
    SourceDown on any other trouble; the sentence names the host, never the query string.
    """
    import asyncio

    known: dict[str, str] = json.loads(validators) if validators else {}
    asked = dict(headers or {})
    if "etag" in known:
        asked["If-None-Match"] = known["etag"]
    if "modified" in known:
        asked["If-Modified-Since"] = known["modified"]

    async def home_only(request: httpx2.Request) -> None:
        # the library itself drops Authorization on a redirect elsewhere, but no other header that may hold a key
        if not _at_home(request.url, httpx2.URL(url)):
            for name in asked:
                request.headers.pop(name, None)

    try:
        async with asyncio.timeout(timeout_s), client(timeout_s) as http:
            http.event_hooks = {"request": [home_only]}
            async with http.stream("GET", url, params=params, headers=asked) as response:
                return await _read(response, max_bytes, validators)
    except TimeoutError:
        raise SourceDown(f"{host(url)} gave no whole answer within {timeout_s:g} s; it is asked again later.") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        kind = type(error).__name__
        raise SourceDown(f"{host(url)} could not be asked ({kind}); check that it runs and is reachable.") from None


async def export(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    validators: str | None = None,
    max_bytes: int = MAX_ANSWER,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """What stands at an address, as `fetch` gives it, or in a file of this machine (a path, without a cursor).

    Raises what `fetch` raises; SourceDown when the file can't be read.
    """
    import asyncio

    if httpx2.URL(url).scheme in ("http", "https"):
        return await fetch(url, headers=headers, validators=validators, max_bytes=max_bytes, timeout_s=timeout_s)
    return await asyncio.to_thread(_file, Path(url), max_bytes)


def _file(file: Path, max_bytes: int) -> Answer:
    try:
        with file.open("rb") as opened:
            body = opened.read(max_bytes + 1)
    except OSError as error:
        say = f"{file.name} can't be read ({type(error).__name__}); check the file and its rights."
        raise SourceDown(say) from None
    if len(body) > max_bytes:
        raise Untaken(f"{file.name} is larger than {max_bytes:,} bytes; raise max_bytes of this source.")
    return Answer(body, name=file.name)


def _at_home(url: httpx2.URL, first: httpx2.URL) -> bool:
    """Whether a redirect stays at the first address's origin, or only goes from http to https there."""
    upgrade = (first.scheme, url.scheme, first.port, url.port) == ("http", "https", None, None)
    return url.host == first.host and (upgrade or (url.scheme, url.port) == (first.scheme, first.port))


async def _read(response: httpx2.Response, max_bytes: int, validators: str | None) -> Answer:
    where = response.url.host
    status = response.status_code
    if status == 304:
        return Answer(b"", cursor=validators, unchanged=True)
    if status in (401, 403):
        raise SourceRefused(f"{where} refused the key (HTTP {status}); ask its owner for a valid one, then restart.")
    if status != 200:
        # 502 and 504 are a gateway's words: what stands behind it did not answer
        wrong = SourceDown if status in (502, 504) else Untaken
        raise wrong(f"{where} answered HTTP {status}; it is asked again later.")
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > max_bytes:
            raise Untaken(
                f"{where} sent more than {max_bytes:,} bytes; nothing was taken. "
                "Ask for pages, or raise max_bytes of this source."
            )
    marks = {"etag": response.headers.get("etag"), "modified": response.headers.get("last-modified")}
    kept = {name: mark for name, mark in marks.items() if mark}
    about = {"content_type": response.headers.get("content-type", "")}
    return Answer(bytes(body), cursor=json.dumps(kept) if kept else None, name=where, about=about)


def host(url: str) -> str:
    """The host of an address, for messages: never its query string, user or password."""
    try:
        return httpx2.URL(url).host or "The source"
    except httpx2.InvalidURL:
        return "The source"
