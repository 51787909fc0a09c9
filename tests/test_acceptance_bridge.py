"""Issue 4, acceptance 7: a sheet with three bad cells, its correction on the board, and what is refused."""

from __future__ import annotations

import asyncio
import io
import resource
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openpyxl import load_workbook

from ioc import catalog, clock
from ioc.bridge.form import ERRORS
from ioc.contract import Contract
from ioc.retired import Retired
from ioc.run.poller import Asking
from ioc.settings import Source
from tests.authority import Authority, Inside

from .centre import Centre
from .sheets_of_agencies import DUE, FORM, OPTIONS, OWNER, REPORTERS, filled, repacked


class Bridge(Centre):
    """A centre whose one source is typed into signed sheets; `send` drops one and polls."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.authority = folder / "drop", Authority("CA của tỉnh")
        self.folder.mkdir()
        options = {
            **OPTIONS, "folder": str(self.folder), "settle_s": 0, "signature": "required",
            "signers": [self.authority.write(folder)], "organisations": [OWNER],
        }  # fmt: skip
        super().__init__("bridge", options, layer="indicators")
        owes = Contract(OWNER, due=DUE, reporters=REPORTERS, method="typed")
        self.source = Source("jobs", "bridge", owes, options)
        self.asking = Asking(self.source, catalog.open_adapter(self.source), self.log)
        self.officer = self.authority.person()

    async def send(self, body: bytes) -> str | None:
        """What the source says of the sheet; None: it was taken."""
        (self.folder / "viec-lam.xlsx").write_bytes(body)
        answered = await self.poll()
        assert not (self.folder / "viec-lam.xlsx").exists()
        return answered.error

    def aside(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "set-aside").glob("*"))


@pytest.fixture
async def centre(tmp_path: Path) -> Bridge:
    return await Bridge(tmp_path).open()


async def test_three_bad_cells_come_back_named_and_the_corrected_sheet_reaches_the_board(centre: Bridge) -> None:
    sheet = filled(C9="một trăm", D10=-4, F11="hôm qua")
    say = await centre.send(centre.authority.inside(sheet, centre.officer))
    assert say is not None and "3 ô sai" in say and say.endswith(".")
    assert await centre.items() == {} and (await centre.tile("jobs_new"))["value"] is None
    answer = (centre.folder / "set-aside" / "viec-lam.xlsx.tra-loi.xlsx").read_bytes()
    named = [row[0].value for row in load_workbook(io.BytesIO(answer))[ERRORS].iter_rows(min_row=2)]
    assert named == ["C9", "D10", "F11"]

    right = filled(body=answer, C9=100, D10=4.5, F11="30/03/2026")
    assert await centre.send(centre.authority.inside(right, centre.officer)) is None
    items = await centre.items()
    assert {item["properties"]["value"] for item in items.values()} == {100, 45, 7}
    told = next(item["properties"] for item in items.values() if item["properties"]["value"] == 100)
    assert (told["method"], told["officer"], told["agency"]) == ("typed", "Nguyễn Thị Hoa", OWNER)
    assert told["period"] == "2026-03" and told["source"] == "jobs"
    tile = await centre.tile("jobs_new")
    assert (tile["value"], tile["have"], tile["method"]) == (152, 3, "typed")
    (reported,) = [event for event in centre.events if event.type == "ioc.duty.reported"]
    assert reported.data is not None and set(reported.data.properties["reported"]) == set(REPORTERS)


async def test_a_revised_figure_says_why(centre: Bridge) -> None:
    await centre.send(centre.authority.inside(filled(), centre.officer))
    again = filled(C9=130)
    assert "lý do" in str(await centre.send(centre.authority.inside(again, centre.officer)))
    assert (await centre.tile("jobs_new"))["value"] == 172
    again = filled(C9=130, B4="Đếm sót mười hợp đồng")
    assert await centre.send(centre.authority.inside(again, centre.officer)) is None
    tile = await centre.tile("jobs_new")
    assert tile["value"] == 182
    assert (tile["revised"]["from"], tile["revised"]["why"]) == (172, "Đếm sót mười hợp đồng")


async def test_figures_leave_the_board_when_the_machine_tells_them_and_may_be_typed_again_when_it_is_gone(
    centre: Bridge,
) -> None:
    sheet = centre.authority.inside(filled(), centre.officer)
    await centre.send(sheet)
    march = datetime(2026, 3, 1, tzinfo=clock.ZONE)

    async def replaced() -> Retired | None:
        return Retired("labour", "Nguồn nhập tay này đã nghỉ.", march)

    centre.asking.closed = replaced
    assert await centre.send(sheet) == "Nguồn nhập tay này đã nghỉ."
    assert await centre.items() == {} and (await centre.tile("jobs_new"))["value"] is None
    centre.asking.closed = None
    assert await centre.send(sheet) is None
    assert (await centre.tile("jobs_new"))["value"] == 172


def tampered(body: bytes) -> bytes:
    package = Inside.of(body)
    page = package.parts["xl/worksheets/sheet1.xml"]
    package.parts["xl/worksheets/sheet1.xml"] = page.replace(b"<v>120</v>", b"<v>999</v>")
    return package.packed()


BAD: dict[str, tuple[Any, str]] = {
    "no signature": (lambda centre: filled(), "chưa có chữ ký số"),
    "a wrong signature": (
        lambda centre: centre.authority.inside(filled(), Authority("CA lạ").person()), "tin cậy"
    ),
    "a tampered file": (lambda centre: tampered(centre.authority.inside(filled(), centre.officer)), "đã bị sửa"),
    "an expired certificate": (
        lambda centre: centre.authority.inside(filled(), centre.authority.person(days=(-400, -5))), "không còn hiệu lực"
    ),
    "a person of another agency": (
        lambda centre: centre.authority.inside(filled(), centre.authority.person(organisation="Công ty X")),
        "không thuộc cơ quan",
    ),
    "an old template": (
        lambda centre: centre.authority.inside(
            filled(msgspec.structs.replace(FORM, indicator="jobs_old")), centre.officer
        ),
        "biểu mẫu cũ",
    ),
    "a formula cell": (
        lambda centre: centre.authority.inside(filled(C9="=60+60"), centre.officer), "1 ô sai (C9)"
    ),
    "a file of 50 MB": (lambda centre: b"PK\x03\x04" + b"0" * (50 * 1024 * 1024), "lớn hơn 10 MB"),
    "a zip bomb": (
        lambda centre: repacked(filled(), xl__sharedStrings_dot_xml=b" " * (300 * 1024 * 1024)), "phình ra"
    ),
    "an archive in it": (lambda centre: repacked(filled(), xl__media__a_dot_bin=b"PK\x03\x04"), "tệp khác bên trong"),
    "a macro": (lambda centre: repacked(filled(), xl__vbaProject_dot_bin=b"x"), "macro"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
async def test_what_is_not_right_is_refused_with_a_sentence_and_nothing_moves(centre: Bridge, what: str) -> None:
    make, said = BAD[what]
    body = await asyncio.to_thread(make, centre)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    say = await centre.send(body)
    assert say is not None and said in say
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 96 * 1024
    assert await centre.items() == {} and centre.events == []
    wanted = ["viec-lam.xlsx", "viec-lam.xlsx.txt"]
    assert centre.aside() == (sorted([*wanted, "viec-lam.xlsx.tra-loi.xlsx"]) if what == "a formula cell" else wanted)
    assert (centre.folder / "set-aside" / "viec-lam.xlsx.txt").read_text(encoding="utf-8").strip() == say
