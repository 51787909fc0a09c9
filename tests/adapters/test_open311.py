"""Open311: a GeoReport v2 server over real reports, JSON and XML, in pages, by updates; and the spec's own examples."""

from __future__ import annotations

import csv
import json
import logging
import os
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import catalog, clock
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite, AnswerServer, Said, poll
from ioc.contract import Contract
from ioc.errors import BadRecord, SourceDown, SourceRefused
from ioc.proof import Tally
from ioc.settings import Source
from tests.servers import GeoReportServer

REPORTS = Path(os.environ.get("IOC_SHARED") or Path(__file__).parents[3] / "shared") / "data" / "field_reports"
LOS_ANGELES = ZoneInfo("America/Los_Angeles")
STATUSES = {"Open": "open", "Pending": "open", "Closed": "closed", "Cancelled": "closed", "Referred Out": "referred"}
ROW = {
    "service_request_id": "1022-1", "status": "open", "service_code": "den", "service_name": "Đèn đường hỏng",
    "requested_datetime": "2026-03-01T08:00:00+07:00", "updated_datetime": "2026-03-01T09:00:00+07:00",
    "lat": 13.0955, "long": 109.3028, "address": "Trần Hưng Đạo, Tuy Hòa", "email": "a@b.vn", "phone": "0905000000",
    "first_name": "An", "last_name": "Trần", "account_id": "77", "device_id": "x-1",
}  # fmt: skip
OPTIONS: dict[str, Any] = {"event": "ioc.report.observed", "url": "replaced", "api_key": "key-of-the-test"}
IN_XML = {**OPTIONS, "form": "xml"}
XML = (
    "<?xml version='1.0' encoding='utf-8'?><service_requests><request>"
    + "".join(f"<{name}>{value}</{name}>" for name, value in ROW.items())
    + "</request></service_requests>"
)


class TestJson(AdapterSuite):
    adapter = "open311"
    options = OPTIONS
    answers = (json.dumps([ROW], ensure_ascii=False).encode(),)
    within = (109.0, 12.5, 109.5, 13.7)


class TestXml(AdapterSuite):
    adapter = "open311"
    options = IN_XML
    answers = (XML.encode(),)
    within = (109.0, 12.5, 109.5, 13.7)


class TestSanFrancisco(AdapterSuite):
    adapter = "open311"
    options = IN_XML
    answers = (REPORTS / "georeport_v2_cfa" / "service_requests.xml",)
    within = (-122.6, 37.6, -122.3, 37.9)


def opened(url: str = "http://127.0.0.1:1", **changed: Any) -> Adapter[Any]:
    options = {**OPTIONS, "url": url, **changed}
    return catalog.open_adapter(Source("reports", "open311", Contract("us"), options))


def parsed(body: bytes, **changed: Any) -> list[Reading | BadRecord]:
    return list(opened(**changed).parse(Answer(body)))


def only(results: list[Reading | BadRecord]) -> Reading:
    (found,) = results
    assert isinstance(found, Reading)
    return found


@pytest.mark.parametrize(
    "body", [json.dumps([ROW]).encode(), XML.encode(), json.dumps({"service_requests": [ROW]}).encode()]
)
def test_a_report_and_nothing_of_its_reporter(body: bytes) -> None:
    found = only(parsed(body))
    assert found.subject == "1022-1"
    assert found.time == datetime(2026, 3, 1, 9, tzinfo=clock.ZONE)
    assert found.geometry == {"type": "Point", "coordinates": [109.3028, 13.0955]}
    assert found.properties == {
        "status": "open", "service_code": "den", "service": "Đèn đường hỏng", "description": None,
        "status_notes": None, "agency": None, "address": "Trần Hưng Đạo, Tuy Hòa", "media": None,
        "requested": "2026-03-01T08:00:00+07:00", "updated": "2026-03-01T09:00:00+07:00", "expected": None,
    }  # fmt: skip


def test_properties_of_the_settings_come_on_top() -> None:
    more = {"sla_hours": {"path": "service_code", "values": {"den": 48}}, "service": "service_code"}
    found = only(parsed(json.dumps([ROW]).encode(), properties=more, volatile=["media"]))
    assert (found.properties["sla_hours"], found.properties["service"]) == (48, "den")
    assert found.properties["status"] == "open"


def test_a_record_set_aside_keeps_nothing_of_its_reporter() -> None:
    (bad,) = parsed(json.dumps([{**ROW, "status": "eaten"}]).encode())
    assert isinstance(bad, BadRecord)
    assert bad.reason == "unknown_code"
    assert not {"email", "phone", "first_name", "last_name", "account_id", "device_id"} & set(dict(bad.raw))  # type: ignore[call-overload]


def test_a_report_without_a_place_is_taken_and_one_elsewhere_is_not() -> None:
    assert only(parsed(json.dumps([{**ROW, "lat": "", "long": None}]).encode())).geometry is None
    (bad,) = parsed(json.dumps([{**ROW, "lat": 0, "long": 0}]).encode())
    assert isinstance(bad, BadRecord) and bad.reason == "bad_place"


def test_without_an_update_the_time_of_the_request_counts() -> None:
    row = {name: value for name, value in ROW.items() if name != "updated_datetime"}
    assert only(parsed(json.dumps([row]).encode())).time == datetime(2026, 3, 1, 8, tzinfo=clock.ZONE)


@pytest.mark.parametrize(
    ("file", "kind", "say"),
    [
        ("get_service_request_not_found.xml", SourceDown, '"404"'),
        ("403.xml", SourceDown, "no JSON"),
        ("services.xml", SourceDown, "the root"),
        ("service_definition.xml", SourceDown, "the root"),
    ],
)
def test_the_other_forms_of_the_spec(file: str, kind: type[Exception], say: str, shared: Path) -> None:
    with pytest.raises(kind, match=say):
        parsed((shared / "field_reports" / "georeport_v2_cfa" / file).read_bytes())


def test_an_empty_list_is_an_answer(shared: Path) -> None:
    assert parsed((shared / "field_reports" / "georeport_v2_cfa" / "service_requests_empty.xml").read_bytes()) == []
    assert parsed(b"[]") == []


@pytest.mark.parametrize(
    "body",
    [
        b'[{"code": 403, "description": "Invalid api_key key-of-the-test received"}]',
        b"<errors><error><code>403</code><description>Invalid api_key key-of-the-test</description></error></errors>",
    ],
)
def test_the_error_form_of_the_spec_with_status_200(body: bytes) -> None:
    with pytest.raises(SourceRefused, match="Invalid api_key") as caught:
        parsed(body)
    assert "key-of-the-test" not in caught.value.say


async def test_the_key_is_in_no_log_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with GeoReportServer([ROW], api_key="another key") as server:
        with pytest.raises(SourceRefused) as caught:
            await poll(opened(server.url))
        assert server.asked[0].query["api_key"] == "key-of-the-test"
    assert "key-of-the-test" not in caplog.text + caught.value.say


def la_rows(shared: Path) -> list[dict[str, Any]]:
    """The 2020 export as GeoReport rows."""
    with (shared / "field_reports" / "MyLA311_2020_requests_10000.csv").open(encoding="utf-8-sig", newline="") as file:
        return [
            {
                "service_request_id": row["srnumber"],
                "status": row["status"],
                "service_code": row["requesttype"],
                "service_name": row["requesttype"],
                "requested_datetime": la_time(row["createddate"]),
                "updated_datetime": la_time(row["updateddate"]),
                "address": row["address"],
                "zipcode": row["zipcode"],
                "lat": row["latitude"],
                "long": row["longitude"],
            }
            for row in csv.DictReader(file)
        ]


def la_time(text: str) -> str:
    return datetime.strptime(text, "%m/%d/%y %H:%M").replace(tzinfo=LOS_ANGELES).isoformat()


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_ten_thousand_reports_of_los_angeles_in_pages(form: str, shared: Path) -> None:
    rows = la_rows(shared)
    with GeoReportServer(rows, jurisdiction="lacity.org", cap=500) as server:
        adapter = opened(server.url, form=form, jurisdiction="lacity.org", page_size=1000, statuses=STATUSES)
        results, cursor = await poll(adapter)
        found = {result.subject: result for result in results if isinstance(result, Reading)}
        assert not [result for result in results if isinstance(result, BadRecord)]
        assert found.keys() == {row["service_request_id"] for row in rows}
        assert sum(reading.geometry is None for reading in found.values()) == 11
        newest = max(clock.parse(row["updated_datetime"]) for row in rows)
        assert cursor is not None and clock.parse(cursor) == newest
        asked = len(server.asked)
        again, after = await poll(adapter, cursor)
        assert after == cursor
        assert len(server.asked) - asked <= 2
        assert 0 < len(again) < 500
    assert all(isinstance(one, Reading) and one == found[one.subject] for one in (*again,) if isinstance(one, Reading))


def rows_of(number: int) -> list[dict[str, Any]]:
    return [
        {**ROW, "service_request_id": str(one), "updated_datetime": f"2026-03-01T{one % 24:02}:00:00+07:00"}
        for one in range(number)
    ]


async def test_updates_are_asked_from_the_newest_minus_the_overlap() -> None:
    with GeoReportServer(rows_of(10)) as server:
        adapter = opened(server.url, overlap=3600)
        results, cursor = await poll(adapter)
        assert len(results) == 10 and cursor is not None
        assert "updated_after" not in server.asked[0].query
        server.rows[3] = {**server.rows[3], "status": "closed", "updated_datetime": "2026-03-01T10:30:00+07:00"}
        results, cursor = await poll(adapter, cursor)
        assert [result.subject for result in results if isinstance(result, Reading)] == ["3", "9", "8"]
        assert server.asked[-1].query["updated_after"] == "2026-03-01T01:00:00Z"
        assert cursor is not None and clock.parse(cursor) == clock.parse("2026-03-01T10:30:00+07:00")


async def test_a_date_of_the_future_or_of_no_calendar_moves_no_cursor() -> None:
    rows = rows_of(3)
    with AnswerServer(json.dumps([*rows, {**ROW, "updated_datetime": "2999-01-01T00:00:00Z"},
                                  {**ROW, "updated_datetime": "soon"}]).encode()) as server:  # fmt: skip
        _, cursor = await poll(opened(server.url))
    assert cursor is not None and clock.parse(cursor) == clock.parse("2026-03-01T02:00:00+07:00")


@pytest.mark.parametrize(("cap", "asked"), [(4, 3), (5, 3), (100, 2)])
async def test_a_server_that_gives_fewer_a_page_than_wanted_loses_nothing(cap: int, asked: int) -> None:
    with GeoReportServer(rows_of(10), cap=cap) as server:
        results, _ = await poll(opened(server.url, page_size=50))
        assert len({result.subject for result in results if isinstance(result, Reading)}) == 10
        assert len(server.asked) == asked


async def test_a_server_that_knows_no_pages_is_asked_twice_and_read_once() -> None:
    with AnswerServer(json.dumps(rows_of(5)).encode()) as server:
        results, _ = await poll(opened(server.url))
        assert len(results) == 5
        assert len(server.asked) == 2


async def test_pages_without_end_are_refused() -> None:
    with GeoReportServer(rows_of(10), cap=2) as server, pytest.raises(SourceDown, match="more than 3 pages"):
        await poll(opened(server.url, max_pages=3))


async def test_all_pages_together_are_bounded() -> None:
    with GeoReportServer(rows_of(10), cap=2) as server, pytest.raises(SourceDown, match="bytes"):
        await poll(opened(server.url, max_bytes=2000))


async def test_half_of_the_pages_is_no_answer() -> None:
    pages = AnswerServer(json.dumps(rows_of(2)).encode(), Said(b"", 500))
    with pages as server, pytest.raises(SourceDown, match="HTTP 500"):
        await poll(opened(server.url))


@given(body=st.binary(max_size=100) | st.text(max_size=60).map(lambda text: f"<service_requests>{text}".encode()))
def test_nothing_but_our_errors_comes_out_of_any_bytes(body: bytes) -> None:
    try:
        results = parsed(body)
    except (SourceDown, SourceRefused) as error:
        assert error.say.endswith(".")
    else:
        assert all(isinstance(result, Reading | BadRecord) for result in results)


CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("open")


@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from([*ROW, "request", "code", "errors"]), CELLS, max_size=8) | CELLS, max_size=4
    )
)
def test_nothing_but_our_errors_comes_out_of_any_rows(rows: list[Any]) -> None:
    try:
        results = parsed(json.dumps(rows).encode())
    except (SourceDown, SourceRefused):
        return
    assert len(results) == len(rows)


async def test_a_server_says_when_a_report_was_updated_last_to_who_has_the_key() -> None:
    with AnswerServer(b'{"updated": "2026-03-10T12:00:00+07:00"}') as server:
        tally = {"url": f"{server.url}/tong.json", "newest": "updated"}
        adapter = opened(f"{server.url}/v2", jurisdiction="tuyhoa.example.vn", tally=tally)
        assert adapter.tallies
        assert await adapter.tally() == Tally(None, clock.parse("2026-03-10T12:00:00+07:00"))
    (asked,) = server.asked
    assert asked.query == {"api_key": "key-of-the-test", "jurisdiction_id": "tuyhoa.example.vn"}
    assert not opened().tallies and await opened().tally() is None
