"""Where a source on the web says how much it holds: a small JSON document, by which an adapter answers `tally`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from ioc import bodies, fields
from ioc.adapter import fetch, host
from ioc.errors import BadRecord, Untaken
from ioc.proof import Tally

MAX_BYTES = 64 * 1024
"""Bytes of such a document that are read at most."""


class TallyAt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url`: address of the document, on the source's own host. `count`: where the number of its records stands in it,
    `newest`: where the time of its newest change does (dots step into objects); one of them at least. `form`: of that
    time, as in `ioc.mapping`.
    """

    url: str
    count: str | None = None
    newest: str | None = None
    form: str | None = None

    def __post_init__(self) -> None:
        if self.count is None and self.newest is None:
            raise ValueError('tally says neither count nor newest; write where one stands, such as count = "total"')
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
        body = bodies.load_json(answer.body, where)
        count, newest = (self._at(body, path, where) for path in (self.count, self.newest))
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


def told(count: Any, newest: Any, *, form: str | None = None, zone: str) -> Tally:
    """A tally out of what a source told; empty fields are None. Raises BadRecord when they are no count and no time."""
    number = None if fields.empty(count) else fields.integer(count, "count")
    moment = None if fields.empty(newest) else fields.moment(newest, "newest", form, ZoneInfo(zone))
    try:
        return Tally(number, moment)
    except ValueError as error:
        raise BadRecord(str(error), reason="bad_number") from None
