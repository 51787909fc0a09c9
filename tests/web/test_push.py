"""The push door: who may send, what becomes of what is sent, and that 202 means it is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ioc import names
from ioc.board.memory import MemoryBoard
from ioc.contract import Contract
from ioc.db.session import Database, migrate, open_db
from ioc.errors import StoreAway
from ioc.log.memory import MemoryLog
from ioc.settings import Access as AccessSettings
from ioc.settings import Source
from ioc.web import access
from ioc.web.app import build

from .conftest import Running, running, settings

OPTIONS = {
    "event": "ioc.station.measured",
    "id": "station",
    "sender_id": "message",
    "time": "at",
    "properties": {"level": {"path": "level", "kind": "number"}},
}
RAIN = Source("rain", "push", Contract("Sở Nông nghiệp", cadence=600), OPTIONS)
POLLED = Source("vms", "camera_registry", Contract("Sở Giao thông"), {"event": "ioc.camera.observed", "url": "x"})
TYPED = Source(
    "gauges", "push", Contract("Sở Nông nghiệp", cadence=600, method="typed"),
    {
        **OPTIONS,
        "properties": {"level": {"path": "level", "kind": "number"}, "why": {"path": "why", "required": False}},
    },
)  # fmt: skip
AIR = Source(
    "air", "ngsi_ld", Contract("Sở Môi trường", cadence=600),
    {"event": "ioc.station.measured", "url": "x", "pushed": True, "quantities": {"pm25": {"uom": "µg/m³"}}},
)  # fmt: skip
BROKEN = Source("broken", "push", Contract("Ai đó"), {"event": "ioc.x.y", "nonsense": 1})


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    migrate(f"sqlite:///{tmp_path}/keys.db")
    opened = open_db(f"sqlite:///{tmp_path}/keys.db")
    yield opened
    await opened.close()


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
async def server(board: MemoryBoard, db: Database, log: MemoryLog) -> AsyncIterator[Running]:
    sources = {source.name: source for source in (RAIN, TYPED, POLLED, AIR, BROKEN)}
    shut = settings(access=AccessSettings(), sources=sources)
    async with running(build(shut, board=board, db=db, log=log)) as found:
        yield found


@pytest.fixture
async def key(db: Database) -> str:
    return await access.add_key(db, name="rain", role="push:rain", channels=())


def record(number: int, level: Any = 1.5, station: str = "A1") -> dict[str, Any]:
    return {"station": station, "message": f"m{number}", "at": f"2026-03-10T09:{number:02}:00+07:00", "level": level}


async def post(server: Running, key: str | None, body: Any, source: str = "rain") -> Any:
    async with server.http(key) as http:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        return await http.post(f"/api/push/{source}", content=content, headers=headers)


async def test_what_is_accepted_is_in_the_log_and_counted(server: Running, key: str, log: MemoryLog) -> None:
    body = [record(1), record(2, 1.5), record(3, 2.0), record(4, "much"), record(5, 9, station="")]
    answer = await post(server, key, body)
    told = answer.json()
    assert answer.status_code == 202
    assert told["records"] == 5 == told["events"] + told["unchanged"] + told["duplicates"] + told["set_aside"]
    assert (told["events"], told["duplicates"], told["set_aside"]) == (2, 1, 2)
    assert [aside["record"] for aside in told["aside"]] == [4, 5]
    assert all(aside["say"].endswith(".") for aside in told["aside"])
    # two events, and two records that were set aside
    assert await log.length() == 4
    assert (await log.answers())["rain"].have == 1


async def test_the_same_message_is_taken_once(server: Running, key: str, log: MemoryLog) -> None:
    first = (await post(server, key, [record(1, 1.0)])).json()
    again = (await post(server, key, [record(1, 1.0)])).json()
    assert (first["events"], again["events"], again["duplicates"]) == (1, 0, 1)
    # a sender that repeats while it does not know the outcome, at the same time
    answers = await asyncio.gather(*(post(server, key, [record(2, 2.0)]) for _ in range(5)))
    assert sum(answer.json()["events"] for answer in answers) == 1
    assert await log.length() == 2


@pytest.mark.parametrize("body", [b"", b"{", b"[1,2]", b'"text"', b"\xff\xfe", b"<xml/>"])
async def test_what_is_no_post_is_refused_and_nothing_is_stored(
    server: Running, key: str, log: MemoryLog, body: bytes
) -> None:
    answer = await post(server, key, body)
    if answer.status_code == 202:
        told = answer.json()
        assert told["set_aside"] == told["records"] > 0
        return
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["detail"].endswith(".")
    assert await log.length() == 0


async def test_a_body_of_more_than_four_megabytes_is_refused(server: Running, key: str, log: MemoryLog) -> None:
    answer = await post(server, key, b"[" + b" " * (4 * 1024 * 1024) + b"]")
    assert (answer.status_code, await log.length()) == (413, 0)


async def test_only_its_own_key_or_an_operator_sends(server: Running, db: Database, key: str) -> None:
    wall = await access.add_key(db, name="wall")
    other = await access.add_key(db, name="other", role="push:flood", channels=())
    operator = await access.add_key(db, name="operator", role="operator")
    for secret, status in ((None, 401), ("x" * 43, 401), (wall, 403), (other, 403), (operator, 202), (key, 202)):
        answer = await post(server, secret, [record(1)])
        assert answer.status_code == status, status
    async with server.http(key) as http:
        assert (await http.get("/api/layers")).json() == []
        assert (await http.get("/api/layers/cameras")).status_code == 403


async def test_a_typed_figure_is_corrected_with_a_reason_or_set_aside(
    server: Running, db: Database, log: MemoryLog
) -> None:
    key = await access.add_key(db, name="gauges", role="push:gauges", channels=())
    first = record(1, 1.0)
    corrected = {**first, "level": 9.0, "message": "m2"}
    answers = [(await post(server, key, [each], "gauges")).json() for each in (first, corrected)]
    assert [(one["events"], one["set_aside"], one["reasons"]) for one in answers] == [
        (1, 0, {}),
        (0, 1, {"no_reason": 1}),
    ]
    told = (await post(server, key, [{**corrected, "why": "Nhập nhầm"}], "gauges")).json()
    assert (told["events"], told["duplicates"], told["set_aside"]) == (1, 0, 0)
    last, mended = [entry.event async for entry in log.kept()][-2:]
    assert mended.type == names.MENDED
    assert last.data is not None and (last.cause, last.data.properties["why"]) == ("revised", "Nhập nhầm")


async def test_a_key_that_only_sends_sees_neither_screens_nor_communes(server: Running, key: str) -> None:
    async with server.http(key) as http:
        for path in ("/api/units", "/api/screens/overview"):
            assert (await http.get(path)).status_code == 403


@pytest.mark.parametrize(("source", "status"), [("vms", 404), ("nobody", 404), ("broken", 503)])
async def test_a_source_that_does_not_send_has_no_door(server: Running, db: Database, source: str, status: int) -> None:
    admin = await access.add_key(db, name="admin", role="admin")
    answer = await post(server, admin, [record(1)], source)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_without_the_store_there_is_no_202(
    server: Running, key: str, log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_given: Any, **_named: Any) -> int:
        raise StoreAway("Redis does not answer; waiting for it.")

    monkeypatch.setattr(log, "append", away)
    answer = await post(server, key, [record(1)])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].endswith("send it again, with the same ids; nothing is taken twice.")


async def test_a_brokers_notification_is_taken_once(server: Running, db: Database) -> None:
    key = await access.add_key(db, name="air", role="push:air", channels=())
    entity = {"id": "urn:ngsi-ld:AirQualityObserved:KQ1", "type": "AirQualityObserved"}
    entity["pm25"] = {"type": "Property", "value": 15.5, "observedAt": "2026-03-10T09:00:00+07:00"}  # type: ignore[assignment]
    told = {"id": "urn:n:1", "type": "Notification", "subscriptionId": "urn:s:1", "data": [entity]}
    first, again = [(await post(server, key, told, "air")).json() for _ in range(2)]
    assert (first["records"], first["events"]) == (1, 1)
    assert (again["events"], again["unchanged"] + again["duplicates"]) == (0, 1)
