"""A province's sharing platform (LGSP, NDOP, NGSP): its list of APIs behind OAuth2, and whether each of them answers.

Settings (TOML), beside what `ioc.rest` and `ioc.mapping` have::

    [sources.lgsp]
    adapter = "sharing_platform"
    event = "ioc.api.observed"
    complete = true
    url = "https://lgsp.example.vn"
    path = "/apim/v1/services"
    records = "data"
    grant = {address = "/oauth2/token", client_id = "$LGSP_ID", client_secret = "$LGSP_SECRET"}
    pages = {param = "page", size_param = "limit"}
    id = "ma"
    look = {path = "duong_dan"}
    [sources.lgsp.properties]
    name = "ten"
    owner = "co_quan"
    calls = {path = "so_lan_goi", kind = "integer"}
    failed = {path = "so_lan_loi", kind = "integer"}
    of = {path = "ngay", kind = "text"}

With `look` each reading has `state` beside its properties: live (2xx), refused (401, 403), down (anything else, and
silence), and `why` where it is not live. What is looked at lies below `url`: a list can't send us, or the token,
elsewhere. Without `look`, and mapped, it is a data service of the platform like any other, read record by record.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import msgspec

from ioc import bodies, fields
from ioc.adapter import Answer, Reading
from ioc.errors import BadRecord, SourceDown, SourceRefused, Untaken
from ioc.mapped_field import Path, as_field, value
from ioc.mapping import results
from ioc.rest import Rest, RestAdapter

MOST_BYTES = 256 * 1024
"""Bytes of what one API answers that are read when it is only looked at."""
Look = tuple[str, str | None]
"""How an API stands, and why."""


class At(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`path`: the field of an API's record that holds the path at which it is looked at. `most`: how many APIs are
    looked at in one asking at most; `together`: how many at one time; `timeout_s`: how long each may take."""

    path: Path
    most: int = 200
    together: int = 4
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        if self.most < 1 or self.together < 1:
            raise ValueError("look.most and look.together are 1 or more")


class Platform(Rest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`look`: whether and where each API is looked at (see `At`)."""

    look: At | None = None

    @property
    def carried(self) -> frozenset[str]:
        return frozenset(self.properties) | ({"state", "why"} if self.look else frozenset())


class SharingPlatform(RestAdapter[Platform]):
    """Asks one platform for its list, then looks at what the list names; all with one token."""

    Config = Platform

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """The pages of the list, each with what its APIs said (`about["looks"]`, by path)."""
        left = self.config.look.most if self.config.look else 0
        async for answer in super().ask(cursor):
            paths = self._paths(answer)
            left -= len(paths)
            if left < 0 and self.config.look is not None:
                say = f"{answer.name} lists more than {self.config.look.most} APIs to look at; nothing was taken."
                raise Untaken(f"{say} Raise look.most.")
            looks = await self._looks(paths)
            yield msgspec.structs.replace(answer, about={**answer.about, "looks": looks})

    def _paths(self, answer: Answer) -> list[str]:
        found = (self._path(row) for row in self.rows(answer))
        return list(dict.fromkeys(path for path in found if isinstance(path, str)))

    def _path(self, row: bodies.Record) -> str | BadRecord | None:
        """Where an API is looked at; None: nowhere."""
        if self.config.look is None:
            return None
        field = msgspec.structs.replace(as_field(self.config.look.path), kind="text")
        try:
            path = value(field, row.fields, at="look.path")
        except BadRecord as error:
            return error
        if path is None:
            return None
        if not str(path).startswith("/") or str(path).startswith("//") or ".." in str(path) or "\\" in str(path):
            say = f"Field {field.name} holds {fields.shown(path)}, which is no path below url; write one with / first."
            return BadRecord(say, reason="bad_type", field=field.name, at="look.path")
        return str(path)

    async def _looks(self, paths: list[str]) -> dict[str, Look]:
        if self.config.look is None or not paths:
            return {}
        few = asyncio.Semaphore(self.config.look.together)

        async def one(path: str) -> Look:
            async with few:
                return await self._look_at(path)

        return dict(zip(paths, await asyncio.gather(*map(one, paths)), strict=True))

    async def _look_at(self, path: str) -> Look:
        assert self.config.look is not None
        try:
            await self.get(path, {}, MOST_BYTES, self.config.look.timeout_s)
        except SourceRefused as error:
            return "refused", error.say
        except SourceDown as error:
            return "down", error.say
        return "live", None

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Each API of a page, with how it stood when it was looked at."""
        looks: dict[str, Look] = answer.about.get("looks", {})
        rows = list(self.rows(answer))
        for row, result in zip(rows, results(self.mapped, rows), strict=True):
            if self.config.look is None or isinstance(result, BadRecord) or result.gone:
                yield result
                continue
            path = self._path(row)
            if isinstance(path, BadRecord):
                yield path.of(row.raw, result.subject)
                continue
            state, why = looks.get(path or "", ("unknown", None))
            yield msgspec.structs.replace(result, properties={**result.properties, "state": state, "why": why})
