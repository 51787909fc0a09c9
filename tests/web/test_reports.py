"""Citizens over HTTP: file, send photos in parts, follow, support; and what hostile callers get."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ioc.board.memory import MemoryBoard
from ioc.db.session import Database
from ioc.report_rules import Limits
from ioc.reports import people
from ioc.reports.book import Asked, Book
from ioc.settings import Access as AccessSettings
from ioc.web.app import build
from tests.reports.desk import ADMIN, OPERATOR, RULES, WATER
from tests.reports.test_photos import SECRET, picture, with_gps

from .conftest import Running, running, settings

FREE = msgspec.structs.replace(RULES, limits=Limits("100000/minute", "100000/minute", "100000/minute"))


def app(board: MemoryBoard, db: Database, folder: Path, rules: Any = FREE, **other: Any) -> Any:
    shut = settings(access=AccessSettings(), reports=rules, file=str(folder / "ioc.toml"))
    return build(shut, board=board, db=db, **other)


@pytest.fixture
async def server(board: MemoryBoard, db: Database, tmp_path: Path) -> AsyncIterator[Running]:
    vault = people.vault({"IOC_REPORTS_KEY": people.new_key()})
    async with running(app(board, db, tmp_path, vault=vault)) as found:
        yield found


@pytest.fixture
def book(server: Running) -> Book:
    found: Book = server.app.state.door.desk.book
    return found


def body(**other: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "client": str(uuid.uuid4()), "category": "water", "words": "Vỡ ống nước", "lon": 109.32, "lat": 13.09,
        "accuracy_m": 8, "made": "2026-03-10T12:00:00+07:00", "lang": "vi", "photos": [], "website": "",
    }  # fmt: skip
    return {**given, **other}


def photo(content: bytes) -> dict[str, Any]:
    return {"hash": hashlib.sha256(content).hexdigest(), "kind": "photo", "bytes": len(content), "type": "image/jpeg"}


async def file(server: Running, **other: Any) -> dict[str, Any]:
    async with server.http() as http:
        answer = await http.post("/api/reports", json=body(**other))
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def follow(server: Running, secret: str) -> dict[str, Any]:
    async with server.http() as http:
        answer = await http.get("/api/reports/followed", headers={"Follow": secret})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_the_form_says_what_a_report_is_made_of(server: Running) -> None:
    async with server.http() as http:
        told = (await http.get("/api/reports/form")).json()
    assert [one["code"] for one in told["categories"]] == ["water", "noise"]
    assert told["categories"][0]["title"] == {"vi": "Cấp nước", "en": "Water supply"}
    assert told["person"] is True
    assert told["limits"] == {"photos": 5, "photo_bytes": 12_000_000, "video_bytes": 40_000_000, "words": 4000}


async def test_the_first_page_leads_to_the_form_and_to_the_desk(server: Running) -> None:
    async with server.http() as http:
        told = (await http.get("/", headers={"Accept": "application/json"})).json()
    assert [one["path"] for one in told["screens"]][-2:] == ["/report", "/ops"]


async def test_without_a_key_for_people_nobody_is_asked(board: MemoryBoard, db: Database, tmp_path: Path) -> None:
    async with running(app(board, db, tmp_path)) as server:
        async with server.http() as http:
            assert (await http.get("/api/reports/form")).json()["person"] is False
        filed = await file(server, name="Nguyễn Văn An")
        report = await server.app.state.door.desk.book.get(filed["id"])
    assert report.person is None


async def test_where_no_reports_are_taken_every_door_says_so(board: MemoryBoard, db: Database, tmp_path: Path) -> None:
    async with running(app(board, db, tmp_path, rules=None)) as server, server.http() as http:
        for answer in (await http.get("/api/reports/form"), await http.post("/api/reports", json=body())):
            assert answer.status_code == 404


async def test_the_same_client_again_is_the_same_report_with_its_secret(server: Running) -> None:
    one = body()
    async with server.http() as http:
        first, again = await http.post("/api/reports", json=one), await http.post("/api/reports", json=one)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert len(first.json()["follow"]) == 64


async def send(server: Running, filed: dict[str, Any], content: bytes, at: int, until: int) -> Any:
    path = f"/api/reports/{filed['id']}/photos/{hashlib.sha256(content).hexdigest()}"
    headers = {"Follow": filed["follow"], "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
    async with server.http() as http:
        return await http.patch(path, content=content[at:until], headers=headers)


async def test_two_photos_come_in_parts_though_the_server_dies_between_them(
    board: MemoryBoard, db: Database, tmp_path: Path
) -> None:
    one, other = with_gps(), picture(size=(640, 480))
    async with running(app(board, db, tmp_path)) as server:
        filed = await file(server, photos=[photo(one), photo(other)])
        assert [each["offset"] for each in filed["photos"]] == [0, 0]
        assert (await send(server, filed, one, 0, 300)).status_code == 204
    async with running(app(board, db, tmp_path)) as server:
        path = f"/api/reports/{filed['id']}/photos/{photo(one)['hash']}"
        async with server.http() as http:
            asked = await http.head(path, headers={"Follow": filed["follow"]})
        assert (asked.status_code, asked.headers["upload-offset"]) == (200, "300")
        wrong = await send(server, filed, one, 100, 400)
        assert (wrong.status_code, wrong.headers["upload-offset"]) == (409, "300")
        done = await send(server, filed, one, 300, len(one))
        assert (done.status_code, done.json()["state"]) == (201, "taken")
        assert (await send(server, filed, one, len(one), len(one))).status_code == 201, "told again, it is still taken"
        assert (await send(server, filed, other, 0, len(other))).status_code == 201
        told = await follow(server, filed["follow"])
        assert [each["state"] for each in told["photos"]] == ["taken", "taken"]
        async with server.http() as http:
            image = await http.get(told["photos"][0]["url"])
        assert image.headers["content-type"] == "image/jpeg"
        assert image.headers["x-content-type-options"] == "nosniff"
        assert SECRET not in image.content and b"Exif" not in image.content


async def test_a_photo_that_was_whole_when_the_server_died_is_kept_at_the_next_question(
    server: Running, book: Book
) -> None:
    content = picture()
    filed = await file(server, photos=[photo(content)])
    photos = server.app.state.door.desk.photos
    [planned] = await book.photos(filed["id"])

    async def all_of_it() -> AsyncIterator[bytes]:
        yield content

    await photos.take(planned, 0, all_of_it())
    async with server.http() as http:
        path = f"/api/reports/{filed['id']}/photos/{planned.hash}"
        asked = await http.head(path, headers={"Follow": filed["follow"]})
    assert asked.headers["upload-state"] == "taken"
    assert [one.state for one in await book.photos(filed["id"])] == ["taken"]


async def test_a_photo_that_is_none_is_refused_in_a_sentence_and_the_report_is_kept(server: Running) -> None:
    content = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    filed = await file(server, photos=[photo(content)])
    answer = await send(server, filed, content, 0, len(content))
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("Tệp này không phải ảnh")
    told = await follow(server, filed["follow"])
    assert (told["state"], told["photos"][0]["state"]) == ("new", "refused")
    assert told["photos"][0]["why"].startswith("Tệp này")


async def test_only_the_follower_sends_photos(server: Running) -> None:
    content = picture()
    filed, other = await file(server, photos=[photo(content)]), await file(server)
    assert (await send(server, {**filed, "follow": other["follow"]}, content, 0, 10)).status_code == 404
    assert (await send(server, {**filed, "follow": "0" * 64}, content, 0, 10)).status_code == 404
    assert (await send(server, {**filed, "id": other["id"]}, content, 0, 10)).status_code == 404
    assert (await send(server, filed, b"another", 0, 7)).status_code == 404


async def test_the_follower_sees_each_step_and_what_comes_next(server: Running, book: Book) -> None:
    filed = await file(server)
    for who, asked in (
        (OPERATOR, Asked("verify")),
        (OPERATOR, Asked("assign", agency="cap_nuoc")),
        (WATER, Asked("accept")),
        (WATER, Asked("ask", text="Nước chảy mạnh không?")),
    ):
        await book.step(filed["id"], asked, who)
    told = await follow(server, filed["follow"])
    assert [one["step"] for one in told["steps"]] == ["file", "verify", "assign", "accept", "ask"]
    assert told["steps"][2]["say"] == {"vi": "Đã chuyển cho Công ty Cấp nước", "en": "It was passed to Water company"}
    assert told["asks"] == {"text": "Nước chảy mạnh không?"}
    assert told["may"] == ["tell"]
    assert '"Lan"' not in json.dumps(told, ensure_ascii=False)
    async with server.http() as http:
        headers = {"Follow": filed["follow"]}
        answered = await http.post(
            "/api/reports/followed/steps", json={"step": "tell", "text": "Mạnh"}, headers=headers
        )
        assert (answered.status_code, answered.json()["state"]) == (200, "accepted")
        early = await http.post("/api/reports/followed/satisfied", json={"score": 5}, headers=headers)
        assert early.status_code == 422
        await book.step(filed["id"], Asked("finish", text="Đã thay ống"), WATER)
        assert (await follow(server, filed["follow"]))["may"] == ["close", "reopen", "satisfied"]
        for score, status in ((0, 422), (6, 422), (5, 200)):
            done = await http.post("/api/reports/followed/satisfied", json={"score": score}, headers=headers)
            assert done.status_code == status
        closed = await http.post("/api/reports/followed/steps", json={"step": "close"}, headers=headers)
        assert closed.json()["state"] == "closed"
        for step in ("verify", "hide", "late", "x"):
            no = await http.post("/api/reports/followed/steps", json={"step": step}, headers=headers)
            assert no.status_code == 422
        again = await http.post(
            "/api/reports/followed/steps", json={"step": "reopen", "text": "Lại vỡ"}, headers=headers
        )
        assert again.json()["state"] == "reopened"


async def test_a_reason_of_refusal_is_told_in_words(server: Running, book: Book) -> None:
    filed = await file(server)
    await book.step(filed["id"], Asked("refuse", why="out_of_scope"), OPERATOR)
    told = await follow(server, filed["follow"])
    assert "thẩm quyền" in told["steps"][-1]["say"]["vi"]


async def test_nearby_reports_can_be_supported_instead(server: Running, book: Book) -> None:
    filed = await file(server, words="Vỡ ống nước, gọi 0905 123 456 gặp tôi")
    await file(server, lon=109.4)
    await file(server, category="noise")
    async with server.http() as http:
        near = (await http.get("/api/reports/nearby?lon=109.3201&lat=13.09&category=water")).json()["items"]
        assert [one["id"] for one in near] == [filed["id"]]
        assert 5 < near[0]["distance_m"] < 20
        assert "0905" not in near[0]["words"]
        assert (near[0]["agency"], near[0]["agency_title"]) == (None, None)
        await book.step(filed["id"], Asked("verify"), OPERATOR)
        await book.step(filed["id"], Asked("assign", agency="cap_nuoc"), OPERATOR)
        (given,) = (await http.get("/api/reports/nearby?lon=109.3201&lat=13.09&category=water")).json()["items"]
        assert given["agency_title"] == {"vi": "Công ty Cấp nước", "en": "Water company"}
        client = str(uuid.uuid4())
        for _ in range(2):
            answer = await http.post(f"/api/reports/{filed['id']}/support", json={"client": client})
            assert (answer.status_code, answer.json()["supports"]) == (201, 1)
        assert (await http.post("/api/reports/none/support", json={"client": client})).status_code == 404
        for query in (
            "",
            "?lon=x&lat=13&category=water",
            "?lon=109&lat=13&category=none",
            "?lon=nan&lat=1&category=water",
        ):
            assert (await http.get(f"/api/reports/nearby{query}")).status_code in (400, 422)


async def test_the_public_map_is_coarse_where_the_category_says_so_and_names_nobody(server: Running) -> None:
    filed = await file(server, category="noise", name="Nguyễn Văn An", phone="0905123456")
    await file(server, lon=109.9, lat=13.9)
    async with server.http() as http:
        answer = await http.get("/api/reports/map?bbox=109.3,13,109.4,13.2")
    assert answer.headers["content-type"] == "application/geo+json"
    [feature] = answer.json()["features"]
    assert feature["id"] == filed["id"]
    lon, lat = feature["geometry"]["coordinates"]
    assert (lon, lat) != (109.32, 13.09)
    assert abs(lon - 109.32) < 0.002 and abs(lat - 13.09) < 0.002
    assert "Nguy" not in answer.text and "0905" not in answer.text


async def test_a_hidden_report_is_in_no_public_answer(server: Running, book: Book) -> None:
    content = picture()
    filed = await file(server, photos=[photo(content)])
    await send(server, filed, content, 0, len(content))
    url = (await follow(server, filed["follow"]))["photos"][0]["url"]
    await book.step(filed["id"], Asked("hide", why="Xúc phạm"), ADMIN)
    async with server.http() as http:
        assert (await http.get("/api/reports/map")).json()["features"] == []
        assert (await http.get("/api/reports/nearby?lon=109.32&lat=13.09&category=water")).json()["items"] == []
        assert (await http.get(url)).status_code == 404
        answer = await http.post(f"/api/reports/{filed['id']}/support", json={"client": str(uuid.uuid4())})
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("given", "status"),
    [
        pytest.param({"words": "x" * 10_000_000}, 413, id="10 MB of words"),
        pytest.param({"words": "x" * 5000}, 422, id="long words"),
        pytest.param({"website": "http://spam"}, 422, id="honeypot"),
        pytest.param({"lon": "109"}, 422, id="a text as number"),
        pytest.param({"client": "1 OR 1=1"}, 422, id="SQL"),
        pytest.param({"category": "water' --"}, 422, id="SQL in the category"),
        pytest.param({"made": "yesterday"}, 422, id="no time"),
        pytest.param({"photos": [{"hash": "../x", "kind": "photo", "bytes": 1}]}, 422, id="a path as hash"),
        pytest.param({"photos": [{"hash": "a" * 64, "kind": "svg", "bytes": 1}]}, 422, id="a strange kind"),
        pytest.param({"photos": [photo(bytes([n])) for n in range(6)]}, 422, id="six photos"),
        pytest.param({"attributes": {"a": {"b": {}}}}, 422, id="a strange attribute"),
    ],
)
async def test_hostile_filings_get_a_clear_answer_and_leave_nothing(
    server: Running, book: Book, given: dict[str, Any], status: int
) -> None:
    async with server.http() as http:
        answer = await http.post("/api/reports", json=body(**given))
    assert answer.status_code == status
    told = answer.json()
    assert told["detail"].endswith(".")
    assert await book.by_number("PA-2026-0310-0001") is None
    async with server.http() as http:
        assert (await http.get("/api/reports/map")).json()["features"] == []


async def test_a_script_is_text_everywhere(server: Running) -> None:
    words = "<script>alert(1)</script>"
    filed = await file(server, words=words, address=words, name=words)
    told = await follow(server, filed["follow"])
    assert told["words"] == words and told["place"]["address"] == words


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"client": 1}'])
async def test_a_body_that_can_not_be_read_is_told_so(server: Running, raw: bytes) -> None:
    async with server.http() as http:
        for path in ("/api/reports", "/api/reports/x/support"):
            assert (await http.post(path, content=raw)).status_code == 422


async def test_one_address_files_only_so_often_and_is_told_when_again(
    board: MemoryBoard, db: Database, tmp_path: Path
) -> None:
    rules = msgspec.structs.replace(RULES, limits=Limits("50/minute", "3/minute", "100/minute"))
    async with running(app(board, db, tmp_path, rules)) as server, server.http() as http:
        answers = await asyncio.gather(*(http.post("/api/reports", json=body()) for _ in range(200)))
        statuses = [one.status_code for one in answers]
        assert statuses.count(201) == 50 and statuses.count(429) == 150
        late = next(one for one in answers if one.status_code == 429)
        assert 0 < int(late.headers["retry-after"]) <= 60
        assert late.json()["say"]["en"].startswith("Too much came from here")


async def test_one_device_files_only_so_often(board: MemoryBoard, db: Database, tmp_path: Path) -> None:
    rules = msgspec.structs.replace(RULES, limits=Limits("50/minute", "3/minute", "100/minute"))
    async with running(app(board, db, tmp_path, rules)) as server, server.http() as http:
        answers = [(await http.post("/api/reports", json=body(device="d"))).status_code for _ in range(4)]
        assert answers == [201, 201, 201, 429]
        assert (await http.post("/api/reports", json=body(device="e"))).status_code == 201


async def test_ids_and_secrets_that_are_guessed_tell_nothing(server: Running) -> None:
    filed = await file(server)
    async with server.http() as http:
        for secret in ("", "x", "0" * 64, filed["id"], filed["follow"][:-1] + "g", "' OR 1=1 --" * 5):
            headers = {"Follow": secret}
            for answer in (
                await http.get("/api/reports/followed", headers=headers),
                await http.post("/api/reports/followed/steps", json={"step": "close"}, headers=headers),
                await http.post("/api/reports/followed/satisfied", json={"score": 1}, headers=headers),
            ):
                assert answer.status_code == 404
                assert filed["number"] not in answer.text
        for stored in ("0" * 64, "..%2F..%2Fioc.db", "x"):
            assert (await http.get(f"/api/reports/photos/{stored}")).status_code == 404
