"""Sheets of the bridge as an agency sends them: a form, its template, and what people type into it."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from openpyxl import load_workbook

from ioc.bridge import template
from ioc.bridge.form import SHEET, Column, Form, rows_of
from ioc.duty import Due

OWNER = "Sở Nội vụ"
REPORTERS = ("Phòng Việc làm", "Trung tâm Dịch vụ việc làm", "Phường Tuy Hòa")
COLUMNS = (
    Column(name="value", head="Việc làm mới", kind="integer", required=True, min=0.0, max=5000.0),
    Column(name="share", head="Tỷ lệ nữ (%)", kind="number", min=0.0, max=100.0),
    Column(name="kind", head="Loại", kind="code", values=("TN", "XK")),
    Column(name="checked", head="Ngày rà soát", kind="date"),
    Column(name="note", head="Ghi chú", kind="text"),
)
DUE = Due(each="month", after=5, working=True)
FORM = Form("jobs", OWNER, "jobs_new", COLUMNS, rows_of({}, REPORTERS, OWNER), DUE)
GOOD: dict[str, Any] = {"B3": "2026-03", "C9": 120, "C10": 45, "C11": 7, "D9": 51.5, "E9": "TN", "F9": "31/03/2026"}
OPTIONS: dict[str, Any] = {
    "event": "ioc.indicator.measured",
    "indicator": "jobs_new",
    "signature": "none",
    "columns": [
        {"name": "value", "head": "Việc làm mới", "kind": "integer", "required": True, "min": 0, "max": 5000},
        {"name": "share", "head": "Tỷ lệ nữ (%)", "kind": "number", "min": 0, "max": 100},
        {"name": "kind", "head": "Loại", "kind": "code", "values": ["TN", "XK"]},
        {"name": "checked", "head": "Ngày rà soát", "kind": "date"},
        {"name": "note", "head": "Ghi chú", "kind": "text"},
    ],
}
"""The same form as settings of a source."""


def made(form: Form = FORM) -> bytes:
    return template.make(form, title="Việc làm mới", province="Phú Yên")


def filled(form: Form = FORM, body: bytes | None = None, **cells: Any) -> bytes:
    """The template with GOOD typed into it, and then `cells` (by address); None empties a cell."""
    book = load_workbook(io.BytesIO(body or made(form)))
    for place, value in {**GOOD, **cells}.items():
        book[SHEET][place] = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def repacked(body: bytes, **parts: bytes | None) -> bytes:
    """The package with parts put in or (None) taken out; a name's `__` stands for a slash, `_dot_` for a dot."""
    changed = {name.replace("__", "/").replace("_dot_", "."): part for name, part in parts.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in changed:
                new.writestr(name, old.read(name))
        for name, part in changed.items():
            if part is not None:
                new.writestr(name, part)
    return out.getvalue()


def part_of(body: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        return packed.read(name)
