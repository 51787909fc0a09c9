"""Files in a folder: taken when complete, moved when committed, never twice; and the forms of real ones."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest

from ioc import catalog
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord, SourceDown
from ioc.settings import Source

FORM: dict[str, Any] = {"id": "code", "properties": {"people": {"path": "people", "kind": "integer", "form": "vi"}}}


def opened(folder: Path, *forms: dict[str, Any], **options: Any) -> Adapter[Any]:
    given = {"event": "ioc.indicator.measured", "folder": str(folder), "settle_s": 0, "forms": list(forms) or [FORM]}
    return catalog.open_adapter(Source("drop", "table_file", Contract("Cục Thống kê"), given | options))


def drop(folder: Path, name: str, body: bytes | str) -> Path:
    (folder / name).write_bytes(body if isinstance(body, bytes) else body.encode())
    return folder / name


def csv(**people: str | int) -> str:
    return "code;people\n" + "".join(f"{code};{number}\n" for code, number in people.items())


def xlsx(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in rows:
        page.append(row)
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()


async def take(
    adapter: Adapter[Any], cursor: str | None = None, *, commit: bool = True
) -> tuple[list[Answer], str | None]:
    """Ask as the poller does: parse, commit, go on. What can't be parsed is reported."""
    answers = []
    async for answer in adapter.ask(cursor):
        answers.append(answer)
        try:
            list(adapter.parse(answer))
        except SourceDown as error:
            await adapter.committed(answer, error.say)
            continue
        cursor = answer.cursor or cursor
        if commit:
            await adapter.committed(answer, None)
    return answers, cursor


def read(adapter: Adapter[Any], answer: Answer) -> dict[str, Any]:
    return {one.subject: one.properties for one in adapter.parse(answer) if isinstance(one, Reading)}


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


async def test_a_file_is_taken_and_moved(tmp_path: Path) -> None:
    drop(tmp_path, "xã.csv", csv(a="3.359", b=2))
    adapter = opened(tmp_path)
    (answer,), _ = await take(adapter)
    assert answer.name == "xã.csv" and answer.last and not answer.unchanged
    assert read(adapter, answer) == {"a": {"people": 3359}, "b": {"people": 2}}
    assert names(tmp_path) == ["done/xã.csv"]
    assert await take(adapter) == ([], None)


async def test_files_come_oldest_first(tmp_path: Path) -> None:
    for age, name in enumerate(["c.csv", "a.csv", "b.csv"]):
        os.utime(drop(tmp_path, name, csv(a=age)), (1000 + age, 1000 + age))
    answers, _ = await take(opened(tmp_path))
    assert [answer.name for answer in answers] == ["c.csv", "a.csv", "b.csv"]


async def test_unfinished_files_are_left_alone(tmp_path: Path) -> None:
    left = [".hidden.csv", "x.csv.part", "x.tmp", "~$x.xlsx", "x.csv.crdownload"]
    for name in left:
        drop(tmp_path, name, csv(a=1))
    (tmp_path / "folder.csv").mkdir()
    adapter = opened(tmp_path)
    assert (await take(adapter))[0] == []
    (tmp_path / "x.csv.part").rename(tmp_path / "x.csv")
    assert [answer.name for answer in (await take(adapter))[0]] == ["x.csv"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == sorted(set(left) - {"x.csv.part"})


async def test_a_file_that_still_grows_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = drop(tmp_path, "a.csv", "code;people\na;1")
    adapter = opened(tmp_path, settle_s=0.05)
    asleep = asyncio.sleep

    async def grow(seconds: float) -> None:
        with path.open("a") as file:
            file.write("2\n")
        await asleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", grow)
    assert (await take(adapter))[0] == []
    monkeypatch.undo()
    (answer,), _ = await take(adapter)
    assert read(adapter, answer) == {"a": {"people": 12}}


async def test_a_marker_says_that_a_file_is_complete(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", csv(a=1))
    drop(tmp_path, "b.csv", csv(b=1))
    drop(tmp_path, "b.csv.done", "")
    adapter = opened(tmp_path, settle_s=3600, markers=True)
    async with asyncio.timeout(5):
        answers = [answer async for answer in adapter.ask(None)]
    assert [answer.name for answer in answers] == ["b.csv"]
    await adapter.committed(answers[0], None)
    assert names(tmp_path) == ["a.csv", "done/b.csv"]


async def test_a_crash_between_commit_and_move_takes_nothing_twice(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", csv(a=1))
    (answer,), _ = await take(opened(tmp_path), commit=False)
    assert names(tmp_path) == ["a.csv"]
    drop(tmp_path, "b.csv", csv(b=1))
    answers, _ = await take(opened(tmp_path), answer.cursor)
    assert [one.name for one in answers] == ["b.csv"]
    assert names(tmp_path) == ["done/a.csv", "done/b.csv"]


async def test_several_files_may_be_committed_before_any_is_moved(tmp_path: Path) -> None:
    for number, name in enumerate(["a.csv", "b.csv", "c.csv"]):
        os.utime(drop(tmp_path, name, csv(a=number)), (1000 + number, 1000 + number))
    answers, _ = await take(opened(tmp_path), commit=False)
    assert len(answers) == 3
    assert (await take(opened(tmp_path), answers[1].cursor))[0][0].name == "c.csv"
    assert names(tmp_path) == ["done/a.csv", "done/b.csv", "done/c.csv"]


async def test_a_file_that_is_sent_again_is_taken_again(tmp_path: Path) -> None:
    """The same bytes under the same name may take back what another file said between."""
    adapter, cursor = opened(tmp_path), None
    for people in (1, 2, 1, 1):
        drop(tmp_path, "a.csv", csv(a=people))
        (answer,), cursor = await take(adapter, cursor)
        assert read(adapter, answer) == {"a": {"people": people}}
    assert names(tmp_path) == ["done/a (2).csv", "done/a (3).csv", "done/a (4).csv", "done/a.csv"]
    assert cursor is not None and len(msgspec.json.decode(cursor)) == 1


async def test_a_file_that_is_replaced_while_it_is_committed_stays(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", csv(a=1))
    adapter = opened(tmp_path)
    (answer,), cursor = await take(adapter, commit=False)
    drop(tmp_path, "new", csv(a=2))
    (tmp_path / "new").rename(tmp_path / "a.csv")
    await adapter.committed(answer, None)
    (answer,), _ = await take(adapter, cursor)
    assert read(adapter, answer) == {"a": {"people": 2}}


@pytest.mark.parametrize(
    ("name", "body", "say"),
    [
        ("a.csv", "", "empty"),
        ("a.csv", "Tên,Số\nx,1\n", "no column code, people"),
        ("a.xlsx", "code,people\n", "no XLSX"),
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "none of the forms"),
        ("a.xlsx", xlsx(["code", "people"], ["a", 1])[:-40], "cut XLSX"),
    ],
    ids=["empty", "columns", "text", "pdf", "cut"],  # a workbook's bytes hold the second in which it was made
)
async def test_what_can_not_be_read_is_set_aside_with_the_reason(
    tmp_path: Path, name: str, body: bytes | str, say: str
) -> None:
    os.utime(drop(tmp_path, name, body), (1000, 1000))
    drop(tmp_path, "good.csv", csv(a=1))
    answers, _ = await take(opened(tmp_path))
    assert [answer.name for answer in answers] == ["good.csv", f'"{name}"']
    assert names(tmp_path) == ["done/good.csv", f"set-aside/{name}", f"set-aside/{name}.txt"]
    told = (tmp_path / "set-aside" / f"{name}.txt").read_text(encoding="utf-8")
    assert say in told and told.endswith(".\n")


async def test_a_file_that_breaks_off_later_is_set_aside_by_the_poller(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", csv(a=1) + 'b;"2')
    await take(opened(tmp_path))
    assert names(tmp_path) == ["set-aside/a.csv", "set-aside/a.csv.txt"]
    assert "breaks off" in (tmp_path / "set-aside" / "a.csv.txt").read_text(encoding="utf-8")


async def test_what_may_not_be_opened_is_set_aside_and_told(tmp_path: Path) -> None:
    secret = drop(tmp_path.parent, f"{tmp_path.name}-secret.csv", csv(x=1))
    (tmp_path / "link.csv").symlink_to(secret)
    os.mkfifo(tmp_path / "pipe.csv")
    drop(tmp_path, "large.csv", csv(a=1) + "#" * 2000)
    drop(tmp_path, "good.csv", csv(a=1))
    (tmp_path / os.fsdecode(b"bad\xff.csv")).write_text(csv(a=1))
    adapter = opened(tmp_path, max_bytes=1000)
    good, bad = (await take(adapter))[0]
    assert good.name == "good.csv"
    with pytest.raises(SourceDown) as caught:
        adapter.parse(bad)
    for said in (
        "link.csv is a link",
        "pipe.csv is no plain file",
        "large.csv is larger than 1,000 bytes",
        "not plain UTF-8",
    ):
        assert said in caught.value.say
    assert secret.read_text() == csv(x=1)
    left = [os.fsencode(name) for name in names(tmp_path) if not name.endswith(".txt")]
    assert left == [
        b"done/good.csv", b"set-aside/bad\xff.csv",
        b"set-aside/large.csv", b"set-aside/link.csv", b"set-aside/pipe.csv",
    ]  # fmt: skip


async def test_asking_alone_moves_nothing(tmp_path: Path) -> None:
    """`ioc ask` looks at what is there; a form that is still wrong must not set a good file aside."""
    drop(tmp_path, "a.csv", csv(a=1))
    drop(tmp_path, "b.csv", "x;y\n1;2\n")
    assert len([answer async for answer in opened(tmp_path).ask(None)]) == 2
    assert names(tmp_path) == ["a.csv", "b.csv"]


async def test_nothing_leaves_through_a_linked_folder(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "drop", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "done").symlink_to(elsewhere)
    drop(folder, "a.csv", csv(a=1))
    adapter = opened(folder)
    answers, cursor = await take(adapter)
    assert len(answers) == 1 and names(elsewhere) == [] and (folder / "a.csv").exists()
    with pytest.raises(SourceDown, match="is a link"):
        await take(adapter, cursor)


async def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceDown, match="There is no folder"):
        await take(opened(tmp_path / "none"))


async def test_only_so_many_files_are_taken_at_once(tmp_path: Path) -> None:
    for number in range(5):
        drop(tmp_path, f"{number}.csv", csv(a=number))
    adapter = opened(tmp_path, max_files=2)
    assert [len((await take(adapter))[0]) for _ in range(4)] == [2, 2, 1, 0]


def test_forms_are_told_apart_by_name_and_by_columns(tmp_path: Path) -> None:
    first = {"headers": ["people"], "id": "code", "properties": {"people": "people"}}
    second = {
        "files": ["*SỐ*.csv"],
        "id": "xã",
        "prefix": "x/",
        "event": "ioc.other.measured",
        "properties": {"n": "số"},
    }
    third = {"id": "xã", "repeat": True, "properties": {"n": "số"}}
    adapter = opened(tmp_path, first, second, third)
    (one,) = adapter.parse(Answer(b"code,people\na,1\n", name="số.csv"))
    (two,) = adapter.parse(Answer("xã,số\na,1\n".encode(), name="so\u0302\u0301 liệu.CSV"))
    (three,) = adapter.parse(Answer("xã,số\na,1\n".encode(), name="khác.csv"))
    assert isinstance(one, Reading) and isinstance(two, Reading) and isinstance(three, Reading)
    assert (one.subject, one.type, one.repeat) == ("a", None, False)
    assert (two.subject, two.type, two.repeat) == ("x/a", "ioc.other.measured", False)
    assert (three.subject, three.repeat) == ("a", True)
    with pytest.raises(SourceDown, match="no column people"):
        list(adapter.parse(Answer(b"code,x\na,1\n", name="c.csv")))


def test_a_workbook_in_the_vietnamese_manner(tmp_path: Path) -> None:
    form = {
        "id": "Mã xã", "time": {"path": "Ngày", "form": "%d/%m/%Y"}, "unit": {"path": "Mã xã", "width": 5},
        "properties": {
            "Tỉnh": "Tỉnh", "rate": {"path": "Tỷ lệ", "kind": "number", "form": "vi"},
            "people": {"path": "Số người", "kind": "integer", "form": "vi", "default": 0},
        },
        "shape": {"fill_down": ["Tỉnh"], "subtotal": "^Cộng"},
    }  # fmt: skip
    body = xlsx(
        ["BÁO CÁO THÁNG 6"], [],
        ["Tỉnh", "Mã xã", "Ngày", "Tỷ lệ", "Số người"],
        ["  Phú Yên", 123, "01/06/2025", "3.359,80", " 7.065 "],
        [None, 22015, "02/06/2025", "12,5", ""],
        ["Cộng", None, None, None, "7.065"],
        [None, 22018, "31/02/2025", "1", "1"],
    )  # fmt: skip
    first, second, bad = opened(tmp_path, form).parse(Answer(body, name="tháng 6.xlsx"))
    assert isinstance(first, Reading) and isinstance(second, Reading) and isinstance(bad, BadRecord)
    assert (first.unit, first.properties) == ("00123", {"Tỉnh": "Phú Yên", "rate": 3359.8, "people": 7065})
    assert first.time is not None and first.time.isoformat() == "2025-06-01T00:00:00+07:00"
    assert second.properties == {"Tỉnh": "Phú Yên", "rate": 12.5, "people": 0}
    assert bad.reason == "bad_time" and bad.subject == "22018"


def test_a_form_without_what_it_needs_is_no_setting(tmp_path: Path) -> None:
    for forms, say in (
        ([], "no form"),
        ([FORM | {"complete": True}], "complete belongs to the source"),
        ([FORM | {"shape": {"subtotal": "("}}], "no regular expression"),
        ([FORM | {"shape": {"rows": 3}}], "rows"),
        ([FORM | {"shape": {"header_rows": 0}}], "header_rows"),
        ([FORM | {"shape": {"header": 0}}], "header is"),
        ([FORM | {"shape": {"delimiter": ";;"}}], "delimiter"),
    ):
        with pytest.raises(BadConfig, match=say):
            opened(tmp_path, forms=forms)


class TestSuite(AdapterSuite):
    adapter = "table_file"
    trouble = "body"
    options = {"event": "ioc.indicator.measured", "folder": "none", "forms": [FORM]}  # noqa: RUF012
    answers = (xlsx(["Báo cáo"], [], ["code", "people"], *([f"0{number}", number] for number in range(300))),)


def la311(folder: Path) -> list[dict[str, Any]]:
    """The three forms in which Los Angeles has published its reports."""
    common: dict[str, Any] = {"zone": "America/Los_Angeles", "place": "optional"}
    return [
        common | {
            "headers": ["SRNumber"], "id": "SRNumber", "lon": "Longitude", "lat": "Latitude",
            "time": {"path": "UpdatedDate", "form": "%m/%d/%Y %I:%M:%S %p"},
            "properties": {
                "status": "Status", "category": "RequestType", "address": "Address",
                "requested": {"path": "CreatedDate", "kind": "time", "form": "%m/%d/%Y %I:%M:%S %p"},
            },
        },
        common | {
            "headers": ["srnumber", "status"], "id": "srnumber", "lon": "longitude", "lat": "latitude",
            "time": {"path": "updateddate", "form": "%m/%d/%y %H:%M"},
            "properties": {
                "status": "status", "category": "requesttype", "address": "address",
                "requested": {"path": "createddate", "kind": "time", "form": "%m/%d/%y %H:%M"},
            },
        },
        common | {
            "headers": ["srnumber", "type_id"], "id": "srnumber", "lon": "longitude", "lat": "latitude", "repeat": True,
            "time": ["closed_date", "created_date"],
            "properties": {"address": "address", "requested": {"path": "created_date", "kind": "time"}},
        },
    ]  # fmt: skip


def test_the_three_forms_of_los_angeles(shared: Path) -> None:
    folder = shared / "field_reports"
    adapter = opened(folder, *la311(folder))
    found: dict[str, list[Reading]] = {}
    for name in ("MyLA311_2017_subset_10000", "MyLA311_2020_requests_10000", "MyLA311_2020_normalized_9990"):
        results = list(adapter.parse(Answer((folder / f"{name}.csv").read_bytes(), name=f"{name}.csv")))
        assert not [one for one in results if isinstance(one, BadRecord)]
        found[name] = [one for one in results if isinstance(one, Reading)]
    old, new, again = found.values()
    assert [len(one) for one in (old, new, again)] == [9999, 10_000, 9989]
    assert sum(one.geometry is None for one in old) == 1753 and sum(one.geometry is None for one in new) == 11
    assert {one.subject for one in again} < {one.subject for one in new} and all(one.repeat for one in again)
    assert not any(one.repeat for one in (*old, *new))
    requested = [one.properties["requested"] for one in old]
    assert (min(requested), max(requested)) == ("2017-12-28T04:36:22+07:00", "2018-01-01T14:59:58+07:00")


def test_an_export_cut_in_the_middle_loses_one_line(shared: Path) -> None:
    folder = shared / "field_reports"
    body = (folder / "MyLA311_2020_requests_10000.csv").read_bytes()[:1_000_000]
    assert body.count(b'"') % 2 == 0 and not body.endswith(b"\n")
    results = list(opened(folder, *la311(folder)).parse(Answer(body, name="cut.csv")))
    assert [one.reason for one in results if isinstance(one, BadRecord)] == ["bad_row"]
    assert len(results) == body.count(b"\n")
