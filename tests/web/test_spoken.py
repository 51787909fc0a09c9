"""What people say over HTTP: who may say it, what becomes of it, and who sees whom a reminder went to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ioc import catalog, clock, names
from ioc.board.memory import MemoryBoard
from ioc.contract import Contract
from ioc.db import reminders as book
from ioc.db.session import Database, migrate, open_db
from ioc.db.tables import ReminderRow
from ioc.duty import Due
from ioc.event import REVISED, Event, Feature, new_id
from ioc.intake import said
from ioc.log.memory import MemoryLog
from ioc.run.projector import Projector
from ioc.settings import Access as AccessSettings
from ioc.settings import Source
from ioc.web import access
from ioc.web.app import build
from tests.centre import NoArchive

from .conftest import Running, running, settings

DAILY = Contract("Sở Y tế", due=Due("day"), reporters=("bv1", "bv2"), method="typed")
SOURCES = {
    "beds": Source("beds", "push", DAILY, {"event": "ioc.indicator.measured"}),
    "cams": Source("cams", "camera_registry", Contract("Sở Giao thông"), {"event": "ioc.camera.observed"}),
}
SETTINGS = settings(access=AccessSettings(), sources=SOURCES, layers=("indicators", "ledger"))
TODAY = clock.now().astimezone(clock.ZONE).date().isoformat()


class Town:
    """A server, its log and its boards, and who projects; keys by role."""

    def __init__(self, server: Running, log: MemoryLog, board: MemoryBoard, db: Database, keys: dict[str, str]) -> None:
        self.server, self.log, self.board, self.db, self.keys = server, log, board, db, keys
        layers = {one: catalog.tiles(one.name) for one in catalog.layers(SETTINGS.layers)}
        self.projector = Projector(layers, board, log, NoArchive(), SETTINGS)

    async def project(self) -> None:
        async for batch in self.log.read("projector"):
            await self.projector.work(batch)
            if batch is None:
                break
        await self.projector.tick(force=True)

    async def items(self, channel: str) -> dict[str, Any]:
        found = await self.board.snapshot(channel)
        return {name: json.loads(body) for name, body in found.items.items()} if found is not None else {}

    async def post(self, path: str, body: Any = None, role: str | None = "operator", **headers: str) -> Any:
        async with self.server.http(self.keys[role] if role else None) as http:
            return await http.post(
                path, content=json.dumps(body).encode() if body is not None else b"", headers=headers
            )

    async def get(self, path: str, role: str | None = "operator") -> Any:
        async with self.server.http(self.keys[role] if role else None) as http:
            return await http.get(path)


@pytest.fixture
async def town(board: MemoryBoard, tmp_path: Path) -> AsyncIterator[Town]:
    url = f"sqlite:///{tmp_path}/town.db"
    await asyncio.to_thread(migrate, url)
    db, log = open_db(url), MemoryLog()
    keys = {role: await access.add_key(db, name=f"Chị {role}", role=role) for role in ("screen", "leader", "operator")}
    for channel in (names.LEDGER, names.REMINDERS):
        await board.reset(channel, {"Sở Y tế": json.dumps({"id": "Sở Y tế", "count": 1}).encode()})
    async with running(build(SETTINGS, board=board, log=log, db=db)) as server:
        made = Town(server, log, board, db, keys)
        await made.projector.open()
        await server.present(names.LEDGER, names.REMINDERS, names.layer_channel("indicators"))
        yield made
    await db.close()


EXCUSE = {"period": TODAY, "reporter": "bv1", "why": "Mất điện"}


async def test_an_excuse_reaches_the_ledger_under_the_name_of_its_key(town: Town) -> None:
    answer = await town.post("/api/ledger/beds/excuse", EXCUSE)
    assert (answer.status_code, answer.json()) == (202, {"source": "beds", "period": TODAY, "reporter": "bv1"})
    await town.project()
    entry = (await town.items("layer/ledger"))[f"beds/{TODAY}"]["properties"]["excused"]["bv1"]
    assert (entry["why"], entry["by"]) == ("Mất điện", "Chị operator")
    answer = await town.post("/api/ledger/beds/excuse", {**EXCUSE, "why": "", "take_back": True, "by": "Trực ban"})
    assert answer.status_code == 202
    await town.project()
    entry = (await town.items("layer/ledger"))[f"beds/{TODAY}"]["properties"]["excused"]["bv1"]
    assert (entry["why"], entry["by"]) == ("", "Trực ban")


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("screen", 403), ("leader", 403)])
async def test_only_an_operator_excuses(town: Town, role: str | None, status: int) -> None:
    assert (await town.post("/api/ledger/beds/excuse", EXCUSE, role)).status_code == status
    assert await town.log.length() == 0


@pytest.mark.parametrize(
    ("source", "body", "status", "say"),
    [
        ("nobody", EXCUSE, 404, "no source"),
        ("cams", EXCUSE, 422, "no periods"),
        ("beds", {**EXCUSE, "why": " "}, 422, "why"),
        ("beds", {**EXCUSE, "reporter": "bv9"}, 422, "bv9 owes nothing"),
        ("beds", {**EXCUSE, "period": "2026"}, 422, "owes no 2026"),
        ("beds", {"period": TODAY}, 400, "reporter"),
        ("beds", {**EXCUSE, "more": 1}, 400, "more"),
        ("beds", "x", 400, "no excuse"),
        ("beds", {**EXCUSE, "why": "x" * 20_000}, 413, ""),
    ],
)
async def test_what_is_no_excuse_is_refused_with_a_sentence(
    town: Town, source: str, body: Any, status: int, say: str
) -> None:
    answer = await town.post(f"/api/ledger/{source}/excuse", body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert say in answer.json()["detail"]
    assert await town.log.length() == 0


async def test_a_page_of_somebody_else_says_nothing_with_our_cookie(town: Town) -> None:
    answer = await town.post("/api/ledger/beds/excuse", EXCUSE, Origin="https://evil.example")
    assert answer.status_code == 403 and await town.log.length() == 0


# revised figures


async def told(town: Town, value: int, cause: str | None = None, why: str | None = None) -> None:
    now = clock.now()
    observed = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    properties = {"indicator": "beds_free", "value": value} | ({"why": why} if why else {})
    event = Event(
        new_id(), "beds", "ioc.indicator.measured", "beds/1", observed, now, Feature(properties), method="typed",
        cause=cause,
    )  # fmt: skip
    await said.tell(town.log, "beds", [event], now)
    await town.project()


async def beds_free(town: Town) -> dict[str, Any]:
    found: dict[str, Any] = (await town.items("tile/beds_free"))["all"]
    return found


async def seen(town: Town) -> bool:
    """Whether the server's mirror knows what the board knows of the layer."""
    found = await town.board.snapshot("layer/indicators")
    assert found is not None
    return bool(town.server.hub.mirrors["layer/indicators"].items == found.items)


async def test_a_revised_figure_stays_marked_until_a_leader_has_seen_it(town: Town) -> None:
    await told(town, 100)
    await told(town, 90, REVISED, "Nhập nhầm")
    assert (await beds_free(town))["revised"]["why"] == "Nhập nhầm"
    async with asyncio.timeout(20):
        while not await seen(town):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (await town.post("/api/tiles/beds_free/seen", role="screen")).status_code == 403
    answer = await town.post("/api/tiles/beds_free/seen", role="leader")
    assert (answer.status_code, answer.json()) == (202, {"name": "beds_free", "rows": 1})
    await town.project()
    figure = await beds_free(town)
    assert (figure["value"], "revised" in figure) == (90, False)
    await told(town, 95, REVISED)
    assert (await beds_free(town))["revised"]["from"] == 90


async def test_a_tile_without_a_revision_or_that_is_none_is_not_acknowledged(town: Town) -> None:
    await told(town, 100)
    assert (await town.post("/api/tiles/beds_free/seen")).json()["rows"] == 0
    assert (await town.post("/api/tiles/dung/seen")).json()["rows"] == 0
    assert (await town.post("/api/tiles/nothing/seen")).status_code == 404
    assert await town.log.length() == 1


# reminders


def reminder(name: str, state: str) -> ReminderRow:
    now = clock.now()
    return ReminderRow(
        id=name, duty=f"beds/{name}", step=1, way="mail", agency="Sở Y tế", source="beds", period=TODAY, due=now,
        missing=["bv1"], recipients=["vp@soyte.vn"], subject="Nhắc", text="Kính gửi", number=1, created=now,
        state=state, receipt="250 OK",
    )  # fmt: skip


async def test_operators_see_recipients_and_receipts_and_others_the_counts(town: Town) -> None:
    await book.make(town.db, [reminder("a", "sent")])
    whole = (await town.get("/api/reminders")).json()
    assert whole["agencies"] == [{"id": "Sở Y tế", "count": 1}]
    (row,) = whole["reminders"]
    assert (row["recipients"], row["receipt"], row["state"]) == (["vp@soyte.vn"], "250 OK", "sent")
    assert row["created"].endswith("+07:00") and "text" not in row
    for role in ("screen", "leader"):
        answer = await town.get("/api/reminders", role)
        assert list(answer.json()) == ["agencies"] and "soyte" not in answer.text
    assert (await town.get("/api/reminders", None)).status_code == 401
    assert (await town.get("/api/reminders?limit=0")).status_code == 400


async def test_an_operator_sends_again_what_failed_or_is_unknown(town: Town) -> None:
    await book.make(town.db, [reminder("a", "unknown"), reminder("b", "sent")])
    assert (await town.post("/api/reminders/a/again", role="leader")).status_code == 403
    answer = await town.post("/api/reminders/a/again")
    assert (answer.status_code, answer.json()) == (202, {"id": "a", "state": "waiting"})
    assert [(await town.post(f"/api/reminders/{name}/again")).status_code for name in ("a", "b", "c")] == [404] * 3
    assert {row["id"]: row["state"] for row in await book.listed(town.db)} == {"a": "waiting", "b": "sent"}


async def test_the_channel_tells_no_address(town: Town) -> None:
    async with town.server.client(key=town.keys["screen"]) as client:
        await client.watch(names.REMINDERS)
        frame = await client.until(lambda frame: frame["type"] == "snapshot")
    assert frame["items"] == {"Sở Y tế": {"id": "Sở Y tế", "count": 1}}


ALERT = {"id": "tile/x#high", "level": "bad", "since": "2026-03-10T12:00:00+07:00", "claimed": ""}


async def alert(town: Town, **told: Any) -> None:
    await town.board.apply(names.ALERTS, {ALERT["id"]: json.dumps({**ALERT, **told}).encode()})
    async with asyncio.timeout(5):
        while told.items() - (await town.get("/api/alerts")).json()[0].items():  # noqa: ASYNC110 - another's board
            await asyncio.sleep(0.02)


async def test_an_operator_takes_an_alert_and_gives_it_back(town: Town) -> None:
    await town.board.reset(names.ALERTS, {ALERT["id"]: json.dumps(ALERT).encode()})
    await town.server.present(names.ALERTS)
    answer = await town.post("/api/alerts/claims", {"id": ALERT["id"]})
    assert (answer.status_code, answer.json()) == (202, {"id": ALERT["id"], "claimed": "Chị operator"})
    await alert(town, claimed="Chị operator")
    answer = await town.post("/api/alerts/claims", {"id": ALERT["id"], "take_back": True})
    assert (answer.status_code, answer.json()["claimed"]) == (202, None)
    told = [event for _, event in town.log._entries if event.type == names.CLAIMED]
    assert [(one.subject, one.method) for one in told] == [(f"claim/{ALERT['id']}", "typed")] * 2
    assert [one.data.properties["by"] for one in told if one.data] == ["Chị operator", ""]
    assert {one.data.properties["of"] for one in told if one.data} == {ALERT["since"]}
    await alert(town, claimed="Anh Minh")
    answer = await town.post("/api/alerts/claims", {"id": ALERT["id"]})
    assert (answer.status_code, "Anh Minh has this alert" in answer.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("role", "body", "status"),
    [
        (None, {"id": ALERT["id"]}, 401),
        ("screen", {"id": ALERT["id"]}, 403),
        ("leader", {"id": ALERT["id"]}, 403),
        ("operator", {"id": "tile/none"}, 404),
        ("operator", {"alert": 3}, 400),
        ("operator", None, 400),
    ],
)
async def test_who_may_not_take_an_alert_and_what_is_none(town: Town, role: str | None, body: Any, status: int) -> None:
    await town.board.reset(names.ALERTS, {ALERT["id"]: json.dumps(ALERT).encode()})
    await town.server.present(names.ALERTS)
    assert (await town.post("/api/alerts/claims", body, role)).status_code == status
    assert await town.log.length() == 0
