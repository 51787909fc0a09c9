"""Sheets dropped in a folder: what becomes of a good one, of one with bad cells, of a signed and a large one."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openpyxl import load_workbook

from adapters.bridge import Bridge
from ioc import catalog, clock
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite
from ioc.bridge.form import ERRORS, rows_of
from ioc.contract import Contract
from ioc.errors import BadConfig
from ioc.log.memory import MemoryLog
from ioc.roll import Listed, Roll
from ioc.run.poller import Asking
from ioc.settings import Source
from tests.authority import Authority
from tests.sheets_of_agencies import DUE, FORM, OPTIONS, OWNER, REPORTERS, filled, made

OWES = Contract(OWNER, due=DUE, reporters=REPORTERS, method="typed")
SUITE = msgspec.structs.replace(FORM, source="suite", owner="suite", rows=rows_of({}, (), "suite"), due=None)


class TestSuite(AdapterSuite):
    adapter = "bridge"
    options = OPTIONS
    answers = (filled(SUITE, C10=None, C11=None),)
    trouble = "body"


def opened(folder: Path, contract: Contract = OWES, **options: Any) -> Adapter[Any]:
    given = {**OPTIONS, "folder": str(folder), "settle_s": 0, **options}
    return catalog.open_adapter(Source("jobs", "bridge", contract, given))


class Desk:
    """The source as the poller asks it."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder, self.log = folder, MemoryLog()
        source = Source("jobs", "bridge", OWES, {**OPTIONS, "folder": str(folder), "settle_s": 0, **options})
        self.asking = Asking(source, catalog.open_adapter(source), self.log)

    async def poll(self) -> Any:
        known = await self.asking.poll()
        assert known.answered is not None
        return known.answered

    def drop(self, name: str, body: bytes) -> None:
        (self.folder / name).write_bytes(body)

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


async def test_a_good_sheet_is_taken_and_moved(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.drop("t3.xlsx", filled())
    answered = await desk.poll()
    assert answered.error is None and answered.have == 3
    assert answered.reached is not None and answered.reached.isoformat() == "2026-03-31"
    assert desk.names() == ["done/t3.xlsx"]


async def test_a_sheet_with_bad_cells_is_set_aside_whole_with_its_answer_beside_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.drop("t3.xlsx", filled(C9="x", D10=-4))
    answered = await desk.poll()
    assert answered.have == 0 and "2 ô sai" in str(answered.error)
    assert desk.names() == ["set-aside/t3.xlsx", "set-aside/t3.xlsx.tra-loi.xlsx", "set-aside/t3.xlsx.txt"]
    assert "C9" in (tmp_path / "set-aside/t3.xlsx.txt").read_text(encoding="utf-8")
    answer = (tmp_path / "set-aside/t3.xlsx.tra-loi.xlsx").read_bytes()
    assert [row[0].value for row in load_workbook(io.BytesIO(answer))[ERRORS].iter_rows()] == ["Ô", "C9", "D10"]
    desk.drop("t3.xlsx", filled(body=answer, D10=None))
    answered = await desk.poll()
    assert answered.have == 3 and answered.error is None


async def test_a_figure_that_was_told_is_corrected_only_with_a_reason(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.drop("a.xlsx", filled())
    await desk.poll()
    desk.drop("b.xlsx", filled())
    assert (await desk.poll()).error is None
    desk.drop("c.xlsx", filled(C9=130))
    answered = await desk.poll()
    assert "lý do" in str(answered.error) and answered.events == 3
    answer = load_workbook(tmp_path / "set-aside/c.xlsx.tra-loi.xlsx")
    assert [row[0].value for row in answer[ERRORS].iter_rows()] == ["Ô", "B4"]
    desk.drop("d.xlsx", filled(C9=130, B4="Đếm sót một hợp đồng"))
    answered = await desk.poll()
    assert answered.error is None and answered.events == 4
    known = await desk.log.known("jobs")
    assert known.answered is not None and known.answered.have == 3


async def test_a_signature_beside_goes_where_its_sheet_goes(tmp_path: Path) -> None:
    authority, drop = Authority("CA"), tmp_path / "drop"
    drop.mkdir()
    desk = Desk(drop, signature="required", signers=[authority.write(tmp_path)])
    body = filled()
    desk.drop("t3.xlsx.p7s", authority.beside(body, authority.person()))
    assert (await desk.poll()).have == 0 and desk.names() == ["t3.xlsx.p7s"]
    desk.drop("t3.xlsx", body)
    assert (await desk.poll()).have == 3
    assert desk.names() == ["done/t3.xlsx", "done/t3.xlsx.p7s"]
    desk.drop("t4.xlsx", filled(C9=1))
    assert "chữ ký số" in str((await desk.poll()).error)
    assert desk.names()[2:] == ["set-aside/t4.xlsx", "set-aside/t4.xlsx.txt"]


async def test_a_sheet_waits_for_a_signature_that_is_still_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)
    desk.drop("t3.xlsx", filled())
    desk.drop("t3.xlsx.p7s", b"half")

    async def complete() -> list[str]:
        return ["t3.xlsx"]

    monkeypatch.setattr(desk.asking.adapter._dropped, "complete", complete)  # type: ignore[attr-defined]
    assert (await desk.poll()).have == 0
    monkeypatch.undo()
    assert (await desk.poll()).have == 3


async def test_a_large_file_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path)
    with (tmp_path / "t3.xlsx").open("wb") as file:
        file.truncate(50 * 1024 * 1024)

    def read(name: str) -> None:
        raise AssertionError(f"{name} was read")

    monkeypatch.setattr(desk.asking.adapter._dropped, "read", read)  # type: ignore[attr-defined]
    assert "lớn hơn 10 MB" in str((await desk.poll()).error)
    assert desk.names() == ["set-aside/t3.xlsx", "set-aside/t3.xlsx.txt"]


async def test_a_bad_sheet_keeps_no_good_one_waiting(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.drop("a.xlsx", b"garbage")
    desk.drop("b.xlsx", filled())
    await desk.poll()
    assert (await desk.poll()).have == 3
    assert desk.names() == ["done/b.xlsx", "set-aside/a.xlsx", "set-aside/a.xlsx.txt"]


async def test_a_sheet_that_was_committed_and_not_moved_is_taken_once(tmp_path: Path) -> None:
    adapter = opened(tmp_path)
    (tmp_path / "t3.xlsx").write_bytes(filled())
    (cursor,) = [answer.cursor async for answer in adapter.ask(None)]
    assert [answer async for answer in opened(tmp_path).ask(cursor)] == []
    assert (tmp_path / "done/t3.xlsx").is_file()


async def test_a_source_without_a_folder_asks_nobody() -> None:
    adapter = catalog.open_adapter(Source("jobs", "bridge", OWES, OPTIONS))
    assert [answer async for answer in adapter.ask(None)] == []
    results = list(adapter.parse(Answer(filled(), name="x.xlsx", about={"at": clock.now()})))
    assert len(results) == 3 and isinstance(results[0], Reading)


def test_rows_and_periods_are_those_of_the_contract(tmp_path: Path) -> None:
    adapter = opened(tmp_path)
    assert isinstance(adapter, Bridge) and adapter.form == FORM
    codes = opened(tmp_path, Contract(OWNER, due=DUE, reporters="units"), units={"22015": "Phường Tuy Hòa"})
    assert isinstance(codes, Bridge) and codes.form.rows == rows_of({"22015": "Phường Tuy Hòa"}, (), "")
    assert made(adapter.form)


def test_a_list_of_reporters_names_no_rows_of_a_sheet(tmp_path: Path) -> None:
    listed = Roll(date(2025, 7, 1), listed=(Listed("X1", "Xã An Bình"),))
    with pytest.raises(BadConfig, match="rows are names or communes"):
        opened(tmp_path, Contract(OWNER, due=DUE, reporters=listed))


@pytest.mark.parametrize(
    ("wrong", "say"),
    [
        ({"signature": "required"}, "signers"), ({"columns": []}, "columns are 1 to"),
        ({"columns": [*OPTIONS["columns"], OPTIONS["columns"][0]]}, "a name and a head of its own"),
        ({"units": {"22015": "A"}}, "both units and reporters"), ({"max_bytes": 11 * 1024 * 1024}, "max_bytes"),
        ({"complete": True}, "complete"), ({"signature": "required", "signers": ["none.pem"]}, "can't be read"),
    ],
)  # fmt: skip
def test_settings_that_can_not_be_are_refused(tmp_path: Path, wrong: dict[str, Any], say: str) -> None:
    with pytest.raises(BadConfig, match=say):
        opened(tmp_path, **wrong)
