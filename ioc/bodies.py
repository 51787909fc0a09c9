"""A source's bytes as JSON, XML or KML: bounded in depth and number, and a sentence that says what came instead.

Every function here raises SourceDown, and nothing else: an answer that is not what the source owes is no answer.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError

from ioc import fields
from ioc.errors import Untaken

MAX_VALUES = 4_000_000
"""Values or elements of one body at most: what is small as text may be large in memory."""
MAX_DEPTH = 100
"""How deep the elements of an XML body may nest."""
MAX_HTML = 20_000
"""Characters of a description that are read as HTML."""
_BROKEN_OFF = (3, 5, 6, 20)
"""expat's codes for a body that ends inside the document, a token, a character or a CDATA section."""
_HTML = re.compile(rb"^\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)


class Record(NamedTuple):
    """One record of a body: the fields that a mapping names, its geometry (GeoJSON, source's CRS), and as it came."""

    fields: dict[str, Any]
    geometry: dict[str, Any] | None
    raw: object


def refuse_others(body: bytes, where: str, wanted: str) -> None:
    """Say it when the body is empty or an HTML page."""
    if not body.strip():
        raise Untaken(f"{where} sent an empty body instead of {wanted}; nothing was taken.")
    if _HTML.match(body[:4096]):
        title = re.search(rb"<title[^>]*>(.*?)</title>", body[:65536], re.IGNORECASE | re.DOTALL)
        named = f" ({fields.shown(title[1].decode('utf-8', 'replace'))})" if title else ""
        raise Untaken(
            f"{where} sent an HTML page{named} instead of {wanted}; "
            "a login page or a proxy may stand between, check the address and the key."
        )


def load_json(body: bytes, where: str) -> Any:
    """The JSON of `body` (UTF-8); NaN and Infinity are taken, so that only the record with them is set aside."""
    refuse_others(body, where, "JSON")
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES:
        raise Untaken(f"{where} sent more than {MAX_VALUES:,} values in one body; ask for pages.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        say = f"{where} sent text that is not UTF-8 (byte {error.start}); its owner must send UTF-8."
        raise Untaken(say) from None
    if text.lstrip().startswith("<"):
        raise Untaken(f"{where} sent XML instead of JSON; check the address, or name the form in the settings.")
    try:
        return json.loads(text, parse_int=_integer)
    except json.JSONDecodeError as error:
        if text[error.pos :].strip() == "" or error.msg.startswith("Unterminated"):
            say = f"{where} sent half a body: the JSON breaks off after {len(body):,} bytes; nothing was taken."
        else:
            at = f"line {error.lineno}, column {error.colno}"
            say = f"{where} sent no JSON: {at} can't be read; its owner must see to it."
        raise Untaken(say) from None
    except (RecursionError, MemoryError):
        raise Untaken(f"{where} sent JSON that nests too deep to be read; its owner must see to it.") from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 20 else float(digits)


def records(value: Any, path: str, where: str) -> Iterator[Record]:
    """The records of a JSON answer: an array, a GeoJSON FeatureCollection, or what stands at `path`.

    A member that is no object comes with `raw` alone. A feature's own id serves where its properties have none.
    """
    found = fields.step(value, path) if path else value
    if isinstance(found, dict) and found.get("type") == "FeatureCollection":
        found = found.get("features")
    if not isinstance(found, list):
        raise Untaken(f"{where} sent {_told(value)} where records were due; check the address and the setting records.")
    for member in found:
        if not isinstance(member, dict):
            yield Record({}, None, member)
        elif (
            member.get("type") == "Feature"
            and isinstance(member.get("properties"), dict | None)
            and "geometry" in member
        ):
            own = {"id": member["id"]} if member.get("id") is not None else {}
            yield Record({**own, **(member.get("properties") or {})}, member["geometry"], member)
        else:
            yield Record(member, None, member)


def _told(value: Any) -> str:
    if isinstance(value, dict):
        names = ", ".join(fields.shown(name) for name in list(value)[:5])
        return f"an object with {names}" if names else "an empty object"
    return {list: "an array", str: "a text", type(None): "null"}.get(type(value), "a single value")


def load_xml(body: bytes, where: str, wanted: str = "XML") -> Element:
    """The root element of an XML body; entities and document types are refused."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    refuse_others(body, where, wanted)
    depth = number = 0
    root: Element | None = None
    try:
        for event, element in iterparse(io.BytesIO(body), events=("start", "end"), forbid_dtd=True):
            root = element if root is None else root
            depth += 1 if event == "start" else -1
            number += event == "start"
            if depth > MAX_DEPTH or number > MAX_VALUES:
                raise Untaken(f"{where} sent XML that nests too deep or is too long to be read; ask for pages.")
    except DefusedXmlException:
        say = f"{where} sent XML with a document type or entities, which are refused; its owner must send it without."
        raise Untaken(say) from None
    except (ParseError, ValueError, LookupError) as error:
        if body.lstrip()[:1] != b"<":
            raise Untaken(f"{where} sent no XML instead of {wanted}; check the address.") from None
        half = isinstance(error, ParseError) and error.code in _BROKEN_OFF
        said = "half a body: the XML breaks off" if half else "XML that is not well formed"
        raise Untaken(f"{where} sent {said} ({len(body):,} bytes); nothing was taken.") from None
    assert root is not None
    return root


def name(element: Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def kml_records(body: bytes, where: str) -> Iterator[Record]:
    """The placemarks of a KML body.

    Fields: id, name, description (HTML taken out), image (the first picture of the description), folder, style,
    when, and `data` with the extended data.
    """
    root = load_xml(body, where, "KML")
    if name(root) != "kml":
        raise Untaken(f"{where} sent XML with the root {fields.shown(name(root))} instead of KML; check the address.")
    yield from _placemarks(root, ())


def _placemarks(parent: Element, folders: tuple[str, ...]) -> Iterator[Record]:
    for child in parent:
        match name(child):
            case "Placemark":
                yield _placemark(child, folders)
            case "Folder":
                own = next((part.text for part in child if name(part) == "name" and part.text), "")
                yield from _placemarks(child, (*folders, own.strip()))
            case "Document":
                yield from _placemarks(child, folders)


def _placemark(element: Element, folders: tuple[str, ...]) -> Record:
    found: dict[str, Any] = {"id": element.get("id"), "folder": "/".join(folders), "name": None}
    found |= {"description": None, "image": None}
    raw: dict[str, Any] = {"id": element.get("id")}
    geometry = None
    for child in element:
        text = (child.text or "").strip()
        match name(child):
            case "name":
                found["name"] = raw["name"] = text
            case "description":
                raw["description"] = text
                found["description"], found["image"] = html_text(text)
            case "styleUrl":
                found["style"] = text
            case "TimeStamp":
                found["when"] = next(((part.text or "").strip() for part in child if name(part) == "when"), None)
            case "ExtendedData":
                found["data"] = _extended(child)
            case "Point" | "LineString" | "Polygon" | "MultiGeometry" if geometry is None:
                geometry = _kml_geometry(child)
    raw["coordinates"] = geometry and geometry["coordinates"]
    return Record(found, geometry, raw)


def _extended(element: Element) -> dict[str, str]:
    found = {}
    for part in element.iter():
        if name(part) == "Data":
            found[part.get("name", "")] = next(
                ((inner.text or "").strip() for inner in part if name(inner) == "value"), ""
            )
        elif name(part) == "SimpleData":
            found[part.get("name", "")] = (part.text or "").strip()
    return found


def _kml_geometry(element: Element) -> dict[str, Any] | None:
    """As GeoJSON; of several geometries the first. Numbers that can't be read stay text, and are refused later."""
    if name(element) == "MultiGeometry":
        return next((_kml_geometry(part) for part in element), None)
    lines = [_kml_points(part.text or "") for part in element.iter() if name(part) == "coordinates"]
    if not lines:
        return None
    match name(element):
        case "Point":
            return {"type": "Point", "coordinates": lines[0][0] if lines[0] else []}
        case "LineString":
            return {"type": "LineString", "coordinates": lines[0]}
        case _:
            return {"type": "Polygon", "coordinates": lines}


def _kml_points(text: str) -> list[list[Any]]:
    return [[_degrees(part) for part in point.split(",")[:3]] for point in text.split()]


def _degrees(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.image: str | None = None
        self.quiet = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self.quiet += 1
        if tag == "img" and self.image is None:
            self.image = dict(attrs).get("src")
        self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self.quiet = max(0, self.quiet - 1)
        self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        if not self.quiet:
            self.pieces.append(data)


def html_text(text: str) -> tuple[str | None, str | None]:
    """The text of an HTML piece, on one line, and the address of its first picture; None where there is none."""
    reader = _Text()
    reader.feed(text[:MAX_HTML])
    reader.close()
    return " ".join("".join(reader.pieces).split()) or None, reader.image
