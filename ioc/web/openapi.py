"""The OpenAPI document, made of the table of addresses and the docstrings of what answers there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

import ioc
from ioc.web.wall import as_json

if TYPE_CHECKING:
    from ioc.web.routes import Way

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A finished sentence."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"where": {"type": "string"}, "say": {"type": "string"}},
            },
        },
    },
}
PATH_TYPES = {"z": "integer", "x": "integer", "y": "integer"}
SAYS = {400: "Wrong", 401: "A key is needed", 403: "The key does not open this", 404: "Not here", 413: "Too large"}
SAYS |= {409: "Not taken now", 429: "Too much at once", 422: "Something in it is wrong; nothing was taken"}


def _operation(way: Way) -> dict[str, Any]:
    lines = [line.strip() for line in (way.call.__doc__ or "").strip().splitlines()]
    path = re.findall(r"{(\w+)}", way.path)
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": PATH_TYPES.get(name, "string")}}
        for name in path
    ]
    parameters += [
        {"name": param.name, "in": "query", "description": param.say, "schema": param.schema} for param in way.params
    ]
    wrong = (
        [400] * bool(way.params or way.takes or PATH_TYPES.keys() & set(path))
        + [401, 403] * way.shut
        + [404] * bool(path)
        + [413] * bool(way.takes)
        + list(way.wrong)
    )
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answers: dict[str, Any] = {str(status): {"description": SAYS[status], "content": problem} for status in wrong}
    good: dict[str, Any] = {"description": lines[0]}
    if way.gives:
        good["content"] = {kind: {} for kind in way.gives}
    told: dict[str, Any] = {
        "operationId": way.call.__name__,
        "summary": lines[0],
        "parameters": parameters,
        "responses": {str(way.status): good, **answers},
    }
    if way.takes is not None:
        told["requestBody"] = {"required": True, "content": {way.takes: {"schema": {}}}}
    if not way.shut:
        told["security"] = []
    return told


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    from ioc.web.routes import WAYS

    paths: dict[str, dict[str, Any]] = {}
    for way in WAYS:
        paths.setdefault(way.path, {})[way.method.lower()] = _operation(way)
    return {
        "openapi": "3.1.0",
        "info": {"title": "IOC", "version": ioc.__version__, "description": ioc.__doc__},
        "paths": paths,
        "security": [{"key": []}, {"session": []}],
        "components": {
            "schemas": {"Problem": PROBLEM},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "ioc_session"},
            },
        },
    }


async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return as_json(request, document())
