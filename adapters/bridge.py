"""The bridge: figures of a sector that is not connected, typed into a spreadsheet of ours, signed, dropped or uploaded.

`ioc bridge template SOURCE` makes the workbook; what comes back is checked cell by cell (see `ioc.bridge`)::

    [sources.jobs]
    adapter = "bridge"
    event = "ioc.indicator.measured"
    indicator = "jobs_new"
    folder = "/srv/ioc/drop/jobs"                  # and/or POST /api/bridge/jobs
    signature = "required"
    signers = ["/etc/ioc/authority.pem"]
    organisations = ["Sở Nội vụ"]
    retired_by = "labour"
    [[sources.jobs.columns]]
    name = "value"
    head = "Việc làm mới"
    kind = "integer"
    required = true
    min = 0
    [sources.jobs.contract]
    owner = "Sở Nội vụ"
    due = {each = "month", after = 5, working = true}
    valid_days = 40
    reporters = ["Phòng Lao động", "Trung tâm việc làm"]
    method = "typed"

Which files of the folder count as complete is told in `ioc.folder`; a detached signature `<name>.p7s` is dropped
before its file, or with it. A sheet that is refused goes to `set-aside/` with a `.txt` that says why and, when cells
are wrong, with the answer for the agency (`….tra-loi.xlsx`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Literal

import msgspec

from ioc import clock
from ioc.adapter import Adapter, AdapterConfig, Answer, Reading
from ioc.bridge import sheet
from ioc.bridge.authority import Authorities
from ioc.bridge.form import MOST_COLUMNS, MOST_ROWS, Column, Form, rows_of
from ioc.bridge.package import MAX_BYTES, too_large
from ioc.bridge.sheet import Sent, Turned
from ioc.contract import Contract
from ioc.errors import UNREASONED, BadConfig, BadRecord, SourceDown
from ioc.folder import ASIDE, DONE, Folder, Mark
from ioc.roll import Roll

P7S = ".p7s"
ANSWER = ".tra-loi.xlsx"


class Bridge(Adapter["Bridge.Config"]):
    """Takes the sheets that lie complete in a folder, oldest first, and those that the door hands to `parse`."""

    class Config(AdapterConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
        """`indicator`: what the figures are of. `columns`: of the sheet, at least one.

        Rows: `units`, names of communes by their code (the contract says `reporters = "units"`); else the contract's
        reporters by name; else one row for the owner. `folder`: where sheets are dropped (none: they are uploaded
        only); `settle_s`: seconds that a file must stand still there.

        `signature`: "required", inside the workbook or as a .p7s beside it, or "none". `signers`, `crls`: PEM files of
        the authorities that are believed, and of what they revoked. `organisations`: whose people may sign (O of the
        certificate); ["*"] opens it to all whom the authorities certify. `signed_days`: how old a signature
        may be. `retired_by`: a machine source; while it is live no sheet is taken. `reasons`: as of every adapter,
        here true when left out. `max_bytes`: of one file, 10 MB at most.
        """

        indicator: str
        columns: tuple[Column, ...]
        units: dict[str, str] = msgspec.field(default_factory=dict)
        folder: str | None = None
        settle_s: float = 2.0
        signature: Literal["required", "none"] = "required"
        signers: tuple[str, ...] = ()
        crls: tuple[str, ...] = ()
        organisations: tuple[str, ...] = ()
        signed_days: int = 30
        retired_by: str | None = None
        reasons: bool = True
        max_bytes: int = MAX_BYTES

        def __post_init__(self) -> None:
            named = [column.name for column in self.columns]
            heads = [column.head for column in self.columns]
            if not 1 <= len(named) <= MOST_COLUMNS or len(set(named)) < len(named) or len(set(heads)) < len(heads):
                raise ValueError(f"columns are 1 to {MOST_COLUMNS}, each with a name and a head of its own")
            if len(self.units) > MOST_ROWS or len(set(self.units.values())) < len(self.units):
                raise ValueError(f"units are at most {MOST_ROWS}, each with a name of its own")
            if self.signature == "required" and not self.signers:
                raise ValueError('signature is required, so write signers = ["authority.pem"], or signature = "none"')
            if self.signature == "required" and not self.organisations:
                raise ValueError('organisations says whose people may sign: write the agency, or ["*"] for anybody')
            if not 1 <= self.max_bytes <= MAX_BYTES:
                raise ValueError(f"max_bytes is 1 to {MAX_BYTES}")
            if self.complete:
                raise ValueError("complete is no setting of the bridge: a sheet tells one period; leave it out")

    form: Form

    def __init__(self, name: str, config: Config) -> None:
        super().__init__(name, config)
        signed = config.signature == "required"
        may = () if "*" in config.organisations else config.organisations
        self._authorities = Authorities(config.signers, config.crls, may, config.signed_days) if signed else None
        self._dropped = (
            Folder(Path(config.folder), settle_s=config.settle_s, markers=False, max_bytes=config.max_bytes)
            if config.folder is not None
            else None
        )

    def owes(self, contract: Contract) -> None:
        """Periods, rows and owner of the sheet are those of the contract. Raises BadConfig."""
        if (contract.reporters == "units") != bool(self.config.units):
            say = f'Source {self.name} needs both units and reporters = "units" in its contract, or neither.'
            raise BadConfig(say)
        if isinstance(contract.reporters, Roll):
            say = f"Source {self.name} is a bridge, whose rows are names or communes; write them out in reporters."
            raise BadConfig(say)
        named = contract.reporters if isinstance(contract.reporters, tuple) else ()
        rows = rows_of(self.config.units, named, contract.owner)
        config, alone = self.config, not contract.reporters
        self.form = Form(self.name, contract.owner, config.indicator, config.columns, rows, contract.due, alone)

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """Yields each complete sheet, with the signature beside it; raises SourceDown when the folder can't be used.

        What was committed and could not be moved is known by its mark, and moved now.
        """
        if self._dropped is None:
            return
        marks = msgspec.json.decode(cursor, type=list[Mark]) if cursor else []
        complete = await self._dropped.complete()
        for name in complete:
            coming = name + P7S not in complete and self._dropped.changed(name + P7S) is not None
            if name.lower().endswith(P7S) or coming:
                continue
            about = {"changed": self._dropped.changed(name), "at": clock.now()}
            if self._dropped.size(name) > self.config.max_bytes:
                yield Answer(b"", name=name, about={**about, "bad": too_large(name)})
                continue
            try:
                body, mark = await asyncio.to_thread(self._dropped.read, name)
                beside = await asyncio.to_thread(self._beside, name)
            except FileNotFoundError:
                continue
            except SourceDown as error:
                yield Answer(b"", name=name, about={**about, "bad": error.say})
                continue
            if mark in marks:
                await self._put_away(name, DONE, None, {})
                continue
            marks = [kept for kept in marks if self._dropped.changed(kept.name) == kept.changed] + [mark]
            told = msgspec.json.encode(marks).decode()
            yield Answer(body, cursor=told, name=name, about={**about, "signature": beside})

    def _beside(self, name: str) -> bytes | None:
        assert self._dropped is not None
        try:
            return self._dropped.read(name + P7S)[0]
        except FileNotFoundError:
            return None

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Readings of one sheet. Raises Turned (bad cells, all named) and SourceDown (anything else)."""
        if "bad" in answer.about:
            raise SourceDown(answer.about["bad"])
        return sheet.taken(self.form, self._sent(answer), self._authorities)

    @staticmethod
    def _sent(answer: Answer) -> Sent:
        at = answer.about.get("at") or clock.now()
        return Sent(answer.body, answer.name or "Tệp", answer.about.get("signature"), at)

    def turned(self, sent: Sent, *, reason: bool = False) -> Turned | None:
        """What goes back to the agency for a sheet that was not taken, when it is about cells; else None."""
        try:
            sheet.taken(self.form, sent, self._authorities)
        except Turned as turned:
            return turned
        except SourceDown:
            return None
        return sheet.without_reason(sent) if reason else None

    async def committed(self, answer: Answer, trouble: str | None) -> None:
        """Moves the sheet and its signature to `done/`, or to `set-aside/` with why, and the answer for the agency."""
        if self._dropped is None or self._dropped.changed(answer.name) != answer.about.get("changed"):
            return
        beside: dict[str, bytes] = {}
        if trouble and "bad" not in answer.about:
            unreasoned = trouble.startswith(UNREASONED)
            turned = await asyncio.to_thread(self.turned, self._sent(answer), reason=unreasoned)
            if turned is not None:
                beside[ANSWER] = turned.answer
        await self._put_away(answer.name, ASIDE if trouble else DONE, trouble, beside)

    async def _put_away(self, name: str, to: str, why: str | None, beside: dict[str, bytes]) -> None:
        assert self._dropped is not None
        await asyncio.to_thread(self._dropped.move, name, to, why, beside)
        if self._dropped.changed(name + P7S) is not None:
            await asyncio.to_thread(self._dropped.move, name + P7S, to, None)
