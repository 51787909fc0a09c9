"""A video is kept as it was filmed, without what was written beside the picture: place, device, owner.

MP4 (ISO/IEC 14496-12): the boxes `udta`, `meta` and `uuid`, and every track that is neither picture nor sound with its
samples (phones and cameras write the place there), become zeros in boxes `free`. WebM (RFC 8794 and RFC 9559): Tags
and Attachments become Void. Both keep their length, so that nothing else has to move. A file that holds anything
else, or whose parts do not fill it exactly, is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from ioc.reports.images import NoPhoto

MP4, WEBM = "video/mp4", "video/webm"
_TOP = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pdin", b"meta", b"uuid", b"udta"})
_FORGET = frozenset({b"udta", b"meta", b"uuid"})
_SEEN = frozenset({b"vide", b"soun"})
_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_TAGS, _ATTACHMENTS, _VOID = 0x1254C367, 0x1941A469, 0xEC
_DOCTYPE = 0x4282
_LEVEL_1 = frozenset({0x114D9B74, 0x1549A966, 0x1654AE6B, _CLUSTER, 0x1C53BB6B, 0x1043A770, _TAGS, _ATTACHMENTS})
MOST_PARTS = 200_000


def stripped(body: bytes) -> tuple[bytes, str]:
    """The video without what names a place or a person, and its media type. Raises NoPhoto."""
    try:
        if body[4:8] == b"ftyp":
            return _mp4(bytearray(body)), MP4
        if body[:4] == b"\x1aE\xdf\xa3":
            return _webm(bytearray(body)), WEBM
    except (struct.error, IndexError, ValueError, OverflowError, RecursionError):
        pass
    raise NoPhoto(
        "This is no video that can be kept (MP4 or WebM, whole); the report was taken without it.",
        "Tệp này không phải video giữ được (MP4 hoặc WebM). Phản ánh vẫn được nhận, không có video này.",
    )


class Box(NamedTuple):
    """A box of an MP4: its type, where it begins, where its content begins, and where it ends."""

    kind: bytes
    start: int
    inside: int
    end: int


def _boxes(body: bytearray, start: int, end: int) -> Iterator[Box]:
    """The boxes that fill `body` from `start` to `end`; raises ValueError when they do not."""
    at = start
    while at < end:
        size, kind = struct.unpack_from(">I4s", body, at)
        inside = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", body, inside)
            inside += 8
        elif size == 0:
            size = end - at
        if size < inside - at or at + size > end:
            raise ValueError("a box reaches beyond what holds it")
        yield Box(bytes(kind), at, inside, at + size)
        at += size


def _mp4(body: bytearray) -> bytes:
    top = list(_boxes(body, 0, len(body)))
    if not {b"moov", b"mdat"} <= {box.kind for box in top} or any(box.kind not in _TOP for box in top):
        raise ValueError("not a plain MP4")
    for box in top:
        if box.kind in _FORGET:
            _free(body, box)
        elif box.kind == b"moov":
            _movie(body, box)
        elif box.kind in (b"free", b"skip", b"wide"):
            _blank(body, box.inside, box.end)
    return bytes(body)


def _movie(body: bytearray, movie: Box) -> None:
    for box in _boxes(body, movie.inside, movie.end):
        if box.kind in _FORGET:
            _free(body, box)
        elif box.kind == b"trak":
            _track(body, box)


def _track(body: bytearray, track: Box) -> None:
    inner = {box.kind: box for box in _boxes(body, track.inside, track.end)}
    media = {box.kind: box for box in _boxes(body, inner[b"mdia"].inside, inner[b"mdia"].end)}
    handler = media[b"hdlr"]
    if bytes(body[handler.inside + 8 : handler.inside + 12]) not in _SEEN:
        for start, size in _samples(body, media[b"minf"]):
            _blank(body, start, start + size)
        _free(body, track)
        return
    for box in (*_boxes(body, track.inside, track.end), *media.values()):
        if box.kind in _FORGET:
            _free(body, box)
    # what follows the handler's kind is a name in free text
    _blank(body, handler.inside + 12, handler.end)


def _samples(body: bytearray, info: Box) -> Iterator[tuple[int, int]]:
    """Where the chunks of a track lie, and how many bytes each has."""
    table = next(box for box in _boxes(body, info.inside, info.end) if box.kind == b"stbl")
    boxes = {box.kind: box for box in _boxes(body, table.inside, table.end)}
    fixed, count = struct.unpack_from(">II", body, boxes[b"stsz"].inside + 4)
    if count > MOST_PARTS:
        raise ValueError("too many samples")
    at = boxes[b"stsz"].inside + 12
    sizes = [fixed] * count if fixed else list(struct.unpack_from(f">{count}I", body, at))
    wide = b"co64" in boxes
    where = boxes[b"co64" if wide else b"stco"].inside
    (chunks,) = struct.unpack_from(">I", body, where + 4)
    if chunks > MOST_PARTS:
        raise ValueError("too many chunks")
    places = struct.unpack_from(f">{chunks}{'Q' if wide else 'I'}", body, where + 8)
    runs = _runs(body, boxes[b"stsc"])
    taken = 0
    for number, place in enumerate(places, start=1):
        many = next((each for first, each in reversed(runs) if first <= number), 0)
        size = sum(sizes[taken : taken + many])
        taken += many
        if place + size > len(body):
            raise ValueError("a sample reaches beyond the file")
        yield place, size


def _runs(body: bytearray, box: Box) -> list[tuple[int, int]]:
    (count,) = struct.unpack_from(">I", body, box.inside + 4)
    if count > 1000:
        raise ValueError("too many runs of chunks")
    runs = [struct.unpack_from(">II", body, box.inside + 8 + 12 * n) for n in range(count)]
    return [(first, each) for first, each in runs]


def _blank(body: bytearray, start: int, end: int) -> None:
    body[start:end] = bytes(max(0, min(end, len(body)) - start))


def _free(body: bytearray, box: Box) -> None:
    body[box.start + 4 : box.start + 8] = b"free"
    _blank(body, box.inside, box.end)


def _vint(body: bytearray, at: int, *, keep: bool) -> tuple[int, int, bool]:
    """A variable-length number: its value (with its marker: `keep`), where it ends, whether all bits are set."""
    first = body[at]
    length = 9 - first.bit_length() if first else 9
    if length > 8 or at + length > len(body):
        raise ValueError("no number")
    whole = int.from_bytes(body[at : at + length], "big")
    value = whole if keep else whole & ((1 << (7 * length)) - 1)
    return value, at + length, not keep and value == (1 << (7 * length)) - 1


class Element(NamedTuple):
    """An element of a WebM file: id, where it begins, where its content begins and ends; `open`: it does not say."""

    id: int
    start: int
    inside: int
    end: int
    open: bool


def _element(body: bytearray, at: int, end: int) -> Element:
    name, after, _ = _vint(body, at, keep=True)
    size, inside, unknown = _vint(body, after, keep=False)
    ends = end if unknown else inside + size
    if ends > end:
        raise ValueError("an element reaches beyond what holds it")
    return Element(name, at, inside, ends, unknown)


def _webm(body: bytearray) -> bytes:
    head = _element(body, 0, len(body))
    if head.id != _EBML or not _is_webm(body, head):
        raise ValueError("not a WebM")
    segment = _element(body, head.end, len(body))
    if segment.id != _SEGMENT or segment.end != len(body):
        raise ValueError("not one segment to the end")
    at, pictures, parts = segment.inside, 0, 0
    while at < segment.end:
        element = _element(body, at, segment.end)
        parts += 1
        if parts > MOST_PARTS or element.id not in _LEVEL_1 | {_VOID, 0xBF}:
            raise ValueError("an element that has no place there")
        pictures += element.id == _CLUSTER
        at = _cluster_end(body, element) if element.open else element.end
        if element.id in (_TAGS, _ATTACHMENTS):
            _void(body, element.start, at)
        elif element.id == _VOID:
            _blank(body, element.inside, element.end)
    if not pictures:
        raise ValueError("no picture in it")
    return bytes(body)


def _is_webm(body: bytearray, head: Element) -> bool:
    at = head.inside
    while at < head.end:
        element = _element(body, at, head.end)
        if element.id == _DOCTYPE:
            return bytes(body[element.inside : element.end]).rstrip(b"\x00") == b"webm"
        at = element.end
    return False


def _cluster_end(body: bytearray, cluster: Element) -> int:
    """Where a cluster ends that does not say it: at the next element of the segment, or at its end."""
    if cluster.id != _CLUSTER:
        raise ValueError("only a cluster may be open")
    at, parts = cluster.inside, 0
    while at < cluster.end:
        element = _element(body, at, cluster.end)
        if element.id in _LEVEL_1:
            return at
        parts += 1
        if element.open or parts > MOST_PARTS:
            raise ValueError("an open element within a cluster")
        at = element.end
    return at


def _void(body: bytearray, start: int, end: int) -> None:
    """Void of the same length: its id, its size in eight bytes, zeros."""
    size = end - start
    wide = 8 if size >= 9 else 1
    _blank(body, start, end)
    body[start] = _VOID
    body[start + 1 : start + 1 + wide] = ((1 << (7 * wide)) | (size - 1 - wide)).to_bytes(wide, "big")
