"""A workbook that came back, opened without trusting it: size, what the zip holds, and no way out of it.

Everything is bounded before it is unpacked (`ioc.unpack` counts the real bytes, and not those that a file states), and
every XML part is read once by a parser that refuses document types before any other reader sees it. Whatever is wrong
raises SourceDown, in Vietnamese: the officer who sent the file reads it.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import NamedTuple

from ioc import unpack
from ioc.errors import SourceDown

MAX_BYTES = 10 * 1024 * 1024
MAX_PARTS = 200
MAX_UNPACKED = 32 * 1024 * 1024
MAX_RATIO = 120
"""How many times larger a package of more than RATIO_FROM bytes may become than it was."""
RATIO_FROM = 1024 * 1024
MAX_ROWS = 6_000
MAX_CELLS = 200_000

SHEET_MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_RELATIONSHIPS = "application/vnd.openxmlformats-package.relationships+xml"
_PATH = re.compile(r"[A-Za-z0-9_.\[\] -]+(/[A-Za-z0-9_.\[\] -]+)*")
_ACTIVE = re.compile(
    r"vbaProject|macrosheets?/|dialogsheets/|activeX/|ctrlProps/|customUI/|externalLinks/|embeddings/|connections\.xml|"
    r"queryTables/|xl/model/|webextensions/|xl/volatileDependencies|oleObject",
    re.IGNORECASE,
)
_NESTED = (b"PK\x03\x04", b"PK\x05\x06", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"MZ", b"BZh")
_TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"
_RELATIONSHIP = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
AGAIN = "Hãy tải lại biểu mẫu, điền và gửi lại."


class Package(NamedTuple):
    """A workbook's parts by name (without the leading slash), unpacked, and each one's content type."""

    body: bytes
    parts: dict[str, bytes]
    types: dict[str, str]


def too_large(name: str) -> str:
    return f"{name} lớn hơn {MAX_BYTES // 1024 // 1024} MB; biểu mẫu không bao giờ lớn như vậy. {AGAIN}"


def open_package(body: bytes, name: str, most_cells: int = MAX_CELLS) -> Package:
    """The parts of a workbook. `most_cells`: cells that are written in it, at most.

    Raises SourceDown: too large, no XLSX, a bomb, or something in it that runs or links.
    """
    if len(body) > MAX_BYTES:
        raise SourceDown(too_large(name))
    _head(body, name)
    parts = _listed(body, name)
    unpack.check(body, name, MAX_UNPACKED, MAX_ROWS)
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            unpacked = {part.filename: packed.read(part) for part in parts}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        raise SourceDown(f"{name} bị hỏng hoặc bị cắt; mở tệp, lưu lại rồi gửi lại.") from None
    types = _plain(unpacked, name, min(most_cells, MAX_CELLS))
    return Package(body, unpacked, types)


def _head(body: bytes, name: str) -> None:
    if body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype", b"<html")):
        raise SourceDown(f"{name} là một trang HTML, không phải bảng tính. {AGAIN}")
    if body.startswith(b"\xd0\xcf\x11\xe0"):
        raise SourceDown(f"{name} là tệp XLS cũ hoặc có mật khẩu; lưu thành XLSX, không đặt mật khẩu, rồi gửi lại.")
    if not body.startswith(b"PK\x03\x04"):
        raise SourceDown(f"{name} không phải là tệp XLSX. {AGAIN}")


def _listed(body: bytes, name: str) -> list[zipfile.ZipInfo]:
    """What the zip says that it holds, before anything of it is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            parts = [part for part in packed.infolist() if not part.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise SourceDown(f"{name} bị hỏng hoặc bị cắt; mở tệp, lưu lại rồi gửi lại.") from None
    size = sum(part.file_size for part in parts)
    bomb = f"{name} phình ra quá lớn khi giải nén nên không được mở. {AGAIN}"
    if len(parts) > MAX_PARTS or size > MAX_UNPACKED or (size > RATIO_FROM and size > MAX_RATIO * len(body)):
        raise SourceDown(bomb)
    named = [part.filename for part in parts]
    if len({one.casefold() for one in named}) < len(named):
        raise SourceDown(f"{name} có hai phần trùng tên bên trong nên không được mở. {AGAIN}")
    for one in named:
        if not _PATH.fullmatch(one) or ".." in one:
            raise SourceDown(f"{name} có phần mang tên lạ bên trong nên không được mở. {AGAIN}")
        if _ACTIVE.search(one):
            say = "macro, liên kết ngoài hoặc đối tượng nhúng"
            raise SourceDown(f"{name} có {say} ({one[:80]}); biểu mẫu không có những thứ đó. {AGAIN}")
    if "xl/workbook.xml" not in named or "[Content_Types].xml" not in named:
        raise SourceDown(f"{name} là tệp nén nhưng không phải XLSX. {AGAIN}")
    return parts


def _plain(parts: dict[str, bytes], name: str, most_cells: int) -> dict[str, str]:
    """The content types, when every part is plain: no archive in it, no document type, no link to the outside."""
    cells = 0
    for part, body in parts.items():
        if body.startswith(_NESTED):
            raise SourceDown(f"{name} có một tệp khác bên trong ({part[:80]}) nên không được mở. {AGAIN}")
        if part.endswith((".xml", ".rels", ".vml")):
            cells += len(_CELL.findall(body)) if part.startswith("xl/") else 0
            _read(part, body, name)
        elif not re.fullmatch(r"xl/printerSettings/\w+\.bin|docProps/thumbnail\.\w+|_xmlsignatures/\w+\.sigs", part):
            raise SourceDown(f"{name} có phần lạ bên trong ({part[:80]}); biểu mẫu không có phần đó. {AGAIN}")
    if cells > most_cells:
        raise SourceDown(f"{name} có hơn {most_cells:,} ô, quá xa biểu mẫu; xóa các trang thừa rồi gửi lại.")
    types = _types(parts, name)
    main = [part for part, kind in types.items() if kind.endswith(".main+xml")]
    if main != ["xl/workbook.xml"] or types["xl/workbook.xml"] != SHEET_MAIN:
        raise SourceDown(f"{name} không phải bảng tính XLSX thường (có macro, hoặc là mẫu XLTX). {AGAIN}")
    return types


def _read(part: str, body: bytes, name: str) -> None:
    """Read one XML part to its end, forgetting as it goes; refuse a document type, and links to the outside."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import ElementTree
    from defusedxml.common import DefusedXmlException

    try:
        for _, element in ElementTree.iterparse(io.BytesIO(body), forbid_dtd=True):
            outside = element.tag == _RELATIONSHIP and element.get("TargetMode") == "External"
            if outside or (element.tag == _RELATIONSHIP and "://" in (element.get("Target") or "")):
                raise SourceDown(f"{name} có liên kết ra ngoài ({part[:80]}); xóa các liên kết rồi gửi lại.")
            if element.tag != _RELATIONSHIP:
                element.clear()
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise SourceDown(f"{name} có phần {part[:80]} không đọc được; mở tệp, lưu lại rồi gửi lại.") from None


def _types(parts: dict[str, bytes], name: str) -> dict[str, str]:
    from defusedxml import ElementTree

    root = ElementTree.fromstring(parts["[Content_Types].xml"], forbid_dtd=True)
    usual = {one.get("Extension", "").casefold(): one.get("ContentType", "") for one in root.iter(f"{_TYPES}Default")}
    own: dict[str, str] = {}
    for one in root.iter(f"{_TYPES}Override"):
        if (part := one.get("PartName", "").removeprefix("/")) in own:
            raise SourceDown(f"{name} nói hai điều khác nhau về phần {part[:80]} nên không được mở. {AGAIN}")
        own[part] = one.get("ContentType", "")
    named = [part for part in parts if part != "[Content_Types].xml"]
    found = {part: own.get(part) or usual.get(part.rpartition(".")[2].casefold(), "") for part in named}
    if lost := next((part for part in own if part not in found), None):
        raise SourceDown(f"{name} thiếu phần {lost[:80]}; mở tệp, lưu lại rồi gửi lại.")
    for part, kind in found.items():
        if (
            "macroEnabled" in kind
            or "ms-office" in kind.casefold()
            or part.endswith(".rels") != (kind == _RELATIONSHIPS)
        ):
            raise SourceDown(f"{name} có phần {part[:80]} không đúng kiểu, hoặc có macro. {AGAIN}")
    return found
