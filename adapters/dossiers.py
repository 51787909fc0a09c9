"""Dossiers of a province's one-stop system, in the form in which they are synced with the national portal.

Settings (TOML), beside what `ioc.rest` and `ioc.mapping` have::

    [sources.one_stop]
    adapter = "dossiers"
    event = "ioc.dossier.changed"
    url = "https://motcua.example.vn/api"
    path = "/DongBoHoSo"
    records = "result"
    grant = {address = "/token", client_id = "$ONESTOP_ID", client_secret = "$ONESTOP_SECRET"}
    pages = {param = "page", size_param = "size", size = 500}
    since = {param = "tuNgay", form = "%Y%m%d%H%M%S", overlap = 900}
    unit = "MaXa"
    levels = [
        {until = "2022-08-14", values = {3 = "partial", 4 = "full"}},
        {from = "2022-08-15", values = {mot_phan = "partial", toan_trinh = "full"}},
    ]

The fields have the portal's names (MaHoSo, TrangThaiHoSo, NgayTiepNhan, NgayHenTra, NgayTra, MucDo …, times as
yyyyMMddHHmmss) unless `id`, `time`, `state`, `level`, `times` or `properties` say otherwise. States are the ten of the
portal; `states` maps another system's own. The online level is read by the scheme of the day on which a dossier was
received (level 3 and 4 became một phần and toàn trình with decree 42/2022). An unknown state or level is set aside.

Who filed it never leaves here: of a record only the fields that are mapped are read, whatever is done with it, and
fields that are known to name people can't be mapped.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from ioc import bodies, clock, fields, retyped
from ioc.adapter import Answer, Reading
from ioc.errors import BadRecord
from ioc.mapped_field import Field, Path, as_field, value
from ioc.mapping import paths, read
from ioc.rest import Rest, RestAdapter

State = Literal[
    "new", "accepted", "refused", "processing", "more_papers", "payment", "withdrawn", "stopped", "done", "returned"
]
STATES: dict[str, State] = {
    "1": "new", "2": "accepted", "3": "refused", "4": "processing", "5": "more_papers", "6": "payment",
    "7": "withdrawn", "8": "stopped", "9": "done", "10": "returned",
}  # fmt: skip
"""Codes of the national portal."""
PERSONAL = frozenset(
    {"chuhoso", "nguoinop", "hoten", "tennguoinop", "sogiayto", "cccd", "cmnd", "socccd", "socmnd", "masothue",
     "email", "sodienthoai", "dienthoai", "diachi", "diachichuhoso", "ngaysinh", "madoituong", "tailieunop"}
)  # fmt: skip
"""Fields that name people or hold their papers: they can't be mapped."""
STAMP = "%Y%m%d%H%M%S"
TIMES: dict[str, Path] = {"received": "NgayTiepNhan", "due": "NgayHenTra", "ended": ("NgayTra", "NgayKetThucXuLy")}


class Scheme(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Online levels of a span of days. `from_` (written from), `until`: its first and last day; None: open there.
    `values`: the codes of those days, and what each is: full, partial, or none (not online)."""

    values: dict[str, Literal["full", "partial", "none"]]
    from_: date | None = msgspec.field(name="from", default=None)
    until: date | None = None

    def holds(self, day: date) -> bool:
        return (self.from_ is None or self.from_ <= day) and (self.until is None or day <= self.until)


SCHEMES = (
    Scheme(until=date(2022, 8, 14), values={"1": "none", "2": "none", "3": "partial", "4": "full"}),
    Scheme(from_=date(2022, 8, 15), values={"0": "none", "mot_phan": "partial", "toan_trinh": "full"}),
)
"""Before and since decree 42/2022/NĐ-CP, in force from 15 August 2022."""


class OneStop(Rest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`state`: field of the state, `states`: its codes and ours. `level`: field of the online level (None: not read),
    `levels`: its codes by the day of receipt. `times`: fields of `received`, `due` and `ended`, in `form`
    (strptime; None: ISO 8601). `properties` are added to `service`, `office` and those."""

    id: Path = "MaHoSo"
    time: Path | None = Field("NgayCapNhat", "time", form=STAMP)
    state: Path = "TrangThaiHoSo"
    states: dict[str, State] = msgspec.field(default_factory=lambda: dict(STATES))
    level: Path | None = Field("MucDo", "text", required=False)
    levels: tuple[Scheme, ...] = SCHEMES
    times: dict[Literal["received", "due", "ended"], Path] = msgspec.field(default_factory=dict)
    form: str | None = STAMP
    properties: dict[str, Path] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        mapped = [*paths(self), *(path for one in self.times.values() for path in as_field(one).paths)]
        if named := {path for path in mapped if PERSONAL.intersection(path.lower().split("."))}:
            raise ValueError(f"{', '.join(sorted(named))} names people, and must not leave the source; leave it out")

    @property
    def carried(self) -> frozenset[str]:
        return frozenset({"state", "level", "service", "office", *TIMES}) | self.properties.keys()


class DossierSystem(RestAdapter[OneStop]):
    """Asks one system for the dossiers that changed."""

    Config = OneStop

    def __init__(self, name: str, config: OneStop) -> None:
        super().__init__(name, config)
        known: dict[str, Any] = {**config.states}
        given: dict[str, Path] = {
            "state": msgspec.structs.replace(as_field(config.state), values=known, required=True),
            "service": Field("TenTTHC", "text", required=False),
            "office": Field(("DonViXuLy", "TenDonVi"), "text", required=False),
        }
        given_times: dict[str, Path] = {str(name): path for name, path in config.times.items()}
        for one, path in {**TIMES, **given_times}.items():
            told = as_field(path)
            # many are not ended yet, and some systems leave the field out then; a lost due date must not look well
            may = {"required": False} if one == "ended" else {}
            given[one] = msgspec.structs.replace(told, kind="time", form=told.form or config.form, **may)
        self.mapped = msgspec.structs.replace(config, properties={**given, **config.properties})
        self._level = None if config.level is None else msgspec.structs.replace(as_field(config.level), kind="text")
        self._read = paths(self.mapped) | (frozenset(self._level.paths) if self._level else frozenset())

    def rows(self, answer: Answer) -> Iterable[bodies.Record]:
        """The records of a page with the fields that are mapped, and nothing else of them."""
        for row in super().rows(answer):
            if not isinstance(row.raw, dict):
                yield bodies.Record({}, None, None)
                continue
            kept = {path: found for path in self._read if (found := fields.step(row.raw, path)) is not fields.ABSENT}
            yield bodies.Record(kept, None, kept)

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        for line, row in enumerate(self.rows(answer), start=1):
            try:
                yield self._reading(row, line)
            except BadRecord as error:
                yield error

    def _reading(self, row: bodies.Record, line: int) -> Reading:
        if row.raw is None:
            raise BadRecord("The record is no object; its owner must send objects with fields.", reason="bad_type")
        made = read(self.mapped, row.fields, line=line, raw=row.raw)
        if made.gone or self._level is None:
            return made
        try:
            level = self._online(row, made)
        except BadRecord as error:
            raise error.of(row.raw, made.subject) from None
        return msgspec.structs.replace(made, properties={**made.properties, "level": level})

    def _online(self, row: bodies.Record, made: Reading) -> str | None:
        """The online level by the scheme of the day of receipt; None: it was not filed online."""
        assert self._level is not None
        code = value(self._level, row.fields, at="level")
        if code is None:
            return None
        received = made.properties.get("received")
        at: datetime | None = clock.parse(received) if received else made.time
        day = (at or clock.now()).astimezone(ZoneInfo(self.config.zone)).date()
        scheme = next((scheme for scheme in self.config.levels if scheme.holds(day)), None)
        if scheme is None or code not in scheme.values:
            say = f"Field {self._level.name} holds {fields.shown(code)}, which is no online level of {day:%d/%m/%Y}"
            raise BadRecord(
                f"{say}; ask its owner, then add it to levels.", reason="unknown_code", field=self._level.name,
                code=retyped.code(code), at="levels",
            )  # fmt: skip
        return None if scheme.values[code] == "none" else scheme.values[code]
