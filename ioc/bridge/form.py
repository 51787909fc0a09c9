"""What a sheet of the bridge holds: its columns, its rows, its period. The form's digest is the template's version."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import msgspec

from ioc import fields
from ioc.duty import Due
from ioc.event import digest

Kind = Literal["integer", "number", "text", "date", "code"]

LAYOUT = 1
"""Number of the layout below; a new one makes every older template old."""
SHEET, GUIDE, HIDDEN, ERRORS = "Số liệu", "Hướng dẫn", "_ioc", "Lỗi"
"""Names of the sheets: figures, instructions, the hidden one, and the one that names errors."""
PERIOD, REASON, OFFICER, DECISION = "B3", "B4", "B5", "B6"
"""Cells of the head: period, reason of a correction, who filled it in, number of the covering document."""
HEADS, FIRST, COLUMN = 8, 9, 3
"""Row of the column heads, first row of figures, and number of the settings' first column (A and B name the row)."""
MOST_ROWS, MOST_COLUMNS = 5_000, 50
MAX_TEXT = 500
"""Characters of one text cell at most."""
TAKEN = frozenset(
    {
        "indicator",
        "period",
        "reporter",
        "unit",
        "name",
        "why",
        "officer",
        "agency",
        "decision",
        "observed",
        "source",
        "method",
    }
)
"""Names of properties that the bridge itself gives; no column has them."""


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One column of a sheet. `name`: the property that it becomes; `head`: what stands over it, in Vietnamese.

    `kind`: integer, number, text, date (a day) or code (one of `values`). `required`: no cell of it may be empty.
    `min`, `max`: bounds of numbers, both included. `note`: a sentence for the instructions.
    """

    name: str
    head: str
    kind: Kind = "number"
    required: bool = False
    min: float | None = None
    max: float | None = None
    values: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if not self.name or self.name in TAKEN:
            raise ValueError(f"name is {self.name!r}, which the bridge itself gives or is empty; write another")
        if fields.clean(self.head) != self.head or not self.head:
            raise ValueError("head is empty, or has blanks around it; write what stands over the column")
        if (self.kind == "code") != bool(self.values):
            raise ValueError('values belong to kind = "code", which needs them; write both or none')
        if len(set(self.values)) < len(self.values) or any(fields.clean(one) != one or not one for one in self.values):
            raise ValueError("values has one twice, an empty one, or one with blanks around it; write each once")
        bounds = [bound for bound in (self.min, self.max) if bound is not None]
        if bounds and self.kind not in ("integer", "number"):
            raise ValueError("min and max are bounds of integers and numbers; leave them out here")
        if not all(map(math.isfinite, bounds)) or (len(bounds) == 2 and bounds[0] > bounds[1]):
            raise ValueError("min is larger than max, or one is no number; turn them round")


class Row(NamedTuple):
    """Who a row is about. `code`: of the commune, None for a reporter by name. `name`: as it stands in column B."""

    code: str | None
    name: str

    @property
    def key(self) -> str:
        return self.code if self.code is not None else self.name


class Form(msgspec.Struct, frozen=True):
    """All of one sheet. `due`: which periods are owed; None: a period is any that `ioc.period` reads.

    `alone`: the source tells by itself, in one row that names its owner.
    """

    source: str
    owner: str
    indicator: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    due: Due | None = None
    alone: bool = False

    @property
    def id(self) -> str:
        return f"ioc.bridge/{self.source}"

    @property
    def version(self) -> str:
        """Changes with anything that a filled-in sheet depends on."""
        told: list[Any] = [LAYOUT, self.source, self.owner, self.indicator, [list(row) for row in self.rows]]
        return digest(told, msgspec.to_builtins(self.columns), msgspec.to_builtins(self.due))[:12]

    @property
    def most_cells(self) -> int:
        """Cells of a workbook at most: some times what the template has, for what spreadsheets write beside it."""
        return 5_000 + 3 * len(self.rows) * (len(self.columns) + COLUMN)

    @property
    def example(self) -> str:
        """How a period is written."""
        each = self.due.each if self.due is not None else "month"
        if self.due is not None and each == "stretch":
            return f"2026-03-10T08:00:00/PT{self.due.seconds}S"
        if self.due is not None and (self.due.starts != 1 or each == "week" or self.due.month != 1):
            return "2026-03-15/2026-04-14" if each == "month" else "2026-03-02/2026-03-08"
        return {"day": "2026-03-10", "month": "2026-03", "quarter": "2026-Q1", "year": "2026"}[each]


def rows_of(units: dict[str, str], reporters: tuple[str, ...], owner: str) -> tuple[Row, ...]:
    """The rows: communes by code, else reporters by name, else the owner alone."""
    if units:
        return tuple(Row(code, fields.clean(name)) for code, name in units.items())
    return tuple(Row(None, fields.clean(name)) for name in reporters or (owner,))
