"""Photos beside the requests: what waited for the store is kept, what is too old is purged, and that is noted."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from ioc.db import reports as tables
from ioc.db.reports import Photo, Report
from ioc.db.session import Database
from ioc.reports import keeping, photos
from ioc.reports.book import Asked, Book
from ioc.reports.photos import Photos
from ioc.reports.stores import PhotosAway
from tests import buckets
from tests.buckets import KEYS
from tests.reports.conftest import Clock
from tests.reports.desk import OPERATOR, RULES
from tests.reports.test_photos import picture, pieces, planned


def kept_in(book: Book, place: str, port: int, folder: Path) -> Photos:
    book.rules = msgspec.structs.replace(RULES, photos=place, s3=None if "://" not in place else buckets.at(port))
    return photos.opened(book, folder, KEYS)


@pytest.fixture(params=["folder", "s3"])
def kept(request: pytest.FixtureRequest, book: Book, tmp_path: Path) -> Photos:
    if request.param == "folder":
        return kept_in(book, "photos", 0, tmp_path)
    return kept_in(book, buckets.place(), request.getfixturevalue("s3_port"), tmp_path)


async def taken(kept: Photos, body: bytes) -> tuple[Report, Photo]:
    report, photo = await planned(kept.book, body)
    await kept.take(photo, 0, pieces(body))
    return report, await kept.finish(report, photo)


async def noted(db: Database) -> list[str]:
    async with db.reading() as connection:
        return list((await connection.execute(sa.select(tables.looks.c.what))).scalars())


async def test_photos_are_purged_after_their_time_from_the_store_too_and_the_purge_is_noted(
    kept: Photos, db: Database, now: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    ended, old = await taken(kept, picture())
    waits, young = await taken(kept, picture(size=(64, 64)))
    after = await kept.add(ended, picture(size=(80, 60)))
    await kept.book.step(ended.id, Asked("refuse", why="unclear"), OPERATOR)
    now.on(days=99)
    assert await keeping.purge(kept, 100, now()) == 0 and await noted(db) == []
    now.on(days=2)
    with caplog.at_level(logging.INFO, "ioc.reports"):
        assert await keeping.purge(kept, 100, now()) == 2
    assert "2 photos of 1 reports were purged (kept for 100 days)." in caplog.messages
    assert await keeping.purge(kept, 100, now()) == 0
    assert await noted(db) == ["purged 2 photos of 1 reports that ended over 100 days ago"]
    for gone in (old, after):
        assert gone.stored is not None and await kept.find(gone.stored) is None
    told = await kept.book.photos(ended.id)
    assert [(one.state, one.stored, one.why) for one in told] == [("purged", None, "Đã xoá khi hết hạn lưu giữ.")] * 2
    assert [one.state for one in await kept.book.photos(waits.id)] == ["taken"]
    assert young.stored is not None and await kept.find(young.stored) is not None


async def test_what_another_report_keeps_too_stays_in_the_store(kept: Photos, now: Clock) -> None:
    one, photo = await taken(kept, picture())
    other, same = await taken(kept, picture())
    assert photo.stored is not None and photo.stored == same.stored
    await kept.book.step(one.id, Asked("refuse", why="unclear"), OPERATOR)
    now.on(days=2)
    assert await keeping.purge(kept, 1, now()) == 1
    assert await kept.find(photo.stored) is not None
    await kept.book.step(other.id, Asked("refuse", why="unclear"), OPERATOR)
    now.on(days=2)
    assert await keeping.purge(kept, 1, now()) == 1
    assert await kept.find(photo.stored) is None


async def test_what_came_whole_while_the_store_was_away_is_kept_when_it_is_back(
    book: Book,
    s3_port: int,
    tmp_path: Path,
    now: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(photos, "AWAY_S", 0.0)
    line = buckets.Line(s3_port)
    kept = kept_in(book, buckets.place(), line.port, tmp_path)
    body = picture()
    report, photo = await planned(book, body)
    await kept.take(photo, 0, pieces(body))
    for _ in range(2):
        with pytest.raises(PhotosAway):
            await kept.finish(report, photo)
    assert kept.offset(photo) == len(body)
    assert [one.state for one in await book.photos(report.id)] == ["planned"]
    [part] = kept.parts.glob("*.part")
    os.utime(part, (time.time() - 100, time.time() - 100))
    assert await keeping.finish(kept, 200, now()) == 0, "somebody may still be at it"
    with pytest.raises(PhotosAway):
        await keeping.finish(kept, 60, now())
    await line.lay()
    assert await keeping.finish(kept, 60, now()) == 1
    [done] = await book.photos(report.id)
    assert done.state == "taken" and done.stored is not None and await kept.find(done.stored) is not None
    assert list(kept.parts.glob("*.part")) == []
    await line.cut()
    told = [one.split(" (")[0] for one in caplog.messages if "hotos" in one]
    assert told == ["Photos can't be kept or shown", "The store of photos is back."]


async def test_a_purge_that_the_store_cuts_off_notes_what_it_did_and_the_next_goes_on(
    book: Book, db: Database, s3_port: int, tmp_path: Path, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "AWAY_S", 0.0)
    line = buckets.Line(s3_port)
    await line.lay()
    kept = kept_in(book, buckets.place(), line.port, tmp_path)
    report, photo = await taken(kept, picture())
    await book.step(report.id, Asked("refuse", why="unclear"), OPERATOR)
    now.on(days=2)
    await line.cut()
    with pytest.raises(PhotosAway):
        await keeping.purge(kept, 1, now())
    assert [one.state for one in await book.photos(report.id)] == ["taken"] and await noted(db) == []
    await line.lay()
    assert await keeping.purge(kept, 1, now()) == 1
    assert photo.stored is not None and await kept.find(photo.stored) is None
    await line.cut()


async def test_who_waits_while_the_store_is_away_is_told_at_once(
    book: Book, s3_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = buckets.Line(s3_port)
    kept = kept_in(book, buckets.place(), line.port, tmp_path)
    monkeypatch.setattr(photos, "AWAY_S", 600.0)
    assert "does not answer" in (await kept.fault() or "")
    await line.lay()
    assert await kept.fault() is not None, "it is not asked again so soon"
    monkeypatch.setattr(photos, "AWAY_S", 0.0)
    again = kept_in(book, buckets.place(), line.port, tmp_path)
    assert await again.fault() is None
    await line.cut()
