"""Is this XLSX safe to open? Counted before a reader, which trusts what a file says of itself, sees it.

An XLSX is a zip of XML. Two kinds of small file can fill a machine: one that unpacks to gigabytes, and one with two
cells so far apart that the grid between them does.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator

from ioc.errors import SourceDown

MAX_PARTS = 2_000
MAX_CELLS = 5_000_000
"""Cells of one sheet's grid, the empty ones between counted."""
MAX_COLUMNS = 2_000
_PLACE = re.compile(rb"""<(?:\w+:)?(?:c|row)\s(?:[^<]*?\s)?r\s*=\s*["']\s*([A-Za-z]{0,7})(\d{1,12})""")
_UNENDED = re.compile(rb"<(?:\w+:)?(?:c|row|\w{0,9}:?\w{0,3})(?:\s[^>]*)?$")
_MAX_TAG = 64 * 1024
_PIECE = 1024 * 1024


def check(body: bytes, name: str, max_unpacked: int, max_rows: int) -> None:
    """Raises SourceDown when `body` is no XLSX, lies about its size, or would take more room than allowed."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            parts = packed.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise SourceDown(f"{name} is a broken or cut XLSX; ask its sender for a whole one.") from None
    if not any(part.filename == "xl/workbook.xml" for part in parts):
        raise SourceDown(f"{name} is a zip but no XLSX; save the workbook as XLSX.")
    large = SourceDown(f"{name} unpacks to more than {max_unpacked:,} bytes; split it, or raise max_unpacked.")
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > max_unpacked:
        raise large
    left = max_unpacked
    for part in parts:
        grid = _Grid(name, max_rows)  # any part may be named as a sheet by the workbook's relations
        for piece in _pieces(body, part, name):
            left -= len(piece)
            if left < 0:
                raise large
            grid.see(piece)


def _pieces(body: bytes, part: zipfile.ZipInfo, name: str) -> Iterator[bytes]:
    """What a part holds, unpacked to its real end and not to the size that it states."""
    broken = SourceDown(f"{name} is a broken XLSX or says a wrong size of itself; open it and save it again.")
    head = body[part.header_offset : part.header_offset + 30]
    if len(head) < 30 or head[:4] != b"PK\x03\x04" or part.flag_bits & 1:
        raise broken
    start = part.header_offset + 30 + sum(struct.unpack("<HH", head[26:30]))
    packed = memoryview(body)[start : start + part.compress_size]
    size = 0
    if part.compress_type == zipfile.ZIP_STORED:
        size = len(packed)
        yield bytes(packed)
    elif part.compress_type == zipfile.ZIP_DEFLATED:
        stream = zlib.decompressobj(-15)
        waiting: bytes | memoryview = packed
        try:
            while not stream.eof and (waiting or size == 0):
                piece = stream.decompress(waiting, _PIECE)
                waiting = stream.unconsumed_tail
                size += len(piece)
                yield piece
                if not piece and not waiting:
                    break
        except zlib.error:
            raise broken from None
    if size != part.file_size:
        raise broken


class _Grid:
    """The places (A1, XFD1048576) that a sheet names, seen piece by piece."""

    def __init__(self, name: str, max_rows: int) -> None:
        self._name = name
        self._max_rows = max_rows
        self._tail = b""
        self._rows = 0
        self._columns = 0

    def see(self, piece: bytes) -> None:
        """Raises SourceDown when the grid grows too large."""
        seen = self._tail + piece
        for found in _PLACE.finditer(seen):
            self._rows = max(self._rows, int(found[2]))
            if found[1]:
                self._columns = max(self._columns, _number(found[1]))
        begun = _UNENDED.search(seen, max(0, seen.rfind(b"<")))
        self._tail = begun[0] if begun else b""
        if len(self._tail) > _MAX_TAG:
            raise SourceDown(
                f"{self._name} has a cell with {_MAX_TAG:,} bytes of attributes; open it and save it again."
            )
        too_many = self._rows * max(self._columns, 1) > MAX_CELLS
        if too_many or self._columns > MAX_COLUMNS or self._rows > self._max_rows:
            raise SourceDown(
                f"{self._name} has cells as far out as row {self._rows:,} and column {self._columns:,}; "
                "delete the empty rows and columns around the table, or split it."
            )


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
