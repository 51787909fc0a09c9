"""Where a source says how much it holds: read within bounds, on its own host or in its own folder alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import tally
from ioc.adapter_suite import AnswerServer, Said
from ioc.errors import BadRecord, SourceDown, SourceRefused, Untaken
from ioc.proof import Tally
from ioc.tally import TallyAt, TallyIn

SAYS = b'{"data": {"total": "1204", "updated": "10/03/2026 12:00"}, "nothing": null}'
NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)


async def asked(said: Said | bytes, **given: Any) -> Tally:
    with AnswerServer(said) as server:
        return await TallyAt(url=f"{server.url}/tong.json", **given).ask(timeout_s=5, zone="Asia/Ho_Chi_Minh")


async def test_count_and_newest_stand_where_the_settings_say() -> None:
    form = "%d/%m/%Y %H:%M"
    assert await asked(SAYS, count="data.total", newest="data.updated", form=form) == Tally(1204, NOON)
    assert await asked(SAYS, count="data.total") == Tally(1204, None)
    assert await asked(SAYS, count="nothing") == Tally(None, None)


@pytest.mark.parametrize(
    ("said", "given", "kind", "wanted"),
    [
        (SAYS, {"count": "total"}, Untaken, "tells no total"),
        (SAYS, {"newest": "data.total"}, Untaken, "no time"),
        (b'{"total": -1}', {"count": "total"}, Untaken, "ask its owner"),
        (b'{"total": 1.5}', {"count": "total"}, Untaken, "no whole number"),
        (b'{"at": "0001-01-02T00:00:00Z"}', {"newest": "at"}, Untaken, "ask its owner"),
        (b"<html></html>", {"count": "total"}, Untaken, "HTML"),
        (Said(b" " * 1024, times=65), {"count": "total"}, Untaken, "bytes"),
        (Said(b"no", 403), {"count": "total"}, SourceRefused, "key"),
        (Said(b"no", 500), {"count": "total"}, Untaken, "500"),
        (Said(b"no", 502), {"count": "total"}, SourceDown, "502"),
    ],
)
async def test_what_is_no_tally_is_said(
    said: Said | bytes, given: dict[str, Any], kind: type[SourceDown], wanted: str
) -> None:
    with pytest.raises(kind, match=wanted) as caught:
        await asked(said, **given)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("url", "home", "wanted"),
    [
        ("http://other.vn/t", "http://vms.vn/cameras", "another host"),
        ("http://vms.vn:81/t", "http://vms.vn/cameras", "another host"),
        ("http://vms.vn/t", "https://vms.vn/cameras", "another host"),
    ],
)
def test_the_key_goes_to_no_other_host(url: str, home: str, wanted: str) -> None:
    with pytest.raises(ValueError, match=wanted):
        TallyAt(url=url, count="n").check(home)
    TallyAt(url=url, count="n").check(url)


@pytest.mark.parametrize("given", [{"url": "http://vms.vn/t"}, {"url": "tong.json", "count": "n"}])
def test_settings_that_say_nothing_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="write"):
        TallyAt(**given)


def test_what_is_empty_is_not_told() -> None:
    assert tally.told("", None, zone="Asia/Ho_Chi_Minh") == Tally()
    with pytest.raises(BadRecord):
        tally.told(True, None, zone="Asia/Ho_Chi_Minh")


def in_folder(folder: Path, body: bytes | None, **given: Any) -> Tally:
    (folder / "tong").mkdir()
    if body is not None:
        (folder / "tong" / "tong.json").write_bytes(body)
    return TallyIn(file="tong/tong.json", **given).read(folder, "Asia/Ho_Chi_Minh")


def test_a_control_file_says_it_in_a_folder(tmp_path: Path) -> None:
    told = in_folder(tmp_path, SAYS, count="data.total", newest="data.updated", form="%d/%m/%Y %H:%M")
    assert told == Tally(1204, NOON)


@pytest.mark.parametrize(
    ("body", "kind", "wanted"),
    [
        (None, SourceDown, "ask the list's owner"),
        (b'{"tong": -1}', Untaken, "ask its owner"),
        (b"{}", Untaken, "tells no tong"),
        (b" " * (tally.MAX_BYTES + 1), Untaken, "larger than"),
    ],
)
def test_what_a_control_file_can_not_say_is_told(
    body: bytes | None, kind: type[Exception], wanted: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=wanted):
        in_folder(tmp_path, body, count="tong")


@pytest.mark.parametrize("file", ["tong.json", "/etc/tong.json", "../tong.json", "a/../../tong.json"])
def test_a_control_file_lies_in_a_sub_folder(file: str) -> None:
    with pytest.raises(ValueError, match="sub-folder"):
        TallyIn(file=file, count="tong")


@given(st.binary(max_size=200) | st.sampled_from([b'{"tong": 1e99}', b'{"tong": [1]}', b'{"tong": "3"}', b"[]"]))
def test_whatever_a_document_holds_is_a_tally_or_no_answer(body: bytes) -> None:
    try:
        said = TallyIn(file="tong/tong.json", count="tong").told(body, "tong.json", "Asia/Ho_Chi_Minh")
    except SourceDown:
        return
    assert said.newest is None and (said.count is None or said.count >= 0)
