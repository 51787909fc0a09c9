"""Photos and films over HTTP, whole: in parts, resumed, limited, shown in part; in a bucket, and while that is away."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from ioc.board.memory import MemoryBoard
from ioc.db.session import Database
from ioc.reports import keeping, photos
from ioc.reports.book import Asked
from tests import buckets
from tests.buckets import KEYS
from tests.reports.desk import ADMIN, OPERATOR
from tests.reports.test_photos import picture, with_gps
from tests.reports.test_videos import FILMS, TOLD

from .conftest import Running, running
from .test_reports import FREE, app, body, file, follow, photo, send


@pytest.fixture
async def server(board: MemoryBoard, db: Database, tmp_path: Path) -> AsyncIterator[Running]:
    """A server whose photos go into a folder."""
    async with running(app(board, db, tmp_path)) as found:
        yield found


def film(content: bytes, kind: str = "mp4") -> dict[str, Any]:
    return photo(content) | {"kind": "video", "type": f"video/{kind}"}


@pytest.mark.parametrize("kind", ["mp4", "webm"])
async def test_a_film_comes_in_parts_and_is_shown_whole_and_in_part(server: Running, kind: str) -> None:
    content = FILMS[kind]
    filed = await file(server, photos=[film(content, kind)])
    assert (await send(server, filed, content, 0, 500)).status_code == 204
    path = f"/api/reports/{filed['id']}/photos/{hashlib.sha256(content).hexdigest()}"
    async with server.http() as http:
        asked = await http.head(path, headers={"Follow": filed["follow"]})
        assert asked.headers["upload-offset"] == "500"
        assert (await send(server, filed, content, 500, len(content))).status_code == 201
        [told] = (await follow(server, filed["follow"]))["photos"]
        assert (told["kind"], told["state"]) == ("video", "taken")
        whole = await http.get(told["url"])
        assert (whole.status_code, whole.headers["content-type"]) == (200, f"video/{kind}")
        assert len(whole.content) == len(content) and [one for one in TOLD if one in whole.content] == []
        assert (whole.headers["accept-ranges"], whole.headers["content-length"]) == ("bytes", str(len(content)))
        last = len(content) - 1
        for asked_for, start, end in (
            ("0-1", 0, 1), ("100-", 100, last), ("-10", last - 9, last), ("5-999999", 5, last), ("-999999", 0, last),
        ):  # fmt: skip
            part = await http.get(told["url"], headers={"Range": f"bytes={asked_for}"})
            assert (part.status_code, part.content) == (206, whole.content[start : end + 1])
            assert part.headers["content-range"] == f"bytes {start}-{end}/{len(content)}"
        for strange in ("bytes=5-4", "bytes=-", "bytes=0-1,4-5", "lines=0-1", "bytes=x-"):
            assert (await http.get(told["url"], headers={"Range": strange})).status_code == 200
        for behind in (f"bytes={len(content)}-", "bytes=-0"):
            past = await http.get(told["url"], headers={"Range": behind})
            assert (past.status_code, past.headers["content-range"]) == (416, f"bytes */{len(content)}")
        old = await http.get(told["url"], headers={"Range": "bytes=0-1", "If-Range": '"another"'})
        assert (old.status_code, len(old.content)) == (200, len(content))
        head = await http.head(told["url"])
        assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(content)), b"")


@pytest.mark.parametrize(
    ("planned", "says"),
    [
        pytest.param([film(b"1"), film(b"2")], "hoặc một video", id="two films"),
        pytest.param([film(b"1"), photo(b"2")], "hoặc một video", id="a film and a photo"),
        pytest.param([film(b"1") | {"bytes": 40_000_001}], "lớn quá 40 MB", id="a large film"),
        pytest.param([photo(b"1") | {"bytes": 12_000_001}], "lớn quá 12 MB", id="a large photo"),
    ],
)
async def test_what_is_too_much_is_refused_before_it_is_sent(
    server: Running,
    planned: list[dict[str, Any]],
    says: str,
) -> None:
    async with server.http() as http:
        answer = await http.post("/api/reports", json=body(photos=planned))
    assert answer.status_code == 422 and says in answer.text


@pytest.mark.parametrize(
    ("content", "planned"),
    [
        pytest.param(picture(), film, id="a photo as film"),
        pytest.param(FILMS["mp4"], photo, id="a film as photo"),
        pytest.param(FILMS["mp4"].replace(b"stbl", b"free"), film, id="a broken film"),
        pytest.param(FILMS["mp4"][:-40], film, id="a film that was cut"),
    ],
)
async def test_what_is_not_what_was_told_is_refused_once_and_for_all(
    server: Running,
    content: bytes,
    planned: Any,
) -> None:
    filed = await file(server, photos=[planned(content)])
    answer = await send(server, filed, content, 0, len(content))
    assert answer.status_code == 422 and "Phản ánh vẫn được nhận" in answer.json()["detail"]
    [told] = (await follow(server, filed["follow"]))["photos"]
    assert (told["state"], told["url"]) == ("refused", None)


@pytest.fixture
async def line(s3_port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[buckets.Line]:
    """The line to the bucket, not laid yet."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(photos, "AWAY_S", 0.0)
    found = buckets.Line(s3_port)
    yield found
    await found.cut()


@pytest.fixture
async def far(
    board: MemoryBoard,
    db: Database,
    tmp_path: Path,
    line: buckets.Line,
) -> AsyncIterator[Running]:
    """A server whose photos go into the bucket at the end of the line."""
    rules = msgspec.structs.replace(FREE, photos=buckets.place(), s3=buckets.at(line.port), keep_photo_days=30)
    async with running(app(board, db, tmp_path, rules)) as found:
        yield found


async def test_two_photos_wait_for_a_bucket_that_is_away_and_are_lost_no_more_than_the_report(
    far: Running, line: buckets.Line, tmp_path: Path
) -> None:
    one, other = with_gps(), picture(size=(640, 480))
    filed = await file(far, photos=[photo(one), photo(other)])
    path = f"/api/reports/{filed['id']}/photos/{photo(one)['hash']}"
    for at in (0, len(one)):
        answer = await send(far, filed, one, at, len(one))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert answer.json()["detail"].startswith("Kho ảnh tạm thời không nhận được.")
    async with far.http() as http:
        asked = await http.head(path, headers={"Follow": filed["follow"]})
        assert (asked.status_code, asked.headers["retry-after"]) == (503, "30")
        ready = await http.get("/readyz")
        assert any("Photos can't be kept or shown now" in one for one in ready.json()["warnings"])
    told = await follow(far, filed["follow"])
    assert [each["state"] for each in told["photos"]] == ["planned", "planned"]
    await line.lay()
    async with far.http() as http:
        asked = await http.head(path, headers={"Follow": filed["follow"]})
        assert (asked.headers["upload-state"], asked.headers["upload-offset"]) == ("taken", str(len(one)))
        assert (await send(far, filed, other, 0, len(other))).status_code == 201
        told = await follow(far, filed["follow"])
        assert [each["state"] for each in told["photos"]] == ["taken", "taken"]
        image = await http.get(told["photos"][0]["url"])
        assert image.headers["content-type"] == "image/jpeg" and b"Exif" not in image.content
        part = await http.get(told["photos"][0]["url"], headers={"Range": "bytes=0-99"})
        assert (part.status_code, part.content) == (206, image.content[:100])
        assert (await http.get("/readyz")).json()["warnings"] == []
        await line.cut()
        away = await http.get(told["photos"][0]["url"])
        assert (away.status_code, away.headers["retry-after"]) == (503, "30")
        assert list((tmp_path / "photos").rglob("*.jpg")) == []


async def test_the_server_shows_what_is_in_the_bucket_by_its_own_rules(far: Running, line: buckets.Line) -> None:
    await line.lay()
    content = FILMS["mp4"]
    filed = await file(far, photos=[film(content)])
    assert (await send(far, filed, content, 0, len(content))).status_code == 201
    [told] = (await follow(far, filed["follow"]))["photos"]
    desk = far.app.state.door.desk
    async with far.http() as http, httpx2.AsyncClient() as plain:
        assert len((await http.get(told["url"])).content) == len(content)
        stored = told["url"].rpartition("/")[2]
        bucket = f"http://127.0.0.1:{line.port}/{desk.rules.photos.removeprefix('s3://')}"
        assert (await plain.get(f"{bucket}/{stored[:2]}/{stored}.mp4")).status_code == 403
        await desk.book.step(filed["id"], Asked("hide", why="Xúc phạm"), ADMIN)
        assert (await http.get(told["url"])).status_code == 404
        await desk.book.step(filed["id"], Asked("unhide", why="Nhầm"), ADMIN)
        ended = await desk.book.step(filed["id"], Asked("refuse", why="unclear"), OPERATOR)
        assert ended.ended is not None
        await keeping.purge(desk.photos, 0, ended.ended.replace(year=ended.ended.year + 1))
        assert (await http.get(told["url"])).status_code == 404
    [gone] = (await follow(far, filed["follow"]))["photos"]
    assert (gone["state"], gone["url"], gone["why"]) == ("purged", None, "Đã xoá khi hết hạn lưu giữ.")


async def test_a_server_purges_old_photos_and_drops_left_parts_by_itself(
    board: MemoryBoard, db: Database, tmp_path: Path
) -> None:
    content = picture()
    async with running(app(board, db, tmp_path)) as server:
        filed = await file(server, photos=[photo(content)])
        assert (await send(server, filed, content, 0, len(content))).status_code == 201
        await server.app.state.door.desk.book.step(filed["id"], Asked("refuse", why="unclear"), OPERATOR)
    left, begun = (tmp_path / "photos" / "parts" / f"{name}.part" for name in ("left", "begun"))
    left.write_bytes(b"x")
    begun.write_bytes(b"x")
    os.utime(left, (time.time() - 31 * 86_400,) * 2)
    rules = msgspec.structs.replace(FREE, keep_photo_days=0)
    async with running(app(board, db, tmp_path, rules)) as server, asyncio.timeout(30):
        while (await follow(server, filed["follow"]))["photos"][0]["state"] != "purged":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert begun.exists() and not left.exists()
    assert list((tmp_path / "photos").rglob("*.jpg")) == []
