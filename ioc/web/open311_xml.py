"""How GeoReport v2 is written: one value, as XML or as JSON, by the Spark convention.

A mapping is an element with a child for each of its names; a list is an element whose children bear the singular of its
name (`services` holds `service`). In JSON the root is left out. None is an empty element, or null.
Source: wiki.open311.org/JSON_and_XML_Conversion, and the examples of wiki.open311.org/GeoReport_v2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import msgspec

XML, JSON = "text/xml", "application/json"
FORMS = {"xml": XML, "json": JSON}
"""Media type of each form, by how an address ends."""
EACH = {
    "services": "service", "attributes": "attribute", "values": "value", "service_requests": "request",
    "errors": "error", "endpoints": "endpoint", "formats": "format",
}  # fmt: skip
"""What a child of a list is called."""
_NEVER = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Signs that XML 1.0 can't hold."""


def written(form: str, root: str, value: Any) -> bytes:
    """`value` in that form (`xml` or `json`), UTF-8; `root`: the name of the outermost element."""
    return as_xml(root, value) if form == "xml" else as_json(value)


def as_json(value: Any) -> bytes:
    return msgspec.json.encode(value)


def as_xml(root: str, value: Any) -> bytes:
    element = Element(root)
    _fill(element, value)
    body: bytes = tostring(element, encoding="utf-8", xml_declaration=False)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + body


def _fill(element: Element, value: Any) -> None:
    if isinstance(value, Mapping):
        for name, part in value.items():
            _fill(SubElement(element, name), part)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for part in value:
            _fill(SubElement(element, EACH[element.tag]), part)
    elif value is not None:
        element.text = _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _NEVER.sub("", str(value))
