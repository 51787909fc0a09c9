"""Keys: what one opens, how it travels, how it ends. What a key may not see does not exist for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import websockets
from hypothesis import given
from hypothesis import strategies as st

from ioc.board.memory import MemoryBoard
from ioc.db.session import Database, migrate, open_db
from ioc.db.tables import KeyRow
from ioc.errors import IocError
from ioc.settings import Access as AccessSettings
from ioc.web import access, caller
from ioc.web.access import Access, Grant, Refused, Tries
from ioc.web.app import build
from ioc.web.channels import Channel

from .conftest import Running, running, settings
from .test_hub import CAMERAS, whole

HERE, THERE = "22015", "22045"


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/keys.db"
    migrate(url)
    opened = open_db(url)
    yield opened
    await opened.close()


@pytest.fixture
async def closed(board: MemoryBoard, db: Database) -> AsyncIterator[Running]:
    """A server where nothing is public."""
    shut = settings(access=AccessSettings(proxies=("127.0.0.1",)))
    async with running(build(shut, board=board, db=db)) as found:
        yield found


def camera(name: str, unit: str | None, value: int = 0) -> bytes:
    properties: dict[str, Any] = {"value": value, "name": "Ngã tư Sở"} | ({"unit": unit} if unit else {})
    place = {"type": "Point", "coordinates": [109.0, 13.0]}
    return json.dumps({"type": "Feature", "id": name, "geometry": place, "properties": properties}).encode()


async def test_a_secret_is_never_stored_and_has_256_bits(db: Database) -> None:
    secret = await access.add_key(db, name="wall")
    assert len(secret) >= 43
    async with db.reading() as connection:
        rows = (await connection.execute(sa.select(KeyRow.__table__))).all()  # type: ignore[attr-defined]
    assert secret not in repr(rows)
    (key,) = await access.list_keys(db)
    assert (key.name, key.channels, key.role, key.revoked) == ("wall", ("*",), "screen", None)


@pytest.mark.parametrize(
    "given_", [{"secret": "short"}, {"role": "king"}, {"channels": ("",)}, {"channels": ("x" * 300,)}]
)
async def test_a_bad_key_is_refused_and_nothing_is_stored(db: Database, given_: dict[str, Any]) -> None:
    with pytest.raises(IocError) as caught:
        await access.add_key(db, name="wall", **given_)
    assert caught.value.say.endswith(".")
    assert await access.list_keys(db) == []


async def test_a_given_secret_serves_again_with_its_new_rights(db: Database) -> None:
    for channels in (("layer/*",), ("*",)):
        await access.add_key(db, name="demo", secret="s" * 40, channels=channels)
    (key,) = await access.list_keys(db)
    assert key.channels == ("*",)


async def test_a_code_serves_once(db: Database) -> None:
    code = await access.make_code(db, name="wall", channels=("layer/*",), units=(HERE,))
    secret = await access.exchange(db, code)
    doors = Access(db)
    grant = await doors.of(secret, "1.2.3.4")
    assert (grant.channels, grant.units) == (("layer/*",), frozenset({HERE}))
    with pytest.raises(Refused):
        await access.exchange(db, code)
    late = await access.make_code(db, name="wall", minutes=-1)
    with pytest.raises(Refused):
        await access.exchange(db, late)


async def test_wrong_keys_are_counted_by_address() -> None:
    now = [0.0]
    tries = Tries(limit=3, per=60, now=lambda: now[0], kept=2)
    for _ in range(3):
        assert tries.wait("a") == 0
        tries.wrong("a")
    assert tries.wait("a") == 60
    assert tries.wait("b") == 0
    now[0] = 61
    assert tries.wait("a") == 0
    for address in "bcd":
        tries.wrong(address)
    assert len(tries._wrong) == 2


def test_a_push_key_opens_its_door_and_nothing_else() -> None:
    grant = Grant((), role="push:rain", key=1)
    assert grant.may_push("rain")
    assert not grant.may_push("flood")
    assert not grant.may("layer/cameras")
    assert not Grant(("*",), role="screen", key=1).may_push("rain")
    assert not Grant(("*",), role="admin", key=1, revoked=True).may_push("rain")


@given(st.text(max_size=30), st.lists(st.text(min_size=1, max_size=10), max_size=3))
def test_a_pattern_opens_what_it_matches_alone(channel: str, patterns: list[str]) -> None:
    grant = Grant(tuple(patterns), key=1)
    if "*" in patterns:
        assert grant.may(channel)
    if not any(mark in pattern for pattern in patterns for mark in "*?["):
        assert grant.may(channel) == (channel in patterns)


async def test_without_a_key_nothing_is_open(board: MemoryBoard, closed: Running) -> None:
    await board.reset(CAMERAS, {"a": camera("a", HERE)})
    async with closed.client() as client, closed.http() as http:
        await client.watch(CAMERAS)
        told = await client.until(lambda frame: frame["type"] == "problem")
        assert (told["code"], told["channel"]) == ("forbidden", CAMERAS)
        for path in ("/api/layers", "/api/layers/cameras", "/api/tiles", "/api/sources", "/api/screens/overview"):
            answer = await http.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), path
            assert "Bearer" in answer.headers["www-authenticate"]
        for path in ("/", "/healthz", "/openapi.json", "/asyncapi.json"):
            assert (await http.get(path)).status_code == 200, path


async def test_what_is_public_needs_no_key(board: MemoryBoard, db: Database) -> None:
    await board.reset(CAMERAS, {"a": camera("a", HERE)})
    half = settings(access=AccessSettings(public=("layer/*",)))
    async with running(build(half, board=board, db=db)) as server, server.client() as client, server.http() as http:
        await client.watch(CAMERAS)
        await whole(client, board)
        await client.watch("sources")
        assert (await client.until(lambda frame: frame["type"] == "problem"))["channel"] == "sources"
        assert (await http.get("/api/layers/cameras")).status_code == 200
        assert (await http.get("/api/tiles/cameras_live")).status_code == 401


@pytest.mark.parametrize("way", ["hello", "bearer", "cookie"])
async def test_a_key_travels_in_hello_header_or_cookie(
    board: MemoryBoard, closed: Running, db: Database, way: str
) -> None:
    await board.reset(CAMERAS, {"a": camera("a", HERE)})
    secret = await access.add_key(db, name="wall", channels=("layer/*",))
    headers = {"bearer": {"Authorization": f"Bearer {secret}"}, "cookie": {"Cookie": f"{caller.COOKIE}={secret}"}}
    given_ = {"key": secret} if way == "hello" else {"additional_headers": headers[way]}
    async with closed.client(**given_) as client:
        await client.watch(CAMERAS, "sources")
        await whole(client, board)
        assert [frame["channel"] for frame in client.frames if frame["type"] == "problem"] == ["sources"]


@pytest.mark.parametrize("name", ["key", "token", "KEY", "access_token"])
async def test_a_key_in_an_address_is_turned_away(closed: Running, name: str) -> None:
    async with closed.http() as http:
        answer = await http.get(f"/api/layers?{name}=abc")
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with websockets.connect(f"ws://127.0.0.1:{closed.port}/ws?{name}=abc"):
            pass
    assert refused.value.response.status_code == 400


async def test_a_wrong_key_is_sent_away_for_good(closed: Running) -> None:
    async with closed.client(hello=False) as client:
        await client.say(type="hello", key="x" * 43)
        told = await client.hear()
        assert (told["type"], told["code"], told["reconnect"]) == ("bye", 4501, False)
    async with closed.http("x" * 43) as http:
        assert (await http.get("/api/layers")).status_code == 401


async def test_a_code_becomes_a_cookie_that_scripts_cannot_read(closed: Running, db: Database) -> None:
    code = await access.make_code(db, name="wall")
    async with closed.http() as http:
        plain = await http.post("/api/session", json={"code": code})
        assert (plain.status_code, plain.content) == (204, b"")
        kept = plain.headers["set-cookie"].lower()
        assert all(word in kept for word in ("httponly", "samesite=strict", "path=/", "max-age="))
        assert "secure" not in kept
        assert (await http.get("/api/layers")).status_code == 200
        assert (await http.post("/api/session", json={"code": code})).status_code == 401
        page = await http.get("/wall/overview")
        assert page.status_code == 503 or "set-cookie" in page.headers, "each visit begins the cookie's life anew"
    code = await access.make_code(db, name="wall")
    async with closed.http() as http:
        tls = await http.post("/api/session", json={"code": code}, headers={"X-Forwarded-Proto": "https"})
        assert "secure" in tls.headers["set-cookie"].lower()
        assert "strict-transport-security" in tls.headers
    async with closed.http() as http:
        other = await http.post("/api/session", json={"code": "y"}, headers={"Origin": "https://elsewhere.example"})
        assert other.status_code == 403
        for bad in (
            b"",
            b"[]",
            b"{}",
            b'{"key":""}',
            b'{"code":1}',
            b'{"code":"x","more":1}',
            b'{"code":"x","key":"y"}',
        ):
            assert (await http.post("/api/session", content=bad)).status_code == 400
        assert (await http.post("/api/session", content=b"x" * 5000)).status_code == 413


async def test_a_key_that_is_typed_in_becomes_the_cookie_and_a_wrong_one_does_not(
    closed: Running, db: Database
) -> None:
    secret = await access.add_key(db, name="Trần Hùng", role="operator")
    async with closed.http() as http:
        wrong = await http.post("/api/session", json={"key": "x" * 43})
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
        told = await http.post("/api/session", json={"key": secret})
        assert (told.status_code, told.content) == (204, b"")
        assert "httponly" in told.headers["set-cookie"].lower()
        assert (await http.get("/api/layers")).status_code == 200
    (key,) = [one for one in await access.list_keys(db) if one.name == "Trần Hùng"]
    assert await access.revoke_key(db, key.id)
    async with closed.http() as http:
        # each process reads the keys again within a second or two
        for _ in range(100):
            late = await http.post("/api/session", json={"key": secret})
            if late.status_code != 204:
                break
            await asyncio.sleep(0.1)
        assert (late.status_code, "set-cookie" in late.headers) == (403, False)


@pytest.mark.parametrize(
    ("peer", "headers", "address", "secure"),
    [
        ("9.9.9.9", {"x-forwarded-for": "1.1.1.1", "x-forwarded-proto": "https"}, "9.9.9.9", False),
        ("10.0.0.1", {"x-forwarded-for": "6.6.6.6, 1.1.1.1", "x-forwarded-proto": "https"}, "1.1.1.1", True),
        ("10.0.0.1", {"x-forwarded-for": "1.1.1.1, 10.0.0.2"}, "1.1.1.1", False),
        ("10.0.0.1", {}, "10.0.0.1", False),
    ],
)
def test_forwarded_headers_are_believed_from_named_proxies_only(
    peer: str, headers: dict[str, str], address: str, secure: bool
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "scheme": "http", "client": (peer, 1), "headers": raw}
    named = AccessSettings(proxies=("10.0.0.0/8",))
    assert (caller.address(scope, named), caller.secure(scope, named)) == (address, secure)


async def _scoped(board: MemoryBoard, db: Database) -> str:
    both = {"here": camera("here", HERE), "there": camera("there", THERE), "nowhere": camera("nowhere", None)}
    await board.reset(CAMERAS, both)
    await board.reset("tile/cameras_live", {"all": b'{"value":3}', HERE: b'{"value":1}', THERE: b'{"value":2}'})
    await board.reset("sources", {"vms": b'{"id":"vms","state":"live","have":3,"checks":{"passed":1,"failed":[]}}'})
    await board.reset("alerts", {"tile/cameras_live": b'{"say":"x"}'})
    return await access.add_key(db, name="commune", units=(HERE,))


async def test_what_a_unit_may_not_see_does_not_exist_on_the_socket(
    board: MemoryBoard, closed: Running, db: Database
) -> None:
    key = await _scoped(board, db)
    async with closed.client(key=key) as client:
        await client.watch(CAMERAS, "tile/cameras_live", "sources", "alerts")
        await client.until(lambda _: bool(client.items.get(CAMERAS)) and bool(client.items.get("tile/cameras_live")))
        assert client.quality[CAMERAS]["have"] == 1
        assert client.quality[CAMERAS]["expect"] is None
        await board.apply(CAMERAS, {"there": camera("there", THERE, 9), "new": camera("new", THERE)})
        await board.apply(CAMERAS, {"there": None, "nowhere": None})
        await board.apply("tile/cameras_live", {"all": b'{"value":4}', THERE: None})
        await board.apply(CAMERAS, {"here": camera("here", HERE, 1), "moved": camera("moved", HERE)})
        await client.until(lambda _: "moved" in client.items[CAMERAS])
        await board.apply(CAMERAS, {"moved": camera("moved", THERE)})
        await client.until(lambda _: "moved" not in client.items[CAMERAS])
        assert set(client.items[CAMERAS]) == {"here"}
        assert set(client.items["tile/cameras_live"]) == {HERE}
        heard = json.dumps([frame for frame in client.frames if frame.get("channel")])
        assert not any(word in heard for word in (THERE, '"there"', '"new"', '"nowhere"', '"all"', "vms"))


async def test_what_a_unit_may_not_see_does_not_exist_over_http(
    board: MemoryBoard, closed: Running, db: Database
) -> None:
    key = await _scoped(board, db)
    await closed.present(CAMERAS, "tile/cameras_live", "sources")
    async with closed.http(key) as http:
        for path in ("/api/layers", "/api/layers/cameras", "/api/tiles", "/api/tiles/cameras_live", "/api/sources"):
            answer = await http.get(path)
            assert answer.status_code == 200, path
            assert not any(word in answer.text for word in (THERE, '"there"', '"nowhere"', '"all"', "vms")), path
        layer = (await http.get("/api/layers/cameras")).json()
        assert (layer["numberMatched"], [f["id"] for f in layer["features"]]) == (1, ["here"])
        table = (await http.get("/api/layers/cameras", headers={"Accept": "text/csv"})).text
        assert table.count("\r\n") == 2
        assert THERE not in table
        assert (await http.get(f"/api/layers/cameras?unit={THERE}")).json()["features"] == []
        assert (await http.get(f"/api/tiles/cameras_live?unit={THERE}")).status_code == 404
        assert (await http.get("/api/tiles/cameras_live")).json()["value"] == 1
        assert (await http.get("/api/sources/vms")).status_code == 404


async def test_vector_tiles_open_as_their_layer_does(board: MemoryBoard, closed: Running, db: Database) -> None:
    key = await _scoped(board, db)
    await closed.present(CAMERAS)
    path = "/tiles/cameras/3/6/3.mvt"
    for wrong, status in ((None, 401), (await access.add_key(db, name="tiles", channels=("tile/*",)), 403)):
        async with closed.http(wrong) as http:
            answer = await http.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    whole_etag = ""
    for right, found in ((await access.add_key(db, name="wall"), True), (key, False)):
        async with closed.http(right) as http:
            answer = await http.get(path, headers={"If-None-Match": whole_etag})
            assert answer.status_code == 200, "what a wider key was answered is not what this one has"
            assert b"here" in answer.content
            assert found or b"there" not in answer.content
            whole_etag = answer.headers["etag"]


async def test_from_afar_a_unit_is_counted_what_is_its_own(
    board: MemoryBoard, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ioc.web.afar.FAR_SIZE", 0)
    key = await _scoped(board, db)
    channels = {
        CAMERAS: Channel(CAMERAS, "layer", views=True, far="clusters"),
        "sources": Channel("sources", "sources"),
    }
    app = build(settings(access=AccessSettings()), board=board, db=db, channels=channels)
    async with running(app) as server, server.client(key=key) as client:
        await client.watch(CAMERAS, view={"bbox": [108, 12, 110, 14], "zoom": 5})
        await client.until(lambda _: bool(client.items.get(CAMERAS)))
        (cluster,) = client.items[CAMERAS].values()
        assert cluster["properties"]["count"] == 1
        await board.apply(CAMERAS, {"more": camera("more", THERE)})
        await board.apply(CAMERAS, {"mine": camera("mine", HERE)})
        await client.until(lambda _: next(iter(client.items[CAMERAS].values()))["properties"]["count"] == 2)
        # nearer, its items come one by one, as a snapshot of another epoch
        epoch = client.position[CAMERAS][0]
        await client.say(type="view", channel=CAMERAS, bbox=[108, 12, 110, 14], zoom=12)
        await client.until(lambda _: set(client.items[CAMERAS]) == {"here", "mine"})
        assert client.frames[-1]["type"] == "snapshot"
        assert client.position[CAMERAS][0] != epoch
        assert "there" not in json.dumps(client.frames)


async def test_an_alert_is_seen_by_those_who_see_its_cause(board: MemoryBoard, closed: Running, db: Database) -> None:
    await board.reset("alerts", {"tile/a": b'{"say":"a"}', "tile/b": b'{"say":"b"}', "source/vms": b'{"say":"v"}'})
    key = await access.add_key(db, name="half", channels=("alerts", "tile/a"))
    async with closed.client(key=key) as client:
        await client.watch("alerts")
        await client.until(lambda _: bool(client.items.get("alerts")))
        assert set(client.items["alerts"]) == {"tile/a"}
        await board.apply("alerts", {"tile/a": None, "tile/b": b'{"say":"c"}', "source/vms": None})
        delta = await client.until(lambda frame: frame["type"] == "delta" and frame["offset"] > frame["after"])
        assert (delta["put"], delta["drop"]) == ({}, ["tile/a"])


async def test_a_lost_channel_is_erased_and_a_narrower_scope_is_a_new_epoch(
    board: MemoryBoard, closed: Running, db: Database
) -> None:
    await _scoped(board, db)
    key = await access.add_key(db, name="wall")
    number = next(known.id for known in await access.list_keys(db) if known.name == "wall")
    async with closed.client(key=key) as client:
        await client.watch(CAMERAS, "tile/cameras_live")
        await client.until(lambda _: len(client.items.get(CAMERAS, {})) == 3)
        before = client.position[CAMERAS][0]
        await access.change_key(db, number, units=(HERE,))
        await client.until(lambda _: client.position[CAMERAS][0] != before)
        assert set(client.items[CAMERAS]) == {"here"}
        await access.change_key(db, number, channels=("layer/*",))
        told = await client.until(lambda frame: frame["type"] == "problem")
        assert (told["code"], told["channel"]) == ("forbidden", "tile/cameras_live")
        # a position taken with the wider scope is of another epoch: it means a snapshot
        await client.watch(CAMERAS, epoch=before, offset=client.position[CAMERAS][1])
        await client.until(lambda frame: frame["type"] == "snapshot")
        assert set(client.items[CAMERAS]) == {"here"}
