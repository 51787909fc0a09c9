"""The answer to a sheet with bad cells: the same workbook, its bad cells marked, and a sheet that names each."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ioc.bridge.check import Bad
from ioc.bridge.form import ERRORS, SHEET

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

RED = "FFFF9999"
_ENTRY = "FFFFF8E1"
MOST_NAMED = 5_000
"""Errors that are named one by one."""


def written(book: Workbook, bad: Sequence[Bad]) -> bytes:
    """The workbook as XLSX, with the sheet of errors first; an earlier answer's marks are gone. It is not signed."""
    from openpyxl.styles import Font, PatternFill

    if ERRORS in book.sheetnames:
        del book[ERRORS]
    sheet = book[SHEET]
    for row in sheet.iter_rows():
        for cell in row:
            if cell.fill.fill_type == "solid" and cell.fill.fgColor.rgb == RED:
                cell.fill = PatternFill("solid", fgColor=_ENTRY)
    page = book.create_sheet(ERRORS, 0)
    page.column_dimensions["A"].width, page.column_dimensions["B"].width = 18, 60
    page.column_dimensions["C"].width = 70
    told = [("Ô", "Sai gì", "Cần ghi gì"), *((one.cell, one.wrong, one.write) for one in bad[:MOST_NAMED])]
    for number, line in enumerate(told, start=1):
        for at, text in enumerate(line, start=1):
            cell = page.cell(number, at)
            cell.value, cell.data_type = text, "s"
            cell.font = Font(bold=number == 1)
    for one in bad:
        if "!" not in one.cell:
            sheet[one.cell].fill = PatternFill("solid", fgColor=RED)
    book.active = 0
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()
