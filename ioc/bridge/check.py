"""A filled-in sheet, cell by cell: what it tells, and every cell that is wrong. What people read is in Vietnamese."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ioc import clock, fields
from ioc.bridge.form import (
    COLUMN,
    DECISION,
    ERRORS,
    FIRST,
    GUIDE,
    HEADS,
    HIDDEN,
    MAX_TEXT,
    OFFICER,
    PERIOD,
    REASON,
    SHEET,
    Column,
    Form,
    Row,
)  # fmt: skip
from ioc.bridge.package import Package
from ioc.bridge.template import described
from ioc.errors import BadRecord, SourceDown
from ioc.period import Period, period

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

LARGEST = 1e15
"""Numbers beyond it lose digits in a spreadsheet."""
EARLIEST = 2000
"""The first year of a day that is told."""
MOST_GRID = 400_000
"""Cells of one sheet's grid, the empty ones between counted."""
_NOTHING = "Để trống ô này."


class Bad(NamedTuple):
    """One cell that is wrong: its address (with the sheet's name where it is not the first sheet), what is wrong, and
    what to write."""

    cell: str
    wrong: str
    write: str

    @property
    def say(self) -> str:
        return f"{self.wrong} {self.write}"


class Told(NamedTuple):
    """What a sheet tells. `rows`: who, and the values by the columns' names; cells left empty are not in it."""

    period: Period
    reason: str | None
    officer: str | None
    decision: str | None
    rows: list[tuple[Row, dict[str, Any]]]


def opened(package: Package, name: str) -> Workbook:
    """The workbook. Raises SourceDown when it can't be read, or its grid is far larger than a form."""
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(package.body), keep_links=False)
    except Exception as error:
        # a reader of somebody else's file may fail in any way
        say = f"{name} không đọc được ({type(error).__name__}); mở tệp, lưu lại thành XLSX rồi gửi lại."
        raise SourceDown(say) from None
    for page in book.worksheets:
        if page.max_row * page.max_column > MOST_GRID:
            raise SourceDown(f"{name} có ô ở quá xa bảng (trang {page.title[:40]}); xóa dòng, cột trống rồi gửi lại.")
    return book


def of_form(book: Workbook, form: Form, name: str) -> None:
    """Raises SourceDown unless the workbook was made from the present template of this source."""
    if HIDDEN not in book.sheetnames or SHEET not in book.sheetnames:
        raise SourceDown(f"{name} không phải là biểu mẫu của hệ thống. {where(form)}")
    hidden = book[HIDDEN]
    told = {str(hidden[f"A{row}"].value): hidden[f"B{row}"].value for row in (1, 2)}
    if told.get("template") != form.id:
        raise SourceDown(f"{name} là biểu mẫu của nguồn khác, không phải của {form.source}. {where(form)}")
    if told.get("version") != form.version:
        raise SourceDown(f"{name} là biểu mẫu cũ, nay đã thay bằng bản {form.version}. {where(form)}")


def where(form: Form) -> str:
    """Where the present template is to be had."""
    return f"Tải bản hiện hành tại /api/bridge/{form.source}, hoặc chạy: ioc bridge template {form.source}."


def read(book: Workbook, form: Form, now: datetime) -> tuple[Told | None, list[Bad]]:
    """What the sheet tells, and all that is wrong with it, by place; what it tells is None when anything is."""
    sheet = book[SHEET]
    bad = {one.cell: one for one in _formulas(book)}
    strange = [name for name in book.sheetnames if name not in (SHEET, GUIDE, HIDDEN, ERRORS)]
    found = [Bad(f"{name}!A1", "Trang này không có trong biểu mẫu.", "Xóa trang này.") for name in strange]
    at, wrong = _period(sheet[PERIOD].value, form, now)
    texts: dict[str, str | None] = {}
    for place in (REASON, OFFICER, DECISION):
        texts[place], trouble = _text(sheet[place].value, place)
        found += trouble
    rows, more = _rows(sheet, form)
    for one in [*wrong, *found, *_heads(sheet, form), *more]:
        bad.setdefault(one.cell, one)
    if bad or at is None:
        return None, sorted(bad.values(), key=_place)
    return Told(at, texts[REASON], texts[OFFICER], texts[DECISION], rows), []


def _place(one: Bad) -> tuple[str, int, int]:
    """By sheet, row and column; the figures first."""
    from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

    page, _, cell = one.cell.rpartition("!")
    letters, row = coordinate_from_string(cell)
    return page, row, column_index_from_string(letters)


def _formulas(book: Workbook) -> Iterator[Bad]:
    for page in book.worksheets:
        for row in page.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    place = cell.coordinate if page.title == SHEET else f"{page.title}!{cell.coordinate}"
                    yield Bad(place, "Ô này chứa công thức.", "Chỉ gõ giá trị, không dùng công thức.")


def _period(value: Any, form: Form, now: datetime) -> tuple[Period | None, list[Bad]]:
    write = f"Ghi kỳ báo cáo như {form.example}."
    if fields.empty(value):
        return None, [Bad(PERIOD, "Chưa ghi kỳ báo cáo.", write)]
    try:
        if isinstance(value, datetime):
            at = form.due.period(value.date()) if form.due is not None else period(value.date().isoformat())
        else:
            at = period(fields.text(value, "period"))
    except (ValueError, BadRecord):
        return None, [Bad(PERIOD, f"Kỳ báo cáo {fields.shown(value)} không đọc được.", write)]
    if form.due is not None and form.due.period(at.last) != at:
        return None, [Bad(PERIOD, f"{at.text} không phải là một kỳ báo cáo của nguồn này.", write)]
    if at.first > now.astimezone(clock.ZONE).date():
        return None, [Bad(PERIOD, f"Kỳ {at.text} chưa bắt đầu.", write)]
    return at, []


def _text(value: Any, place: str) -> tuple[str | None, list[Bad]]:
    if fields.empty(value):
        return None, []
    try:
        said = fields.text(value, place)
    except BadRecord:
        return None, [Bad(place, "Ô này không phải là chữ.", "Gõ lại bằng chữ, hoặc để trống.")]
    if len(said) > MAX_TEXT:
        return None, [Bad(place, f"Ô này dài quá {MAX_TEXT} ký tự.", "Viết ngắn lại.")]
    return said, []


def _heads(sheet: Worksheet, form: Form) -> Iterator[Bad]:
    for number, column in enumerate(form.columns, start=COLUMN):
        cell = sheet.cell(HEADS, number)
        if not isinstance(cell.value, str) or fields.clean(cell.value) != column.head:
            yield Bad(cell.coordinate, "Đầu cột đã bị đổi.", f"Ghi lại “{column.head}”.")


def _rows(sheet: Worksheet, form: Form) -> tuple[list[tuple[Row, dict[str, Any]]], list[Bad]]:
    """The rows in the sheet's order, and what is wrong: whom they name, each cell, who is missing, what is beside."""
    known = {row.key: row for row in form.rows}
    rows: dict[str, tuple[Row, dict[str, Any]]] = {}
    bad: list[Bad] = []
    strangers: set[int] = set()
    width = COLUMN + len(form.columns) - 1
    for line in sheet.iter_rows(min_row=FIRST):
        if all(fields.empty(cell.value) for cell in line):
            continue
        number = int(line[0].row or 0)
        bad += [
            Bad(str(cell.coordinate), "Ô này nằm ngoài bảng.", _NOTHING)
            for cell in line[width:]
            if not fields.empty(cell.value)
        ]
        if all(fields.empty(cell.value) for cell in line[:width]):
            continue
        row, wrong = _who(sheet, number, known, rows)
        values, more = _values(sheet, number, form)
        bad += more
        if row is None:
            strangers.add(number)
            bad += wrong
            continue
        bad += wrong
        rows[row.key] = (row, values)
    for at, row in enumerate(form.rows, start=FIRST):
        # a row whose name was written over is told once, where it was written over
        if row.key not in rows and at not in strangers:
            told = f"Ghi lại dòng của {row.name}" + (f" (mã {row.code})." if row.code else ".")
            bad.append(Bad(f"B{at}", f"Thiếu dòng của {row.name}.", told))
    return [told for told in rows.values() if told[1]], bad


def _who(sheet: Worksheet, number: int, known: dict[str, Row], rows: dict[str, Any]) -> tuple[Row | None, list[Bad]]:
    """Whom a row is about, by its code, else by its name."""
    coded = next(iter(known.values())).code is not None
    place, other = (f"A{number}", f"B{number}") if coded else (f"B{number}", f"A{number}")
    try:
        key = fields.text(sheet[place].value, "key") if not fields.empty(sheet[place].value) else ""
    except BadRecord:
        key = ""
    what = "Mã" if coded else "Tên đơn vị"
    write = "Ghi lại đúng như biểu mẫu, không thêm dòng."
    if key not in known:
        return None, [Bad(place, f"{what} {fields.shown(key)} không có trong danh sách.", write)]
    if key in rows:
        return None, [Bad(place, f"{what} {fields.shown(key)} đã có ở dòng khác.", write)]
    row, name = known[key], sheet[other].value
    if coded and (not isinstance(name, str) or fields.clean(name) != row.name):
        return row, [Bad(other, f"Tên không khớp với mã {key}.", f"Ghi lại “{row.name}”.")]
    return row, []


def _values(sheet: Worksheet, number: int, form: Form) -> tuple[dict[str, Any], list[Bad]]:
    values: dict[str, Any] = {}
    bad: list[Bad] = []
    for at, column in enumerate(form.columns, start=COLUMN):
        cell = sheet.cell(number, at)
        if cell.data_type == "f":
            continue  # told already
        wrong = None
        if not fields.empty(cell.value):
            values[column.name], wrong = value(column, cell.value, cell.data_type)
        elif column.required:
            wrong = "Ô này bắt buộc phải có."
        if wrong is not None:
            bad.append(Bad(str(cell.coordinate), wrong, f"Ghi {described(column)}"))
    return values, bad


def value(column: Column, given: Any, kind: str = "") -> tuple[Any, str | None]:
    """A cell as its column reads it, and what is wrong with it (None: nothing). `kind`: "e": it is an error."""
    if kind == "e":
        return None, f"Ô này chứa lỗi {fields.shown(given)}."
    if column.kind in ("integer", "number"):
        return _number(column, given)
    if column.kind == "date":
        return _date(given)
    try:
        said = fields.text(given, column.name)
    except BadRecord:
        return None, f"{fields.shown(given)} không phải là chữ."
    if column.kind == "code":
        return (said, None) if said in column.values else (None, f"{fields.shown(said)} không có trong danh sách mã.")
    return (said, None) if len(said) <= MAX_TEXT else (None, f"Ô này dài quá {MAX_TEXT} ký tự.")


def _number(column: Column, given: Any) -> tuple[Any, str | None]:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None, f"{fields.shown(given)} không phải là số."
    if not math.isfinite(given) or abs(given) > LARGEST:
        return None, f"{fields.shown(given)} quá lớn."
    if column.kind == "integer" and given != int(given):
        return None, f"{given:g} không phải là số nguyên."
    if column.min is not None and given < column.min:
        return None, f"{given:g} nhỏ hơn {column.min:g}."
    if column.max is not None and given > column.max:
        return None, f"{given:g} lớn hơn {column.max:g}."
    whole = isinstance(given, int) or given.is_integer()
    return (int(given) if whole else float(given)), None


def _date(given: Any) -> tuple[Any, str | None]:
    found: date | None = None
    if isinstance(given, date):
        found = given.date() if isinstance(given, datetime) else given
    elif isinstance(given, str):
        for form in ("%d/%m/%Y", "%Y-%m-%d"):
            with suppress(ValueError):
                found = datetime.strptime(fields.clean(given), form).date()  # noqa: DTZ007 (a day)
    if found is None:
        return None, f"{fields.shown(given)} không phải là ngày."
    if not EARLIEST <= found.year < EARLIEST + 200:
        # a small number in a cell for days becomes a day of 1900
        return None, f"{found:%d/%m/%Y} không phải là ngày của số liệu."
    return found.isoformat(), None


def missing_reason() -> Bad:
    """The error of a correction without a reason."""
    return Bad(REASON, "Kỳ này đã có số liệu khác.", "Ghi lý do điều chỉnh.")
