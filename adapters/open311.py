"""Citizens' reports from an Open311 GeoReport v2 server, in JSON or XML.

Asked from the newest `updated_datetime` on, minus an overlap; in pages. Fields of reporters (name, email, phone, ids)
are dropped before anything else sees them. `properties` of the settings, as in `ioc.mapping`, come on top::

    [sources.reports]
    adapter = "open311"
    event = "ioc.report.observed"
    url = "https://phananh.example.vn/open311/v2"
    jurisdiction = "tuyhoa.example.vn"
    api_key = "$OPEN311_KEY"
    statuses = {open = "open", closed = "closed"}
    tally = {url = "https://phananh.example.vn/open311/v2/summary.json", newest = "updated"}
    [sources.reports.properties]
    sla_hours = {path = "service_code", values = {CS = 48, MT = 24}}
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

import msgspec

from ioc import bodies, clock, fields
from ioc.adapter import Adapter, Answer, Reading, fetch, host
from ioc.errors import BadRecord, SourceRefused, Untaken
from ioc.mapped_field import Field, Path
from ioc.mapping import Mapped, results
from ioc.proof import Tally
from ioc.tally import TallyAt

PERSONAL = frozenset(
    {"email", "phone", "first_name", "last_name", "account_id", "device_id", "name", "full_name", "reporter", "user_id"}
)
"""Fields of the reporter: never carried, and never kept with a record that is set aside."""
PROPERTIES: dict[str, Path] = {
    "service_code": Field("service_code", "text", required=False),
    "service": Field("service_name", "text", required=False),
    "description": Field("description", required=False),
    "status_notes": Field("status_notes", required=False),
    "agency": Field("agency_responsible", required=False),
    "address": Field("address", required=False),
    "media": Field("media_url", required=False),
    "requested": Field("requested_datetime", "time", required=False),
    "updated": Field("updated_datetime", "time", required=False),
    "expected": Field("expected_datetime", "time", required=False),
}


class GeoReport(Mapped, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url`: address up to and with the version, without /requests. `form`: json or xml.

    `jurisdiction`: sent as jurisdiction_id. `api_key`: sent as api_key. `statuses`: the server's status words and ours,
    case does not matter; another word sets the report aside. `since_param`: name of the parameter that holds the time
    from which on updates are wanted. `overlap`: seconds before the newest update that are asked again. `start`: where
    the very first asking begins (ISO 8601; left out: what the server gives by itself). `page_size`, `max_pages`:
    bounds of one asking. `tally`: where the server says how many reports it has and when one was updated last
    (`ioc.tally`), asked with the same key. `properties` are added to those that every report has.
    """

    url: str
    form: Literal["json", "xml"] = "json"
    jurisdiction: str | None = None
    api_key: str | None = None
    statuses: dict[str, str] = msgspec.field(default_factory=lambda: {"open": "open", "closed": "closed"})
    since_param: str = "updated_after"
    overlap: float = 3600.0
    start: str | None = None
    page_size: int = 200
    max_pages: int = 200
    tally: TallyAt | None = None
    id: Path = "service_request_id"
    time: Path | None = Field(("updated_datetime", "requested_datetime"), "time", required=False)
    lon: Path | None = "long"
    lat: Path | None = "lat"
    place: Literal["required", "optional"] = "optional"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.start is not None:
            clock.parse(self.start)
        if self.tally is not None:
            self.tally.check(self.url)

    @property
    def carried(self) -> frozenset[str]:
        return frozenset({"status"}) | PROPERTIES.keys() | self.properties.keys()


class Open311(Adapter[GeoReport]):
    """Asks one GeoReport v2 server; its cursor is the newest updated_datetime that was taken."""

    Config = GeoReport

    def __init__(self, name: str, config: GeoReport) -> None:
        super().__init__(name, config)
        words = {word.casefold(): ours for word, ours in config.statuses.items()}
        status = Field("status", values={**words}, required=True)
        self._mapped = msgspec.structs.replace(config, properties={"status": status, **PROPERTIES, **config.properties})

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """The pages of one asking; the last holds the cursor.

        A page is the last when it is empty, shorter than the first, or only repeats (servers that know no pages do).
        """
        begin = cursor or self.config.start
        since = clock.parse(begin) if begin else None
        newest, known, length = since if cursor else None, set[str](), 0
        left, page = self.config.max_bytes, None
        for number in range(1, self.config.max_pages + 1):
            answer = await self._page(since, number, left)
            left -= len(answer.body)
            rows = await asyncio.to_thread(self._rows, answer)
            ids = {str(row.get("service_request_id")) for row in rows}
            repeats = number > 1 and ids <= known
            if page is not None and (repeats or not rows):
                break
            newest = max(filter(None, (newest, *map(self._moment, rows))), default=None)
            if page is not None:
                yield page
            page, known, length = (
                msgspec.structs.replace(answer, cursor=None, last=False),
                known | ids,
                length or len(rows),
            )
            if not rows or len(rows) < length:
                break
        else:
            where, most = host(self.config.url), self.config.max_pages
            raise Untaken(f"{where} has more than {most} pages; nothing was taken. Raise page_size or max_pages.")
        yield msgspec.structs.replace(page, last=True, cursor=clock.rfc3339(newest) if newest else None)

    async def _page(self, since: datetime | None, number: int, max_bytes: int) -> Answer:
        params = {"page": str(number), "page_size": str(self.config.page_size)} | self._key()
        if since is not None:
            wanted = since.astimezone(UTC) - timedelta(seconds=self.config.overlap)
            params[self.config.since_param] = wanted.strftime("%Y-%m-%dT%H:%M:%SZ")
        address = f"{self.config.url.rstrip('/')}/requests.{self.config.form}"
        return await fetch(address, params=params, max_bytes=max_bytes, timeout_s=self.config.timeout_s)

    def _key(self) -> dict[str, str]:
        given = {"jurisdiction_id": self.config.jurisdiction, "api_key": self.config.api_key}
        return {name: value for name, value in given.items() if value}

    @property
    def tallies(self) -> bool:
        return self.config.tally is not None

    async def tally(self) -> Tally | None:
        if self.config.tally is None:
            return None
        return await self.config.tally.ask(params=self._key(), timeout_s=self.config.timeout_s, zone=self.config.zone)

    def _moment(self, row: dict[str, Any]) -> datetime | None:
        """When a report was last updated, for the cursor; what can't be, or lies ahead of us, moves no cursor."""
        found = fields.first(row, ("updated_datetime", "requested_datetime"))
        try:
            when = fields.moment(found, "updated_datetime", None, ZoneInfo(self.config.zone))
        except BadRecord:
            return None
        return when if when <= clock.now() else None

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        return results(self._mapped, (bodies.Record(_folded(row), None, row) for row in self._rows(answer)))

    def _rows(self, answer: Answer) -> list[dict[str, Any]]:
        """The reports of a page, without what tells who filed them."""
        where = answer.name or self.name
        if answer.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            rows = self._xml_rows(bodies.load_xml(answer.body, where), where)
        else:
            rows = self._json_rows(bodies.load_json(answer.body, where), where)
        return [{name: value for name, value in row.items() if name not in PERSONAL} for row in rows]

    def _json_rows(self, value: Any, where: str) -> list[dict[str, Any]]:
        if isinstance(value, dict):
            if "errors" in value or "code" in value:
                value = value.get("errors", [value])
            else:
                value = value.get("service_requests", value.get("requests"))
        if not isinstance(value, list):
            raise Untaken(f"{where} sent no list of service requests; check that url is a GeoReport v2 address.")
        rows = [row.get("request", row) if isinstance(row, dict) else row for row in value]
        if rows and all(isinstance(row, dict) and "code" in row and "service_request_id" not in row for row in rows):
            self._told(rows[0].get("code"), rows[0].get("description"), where)
        return [row if isinstance(row, dict) else {"row": row} for row in rows]

    def _xml_rows(self, root: Element, where: str) -> list[dict[str, Any]]:
        if bodies.name(root) in ("error", "errors"):
            error = root if bodies.name(root) == "error" else next(iter(root), root)
            told = {bodies.name(part): (part.text or "").strip() for part in error}
            self._told(told.get("code"), told.get("description", error.text), where)
        if bodies.name(root) not in ("service_requests", "requests"):
            named = fields.shown(bodies.name(root))
            raise Untaken(f"{where} sent XML with the root {named}; check that url is a GeoReport v2 address.")
        return [{bodies.name(part): (part.text or "").strip() for part in row} for row in root]

    def _told(self, code: object, description: object, where: str) -> None:
        """Raise what a server says in the error form of GeoReport v2; the key is taken out should it echo it."""
        said = fields.shown(description if isinstance(description, str) else "nothing more")
        if self.config.api_key:
            said = said.replace(self.config.api_key, "…")
        if str(code).strip() in ("401", "403"):
            raise SourceRefused(f"{where} refused the key ({said}); ask its owner for a valid one, then restart.")
        raise Untaken(f"{where} answered with the error {fields.shown(code)} ({said}); see to it with its owner.")


def _folded(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its status word as `statuses` has it, whatever its case."""
    status = row.get("status")
    return {**row, "status": status.strip().casefold()} if isinstance(status, str) else row
