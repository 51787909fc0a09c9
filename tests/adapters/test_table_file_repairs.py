"""A table that lacks a mapped column: refused whole, and a repair notice that stands until a good one is taken."""

from __future__ import annotations

from pathlib import Path

from ioc import catalog
from ioc.contract import Answered, Contract
from ioc.log import Known
from ioc.log.memory import MemoryLog
from ioc.repairs import notices
from ioc.run.poller import Asking
from ioc.settings import Source

BOTH = ("Dân số", "Population")
OPTIONS = {
    "event": "ioc.indicator.measured", "settle_s": 0,
    "forms": [{"id": "code", "properties": {"people": {"path": "people", "kind": "integer"}, "area": "area"}}],
}  # fmt: skip


def told(known: Known) -> Answered:
    assert known.answered is not None
    return known.answered


async def test_a_table_without_a_mapped_column_raises_one_notice_until_a_good_one_comes(tmp_path: Path) -> None:
    source = Source("drop", "table_file", Contract("Cục Thống kê"), {**OPTIONS, "folder": str(tmp_path)})
    polled = Asking(source, catalog.open_adapter(source), MemoryLog())
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("code;dân\nx;1\n", encoding="utf-8")
    known = await polled.poll()
    assert told(known).lacking == ("people", "area") and told(known).untaken
    assert sorted(path.name for path in (tmp_path / "set-aside").glob("*.csv")) == ["a.csv", "b.csv"]
    (notice,) = notices("drop", BOTH, "Cục Thống kê", told(known), forms=True).values()
    assert notice["say"]["vi"] == (
        "Dân số: bảng vừa gửi không có cột people, area, nên cả bảng để riêng: hỏi cơ quan chủ quản, rồi gửi lại bảng "
        "đã sửa, hoặc ánh xạ tên mới ở [[sources.drop.forms]] và thả lại tệp."
    )
    assert (notice["source"], notice["level"], notice["owner"]) == ("drop", "warn", "Cục Thống kê")
    # nobody has sent anything since: it stands
    assert list(notices("drop", BOTH, "", told(await polled.poll()))) == [notice["id"]]
    (tmp_path / "c.csv").write_text("code;people;area\nx;1;2\n", encoding="utf-8")
    known = await polled.poll()
    assert told(known).have == 1
    assert notices("drop", BOTH, "", told(known)) == {}


async def test_a_file_that_is_no_table_lacks_no_column(tmp_path: Path) -> None:
    source = Source("drop", "table_file", Contract("Cục Thống kê"), {**OPTIONS, "folder": str(tmp_path)})
    polled = Asking(source, catalog.open_adapter(source), MemoryLog())
    (tmp_path / "a.xlsx").write_bytes(b"no workbook")
    known = await polled.poll()
    assert told(known).untaken and told(known).lacking == ()
    assert notices("drop", BOTH, "", told(known)) == {}
