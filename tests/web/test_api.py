"""The API: what is here, now and as it was; bad questions; readiness, pages and headers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import fields
from ioc.board.memory import MemoryBoard
from ioc.contract import Contract
from ioc.db import archive
from ioc.db.figures import Noted, note_figures
from ioc.db.session import Database, migrate, open_db
from ioc.event import Event, Feature
from ioc.log import Entry
from ioc.settings import Source
from ioc.web import access, table
from ioc.web.app import build

from .conftest import Running, running, settings
from .test_hub import CAMERAS
from .test_quality import START, VMS, item

DAY = datetime(2026, 3, 9, 2, 0, tzinfo=UTC)
CADENCE = Contract("Sở Giao thông", cadence=30, expect=3)
SOURCES = {
    "vms": Source("vms", "camera_registry", CADENCE, {"event": "ioc.camera.observed"}, ("Camera", "Cameras")),
    "sender": Source("sender", "push", CADENCE, {"event": "ioc.camera.observed"}),
}


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    migrate(f"sqlite:///{tmp_path}/archive.db")
    opened = open_db(f"sqlite:///{tmp_path}/archive.db")
    yield opened
    await opened.close()


@pytest.fixture
async def full(board: MemoryBoard, db: Database) -> AsyncIterator[Running]:
    """A server with three cameras, one tile and one source on its boards."""
    cameras = {
        name: feature(name, 109.0 + number, unit)
        for number, (name, unit) in enumerate(zip("abc", ("1", "2", "1"), strict=True))
    }
    await board.reset(CAMERAS, cameras)
    await board.reset("tile/cameras_live", {"all": b'{"value":3,"have":3}', "1": b'{"value":2,"have":2}'})
    told = item("vms", VMS, have=3, error="vms.example answered HTTP 500; it is asked again later.")
    told |= {name: told[name].isoformat() for name in ("due", "received")}
    await board.reset("sources", {"vms": msgspec.json.encode(told)})
    watched = ("alerts", "ledger", "scores", "links", "checks", "reminders", "walls")
    for name in (*watched, "tile/cameras_frozen", "tile/cameras_down", "tile/word_correct"):
        await board.reset(name, {})
    async with running(build(settings(sources=SOURCES), board=board, db=db)) as found:
        yield found


def feature(name: str, lon: float, unit: str, state: str = "live") -> bytes:
    properties = {"name": f"Ngã tư {name}", "unit": unit, "state": state, "observed": "2026-03-10T09:00:00+07:00"}
    place = {"type": "Point", "coordinates": [lon, 13.0]}
    return json.dumps({"type": "Feature", "id": name, "geometry": place, "properties": properties}).encode()


async def get(server: Running, path: str, **headers: str) -> Any:
    async with server.http() as http:
        return await http.get(path, headers=headers)


async def test_a_layer_is_a_feature_collection_with_its_quality(full: Running) -> None:
    answer = await get(full, "/api/layers/cameras")
    told = answer.json()
    assert answer.headers["content-type"] == "application/geo+json"
    assert (told["type"], [f["id"] for f in told["features"]]) == ("FeatureCollection", ["a", "b", "c"])
    assert (told["channel"], told["quality"]["sources"]["vms"]) == (CAMERAS, "stale")
    assert (told["numberMatched"], told["numberReturned"]) == (3, 3)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("bbox=108.5,12,109.5,14", "a"),
        ("bbox=170,-10,109.5,14", "a"),
        ("unit=1", "ac"),
        ("unit=1,2&limit=2", "ab"),
        ("unit=9", ""),
        ("unit=1&bbox=110.5,12,112,14", "c"),
        ("cachebuster=1", "abc"),
    ],
)
async def test_a_layer_in_part(full: Running, query: str, found: str) -> None:
    told = (await get(full, f"/api/layers/cameras?{query}")).json()
    assert "".join(f["id"] for f in told["features"]) == found


async def test_an_etag_stands_for_the_position(full: Running, board: MemoryBoard) -> None:
    first = await get(full, "/api/layers/cameras")
    again = await get(full, "/api/layers/cameras", **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    narrower = await get(full, "/api/layers/cameras?limit=1", **{"If-None-Match": first.headers["etag"]})
    assert narrower.status_code == 200
    table_ = {"If-None-Match": first.headers["etag"], "Accept": "text/csv"}
    assert (await get(full, "/api/layers/cameras", **table_)).status_code == 200
    place = await board.apply(CAMERAS, {"a": None})
    async with full.client() as client:
        await client.watch(CAMERAS)
        await client.until_at(CAMERAS, place.offset)
    moved = await get(full, "/api/layers/cameras", **{"If-None-Match": first.headers["etag"]})
    assert moved.status_code == 200


async def test_a_mistake_of_ours_is_answered_with_the_guards_headers(
    full: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full.app.state, "door", None)
    answer = await get(full, "/api/layers/cameras")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.headers["x-content-type-options"] == "nosniff" and "content-security-policy" in answer.headers


async def test_a_layer_as_csv(full: Running) -> None:
    answer = await get(full, "/api/layers/cameras", Accept="text/csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    for never in ("text/csv;q=0", "application/json, text/csv; q=0.000"):
        unwanted = await get(full, "/api/layers/cameras", Accept=never)
        assert unwanted.headers["content-type"].startswith("application/geo+json")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert (rows[0]["id"], rows[0]["lon"], rows[0]["name"]) == ("a", "109.0", "Ngã tư a")
    assert len(rows) == 3


FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.integers(), max_size=2)


@given(st.lists(st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=4), max_size=5))
def test_csv_keeps_every_value_and_runs_no_formula(rows: list[dict[str, Any]]) -> None:
    bodies = [json.dumps({"id": str(n), "geometry": None, "properties": row}).encode() for n, row in enumerate(rows)]
    read = list(csv.DictReader(io.StringIO(table.features(bodies).decode(), newline="")))
    assert [row["id"] for row in read] == [str(n) for n in range(len(rows))]
    for row, told in zip(rows, read, strict=True):
        for name, value in row.items():
            if isinstance(value, str) and name not in ("id", "lon", "lat", "geometry"):
                cell = told[fields.defused(name)]
                assert cell in (value, f"'{value}") and not cell.lstrip().startswith(FORMULA)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/api/layers/cameras?bbox=1,2,3&unit=%20&limit=0&at=yesterday&known=2099-01-01", 5),
        ("/api/layers/cameras?bbox=1,9,3,4", 1),
        ("/api/layers/cameras?bbox=nan,1,2,3", 1),
        ("/api/layers/cameras?limit=1&limit=2", 1),
        ("/api/tiles/cameras_live?from=2026-03-02&to=2026-03-01", 1),
        ("/api/tiles/cameras_live?at=9999-12-31T23:59:59Z", 1),
    ],
)
async def test_everything_wrong_is_named_at_once(full: Running, path: str, wrong: int) -> None:
    answer = await get(full, path)
    told = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert (len(told["errors"]), told["status"]) == (wrong, 400)
    assert all(error["say"].endswith(".") for error in told["errors"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/api/layers/nothing", 404),
        ("GET", "/api/tiles/nothing", 404),
        ("GET", "/api/sources/nothing", 404),
        ("GET", "/api/screens/nothing", 404),
        ("GET", "/api/screens/..%2Foverview", 404),
        ("GET", "/wall/nothing", 404),
        ("GET", "/report", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("GET", "/ws", 426),
        ("DELETE", "/api/layers", 405),
        ("GET", "/basemap.pmtiles", 404),
    ],
)
async def test_errors_are_problem_details(full: Running, method: str, path: str, status: int) -> None:
    async with full.http() as http:
        answer = await http.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"].endswith(".")
    assert "Traceback" not in answer.text


async def test_lists_name_what_a_screen_needs(full: Running) -> None:
    (layer,) = (await get(full, "/api/layers")).json()
    assert (layer["name"], layer["channel"], layer["count"], layer["views"]) == ("cameras", CAMERAS, 3, True)
    assert layer["title"]["vi"]
    tiles = {tile["name"]: tile for tile in (await get(full, "/api/tiles")).json()}
    assert tiles["cameras_live"]["items"] == {"all": {"value": 3, "have": 3}, "1": {"value": 2, "have": 2}}
    assert tiles["cameras_live"]["quality"]["method"] == "computed"
    (source,) = (await get(full, "/api/sources")).json()
    assert (source["name"], source["contract"]["owner"], source["title"]["en"]) == ("vms", "Sở Giao thông", "Cameras")


async def test_a_source_tells_its_errors_and_what_was_set_aside(full: Running, db: Database) -> None:
    told = {"reason": "position", "say": "The latitude is no number.", "raw": "{}", "digest": "d1", "record": "r1"}
    refused = Event("e1", "vms", "ioc.record.refused", "d1", DAY, DAY, Feature(told))
    await archive.store(db, [Entry("1", refused)])
    found = (await get(full, "/api/sources/vms")).json()
    assert found["last_errors"] == ["vms.example answered HTTP 500; it is asked again later."]
    (aside,) = found["set_aside"]
    assert (aside["reason"], aside["subject"], aside["count"]) == ("position", "r1", 1)
    assert aside["first"].endswith("+07:00")
    assert "raw" not in aside, "records that were set aside may name people; only operators read them"
    for agency, known in (("cap_nuoc", 0), (None, 0), ("Sở Giao thông", 1)):
        key = await access.add_key(db, name="cơ quan", role="agency", agency=agency)
        async with full.http(key) as http:
            theirs = (await http.get("/api/sources/vms")).json()
        assert (len(theirs["set_aside"]), len(theirs["aside_reasons"])) == (known, known), agency


def observed(number: int, subject: str, hours: float, state: str | None, *, later: float = 0) -> Entry:
    """An event of the camera `subject`, `hours` after DAY, heard of `later` hours after that; None: it is gone."""
    time = DAY + timedelta(hours=hours)
    data = Feature({"state": state}, {"type": "Point", "coordinates": [109.0, 13.0]}) if state else None
    received = time + timedelta(hours=later)
    return Entry(str(number), Event(f"e{number}", "vms", "ioc.camera.observed", subject, time, received, data))


async def test_a_layer_as_it_was_and_as_it_was_known(full: Running, db: Database) -> None:
    entries = [
        observed(1, "a", 0, "live"), observed(2, "b", 1, "live"), observed(3, "a", 2, "down"),
        observed(4, "b", 3, None), observed(5, "a", 1.5, "late", later=5),
    ]  # fmt: skip
    await archive.store(db, entries)

    async def then(**moments: float) -> dict[str, str]:
        query = "&".join(f"{name}={(DAY + timedelta(hours=hours)).isoformat()}" for name, hours in moments.items())
        told = (await get(full, f"/api/layers/cameras?{query}")).json()
        return {f["id"]: f["properties"]["state"] for f in told["features"]}

    assert await then(at=-1) == {}
    assert await then(at=0.5) == {"a": "live"}
    assert await then(at=1.7) == {"a": "late", "b": "live"}
    assert await then(at=1.7, known=3) == {"a": "live", "b": "live"}
    assert await then(known=2.5) == {"a": "down", "b": "live"}
    assert await then(at=4) == {"a": "down"}
    table_ = await get(full, f"/api/layers/cameras?at={DAY.isoformat()}", Accept="text/csv")
    assert table_.text.count("\r\n") == 2


async def test_a_tile_has_a_history_and_a_past(full: Running, db: Database) -> None:
    rows = [
        Noted("cameras_live", "all", DAY + timedelta(hours=n), float(n), json.dumps({"value": n}).encode())
        for n in range(5)
    ]
    await note_figures(db, rows)
    now = (await get(full, "/api/tiles/cameras_live")).json()
    assert (now["value"], now["item"], now["of"], now["quality"]["state"]) == (
        3,
        {"value": 3, "have": 3},
        "all",
        "stale",
    )
    since, until = (DAY + timedelta(hours=1)).isoformat(), (DAY + timedelta(hours=3)).isoformat()
    told = (await get(full, f"/api/tiles/cameras_live?from={since}&to={until}")).json()
    assert [point["value"] for point in told["history"]] == [1, 2, 3]
    then = (await get(full, f"/api/tiles/cameras_live?at={until}")).json()
    assert (then["value"], then["quality"], then["items"]) == (3, None, {})
    early = (await get(full, f"/api/tiles/cameras_live?at={until}&known={since}")).json()
    assert early["value"] == 1
    assert (await get(full, "/api/tiles/cameras_live?unit=1")).json()["value"] == 2


async def test_ready_says_what_is_missing_and_waits_for_no_sender(
    board: MemoryBoard, db: Database, full: Running
) -> None:
    answer = await get(full, "/readyz")
    reasons = answer.json()["reasons"]
    assert answer.status_code == 503
    assert all("tile/word" in reason or "tile/" in reason for reason in reasons), reasons
    for name in full.hub.mirrors:
        if not full.hub.mirrors[name].present:
            await board.reset(name, {})
    await full.present(*full.hub.mirrors)
    assert (await get(full, "/readyz")).json() == {"ready": True, "reasons": [], "warnings": []}
    never = item("vms", VMS) | {"received": None, "due": None, "last_error": None}
    place = await board.apply("sources", {"vms": msgspec.json.encode(never)})
    async with full.client() as client:
        await client.watch("sources")
        await client.until_at("sources", place.offset)
    told = (await get(full, "/readyz")).json()
    assert told["reasons"] == ["The source vms was not asked yet, or its first answer is not on the boards."]


async def test_a_store_that_keeps_nothing_is_said_and_one_that_is_away_is_a_reason(board: MemoryBoard) -> None:
    says: list[Any] = [["This Redis keeps nothing on disk; set appendonly yes."], OSError("away")]

    async def faults() -> list[str]:
        said = says.pop(0)
        if isinstance(said, Exception):
            raise said
        return list(said)

    async with running(build(settings(), board=board, faults=faults)) as server:
        assert (await get(server, "/readyz")).json()["warnings"] == [
            "This Redis keeps nothing on disk; set appendonly yes."
        ]
        assert "Redis can't be asked" in (await get(server, "/readyz")).json()["reasons"][0]


async def test_pages_are_guarded_and_assets_are_kept(board: MemoryBoard, tmp_path: Path) -> None:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "wall.html").write_text("<!doctype html><title>Màn hình tường</title>" + " " * 2000)
    (static / "assets" / "wall-abc123.js").write_text("console.log('x');" * 200)
    (tmp_path / "secret").write_text("secret")
    async with running(build(settings(), board=board, static=static)) as server, server.http() as http:
        page = await http.get("/wall/overview")
        assert (page.status_code, page.headers["content-encoding"], page.headers["cache-control"]) == (
            200,
            "gzip",
            "no-cache",
        )
        assert "Màn hình tường" in page.text
        for answer in (page, await http.get("/healthz"), await http.get("/nothing")):
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self';" in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
        asset = await http.get("/static/assets/wall-abc123.js")
        assert "immutable" in asset.headers["cache-control"]
        assert asset.headers["content-type"].startswith("text/javascript")
        same = await http.get("/static/assets/wall-abc123.js", headers={"If-None-Match": asset.headers["etag"]})
        assert same.status_code == 304
        assert (await http.get("/static/../secret")).status_code == 404
        (static / "assets" / "new-1.css").write_text("a{}")
        home = await http.get("/")
        assert "/wall/overview" in home.text
        assert 'lang="vi"' in home.text
        assert '<a href="/ops">' in home.text
        assert '<a href="/report">' not in home.text, "these settings take no reports"


async def test_a_screen_is_told_with_its_province(board: MemoryBoard) -> None:
    async with running(build(settings(), board=board)) as server:
        told = (await get(server, "/api/screens/overview")).json()
    assert (told["name"], told["province"]["name"], told["demo"], told["beat"]) == ("overview", "Tỉnh thử", False, 0.4)
    assert told["kind"] == "wall"


async def test_the_clock_of_the_fixture_is_past(full: Running) -> None:
    """The source's item was written at START: the hub's own clock makes it stale, whatever stands there."""
    assert datetime.now(UTC) > START
    assert (await get(full, "/api/sources")).json()[0]["state"] == "stale"
    assert (await get(full, "/api/layers")).json()[0]["quality"]["state"] == "stale"
