"""Videos: place and device are gone, picture and sound stay as they were; what is no plain video is refused.

`films/` holds a second of a moving bar with silence, 64 × 48 pixels, as FFmpeg writes it: H.264 and AAC in MP4, VP9 and
Opus in WebM, each with a place, a device and titles.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.reports import videos
from ioc.reports.images import NoPhoto
from tests.reports.test_photos import SECRET

FILMS = {path.suffix[1:]: path.read_bytes() for path in (Path(__file__).parent / "films").iterdir()}
TOLD = (b"SecretPlace", b"SecretPhone", b"13.0955", b"Lavf", b"VideoHandler")
BLOCK, TRACKS = 0xA3, 0x1654AE6B


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_of_a_real_film_all_words_are_gone(kind: str) -> None:
    before = FILMS[kind]
    assert sum(one in before for one in TOLD) >= 3
    after, media = videos.stripped(before)
    assert media == f"video/{kind}" and len(after) == len(before)
    assert [one for one in TOLD if one in after] == []
    assert videos.stripped(after) == (after, media)


def test_of_an_mp4_the_place_as_ffmpeg_writes_it_is_gone() -> None:
    # a box of its own (3GPP TS 26.244, 8.10): degrees as fixed points of 16 bits each
    place = struct.pack(">ii", round(109.3209 * 65536), round(13.0955 * 65536))
    assert b"loci" in FILMS["mp4"] and place[:3] in FILMS["mp4"]
    after, _ = videos.stripped(FILMS["mp4"])
    assert b"loci" not in after and place[:3] not in after


@given(
    st.sampled_from(sorted(FILMS)), st.lists(st.tuples(st.integers(0), st.binary(min_size=1, max_size=8)), max_size=4)
)
def test_a_broken_film_is_refused_or_kept_and_never_anything_else(kind: str, hits: list[tuple[int, bytes]]) -> None:
    body = bytearray(FILMS[kind])
    for at, given_bytes in hits:
        body[at % len(body) : at % len(body) + len(given_bytes)] = given_bytes
    try:
        after, _ = videos.stripped(bytes(body))
    except NoPhoto:
        return
    assert len(after) == len(body)


@pytest.mark.parametrize("lost", [b"mdia", b"hdlr", b"minf", b"stbl", b"stsz", b"stco", b"stsc"])
def test_a_film_without_a_table_is_refused(lost: bytes) -> None:
    with pytest.raises(NoPhoto):
        videos.stripped(FILMS["mp4"].replace(lost, b"free"))


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_else_than_be_refused(body: bytes) -> None:
    for head in (b"", b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00", b"\x1aE\xdf\xa3"):
        with pytest.raises(NoPhoto):
            videos.stripped(head + body)


def box(kind: bytes, *inside: bytes) -> bytes:
    body = b"".join(inside)
    return struct.pack(">I", len(body) + 8) + kind + body


def track(handler: bytes, place: int, size: int) -> bytes:
    table = box(
        b"stbl",
        box(b"stsz", struct.pack(">IIII", 0, 0, 1, size)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)),
        box(b"stco", struct.pack(">III", 0, 1, place)),
    )
    told = box(b"hdlr", struct.pack(">II", 0, 0), handler, bytes(12), b"SecretPhone\x00")
    return box(b"trak", box(b"tkhd", bytes(84)), box(b"udta", SECRET), box(b"mdia", told, box(b"minf", table)))


def mp4(last: bytes = b"") -> bytes:
    head = box(b"ftyp", b"isom\x00\x00\x00\x00isom")
    frames = box(b"mdat", b"PICTURE!", SECRET)
    at = len(head) + 8
    movie = box(
        b"moov", box(b"mvhd", bytes(100)), track(b"vide", at, 8), track(b"meta", at + 8, len(SECRET)),
        box(b"udta", box(b"\xa9xyz", SECRET)), box(b"meta", SECRET),
    )  # fmt: skip
    return head + frames + movie + box(b"uuid", bytes(16), SECRET) + last


def test_of_a_video_place_and_device_are_gone_and_the_picture_stays_where_it_was() -> None:
    before = mp4()
    after, kind = videos.stripped(before)
    assert kind == "video/mp4" and len(after) == len(before)
    assert SECRET not in after and b"SecretPhone" not in after and b"\xa9xyz" not in after
    assert after.index(b"PICTURE!") == before.index(b"PICTURE!")
    assert after.count(b"trak") == 1
    assert videos.stripped(after) == (after, kind)


def ebml(name: int, body: bytes, size: bytes | None = None) -> bytes:
    head = name.to_bytes((name.bit_length() + 7) // 8, "big")
    return head + (size or ((1 << 56) | len(body)).to_bytes(8, "big")) + body


@pytest.mark.parametrize("size", [None, b"\x01" + b"\xff" * 7], ids=["told", "open"])
def test_of_a_webm_the_tags_are_gone(size: bytes | None) -> None:
    head = ebml(0x1A45DFA3, ebml(0x4282, b"webm"))
    cluster = ebml(0x1F43B675, ebml(0xA3, b"PICTURE!"), size)
    before = head + ebml(0x18538067, cluster + ebml(0x1254C367, SECRET) + ebml(0x1F43B675, ebml(0xA3, b"MORE")), size)
    after, kind = videos.stripped(before)
    assert kind == "video/webm" and len(after) == len(before)
    assert SECRET not in after and b"PICTURE!" in after and b"MORE" in after


@pytest.mark.parametrize(
    "body",
    [
        mp4(b"<script>alert(1)</script>"),
        mp4(box(b"html", b"<script>")),
        mp4()[:-3],
        box(b"ftyp", b"isom"),
        ebml(0x1A45DFA3, ebml(0x4282, b"matroska")) + ebml(0x18538067, b""),
    ],
    ids=["tail", "strange box", "cut", "no movie", "no webm"],
)
def test_what_is_no_plain_video_is_refused(body: bytes) -> None:
    with pytest.raises(NoPhoto):
        videos.stripped(body)


def test_bytes_that_no_picture_uses_are_gone() -> None:
    head = box(b"ftyp", b"isom\x00\x00\x00\x00isom")
    at = len(head) + 8
    frames = box(b"mdat", b"PICTURE!", SECRET, b"PICTURE?", SECRET)
    movie = box(b"moov", track(b"vide", at, 8), track(b"soun", at + 8 + len(SECRET), 8))
    after, _ = videos.stripped(head + frames + movie)
    assert after[at:].startswith(b"PICTURE!" + bytes(len(SECRET)) + b"PICTURE?" + bytes(len(SECRET)) + movie[:8])


def test_a_movie_without_a_picture_is_refused() -> None:
    head = box(b"ftyp", b"isom\x00\x00\x00\x00isom")
    with pytest.raises(NoPhoto):
        videos.stripped(head + box(b"mdat", b"PICTURE!") + box(b"moov", track(b"soun", len(head) + 8, 8)))


@pytest.mark.parametrize("kind", [b"\x11", b"\x21"], ids=["subtitles", "metadata"])
def test_a_webm_with_a_track_that_is_no_picture_is_refused(kind: bytes) -> None:
    def film(of: bytes) -> bytes:
        tracks = ebml(TRACKS, ebml(0xAE, ebml(0x83, of)))
        return ebml(0x1A45DFA3, ebml(0x4282, b"webm")) + ebml(
            0x18538067, tracks + ebml(0x1F43B675, ebml(BLOCK, b"PICTURE!"))
        )

    assert videos.stripped(film(b"\x01"))[1] == "video/webm"
    with pytest.raises(NoPhoto):
        videos.stripped(film(kind))
