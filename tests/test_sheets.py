"""Tables as people send them: titles, stacked headers, subtotals, every encoding; and files that mean harm."""

from __future__ import annotations

import io
import struct
import time
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.errors import BadRecord, SourceDown
from ioc.sheets import Book, Shape
from ioc.tables import Row


def xlsx(*rows: list[Any], sheet: str = "Bảng 1") -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for row in rows:
        page.append(row)
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()


def read(body: bytes, name: str = "bảng.csv", **shape: Any) -> tuple[list[str], list[Any]]:
    """Columns, and the cells of each row (a BadRecord's reason instead)."""
    table = Book(body, name).table(Shape(**shape))
    return table.columns, [row.reason if isinstance(row, BadRecord) else dict(row.cells) for row in table.rows]


def refused(body: bytes, name: str = "bảng.csv", **shape: Any) -> str:
    with pytest.raises(SourceDown) as caught:
        read(body, name, **shape)
    assert caught.value.say.endswith(".")
    return caught.value.say


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_delimiters_are_found_out(encoding: str, delimiter: str) -> None:
    lines = [["Xã", "Dân số"], ["Phường Phúc Xá", "3.359"], ["Nguyễn Trung Trực", "7.923"]]
    body = "\r\n".join(delimiter.join(line) for line in lines).encode(encoding)
    columns, rows = read(body)
    assert columns == ["Xã", "Dân số"]
    assert [row["Dân số"] for row in rows] == ["3.359", "7.923"]
    assert rows[1]["Xã"] == "Nguyễn Trung Trực"


def test_a_comma_in_numbers_does_not_hide_the_semicolon() -> None:
    columns, rows = read("Xã;Tỷ lệ;Số\nA;3.359,80;1,5\nB;12,25;2,5\n".encode())
    assert columns == ["Xã", "Tỷ lệ", "Số"]
    assert rows[0]["Tỷ lệ"] == "3.359,80"


def test_windows_1258_is_read_and_composed() -> None:
    body = "Tên,Sô\u0301\nTuy Ho\u0300a,2\n".encode("windows-1258")
    columns, rows = read(body)
    assert columns == ["Tên", "Số"]
    assert rows[0]["Tên"] == "Tuy Ho\u0300a"
    assert read(body, encoding="windows-1258")[1] == rows


def test_text_that_is_cut_or_mixed_is_not_guessed_at() -> None:
    body = "Tên,Số\nQuảng Nam,1\nĐà Nẵng,2".encode()
    assert "UTF-8 up to byte" in refused(body + b"\xff\n")
    assert "UTF-8 up to byte" in refused(body[: body.rindex("ẵ".encode()) + 1])
    assert "no text" in refused("Tên,Số\n1,2\n".encode("utf-16-le"))
    assert "not written in utf-8" in refused(b"T\xean,x\n1,2\n", encoding="utf-8")


def test_titles_and_blank_rows_are_passed_over() -> None:
    body = xlsx(
        ["Báo cáo quý 3 (ĐVT: Người)"], [], [None, "Tổng số", "Nữ"], ["A", 10, 4.5], [None, None, None], ["B", 20, 9]
    )
    columns, rows = read(body, "x.xlsx")
    assert columns == ["A", "Tổng số", "Nữ"]
    assert rows == [{"A": "A", "Tổng số": 10, "Nữ": 4.5}, {"A": "B", "Tổng số": 20, "Nữ": 9}]
    table = Book(body, "x.xlsx").table(Shape())
    assert [row.line for row in table.rows if isinstance(row, Row)] == [4, 6]


def test_stacked_headers_are_joined_within_their_group() -> None:
    body = xlsx(
        ["Năm", "Thành thị", None, None, "Nông thôn", None, "Ghi chú"],
        [None, "Nam", None, "Nữ", "Nam", "Nữ", None],
        [None, "<15", ">=15", None, None, None, None],
        [2019, 1, 2, 3, 4, 5, "x"],
    )
    columns, rows = read(body, "x.xlsx", header_rows=3, joiner="|")
    assert columns == [
        "Năm", "Thành thị|Nam|<15", "Thành thị|Nam|>=15", "Thành thị|Nữ", "Nông thôn|Nam", "Nông thôn|Nữ", "Ghi chú",
    ]  # fmt: skip
    assert rows[0]["Nông thôn|Nữ"] == 5


def test_columns_of_one_name_stay_apart() -> None:
    assert read(b"a,a,b,a\n1,2,3,4\n")[1] == [{"a": "1", "a (2)": "2", "b": "3", "a (3)": "4"}]


def test_filling_down_forgets_with_its_group() -> None:
    body = xlsx(
        ["Tỉnh", "Huyện", "Xã", "Số"],
        ["T1 (Tổng số)", None, None, 30],
        ["T1", "H1 (Tổng số)", None, 30],
        [None, "H1", "X1", 10],
        [None, None, "X2", 20],
        ["T2", None, "X3", 5],
        [None, "H2", "X4", 6],
        ["T2", None, "X5", 7],
    )
    _, rows = read(body, "x.xlsx", fill_down=("Tỉnh", "Huyện"), subtotal=r"\(Tổng số\)")
    assert [(row["Tỉnh"], row["Huyện"], row["Xã"]) for row in rows] == [
        ("T1", "H1", "X1"), ("T1", "H1", "X2"), ("T2", None, "X3"), ("T2", "H2", "X4"), ("T2", "H2", "X5"),
    ]  # fmt: skip


def test_a_subtotal_elsewhere_is_an_ordinary_row() -> None:
    body = "Xã,Ghi chú\nA,xem (Tổng số)\n(Tổng số),x\n".encode()
    assert [row["Xã"] for row in read(body, subtotal=r"\(Tổng số\)")[1]] == ["A"]
    assert [row["Xã"] for row in read(body, subtotal=r"\(Tổng số\)", subtotal_in=("Ghi chú",))[1]] == ["(Tổng số)"]


def test_lines_of_another_width_are_set_aside() -> None:
    assert read(b"a,b\n1,2\n3\n4,5,6\n7,8,,\n")[1] == [{"a": "1", "b": "2"}, "bad_row", "bad_row", {"a": "7", "b": "8"}]


def test_sheets_are_found_by_name_and_number() -> None:
    book = openpyxl.Workbook()
    book.create_sheet("Số liệu").append(["a", "b"])
    book["Số liệu"].append([1, 2])
    body = io.BytesIO()
    book.save(body)
    assert read(body.getvalue(), "x.xlsx", sheet="Số liệu") == read(body.getvalue(), "x.xlsx", sheet=2)
    assert "has no sheet 3" in refused(body.getvalue(), "x.xlsx", sheet=3)


@pytest.mark.parametrize(
    ("body", "name", "say"),
    [
        (b"", "x.csv", "empty"),
        (b"a,b\n1,2\n", "x.xlsx", "no XLSX"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "x.xls", "old XLS"),
        (b"<html><body>Sign in</body></html>", "x.csv", "HTML"),
        (b"only one column\n1\n", "x.csv", "no header"),
        (b'a,b\n1,"2\n3,4\n', "x.csv", "breaks off"),
        (b'a,b\n1,"2" 3\n', "x.csv", "wrongly quoted"),
        (b"PK\x03\x04 not a zip", "x.xlsx", "broken or cut"),
    ],
)
def test_what_is_no_table_is_named(body: bytes, name: str, say: str) -> None:
    assert say in refused(body, name)


def test_an_xlsx_cut_anywhere_is_refused() -> None:
    body = xlsx(["a", "b"], [1, 2])
    for size in range(4, len(body) - 1, 97):
        refused(body[:size], "x.xlsx")


def test_rows_are_bounded() -> None:
    assert "more than 10 rows" in refused(b"a,b\n" + b"1,2\n" * 10, max_rows=10)
    assert "row 11" in refused(xlsx(["a", "b"], *([[1, 2]] * 10)), "x.xlsx", max_rows=10)


def repacked(body: bytes, part: str, content: bytes) -> bytes:
    """The workbook with one part replaced."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    return packed.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = repacked(xlsx(["a", "b"]), SHEET, b" " * 50_000_000)
    assert len(bomb) < 100_000
    started = time.process_time()
    assert "unpacks to more than" in refused(bomb, "x.xlsx", max_unpacked=1_000_000)
    assert time.process_time() - started < 5


def test_a_zip_that_lies_about_its_size_is_refused() -> None:
    honest = repacked(xlsx(["a", "b"]), SHEET, b" " * 5_000_000)
    assert honest.count(struct.pack("<I", 5_000_000)) == 2
    assert "wrong size" in refused(honest.replace(struct.pack("<I", 5_000_000), struct.pack("<I", 50)), "x.xlsx")


@pytest.mark.parametrize("place", [b'r="XFD1048576"', b"r='XFD1048576'", b'r = "xfd1048576"'])
def test_cells_far_apart_do_not_fill_the_memory(place: bytes) -> None:
    cells = b'<row><c r="A1" t="n"><v>1</v></c><c ' + place + b' t="n"><v>2</v></c></row>'
    sheet = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
    assert "as far out as row 1,048,576" in refused(repacked(xlsx(["a", "b"]), SHEET, sheet % cells), "x.xlsx")


def test_places_are_seen_across_pieces() -> None:
    padding = b"<!--" + b" " * (1024 * 1024 - 100) + b"-->"
    for shift in range(30, 100, 3):
        sheet = b"<worksheet>" + padding + b" " * shift + b'<c r="ZZZ999999"/></worksheet>'
        assert "as far out" in refused(repacked(xlsx(["a", "b"]), SHEET, sheet), "x.xlsx")


def test_what_is_no_workbook_inside_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("readme.txt", "x")
    assert "no XLSX" in refused(packed.getvalue(), "x.xlsx")
    book = xlsx(["a", "b"])
    assert "no sheet 1, only none" in refused(repacked(book, "xl/workbook.xml", b"<workbook/>"), "x.xlsx")
    assert "can't be read" in refused(repacked(book, "xl/_rels/workbook.xml.rels", b"<rels/>"), "x.xlsx")


def test_a_damaged_part_is_refused() -> None:
    body = bytearray(repacked(xlsx(["a", "b"]), SHEET, b"<row>" * 5000))
    at = body.index(SHEET.encode()) + len(SHEET)
    body[at : at + 8] = b"\xff" * 8
    assert "broken" in refused(bytes(body), "x.xlsx")
    locked = bytearray(xlsx(["a", "b"]))
    for sign in (b"PK\x03\x04", b"PK\x01\x02"):
        start = locked.index(sign) + (6 if sign == b"PK\x03\x04" else 8)
        locked[start] |= 1
    assert "broken" in refused(bytes(locked), "x.xlsx")


def test_a_cell_with_endless_attributes_is_refused() -> None:
    sheet = b"<worksheet><c " + b"x" * 3_000_000
    assert "bytes of attributes" in refused(repacked(xlsx(["a", "b"]), SHEET, sheet), "x.xlsx")


cell = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"), max_size=12)


@given(
    st.lists(st.tuples(cell, cell, cell).filter(lambda row: any(one.strip() for one in row)), min_size=1, max_size=8)
)
def test_what_is_written_is_read(rows: list[tuple[str, str, str]]) -> None:
    import csv

    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    _, found = read(text.getvalue().encode(), delimiter=";", encoding="utf-8")
    assert [tuple(row.values()) for row in found] == rows


def test_the_census_workbooks(shared: Path) -> None:
    """Wards and districts of the 2019 census: the parts add up to the totals that the workbooks themselves state."""
    folder = shared / "statistics"
    name = "Population by Urban (Ward).xlsx"
    columns, wards = read((folder / name).read_bytes(), name, fill_down=("A", "B"), subtotal=r"\(Tổng số\)|^Tổng số$")
    assert columns == ["A", "B", "C", "Tổng số", "1. Thành thị", "2. Nông thôn"]
    assert len(wards) == 11_165
    sums = [sum(int(ward[column] or 0) for ward in wards) for column in columns[3:]]
    assert sums == [96_208_984, 33_122_548, 63_086_436]
    assert all(ward["A"] and ward["B"] and ward["C"] for ward in wards)

    name = "Population by Age & Urban (District).xlsx"
    shape = {"header_rows": 2, "fill_down": ("A",), "subtotal": r"\(Tổng số\)|^Tổng số$"}
    columns, districts = read((folder / name).read_bytes(), name, **shape)
    assert len(columns) == len(set(columns)) == 41
    assert columns[3:5] == ["1. Thành thị (Tổng số)", "1. Thành thị / 0 - 04"]
    assert columns[22:24] == ["2. Nông thôn (Tổng số)", "2. Nông thôn / 0 - 04"]
    ages = [column for column in columns if " / " in column]
    assert len(ages) == 36
    for district in districts:
        assert sum(int(district[age] or 0) for age in ages) == int(district["Tổng số"]), district["B"]
    assert sum(int(district["Tổng số"]) for district in districts) == 96_208_984


def test_the_census_workbook_agrees_with_its_cleaned_form(shared: Path) -> None:
    folder = shared / "statistics"
    name = "Population by Urban (Ward).xlsx"
    _, wards = read((folder / name).read_bytes(), name, fill_down=("A", "B"), subtotal=r"\(Tổng số\)|^Tổng số$")
    _, cleaned = read((folder / "VN_Population_ward.csv").read_bytes())
    assert len(cleaned) == len(wards)
    numbers = sorted(int(ward["Tổng số"]) for ward in wards)
    assert numbers == sorted(int(float(ward["total"])) for ward in cleaned)


def test_titles_stand_above_the_header_and_subtotals_are_told_apart_when_asked() -> None:
    body = xlsx(
        ["CỤC THỐNG KÊ"], ["Tháng 9/2026"], ["Nhóm", "Nơi", "Số"], ["Tổng số", None, 3], ["A", "x", 1], [None, "y", 2]
    )
    book, shape = Book(body, "x.xlsx"), Shape(fill_down=("Nhóm",), subtotal="^Tổng số$")
    assert book.titles(shape) == ["CỤC THỐNG KÊ", "Tháng 9/2026"]
    assert book.titles(Shape(header=2)) == ["CỤC THỐNG KÊ"]
    for totals, expected in ((False, [(5, False), (6, False)]), (True, [(4, True), (5, False), (6, False)])):
        rows = [row for row in book.table(shape, totals=totals).rows if isinstance(row, Row)]
        assert [(row.line, row.total) for row in rows] == expected
        assert rows[-1].cells["Nhóm"] == "A", "a subtotal's label is not repeated"
