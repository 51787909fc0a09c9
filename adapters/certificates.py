"""The export of a certification authority: which certificates there are, of what kind, and until when they are valid.

Settings (TOML)::

    [sources.certificates]
    adapter = "certificates"
    event = "ioc.certificate.listed"
    complete = true
    url = "https://ca.example.vn/export/chung-thu.xlsx"   # or a path; CSV or XLSX
    shape = {header = 3}
    serial = "Số hiệu"
    kind = {path = "Loại", values = {TC = "Tổ chức", CN = "Cá nhân"}}
    until = {path = "Hết hạn", form = "%d/%m/%Y"}         # a date counts until its end
    state = {path = "Trạng thái", values = {"1" = "valid", "2" = "suspended", "3" = "revoked"}}
    agency = "Đơn vị"

Whom a certificate names does not leave this file: only these columns are read, a serial becomes a digest, and what is
set aside is told by its row and column, never by what stands there (in a row that slipped, it may be a name).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import datetime, time, timedelta
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ioc import clock
from ioc.adapter import Adapter, AdapterConfig, Answer, Reading, export
from ioc.errors import BadRecord, Untaken
from ioc.mapped_field import Field, Path, as_field, value
from ioc.sheets import Book, Shape
from ioc.tables import Row
from ioc.tally import TallyAt, Tallying


class Certificates(Tallying, Adapter["Certificates.Config"]):
    """Reads one export, whole, each time."""

    class Config(AdapterConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
        """`url`: the export, an address or a path. `shape`: how the table lies in it. `serial`, `kind`, `until`,
        `state`, `agency`: its columns, as `ioc.mapping` maps fields; `kind` and `state` name their codes. `zone`: of
        its dates. `token`: sent as a bearer. `tally`: where the authority says how many certificates it lists
        (`ioc.tally`), asked with the same token."""

        url: str
        serial: Path
        kind: Field
        until: Path
        state: Field | None = None
        agency: Path | None = None
        shape: Shape = Shape()
        zone: str = "Asia/Ho_Chi_Minh"
        token: str | None = None
        tally: TallyAt | None = None

        def __post_init__(self) -> None:
            if self.tally is not None:
                self.tally.check(self.url)
            for name, field in (("kind", self.kind), ("state", self.state)):
                if field is not None and not field.values:
                    raise ValueError(f"{name} has no values; write its codes and ours, so that no other text passes")

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        config = self.config
        answer = await export(
            config.url, headers=self.headers(), max_bytes=config.max_bytes, timeout_s=config.timeout_s
        )
        # asked whole each time: "not modified" would hide that other settings read the same rows otherwise
        yield msgspec.structs.replace(answer, cursor=None)

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Readings of all rows. Raises SourceDown when it is no table, or lacks a column."""
        where = answer.name or self.name
        table = Book(answer.body, where).table(self.config.shape)
        wanted = self._fields()
        lacking = [field.name for field in wanted.values() if not set(field.paths) & set(table.columns)]
        if lacking:
            say = f"{where} has no column {', '.join(lacking)}; ask its owner, then name the column as it is now."
            raise Untaken(say, lacking=tuple(lacking))
        return list(self._read(table.rows, wanted))

    def _fields(self) -> dict[str, Field]:
        config = self.config
        mapped: dict[str, Path | None] = {
            "serial": config.serial, "kind": config.kind, "until": config.until, "state": config.state,
            "agency": config.agency,
        }  # fmt: skip
        kinds = {"serial": "text", "until": "time", "agency": "text"}
        return {
            name: msgspec.structs.replace(
                as_field(path), kind=kinds.get(name, "plain"), required=name != "agency" or None
            )
            for name, path in mapped.items()
            if path is not None
        }

    def _read(self, rows: Iterable[Row | BadRecord], wanted: Mapping[str, Field]) -> Iterator[Reading | BadRecord]:
        for row in rows:
            if isinstance(row, BadRecord):
                # its text may hold a piece of the row
                say = "A row of the export can't be read; ask its owner for a whole one."
                yield BadRecord(say, reason=row.reason)
            else:
                yield self._certificate(row, wanted)

    def _certificate(self, row: Row, wanted: Mapping[str, Field]) -> Reading | BadRecord:
        subject: str | None = None
        found: dict[str, Any] = {}
        for name, field in wanted.items():
            try:
                found[name] = value(field, row.cells, self.config.zone, name)
            except BadRecord as bad:
                say = f"Row {row.line} has no {name} in column {field.name} that can be read; look at it in the export."
                return BadRecord(say, reason=bad.reason, subject=subject, field=field.name, at=name)
            if name == "serial":
                subject = blake2b(str(found[name]).encode(), digest_size=10).hexdigest()
        assert subject is not None
        said = {name: told for name, told in found.items() if name not in ("serial", "until")}
        return Reading(
            subject, {"state": "valid", **said, "until": clock.rfc3339(self._end(found["until"]))}, line=row.line
        )

    def _end(self, until: Any) -> datetime:
        """A date alone counts until its end."""
        moment = clock.aware(until, ZoneInfo(self.config.zone)) if isinstance(until, datetime) else clock.parse(until)
        local = moment.astimezone(ZoneInfo(self.config.zone))
        return local + timedelta(days=1) if local.time() == time() else local
