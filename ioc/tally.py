"""Where a source says how much it holds: a small JSON document on the web or in a folder, for an adapter's `tally`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from ioc import bodies, fields
from ioc.adapter import fetch, host
from ioc.errors import BadRecord, SourceDown, Untaken
from ioc.proof import Tally

MAX_BYTES = 64 * 1024
"""Bytes of such a document that are read at most."""


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`count`: where the number of a source's records stands in the document, `newest`: where the time of its newest
    change does (dots step into objects); one of them at least. `form`: of that time, as in `ioc.mapping`.
    """

    count: str | None = None
    newest: str | None = None
    form: str | None = None

    def __post_init__(self) -> None:
        if self.count is None and self.newest is None:
            raise ValueError('tally says neither count nor newest; write where one stands, such as count = "total"')

    def told(self, body: bytes, where: str, zone: str) -> Tally:
        """The tally in the document `body` of `where`; a time without an offset is a clock in `zone`. Raises
        SourceDown when it is no such document."""
        known = bodies.load_json(body, where)
        count, newest = (self._at(known, path, where) for path in (self.count, self.newest))
        try:
            return told(count, newest, form=self.form, zone=zone)
        except BadRecord as error:
            raise Untaken(f"{where} tells a tally that can't be read. {error.say}") from None

    @staticmethod
    def _at(body: Any, path: str | None, where: str) -> Any:
        found = None if path is None else fields.step(body, path)
        if found is fields.ABSENT:
            raise Untaken(f"{where} tells no {path} in its tally; correct the setting tally.")
        return found


class TallyAt(_Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url`: address of the document, on the source's own host."""

    url: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise ValueError("tally.url is no address; write http://… or https://…")

    def check(self, home: str) -> None:
        """Raises ValueError when the document lies elsewhere than the source at `home`: it would be sent its key."""
        if urlsplit(self.url)[:2] != urlsplit(home)[:2]:
            raise ValueError("tally.url is on another host than url, which must not see the key; write one on the same")

    async def ask(
        self,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        timeout_s: float,
        zone: str,
    ) -> Tally:
        """The source's tally. Raises SourceRefused and SourceDown as `ioc.adapter.fetch` does; a time without an
        offset is a clock in `zone`."""
        where = host(self.url)
        answer = await fetch(self.url, params=params, headers=headers, max_bytes=MAX_BYTES, timeout_s=timeout_s)
        return self.told(answer.body, where, zone)


class TallyIn(_Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`file`: the document's path in a sub-folder of the source's folder, where no list is looked for."""

    file: str

    def __post_init__(self) -> None:
        super().__post_init__()
        path = PurePath(self.file)
        if path.is_absolute() or ".." in path.parts or len(path.parts) < 2:
            raise ValueError('tally.file is a path in a sub-folder of folder; write one such as "tong/tong.json"')

    def read(self, folder: Path, zone: str) -> Tally:
        """What the document in `folder` says. Raises SourceDown when there is none, or it can't be read."""
        where = folder / self.file
        try:
            with where.open("rb") as file:
                body = file.read(MAX_BYTES + 1)
        except OSError as error:
            say = f"The control file {where} can't be read ({error.strerror}); ask the list's owner for it."
            raise SourceDown(say) from None
        if len(body) > MAX_BYTES:
            raise Untaken(f"The control file {where} is larger than {MAX_BYTES:,} bytes; it holds a count and a time.")
        return self.told(body, self.file, zone)


def told(count: Any, newest: Any, *, form: str | None = None, zone: str) -> Tally:
    """A tally out of what a source told; empty fields are None. Raises BadRecord when they are no count and no time."""
    number = None if fields.empty(count) else fields.integer(count, "count")
    moment = None if fields.empty(newest) else fields.moment(newest, "newest", form, ZoneInfo(zone))
    try:
        return Tally(number, moment)
    except ValueError as error:
        raise BadRecord(str(error), reason="bad_number") from None


class Tallying:
    """For an adapter whose config has `token`, `tally`, `timeout_s` and `zone`: what it asks with, and what the source
    says of itself. It stands before `Adapter` among the bases.
    """

    config: Any

    def headers(self) -> dict[str, str]:
        return {} if self.config.token is None else {"Authorization": f"Bearer {self.config.token}"}

    def params(self) -> Mapping[str, str] | None:
        """What stands in the query of each address."""
        return None

    @property
    def tallies(self) -> bool:
        return self.config.tally is not None

    async def tally(self) -> Tally | None:
        """Raises SourceRefused and SourceDown as `TallyAt.ask` does."""
        config, at = self.config, self.config.tally
        if at is None:
            return None
        told: Tally = await at.ask(
            headers=self.headers(), params=self.params(), timeout_s=config.timeout_s, zone=config.zone
        )
        return told


class Keyed(Tallying):
    """Where the config has `token_header` and `params` too."""

    def headers(self) -> dict[str, str]:
        if self.config.token is None:
            return {}
        bearer = self.config.token_header.lower() == "authorization"
        return {self.config.token_header: f"Bearer {self.config.token}" if bearer else self.config.token}

    def params(self) -> Mapping[str, str] | None:
        params: Mapping[str, str] | None = self.config.params
        return params
