"""A key of the desk: what its role opens by itself; and an agency's, for which others' reports do not exist."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ioc.board.memory import MemoryBoard
from ioc.db.session import Database, migrate, open_db
from ioc.settings import Access as AccessSettings
from ioc.web import access
from ioc.web.app import build

from .conftest import Running, running, settings

REPORTS, TILE = "layer/reports", "tile/reports_overdue"
DESK = {REPORTS, "sources", "walls", "alerts", "reminders"}
SHUT = ("layer/cameras", "scores", "links", "checks", "screen/overview")
OTHERS = ('"theirs"', '"nobodys"', '"odd"', "do_thi", "1022")


def report(name: str, agency: object, **other: Any) -> bytes:
    properties = {"agency": agency, "open": True, **other}
    place = {"type": "Point", "coordinates": [109.3, 13.1]}
    return json.dumps({"type": "Feature", "id": name, "geometry": place, "properties": properties}).encode()


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    migrate(f"sqlite:///{tmp_path}/keys.db")
    opened = open_db(f"sqlite:///{tmp_path}/keys.db")
    yield opened
    await opened.close()


@pytest.fixture
async def desk(board: MemoryBoard, db: Database) -> AsyncIterator[Running]:
    """A server where nothing is public, with a report of an agency, one of another, one of none, and one told oddly."""
    await board.reset(
        REPORTS,
        {
            "mine": report("mine", "cap_nuoc"),
            "theirs": report("theirs", "do_thi"),
            "nobodys": report("nobodys", None),
            "odd": report("odd", ["cap_nuoc"], source="1022"),
        },
    )
    await board.reset(TILE, {"all": b'{"value":4}'})
    shut = settings(layers=("reports",), access=AccessSettings())
    async with running(build(shut, board=board, db=db)) as found:
        yield found


@pytest.mark.parametrize(("role", "more"), [("operator", True), ("agency", False)])
async def test_a_key_of_the_desk_opens_by_itself_what_the_desk_shows_and_no_more(
    desk: Running, db: Database, role: str, more: bool
) -> None:
    key = await access.add_key(db, name="Lan", role=role, agency="cap_nuoc")
    code = await access.make_code(db, name="Lan", role=role, agency="cap_nuoc")
    for secret in (key, await access.exchange(db, code)):
        async with desk.client(key=secret) as client:
            await client.watch(*DESK, TILE, "ledger", *SHUT)
            await client.until(lambda frame: frame.get("channel") == SHUT[-1])
            refused = {frame["channel"] for frame in client.frames if frame["type"] == "problem"}
            assert refused == (set(SHUT) if more else {TILE, "ledger", *SHUT})


async def test_more_or_less_is_what_is_said(desk: Running, db: Database) -> None:
    key = await access.add_key(db, name="Lan", role="operator", channels=("sources",))
    every = await access.add_key(db, name="màn hình")
    async with desk.http(key) as http:
        assert (await http.get("/api/layers/reports")).status_code == 403
    async with desk.http(every) as http:
        assert (await http.get("/api/layers/reports")).json()["numberMatched"] == 4


async def test_others_reports_are_not_on_an_agencys_socket(board: MemoryBoard, desk: Running, db: Database) -> None:
    key = await access.add_key(db, name="Minh", role="agency", agency="cap_nuoc")
    async with desk.client(key=key) as client:
        await client.watch(REPORTS)
        await client.until(lambda _: REPORTS in client.items)
        assert set(client.items[REPORTS]) == {"mine"}
        assert client.quality[REPORTS]["have"] == 1
        await board.apply(REPORTS, {"theirs": report("theirs", "do_thi", overdue=True), "nobodys": None})
        await board.apply(REPORTS, {"passed": report("passed", "cap_nuoc"), "mine": report("mine", "do_thi")})
        await client.until(lambda _: set(client.items[REPORTS]) == {"passed"})
        heard = json.dumps([frame for frame in client.frames if frame.get("channel")])
        assert not any(word in heard for word in OTHERS)


async def test_an_agencys_key_of_none_opens_no_report(desk: Running, db: Database) -> None:
    for agency in (None, ""):
        key = await access.add_key(db, name="Ai", role="agency", agency=agency)
        async with desk.http(key) as http:
            assert (await http.get("/api/layers/reports")).json()["features"] == []


async def test_others_reports_are_in_no_answer_to_an_agency(desk: Running, db: Database) -> None:
    key = await access.add_key(db, name="Minh", role="agency", agency="cap_nuoc")
    every = await access.add_key(db, name="màn hình")
    await desk.present(REPORTS)
    async with desk.http(key) as http, desk.http(every) as other:
        (about,) = (await http.get("/api/layers")).json()
        assert (about["count"], about["quality"]["have"], "sources" in about) == (1, 1, False)
        layer = await http.get("/api/layers/reports")
        assert [one["id"] for one in layer.json()["features"]] == ["mine"]
        assert (await other.get("/api/layers/reports")).headers["etag"] != layer.headers["etag"]
        assert (await http.get("/api/layers/reports?bbox=109,13,110,14")).json()["numberMatched"] == 1
        table = (await http.get("/api/layers/reports", headers={"Accept": "text/csv"})).text
        assert table.count("\r\n") == 2
        tile = "/tiles/reports/14/13166/7590.mvt"
        whole, at_once = await asyncio.gather(other.get(tile), http.get(tile))
        mine = await http.get(tile, headers={"If-None-Match": whole.headers["etag"]})
        assert (mine.status_code, mine.content, b"theirs" in whole.content) == (200, at_once.content, True)
        assert b"mine" in mine.content
        for text in (layer.text, table, mine.text, (await http.get("/api/layers")).text):
            assert not any(word in text for word in (*OTHERS, "theirs", "nobodys"))


async def test_from_afar_an_agency_is_counted_its_own(
    board: MemoryBoard, desk: Running, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ioc.web.afar.FAR_SIZE", 0)
    key = await access.add_key(db, name="Minh", role="agency", agency="cap_nuoc")
    every = await access.add_key(db, name="màn hình")
    view = {"bbox": [108, 12, 110, 14], "zoom": 5}
    async with desk.client(key=key) as client, desk.client(key=every) as other:
        for one, many in ((other, 4), (client, 1)):
            await one.watch(REPORTS, view=view)
            await one.until(lambda _, one=one: bool(one.items.get(REPORTS)))  # type: ignore[misc]
            (cluster,) = one.items[REPORTS].values()
            assert cluster["properties"]["count"] == many
        await board.apply(REPORTS, {"more": report("more", "do_thi"), "own": report("own", "cap_nuoc")})
        await client.until(lambda _: next(iter(client.items[REPORTS].values()))["properties"]["count"] == 2)
        await client.say(type="view", channel=REPORTS, bbox=[108, 12, 110, 14], zoom=12)
        await client.until(lambda _: set(client.items[REPORTS]) == {"mine", "own"})
        assert not any(word in json.dumps(client.frames) for word in OTHERS)
