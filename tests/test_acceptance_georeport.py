"""The 19,999 reports of Los Angeles filed through POST in a test jurisdiction, and read back whole through GET."""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import msgspec
import pytest

from ioc import catalog
from ioc.adapter import Reading
from ioc.adapter_suite import poll
from ioc.contract import Contract
from ioc.db.session import Database, migrate, open_db
from ioc.mask import mask_text
from ioc.report_rules import Category, Reports
from ioc.settings import Source
from tests.georeport import OTHER_KEY, RULES, TEST, centre, fits, two

FILES = ("MyLA311_2017_subset_10000.csv", "MyLA311_2020_requests_10000.csv")
V2 = "/open311/v2"
AT_ONCE = 50


class Filed(NamedTuple):
    """What is filed of one row of the exports."""

    number: str
    kind: str
    lat: str
    lon: str
    address: str
    words: str

    @property
    def code(self) -> str:
        return code_of(self.kind)

    @property
    def form(self) -> dict[str, str]:
        told = {"lat": self.lat, "long": self.lon, "address_string": self.address, "description": self.words}
        return {"service_code": self.code, "jurisdiction_id": TEST, "api_key": OTHER_KEY, **told}


def code_of(kind: str) -> str:
    return re.sub("[^a-z0-9]+", "_", kind.lower()).strip("_")[:40]


def rows(shared: Path) -> list[Filed]:
    """Every row of both exports, whichever way its columns are written."""
    found = []
    for name in FILES:
        with (shared / "field_reports" / name).open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                low = {column.lower(): (value or "").strip() for column, value in row.items()}
                words = f"SR {low['srnumber']}: {low['requesttype']}, {low['actiontaken']} ({low['requestsource']})"
                place = (low["latitude"], low["longitude"]) if low["latitude"] and low["longitude"] else ("", "")
                found.append(Filed(low["srnumber"], low["requesttype"], *place, low["address"], words))
    return found


def rules_of(filed: list[Filed]) -> Reports:
    kinds = {code_of(one.kind): one.kind for one in filed}
    categories = {code: Category((kind, kind)) for code, kind in sorted(kinds.items())}
    return two(msgspec.structs.replace(RULES, categories=categories), per_key="100000/minute")


def equal(sent: Filed, got: dict[str, Any]) -> bool:
    """Place, or address where there is none; category; text."""
    place = (got["lat"] or None, got["long"] or None)
    if sent.lat:
        same = [round(float(part), 6) for part in place if part] == [
            round(float(sent.lat), 6),
            round(float(sent.lon), 6),
        ]
    else:
        same = place == (None, None) and got["address"] == sent.address
    return (
        same
        and (got["service_code"], got["service_name"]) == (sent.code, sent.kind)
        and got["description"] == sent.words
    )


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/reports.db"
    await asyncio.to_thread(migrate, url)
    opened = open_db(url)
    yield opened
    await opened.close()


async def file_all(http: httpx2.AsyncClient, waiting: list[Filed]) -> dict[str, Filed]:
    """What was filed, by the number that it was given."""
    told: dict[str, Filed] = {}
    left = iter(waiting)

    async def some() -> None:
        for one in left:
            answer = await http.post(f"{V2}/requests.json", data=one.form, timeout=60)
            assert answer.status_code == 201, answer.text
            told[answer.json()[0]["service_request_id"]] = one

    async with asyncio.TaskGroup() as together:
        for _ in range(AT_ONCE):
            together.create_task(some())
    return told


async def read_all(http: httpx2.AsyncClient, form: str) -> dict[str, dict[str, Any]]:
    """All reports, page by page, each page checked against the schema."""
    found: dict[str, dict[str, Any]] = {}
    for page in range(1, 100):
        query = {"jurisdiction_id": TEST, "page": str(page), "page_size": "1000"}
        answer = await http.get(f"{V2}/requests.{form}", params=query, timeout=60)
        items = fits("service_requests", form, answer.content)
        assert not found.keys() & {item["service_request_id"] for item in items}
        found |= {item["service_request_id"]: item for item in items}
        if len(items) < 1000:
            break
    return found


@pytest.mark.parametrize("every", [20, pytest.param(1, marks=pytest.mark.long)])
async def test_every_report_comes_back_as_it_was_filed(shared: Path, db: Database, every: int) -> None:
    whole = rows(shared)
    assert len(whole) == len({one.number for one in whole}) == 19_999
    sample = whole[::every] + [one for one in whole if not one.lat and one not in whole[::every]][: 200 * (every > 1)]
    async with centre(db, rules_of(whole)) as server, server.http() as http:
        sent = await file_all(http, sample)
        assert len(sent) == len(sample)
        for form in ("json", "xml"):
            got = await read_all(http, form)
            assert got.keys() == sent.keys()
            assert [number for number, one in sent.items() if not equal(one, got[number])] == []
        options = {
            "event": "ioc.report.observed", "url": f"http://127.0.0.1:{server.port}{V2}", "jurisdiction": TEST,
            "page_size": 1000, "timeout_s": 60,
        }  # fmt: skip
        adapter = catalog.open_adapter(Source("reports", "open311", Contract("us"), options))
        results, _ = await poll(adapter)
        read = {one.subject: one for one in results if isinstance(one, Reading)}
        assert len(results) == len(sent) and read.keys() == sent.keys()
        for number, one in sent.items():
            assert read[number].properties["description"] == one.words == mask_text(one.words)
            assert (read[number].geometry is not None) == bool(one.lat)
