"""Camera registries: JSON, GeoJSON or KML, over http(s) or from a file, in pages or whole.

The form is seen by itself: an array of objects (or the array at `records`), a GeoJSON FeatureCollection, or KML.
Fields are mapped as in `ioc.mapping`; KML gives id, name, description, image, folder, style, when and data.…::

    [sources.cameras]
    adapter = "camera_registry"
    event = "ioc.camera.observed"
    complete = true
    url = "https://vms.example.vn/api/cameras"
    token = "$VMS_TOKEN"
    id = "id"
    lon = "longitude"
    lat = "latitude"
    volatile = ["image"]
    same_if = ["code", "name"]
    paging = {by = "page", size = 200}
    probe = {kind = "jpeg", path = "image_url", every = 60}
    tally = {url = "https://vms.example.vn/api/cameras/summary", count = "total", newest = "updated"}
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from ioc import bodies, clock, fields
from ioc.adapter import Adapter, Answer, Reading, fetch, host
from ioc.errors import BadRecord, SourceDown, Untaken
from ioc.event import digest
from ioc.mapping import Mapped, results
from ioc.probe import Probe, Prober
from ioc.tally import Keyed, TallyAt


class Paging(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a registry is asked in pages.

    `by`: page (numbers from `first`), offset (records to skip), next (the body names the next address at `next`).
    `param`, `size_param`: names of the query parameters (default: page or offset, and limit); `size`: records a page.
    `max_pages`: more than so many are refused, and nothing is taken.
    """

    by: Literal["page", "offset", "next"] = "page"
    param: str | None = None
    size_param: str = "limit"
    size: int = 200
    first: int = 1
    next: str = "next"
    max_pages: int = 100


class Registry(Mapped, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url`: address of the registry, or path of a file. `records`: where the array of records stands in a JSON object.

    `token`: sent as Bearer in `token_header`, or as it is in any other header. `params`: query parameters. `paging`,
    `probe`: see there. `same_if`: properties by which two entries are probably one camera listed twice; both get
    `maybe_same_as`, none is merged. `tally`: where the registry says how much it holds (`ioc.tally`); it is sent the
    same key. `max_bytes` counts all pages together.
    """

    url: str
    records: str = ""
    token: str | None = None
    token_header: str = "Authorization"  # noqa: S105 - the name of a header
    params: dict[str, str] = msgspec.field(default_factory=dict)
    paging: Paging | None = None
    probe: Probe | None = None
    same_if: tuple[str, ...] = ()
    tally: TallyAt | None = None
    max_bytes: int = 16 * 1024 * 1024

    def __post_init__(self) -> None:
        super().__post_init__()
        if stray := [name for name in self.same_if if name not in self.properties]:
            raise ValueError(f"same_if names {', '.join(stray)}, which properties do not map")
        if self.tally is not None:
            self.tally.check(self.url)


class _Entry(NamedTuple):
    result: Reading | BadRecord
    fields: dict[str, Any]


class CameraRegistry(Keyed, Adapter[Registry]):
    """Asks one registry; keeps its last body and the outcomes of its probes, when it probes."""

    Config = Registry

    def __init__(self, name: str, config: Registry) -> None:
        super().__init__(name, config)
        self.prober = Prober(config.probe) if config.probe else None
        self._last: Answer | None = None
        self._mark = digest(json.dumps(msgspec.to_builtins(config), sort_keys=True))

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """One answer: the whole registry. Its cursor holds the validators, and what the probes found."""
        known: dict[str, Any] = json.loads(cursor) if cursor else {}
        if known.get("settings") != self._mark:
            # other settings read the same bytes otherwise: "not modified" would hide that
            known = {"probes": known.get("probes")}
        if self.prober is not None and self._last is None:
            self.prober.restore(known.get("probes") or {})
            known.pop("etag", None)
            known.pop("modified", None)
        answer = await self._registry(known)
        if self.prober is None:
            yield msgspec.structs.replace(answer, cursor=self._cursor(answer))
            return
        if not answer.unchanged:
            self._last = answer
        assert self._last is not None
        entries = await asyncio.to_thread(lambda last: list(self._entries(last)), self._last)
        await self.prober.run(self._addresses(entries))
        about = {**self._last.about, "probes": dict(self.prober.outcomes)}
        yield msgspec.structs.replace(self._last, about=about, cursor=self._cursor(answer))

    def _cursor(self, answer: Answer) -> str:
        known = json.loads(answer.cursor) if answer.cursor else {}
        known = {name: known[name] for name in ("etag", "modified") if name in known} | {"settings": self._mark}
        if self.prober is not None:
            known["probes"] = self.prober.keep()
        return msgspec.json.encode(known).decode()

    async def _registry(self, known: dict[str, Any]) -> Answer:
        if urlsplit(self.config.url).scheme not in ("http", "https"):
            return await asyncio.to_thread(self._file, known)
        if self.config.paging is not None:
            return await self._pages(self.config.paging)
        marks = {name: known[name] for name in ("etag", "modified") if name in known}
        return await self._page(self.config.url, self.config.params, json.dumps(marks) if marks else None)

    async def _page(
        self, url: str, params: dict[str, str], validators: str | None, max_bytes: int | None = None
    ) -> Answer:
        return await fetch(
            url,
            params=params or None,
            headers=self.headers(),
            validators=validators,
            max_bytes=self.config.max_bytes if max_bytes is None else max_bytes,
            timeout_s=self.config.timeout_s,
        )

    def _file(self, known: dict[str, Any]) -> Answer:
        parts = urlsplit(self.config.url)
        path = Path(unquote(parts.path) if parts.scheme == "file" else self.config.url)
        try:
            told = path.stat()
            mark = f"{told.st_mtime_ns}-{told.st_size}"
            if known.get("modified") == mark:
                return Answer(b"", cursor=json.dumps({"modified": mark}), unchanged=True)
            with path.open("rb") as opened:
                body = opened.read(self.config.max_bytes + 1)
        except OSError as error:
            raise SourceDown(
                f"{path.name} can't be read ({type(error).__name__}); check the file and its rights."
            ) from None
        if len(body) > self.config.max_bytes:
            raise Untaken(
                f"{path.name} is larger than {self.config.max_bytes:,} bytes; raise max_bytes of this source."
            )
        return Answer(body, cursor=json.dumps({"modified": mark}), name=path.name)

    async def _pages(self, paging: Paging) -> Answer:
        """All pages as one answer, so that absence and twins are seen over the whole registry."""
        where, url, pages, taken, left = host(self.config.url), self.config.url, list[bytes](), 0, self.config.max_bytes
        params = dict(self.config.params)
        for number in range(paging.max_pages):
            if paging.by != "next":
                at = paging.first + number if paging.by == "page" else taken
                params |= {paging.param or paging.by: str(at), paging.size_param: str(paging.size)}
            answer = await self._page(url, params, None, left)
            body = answer.body.removeprefix(b"\xef\xbb\xbf")
            left -= len(body)
            loaded = await asyncio.to_thread(bodies.load_json, body, where)
            have = len(list(bodies.records(loaded, self.config.records, where)))
            if have and pages and body == pages[-1]:
                raise Untaken(f"{where} sends the same page again and again; correct the setting paging.")
            pages.append(body)
            taken += have
            following = fields.step(loaded, paging.next) if paging.by == "next" else None
            if (paging.by == "next" and not isinstance(following, str)) or (paging.by != "next" and not have):
                return Answer(b"[" + b",".join(pages) + b"]", name=where, about={"pages": len(pages)})
            if isinstance(following, str):
                url, params = self._following(url, following), {}
        raise Untaken(f"{where} has more than {paging.max_pages} pages; nothing was taken. Raise max_pages or size.")

    def _following(self, url: str, following: str) -> str:
        """The next page's address; the token goes to no other host."""
        found = urljoin(url, following)
        if urlsplit(found)[:2] != urlsplit(self.config.url)[:2]:
            raise Untaken(
                f"{host(url)} names a next page on another host; it is not followed, its owner must correct it."
            )
        return found

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        return [entry.result for entry in self._entries(answer)]

    def _entries(self, answer: Answer) -> list[_Entry]:
        records = list(self._records(answer))
        read = zip(results(self.config, records), records, strict=True)
        found = [_Entry(result, record.fields) for result, record in read]
        if self.config.same_if:
            found = _twins(found, self.config.same_if)
        probes = answer.about.get("probes")
        return [_probed(entry, probes) for entry in found] if probes is not None else found

    def _records(self, answer: Answer) -> Iterator[bodies.Record]:
        where, path = answer.name or self.name, self.config.records
        if answer.about.get("pages"):
            for page in bodies.load_json(answer.body, where):
                yield from bodies.records(page, path, where)
        elif answer.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            yield from bodies.kml_records(answer.body, where)
        else:
            yield from bodies.records(bodies.load_json(answer.body, where), path, where)

    def _addresses(self, entries: list[_Entry]) -> dict[str, str]:
        """The address to probe of each subject, where the record names one."""
        assert self.config.probe is not None
        found = {}
        for entry in entries:
            if isinstance(entry.result, Reading) and not entry.result.gone:
                address = fields.step(entry.fields, self.config.probe.path)
                if isinstance(address, str) and address.strip():
                    found[entry.result.subject] = address.strip()
        return found


def _twins(entries: list[_Entry], names: tuple[str, ...]) -> list[_Entry]:
    """Entries that share all the properties `names`, none empty, get the others' subjects as `maybe_same_as`."""
    alike: dict[str, set[str]] = {}
    keys: list[str | None] = []
    for entry in entries:
        told = [entry.result.properties.get(name) for name in names] if isinstance(entry.result, Reading) else [None]
        key = None if any(fields.empty(value) for value in told) else json.dumps(told, sort_keys=True)
        keys.append(key)
        if key is not None and isinstance(entry.result, Reading):
            alike.setdefault(key, set()).add(entry.result.subject)
    found = []
    for entry, key in zip(entries, keys, strict=True):
        others = sorted(alike.get(key or "", set()) - {getattr(entry.result, "subject", None)})
        if others and isinstance(entry.result, Reading):
            said = {**entry.result.properties, "maybe_same_as": others}
            entry = entry._replace(result=msgspec.structs.replace(entry.result, properties=said))
        found.append(entry)
    return found


def _probed(entry: _Entry, probes: dict[str, Any]) -> _Entry:
    """The entry with the probe's state, unless the registry itself already says something worse than live."""
    reading = entry.result
    outcome = probes.get(reading.subject) if isinstance(reading, Reading) else None
    if outcome is None or not isinstance(reading, Reading) or reading.properties.get("state") not in (None, "live"):
        return entry
    said = {**reading.properties, "state": outcome.state, "why": outcome.why}
    since = max(filter(None, (reading.time, outcome.since)), key=clock.aware, default=None)
    changed = msgspec.structs.replace(reading, properties=said, time=since, volatile=reading.volatile | {"why"})
    return entry._replace(result=changed)
