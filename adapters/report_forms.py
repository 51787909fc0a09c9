"""Reports that every body owes for each period: who sent which form, when, and in which version.

Settings (TOML), beside what `ioc.rest` has::

    [sources.quarterly]
    adapter = "report_forms"
    event = "ioc.form.submitted"
    contract = {owner = "VPUBND tỉnh", due = {each = "quarter", after = 15}, reporters = {file = "bodies.csv", …}}
    url = "https://baocao.example.vn/api"
    path = "/submissions"
    records = "items"
    params = {form = "CDS-01"}
    since = {param = "updatedFrom", overlap = 3600}
    form = "CDS-01"
    reporter = "maDonVi"
    year = "nam"
    part = {path = "ky", values = {I = "Q1", II = "Q2", III = "Q3", IV = "Q4"}}
    time = "ngayGui"
    version = "phienBan"
    why = "lyDo"

One source is one form, for each form has its own calendar: `due` and `reporters` of its contract are the matrix of
agency × period, and the ledger says who is on time, late, missing or excused. A reading tells one version that one body
sent for one period, with the last moment at which it was on time (`due_at`, by the country's calendar) and how many
bodies owe that period (`owed`). Who is not on the list is set aside, and so is a period that the form has not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from ioc import bodies, clock, fields, ledger, retyped
from ioc.adapter import Answer, Reading
from ioc.contract import CALENDAR, Contract
from ioc.errors import BadConfig, BadRecord
from ioc.mapped_field import Field, Path, as_field, value
from ioc.mapping import read
from ioc.period import Period, period
from ioc.rest import Rest, RestAdapter


class Forms(Rest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`form`: code of the form, as screens show it. `reporter`: field of the body's code, as the list of `reporters`
    has it. `year`, `part`: fields of the period: 2026, and Q3, 09 or W37 (left out: the form is yearly). `version`:
    field of the version (1 is the first; None: not told), `why`: of the reason for a later one."""

    form: str
    reporter: Path
    year: Path
    part: Path | None = None
    version: Path | None = None
    why: Path | None = None
    id: Path = ()

    @property
    def carried(self) -> frozenset[str]:
        return frozenset(self.properties) | {"form", "reporter", "period", "version", "why", "due_at", "owed"}


class ReportForms(RestAdapter[Forms]):
    """Asks one report system for what was sent of one form."""

    Config = Forms

    def __init__(self, name: str, config: Forms) -> None:
        super().__init__(name, config)
        if config.time is None:
            raise BadConfig(f"Source {name} does not say when a report was sent; write time, the field of it.")
        parts = [config.reporter, config.year] + ([config.part] if config.part is not None else [])
        self.mapped = msgspec.structs.replace(config, id=tuple(as_field(part, "text") for part in parts))
        self._contract: Contract | None = None
        self._owing: dict[Period, frozenset[str]] = {}

    def owes(self, contract: Contract) -> None:
        if contract.due is None or contract.due.each == "stretch":
            say = f"Source {self.name} asks for reports, and its contract has no due of days, weeks, months or longer"
            raise BadConfig(f'{say}; write due = {{each = "quarter", after = 15}}, say.')
        self._contract = contract

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        for line, row in enumerate(self.rows(answer), start=1):
            try:
                if not isinstance(row.raw, dict):
                    say = "The record is no object; its owner must send objects with fields."
                    raise BadRecord(say, reason="bad_type", raw=row.raw)
                yield self._reading(row, line)
            except BadRecord as error:
                yield error.of(row.raw, error.subject)

    def _reading(self, row: bodies.Record, line: int) -> Reading:
        config, record = self.config, row.fields
        made = read(self.mapped, record, line=line)
        reporter, at = _told(config.reporter, record, "reporter"), self._period(record)
        subject = f"{config.form}/{reporter}/{at.text}"
        if made.time is None:
            name = as_field(config.time or ()).name
            say = f"Field {name} is empty; a report that was sent has a time."
            raise BadRecord(say, reason="bad_time", field=name, at="time", subject=subject)
        version = None if config.version is None else as_field(config.version)
        told = {
            "form": config.form,
            "reporter": reporter,
            "period": at.text,
            "version": 1 if version is None else value(_needed(version, "integer"), record, at="version"),
            "why": None if config.why is None else value(as_field(config.why, "text"), record, at="why"),
            **self._owed(reporter, at),
        }
        return msgspec.structs.replace(made, subject=subject, properties={**made.properties, **told})

    def _period(self, record: Mapping[str, Any]) -> Period:
        text = _told(self.config.year, record, "year")
        if self.config.part is not None:
            text = f"{text}-{_told(self.config.part, record, 'part')}"
        try:
            return period(text)
        except ValueError:
            say = f"The period {fields.shown(text)} is none; map part to Q1 to Q4, 01 to 12 or W01 to W53."
            raise BadRecord(say, reason="bad_time", field=as_field(self.config.year).name, at="part") from None

    def _owed(self, reporter: str, at: Period) -> dict[str, Any]:
        """When the period was due, and how many owe it. Raises BadRecord for a stranger, or another kind of period."""
        if self._contract is None or self._contract.due is None:
            return {"due_at": None, "owed": None}
        due = self._contract.due
        if due.meant(at) != at:
            say = f"The period {at.text} is none of this form, which is due for each {due.each}; correct part, or due."
            raise BadRecord(say, reason="bad_time", field=as_field(self.config.year).name, at="part")
        if at not in self._owing:
            self._owing[at] = frozenset(ledger.expected(self._contract, (), at))
        owing = self._owing[at]
        listed = self._contract.reporters and self._contract.reporters != "units"
        if listed and reporter not in owing:
            name = as_field(self.config.reporter).name
            say = f"Field {name} holds {fields.shown(reporter)}, which is not on the list of reporters for {at.text}"
            raise BadRecord(
                f"{say}; correct the list, or ask who sent it.", reason="unknown_code", field=name,
                code=retyped.code(reporter), at="reporter",
            )  # fmt: skip
        return {"due_at": clock.rfc3339(due.at(at, CALENDAR)), "owed": len(owing) if listed else None}


def _needed(field: Field, kind: Literal["text", "integer"]) -> Field:
    return msgspec.structs.replace(field, kind=kind, required=True)


def _told(path: Path, record: Mapping[str, Any], at: str) -> str:
    return str(value(_needed(as_field(path), "text"), record, at=at))
