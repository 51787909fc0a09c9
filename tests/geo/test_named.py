"""Communes in a text: found as people write them; common words, persons and streets are left alone."""

from __future__ import annotations

import unicodedata

import pytest

from ioc.demo.world import PROVINCES
from ioc.geo import unit_list
from ioc.geo.named import Names, written
from ioc.geo.units import Unit

UNITS = unit_list.read(PROVINCES["quang-nam"])[0]
NAMES = Names(UNITS.values(), unit_list.borne())


def found(text: str) -> list[str]:
    return [UNITS[code].name for code in NAMES.find(text)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ngập sâu tại phường Hội An Tây và xã Duy Xuyên", ["Phường Hội An Tây", "Xã Duy Xuyên"]),
        ("Du khách đến Hội An, rồi về Tam Kỳ.", ["Phường Hội An", "Phường Tam Kỳ"]),
        ("Tại Hội An, nước rút", ["Phường Hội An"]),
        ("Sạt lở ở Điện Bàn Bắc", ["Phường Điện Bàn Bắc"]),
        ("HỌP BÁO: xã Thạnh Bình, Xã Thạnh Bình", ["Xã Thạnh Bình"]),
        (unicodedata.normalize("NFD", "phường Quảng Phú"), ["Phường Quảng Phú"]),
    ],
)
def test_what_is_named_is_found(text: str, names: list[str]) -> None:
    assert found(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "Ông Nguyễn Duy Xuyên phát biểu",
        "ông Duy Xuyên nói",
        "đường Hội An bị chặn",
        "hội an toàn thực phẩm",
        "Quảng Phú là tên của nhiều xã",
        "xã Hội An ở An Giang",
        "Hoi An",
        "Công ty Hội An",
        "Duy Xuyênh",
        "Hội An Giang",
        "",
    ],
)
def test_what_is_no_commune_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_old_and_new_tone_marks_are_one_spelling() -> None:
    assert written("Hoà Thuận, Thuý Hoè") == written("Hòa Thuận, Thúy Hòe")
    names = Names([Unit("1", "Xã Hòa Thịnh", "", 0, 0)])
    assert names.find("xã Hoà Thịnh") == ["1"]


def test_two_communes_of_one_name_are_told_apart_by_their_kind_alone() -> None:
    names = Names([Unit("1", "Xã Tây Hồ", "", 0, 0), Unit("2", "Phường Tây Hồ", "", 0, 0)])
    assert names.find("Mưa ở Tây Hồ") == []
    assert names.find("Mưa ở phường Tây Hồ") == ["2"]
