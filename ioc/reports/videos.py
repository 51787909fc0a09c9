"""A video is kept as it was filmed, without what was written beside the picture: place, device, owner.

MP4 (ISO/IEC 14496-12): the boxes `udta`, `meta` and `uuid`, and every track that is neither picture nor sound (phones
and cameras write the place there), become zeros in boxes `free`; bytes of `mdat` that no picture and no sound uses
become zeros. WebM (RFC 8794 and RFC 9559): Tags, Chapters and Attachments become Void, titles and names of programs
zeros. Both keep their length, so that nothing else has to move. A file that holds anything else, or whose parts do not
fill it exactly, is refused.
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
_INFO, _TRACKS, _TRACK, _TRACK_TYPE = 0x1549A966, 0x1654AE6B, 0xAE, 0x83
_TAGS, _CHAPTERS, _ATTACHMENTS, _VOID, _CRC = 0x1254C367, 0x1043A770, 0x1941A469, 0xEC, 0xBF
_DOCTYPE = 0x4282
_FORGET_WEBM = frozenset({_TAGS, _CHAPTERS, _ATTACHMENTS})
_LEVEL_1 = _FORGET_WEBM | {0x114D9B74, _INFO, _TRACKS, _CLUSTER, 0x1C53BB6B}
_WORDS = frozenset({0x7BA9, 0x4D80, 0x5741, 0x7384, 0x3C83AB, 0x3E83BB, 0x536E, 0x258688})
"""Title, MuxingApp, WritingApp, the names of this file, the one before and the next; a track's and its codec's."""
MOST_PARTS = 200_000


def stripped(body: bytes) -> tuple[bytes, str]:
    """The video without what names a place or a person, and its media type. Raises NoPhoto."""
    try:
        if body[4:8] == b"ftyp":
            return _mp4(bytearray(body)), MP4
        if body[:4] == b"\x1aE\xdf\xa3":
            return _webm(bytearray(body)), WEBM
    except (struct.error, LookupError, ValueError, OverflowError, RuntimeError):
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
    used: list[tuple[int, int]] = []
    for box in top:
        if box.kind in _FORGET:
            _free(body, box)
        elif box.kind == b"moov":
            used += _movie(body, box)
        elif box.kind in (b"free", b"skip", b"wide"):
            _blank(body, box.inside, box.end)
    used.sort()
    for box in top:
        if box.kind == b"mdat":
            _blank_unused(body, box, used)
    return bytes(body)


def _blank_unused(body: bytearray, box: Box, used: list[tuple[int, int]]) -> None:
    """Zeros for what lies between the samples; `used`: where each begins and ends, in order."""
    at = box.inside
    for start, end in used:
        if end > at and start < box.end:
            _blank(body, at, max(start, at))
            at = end
    _blank(body, at, max(box.end, at))


def _movie(body: bytearray, movie: Box) -> list[tuple[int, int]]:
    """Take out of a movie what is no picture and no sound; where the samples of what is left begin and end."""
    used: list[tuple[int, int]] = []
    pictures = 0
    for box in _boxes(body, movie.inside, movie.end):
        if box.kind in _FORGET:
            _free(body, box)
        elif box.kind == b"trak":
            handler, samples = _track(body, box)
            pictures += handler == b"vide"
            used += samples
    if not pictures:
        raise ValueError("no picture in it")
    return used


def _track(body: bytearray, track: Box) -> tuple[bytes, list[tuple[int, int]]]:
    """What a track holds (its handler's four letters), and where its samples lie; none of one that is taken out."""
    inner = {box.kind: box for box in _boxes(body, track.inside, track.end)}
    media = {box.kind: box for box in _boxes(body, inner[b"mdia"].inside, inner[b"mdia"].end)}
    told = media[b"hdlr"]
    handler = bytes(body[told.inside + 8 : told.inside + 12])
    if handler not in _SEEN:
        _free(body, track)
        return handler, []
    for box in (*_boxes(body, track.inside, track.end), *media.values()):
        if box.kind in _FORGET:
            _free(body, box)
    # what follows the handler's kind is a name in free text
    _blank(body, told.inside + 12, told.end)
    return handler, list(_samples(body, media[b"minf"]))


def _samples(body: bytearray, info: Box) -> Iterator[tuple[int, int]]:
    """Where each chunk of a track begins and ends."""
    tables = {box.kind: box for box in _boxes(body, info.inside, info.end)}
    boxes = {box.kind: box for box in _boxes(body, tables[b"stbl"].inside, tables[b"stbl"].end)}
    fixed, count = struct.unpack_from(">II", body, boxes[b"stsz"].inside + 4)
    sizes = () if fixed else struct.unpack_from(f">{_few(count)}I", body, boxes[b"stsz"].inside + 12)
    wide = b"co64" in boxes
    where = boxes[b"co64" if wide else b"stco"].inside
    (chunks,) = struct.unpack_from(">I", body, where + 4)
    places = struct.unpack_from(f">{_few(chunks)}{'Q' if wide else 'I'}", body, where + 8)
    runs = _runs(body, boxes[b"stsc"])
    taken = many = run = 0
    for number, place in enumerate(places, start=1):
        while run < len(runs) and runs[run][0] <= number:
            many = runs[run][1]
            run += 1
        size = fixed * many if fixed else sum(sizes[taken : taken + many])
        taken += many
        if place + size > len(body):
            raise ValueError("a sample reaches beyond the file")
        yield place, place + size


def _few(count: int) -> int:
    if count > MOST_PARTS:
        raise ValueError("too many parts")
    return count


def _runs(body: bytearray, box: Box) -> list[tuple[int, int]]:
    """From which chunk on each chunk has how many samples."""
    (count,) = struct.unpack_from(">I", body, box.inside + 4)
    told = struct.unpack_from(f">{3 * _few(count)}I", body, box.inside + 8)
    return list(zip(told[::3], told[1::3], strict=True))


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
        if parts > MOST_PARTS or element.id not in _LEVEL_1 | {_VOID, _CRC}:
            raise ValueError("an element that has no place there")
        pictures += element.id == _CLUSTER
        at = _cluster_end(body, element) if element.open else element.end
        if element.id in _FORGET_WEBM:
            _void(body, element.start, at)
        elif element.id == _INFO:
            _wordless(body, element)
        elif element.id == _TRACKS:
            for track in _elements(body, element):
                _wordless(body, track, seen=track.id == _TRACK)
        elif element.id == _VOID:
            _blank(body, element.inside, element.end)
    if not pictures:
        raise ValueError("no picture in it")
    return bytes(body)


def _is_webm(body: bytearray, head: Element) -> bool:
    return any(
        bytes(body[element.inside : element.end]).rstrip(b"\x00") == b"webm"
        for element in _elements(body, head)
        if element.id == _DOCTYPE
    )


def _elements(body: bytearray, holder: Element) -> Iterator[Element]:
    """The elements that fill another."""
    at = holder.inside
    while at < holder.end:
        element = _element(body, at, holder.end)
        if element.open:
            raise ValueError("only a cluster may be open")
        yield element
        at = element.end


def _wordless(body: bytearray, holder: Element, *, seen: bool = False) -> None:
    """Zeros for the words in an element; `seen`: it is a track, and holds pictures (1) or sound (2)."""
    kinds = []
    for element in _elements(body, holder):
        if element.id in _WORDS or element.id == _VOID:
            _blank(body, element.inside, element.end)
        elif element.id == _CRC:
            # it would no longer fit
            body[element.start] = _VOID
        elif element.id == _TRACK_TYPE:
            kinds.append(int.from_bytes(body[element.inside : element.end], "big"))
    if seen and kinds not in ([1], [2]):
        raise ValueError("a track that is neither picture nor sound")


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
