"""The dated list of reporters: what is read of it, and what is said of one that is wrong, with its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import lint, roll, settings
from ioc.contract import Contract
from ioc.errors import BadConfig
from ioc.period import period
from ioc.roll import Listed, Roll

GOOD = "\ufeffcode;name;from;to\r\nX1;Xã cũ An Bình;;30/06/2025\r\nX1;Xã An Bình;2025-07-01;\r\n\r\nX2;Xã Hòa;;\r\n"
SETTINGS = """
[province]
name = "Mẫu"

[sources.daily]
adapter = "table_file"
event = "ioc.indicator.measured"
folder = "drop"
forms = [{id = "a"}]

[sources.daily.contract]
owner = "Văn phòng"
due = {each = "day"}
reporters = {file = "xa.csv", as_of = 2025-07-01, invented = true, source = "Sở Nội vụ"}
"""


def made(folder: Path, text: str) -> Path:
    (folder / "xa.csv").write_text(text, encoding="utf-8")
    (folder / "ioc.toml").write_text(SETTINGS, encoding="utf-8")
    return folder / "ioc.toml"


def test_the_settings_hold_the_rows_of_the_list_beside_them(tmp_path: Path) -> None:
    found = settings.load(made(tmp_path, GOOD)).sources["daily"].contract.reporters
    assert isinstance(found, Roll)
    assert found.listed == (
        Listed("X1", "Xã cũ An Bình", None, date(2025, 6, 30)), Listed("X1", "Xã An Bình", date(2025, 7, 1)),
        Listed("X2", "Xã Hòa"),
    )  # fmt: skip
    assert (found.as_of, found.invented, found.source) == (date(2025, 7, 1), True, "Sở Nội vụ")
    assert lint.lint(tmp_path / "ioc.toml") == []


@pytest.mark.parametrize(
    ("of", "owing"),
    [
        ("2025-06-30", {"X1": "Xã cũ An Bình", "X2": "Xã Hòa"}),
        ("2025-07-01", {"X1": "Xã An Bình", "X2": "Xã Hòa"}),
        # neither of the two covers all of the year
        ("2025", {"X2": "Xã Hòa"}),
    ],
)
def test_who_is_on_the_list_for_a_part_of_a_period_owes_nothing_for_it(of: str, owing: dict[str, str]) -> None:
    found = Roll(date(2025, 7, 1), listed=roll.parse(GOOD.removeprefix("\ufeff"))[0])
    assert found.called(period(of)) == owing
    assert found.owing(period(of)) == tuple(owing)
    assert found.owing() == ("X1", "X2")


WRONG: list[Any] = [
    pytest.param("code;ten\nX1;A\n", 1, "no columns code and name", id="columns"),
    pytest.param("code,name\nX1,A\n,B\n", 3, "no code", id="code"),
    pytest.param("code,name\nX1,\n", 2, "no name", id="name"),
    pytest.param("code,name,from\nX1,A,31/02/2025\n", 2, "no day", id="day"),
    pytest.param("code,name,from,to\nX1,A,2025-07-01,2025-06-01\n", 2, "ends before it begins", id="ends"),
    pytest.param("code,name\nX1,A\nX2,B\nX1,C\n", 4, "stands twice for the same days", id="twice"),
    pytest.param("code,name,from\nX1,A,\nX1,B,2025-07-01\n", 3, "stands twice for the same days", id="overlap"),
    pytest.param(f"code,name\nX1,{'a' * 201}\n", 2, "longer than 200", id="long"),
    pytest.param("code,name\n", 1, "names nobody", id="empty"),
]


@pytest.mark.parametrize(("text", "line", "say"), WRONG)
def test_what_is_wrong_with_a_list_is_told_with_its_file_and_line(
    tmp_path: Path, text: str, line: int, say: str
) -> None:
    file = made(tmp_path, text)
    with pytest.raises(BadConfig, match=say) as caught:
        settings.load(file)
    assert str(caught.value).startswith(f"{tmp_path / 'xa.csv'}:{line}: ")
    (found,) = lint.lint(file)
    assert str(found).startswith(f"{tmp_path / 'xa.csv'}:{line}: ") and say in found.say


def test_a_list_that_is_not_there_is_too_large_or_not_utf8_is_refused(tmp_path: Path) -> None:
    file = made(tmp_path, "")
    for body, say in ((None, "can't be read"), (b"x" * (roll.MOST_BYTES + 1), "more than"), (b"code\n\xff", "UTF-8")):
        (tmp_path / "xa.csv").unlink()
        if body is not None:
            (tmp_path / "xa.csv").write_bytes(body)
        with pytest.raises(BadConfig, match=say):
            settings.load(file)
        assert [say in found.say for found in lint.lint(file)] == [True]
        (tmp_path / "xa.csv").touch()


def test_a_list_without_a_file_or_a_date_is_no_list() -> None:
    for wrong in ({"as_of": "2025-07-01"}, {"file": "xa.csv"}, {"file": "xa.csv", "as_of": "tháng bảy"}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"owner": "A", "due": {"each": "day"}, "reporters": wrong}, Contract)


@given(st.text())
def test_any_text_is_read_or_told_what_is_wrong_with_it(text: str) -> None:
    found, wrong = roll.parse(text)
    assert found or wrong
    assert all(say.endswith(".") and (line is None or line >= 0) for line, say in wrong)
