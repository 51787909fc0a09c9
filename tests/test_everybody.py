"""What reaches a person is in nobody's view but the desk's, in whatever way it is written; the rest stays readable."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ioc import everybody
from ioc.everybody import ACCOUNT, MAIL, PAGE, PAPER, PHONE, PLATE


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("gọi 0912.345.678 nhé", PHONE),
        ("+84 912 345 678", PHONE),
        ("zalo 09123 45678", PHONE),
        ("sđt:0912345678.", PHONE),
        ("sdt0912345678", PHONE),
        ("sdt: 0912 345 678", PHONE),
        ("zalo09.1234.5678", PHONE),
        ("(+84) 912-345-678", PHONE),
        ("0084912345678", PHONE),
        ("091 234 56 78", PHONE),
        ("0 9 1 2 3 4 5 6 7 8", PHONE),
        ("0912 - 345 - 678", PHONE),
        ("máy bàn (0257) 3841 234", PHONE),
        ("0257.3841.234", PHONE),
        ("số cũ 01234567890", PHONE),
        ("CCCD 048090001234", PAPER),
        ("căn cước: 048 090 001 234", PAPER),
        ("048.090.001234", PAPER),
        ("CMND số 211 234 567", PAPER),
        ("hộ chiếu C1234567", PAPER),
        ("bhyt DN4012345678901", PAPER),
        ("stk 19031234567890 Techcombank", ACCOUNT),
        ("số tài khoản ngân hàng VCB: 0071 0012 34567", ACCOUNT),
        ("chuyển vào TK 123.456.789.012", ACCOUNT),
        ("9704 3612 3456 7890 123", ACCOUNT),
        ("xe 78A-123.45 đỗ", PLATE),
        ("xe 78C1 234.56", PLATE),
        ("29-B1 12345", PLATE),
        ("51F-123.45", PLATE),
        ("biển số 30A12345", PLATE),
        ("78a-123.45", PLATE),
        ("78c1-23456", PLATE),
        ("80-NG-123-45", PLATE),
        ("78-MĐ1 123.45", PLATE),
        ("78H 12.34", PLATE),
        ("lan.nguyen@gmail.com", MAIL),
        ("lan.nguyen @ gmail . com", MAIL),
        ("lan (at) gmail.com", MAIL),
        ("lan a còng gmail.com", MAIL),
        ("https://www.facebook.com/nguyen.van.a", PAGE),
        ("zalo.me/abc123", PAGE),
    ],
)
def test_what_reaches_a_person_is_masked(text: str, mark: str) -> None:
    masked = everybody.words(text)
    assert mark in masked, masked
    for piece in re.findall(r"\d{3,}", text):
        assert piece not in masked, masked


@pytest.mark.parametrize(
    "text",
    [
        "Vỡ ống nước trước số 12 Trần Phú, nước chảy từ 6h30",
        "Đèn hỏng từ ngày 10/03/2026 đến nay",
        "Lúc 2026-03-10 09:00:00 mất điện",
        "Ngày 08-12-2025 10:15 có tiếng nổ",
        "Phản ánh trước là PY-2026-0310-0001",
        "Thiệt hại 1.200.000.000 đồng",
        "Ở toạ độ 13.095512, 109.302834",
        "Cột đèn 12345, cột sau 12346",
        "Gọi 1900 1022 không ai nghe, gọi 113 cũng không",
        "Ngập 30 cm, dài 200 m, 45 hộ dân, 1.392 người",
        "Công tơ điện PC12345678901 hỏng",
        "Quốc lộ 1A, km 1325+400, gần cầu số 5",
        "Dự án 2020-2025, giai đoạn 2",
        "Giá nước 9.900 đ/m3, tháng trước 8.500 đ",
        "Các tổ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 đều mất nước",
        "Tổ 12, khu phố 4, phường 7, hẻm 123/45/6",
    ],
)
def test_the_rest_stays_as_it_was_said(text: str) -> None:
    assert everybody.words(text) == text


@pytest.mark.parametrize(
    "text", ["sdt: 0912 345 678, gọi", "phone=0912345678", "email: a@b.vn", "stk: 19031234567890 nhé"]
)
def test_what_was_masked_is_not_masked_again(text: str) -> None:
    once = everybody.words(text)
    assert everybody.words(once) == once
    assert len(re.findall("[‹›]", once)) == 2, once


GAPS = st.sampled_from(["", "", " ", ".", "-", " - ", "\u00a0", ". ", ",", "("])
BEFORE = st.sampled_from(["", "gọi ", "zalo ", "zalo", "sđt:", "ĐT. ", "Liên hệ\n", "(", "“"])
BEHIND = st.sampled_from(["", " nhé", ".", ", gấp", ")", "\n", "!!", "”"])


@st.composite
def written(draw: st.DrawFn, numbers: st.SearchStrategy[str]) -> tuple[str, str]:
    """Digits of a number, and how somebody may write it."""
    digits = draw(numbers)
    told = digits[0] + "".join(draw(GAPS) + digit for digit in digits[1:])
    return digits, draw(BEFORE) + told + draw(BEHIND)


DAY = re.compile(r"\d{1,2}([-./])\d{1,2}\1(19|20)\d\d|(19|20)\d\d([-./])\d{1,2}\4\d{1,2}")
MOBILES = st.from_regex(r"(0|84)[35789][0-9]{8}", fullmatch=True)


@given(written(MOBILES))
def test_no_mobile_number_gets_through_however_it_is_parted(told: tuple[str, str]) -> None:
    digits, text = told
    # 03-12-1920 00 is a day for whoever reads it
    assume(not DAY.search(text))
    masked = everybody.words(text)
    assert digits[-9:] not in re.sub(r"\D", "", masked), masked


@given(written(st.from_regex(r"0[0-9]{2}[0-3][0-9]{8}", fullmatch=True)))
def test_no_citizens_number_gets_through(told: tuple[str, str]) -> None:
    digits, text = told
    assume(not DAY.search(text))
    glued = re.search(r"zalo\d", text)
    masked = everybody.words(text)
    assert glued or digits not in re.sub(r"\D", "", masked), masked


@given(st.text(max_size=300))
def test_whatever_is_said_it_is_words_again(text: str) -> None:
    everybody.words(text)


@given(st.text(alphabet="aăâbcdđeêghiklmnoôơpqrstuưvxy ,.!?\n", max_size=200))
def test_words_without_a_number_stay(text: str) -> None:
    assert everybody.words(text) == text


@pytest.mark.parametrize("piece", ["0", "0 ", "0.", "stk ", "a@", "a.", "1.", "12A-", "+(", "t.me/", "‹", "12.345, "])
def test_no_words_make_it_slow(piece: str) -> None:
    assert everybody.words(piece * (4000 // len(piece)))
