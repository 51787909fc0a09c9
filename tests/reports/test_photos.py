"""Photos: nothing but the picture is kept; parts survive; what is no photo is refused in a sentence."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from ioc.db.reports import Photo, Report
from ioc.reports import images, photos
from ioc.reports.book import Book
from ioc.reports.filing import Planned
from ioc.reports.images import NoPhoto
from ioc.reports.photos import Misplaced, Photos
from tests.reports.desk import filing

SECRET = b"12.345678,109.876543"


def picture(form: str = "JPEG", size: tuple[int, int] = (300, 200), **other: object) -> bytes:
    told = io.BytesIO()
    image = Image.new("RGB", size, "red")
    image.paste("blue", (0, 0, size[0] // 2, size[1] // 2))
    image.save(told, form, **other)
    return told.getvalue()


def with_gps(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "SecretPhone"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (13.0, 5.0, 24.0)
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return picture(exif=exif, comment=SECRET)


def opened(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body))


def test_exif_gps_and_comments_are_gone_and_the_photo_stands_upright() -> None:
    before = with_gps(orientation=6)
    assert opened(before).getexif().get_ifd(ExifTags.IFD.GPSInfo)
    after = images.redrawn(before)
    kept = opened(after)
    assert not kept.getexif()
    assert set(kept.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert kept.size == (200, 300), "the orientation is applied"
    assert SECRET not in after and b"SecretPhone" not in after and b"Exif" not in after


def test_a_large_photo_becomes_smaller_and_a_small_one_stays() -> None:
    assert opened(images.redrawn(picture(size=(4000, 3000)))).size == (2048, 1536)
    assert opened(images.redrawn(picture(size=(20, 10)))).size == (20, 10)


def test_png_and_webp_are_drawn_anew_on_white_without_their_texts() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Place", SECRET.decode())
    told = io.BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(told, "PNG", pnginfo=notes)
    after = images.redrawn(told.getvalue())
    assert SECRET not in after
    assert opened(after).getpixel((5, 5)) == (255, 255, 255)
    assert opened(images.redrawn(picture("WEBP"))).format == "JPEG"


def png(width: int, height: int, body: bytes = b"") -> bytes:
    """A PNG that says it is so large, with as little in it as one likes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", body or zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", id="svg"),
        pytest.param(b"<!doctype html><script>alert(1)</script>", id="html"),
        pytest.param(b"GIF89a" + b"\x00" * 40, id="gif"),
        pytest.param(b"%PDF-1.7\n", id="pdf"),
        pytest.param(b"", id="empty"),
        pytest.param(picture()[:400], id="cut"),
        pytest.param(png(50_000, 50_000), id="bomb"),
        pytest.param(png(7000, 7000), id="too many pixels"),
        pytest.param(png(6000, 6000, zlib.compress(b"\x00" * 50_000_000)), id="zip bomb"),
    ],
)
def test_what_is_no_photo_is_refused_in_both_languages(body: bytes) -> None:
    with pytest.raises(NoPhoto) as refused:
        images.redrawn(body)
    assert "the report was taken without it" in refused.value.say
    assert "Phản ánh vẫn được nhận" in refused.value.vi


def test_of_a_polyglot_only_the_picture_is_left() -> None:
    after = images.redrawn(picture() + b"<script>alert(1)</script>PK\x03\x04")
    assert b"<script>" not in after and b"PK\x03\x04" not in after


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_else_than_be_refused(body: bytes) -> None:
    for head in (b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\x00\x00\x00\x00WEBP"):
        with pytest.raises(NoPhoto):
            images.redrawn(head + body)


async def pieces(body: bytes, each: int = 1000, breaks: bool = False) -> AsyncIterator[bytes]:
    for start in range(0, len(body), each):
        yield body[start : start + each]
    if breaks:
        raise ConnectionError


@pytest.fixture
def kept(book: Book, tmp_path: Path) -> Photos:
    return photos.opened(book, tmp_path)


async def planned(book: Book, body: bytes, kind: str = "photo") -> tuple[Report, Photo]:
    told = Planned(hashlib.sha256(body).hexdigest(), kind, len(body))
    filed = await book.file(filing(photos=(told,)))
    return filed.report, filed.photos[0]


async def test_a_photo_comes_in_parts_is_drawn_anew_and_kept_by_its_content(
    book: Book, kept: Photos, tmp_path: Path
) -> None:
    body = with_gps()
    report, photo = await planned(book, body)
    assert await kept.take(photo, 0, pieces(body[:700], 100)) == 700
    # another process, after a crash, finds what was confirmed
    again = photos.opened(book, tmp_path)
    assert again.offset(photo) == 700
    with pytest.raises(Misplaced) as wrong:
        await again.take(photo, 300, pieces(body[300:]))
    assert wrong.value.offset == 700
    assert await again.take(photo, 700, pieces(body[700:])) == len(body)
    done = await again.finish(report, photo)
    assert done.state == "taken" and done.stored is not None
    found = await again.find(done.stored)
    assert found is not None and found.kind == "image/jpeg"
    read = await again.get(found, 0, found.size)
    assert read is not None
    assert hashlib.sha256(b"".join([piece async for piece in read])).hexdigest() == done.stored
    assert list((tmp_path / "photos" / "parts").iterdir()) == []
    assert (await again.finish(report, done)) == done
    assert again.offset(done) == len(body)


async def test_what_came_before_the_line_broke_is_kept(book: Book, kept: Photos) -> None:
    body = picture()
    _, photo = await planned(book, body)
    with pytest.raises(ConnectionError):
        await kept.take(photo, 0, pieces(body[:500], 100, breaks=True))
    assert kept.offset(photo) == 500


async def test_no_more_bytes_are_taken_than_were_told(book: Book, kept: Photos) -> None:
    body = picture()
    _, photo = await planned(book, body)
    with pytest.raises(Misplaced):
        await kept.take(photo, 0, pieces(body + b"x"))
    assert kept.offset(photo) == 0


async def test_a_damaged_photo_is_sent_again_from_its_beginning(book: Book, kept: Photos) -> None:
    body = picture()
    report, photo = await planned(book, body)
    await kept.take(photo, 0, pieces(bytes(len(body))))
    with pytest.raises(Misplaced) as wrong:
        await kept.finish(report, photo)
    assert wrong.value.offset == 0 and kept.offset(photo) == 0


async def test_a_photo_that_is_none_is_refused_and_the_report_stays(book: Book, kept: Photos) -> None:
    body = b"<svg onload='alert(1)'/>"
    report, photo = await planned(book, body)
    await kept.take(photo, 0, pieces(body))
    with pytest.raises(NoPhoto):
        await kept.finish(report, photo)
    [noted] = await book.photos(report.id)
    assert noted.state == "refused" and noted.why is not None and noted.why.endswith(".")
    assert await book.get(report.id) is not None


async def test_the_desk_adds_a_photo_after_the_work(book: Book, kept: Photos) -> None:
    report = (await book.file(filing())).report
    added = await kept.add(report, picture())
    assert (added.kind, added.state) == ("after", "taken")
    assert [one.kind for one in await book.photos(report.id)] == ["after"]
