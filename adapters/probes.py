"""Sites of a network that are asked themselves: WAN lines, video-conference points, portals, mail, a data centre.

Settings (TOML)::

    [sources.portals]
    adapter = "probes"
    event = "ioc.site.probed"
    url = "https://nms.example.vn/export/portals.csv"  # or a path; CSV, XLSX or JSON (`records`: where they stand)
    id = "code"
    address = "address"                       # host:port, tcp://, tls://, http:// or https://
    lon = "lng"
    lat = "lat"
    place = "optional"
    properties = {name = "name", used = {path = "used_percent", kind = "number"}}
    [sources.portals.reach]
    every = 60
    slow_ms = 2000
    networks = ["10.20.0.0/16"]               # networks that are not public and may be asked
    hosts = ["*.quangnam.gov.vn"]
    newest = '<pubDate>([^<]+)</pubDate>'     # the times of a portal's posts

A few sites may stand in the settings themselves: `sites = [{code = "mail", address = "tls://mail.example.vn:993"}]`.
The rest of the fields is told in `ioc.mapping`, how sites are asked in `ioc.reach`. Besides its properties a site gets
`result` (up, slow, down, never), `ms` and `why`, and as far as they are known `until` (the end of its certificate) and
`newest` (its newest post). A site that may not be asked is set aside.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import msgspec

from ioc import bodies, clock, mapped_field, mapping
from ioc.adapter import Adapter, Answer, Reading, export
from ioc.bodies import Record
from ioc.errors import BadRecord, Untaken
from ioc.mapped_field import as_field
from ioc.mapping import Mapped, results
from ioc.reach import Outcome, Reach, Sites
from ioc.sheets import Book, Shape
from ioc.tally import TallyAt, Tallying


class Probes(Tallying, Adapter["Probes.Config"]):
    """Reads the list of sites and asks each; the cursor holds what was found."""

    class Config(Mapped, frozen=True, forbid_unknown_fields=True, kw_only=True):
        """`url`: the list of sites, an address or a path; or `sites`: the list itself. `records`: where they stand in a
        JSON list; `shape`: how they lie in a table. `address`: the field with a site's address, which is not carried.
        `reach`: how sites are asked. `token`: sent as a bearer with the asking of the list. `tally`: where the owner of
        the list says how many sites there are (`ioc.tally`), asked with the same token."""

        url: str | None = None
        sites: tuple[dict[str, Any], ...] = ()
        records: str = ""
        shape: Shape = Shape()
        address: mapped_field.Path
        reach: Reach = Reach()
        token: str | None = None
        tally: TallyAt | None = None

        def __post_init__(self) -> None:
            super().__post_init__()
            if (self.url is None) == (not self.sites):
                raise ValueError("a list of sites stands at url or in sites; write one of them")
            if self.tally is not None:
                self.tally.check(self.url or "")

    def __init__(self, name: str, config: Config) -> None:
        super().__init__(name, config)
        self.sites = Sites(config.reach)
        self._restored = False

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """One answer: the whole list, with what was found of each site. Raises SourceDown when there is no list."""
        if not self._restored:
            self.sites.restore(json.loads(cursor) if cursor else {})
            self._restored = True
        answer = await self._list()
        records = await asyncio.to_thread(lambda: list(self._records(answer)))
        sites = self._sites(records)
        await self.sites.run({one.subject: at for one, at in sites if isinstance(one, Reading) and at is not None})
        found = dict(self.sites.outcomes)
        told = msgspec.json.encode(self.sites.keep()).decode()
        yield msgspec.structs.replace(answer, cursor=told, about={**answer.about, "found": found})

    async def _list(self) -> Answer:
        config = self.config
        if config.url is None:
            return Answer(msgspec.json.encode(config.sites), name=self.name)
        asked = await export(config.url, headers=self.headers(), max_bytes=config.max_bytes, timeout_s=config.timeout_s)
        return msgspec.structs.replace(asked, cursor=None)

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        found: dict[str, Outcome] = answer.about.get("found", {})
        records = list(self._records(answer))
        return [_with(result, found) for result, _ in self._sites(records)]

    def _records(self, answer: Answer) -> Iterator[Record]:
        """The sites of the list. Raises SourceDown when it is no list, or lacks a column that is mapped."""
        where = answer.name or self.name
        if self.config.url is None or answer.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{", b""):
            yield from bodies.records(bodies.load_json(answer.body, where), self.config.records, where)
            return
        table = Book(answer.body, answer.name).table(self.config.shape)
        wanted = mapping.paths(self.config) | frozenset(as_field(self.config.address).paths)
        if not wanted & set(table.columns):
            say = f"{where} has none of the columns that are mapped; check the address, or correct the mapping."
            raise Untaken(say)
        for row in table.rows:
            if isinstance(row, BadRecord):
                yield Record({}, None, row.raw)
            else:
                yield Record(dict(row.cells), None, dict(row.cells))

    def _sites(self, records: list[Record]) -> list[tuple[Reading | BadRecord, str | None]]:
        """Each site with its address; one without an address can't be asked, and is set aside."""
        field = msgspec.structs.replace(as_field(self.config.address, "text"), required=True)
        found: list[tuple[Reading | BadRecord, str | None]] = []
        for result, record in zip(results(self.config, records), records, strict=True):
            if isinstance(result, BadRecord) or result.gone:
                found.append((result, None))
                continue
            try:
                found.append((result, str(mapped_field.value(field, record.fields, self.config.zone, "address"))))
            except BadRecord as bad:
                found.append((bad.of(record.raw, result.subject), None))
        return found


def _with(result: Reading | BadRecord, found: dict[str, Outcome]) -> Reading | BadRecord:
    """The site with what was found of it."""
    if isinstance(result, BadRecord) or result.gone:
        return result
    outcome = found.get(result.subject, Outcome())
    if outcome.forbidden:
        say = f"This site may not be asked: {outcome.why}; correct the list, or the settings hosts and networks."
        return BadRecord(say, reason="forbidden_address", raw=result.properties, subject=result.subject)
    said: dict[str, Any] = {"result": outcome.result, "ms": outcome.ms, "why": outcome.why}
    times = {"until": outcome.until, "newest": outcome.newest}
    said |= {name: clock.rfc3339(at) for name, at in times.items() if at is not None}
    return msgspec.structs.replace(
        result, properties={**result.properties, **said}, volatile=result.volatile | {"ms", "why"}
    )
