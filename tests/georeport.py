"""GeoReport v2 as its specification writes it: schemas of each answer in JSON and XML; and a centre that serves it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jsonschema
from lxml import etree

from ioc.board.memory import MemoryBoard
from ioc.db.session import Database
from ioc.report_rules import Agency, Attribute, Category, Desk, Hours, Jurisdiction, Open311, Reports
from ioc.settings import Access as AccessSettings
from ioc.web import access
from ioc.web.app import build
from tests.web.conftest import Running, running, settings

OWN, TEST = "phuyen.gov.vn", "la.test"
KEY, OTHER_KEY = "k" * 40, "o" * 40
SIZE = Attribute(
    "size", ("Mức độ", "Size"), "singlevaluelist", (("small", "nhỏ", "small"), ("large", "lớn", "large")), required=True
)
WATER = Category(("Cấp nước", "Water supply"), Hours(done=24), keywords=("vỡ ống", "ống nước"), attributes=(SIZE,))
RULES = Reports(
    jurisdiction=OWN,
    desk=Desk("trung_tam"),
    prefix="PY",
    categories={
        "light": Category(("Đèn đường", "Street light"), group="Hạ tầng"),
        "water": WATER,
        "home": Category(("Nhà dân", "Homes"), coarse_m=500),
    },
    agencies={"trung_tam": Agency(("Trung tâm điều hành", "Operations centre"), "1022")},
)
LIGHT = {
    "api_key": KEY, "service_code": "light", "lat": "13.095512", "long": "109.302834",
    "description": "Đèn hỏng <b>hai</b> đêm & tối", "address_string": "12 Trần Phú, Tuy Hòa", "first_name": "An",
    "last_name": "Trần", "phone": "0905123456", "email": "an@example.vn", "device_id": "may-1", "account_id": "77",
    "media_url": "https://example.vn/a.jpg",
}  # fmt: skip
PERSONAL = ("Trần An", "0905123456", "an@example.vn", "may-1", "example.vn/a.jpg", KEY)


def two(rules: Reports = RULES, **other: Any) -> Reports:
    """The same with a second jurisdiction."""
    import msgspec

    return msgspec.structs.replace(rules, open311=Open311(jurisdictions={TEST: Jurisdiction(**other)}))


@asynccontextmanager
async def centre(db: Database | None, rules: Reports | None = RULES) -> AsyncIterator[Running]:
    """A server with these reports, closed to everybody but for what is open; KEY files in its own jurisdiction."""
    if db is not None:
        for name, role, secret in (("app", "push:open311", KEY), ("la", f"push:open311/{TEST}", OTHER_KEY)):
            await access.add_key(db, name=name, role=role, secret=secret)
    shut = settings(access=AccessSettings(), reports=rules)
    async with running(build(shut, board=MemoryBoard(), db=db)) as found:
        yield found


_TEXT = {"type": ["string", "null"]}
_WHEN = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$"}


def _closed(needed: list[str], /, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": needed, "properties": properties, "additionalProperties": False}


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


_SERVICE = _closed(
    ["service_code", "service_name", "description", "metadata", "type", "keywords", "group"],
    service_code={"type": "string", "minLength": 1}, service_name={"type": "string", "minLength": 1},
    description={"type": "string"}, metadata={"type": "boolean"}, type={"enum": ["realtime", "batch", "blackbox"]},
    keywords={"type": "string"}, group={"type": "string"},
)  # fmt: skip
_ATTRIBUTE = _closed(
    ["variable", "code", "datatype", "required", "order", "description"],
    variable={"type": "boolean"}, code={"type": "string", "minLength": 1},
    datatype={"enum": ["string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"]},
    required={"type": "boolean"}, datatype_description=_TEXT, order={"type": "integer", "minimum": 1},
    description={"type": "string"},
    values=_list(_closed(["key", "name"], key={"type": "string"}, name={"type": "string"})),
)  # fmt: skip
_REQUEST = _closed(
    [
        "service_request_id", "status", "service_name", "service_code", "description", "requested_datetime",
        "updated_datetime",
    ],
    service_request_id={"type": "string", "minLength": 1}, status={"enum": ["open", "closed"]}, status_notes=_TEXT,
    service_name=_TEXT, service_code={"type": "string"}, description={"type": ["string", "null"], "maxLength": 4000},
    agency_responsible=_TEXT, service_notice=_TEXT, requested_datetime=_WHEN, updated_datetime=_WHEN,
    expected_datetime={"anyOf": [_WHEN, {"type": "null"}]}, address=_TEXT, address_id=_TEXT, zipcode=_TEXT,
    lat={"type": ["number", "null"]}, long={"type": ["number", "null"]}, media_url=_TEXT,
)  # fmt: skip
_ENDPOINT = _closed(
    ["specification", "url", "changeset", "type", "formats"],
    specification={"const": "http://wiki.open311.org/GeoReport_v2"}, url={"type": "string", "format": "uri"},
    changeset={"type": "string"}, type={"enum": ["production", "test"]}, formats=_list({"type": "string"}),
)  # fmt: skip
SCHEMAS: dict[str, dict[str, Any]] = {
    "services": _list(_SERVICE),
    "service_definition": _closed(
        ["service_code", "attributes"], service_code={"type": "string"}, attributes=_list(_ATTRIBUTE)
    ),
    "service_requests": _list(_REQUEST),
    "filed": {
        "type": "array", "minItems": 1, "maxItems": 1,
        "items": _closed(
            ["service_request_id"], service_request_id={"type": "string"}, service_notice=_TEXT, account_id=_TEXT
        ),
    },
    "filed_token": _list(_closed(["token"], token={"type": "string"}, service_notice=_TEXT, account_id=_TEXT)),
    "token": _list(
        _closed(["service_request_id", "token"], service_request_id={"type": "string"}, token={"type": "string"})
    ),
    "errors": {
        "type": "array", "minItems": 1,
        "items": _closed(
            ["code", "description"], code={"type": "integer"}, description={"type": "string", "pattern": r"\.$"}
        ),
    },
    "discovery": _closed(
        ["changeset", "contact", "key_service", "endpoints"],
        changeset={"type": "string"}, contact={"type": "string"}, key_service={"type": "string"},
        endpoints=_list(_ENDPOINT),
    ),
}  # fmt: skip
"""By answer, as wiki.open311.org/GeoReport_v2 and Service_Discovery describe it, with nothing beyond it."""
ROOTS = {"filed": "service_requests", "filed_token": "service_requests", "token": "service_requests"}
EACH = {
    "services": "service", "attributes": "attribute", "values": "value", "service_requests": "request",
    "errors": "error", "endpoints": "endpoint", "formats": "format",
}  # fmt: skip
_XS = "http://www.w3.org/2001/XMLSchema"


def xsd(answer: str) -> etree.XMLSchema:
    """The XML schema of an answer, written out of the same description by the Spark convention."""
    root = ROOTS.get(answer, answer)
    body = _element(root, SCHEMAS[answer], 'minOccurs="1"').replace('minOccurs="1" ', "", 1)
    return etree.XMLSchema(etree.fromstring(f'<xs:schema xmlns:xs="{_XS}">{body}</xs:schema>'))


def _element(name: str, schema: dict[str, Any], often: str) -> str:
    head = f'<xs:element {often} name="{name}"'
    if schema.get("type") == "array":
        least = schema.get("minItems", 0)
        inner = _element(EACH[name], schema["items"], f'minOccurs="{least}" maxOccurs="unbounded"')
        return f"{head}><xs:complexType><xs:sequence>{inner}</xs:sequence></xs:complexType></xs:element>"
    if schema.get("type") == "object":
        parts = "".join(
            _element(part, one, f'minOccurs="{int(part in schema["required"])}"')
            for part, one in schema["properties"].items()
        )
        return f"{head}><xs:complexType><xs:all>{parts}</xs:all></xs:complexType></xs:element>"
    return f"{head}>{_simple(schema)}</xs:element>"


def _simple(schema: dict[str, Any]) -> str:
    """A text, restricted as the JSON schema restricts it; null is the empty text."""
    rules = "".join(f'<xs:enumeration value="{one}"/>' for one in schema.get("enum", [schema.get("const")]) if one)
    types = schema.get("type", "string")
    if "anyOf" in schema:
        rules = f'<xs:pattern value="({_WHEN_XS})?"/>'
    elif schema is _WHEN:
        rules = f'<xs:pattern value="{_WHEN_XS}"/>'
    elif types == "boolean":
        rules = '<xs:pattern value="true|false"/>'
    elif types == "integer" or "number" in types:
        rules = '<xs:pattern value="(-?[0-9.]+)?"/>'
    return f'<xs:simpleType><xs:restriction base="xs:string">{rules}</xs:restriction></xs:simpleType>'


_WHEN_XS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+\-]\d\d:\d\d)"


def fits(answer: str, form: str, body: bytes) -> Any:
    """Check an answer against its schema; returns it as JSON has it (XML by the Spark convention, texts alone)."""
    if form == "json":
        value = json.loads(body)
        jsonschema.validate(value, SCHEMAS[answer])
        return value
    assert body.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
    root = etree.fromstring(body)
    xsd(answer).assertValid(root)
    return spark(root)


def spark(element: Any) -> Any:
    """XML as JSON by the Spark convention; null for an empty element."""
    if element.tag in EACH:
        return [spark(part) for part in element]
    if len(element):
        return {part.tag: spark(part) for part in element}
    return element.text
