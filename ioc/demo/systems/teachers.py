"""The monthly sheet of teachers who are missing, which Quảng Nam's education department types, signs and drops.

It is the centre's own template (`ioc bridge template teachers`), filled in for the month that is over, with a row for
each of eighteen district offices; its signature lies beside it (`.p7s`). Every CORRECTED_S a sheet corrects one office,
and says why. Figures and people are invented.
"""

from __future__ import annotations

import io
import tomllib
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import msgspec

from ioc import clock
from ioc.bridge import template
from ioc.bridge.form import COLUMN, FIRST, OFFICER, PERIOD, REASON, SHEET, Column, Form, rows_of
from ioc.contract import Contract
from ioc.demo import authority, sheets
from ioc.demo.authority import Signer
from ioc.demo.systems import System

SOURCE = "teachers"
CORRECTED_S = 300.0
WRONG = 999
"""What the first office says on a sheet that must not be taken."""


class Teachers(System):
    breaks: ClassVar = {
        "unsigned": "The sheet comes without its signature.",
        "stranger": "The sheet is signed by somebody of another department.",
        "tampered": "A figure of the sheet was changed after it was signed.",
        "words": "A figure is written in words.",
    }
    shows: ClassVar = dict.fromkeys(breaks, "source")

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._dropped: tuple[int, str, frozenset[str]] | None = None
        self._number = 0

    async def begin(self) -> None:
        await self.keep()

    async def keep(self) -> None:
        """A sheet is dropped when it says something new."""
        mark = (int(self.world.age // CORRECTED_S), self.month, frozenset(self.broken))
        if mark == self._dropped:
            return
        self._dropped = mark
        self._number += 1
        name = f"giao-vien-{int(self.world.now.timestamp())}-{self._number}.xlsx"
        body = signed = self._sheet(WRONG if self.broken else None)
        if "tampered" in self.broken:
            signed = self._sheet(None)
        if "unsigned" not in self.broken:
            by = self._stranger if "stranger" in self.broken else self._officer
            sheets.drop(self.folder, f"{name}.p7s", authority.beside(signed, by))
        sheets.drop(self.folder, name, body)

    @property
    def month(self) -> str:
        """The month that is over."""
        first = self.world.now.astimezone(clock.ZONE).date().replace(day=1)
        return f"{first - timedelta(days=1):%Y-%m}"

    @cached_property
    def form(self) -> Form:
        """The sheet's form, as the settings of the province say."""
        part = Path(__file__).parents[1] / "modules" / self.world.plan.province / f"{self.name}.toml"
        told = tomllib.loads(part.read_text(encoding="utf-8"))["sources"][SOURCE]
        owes = msgspec.convert(told["contract"], Contract)
        columns = msgspec.convert(told["columns"], tuple[Column, ...])
        named = owes.reporters if isinstance(owes.reporters, tuple) else ()
        return Form(SOURCE, owes.owner, told["indicator"], columns, rows_of({}, named, owes.owner), owes.due)

    @cached_property
    def _template(self) -> bytes:
        return template.make(self.form, title="Giáo viên còn thiếu", province="Quảng Nam (dữ liệu mẫu)")

    @cached_property
    def _officer(self) -> Signer:
        return authority.officer("Nguyễn Thị Mẫu", self.form.owner)

    @cached_property
    def _stranger(self) -> Signer:
        return authority.officer("Trần Văn Mẫu", "Sở Nội vụ")

    def missing(self) -> list[int]:
        """Teachers that each office lacks now: it is counted again and again."""
        chance = Random(f"{self.world.seed}/teachers")
        found = [chance.randrange(30, 50) for _ in self.form.rows]
        for _ in range(int(self.world.age // CORRECTED_S)):
            office = chance.randrange(len(found))
            found[office] = max(0, found[office] + chance.choice((-4, -2, -1, 1, 2, 4)))
        return found

    def _sheet(self, wrong: int | None) -> bytes:
        """The template, filled in. `wrong`: what its first office says instead."""
        from openpyxl import load_workbook

        book = load_workbook(io.BytesIO(self._template))
        page = book[SHEET]
        page[PERIOD], page[OFFICER] = self.month, "Nguyễn Thị Mẫu"
        page[REASON] = "Rà soát lại định mức giáo viên" if self._number > 1 or self.world.age >= CORRECTED_S else None
        for row, value in enumerate(self.missing()):
            told: Any = wrong if wrong is not None and row == 0 else value
            page.cell(FIRST + row, COLUMN).value = "mười" if "words" in self.broken and row == 1 else told
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()
