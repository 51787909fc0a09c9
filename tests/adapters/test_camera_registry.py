"""Camera registries: the real ones of three cities, and what goes wrong with registries."""

from __future__ import annotations

import copy
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import catalog, clock
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite, AnswerServer, Asked, Said, poll
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord, SourceDown
from ioc.intake import content
from ioc.proof import Tally
from ioc.settings import Source

CAMERAS = Path(os.environ.get("IOC_SHARED") or Path(__file__).parents[3] / "shared") / "data" / "cameras"
POLLS = [
    CAMERAS / f"hcmc_cameras_{when}.json" for when in ("raw_2025-11-19", "updated_2025-12-08", "updated_2025-12-09")
]
STATE = {
    "path": "verification_status",
    "values": {"accessible": "live", "timeout_or_unreachable": "down"},
    "default": "live",
}
HCMC: dict[str, Any] = {
    "event": "ioc.camera.observed",
    "complete": True,
    "url": "replaced",
    "token": "a-token-of-the-test",
    "id": "id",
    "prefix": "cam/",
    "time": ["last_refreshed", "updated_at"],
    "lon": "longitude",
    "lat": "latitude",
    "within": [106.3, 10.3, 107.1, 11.2],
    "refuse_if": {"status": "error"},
    "refuse_why": "error",
    "same_if": ["code", "name", "node"],
    "volatile": ["image", "refreshed", "refresh"],
    "properties": {
        "name": "name",
        "code": "code",
        "node": "node_id",
        "ptz": {"path": "ptz", "kind": "flag"},
        "image": "image_url_x4",
        "refreshed": {"path": "last_refreshed", "kind": "time", "required": False},
        "refresh": {"path": "refresh_status", "required": False},
    },
}
TFL: dict[str, Any] = {
    "event": "ioc.camera.observed",
    "url": "replaced",
    "id": {"path": "imageUrl", "pattern": r"([\d.]+)\.jpg$"},
    "within": [-0.6, 51.2, 0.4, 51.8],
    "properties": {"name": "view", "state": {"path": "available", "values": {"true": "live", "false": "down"}}},
}
LUXEMBOURG: dict[str, Any] = {
    "event": "ioc.camera.observed",
    "url": "replaced",
    "id": "name",
    "properties": {"name": "name", "image": "image"},
    "same_if": ["image"],
}


class TestHoChiMinhCity(AdapterSuite):
    adapter = "camera_registry"
    options = HCMC
    answers = tuple(POLLS)
    within = (106.3, 10.3, 107.1, 11.2)


class TestLondon(AdapterSuite):
    adapter = "camera_registry"
    options = TFL
    answers = (CAMERAS / "tfl_jamcams.geojson",)
    within = (-0.6, 51.2, 0.4, 51.8)


class TestLuxembourg(AdapterSuite):
    adapter = "camera_registry"
    options = LUXEMBOURG
    answers = (CAMERAS / "luxembourg_cita_cameras.kml",)
    within = (5.7, 49.4, 6.6, 50.2)


def opened(options: dict[str, Any], **changed: Any) -> Adapter[Any]:
    return catalog.open_adapter(Source("cameras", "camera_registry", Contract("us"), {**options, **changed}))


def parsed(options: dict[str, Any], body: bytes, **changed: Any) -> list[Reading | BadRecord]:
    return list(opened(options, **changed).parse(Answer(body)))


def good(results: list[Reading | BadRecord]) -> dict[str, Reading]:
    return {result.subject: result for result in results if isinstance(result, Reading)}


def bad(results: list[Reading | BadRecord]) -> list[BadRecord]:
    return [result for result in results if isinstance(result, BadRecord)]


@pytest.mark.usefixtures("shared")
class TestTheRealRegistries:
    def test_701_are_read_and_20_set_aside_each_with_its_reason(self) -> None:
        for file in POLLS:
            results = parsed(HCMC, file.read_bytes())
            assert len(good(results)) == 701
            assert Counter(error.reason for error in bad(results)) == {"refused_by_source": 20}
            assert all("Marker not found at coordinates" in error.say for error in bad(results))
            assert all(error.subject is not None and error.subject.startswith("cam/") for error in bad(results))

    def test_four_pairs_are_flagged_and_none_is_merged(self) -> None:
        found = good(parsed(HCMC, POLLS[0].read_bytes()))
        same = {subject: reading.properties["maybe_same_as"] for subject, reading in found.items()
                if "maybe_same_as" in reading.properties}  # fmt: skip
        assert same == {
            "cam/17": ["cam/233"], "cam/233": ["cam/17"], "cam/107": ["cam/139"], "cam/139": ["cam/107"],
            "cam/329": ["cam/563"], "cam/563": ["cam/329"], "cam/359": ["cam/370"], "cam/370": ["cam/359"],
        }  # fmt: skip

    def test_later_polls_change_nothing_that_counts(self) -> None:
        polls = [good(parsed(HCMC, file.read_bytes())) for file in POLLS]
        said = [{subject: content(reading) for subject, reading in found.items()} for found in polls]
        assert said[0] == said[1] == said[2]
        assert polls[0]["cam/0"].properties["image"] != polls[1]["cam/0"].properties["image"]
        assert polls[0]["cam/0"].time is not None and polls[1]["cam/0"].time is not None
        assert polls[0]["cam/0"].time < polls[1]["cam/0"].time

    def test_without_volatile_all_701_would_change(self) -> None:
        options = {**HCMC, "volatile": []}
        first, second = (good(parsed(options, file.read_bytes())) for file in POLLS[1:])
        assert sum(content(first[subject]) != content(second[subject]) for subject in first) == 701

    def test_with_the_verification_mapped_exactly_eight_change_and_come_back(self) -> None:
        options = {**HCMC, "properties": {**HCMC["properties"], "state": STATE}}
        polls = [good(parsed(options, file.read_bytes())) for file in POLLS]
        said = [{subject: content(reading) for subject, reading in found.items()} for found in polls]
        changed = {subject for subject in said[0] if said[0][subject] != said[1][subject]}
        assert len(changed) == 8
        assert {polls[1][subject].properties["state"] for subject in changed} == {"down"}
        assert said[2] == said[0]

    def test_london_has_900_739_available(self) -> None:
        results = parsed(TFL, (CAMERAS / "tfl_jamcams.geojson").read_bytes())
        assert not bad(results)
        assert Counter(reading.properties["state"] for reading in good(results).values()) == {"live": 739, "down": 161}

    def test_luxembourg_has_78_and_one_pair(self) -> None:
        found = good(parsed(LUXEMBOURG, (CAMERAS / "luxembourg_cita_cameras.kml").read_bytes()))
        assert len(found) == 78
        assert found["A6 - Camera 59"].properties["maybe_same_as"] == ["A3 - Camera 59"]
        assert found["A6 - Camera 59"].geometry == {"type": "Point", "coordinates": [5.921276, 49.636941]}


SMALL: dict[str, Any] = {
    "event": "ioc.camera.observed",
    "url": "replaced",
    "id": "id",
    "lon": "x",
    "lat": "y",
    "properties": {"name": {"path": "name", "required": False}},
}
ROWS = [{"id": number, "x": 109.3 + number / 1000, "y": 13.1, "name": f"Ngã tư {number}"} for number in range(10)]


class Registry(AnswerServer):
    """Ten rows, in pages by page, offset or next link."""

    rows = ROWS

    def answer(self, asked: Asked) -> Said:
        size = int(asked.query.get("limit", 4))
        at = int(asked.query["offset"]) if "offset" in asked.query else (int(asked.query.get("page", 1)) - 1) * size
        following = f"/cameras?page={at // size + 2}" if at + size < len(self.rows) else None
        return Said(json.dumps({"items": self.rows[at : at + size], "links": {"next": following}}).encode())


PAGED = {**SMALL, "records": "items"}


@pytest.mark.parametrize(
    ("paging", "asked"),
    [
        ({"by": "page", "size": 4}, 4),
        ({"by": "offset", "size": 4}, 4),
        ({"by": "next", "next": "links.next"}, 3),
    ],
)
async def test_pages_are_read_as_one_registry(paging: dict[str, Any], asked: int) -> None:
    with Registry() as server:
        results, _ = await poll(opened(PAGED, url=server.url, paging=paging, same_if=["name"]))
        assert [reading.subject for reading in good(results).values()] == [str(number) for number in range(10)]
        assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("pages", "paging", "say"),
    [
        ([b'[{"id": 1}]', b'[{"id": 2}]', b'[{"id": 3}]'], {"max_pages": 2}, "more than 2 pages"),
        ([b'[{"id": 1}]'], {}, "same page again"),
        ([b'[{"id": 1}]', b'[{"id": 2'], {}, "half a body"),
        ([b'[{"id": 1}]', Said(b"", 500)], {}, "HTTP 500"),
        ([b'{"items": [], "next": "http://127.0.0.2:1/x"}'], {"by": "next"}, "another host"),
    ],
)
async def test_pages_that_cannot_be_believed_are_not_taken(
    pages: list[Said | bytes], paging: dict[str, Any], say: str
) -> None:
    with AnswerServer(*pages) as server:
        records = "items" if paging.get("by") == "next" else ""
        with pytest.raises(SourceDown, match=say):
            await poll(opened(SMALL, url=server.url, paging=paging, records=records))


async def test_a_registry_that_did_not_change_is_not_read_again() -> None:
    body = json.dumps(ROWS).encode()
    headers = {"ETag": '"1"', "Last-Modified": "Sat, 22 Nov 2025 04:00:00 GMT"}
    with AnswerServer(Said(body, headers=headers), Said(status=304)) as server:
        adapter = opened(SMALL, url=server.url)
        _, cursor = await poll(adapter)
        answers = [answer async for answer in adapter.ask(cursor)]
        assert [answer.unchanged for answer in answers] == [True]
        assert answers[0].cursor == cursor
        assert server.asked[1].headers["if-none-match"] == '"1"'
        assert server.asked[1].headers["if-modified-since"] == "Sat, 22 Nov 2025 04:00:00 GMT"


async def test_other_settings_read_the_registry_anew() -> None:
    with AnswerServer(Said(json.dumps(ROWS).encode(), headers={"ETag": '"1"'})) as server:
        _, cursor = await poll(opened(SMALL, url=server.url))
        await poll(opened({**SMALL, "prefix": "cam/"}, url=server.url), cursor)
        assert "if-none-match" not in server.asked[1].headers


@pytest.mark.parametrize(("header", "sent"), [("Authorization", "Bearer a-token"), ("X-Api-Key", "a-token")])
async def test_the_token_goes_into_its_header_only(header: str, sent: str) -> None:
    with AnswerServer(json.dumps(ROWS).encode()) as server:
        await poll(opened(SMALL, url=server.url, token="a-token", token_header=header))
        assert server.asked[0].headers[header.lower()] == sent
        assert "a-token" not in server.asked[0].path + str(server.asked[0].query)


@pytest.mark.parametrize("header", ["Authorization", "X-Api-Key"])
async def test_the_token_follows_no_redirect_to_another_host(header: str) -> None:
    with AnswerServer(json.dumps(ROWS).encode()) as other:
        with AnswerServer(Said(status=302, headers={"Location": other.url})) as server:
            results, _ = await poll(opened(SMALL, url=server.url, token="a-token", token_header=header))
        assert len(good(results)) == 10
        assert header.lower() not in other.asked[0].headers


async def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "cameras.json"
    file.write_text(json.dumps(ROWS[:3]), encoding="utf-8")
    for url in (str(file), file.as_uri()):
        adapter = opened(SMALL, url=url)
        results, cursor = await poll(adapter)
        assert len(good(results)) == 3
        assert [answer.unchanged async for answer in adapter.ask(cursor)] == [True]
    file.write_text(json.dumps(ROWS), encoding="utf-8")
    results, _ = await poll(adapter, cursor)
    assert len(good(results)) == 10
    with pytest.raises(SourceDown, match="larger than 10 bytes"):
        await poll(opened(SMALL, url=str(file), max_bytes=10))
    with pytest.raises(SourceDown, match="can't be read"):
        await poll(opened(SMALL, url=str(tmp_path / "none.json")))


def test_one_bad_record_leaves_the_others() -> None:
    rows: list[Any] = copy.deepcopy(ROWS[:5])
    rows[0]["x"] = "@nan"
    rows[1]["x"], rows[1]["y"] = rows[1]["y"], rows[1]["x"]
    rows[2] = "no object"
    rows[3]["name"] = "x" * 9000
    body = json.dumps(rows).replace('"@nan"', "NaN").encode()
    results = parsed(SMALL, body)
    assert list(good(results)) == ["4"]
    assert [error.reason for error in bad(results)] == ["bad_number", "swapped_place", "bad_type", "too_large"]


def test_an_empty_registry_is_an_answer_without_readings() -> None:
    assert parsed(SMALL, b"[]") == []


def test_same_if_must_name_properties() -> None:
    with pytest.raises(BadConfig, match="same_if names code"):
        opened({**SMALL, "same_if": ["code"]})


@given(body=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_nothing_but_source_down_comes_out_of_any_bytes(body: bytes) -> None:
    try:
        results = parsed(SMALL, body)
    except SourceDown as error:
        assert error.say.endswith(".")
    else:
        assert all(isinstance(result, Reading | BadRecord) for result in results)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "x", "y", "type", "features", "properties", "geometry"]), inner, max_size=5
        )
    ),
    max_leaves=15,
)


@given(value=JSON | st.lists(JSON, max_size=4))
def test_nothing_but_source_down_comes_out_of_any_json(value: Any) -> None:
    for options in (SMALL, {key: value for key, value in SMALL.items() if key not in ("lon", "lat")}):
        try:
            results = parsed(options, json.dumps(value).encode())
        except SourceDown:
            continue
        assert all(isinstance(result, Reading | BadRecord) for result in results)


async def test_a_registry_says_how_much_it_holds_to_who_has_the_key() -> None:
    with AnswerServer(b'{"total": 268, "updated": "2026-03-10T12:00:00+07:00"}') as server:
        tally = {"url": f"{server.url}/tong.json", "count": "total", "newest": "updated"}
        given = {**HCMC, "url": f"{server.url}/cameras", "params": {"area": "1"}, "tally": tally}
        adapter = catalog.open_adapter(Source("cams", "camera_registry", Contract("us"), given))
        assert adapter.tallies
        assert await adapter.tally() == Tally(268, clock.parse("2026-03-10T12:00:00+07:00"))
    (asked,) = server.asked
    assert (asked.path, asked.query) == ("/tong.json", {"area": "1"})
    assert asked.headers["authorization"] == "Bearer a-token-of-the-test"


async def test_a_registry_without_that_setting_can_t_say_it_and_another_host_is_refused() -> None:
    adapter = catalog.open_adapter(Source("cams", "camera_registry", Contract("us"), {**HCMC, "url": "http://a.vn/c"}))
    assert not adapter.tallies and await adapter.tally() is None
    given = {**HCMC, "url": "http://a.vn/c", "tally": {"url": "http://b.vn/t", "count": "n"}}
    with pytest.raises(BadConfig, match="another host"):
        catalog.open_adapter(Source("cams", "camera_registry", Contract("us"), given))


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        (Said(b"no", 500), True), (Said(b"no", 404), True), (b"<html></html>", True), (b"[1", True),
        (Said(b"no", 502), False), (Said(b"no", 504), False), (Said(b"[]", stall=0), False),
    ],
)  # fmt: skip
async def test_a_server_that_says_anything_answered(said: Said | bytes, answered: bool) -> None:
    with AnswerServer(said) as server:
        stalls = isinstance(said, Said) and said.stall is not None
        given = {**HCMC, "url": server.url, "timeout_s": 0.5 if stalls else 30}
        adapter = catalog.open_adapter(Source("cams", "camera_registry", Contract("us"), given))
        with pytest.raises(SourceDown) as caught:
            await poll(adapter)
    assert caught.value.answered is answered
