"""The ledger over HTTP: who told, who is missing; and who may ask."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ioc import clock, names
from ioc.board.memory import MemoryBoard
from ioc.contract import Contract
from ioc.duty import Due
from ioc.layer import Item
from ioc.settings import Access, Source
from ioc.web.app import build

from .conftest import Running, running, settings

DAILY = Contract(
    "Sở Y tế", due=Due("day", by="00:00", after=1), reporters=("bv1", "bv2", "bv3", "=bv4"), method="typed"
)
SOURCES = {
    "beds": Source("beds", "table_file", DAILY, {"event": "ioc.indicator.measured"}, ("Giường bệnh", "Hospital beds")),
    "vms": Source("vms", "camera_registry", Contract("Sở Giao thông"), {"event": "ioc.camera.observed"}),
}
YESTERDAY = (clock.now().astimezone(clock.ZONE) - timedelta(days=1)).date()


@pytest.fixture
async def kept(board: MemoryBoard) -> AsyncIterator[Running]:
    """A server whose ledger holds yesterday's entries of two hospitals, one of them late, and an excuse."""
    noon = clock.now() - timedelta(days=1)
    told = {
        "of": "beds", "first": YESTERDAY.isoformat(), "last": YESTERDAY.isoformat(),
        "reported": {"bv1": clock.rfc3339(noon), "bv2": clock.rfc3339(clock.now())},
        "excused": {"bv3": {"why": "Mất điện", "by": "Trực ban", "at": clock.rfc3339(noon)}},
    }  # fmt: skip
    entry = Item(f"beds/{YESTERDAY}", noon, noon, told)
    await board.reset(names.layer_channel(names.LEDGER), {entry.id: entry.encode()})
    await board.reset(names.LEDGER, {name: msgspec.json.encode({"id": name, "have": 2}) for name in SOURCES})
    async with running(build(settings(sources=SOURCES), board=board)) as found:
        yield found


async def get(server: Running, path: str, **headers: str) -> Any:
    async with server.http() as http:
        return await http.get(path, headers=headers)


async def test_all_ledgers_are_listed(kept: Running) -> None:
    assert [one["id"] for one in (await get(kept, "/api/ledger")).json()] == ["beds", "vms"]


async def test_the_missing_come_first_and_the_sums_are_what_is_expected(kept: Running) -> None:
    told = (await get(kept, "/api/ledger/beds")).json()
    assert [(entry["reporter"], entry["state"]) for entry in told["entries"]] == [
        ("=bv4", "missing"), ("bv2", "late"), ("bv3", "excused"), ("bv1", "reported"),
    ]  # fmt: skip
    assert (told["period"], told["expect"], told["owner"]) == (YESTERDAY.isoformat(), 4, "Sở Y tế")
    assert {name: told[name] for name in ("missing", "late", "excused", "reported", "awaited")} == {
        "missing": 1, "late": 1, "excused": 1, "reported": 1, "awaited": 0,
    }  # fmt: skip
    assert told["entries"][2]["why"] == "Mất điện"


async def test_another_period_is_asked_for_by_name(kept: Running) -> None:
    told = (await get(kept, "/api/ledger/beds?period=2026-03-10")).json()
    assert (told["period"], told["missing"]) == ("2026-03-10", 4)
    answer = await get(kept, "/api/ledger/beds?period=tháng ba")
    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (400, "period")


async def test_the_ledger_as_csv_runs_no_formula(kept: Running) -> None:
    answer = await get(kept, "/api/ledger/beds", Accept="text/csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert f'filename="beds-{YESTERDAY}.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["state"] for row in rows] == ["missing", "late", "excused", "reported"]
    assert rows[0]["reporter"] == "'=bv4"


@pytest.mark.parametrize(("path", "say"), [("nobody", "no source of that name"), ("vms", "no periods")])
async def test_a_source_without_a_ledger_of_periods_says_so(kept: Running, path: str, say: str) -> None:
    answer = await get(kept, f"/api/ledger/{path}")
    assert answer.status_code == 404 and say in answer.json()["detail"]


async def test_the_ledger_is_closed_unless_it_is_opened(board: MemoryBoard) -> None:
    async with running(build(settings(sources=SOURCES, access=Access()), board=board)) as server:
        for path in ("/api/ledger", "/api/ledger/beds"):
            assert (await get(server, path)).status_code == 401


async def test_the_link_matrix_is_listed_to_who_may_see_it(board: MemoryBoard) -> None:
    row = {"id": "y-te", "connected": {"ok": True}, "tried": None}
    await board.reset(names.LINKS, {"y-te": msgspec.json.encode(row)})
    async with running(build(settings(sources=SOURCES), board=board)) as server:
        assert (await get(server, "/api/links")).json() == [row]
    shut = settings(sources=SOURCES)
    shut = msgspec.structs.replace(shut, access=Access(public=("layer/*",)))
    async with running(build(shut, board=board)) as server:
        assert (await get(server, "/api/links")).status_code in (401, 403, 404)


async def test_the_checks_are_listed_and_those_that_fail_come_first(board: MemoryBoard) -> None:
    told = {"a": True, "b": None, "z": False}
    found = {name: msgspec.json.encode({"id": name, "ok": ok}) for name, ok in told.items()}
    await board.reset(names.CHECKS, found)
    async with running(build(settings(sources=SOURCES), board=board)) as server:
        assert [one["id"] for one in (await get(server, "/api/checks")).json()] == ["z", "a", "b"]
    async with running(build(settings(sources=SOURCES, access=Access()), board=board)) as shut:
        assert (await get(shut, "/api/checks")).status_code == 401
