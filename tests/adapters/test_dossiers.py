"""Dossiers: the ten states, levels by the scheme of the day, changes since then; and nothing of who filed them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from ioc import catalog, clock
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite, AnswerServer, Asked, Said, poll
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord
from ioc.settings import Source

ROW = {
    "MaHoSo": "H49.01-260301-0001", "TenTTHC": "Đăng ký khai sinh", "TrangThaiHoSo": "4", "DonViXuLy": "Xã Mẫu",
    "MucDo": "toan_trinh", "NgayTiepNhan": "20260301080000", "NgayHenTra": "20260310170000", "NgayTra": "",
    "NgayCapNhat": "20260302093000", "MaXa": "20230", "ChuHoSo": "Nguyễn Văn A", "SoGiayTo": "049090000001",
    "SoDienThoai": "0905000000", "Email": "a@b.vn", "DiaChi": "1 Trần Phú", "TaiLieuNop": [{"Ten": "giay-to.pdf"}],
}  # fmt: skip
OPTIONS: dict[str, Any] = {
    "event": "ioc.dossier.changed", "url": "replaced", "records": "result", "unit": "MaXa",
}  # fmt: skip


class TestDossiers(AdapterSuite):
    adapter = "dossiers"
    options = OPTIONS
    answers = (json.dumps({"result": [ROW, {**ROW, "MaHoSo": "2", "TrangThaiHoSo": "10"}]}).encode(),)


def opened(url: str = "http://127.0.0.1:1", **changed: Any) -> Adapter[Any]:
    return catalog.open_adapter(Source("one_stop", "dossiers", Contract("us"), {**OPTIONS, "url": url, **changed}))


def parsed(*rows: Any, **changed: Any) -> list[Reading | BadRecord]:
    return list(opened(**changed).parse(Answer(json.dumps({"result": rows}).encode())))


def one(row: dict[str, Any], **changed: Any) -> Reading:
    (found,) = parsed(row, **changed)
    assert isinstance(found, Reading), found
    return found


def bad(row: Any, **changed: Any) -> BadRecord:
    (found,) = parsed(row, **changed)
    assert isinstance(found, BadRecord), found
    return found


def test_a_dossier_and_nothing_of_who_filed_it() -> None:
    found = one(ROW)
    assert (found.subject, found.unit, found.time) == (
        "H49.01-260301-0001", "20230", clock.parse("2026-03-02T09:30:00+07:00"),
    )  # fmt: skip
    assert found.properties == {
        "state": "processing", "level": "full", "service": "Đăng ký khai sinh", "office": "Xã Mẫu",
        "received": "2026-03-01T08:00:00+07:00", "due": "2026-03-10T17:00:00+07:00", "ended": None,
    }  # fmt: skip
    assert found.spare is None


@pytest.mark.parametrize("row", [{**ROW, "TrangThaiHoSo": "77"}, {**ROW, "MucDo": "9"}, {**ROW, "NgayHenTra": "soon"}])
def test_a_dossier_set_aside_keeps_nothing_of_who_filed_it(row: dict[str, Any]) -> None:
    kept = msgspec.json.encode(bad(row).raw).decode()
    assert "MaHoSo" in kept
    for secret in ("Nguyễn", "049090000001", "0905000000", "a@b.vn", "Trần Phú", "giay-to"):
        assert secret not in kept


@pytest.mark.parametrize(
    ("code", "state"),
    [("1", "new"), ("2", "accepted"), ("3", "refused"), ("4", "processing"), ("5", "more_papers"), ("6", "payment"),
     ("7", "withdrawn"), ("8", "stopped"), ("9", "done"), ("10", "returned"), (9, "done")],
)  # fmt: skip
def test_the_ten_states_of_the_portal(code: str | int, state: str) -> None:
    assert one({**ROW, "TrangThaiHoSo": code}).properties["state"] == state


@pytest.mark.parametrize("code", ["0", "11", "", None, "xong"])
def test_a_state_that_nobody_knows_is_set_aside(code: str | None) -> None:
    found = bad({**ROW, "TrangThaiHoSo": code})
    assert found.reason in ("unknown_code", "missing_field") and found.field == "TrangThaiHoSo"


def test_a_system_with_states_of_its_own() -> None:
    assert one({**ROW, "TrangThaiHoSo": "XONG"}, states={"XONG": "done"}).properties["state"] == "done"
    with pytest.raises(BadConfig, match="states"):
        opened(states={"XONG": "finished"})


@pytest.mark.parametrize(
    ("received", "code", "level"),
    [("20220814235959", "3", "partial"), ("20220814235959", "4", "full"), ("20220815000000", "mot_phan", "partial"),
     ("20220815000000", "toan_trinh", "full"), ("20210101000000", "2", None), ("20260101000000", "", None)],
)  # fmt: skip
def test_the_level_is_read_by_the_scheme_of_the_day(received: str, code: str, level: str | None) -> None:
    assert one({**ROW, "NgayTiepNhan": received, "MucDo": code}).properties["level"] == level


@pytest.mark.parametrize(("received", "code"), [("20220815000000", "4"), ("20220814235959", "toan_trinh")])
def test_a_level_of_another_scheme_is_set_aside(received: str, code: str) -> None:
    found = bad({**ROW, "NgayTiepNhan": received, "MucDo": code})
    assert (found.reason, found.field, found.code, found.at) == ("unknown_code", "MucDo", code, "levels")


def test_schemes_of_the_settings() -> None:
    levels = [{"until": "2025-12-31", "values": {"A": "partial"}}, {"from": "2026-01-01", "values": {"A": "full"}}]
    assert one({**ROW, "MucDo": "A"}, levels=levels).properties["level"] == "full"


def test_a_due_date_that_is_not_there_must_not_look_well() -> None:
    lost = {name: told for name, told in ROW.items() if name != "NgayHenTra"}
    assert bad(lost).reason == "missing_field"
    assert one({**ROW, "NgayHenTra": ""}).properties["due"] is None


@pytest.mark.parametrize(
    "wrong",
    [{"properties": {"who": "ChuHoSo"}}, {"properties": {"who": "nguoiNop.ten"}}, {"id": "SoGiayTo"},
     {"times": {"ended": "NgaySinh"}}],
)  # fmt: skip
def test_who_filed_it_cant_be_mapped(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadConfig, match="names people"):
        opened(**wrong)


@pytest.mark.parametrize("row", [7, "x", None, [ROW]])
def test_what_is_no_record(row: Any) -> None:
    assert bad(row).reason == "bad_type"


class System(AnswerServer):
    """Rows that changed since `tuNgay`, in pages of what is asked for."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        super().__init__()
        self.rows = rows

    def answer(self, asked: Asked) -> Said:
        rows = [row for row in self.rows if row["NgayCapNhat"] >= asked.query.get("tuNgay", "")]
        page, size = int(asked.query["page"]) - 1, int(asked.query["size"])
        return Said(json.dumps({"result": rows[page * size : (page + 1) * size]}).encode())


async def test_only_what_changed_is_asked_for_again_in_pages() -> None:
    rows = [{**ROW, "MaHoSo": str(n), "NgayCapNhat": f"202603021{n}0000"} for n in range(8)]
    with System(rows) as server:
        adapter = opened(
            server.url, pages={"size_param": "size", "size": 3},
            since={"param": "tuNgay", "form": "%Y%m%d%H%M%S", "overlap": 1800},
        )  # fmt: skip
        results, cursor = await poll(adapter)
        assert len(results) == 8 and cursor == "2026-03-02T17:00:00+07:00"
        assert [asked.query.get("tuNgay") for asked in server.asked] == [None] * 3
        rows[2]["NgayCapNhat"] = "20260302180000"
        results, cursor = await poll(adapter, cursor)
        assert sorted(one.subject for one in results if isinstance(one, Reading)) == ["2", "7"]
        assert server.asked[-1].query["tuNgay"] == "20260302163000"
        assert cursor == "2026-03-02T18:00:00+07:00"


class Moving(System):
    """Between two pages the oldest record changes, and goes to the end of the list."""

    def answer(self, asked: Asked) -> Said:
        said = super().answer(asked)
        if len(self.asked) == 1:
            self.rows[0]["NgayCapNhat"] = "20260303000000"
        self.rows.sort(key=lambda row: str(row["NgayCapNhat"]))
        return said


@pytest.mark.parametrize(("by", "missed"), [("number", {"3"}), ("since", set())])
async def test_what_moves_between_two_pages_pushes_nothing_past_us(by: str, missed: set[str]) -> None:
    rows = [{**ROW, "MaHoSo": str(n), "NgayCapNhat": f"202603021{n}0000"} for n in range(8)]
    with Moving(rows) as server:
        adapter = opened(
            server.url, pages={"by": by, "size_param": "size", "size": 3},
            since={"param": "tuNgay", "form": "%Y%m%d%H%M%S"},
        )  # fmt: skip
        results, cursor = await poll(adapter)
    found = {one.subject for one in results if isinstance(one, Reading)}
    assert {row["MaHoSo"] for row in rows} - found == missed
    assert cursor == "2026-03-03T00:00:00+07:00"


@pytest.mark.parametrize(("many", "asked"), [(1, 3), (2, 3), (3, 3), (8, 4)])
async def test_as_many_changes_at_one_moment_as_there_may_be(many: int, asked: int) -> None:
    later = {**ROW, "MaHoSo": "later", "NgayCapNhat": "20260303000000"}
    with System([{**ROW, "MaHoSo": str(n)} for n in range(many)]) as server:
        pages = {"by": "since", "size_param": "size", "size": 3}
        adapter = opened(server.url, pages=pages, since={"param": "tuNgay", "form": "%Y%m%d%H%M%S"})
        results, cursor = await poll(adapter)
        assert [one.subject for one in results if isinstance(one, Reading)] == [str(n) for n in range(many)]
        assert len(server.asked) == asked
        server.rows.append(later)
        results, _ = await poll(adapter, cursor)
        assert {one.subject for one in results if isinstance(one, Reading)} == {*map(str, range(many)), "later"}


def test_pages_by_since_need_a_since() -> None:
    with pytest.raises(BadConfig, match="pages by since"):
        opened(pages={"by": "since"})


async def test_a_change_that_lies_ahead_moves_no_cursor() -> None:
    rows = [ROW, {**ROW, "MaHoSo": "2", "NgayCapNhat": "29990101000000"}]
    with System(rows) as server:
        since = {"param": "tuNgay", "form": "%Y%m%d%H%M%S"}
        _, cursor = await poll(opened(server.url, pages={"size_param": "size"}, since=since))
    assert cursor == "2026-03-02T09:30:00+07:00"
