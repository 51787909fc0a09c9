"""What hostile citizens, agencies and clients send: a clear answer each time, nothing stored, nothing told."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import uuid
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import sqlalchemy as sa
from lxml import etree
from openpyxl import load_workbook

from ioc.board.memory import MemoryBoard
from ioc.bridge.template import XLSX
from ioc.db import reports as tables
from ioc.db.session import Database, migrate, open_db
from ioc.report_rules import Limits, Open311
from ioc.reports import export, people
from ioc.reports.book import Asked
from ioc.settings import Access as AccessSettings
from ioc.web import access
from ioc.web.app import build
from tests.georeport import KEY, LIGHT, fits
from tests.georeport import RULES as GEOREPORT
from tests.reports.desk import ADMIN, RULES
from tests.reports.test_photos import picture, png

from .conftest import Running, running, settings
from .test_reports import body, file, follow, photo, send

V2 = "/open311/v2"
EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)">'
FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "＝1+1")
ABSENT = "A" * 22
FREE = Limits("100000/minute", "100000/minute", "100000/minute")


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/ioc.db"
    await asyncio.to_thread(migrate, url)
    opened = open_db(url)
    yield opened
    await opened.close()


class Place:
    """A server with reports, and whose keys there are."""

    def __init__(self, server: Running, keys: dict[str, str]) -> None:
        self.server, self.keys = server, keys

    async def ask(self, who: str | None, method: str, path: str, **other: Any) -> Any:
        async with self.server.http(self.keys[who] if who else None) as http:
            return await http.request(method, path, **other)


@pytest.fixture
async def place(board: MemoryBoard, db: Database, tmp_path: Path) -> AsyncIterator[Place]:
    rules = msgspec.structs.replace(RULES, limits=FREE, open311=Open311(per_key="100000/minute"))
    keys = {
        "Lan": await access.add_key(db, name="Lan", role="operator"),
        "Minh": await access.add_key(db, name="Minh", role="agency", agency="cap_nuoc"),
        "app": await access.add_key(db, name="app", role="push:open311"),
    }
    shut = settings(access=AccessSettings(), reports=rules, file=str(tmp_path / "ioc.toml"))
    vault = people.vault({"IOC_REPORTS_KEY": people.new_key()})
    async with running(build(shut, board=board, db=db, vault=vault)) as server:
        yield Place(server, keys)


# what is no photo, over HTTP

NO_PHOTOS = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "html": b"<!doctype html><script>alert(1)</script>",
    "50,000 by 50,000": png(50_000, 50_000),
    "zip bomb": png(6000, 6000, zlib.compress(bytes(60_000_000))),
}


@pytest.mark.parametrize("name", NO_PHOTOS)
async def test_what_is_no_photo_is_kept_from_nobody_and_for_nobody(place: Place, name: str, tmp_path: Path) -> None:
    content = NO_PHOTOS[name]
    filed = await file(place.server, photos=[photo(content)])
    answer = await send(place.server, filed, content, 0, len(content))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert "Phản ánh vẫn được nhận" in answer.json()["say"]["vi"]
    told = await follow(place.server, filed["follow"])
    assert (told["state"], told["photos"][0]["state"], told["photos"][0]["url"]) == ("new", "refused", None)
    desk = await place.ask("Lan", "POST", f"/api/desk/reports/{filed['id']}/photos", content=content)
    assert desk.status_code == 422 and desk.json()["detail"].endswith(".")
    kept = [one for one in (tmp_path / "photos").rglob("*") if one.is_file()]
    assert kept == []


@pytest.mark.parametrize(
    ("who", "path", "sent"),
    [
        (None, "/api/reports", {"json": body(words="x" * 10_000_000)}),
        ("Lan", "/api/desk/reports", {"json": body(words="x" * 10_000_000)}),
        (None, f"{V2}/requests.json", {"data": {**LIGHT, "description": "x" * 10_000_000}}),
        (None, f"{V2}/requests.xml", {"data": {**LIGHT, "description": "x" * 10_000_000}}),
    ],
)
async def test_ten_megabytes_of_words_are_not_read(
    place: Place, db: Database, who: str | None, path: str, sent: dict[str, Any]
) -> None:
    answer = await place.ask(who, "POST", path, **sent)
    assert answer.status_code == 413
    if path.startswith(V2):
        fits("errors", path.rpartition(".")[2], answer.content)
    async with db.reading() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(tables.reports))).scalar_one() == 0


async def test_a_script_in_every_field_is_text_in_every_answer(place: Place) -> None:
    filed = await file(place.server, words=EVIL, address=EVIL, name=EVIL)
    book = place.server.app.state.door.desk.book
    for asked in (Asked("verify"), Asked("ask", text=EVIL), Asked("answer", text=EVIL)):
        await book.step(filed["id"], asked, ADMIN)
    posted = {**LIGHT, "api_key": place.keys["app"], "service_code": "water", "description": EVIL}
    number = (await place.ask(None, "POST", f"{V2}/requests.json", data=posted)).json()[0]["service_request_id"]
    ours = filed["id"]
    for who, path, headers in (
        (None, "/api/reports/followed", {"Follow": filed["follow"]}),
        (None, "/api/reports/map", {}),
        (None, "/api/reports/nearby?lon=109.32&lat=13.09&category=water", {}),
        (None, f"{V2}/requests.json", {}),
        ("Lan", "/api/desk/queue", {}),
        ("Lan", f"/api/desk/reports/{ours}", {}),
        ("Lan", "/api/desk/export", {"Accept": "text/csv"}),
        ("Lan", "/api/desk/export", {"Accept": "application/geo+json"}),
    ):
        answer = await place.ask(who, "GET", path, headers=headers)
        assert answer.status_code == 200 and "script>alert(1)" in answer.text, path
        assert "html" not in answer.headers["content-type"] and answer.headers["x-content-type-options"] == "nosniff"
        assert "script-src 'self';" in answer.headers["content-security-policy"]
    for path in (f"requests/{number}.xml", "requests.xml"):
        answer = await place.ask(None, "GET", f"{V2}/{path}")
        assert "<script" not in answer.text and "<img" not in answer.text
        assert EVIL in [one.text for one in etree.fromstring(answer.content).iter("description")]


async def test_no_export_holds_a_formula(place: Place) -> None:
    for words in (*FORMULAS, *(f"\u00a0{words}" for words in FORMULAS)):
        await file(place.server, words=words)
    told = await place.ask("Lan", "GET", "/api/desk/export", headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(told.text, newline="")))
    assert len(rows) == 2 * len(FORMULAS) and all(row["words"].startswith("'") for row in rows)
    told = await place.ask("Lan", "GET", "/api/desk/export", headers={"Accept": XLSX})
    sheet = load_workbook(io.BytesIO(told.content)).active
    assert sheet is not None
    column = [row[export.COLUMNS.index("words")] for row in sheet.iter_rows(min_row=2)]
    assert all(cell.data_type == "s" and str(cell.value).startswith("'") for cell in column)


EVILS = ("' OR '1'='1", "%", '"; DROP TABLE reports; --', "\x00", "1 UNION SELECT 1", "x" * 5000)


async def test_sql_in_any_filter_is_a_text(place: Place) -> None:
    await file(place.server)
    asked = {
        "/api/desk/queue": ["q", "state", "agency", "category", "unit", "from", "to", "after", "limit", "late"],
        "/api/desk/export": ["q", "agency"], "/api/reports/nearby": ["category", "lon"], "/api/reports/map": ["bbox"],
        f"{V2}/requests.json": ["service_request_id", "service_code", "status", "start_date", "page"],
    }  # fmt: skip
    tried = [(path, name, evil) for path, names in asked.items() for name in names for evil in EVILS]
    async with place.server.http(place.keys["Lan"]) as http:
        answers = [await http.get(path, params={name: evil}) for path, name, evil in tried]
    for (path, name, evil), answer in zip(tried, answers, strict=True):
        assert answer.status_code in (200, 400, 422), (path, name, answer.text)
        assert not any(word in answer.text.casefold() for word in ("sqlite", "syntax", "traceback", "select"))
        # of a control character nothing is left, as if it had not been given
        found = "Vỡ ống" in answer.text and not (evil == "\x00" and path.startswith(V2))
        assert answer.status_code != 200 or not found, (path, name)
    assert (await place.ask("Lan", "GET", "/api/desk/queue")).json()["counts"]["all"] == 1


async def _posted(url: str, times: int) -> list[int]:
    """The statuses of so many reports, as fast as one sender can."""

    async def one(session: aiohttp.ClientSession) -> int:
        async with session.post(url, json=body()) as answer:
            return answer.status

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=50)) as session:
        return list(await asyncio.gather(*(one(session) for _ in range(times))))


async def test_of_a_thousand_at_once_most_are_told_when_to_come_again(
    board: MemoryBoard, db: Database, tmp_path: Path
) -> None:
    await access.add_key(db, name="app", role="push:open311", secret=KEY)
    both = {**GEOREPORT.categories, **RULES.categories}
    rules = msgspec.structs.replace(
        RULES, categories=both, limits=Limits("20/minute", reads="50/minute"), open311=Open311(per_key="20/minute")
    )
    shut = settings(access=AccessSettings(), reports=rules, file=str(tmp_path / "ioc.toml"))
    async with running(build(shut, board=board, db=db)) as server, server.http() as http:
        statuses = await _posted(f"http://127.0.0.1:{server.port}/api/reports", 1000)
        assert (statuses.count(201), statuses.count(429)) == (20, 980)
        late = await http.post("/api/reports", json=body())
        assert late.headers["content-type"] == "application/problem+json" and 0 < int(late.headers["retry-after"]) <= 60
        assert late.json()["say"]["vi"].startswith("Gửi quá nhiều lần, hãy thử lại sau")
        for form in ("json", "xml"):
            posted = [await http.post(f"{V2}/requests.{form}", data=LIGHT) for _ in range(25)]
            read = [await http.get(f"{V2}/requests.{form}") for _ in range(60)]
            for one in (posted[-1], read[-1]):
                assert one.status_code == 429 and 0 < int(one.headers["retry-after"]) <= 60
                fits("errors", form, one.content)


async def test_what_is_not_theirs_is_answered_as_what_is_not_there(place: Place) -> None:
    """An agency at the desk, and whoever guesses: the same status, headers and words, whatever the id."""
    content = picture()
    filed = await file(place.server, photos=[photo(content)])
    await send(place.server, filed, content, 0, len(content))
    url = (await follow(place.server, filed["follow"]))["photos"][0]["url"]
    await place.server.app.state.door.desk.book.step(filed["id"], Asked("hide", why="Xúc phạm"), ADMIN)
    other = {"Follow": (await file(place.server))["follow"]}
    named, part = hashlib.sha256(content).hexdigest(), {"Upload-Offset": "0", **other}
    desk, mine = "/api/desk/reports/{}", {"client": str(uuid.uuid4())}
    step = {"step": "accept", "version": 1}
    for who, method, path, sent in (
        ("Minh", "GET", desk, {}),
        ("Minh", "GET", f"{desk}/person", {}),
        ("Minh", "POST", f"{desk}/steps", {"json": step}),
        ("Minh", "POST", f"{desk}/claim", {}),
        ("Minh", "DELETE", f"{desk}/claim", {}),
        ("Minh", "POST", f"{desk}/photos", {"content": content}),
        (None, "POST", "/api/reports/{}/support", {"json": mine}),
        (None, "HEAD", f"/api/reports/{{}}/photos/{named}", {"headers": other}),
        (None, "PATCH", f"/api/reports/{{}}/photos/{named}", {"headers": part, "content": b"x"}),
        (None, "GET", f"{V2}/tokens/{{}}.json", {}),
    ):
        there = await place.ask(who, method, path.format(filed["id"]), **sent)
        absent = await place.ask(who, method, path.format(ABSENT), **sent)
        assert there.status_code == absent.status_code == 404, path
        assert there.text.replace(filed["id"], ABSENT) == absent.text, path
        assert dict(there.headers) | {"date": ""} == dict(absent.headers) | {"date": ""}, path
        assert filed["number"] not in there.text and "Vỡ ống" not in there.text
    hidden, none = [await place.ask(None, "GET", one) for one in (url, f"/api/reports/photos/{'0' * 64}")]
    assert (hidden.status_code, hidden.text) == (404, none.text)
    number = await place.ask(None, "GET", f"{V2}/requests/{filed['number']}.json")
    assert number.status_code == 404 and "Vỡ ống" not in number.text


# the GeoReport server: what is not here, and files


@pytest.mark.parametrize(
    ("method", "path", "status", "form"),
    [
        ("GET", "/open311", 404, "xml"), ("GET", "/open311/", 404, "xml"), ("GET", f"{V2}", 404, "xml"),
        ("GET", f"{V2}/nothing.json", 404, "json"), ("GET", f"{V2}/requests", 404, "xml"),
        ("GET", f"{V2}/requests/a/b/c.json", 404, "json"), ("DELETE", f"{V2}/requests.json", 405, "json"),
        ("PUT", f"{V2}/services.xml", 405, "xml"), ("POST", f"{V2}/requests/PY-1.json", 405, "json"),
        ("POST", "/open311/discovery.xml", 405, "xml"), ("PATCH", f"{V2}/requests.yaml", 405, "xml"),
    ],
)  # fmt: skip
async def test_what_is_not_here_is_told_in_the_published_form(
    place: Place, method: str, path: str, status: int, form: str
) -> None:
    answer = await place.ask(None, method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == {"json": "application/json", "xml": "text/xml"}[form] + "; charset=utf-8"
    (error,) = fits("errors", form, answer.content)
    assert str(error["code"]) == str(status)
    if status == 405:
        expected = {"GET", "HEAD", "POST"} if path.startswith(f"{V2}/requests.") else {"GET", "HEAD"}
        assert set(answer.headers["allow"].split(", ")) == expected
    elsewhere = await place.ask(None, method, "/open312")
    assert elsewhere.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_files_in_a_form_are_refused_with_what_to_send_instead(place: Place, db: Database, form: str) -> None:
    told = {**LIGHT, "api_key": place.keys["app"], "service_code": "water"}
    files = {"media": ("a.jpg", picture(), "image/jpeg")}
    answer = await place.ask(None, "POST", f"{V2}/requests.{form}", data=told, files=files)
    assert answer.status_code == 400
    (error,) = fits("errors", form, answer.content)
    assert "multipart/form-data" in error["description"] and "media_url" in error["description"]
    async with db.reading() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(tables.reports))).scalar_one() == 0


async def test_what_reaches_a_person_is_in_no_public_answer(place: Place) -> None:
    words = "Vỡ ống, zalo 09123 45678, +84 912 345 679, stk 19031234567890, xe 78A-123.45, cccd 048090001234, a@b.vn"
    secrets = ("12345", "345 67", "1903123", "123.45", "0480900", "a@b.vn")
    filed = await file(place.server, words=words, address=f"12 Trần Phú, {words}")
    await place.server.app.state.door.desk.book.step(filed["id"], Asked("answer", text=words), ADMIN)
    paths = ("/api/reports/map", "/api/reports/nearby?lon=109.32&lat=13.09&category=water")
    for path in (*paths, f"{V2}/requests.json", f"{V2}/requests.xml"):
        answer = await place.ask(None, "GET", path)
        assert "Vỡ ống" in answer.text and not [one for one in secrets if one in answer.text], answer.text
    async with place.server.app.state.door.db.reading() as connection:
        outbox = (await connection.execute(sa.select(tables.outbox.c.body))).scalars().all()
    assert not [one for one in secrets if one in json.dumps([json.loads(told) for told in outbox], ensure_ascii=False)]
    # the desk and who filed it see what was said
    assert "zalo 09123 45678" in (await follow(place.server, filed["follow"]))["words"]
    assert "zalo 09123 45678" in (await place.ask("Lan", "GET", f"/api/desk/reports/{filed['id']}")).text
