"""What is restricted: no wildcard opens it, and not one byte of it comes over the wire to others."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ioc import catalog, names
from ioc.board.memory import MemoryBoard
from ioc.contract import Contract
from ioc.db.session import Database, migrate, open_db
from ioc.errors import BadConfig
from ioc.settings import Access as AccessSettings
from ioc.settings import Source
from ioc.web import access
from ioc.web.access import Grant
from ioc.web.app import build

from .conftest import Running, running, settings

LAYER, TILE, COUNT = "layer/restricted_order", "tile/restricted_order_open", "tile/incidents_open"
HISTORY = "layer/alarms"
SECRET = "VV-4711"
"""Stands in every item that is restricted."""
TILES: dict[str, dict[str, Any]] = {
    "restricted_order_open": {"over": "restricted_order", "label": ["Vụ việc", "Incidents"], "parts": "category"},
    "incidents_open": {"over": "restricted_order", "label": ["Vụ việc", "Incidents"], "by_unit": False},
}
OTHERS: dict[str, dict[str, Any]] = {
    "screen": {"channels": ("*",)},
    "leader": {"channels": ("*", "layer/*", "tile/*"), "role": "leader"},
    "agency": {"channels": ("*", "layer/restricted_*", "layer/restricted_orde?"), "role": "agency", "agency": "x"},
    "operator": {"channels": ("*",), "role": "operator"},
    "admin": {"channels": ("*", "*/restricted_order"), "role": "admin"},
}
"""Keys of every role that open all there is by patterns."""


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/keys.db"
    migrate(url)
    opened = open_db(url)
    yield opened
    await opened.close()


@pytest.fixture
async def centre(board: MemoryBoard, db: Database) -> AsyncIterator[Running]:
    """A server with restricted incidents on its boards, and all that is told of their source."""
    source = Source("restricted_incidents", "camera_registry", Contract("Công an"), {"event": "ioc.order.reported"})
    given = settings(
        access=AccessSettings(public=("*", LAYER, TILE)),
        layers=("restricted_order", "alarms"),
        tiles=TILES,
        sources={source.name: source},
    )
    place = {"type": "Point", "coordinates": [108.5, 15.5]}
    incident = {"type": "Feature", "id": SECRET, "geometry": place, "properties": {"category": SECRET}}
    async with running(build(given, board=board, db=db)) as found:
        await board.reset(LAYER, {SECRET: json.dumps(incident).encode()})
        figure = {"value": 7, "parts": [{"label": SECRET, "value": 7}]}
        await board.reset(TILE, {"all": json.dumps(figure).encode()})
        await board.reset(COUNT, {"all": b'{"value": 7}'})
        told = json.dumps({"id": "restricted_incidents", "state": "late", "why": SECRET, "owner": "x"}).encode()
        await board.reset(names.SOURCES, {"restricted_incidents": told})
        for channel in (names.LEDGER, names.SCORES, names.LINKS, names.CHECKS, names.REMINDERS):
            await board.reset(channel, {"source/restricted_incidents": told, "restricted_order": told})
        alerts = ("tile/restricted_order_open/all", "tile/restricted_order_open", "source/restricted_incidents")
        await board.reset(names.ALERTS, dict.fromkeys(alerts, told))
        claims = {f"claim/{alert}": told for alert in alerts}
        await board.reset(HISTORY, dict.fromkeys(alerts, told) | claims)
        await found.present(HISTORY, LAYER, TILE, COUNT, names.SOURCES, names.ALERTS, names.LEDGER)
        yield found


CHANNELS = (
    COUNT, names.SOURCES, names.LEDGER, names.SCORES, names.LINKS, names.CHECKS, names.REMINDERS, names.ALERTS, HISTORY,
    LAYER, TILE,
)  # fmt: skip
PATHS = (
    "/api/layers", "/api/tiles", "/api/sources", "/api/sources/restricted_incidents", "/api/layers/restricted_order",
    "/api/layers/restricted_order?bbox=108,15,109,16", "/api/layers/alarms", "/api/tiles/restricted_order_open",
    "/api/ledger", "/api/links", "/api/checks", "/api/reminders", "/api/scores", "/api/alerts",
    "/api/ledger/restricted_incidents", "/tiles/restricted_order/9/410/232.mvt", "/tiles/restricted_order/0/0/0.mvt",
    "/openapi.json", "/asyncapi.json",
)  # fmt: skip


async def heard(centre: Running, key: str | None) -> dict[str, str]:
    """All that the socket says of each channel, as text, until each was answered."""
    found: dict[str, str] = {}
    async with centre.client(key=key) as client:
        for channel in CHANNELS:
            await client.watch(channel)
            await client.hear()
            while client.frames[-1].get("channel") != channel and client.frames[-1]["type"] != "error":
                await client.hear()
            found[channel] = json.dumps(client.frames, ensure_ascii=False)
            client.frames.clear()
    return found


async def read(centre: Running, key: str | None) -> dict[str, bytes]:
    async with centre.http(key) as http:
        return {path: (await http.get(path)).content for path in PATHS}


@pytest.mark.parametrize("role", [None, *OTHERS])
async def test_not_one_byte_comes_to_others(centre: Running, db: Database, role: str | None) -> None:
    key = await access.add_key(db, name=role, **OTHERS[role]) if role else None
    answers = role in ("operator", "admin")
    for channel, said in (await heard(centre, key)).items():
        # who answers for the sources is told that one is late
        assert SECRET not in said or (answers and channel not in (LAYER, TILE, names.ALERTS, HISTORY)), channel
    for path, body in (await read(centre, key)).items():
        assert (SECRET.encode() not in body and b"VV-4711" not in body) or (
            answers and "order" not in path and "alarms" not in path and "alerts" not in path
        ), path


async def test_a_key_that_names_it_sees_it_and_others_see_the_count(centre: Running, db: Database) -> None:
    police = await access.add_key(db, name="police", channels=(LAYER, TILE, "sources", "alerts"), role="agency")
    screen = await access.add_key(db, name="wall")
    told = await heard(centre, police)
    for channel in (LAYER, TILE, names.SOURCES, names.ALERTS):
        assert SECRET in told[channel], channel
    assert '"value": 7' in (await heard(centre, screen))[COUNT]
    assert SECRET.encode() in (await read(centre, police))["/api/layers/restricted_order"]


async def test_what_leaves_is_not_named_to_others(centre: Running, board: MemoryBoard, db: Database) -> None:
    key = await access.add_key(db, name="wall")
    async with centre.client(key=key) as client:
        await client.watch(names.ALERTS)
        await client.until(lambda frame: frame["type"] == "snapshot")
        place = await board.apply(names.ALERTS, {"source/restricted_incidents": None, "tile/x/all": b"{}"})
        await client.until_at(names.ALERTS, place.offset)
        await client.watch(names.SOURCES)
        await client.until(lambda frame: frame.get("channel") == names.SOURCES)
        place = await board.apply(names.SOURCES, {"restricted_incidents": None, "cams": b"{}"})
        await client.until_at(names.SOURCES, place.offset)
        told = [frame for frame in client.frames if frame["type"] == "delta"]
        assert any("cams" in frame["put"] for frame in told)
        assert all("restricted" not in name for frame in told for name in (*frame["put"], *frame["drop"]))


def test_patterns_open_nothing_restricted_and_nobody_without_a_key_does() -> None:
    for patterns in (
        ("*",),
        ("layer/*",),
        ("layer/restricted_*",),
        ("layer/restricted_orde?",),
        ("layer/restricted_[o]rder",),
    ):
        assert not Grant(patterns, key=1, role="admin").may(LAYER)
    assert Grant((LAYER,), key=1).may(LAYER) and not Grant((LAYER,), key=1).may(TILE)
    assert not Grant((LAYER,)).may(LAYER), "nothing restricted is public"
    assert not Grant((LAYER,), key=1, revoked=True).may(LAYER)


@pytest.mark.parametrize(
    "more", [{"parts": "category"}, {"by_unit": True}, {"how": "share"}, {"how": "sum", "field": "x"}]
)
def test_others_are_told_no_more_than_a_count(more: dict[str, Any]) -> None:
    with pytest.raises(BadConfig, match="than a count"):
        catalog.declared("incidents_open", TILES["incidents_open"] | more)
    catalog.declared("restricted_more", TILES["incidents_open"] | more)
