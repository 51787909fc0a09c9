"""The OpenAPI document, made of the table of addresses, the types of their answers and the docstrings of what answers.

Every answer that an address may give is in it: each status, its media types, the schema of what is JSON, and the
headers that are always there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

import ioc
from ioc.web.answers.base import Problem
from ioc.web.answers.georeport import GeoReportError
from ioc.web.wall import as_json

if TYPE_CHECKING:
    from ioc.web.asked import Param
    from ioc.web.way import Way

REFERENCE = "#/components/schemas/{name}"
PROBLEM = "application/problem+json"
JSONS = ("application/json", "application/geo+json")
REPORTS = ("/report", "/api/reports", "/api/desk", "/open311")
"""Begins of the addresses that are there where `[reports]` is set."""
PATH_TYPES = {"z": "integer", "x": "integer", "y": "integer"}
FORM: dict[str, Any] = {"type": "string", "enum": ["json", "xml"]}
"""How an address of the GeoReport server ends."""
NOT_HERE = "Not here, or not for this caller to know of"
SAYS = {
    304: "What the caller has is still right",
    400: "Wrong",
    401: "A key is needed",
    404: NOT_HERE,
    413: "Too large",
}
SAYS |= {403: "The key does not open this", 409: "Not taken now", 422: "Something in it is wrong; nothing was taken"}
SAYS |= {416: "No such part of it", 429: "Too much at once", 503: "Away"}
_SECONDS = {"required": True, "schema": {"type": "integer", "minimum": 1}, "description": "seconds to wait"}
_TEXT = {"required": True, "schema": {"type": "string", "minLength": 1}}
HEADERS: dict[str, dict[str, Any]] = {
    "X-Content-Type-Options": {"required": True, "schema": {"const": "nosniff"}},
    "Content-Security-Policy": _TEXT,
    "Retry-After": _SECONDS,
    "WWW-Authenticate": _TEXT,
    "Upload-Offset": {"required": True, "schema": {"type": "integer", "minimum": 0}, "description": "bytes"},
    "Upload-Length": {"required": True, "schema": {"type": "integer", "minimum": 1}, "description": "bytes"},
    "Upload-State": {"required": True, "schema": {"type": "string", "enum": ["planned", "taken", "refused", "purged"]}},
    "Set-Cookie": _TEXT,
    "Content-Disposition": _TEXT,
    "ETag": _TEXT,
}
ALWAYS = ("X-Content-Type-Options", "Content-Security-Policy")
"""Headers of every answer."""


@cache
def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    from ioc.web.routes import WAYS

    said = [way.says for way in WAYS if way.says is not None]
    asked = [way.asks for way in WAYS if way.asks is not None and not isinstance(way.asks, dict)]
    kinds = list(dict.fromkeys([Problem, list[GeoReportError], *said, *asked]))
    schemas, parts = msgspec.json.schema_components(kinds, ref_template=REFERENCE)
    schema_of = dict(zip(kinds, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for way in WAYS:
        paths.setdefault(way.path, {})[way.method.lower()] = _operation(way, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "IOC", "version": ioc.__version__, "description": ioc.__doc__},
        "paths": paths,
        "security": [{"key": []}, {"session": []}],
        "components": {
            "schemas": parts,
            "headers": HEADERS,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "ioc_session"},
            },
        },
    }


def _operation(way: Way, schema_of: dict[Any, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": way.call.__name__,
        "summary": (way.call.__doc__ or "").strip().splitlines()[0].strip(),
        "parameters": [*_path(way), *_told("query", way.params), *_told("header", way.headers)],
        "responses": {**_good(way, schema_of), **_wrong(way, schema_of)},
    }
    if way.takes is not None:
        schema = way.asks if isinstance(way.asks, dict) else schema_of[way.asks]
        told["requestBody"] = {"required": True, "content": {way.takes: {"schema": schema}}}
    if not way.shut:
        told["security"] = []
    return told


def _path(way: Way) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": FORM if name == "form" else {"type": PATH_TYPES.get(name, "string")},
        }
        for name in re.findall(r"{(\w+)}", way.path)
    ]


def _told(where: str, params: Iterable[Param]) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "in": where, "description": one.say, "schema": one.schema}
        | ({"required": True} if one.needed else {})
        for one in params
    ]


def _good(way: Way, schema_of: dict[Any, Any]) -> dict[str, Any]:
    """Answers by status; those of `also` say the same, but for the ones that never have a body."""
    content = {kind: ({"schema": schema_of[way.says]} if kind in JSONS else {}) for kind in way.gives}
    say = (way.call.__doc__ or "").strip().splitlines()[0].strip()
    found = {}
    for status in (way.status, *way.also):
        heads = way.heads if status != 304 else ("ETag",)
        told: dict[str, Any] = {"description": SAYS.get(status, say), "headers": _heads(heads)}
        if content and status not in (204, 304):
            told["content"] = content
        found[str(status)] = told
    return found


def _wrong(way: Way, schema_of: dict[Any, Any]) -> dict[str, Any]:
    """Errors by status. A key in the query is refused at every address (400)."""
    reports, placed = way.path.startswith(REPORTS), "{" in way.path
    usual = [400] + [401, 403, 429, 503] * way.shut + [404, 503] * reports + [404] * placed + [413] * bool(way.takes)
    errors = {PROBLEM: schema_of[Problem], JSONS[0]: schema_of[list[GeoReportError]]}
    found = {}
    for status in sorted({*usual, *way.wrong} - {way.status, *way.also}):
        kinds = way.errors or (PROBLEM,)
        heads = ["WWW-Authenticate"] * (status == 401 and PROBLEM in kinds) + ["Retry-After"] * (status == 429)
        content: dict[str, Any] = {kind: {"schema": errors[kind]} if kind in errors else {} for kind in kinds}
        if status == 422:
            # a sheet comes back as a workbook with its bad cells marked
            content |= {kind: {} for kind in way.gives if way.takes and kind not in JSONS}
        found[str(status)] = {"description": SAYS[status], "headers": _heads(heads), "content": content}
    return found


def _heads(heads: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*ALWAYS, *heads)}


async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return as_json(request, document())
