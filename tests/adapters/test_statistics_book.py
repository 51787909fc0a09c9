"""Statistics workbooks: the census as it was published, sum by sum; forms of books, and what must not be taken."""

from __future__ import annotations

import io
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import catalog
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord, Untaken
from ioc.log.memory import MemoryLog
from ioc.run.poller import Asking
from ioc.settings import Source

SUBTOTAL = r"\(Tổng số\)|^Tổng số$"
WARDS: dict[str, Any] = {
    "files": ["*ward*.xlsx"], "rows": ["A", "B", "C"], "period": "2019", "empty": "zero",
    "shape": {"fill_down": ["A", "B"], "subtotal": SUBTOTAL},
    "measures": [
        {"indicator": "population", "uom": "Người", "columns": {"value": "Tổng số"}},
        {"indicator": "urban", "uom": "Người", "columns": {"value": "1. Thành thị"}},
        {"indicator": "rural", "uom": "Người", "columns": {"value": "2. Nông thôn"}},
    ],
}  # fmt: skip
DISTRICTS: dict[str, Any] = {
    "files": ["*district*.xlsx"], "rows": ["A", "B"], "period": "2019", "empty": "zero",
    "shape": {"header_rows": 2, "fill_down": ["A"], "subtotal": SUBTOTAL},
    "measures": [
        {"indicator": "population", "uom": "Người", "columns": {"value": "Tổng số"}},
        {"indicator": "urban_85", "columns": {"value": "1. Thành thị / 85+"}},
    ],
}  # fmt: skip
MAIN: dict[str, Any] = {
    "rows": ["Chỉ tiêu"], "uom_in": "Đơn vị tính", "period": "month", "shape": {"header_rows": 2},
    "measures": [
        {
            "indicator": "retail", "row": "Bán lẻ*", "uom": "tỷ đồng",
            "columns": {"value": "*Ước tháng*", "target": "Kế hoạch"},
        },
        {"indicator": "growth", "row": "Tăng trưởng", "uom": "%", "columns": {"value": "*Lũy kế*"}, "period": "so_far"},
    ],
}  # fmt: skip
ROWS: list[list[Any]] = [
    ["CỤC THỐNG KÊ"],
    ["CHỈ TIÊU THÁNG 9 VÀ 9 THÁNG NĂM 2025"],
    [],
    ["STT", "Chỉ tiêu", "Đơn vị tính", "Kế hoạch", "Thực hiện", None],
    [None, None, None, None, "Ước tháng 9", "Lũy kế 9 tháng"],
    ["A", "B", "C", "(1)", "(2)", "3=2/1"],
    [1, " I. Bán lẻ hàng hóa ", "Tỉ đồng", "12.000", " 1.392,5", "-"],
    [2, "- Tăng trưởng", "%", None, "…", "7,38%"],
    ["Ghi chú: số ước tính"],
]


def opened(*tables: dict[str, Any], **options: Any) -> Adapter[Any]:
    given = {"event": "ioc.indicator.measured", "folder": "/nowhere", "tables": list(tables)}
    return catalog.open_adapter(Source("book", "statistics_book", Contract("Cục Thống kê"), given | options))


def xlsx(rows: list[list[Any]], merged: tuple[str, ...] = ()) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in rows:
        page.append(row)
    for cells in merged:
        page.merge_cells(cells)
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()


def changed(line: int, at: int, cell: Any) -> list[list[Any]]:
    rows = [list(row) for row in ROWS]
    rows[line - 1][at] = cell
    return rows


def parsed(body: bytes, *tables: dict[str, Any], name: str = "thang.xlsx") -> list[Reading | BadRecord]:
    return list(opened(*tables).parse(Answer(body, name=name)))


def taken(rows: list[list[Any]], *tables: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = parsed(xlsx(rows), *tables)
    return {one.subject: one.properties for one in found if isinstance(one, Reading)}


class TestStatisticsBook(AdapterSuite):
    adapter = "statistics_book"
    options: ClassVar = {"event": "ioc.indicator.measured", "folder": "/nowhere", "tables": [MAIN]}
    answers: ClassVar = [xlsx(ROWS, ("E4:F4",))]
    trouble = "body"


def test_rows_of_indicators_with_their_plan_and_the_period_of_each_column() -> None:
    found = taken(ROWS, MAIN)
    retail, growth = (
        found["retail/2025-09/Bán lẻ hàng hóa"],
        found["growth/2025-01-01/2025-09-30/Tăng trưởng"],
    )
    assert (retail["value"], retail["target"], retail["uom"], retail["have"]) == (1392.5, 12000, "tỷ đồng", 1)
    assert (growth["value"], growth["period"], len(found)) == (7.38, "2025-01-01/2025-09-30", 2)
    assert retail["table"] == "CỤC THỐNG KÊ CHỈ TIÊU THÁNG 9 VÀ 9 THÁNG NĂM 2025"
    # "-": nothing occurred; "…" or an empty cell: there is no figure
    assert taken(changed(7, 4, "-"), MAIN)["retail/2025-09/Bán lẻ hàng hóa"]["value"] == 0
    for nothing in ("…", "...", None, " "):
        told = taken(changed(7, 4, nothing), MAIN)["retail/2025-09/Bán lẻ hàng hóa"]
        assert (told["value"], told["have"]) == (None, 0), nothing


def test_a_period_is_of_its_end_and_of_now_until_then(monkeypatch: pytest.MonkeyPatch) -> None:
    (retail, growth) = parsed(xlsx(ROWS), MAIN)
    assert isinstance(retail, Reading) and isinstance(growth, Reading) and retail.time is not None
    assert retail.time.isoformat() == "2025-10-01T00:00:00+07:00" and growth.time == retail.time
    (retail, _) = parsed(xlsx(changed(2, 0, "THÁNG 9 VÀ 9 THÁNG NĂM 2999")), MAIN)
    assert isinstance(retail, Reading) and retail.time is None


def test_another_unit_sets_the_row_aside() -> None:
    found = parsed(xlsx(changed(7, 2, "Triệu đồng")), MAIN)
    (bad,) = [one for one in found if isinstance(one, BadRecord)]
    assert (bad.reason, bad.code, bad.field) == ("unknown_code", "Triệu đồng", "Đơn vị tính")
    assert bad.subject == "retail/2025-09/Bán lẻ hàng hóa" and len(found) == 2
    (bad,) = [one for one in parsed(xlsx(changed(7, 4, "1,392.5")), MAIN) if isinstance(one, BadRecord)]
    assert bad.reason in ("bad_number", "retyped") and bad.field == "*Ước tháng*".replace(
        "*Ước tháng*", "Thực hiện / Ước tháng 9"
    )


@pytest.mark.parametrize(
    ("line", "at", "cell", "say"),
    [
        (5, 4, "Tháng 9", "no column"),
        (2, 0, "CHỈ TIÊU", "names no period"),
        (2, 0, "THÁNG 9/2025 VÀ THÁNG 8/2025; 9 THÁNG NĂM 2025", "several periods"),
    ],
)
def test_a_book_without_what_the_settings_name_is_not_taken(line: int, at: int, cell: str, say: str) -> None:
    with pytest.raises(Untaken, match=say):
        parsed(xlsx(changed(line, at, cell)), MAIN)


def test_every_table_of_a_book_must_be_there() -> None:
    with pytest.raises(Exception, match="no sheet GIAI NGAN"):
        parsed(xlsx(ROWS), MAIN, {**MAIN, "shape": {"sheet": "GIAI NGAN"}})
    with pytest.raises(Untaken, match="no table takes files"):
        parsed(xlsx(ROWS), {**MAIN, "files": ["*nam*.xlsx"]})


def test_years_side_by_side_are_periods_of_their_columns() -> None:
    rows: list[list[Any]] = [
        ["Dân số", None, None],
        ["Huyện", "Năm 2023", "Sơ bộ 2024"],
        ["Tổng số", "30", "33"],
        ["A", "10", "12"],
        ["B", "20", "21"],
    ]
    table = {
        "rows": ["Huyện"], "period": "header", "shape": {"subtotal": "^Tổng số$"},
        "measures": [{"indicator": "people", "columns": {"value": "*20*"}}],
    }  # fmt: skip
    found = taken(rows, table)
    assert {name: one["value"] for name, one in found.items() if "group" in one} == {
        "people/2023/A": 10, "people/2023/B": 20, "people/2024/A": 12, "people/2024/B": 21,
    }  # fmt: skip
    assert [(one["value"], one["summed"], one["published"]) for one in found.values() if "published" in one] == [
        (30, 30, "Cục Thống kê"), (33, 33, "Cục Thống kê"),
    ]  # fmt: skip


def test_settings_that_can_not_be_are_refused() -> None:
    wrong: dict[str, Any]
    for wrong in ({"period": "tháng"}, {"measures": []}, {"rows": []}):
        with pytest.raises(BadConfig):
            opened({**MAIN, **wrong})
    with pytest.raises(BadConfig):
        opened({**MAIN, "measures": [{"indicator": "x", "columns": {"target": "Kế hoạch"}}]})


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.one_of(st.none(), st.integers(0, 10**9).map(lambda n: n / 100))),
        min_size=1, max_size=12,
    ),
    st.integers(1, 3),
)  # fmt: skip
def test_any_table_under_any_stack_of_heads_adds_up_to_its_totals(
    rows: list[tuple[int, float | None]], heads: int
) -> None:
    """Numbers are written as Vietnamese write them; every one is read once, and each total equals its group's sum."""
    groups = sorted({group for group, _ in rows})
    stacked: list[list[Any]] = [["Nhóm", "Nơi", "Số"], *([None, None, f"cấp {n}"] for n in range(1, heads))]
    body: list[list[Any]] = []
    for group in groups:
        own = [(number, value) for number, (of, value) in enumerate(rows) if of == group]
        body.append([f" Nhóm {group} (Tổng số)", None, written(round(sum(value or 0 for _, value in own), 2))])
        for at, (number, value) in enumerate(own):
            body.append(
                [f"Nhóm {group}" if at == 0 else None, f"  Xã {number}", "" if value is None else written(value)]
            )
    table = {
        "rows": ["Nhóm", "Nơi"], "period": "2025", "empty": "zero",
        "shape": {"header_rows": heads, "fill_down": ["Nhóm"], "subtotal": SUBTOTAL},
        "measures": [{"indicator": "x", "columns": {"value": "Số*"}}],
    }  # fmt: skip
    found = taken([["Biểu 1"], [], *stacked, *body], table)
    told = {name: one["value"] for name, one in found.items() if "group" in one}
    assert told == {f"x/2025/Nhóm {group}/Xã {number}": value or 0 for number, (group, value) in enumerate(rows)}
    totals = [one for one in found.values() if "total_of" in one]
    assert [one["total_of"] for one in totals] == [f"Nhóm {group}" for group in groups]
    assert all(abs(one["value"] - one["summed"]) < 1e-6 for one in totals)


def written(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def whole(shared: Path, name: str) -> bytes:
    return (shared / "statistics" / name).read_bytes()


def test_the_census_of_wards_adds_up_to_every_subtotal_that_it_states(shared: Path) -> None:
    name = "Population by Urban (Ward).xlsx"
    found = parsed(whole(shared, name), WARDS, name=name)
    readings = [one for one in found if isinstance(one, Reading)]
    rows = [one.properties for one in readings if "group" in one.properties]
    totals = [one.properties for one in readings if "total_of" in one.properties]
    aside = len(found) - len(readings)
    print(f"wards: {len(found)} records = {len(rows)} figures + {len(totals)} totals + {aside} set aside")
    assert (len(found), len(rows), len(totals), aside) == (35_814, 33_495, 2_319, 0)
    assert len({one.subject for one in readings}) == len(readings)
    uneven = [one for one in totals if one["value"] != one["summed"]]
    assert uneven == [], uneven[:5]
    depths = Counter(len(one["total_of"].split(" / ")) if one["total_of"] else 0 for one in totals)
    assert depths == {0: 3, 1: 3 * 63, 2: 3 * 709}
    sums = {
        kind: sum(one["value"] for one in rows if one["indicator"] == kind) for kind in ("population", "urban", "rural")
    }
    assert sums == {"population": 96_208_984, "urban": 33_122_548, "rural": 63_086_436}


def test_the_census_of_wards_agrees_with_its_cleaned_form(shared: Path) -> None:
    name = "Population by Urban (Ward).xlsx"
    book = parsed(whole(shared, name), WARDS, name=name)
    numbers = sorted(
        one.properties["value"] for one in book
        if isinstance(one, Reading) and one.properties["indicator"] == "population" and "group" in one.properties
    )  # fmt: skip
    lines = whole(shared, "VN_Population_ward.csv").decode("utf-8-sig").splitlines()
    at = lines[0].split(",").index("total")
    assert numbers == sorted(int(float(line.split(",")[at])) for line in lines[1:] if line)


def test_the_census_of_districts_under_two_heads(shared: Path) -> None:
    name = "Population by Age & Urban (District).xlsx"
    found = parsed(whole(shared, name), DISTRICTS, name=name)
    readings = [one.properties for one in found if isinstance(one, Reading)]
    rows = [one for one in readings if "group" in one]
    print(f"districts: {len(found)} records = {len(rows)} figures + {len(readings) - len(rows)} totals + 0 set aside")
    assert len(readings) == len(found) and all(one["value"] == one["summed"] for one in readings if "total_of" in one)
    assert sum(one["value"] for one in rows if one["indicator"] == "population") == 96_208_984
    assert sum(one["value"] for one in rows if one["indicator"] == "urban_85") == 264_230


async def test_the_counts_of_the_poller_hold_for_the_census(shared: Path, tmp_path: Path) -> None:
    """records = events + unchanged + duplicates + set aside, the first time and when the book comes again."""
    name = "Population by Urban (Ward).xlsx"
    options = {"event": "ioc.indicator.measured", "folder": str(tmp_path), "settle_s": 0, "tables": [WARDS]}
    source = Source("book", "statistics_book", Contract("Cục Thống kê"), options)
    polled = Asking(source, catalog.open_adapter(source), MemoryLog())
    counts = []
    for _ in range(2):
        (tmp_path / name).write_bytes(whole(shared, name))
        begun = time.monotonic()
        known = await polled.poll()
        assert known.answered is not None
        told = known.answered
        counts.append((told.records, told.events, told.unchanged, told.duplicates, told.set_aside))
        print(f"ward book: {counts[-1]} after {time.monotonic() - begun:.1f} s")
        assert told.records == told.events + told.unchanged + told.duplicates + told.set_aside
    assert counts == [(35_814, 35_814, 0, 0, 0), (71_628, 35_814, 35_814, 0, 0)]
    assert sorted(path.name for path in (tmp_path / "done").iterdir()) == ["Population by Urban (Ward) (2).xlsx", name]
