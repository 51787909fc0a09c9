"""Titles of statistical tables: the periods and the units that they name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.titles import MAX_TITLE, alike, chosen, periods, units


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("THU NGÂN SÁCH THÁNG 9/2026", ["month 2026-09"]),
        ("tháng 09 năm 2026", ["month 2026-09"]),
        ("Tháng 9 và 9 tháng năm 2026", ["month 2026-09", "so_far 2026-01-01/2026-09-30"]),
        ("Ước tháng 10, 10 tháng năm 2026", ["month 2026-10", "so_far 2026-01-01/2026-10-31"]),
        ("6 tháng đầu năm 2026", ["so_far 2026-01-01/2026-06-30"]),
        ("6 tháng cuối năm 2026", ["rest 2026-07-01/2026-12-31"]),
        ("12 tháng năm 2025", ["so_far 2025"]),
        ("Quý III và 9 tháng năm 2026", ["quarter 2026-Q3", "so_far 2026-01-01/2026-09-30"]),
        ("quý 4/2025", ["quarter 2025-Q4"]),
        ("Niên giám năm 2024", ["year 2024"]),
        ("Năm 2026 so với năm 2025", ["year 2026", "year 2025"]),
        ("Dân số 1/4/2019", ["day 2019-04-01"]),
        ("Tam Kỳ, ngày 25 tháng 11 năm 2026", ["day 2026-11-25"]),
        ("Từ 15/02/2026 đến 14/03/2026", ["span 2026-02-15/2026-03-14"]),
        ("tuần 12 năm 2026", ["week 2026-03-16/2026-03-22"]),
        ("tháng 13/2026", []),
        ("31/02/2026", []),
        ("Điện thoại 0235 3852 2026", []),
    ],
)
def test_what_offices_write(text: str, said: list[str]) -> None:
    assert [f"{kind} {one.text}" for kind, one in periods(text)] == said


def test_a_year_may_stand_alone_where_it_is_looked_for() -> None:
    assert periods("Sơ bộ 2024") == []
    assert [one.period.text for one in periods("Sơ bộ 2024", bare=True)] == ["2024"]


def test_the_first_text_that_names_one_is_believed_and_two_are_not() -> None:
    texts = ["CỤC THỐNG KÊ", "Tháng 9 và 9 tháng năm 2026", "thang-8-2026"]
    found = chosen(texts, "month")
    assert found is not None and found.text == "2026-09"
    with pytest.raises(ValueError, match=r'write which in period: a kind, such as "month"'):
        chosen(texts)
    # the day on which a paper was signed is not what it is about
    about = chosen(["Số liệu tháng 10 năm 2026 (ngày 25 tháng 11 năm 2026)"])
    assert about is not None and about.text == "2026-10"
    assert chosen(["không có kỳ"]) is None and chosen(["tháng 9/2026"], "year") is None


@given(
    st.integers(1, 12),
    st.integers(1900, 2100),
    st.sampled_from(["tháng {m}/{y}", "Tháng {m:02} năm {y}", "THÁNG {m} NĂM {y}"]),
)
def test_every_month_is_read(month: int, year: int, form: str) -> None:
    (said,) = periods(f"Biểu 3. Thu ngân sách {form.format(m=month, y=year)} (tỷ đồng)")
    assert (said.kind, said.period.text) == ("month", f"{year}-{month:02}")


@given(st.text(max_size=200))
def test_any_text_is_read_without_trouble(text: str) -> None:
    assert all(said.period.first <= said.period.last for said in periods(text, bare=True))
    list(units(text))


def test_a_title_is_read_so_far_and_no_further() -> None:
    assert periods("x" * MAX_TITLE + " tháng 9/2026") == []


def test_units_are_compared_as_people_write_them() -> None:
    assert list(units("Dân số (ĐVT: Người)")) == ["Người"]
    assert list(units("Đơn vị tính: Tỷ đồng.")) == ["Tỷ đồng"] and list(units("không có")) == []
    assert alike("Tỷ  đồng", "tỉ đồng") and not alike("tỷ đồng", "triệu đồng")
