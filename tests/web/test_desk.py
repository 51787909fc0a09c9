"""The desk over HTTP: who may sit there, what each sees and may do, two at once, persons, exports, hostile input."""

from __future__ import annotations

import asyncio
import io
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from openpyxl import load_workbook

from ioc.board.memory import MemoryBoard
from ioc.db import reports as tables
from ioc.db.session import Database
from ioc.report_rules import Route, Template
from ioc.reports import export, people
from ioc.reports.book import Book
from ioc.settings import Access as AccessSettings
from ioc.web import access
from ioc.web.app import build
from tests.reports.desk import RULES, filing
from tests.reports.test_photos import SECRET, with_gps

from .conftest import Running, running, settings

ROUTED = msgspec.structs.replace(
    RULES, routes=(Route("cap_nuoc", category="water"),),
    answers={"thanks": Template("Cảm ơn", "Phản ánh {number} đã chuyển {agency}.")},
)  # fmt: skip
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KEYS = {
    "Lan": ("operator", None), "Nam": ("operator", None), "Huy": ("admin", None), "Bí thư": ("leader", None),
    "Minh": ("agency", "cap_nuoc"), "Hà": ("agency", "do_thi"), "Ai": ("agency", None), "Tường": ("screen", None),
}  # fmt: skip


class Room:
    """A server with a desk, and keys by name."""

    def __init__(self, server: Running, keys: dict[str, str]) -> None:
        self.server, self.keys = server, keys
        self.book: Book = server.app.state.door.desk.book

    async def ask(self, who: str | None, method: str, path: str, **other: Any) -> Any:
        headers = {**other.pop("headers", {})}
        if who is not None:
            headers["Authorization"] = f"Bearer {self.keys[who]}"
        async with self.server.http() as http:
            return await http.request(method, f"/api/desk/{path}", headers=headers, **other)

    async def get(self, who: str, path: str) -> Any:
        answer = await self.ask(who, "GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def step(self, who: str, report: str, step: str, version: int, **other: Any) -> Any:
        told = {"step": step, "version": version, **other}
        return await self.ask(who, "POST", f"reports/{report}/steps", json=told)

    async def filed(self, **other: Any) -> str:
        return (await self.book.file(filing(**other))).report.id


@pytest.fixture
async def room(board: MemoryBoard, db: Database, tmp_path: Path) -> AsyncIterator[Room]:
    keys = {
        name: await access.add_key(db, name=name, role=role, agency=agency) for name, (role, agency) in KEYS.items()
    }
    shut = settings(access=AccessSettings(), reports=ROUTED, file=str(tmp_path / "ioc.toml"))
    vault = people.vault({"IOC_REPORTS_KEY": people.new_key()})
    async with running(build(shut, board=board, db=db, vault=vault)) as server:
        yield Room(server, keys)


ALL = [
    ("GET", "me"), ("GET", "queue"), ("GET", "templates"), ("GET", "export"), ("GET", "figures"), ("GET", "reports/x"),
    ("POST", "reports"), ("POST", "reports/x/steps"), ("POST", "reports/x/claim"), ("DELETE", "reports/x/claim"),
    ("GET", "reports/x/person"), ("POST", "reports/x/photos"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ALL)
async def test_without_a_key_of_the_desk_nothing_opens(room: Room, method: str, path: str) -> None:
    assert (await room.ask(None, method, path)).status_code == 401
    for who in ("Tường", "Ai"):
        assert (await room.ask(who, method, path)).status_code == 403, who
    if method != "GET":
        assert (await room.ask("Bí thư", method, path)).status_code == 403
        foreign = await room.ask("Lan", method, path, headers={"Origin": "https://else.example"})
        assert foreign.status_code == 403


async def test_where_no_reports_are_taken_there_is_no_desk(board: MemoryBoard, db: Database) -> None:
    key = await access.add_key(db, name="Lan", role="operator")
    async with running(build(settings(access=AccessSettings()), board=board, db=db)) as server:
        assert (await Room.ask(_alone(server, key), "Lan", "GET", "queue")).status_code == 404


def _alone(server: Running, key: str) -> Room:
    made = Room.__new__(Room)
    made.server, made.keys = server, {"Lan": key}
    return made


async def test_who_sits_here_and_what_they_choose_from(room: Room) -> None:
    told = await room.get("Minh", "me")
    assert (told["name"], told["role"], told["agency"]) == ("Minh", "agency", "cap_nuoc")
    assert told["may"] == ["accept", "reject", "start", "ask", "finish", "answer"]
    assert (await room.get("Bí thư", "me"))["may"] == []
    assert "hide" in (await room.get("Huy", "me"))["may"] and "hide" not in (await room.get("Lan", "me"))["may"]
    assert [one["code"] for one in told["agencies"]] == ["trung_tam", "cap_nuoc", "do_thi"]
    assert {one["code"] for one in told["refusals"]} >= {"out_of_scope", "in_court"}


async def test_from_the_queue_to_done_by_desk_and_agency(room: Room) -> None:
    name = await room.filed(name="Nguyễn Văn An", phone="0905123456")
    row = (await room.get("Lan", "queue"))["items"][0]
    assert (row["id"], row["state"], row["version"]) == (name, "new", 1)
    assert (await room.ask("Minh", "GET", f"reports/{name}")).status_code == 404
    verified = await room.step("Lan", name, "verify", 1)
    # the route is taken at once: water goes to the water company
    assert verified.json() == {"version": 3, "state": "assigned", "agency": "cap_nuoc"}
    whole = await room.get("Minh", f"reports/{name}")
    assert whole["may"] == ["accept", "reject", "ask", "answer"] and whole["person"]["masked"] == "N*** V*** A***"
    assert whole["answers"][0]["text"]["vi"] == f"Phản ánh {whole['number']} đã chuyển Công ty Cấp nước."
    assert [step["step"] for step in whole["steps"]] == ["file", "verify", "assign"]
    assert (await room.ask("Hà", "GET", f"reports/{name}")).status_code == 404
    assert (await room.step("Hà", name, "accept", 3)).status_code == 404
    assert (await room.step("Minh", name, "accept", 3)).json()["state"] == "accepted"
    after = await room.ask("Minh", "POST", f"reports/{name}/photos", content=with_gps())
    assert after.status_code == 201 and after.json()["kind"] == "after"
    async with room.server.http() as http:
        kept = await http.get(after.json()["url"])
    assert kept.status_code == 200 and SECRET not in kept.content
    none = await room.ask("Minh", "POST", f"reports/{name}/photos", content=b"<svg onload='alert(1)'/>")
    assert none.status_code == 422
    assert (await room.step("Minh", name, "finish", 4, text="Đã thay đoạn ống.")).json()["state"] == "done"
    assert (await room.get("Lan", f"reports/{name}"))["photos"][0]["state"] == "taken"


async def test_who_comes_second_is_told_who_and_what(room: Room) -> None:
    name = await room.filed(category="noise")
    first, second = await asyncio.gather(
        room.step("Lan", name, "verify", 1), room.step("Nam", name, "refuse", 1, why="no_ground")
    )
    won, lost = (first, second) if first.status_code == 200 else (second, first)
    assert won.status_code == 200 and lost.status_code == 409
    told = lost.json()
    assert told["who"] in ("Lan", "Nam", "ioc") and told["what"] in ("verify", "refuse", "assign")
    assert told["version"] >= 2 and "quicker" in told["detail"]
    held = await room.ask("Lan", "POST", f"reports/{name}/claim")
    assert held.status_code == 200 and held.json()["mine"]
    taken = await room.ask("Nam", "POST", f"reports/{name}/claim")
    assert taken.status_code == 409 and (taken.json()["who"], taken.json()["what"]) == ("Lan", "claim")
    assert (await room.ask("Nam", "DELETE", f"reports/{name}/claim")).status_code == 204
    assert (await room.get("Nam", f"reports/{name}"))["claim"]["by"] == "Lan"
    await room.ask("Lan", "DELETE", f"reports/{name}/claim")
    assert (await room.ask("Nam", "POST", f"reports/{name}/claim")).status_code == 200


@pytest.mark.parametrize(
    ("who", "told", "status"),
    [
        ("Lan", {"step": "hide", "why": "riêng tư"}, 403),
        ("Lan", {"step": "start"}, 422),
        ("Lan", {"step": "close"}, 422),
        ("Lan", {"step": "late"}, 403),
        ("Huy", {"step": "satisfied"}, 422),
        ("Lan", {"step": "nonsense"}, 422),
        ("Lan", {"step": "refuse", "why": "tôi không thích"}, 422),
        ("Lan", {"step": "refuse"}, 422),
        ("Lan", {"step": "ask"}, 422),
        ("Lan", {"step": "duplicate", "of": "PY-2026-0310-9999"}, 422),
        ("Lan", {"step": "verify", "category": "nothing"}, 422),
        ("Lan", {"step": "verify", "surprise": 1}, 422),
        ("Lan", {"step": "verify", "version": "one"}, 422),
        ("Lan", {"step": "verify", "version": 7}, 409),
    ],
)
async def test_what_is_not_allowed_changes_nothing(room: Room, who: str, told: dict[str, Any], status: int) -> None:
    name = await room.filed()
    answer = await room.ask(who, "POST", f"reports/{name}/steps", json={"version": 1, **told})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json" and answer.json()["detail"].endswith(".")
    assert (await room.get("Lan", f"reports/{name}"))["version"] == 1


async def test_a_step_without_a_version_is_not_taken(room: Room) -> None:
    name = await room.filed()
    assert (await room.ask("Lan", "POST", f"reports/{name}/steps", json={"step": "verify"})).status_code == 422


async def test_a_duplicate_is_named_by_its_number(room: Room) -> None:
    one, other = await room.filed(), await room.filed()
    number = (await room.get("Lan", f"reports/{one}"))["number"]
    (twin,) = (await room.get("Lan", f"reports/{other}"))["twins"]
    assert (twin["id"], twin["distance_m"]) == (one, 0) and twin["likeness"] > 0.9
    assert (await room.step("Lan", other, "duplicate", 1, of=number)).json()["state"] == "duplicate"
    assert (await room.get("Lan", f"reports/{other}"))["parent"] == {"id": one, "number": number}
    assert [child["id"] for child in (await room.get("Lan", f"reports/{one}"))["children"]] == [other]


async def test_each_look_at_a_person_is_noted(room: Room, db: Database) -> None:
    name = await room.filed(name="Nguyễn Văn An", phone="0905123456")
    assert (await room.ask("Bí thư", "GET", f"reports/{name}/person")).status_code == 403
    told = await room.get("Lan", f"reports/{name}/person")
    assert told == {"name": "Nguyễn Văn An", "phone": "0905123456"}
    await room.step("Lan", name, "verify", 1)
    assert (await room.ask("Minh", "GET", f"reports/{name}/person")).status_code == 403
    await room.step("Minh", name, "accept", 3)
    assert (await room.get("Minh", f"reports/{name}/person"))["phone"] == "0905123456"
    async with db.reading() as connection:
        looks = (await connection.execute(sa.select(tables.looks).order_by(tables.looks.c.seq))).all()
    assert [(look.report, look.name, look.what) for look in looks] == [
        (name, "Lan", "person"), (name, "Minh", "person"),
    ]  # fmt: skip
    for path in ("queue", f"reports/{name}"):
        assert "0905" not in (await room.ask("Lan", "GET", path)).text
    nobody = await room.filed()
    assert (await room.ask("Lan", "GET", f"reports/{nobody}/person")).status_code == 404


async def test_a_report_told_by_phone(room: Room) -> None:
    told = {
        "client": str(uuid.uuid4()), "category": "water", "words": "Mất nước cả xóm", "channel": "phone",
        "address": "Xã Hòa An", "name": "Bà Tư", "phone": "0912345678",
    }  # fmt: skip
    filed = await room.ask("Lan", "POST", "reports", json=told)
    assert filed.status_code == 201 and filed.json()["number"].startswith("PY-")
    again = await room.ask("Lan", "POST", "reports", json=told)
    assert again.status_code == 200 and again.json()["id"] == filed.json()["id"]
    whole = await room.get("Lan", f"reports/{filed.json()['id']}")
    assert (whole["channel"], whole["address"], whole["steps"][0]["who"]) == ("phone", "Xã Hòa An", "operator")
    assert (await room.ask("Minh", "POST", "reports", json=told)).status_code == 403
    wrong = await room.ask("Lan", "POST", "reports", json={**told, "client": str(uuid.uuid4()), "category": "x"})
    assert wrong.status_code == 422 and wrong.json()["errors"]


@pytest.mark.parametrize(
    "query", ["state=nothing", "late=yes", "limit=0", "limit=1e9", "after=zzz", "q=" + "a" * 101, "from=yesterday"]
)
async def test_a_wrong_parameter_is_named(room: Room, query: str) -> None:
    answer = await room.ask("Lan", "GET", f"queue?{query}")
    assert answer.status_code in (400, 422), answer.text
    assert query.partition("=")[0] in answer.text


@pytest.mark.parametrize("evil", ["' OR '1'='1", "%", '"; DROP TABLE reports; --', "<script>alert(1)</script>"])
async def test_sql_in_filters_is_a_text(room: Room, evil: str) -> None:
    await room.filed()
    async with room.server.http() as http:
        for name in ("q", "agency", "category"):
            headers = {"Authorization": f"Bearer {room.keys['Lan']}"}
            answer = await http.get("/api/desk/queue", params={name: evil}, headers=headers)
            assert answer.status_code == 200 and answer.json()["items"] == []
    assert (await room.get("Lan", "queue"))["counts"]["all"] == 1


async def test_exports_hold_no_person_and_are_noted(room: Room, db: Database) -> None:
    for words in ("Vỡ ống nước", '=HYPERLINK("http://x")', "Ồn quá, gọi 0905 123 456"):
        await room.filed(words=words, category="noise", name="Nguyễn Văn An", phone="0905123456")
    csv = await room.ask("Lan", "GET", "export", headers={"Accept": "text/csv"})
    assert csv.text.splitlines()[0] == ",".join(export.COLUMNS) and len(csv.text.splitlines()) == 4
    geo = (await room.ask("Lan", "GET", "export", headers={"Accept": "application/geo+json"})).json()
    assert len(geo["features"]) == 3
    xlsx = await room.ask("Lan", "GET", "export", headers={"Accept": XLSX})
    sheet = load_workbook(io.BytesIO(xlsx.content)).active
    assert sheet is not None and sheet.max_row == 4
    for told in (csv.text, str(geo)):
        assert "Nguyễn" not in told and "0905" not in told
    assert (await room.ask("Minh", "GET", "export")).text.count("\n") == 1
    async with db.reading() as connection:
        looks = (await connection.execute(sa.select(tables.looks.c.what))).scalars().all()
    assert looks == [
        f"exported {n} reports as {kind}" for n, kind in ((3, "csv"), (3, "geojson"), (3, "xlsx"), (0, "csv"))
    ]


class TestFigures:
    async def test_each_sees_what_exists_for_them_by_what_they_ask(self, room: Room) -> None:
        given = await room.filed()
        await room.filed(category="noise")
        await room.step("Lan", given, "verify", 1)
        told = await room.get("Bí thư", "figures")
        assert told["by"] == "agency"
        assert {row["code"]: row["received"] for row in told["rows"]} == {"cap_nuoc": 1, None: 1}
        assert (told["all"]["received"], told["shift"]["received"]) == (2, 2)
        assert (await room.get("Minh", "figures?by=category"))["all"]["received"] == 1
        assert (await room.get("Hà", "figures?by=unit"))["rows"] == []
        assert (await room.get("Lan", "figures?category=noise"))["all"]["received"] == 1

    async def test_the_table_goes_into_a_file(self, room: Room) -> None:
        await room.filed()
        answer = await room.ask("Lan", "GET", "figures?by=category", headers={"Accept": "text/csv"})
        rows = answer.text.split("\r\n")
        assert answer.headers["content-disposition"] == 'attachment; filename="figures.csv"'
        assert [row.split(",")[1] for row in rows[:3]] == ["title", "Cấp nước", "Tất cả"]
        answer = await room.ask("Lan", "GET", "figures?by=category", headers={"Accept": XLSX})
        sheet = load_workbook(io.BytesIO(answer.content)).active
        assert sheet is not None
        assert [[cell.value for cell in row][1:3] for row in sheet] == [
            ["title", "received"], ["Cấp nước", 1], ["Tất cả", 1],
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "query",
        ["by=person", "by=", "from=x", "unit=%00", "from=2024-01-01T00:00:00Z&to=2026-01-01T00:00:00Z"],
    )
    async def test_what_can_not_be_counted_is_refused(self, room: Room, query: str) -> None:
        answer = await room.ask("Lan", "GET", f"figures?{query}")
        assert answer.status_code in (400, 422), answer.text
