"""The workbook that an agency fills in. The same form gives the same cells; no cell holds a formula."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

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
)  # fmt: skip

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_INK, _PAPER, _ENTRY = "FFFFFFFF", "FF1F4E79", "FFFFF8E1"
_LIST_MOST = 250
"""Characters of a list that a validation holds itself; a longer one lies in the hidden sheet."""
_KINDS = {
    "integer": "số nguyên", "number": "số", "text": "chữ", "date": "ngày (dd/mm/yyyy)",
    "code": "một mã trong danh sách",
}  # fmt: skip


def make(form: Form, *, title: str, province: str) -> bytes:
    """The template of a form as XLSX. `title`, `province`: what stands at the top of it."""
    from openpyxl import Workbook
    from openpyxl.packaging.custom import StringProperty

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = SHEET
    _head(sheet, form, title, province)
    _table(sheet, form)
    _guide(book, form, title, province)
    hidden = _hidden(book, form)
    _validate(sheet, hidden, form)
    for page in (sheet, hidden, book[GUIDE]):
        page.protection.sheet = True
    sheet.protection.formatColumns = False
    properties: Any = book.custom_doc_props  # type: ignore[attr-defined]
    for name, value in (("ioc.template", form.id), ("ioc.version", form.version)):
        properties.append(StringProperty(name=name, value=value))
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()


def _put(sheet: Worksheet, place: str, text: str, *, bold: bool = False) -> None:
    """Text that stays text, whatever it begins with."""
    from openpyxl.styles import Font

    cell = sheet[place]
    cell.value, cell.data_type = text, "s"
    cell.font = Font(bold=bold)


def _head(sheet: Worksheet, form: Form, title: str, province: str) -> None:
    from openpyxl.styles import PatternFill, Protection

    _put(sheet, "A1", title, bold=True)
    _put(sheet, "A2", f"{province} · {form.owner}" if province else form.owner)
    asked = {
        PERIOD: ("Kỳ báo cáo", f"Ghi như {form.example}"),
        REASON: ("Lý do điều chỉnh", "Chỉ ghi khi sửa số liệu đã gửi của kỳ này"),
        OFFICER: ("Người lập", "Họ và tên"),
        DECISION: ("Số văn bản", "Nếu có"),
    }
    for place, (name, hint) in asked.items():
        _put(sheet, f"A{place[1:]}", name, bold=True)
        _put(sheet, f"C{place[1:]}", hint)
        sheet[place].number_format = "@"
        sheet[place].fill = PatternFill("solid", fgColor=_ENTRY)
        sheet[place].protection = Protection(locked=False)


def _table(sheet: Worksheet, form: Form) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill, Protection
    from openpyxl.utils import get_column_letter

    first = "Mã" if form.rows[0].code is not None else "STT"
    for number, head in enumerate([first, "Đơn vị", *(column.head for column in form.columns)], start=1):
        cell = sheet.cell(HEADS, number)
        cell.value, cell.data_type = head, "s"
        cell.font = Font(bold=True, color=_INK)
        cell.fill = PatternFill("solid", fgColor=_PAPER)
        cell.alignment = Alignment(wrap_text=True, vertical="center")
        sheet.column_dimensions[get_column_letter(number)].width = {1: 18, 2: 34}.get(number, 18)
    entry, free = PatternFill("solid", fgColor=_ENTRY), Protection(locked=False)
    for at, row in enumerate(form.rows):
        _put(sheet, f"A{FIRST + at}", row.code or str(at + 1))
        _put(sheet, f"B{FIRST + at}", row.name)
        sheet[f"A{FIRST + at}"].number_format = "@"
        for number, column in enumerate(form.columns, start=COLUMN):
            cell = sheet.cell(FIRST + at, number)
            cell.fill, cell.protection = entry, free
            cell.number_format = {"text": "@", "code": "@", "date": "dd/mm/yyyy", "integer": "0"}.get(
                column.kind, "General"
            )
    sheet.freeze_panes = sheet.cell(FIRST, COLUMN).coordinate


def _guide(book: Workbook, form: Form, title: str, province: str) -> None:
    page = book.create_sheet(GUIDE)
    page.column_dimensions["A"].width = 110
    lines = [
        f"{title} · {province}" if province else title,
        f"1. Ghi kỳ báo cáo vào ô {PERIOD} của trang “{SHEET}”, ví dụ {form.example}.",
        f"2. Điền các ô màu vàng. Không xóa, không thêm dòng hay cột; mỗi đơn vị một dòng ({len(form.rows)} dòng).",
        "3. Chỉ gõ giá trị, không dùng công thức. Số thập phân gõ là số, không gõ là chữ.",
        f"4. Khi sửa số liệu đã gửi của một kỳ, ghi lý do vào ô {REASON}.",
        f"5. Ký số (nếu được yêu cầu) rồi gửi. Tệp có ô sai được trả lại kèm trang “{ERRORS}” nêu từng ô.",
        "Các cột:",
        *(f"– {column.head}: {described(column)}" for column in form.columns),
    ]
    for number, line in enumerate(lines, start=1):
        _put(page, f"A{number}", line, bold=number == 1)


def described(column: Column) -> str:
    """What a column takes, in Vietnamese."""
    said = [_KINDS[column.kind], "bắt buộc" if column.required else "có thể để trống"]
    if column.min is not None:
        said.append(f"từ {column.min:g}")
    if column.max is not None:
        said.append(f"đến {column.max:g}")
    if column.values:
        said.append("gồm " + ", ".join(column.values[:30]) + (", …" if len(column.values) > 30 else ""))
    return "; ".join(said) + "." + (f" {column.note}" if column.note else "")


def _hidden(book: Workbook, form: Form) -> Worksheet:
    page: Worksheet = book.create_sheet(HIDDEN)
    page.sheet_state = "veryHidden"
    for number, (name, value) in enumerate((("template", form.id), ("version", form.version)), start=1):
        _put(page, f"A{number}", name)
        _put(page, f"B{number}", value)
    return page


def _validate(sheet: Worksheet, hidden: Worksheet, form: Form) -> None:
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    last = FIRST + len(form.rows) - 1
    for number, column in enumerate(form.columns, start=COLUMN):
        letter = get_column_letter(number)
        rule = DataValidation(allow_blank=not column.required, showErrorMessage=True, showInputMessage=True)
        rule.errorTitle, rule.error = "Sai giá trị", described(column)[:220]
        rule.promptTitle, rule.prompt = column.head[:32], described(column)[:220]
        if column.kind in ("integer", "number"):
            low = column.min if column.min is not None else -1e15
            high = column.max if column.max is not None else 1e15
            rule.type, rule.operator = ("whole" if column.kind == "integer" else "decimal"), "between"
            rule.formula1, rule.formula2 = f"{low:.15g}", f"{high:.15g}"
        elif column.kind == "code":
            rule.type = "list"
            rule.formula1 = _listed(hidden, letter, column)
        elif column.kind == "date":
            rule.type, rule.operator, rule.formula1 = "date", "greaterThan", "36526"
        else:
            rule.type, rule.operator, rule.formula1 = "textLength", "lessThanOrEqual", str(MAX_TEXT)
        sheet.add_data_validation(rule)
        rule.add(f"{letter}{FIRST}:{letter}{last}")


def _listed(hidden: Worksheet, letter: str, column: Column) -> str:
    """The values of a code column: in the rule itself, or in a column of the hidden sheet that it names."""
    told = ",".join(column.values)
    if len(told) <= _LIST_MOST and not any(sign in value for value in column.values for sign in ',"'):
        return f'"{told}"'
    for number, value in enumerate(column.values, start=1):
        _put(hidden, f"{letter}{number}", value)
    return f"'{HIDDEN}'!${letter}$1:${letter}${len(column.values)}"
