"""What names or reaches a person, and what opens a door, is not kept."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.mask import MOST_BYTES, mask, mask_text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("gọi 0905123456 nhé", "0905123456"),
        ("gọi 0905 123 456", "123"),
        ("gọi 0905.123.456, gấp", "456"),
        ("máy bàn (0235) 0235 3812 345", "3812"),
        ("+84 905123456", "905123456"),
        ("84905123456", "905123456"),
        ('{"phone": 905123456, "a": 1}', "905123456"),
        ("CCCD 048090001234", "048090001234"),
        ("viết cho lan.nguyen+311@danang.gov.vn", "lan.nguyen"),
        ('{"email":"l a n"}', "l a n"),
        ('{"full_name": "Nguyễn Thị Lan", "x": 1}', "Lan"),
        ("ho_ten=Lan&x=1", "Lan"),
        ("<first_name>Lan</first_name>", "Lan"),
        ("<api_key>abc</api_key>", "abc"),
        ('{"password":"a\\"b c"}', "b c"),
        ("https://x.vn/a?access_token=abc123&b=1", "abc123"),
        ("https://x.vn/a?key=abc123&b=1", "abc123"),
        ("rtsp://admin:hunter2@10.0.0.4/live", "hunter2"),
        ("Authorization: Bearer abc.def-ghi", "abc.def"),
        ("bearer QWxhZGRpbjpvcGVu", "QWxhZGRpbjpvcGVu"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "eyJzdWIiOiIxIn0"),
        ("k: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c", "9f86d081884c"),
    ],
)
def test_what_must_not_be_kept_is_masked(text: str, hidden: str) -> None:
    masked = mask_text(text)
    assert hidden not in masked
    assert "‹" in masked


@pytest.mark.parametrize(
    "text",
    [
        '{"id": "56df807bc062921100c143da", "name": "Ngã tư Sở", "lon": 106.700981, "lat": 10.776889}',
        "10/03/2026 14:32:06",
        "08-12-2025 10:15",
        "2025-11-19T10:03:22.003+07:00",
        "22015,Phường Tuy Hòa,3.359,80,1392",
        "ratio 0.123456789",
        "6f1ed002-ab55-95eb-9aa4-2c1b1e0a1f11",
        "tokens are counted, keys: 4",
    ],
)
def test_the_rest_stays_readable(text: str) -> None:
    assert mask_text(text) == text


def test_records_of_any_kind_become_bounded_text() -> None:
    assert mask(None) == ""
    assert mask({"a": [1, None]}) == '{"a":[1,null]}'
    long = mask("ấ" * 100_000)
    assert len(long.encode()) <= MOST_BYTES
    assert long.endswith("…")


def test_an_object_is_masked_value_by_value_and_stays_one() -> None:
    record = {
        "ma": "X1", "tinh_trang": "bao_tri", "so": 3359.8, "phone": 905123456, "note": "gọi 0905 123 456",
        "email": None, "nguoi": {"full_name": "Lan", "api-key": ["a", "b"], "cũ": ["lan@x.vn", 84905123456, True]},
        "inner": '{"token": "abc"}', "0905123456": 1,
    }  # fmt: skip
    masked = mask(msgspec.json.encode(record).decode())
    assert msgspec.json.decode(masked) == {
        "ma": "X1", "tinh_trang": "bao_tri", "so": 3359.8, "phone": "‹person›", "note": "gọi ‹phone›", "email": None,
        "nguoi": {"full_name": "‹person›", "api-key": "‹key›", "cũ": ["‹mail›", "‹phone›", True]},
        "inner": '{"token": ‹key›}', "‹phone›": 1,
    }  # fmt: skip


SECRETS = ("0905123456", "lan@x.vn", "hunter2", "Trần Lan", "84905123456")
PIECES = st.sampled_from(
    [*SECRETS, "gọi ", "token=", "token: ", "?key=", "://a:", "@", '"phone": ', " ", "{", "ok", "bearer "]
)
TEXTS = st.lists(PIECES, max_size=5).map("".join)
FIELDS = st.sampled_from(
    ["ma", "note", "phone", "so_dien_thoai", "my-token", "api_key", "x.email", "ho_ten", "cccd", "a b"]
)
VALUES = st.recursive(
    TEXTS | st.sampled_from([None, True, 905123456, 84905123456, 3.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(FIELDS, VALUES, max_size=4))
def test_what_is_hidden_in_a_text_is_hidden_in_an_object(record: dict[str, object]) -> None:
    text = msgspec.json.encode(record).decode()
    as_text, masked = mask_text(text), mask(text)
    assert {one for one in SECRETS if one in masked} <= {one for one in SECRETS if one in as_text}
    assert isinstance(msgspec.json.decode(masked), dict)


SLOW = ["a-", "token", '"token":"', "0", "0 9", "a@", "a.", "<email>", "://", "\\", "eyJ.", "_1"]


@pytest.mark.parametrize("piece", SLOW)
def test_no_record_makes_it_slow(piece: str) -> None:
    assert len(mask(piece * 100_000).encode()) <= MOST_BYTES


@given(st.text(max_size=400))
def test_masking_twice_is_masking_once_in_size_and_never_fails(text: str) -> None:
    masked = mask(text)
    assert len(masked.encode()) <= MOST_BYTES
    assert "\x00" not in masked
