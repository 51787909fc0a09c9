"""Where photos are kept: a folder and a real S3 do the same; what S3 refuses, or does not answer, is said."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from ioc.errors import BadConfig
from ioc.report_rules import S3
from ioc.reports.s3 import Bucket
from ioc.reports.stores import FolderStore, Found, PhotosAway, Store, key
from tests import buckets
from tests.buckets import KEYS

FILM = bytes(range(256)) * 4000


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return FolderStore(tmp_path / "photos")
    return Bucket(buckets.place(), buckets.at(request.getfixturevalue("s3_port")), KEYS)


@pytest.fixture
def bucket(s3_port: int) -> Bucket:
    return Bucket(buckets.place(), buckets.at(s3_port), KEYS)


async def whole(store: Store, found: Found, start: int = 0, end: int | None = None) -> bytes | None:
    pieces = await store.get(found, start, found.size if end is None else end)
    return None if pieces is None else b"".join([piece async for piece in pieces])


async def test_what_is_put_is_named_by_its_content_and_given_back_whole_and_in_part(store: Store) -> None:
    stored = await store.put(FILM, "video/mp4")
    assert stored == hashlib.sha256(FILM).hexdigest()
    found = await store.find(stored)
    assert found == Found(stored, "video/mp4", len(FILM))
    assert await whole(store, found) == FILM
    assert await whole(store, found, 1000, 700_001) == FILM[1000:700_001]
    assert await whole(store, found, 5, 5) == b""
    await store.check()


async def test_the_same_body_again_is_the_same_and_another_kind_beside_it_is_not(store: Store) -> None:
    names = {await store.put(b"one", "image/jpeg"), await store.put(b"one", "image/jpeg")}
    assert names == {hashlib.sha256(b"one").hexdigest()}
    assert await store.put(b"two", "video/webm") not in names


async def test_a_body_that_is_there_is_not_written_again(bucket: Bucket, tmp_path: Path) -> None:
    import obstore

    folder = FolderStore(tmp_path)
    file = tmp_path / key(await folder.put(b"one", "image/jpeg"), "image/jpeg")
    before = file.stat()
    await folder.put(b"one", "image/jpeg")
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    name = key(await bucket.put(b"one", "image/jpeg"), "image/jpeg")
    # another body under its name is still there afterwards: nothing was sent
    await obstore.put_async(bucket.client, name, b"other")
    await bucket.put(b"one", "image/jpeg")
    assert (await obstore.head_async(bucket.client, name))["size"] == len(b"other")


async def test_what_was_deleted_is_gone_and_deleting_it_again_is_no_error(store: Store) -> None:
    stored, other = await store.put(b"gone", "image/jpeg"), await store.put(b"stays", "image/jpeg")
    found = await store.find(stored)
    assert found is not None
    for _ in range(2):
        await store.delete(stored)
        assert await store.find(stored) is None
        assert await whole(store, found) is None
    assert await store.find(other) is not None


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 63, "A" * 64, "", "0" * 64])
async def test_no_name_leads_anywhere_else(store: Store, name: str) -> None:
    assert await store.find(name) is None
    await store.delete(name)


async def test_a_folder_that_is_copied_into_a_bucket_as_it_stands_goes_on_there(
    bucket: Bucket, s3_port: int, tmp_path: Path
) -> None:
    import obstore
    from obstore.store import S3Store

    folder = FolderStore(tmp_path)
    kept = [await folder.put(b"picture", "image/jpeg"), await folder.put(FILM, "video/mp4")]
    plain = S3Store(
        "photos", endpoint=f"http://127.0.0.1:{s3_port}", region="us-east-1", client_options={"allow_http": True},
        access_key_id=KEYS["AWS_ACCESS_KEY_ID"], secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    for file in tmp_path.rglob("*.*"):
        await obstore.put_async(plain, f"{bucket.prefix}/{file.relative_to(tmp_path).as_posix()}", file)
    for stored, body in zip(kept, (b"picture", FILM), strict=True):
        here, there = await folder.find(stored), await bucket.find(stored)
        assert here is not None and here == there
        assert await whole(bucket, here) == body


async def test_nobody_reads_a_photo_by_the_address_of_the_bucket(bucket: Bucket, s3_port: int) -> None:
    stored = await bucket.put(b"picture", "image/jpeg")
    async with httpx2.AsyncClient() as http:
        address = f"http://127.0.0.1:{s3_port}/photos/{bucket.prefix}/{key(stored, 'image/jpeg')}"
        assert (await http.get(address)).status_code == 403


def refusing(port: int, why: str) -> Bucket:
    given = {
        "wrong secret": KEYS | {"AWS_SECRET_ACCESS_KEY": "another"},
        "wrong key": KEYS | {"AWS_ACCESS_KEY_ID": "ANOTHER"},
    }
    return Bucket(buckets.place(), buckets.at(port), given[why])


@pytest.mark.parametrize("why", ["wrong secret", "wrong key"])
async def test_wrong_keys_are_told_by_name_and_never_by_value(s3_port: int, why: str) -> None:
    store = refusing(s3_port, why)
    for asked in (store.check(), store.put(b"x", "image/jpeg"), store.find("0" * 64), store.delete("0" * 64)):
        with pytest.raises(PhotosAway, match="refuses our keys for the bucket photos; see AWS_ACCESS_KEY_ID") as away:
            await asked
        assert not any(secret in str(away.value) for secret in KEYS.values())


async def test_a_bucket_that_is_not_there_is_told(s3_port: int) -> None:
    with pytest.raises(PhotosAway, match="no bucket not-there"):
        await Bucket("s3://not-there/x", buckets.at(s3_port), KEYS).check()


async def test_a_server_that_is_away_is_told_and_the_next_question_finds_it_back(s3_port: int) -> None:
    line = buckets.Line(s3_port)
    store = Bucket(buckets.place(), buckets.at(line.port), KEYS)
    found = Found("0" * 64, "image/jpeg", 1)
    for asked in (
        store.check(), store.put(b"x", "image/jpeg"), store.find(found.stored), store.get(found, 0, 1),
        store.delete(found.stored),
    ):  # fmt: skip
        with pytest.raises(PhotosAway, match="does not answer"):
            await asked
    await line.lay()
    stored = await store.put(b"x", "image/jpeg")
    assert await store.find(stored) is not None
    await line.cut()
    with pytest.raises(PhotosAway):
        await store.find(stored)


async def test_a_server_that_hangs_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        rules = S3(endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.5)
        async with asyncio.timeout(60):
            with pytest.raises(PhotosAway, match="does not answer"):
                await Bucket(buckets.place(), rules, KEYS).put(b"x", "image/jpeg")


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A folder whose place is taken by a file: nothing can be written into it."""
    (tmp_path / "photos").write_bytes(b"")
    yield tmp_path / "photos"


async def test_a_folder_that_cannot_be_written_to_is_away_too(full: Path) -> None:
    store = FolderStore(full)
    for asked in (store.check(), store.put(b"x", "image/jpeg")):
        with pytest.raises(PhotosAway):
            await asked


@pytest.mark.parametrize("left_out", sorted(KEYS))
def test_without_keys_in_the_environment_it_does_not_start(left_out: str) -> None:
    with pytest.raises(BadConfig, match="put AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY into the environment"):
        Bucket("s3://photos", buckets.at(1), {**KEYS, left_out: ""})
