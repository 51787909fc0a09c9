"""The export of a certification authority: dates, codes and rows; no name leaves it."""

from __future__ import annotations

import io
from datetime import date
from typing import Any, ClassVar

import openpyxl
import pytest

from ioc import catalog
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord
from ioc.settings import Source

OPTIONS: dict[str, Any] = {
    "event": "ioc.certificate.listed",
    "url": "",
    "serial": "Số hiệu",
    "kind": {"path": "Loại", "values": {"TC": "Tổ chức", "CN": "Cá nhân"}},
    "until": {"path": "Hết hạn", "form": "%d/%m/%Y"},
    "agency": "Đơn vị",
}
TABLE = """Số hiệu;Loại;Chủ thể;Đơn vị;Hết hạn
5401;TC;Sở Y tế;Sở Y tế;31/12/2026
5402;CN;Nguyễn Văn An;Sở Y tế;01/01/2027
"""


class TestCertificates(AdapterSuite):
    adapter = "certificates"
    options: ClassVar = OPTIONS
    answers: ClassVar = [TABLE.encode()]

    def test_a_cut_answer_is_not_taken(self) -> None:
        """A CSV that breaks off within a row gives that row as bad, and the rows before it."""
        results = self.parsed("cut", TABLE.encode()[:-12])
        assert [type(one) for one in results] == [Reading, BadRecord]

    def test_an_html_page_is_not_taken(self) -> None:
        assert "HTML" in self.fails(_html())


def _html() -> Any:
    from ioc.adapter_suite import HTML, Said

    return Said(HTML)


def opened(**changed: Any) -> Adapter[Any]:
    return catalog.open_adapter(Source("ca", "certificates", Contract("Ban Cơ yếu"), {**OPTIONS, **changed}))


def read(text: str | bytes, **changed: Any) -> list[Reading | BadRecord]:
    body = text if isinstance(text, bytes) else text.encode()
    return list(opened(**changed).parse(Answer(body, name="chung-thu.csv" if isinstance(text, str) else "ct.xlsx")))


def test_a_certificate_counts_until_the_end_of_its_day_and_names_nobody() -> None:
    first, second = read(TABLE)
    assert isinstance(first, Reading) and isinstance(second, Reading)
    assert first.properties == {
        "state": "valid", "kind": "Tổ chức", "agency": "Sở Y tế", "until": "2027-01-01T00:00:00+07:00",
    }  # fmt: skip
    assert second.properties["kind"] == "Cá nhân" and "An" not in str(second.properties)
    assert "5401" not in first.subject and first.subject != second.subject


def test_a_workbook_with_real_dates_is_read_the_same() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Số hiệu", "Loại", "Chủ thể", "Đơn vị", "Hết hạn"])
    sheet.append(["5401", "TC", "Sở Y tế", "Sở Y tế", date(2026, 12, 31)])
    out = io.BytesIO()
    book.save(out)
    (told,) = read(out.getvalue(), until="Hết hạn")
    assert isinstance(told, Reading) and told == read(TABLE)[0]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("5401;Nguyễn Văn An;Sở;31/12/2026;", "unknown_code"),
        ("5401;TC;x;Sở;31.12.2026", "retyped"),
        ("5401;TC;x;Sở;", "missing_field"),
        (";TC;x;Sở;31/12/2026", "missing_field"),
    ],
)
def test_what_is_set_aside_is_told_by_its_row_and_not_by_what_stands_there(row: str, reason: str) -> None:
    (bad,) = read("Số hiệu;Loại;Chủ thể;Đơn vị;Hết hạn\n" + row + "\n")
    assert isinstance(bad, BadRecord) and bad.reason == reason
    assert bad.raw is None and bad.code is None and "Row 2" in bad.say and "Văn" not in bad.say


def test_codes_must_be_named() -> None:
    with pytest.raises(BadConfig, match="no values"):
        opened(kind={"path": "Loại"})
