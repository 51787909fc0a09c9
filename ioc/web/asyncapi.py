"""The AsyncAPI document of `/ws`, made of the frames' own types."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

import ioc
from ioc.web import protocol
from ioc.web.wall import as_json

REFERENCE = "#/components/schemas/{name}"


def _message(name: str, frame: type[msgspec.Struct]) -> dict[str, Any]:
    summary = (frame.__doc__ or "").strip()
    return {
        "name": name, "summary": summary, "contentType": "application/json",
        "payload": {"$ref": REFERENCE.format(name=frame.__name__)},
    }  # fmt: skip


def document() -> dict[str, Any]:
    """AsyncAPI 3.0, seen from the server: it receives the client's frames, and sends its own."""
    both = {**protocol.CLIENT_FRAMES, **protocol.SERVER_FRAMES}
    _, schemas = msgspec.json.schema_components(list(both.values()), ref_template=REFERENCE)

    def refs(frames: dict[str, Any], at: str) -> list[dict[str, str]]:
        return [{"$ref": f"{at}{name}"} for name in frames]

    inside = "#/channels/ws/messages/"
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "IOC screens", "version": ioc.__version__,
            "description": f"WebSocket GET /ws, subprotocol {protocol.SUBPROTOCOL}; text frames, one JSON object each.",
        },
        "channels": {
            "ws": {
                "address": "/ws",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in both},
                "bindings": {"ws": {"method": "GET"}},
            }
        },
        "operations": {
            "fromScreen": {
                "action": "receive", "channel": {"$ref": "#/channels/ws"},
                "messages": refs(protocol.CLIENT_FRAMES, inside),
            },
            "toScreen": {
                "action": "send", "channel": {"$ref": "#/channels/ws"},
                "messages": refs(protocol.SERVER_FRAMES, inside),
            },
        },
        "components": {"messages": {name: _message(name, frame) for name, frame in both.items()}, "schemas": schemas},
    }  # fmt: skip


async def asyncapi(request: Request) -> Response:
    """The AsyncAPI document of `/ws`."""
    return as_json(request, document())
