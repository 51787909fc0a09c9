"""The sheets of the bridge: the template, each check of a cell, the answer, and what is no workbook of ours."""

from __future__ import annotations

import io
import resource
import zipfile
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from ioc.bridge import check, package, sheet
from ioc.bridge.answer import RED
from ioc.bridge.form import ERRORS, GUIDE, HIDDEN, PERIOD, REASON, SHEET, Column, Form, rows_of
from ioc.bridge.sheet import Sent, Turned
from ioc.duty import Due
from ioc.errors import SourceDown

from .sheets_of_agencies import COLUMNS, DUE, FORM, OWNER, REPORTERS, filled, made, part_of, repacked

NOW = datetime(2026, 4, 3, 2, 0, tzinfo=UTC)
MARCH = datetime(2026, 3, 1)  # noqa: DTZ001 (as spreadsheets have them)
VBA = b"\xd0\xcf\x11\xe0 a macro"


def take(body: bytes, form: Form = FORM, now: datetime = NOW) -> list[Any]:
    return sheet.taken(form, Sent(body, "viec-lam.xlsx", None, now), None)


def turned(body: bytes, form: Form = FORM, now: datetime = NOW) -> Turned:
    with pytest.raises(Turned) as found:
        take(body, form, now)
    return found.value


def refused(body: bytes, form: Form = FORM) -> str:
    with pytest.raises(SourceDown) as found:
        take(body, form)
    assert not isinstance(found.value, Turned)
    assert found.value.say.endswith((".", f"template {form.source}.")), found.value.say
    return found.value.say


def bad(body: bytes, form: Form = FORM, now: datetime = NOW) -> list[str]:
    return [one.cell for one in turned(body, form, now).errors]


def test_a_good_sheet_becomes_one_reading_for_each_row_and_is_visibly_typed() -> None:
    found = take(filled(B5="Lê Văn An", B6="12/BC-SNV", G9="  đủ  "))
    assert [one.subject for one in found] == [f"jobs_new/2026-03/{name}" for name in REPORTERS]
    assert found[0].properties == {
        "indicator": "jobs_new", "period": "2026-03", "reporter": "Phòng Việc làm", "officer": "Lê Văn An",
        "agency": OWNER, "decision": "12/BC-SNV", "value": 120, "share": 51.5, "kind": "TN",
        "checked": "2026-03-31", "note": "đủ",
    }  # fmt: skip
    assert {one.method for one in found} == {"typed"}
    assert {one.time.isoformat() for one in found} == {"2026-03-31T00:00:00+07:00"}
    assert "share" not in found[1].properties


def test_communes_are_told_by_their_code() -> None:
    form = Form(
        "jobs", OWNER, "jobs_new", COLUMNS, rows_of({"22015": "Phường Tuy Hòa", "22240": "Xã Hòa Xuân"}, (), "")
    )
    found = take(filled(form, C11=None), form)
    assert [(one.unit, one.properties["name"]) for one in found] == [
        ("22015", "Phường Tuy Hòa"),
        ("22240", "Xã Hòa Xuân"),
    ]
    assert all("reporter" not in one.properties for one in found)
    assert bad(filled(form, C11=None, B9="Xã Khác"), form) == ["B9"]
    assert bad(filled(form, C11=None, A9=99999), form) == ["A9"]


def test_a_source_that_tells_by_itself_has_one_row() -> None:
    form = Form("jobs", OWNER, "jobs_new", COLUMNS, rows_of({}, (), OWNER), DUE, True)
    (found,) = take(filled(form, C10=None, C11=None), form)
    assert found.subject == f"jobs_new/2026-03/{OWNER}" and "reporter" not in found.properties


def test_the_template_names_province_rows_and_columns_and_knows_itself() -> None:
    body = made()
    book = load_workbook(io.BytesIO(body))
    page = book[SHEET]
    assert [page[f"B{row}"].value for row in (9, 10, 11)] == list(REPORTERS)
    assert [page.cell(8, at).value for at in range(3, 8)] == [column.head for column in COLUMNS]
    assert "Phú Yên" in page["A2"].value and page["A3"].value == "Kỳ báo cáo"
    assert book[HIDDEN].sheet_state == "veryHidden" and book[HIDDEN].protection.sheet and page.protection.sheet
    assert not page["C9"].protection.locked and page["B9"].protection.locked
    assert (book[HIDDEN]["B1"].value, book[HIDDEN]["B2"].value) == (FORM.id, FORM.version)
    said = {one.name: one.value for one in book.custom_doc_props.props}  # type: ignore[attr-defined]
    assert said == {"ioc.template": FORM.id, "ioc.version": FORM.version}
    rules = {str(rule.sqref): rule.type for rule in page.data_validations.dataValidation}
    assert rules == {"C9:C11": "whole", "D9:D11": "decimal", "E9:E11": "list", "F9:F11": "date", "G9:G11": "textLength"}
    assert any("Ngày rà soát" in str(row[0].value) for row in book[GUIDE].iter_rows())
    assert b"<f>" not in b"".join(part_of(body, f"xl/worksheets/sheet{number}.xml") for number in (1, 2, 3))


def test_a_long_list_of_codes_lies_in_the_hidden_sheet() -> None:
    values = tuple(f"mã-{number:03}" for number in range(200))
    form = Form("jobs", OWNER, "jobs_new", (Column(name="k", head="Mã", kind="code", values=values),), FORM.rows, DUE)
    book = load_workbook(io.BytesIO(made(form)))
    assert book[SHEET].data_validations.dataValidation[0].formula1 == f"'{HIDDEN}'!$C$1:$C$200"
    assert book[HIDDEN]["C200"].value == "mã-199"
    assert take(filled(form, C9="mã-199", C10="mã-000", C11="mã-001", D9=None, E9=None, F9=None), form)


@pytest.mark.parametrize(
    "other",
    [
        {"columns": COLUMNS[:-1]}, {"rows": FORM.rows[:-1]}, {"due": Due(each="quarter")}, {"owner": "Sở khác"},
        {"indicator": "jobs_old"}, {"source": "other"},
    ],
)  # fmt: skip
def test_whatever_a_sheet_depends_on_makes_a_new_version(other: dict[str, Any]) -> None:
    assert msgspec.structs.replace(FORM, **other).version != FORM.version


def test_an_old_template_is_refused_and_told_where_the_new_one_is() -> None:
    old = msgspec.structs.replace(FORM, columns=COLUMNS[:-1])
    say = refused(filled(old))
    assert "biểu mẫu cũ" in say and "/api/bridge/jobs" in say and "ioc bridge template jobs" in say


def test_a_template_of_another_source_and_a_foreign_workbook_are_refused() -> None:
    assert "nguồn khác" in refused(filled(msgspec.structs.replace(FORM, source="beds")))
    book = load_workbook(io.BytesIO(filled()))
    del book[HIDDEN]
    out = io.BytesIO()
    book.save(out)
    assert "không phải là biểu mẫu" in refused(out.getvalue())


@pytest.mark.parametrize(
    ("cells", "wrong"),
    [
        ({"C9": "nhiều"}, ["C9"]), ({"C9": "120"}, ["C9"]), ({"C9": 1.5}, ["C9"]), ({"C9": -1}, ["C9"]),
        ({"C9": 5001}, ["C9"]), ({"C9": True}, ["C9"]), ({"C9": None}, ["C9"]), ({"C9": MARCH}, ["C9"]),
        ({"C9": "#REF!"}, ["C9"]), ({"C9": 1e20}, ["C9"]), ({"D9": 100.1}, ["D9"]), ({"D9": "50%"}, ["D9"]),
        ({"E9": "tn"}, ["E9"]), ({"E9": 4}, ["E9"]), ({"F9": "31/02/2026"}, ["F9"]), ({"F9": 12}, ["F9"]),
        ({"G9": "x" * 501}, ["G9"]), ({"C9": "=1+1"}, ["C9"]), ({"G11": '=HYPERLINK("http://x")'}, ["G11"]),
        ({"B3": None}, [PERIOD]), ({"B3": "tháng ba"}, [PERIOD]), ({"B3": "2026-05"}, [PERIOD]),
        ({"B3": "2026-Q1"}, [PERIOD]), ({"B3": "2026-03-02/2026-04-01"}, [PERIOD]), ({"B4": "x" * 501}, [REASON]),
        ({"B10": "Phòng Lạ"}, ["B10"]), ({"B10": None}, ["B10"]), ({"B10": REPORTERS[0]}, ["B10"]),
        ({"A10": None, "B10": None, "C10": None}, ["B10"]), ({"H9": 1}, ["H9"]), ({"K30": "x"}, ["K30"]),
        ({"B12": "Thêm", "C12": 3}, ["B12"]), ({"D8": "Tỷ lệ"}, ["D8"]),
        ({"C9": "x", "D10": -4, "F11": "y"}, ["C9", "D10", "F11"]),
    ],
)  # fmt: skip
def test_exactly_the_bad_cells_are_named(cells: dict[str, Any], wrong: list[str]) -> None:
    found = turned(filled(**cells))
    assert [one.cell for one in found.errors] == wrong
    for one in found.errors:
        assert one.wrong.endswith(".") and one.write.endswith(".")


def test_a_month_that_the_spreadsheet_took_for_a_day_is_read() -> None:
    assert take(filled(B3=MARCH))[0].properties["period"] == "2026-03"


def test_text_that_looks_like_a_formula_stays_text() -> None:
    body = filled()
    book = load_workbook(io.BytesIO(body))
    book[SHEET]["G9"].value, book[SHEET]["G9"].data_type = "=1+1", "s"
    book[SHEET]["C9"] = "nhiều"
    out = io.BytesIO()
    book.save(out)
    answered = load_workbook(io.BytesIO(turned(out.getvalue()).answer))
    assert answered[SHEET]["G9"].data_type == "s"
    assert all(cell.data_type != "f" for row in answered[ERRORS].iter_rows() for cell in row)


def test_formulas_of_other_sheets_and_sheets_that_were_added_are_named() -> None:
    book = load_workbook(io.BytesIO(filled()))
    book[GUIDE]["C3"] = "=A1"
    book.create_sheet("Nháp")
    out = io.BytesIO()
    book.save(out)
    assert set(bad(out.getvalue())) == {f"{GUIDE}!C3", "Nháp!A1"}


def test_the_answer_names_and_marks_exactly_the_bad_cells_and_goes_through_when_corrected() -> None:
    answer = turned(filled(C9="x", D10=-4, F11="y")).answer
    book = load_workbook(io.BytesIO(answer))
    assert book.sheetnames[0] == ERRORS
    lines = [[cell.value for cell in row] for row in book[ERRORS].iter_rows()]
    assert lines[0] == ["Ô", "Sai gì", "Cần ghi gì"] and [line[0] for line in lines[1:]] == ["C9", "D10", "F11"]
    assert all(all(line) for line in lines)
    marked = [cell.coordinate for row in book[SHEET].iter_rows() for cell in row if cell.fill.fgColor.rgb == RED]
    assert marked == ["C9", "D10", "F11"]
    half = turned(filled(body=answer, C9=120, D10=None, F11="y"))
    assert [one.cell for one in half.errors] == ["F11"]
    book = load_workbook(io.BytesIO(half.answer))
    marked = [cell.coordinate for row in book[SHEET].iter_rows() for cell in row if cell.fill.fgColor.rgb == RED]
    assert marked == ["F11"] and book.sheetnames.count(ERRORS) == 1
    assert len(take(filled(body=half.answer, F11=None))) == 3


def test_what_was_typed_stands_in_the_answer_and_not_in_the_sentence_that_screens_show() -> None:
    found = turned(filled(C9="Nguyễn Văn A 054012345678"))
    assert "0540" not in found.say and "C9" in found.say
    assert "Nguyễn" in found.errors[0].say


def test_a_day_of_a_running_month_is_not_told_in_the_future() -> None:
    now = datetime(2026, 3, 30, 2, 0, tzinfo=UTC)
    assert {one.time.isoformat() for one in take(filled(), now=now)} == {"2026-03-01T00:00:00+07:00"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "không phải là tệp XLSX"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 600, "XLS cũ"),
        (filled()[:3000], "bị hỏng"),
        (b"PK\x03\x04" + b"0" * 100, "bị hỏng"),
        (repacked(filled(), xl__vbaProject_dot_bin=VBA), "macro"),
        (repacked(filled(), xl__externalLinks__externalLink1_dot_xml=b"<a/>"), "liên kết ngoài"),
        (repacked(filled(), xl__embeddings__oleObject1_dot_bin=VBA), "đối tượng nhúng"),
        (repacked(filled(), xl__media__a_dot_zip=b"PK\x03\x04"), "tệp khác bên trong"),
        (repacked(filled(), xl__media__a_dot_png=b"\x89PNG"), "phần lạ"),
        (repacked(filled(), xl__workbook_dot_xml=None), "không phải XLSX"),
        (repacked(filled(), xl__theme__theme1_dot_xml=b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "không đọc được"),
        (repacked(filled(), xl__theme__theme1_dot_xml='<!DOCTYPE a><a/>'.encode("utf-16")), "không đọc được"),
        (repacked(filled(), xl__styles_dot_xml=None), "thiếu phần"),
        (repacked(filled(), **{f"xl__a{number}_dot_xml": b"<a/>" for number in range(250)}), "phình ra"),
        (
            repacked(
                filled(),
                xl__worksheets___rels__sheet1_dot_xml_dot_rels=(
                    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
                    b'<Relationship Id="r" Type="x" Target="http://x/" TargetMode="External"/></Relationships>'
                ),
            ),
            "liên kết ra ngoài",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_no_plain_workbook_is_refused_with_a_sentence(body: bytes, said: str) -> None:
    assert said in refused(body)


def test_a_macro_workbook_under_another_name_is_refused() -> None:
    types = part_of(filled(), "[Content_Types].xml").replace(
        package.SHEET_MAIN.encode(), b"application/vnd.ms-excel.sheet.macroEnabled.main+xml"
    )
    with zipfile.ZipFile(io.BytesIO(filled())) as old:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as new:
            for name in old.namelist():
                new.writestr(name, types if name == "[Content_Types].xml" else old.read(name))
    assert "macro" in refused(out.getvalue())


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bomb = repacked(filled(), xl__sharedStrings_dot_xml=b"<a>" + b" " * (400 * 1024 * 1024) + b"</a>")
    made_it = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(bomb) < package.MAX_BYTES
    assert "phình ra" in refused(bomb)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - made_it < 64 * 1024, before


def test_a_small_bomb_is_refused_for_its_ratio() -> None:
    body = repacked(filled(), xl__theme__theme2_dot_xml=b"<a>" + b" " * (20 * 1024 * 1024) + b"</a>")
    assert package.MAX_UNPACKED > 20 * 1024 * 1024
    assert "phình ra" in refused(body)


def test_a_bomb_that_lies_about_its_size_is_refused() -> None:
    body = bytearray(repacked(filled(), xl__sharedStrings_dot_xml=b" " * (100 * 1024 * 1024)))
    size, small = (100 * 1024 * 1024).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    assert size in body
    with pytest.raises(SourceDown):
        take(bytes(body.replace(size, small)))


def test_fifty_megabytes_are_refused_unread() -> None:
    assert "lớn hơn 10 MB" in refused(b"PK\x03\x04" + b"0" * (50 * 1024 * 1024))


def test_a_sheet_with_far_more_cells_than_its_form_is_refused_before_it_is_opened() -> None:
    body = filled()
    rows = "".join(f'<row r="{at}"><c r="A{at}"/><c r="B{at}"/></row>' for at in range(20, 5000))
    page = part_of(body, "xl/worksheets/sheet1.xml").replace(b"</sheetData>", f"{rows}</sheetData>".encode())
    assert "quá xa biểu mẫu" in refused(repacked(body, xl__worksheets__sheet1_dot_xml=page))


def test_cells_far_out_are_refused() -> None:
    body = filled()
    page = part_of(body, "xl/worksheets/sheet1.xml").replace(
        b"</sheetData>", b'<row r="5900"><c r="BZZ5900"><v>1</v></c></row></sheetData>'
    )
    refused(repacked(body, xl__worksheets__sheet1_dot_xml=page))


@given(
    value=st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=60),
        st.datetimes(), st.dates(), st.timedeltas(),
    ),
    column=st.sampled_from(COLUMNS),
)  # fmt: skip
@settings(max_examples=400)
def test_whatever_stands_in_a_cell_is_read_as_its_column_says_or_told(value: Any, column: Column) -> None:
    told, wrong = check.value(column, value)
    if wrong is not None:
        assert wrong.endswith(".") and "\n" not in wrong
        return
    assert msgspec.json.decode(msgspec.json.encode(told)) == told
    if column.kind in ("integer", "number"):
        assert type(told) in (int, float) and (column.min or 0) <= told <= (column.max or 0) and told == value
        assert column.kind == "number" or isinstance(told, int)
    elif column.kind == "date":
        assert datetime.fromisoformat(told)
    else:
        assert isinstance(told, str) and (not column.values or told in column.values)


@given(cells=st.dictionaries(st.sampled_from(["C9", "C10", "D9", "D11", "E10", "F9", "G11"]), st.sampled_from(
    [3, 60, 4000, -2, 2.5, "TN", "x", "01/02/2026", "=A1", True]
), max_size=4))  # fmt: skip
@settings(max_examples=40)
def test_what_is_named_is_what_the_columns_refuse_and_nothing_else(cells: dict[str, Any]) -> None:
    by_letter = dict(zip("CDEFG", COLUMNS, strict=True))
    wrong = {
        place for place, value in cells.items()
        if value == "=A1" or check.value(by_letter[place[0]], value)[1] is not None
    }  # fmt: skip
    body = filled(**cells)
    if wrong:
        assert set(bad(body)) == wrong
    else:
        assert len(take(body)) == 3


@pytest.mark.parametrize(
    "column",
    [
        {"name": "value", "head": ""}, {"name": "period", "head": "Kỳ"}, {"name": "a", "head": "A", "kind": "code"},
        {"name": "a", "head": "A", "values": ["x"]}, {"name": "a", "head": "A", "min": 2, "max": 1},
        {"name": "a", "head": "A", "kind": "text", "min": 2},
        {"name": "a", "head": "A", "kind": "code", "values": ["x", "x"]},
    ],
)  # fmt: skip
def test_columns_that_can_not_be_are_refused(column: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(column, Column)
