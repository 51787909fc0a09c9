"""The generated documents against the contract: every frame, field and path of protocol.md stands in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from ioc.board.memory import MemoryBoard
from ioc.contract import Quality
from ioc.web import asyncapi, openapi, protocol
from ioc.web.app import build
from ioc.web.routes import WAYS
from tests.conftest import ROOT, absent

from .conftest import Client, Running, settings

# As protocol.md has it: type, the fields that are always there, the fields that may be.
CLIENT = {
    "hello": ([], ["key", "screen", "name"]),
    "watch": (["channels"], ["at", "known", "speed"]),
    "unwatch": (["channels"], []),
    "view": (["channel", "bbox"], ["zoom"]),
    "shown": (["channel", "epoch", "offset"], ["ms"]),
}
SERVER = {
    "welcome": (["now", "beat", "server"], ["screen"]),
    "snapshot": (["channel", "epoch", "offset", "items", "quality", "part", "parts"], []),
    "delta": (["channel", "epoch", "after", "offset", "put", "drop"], ["more", "quality"]),
    "beat": (["now"], []),
    "problem": (["code", "say", "temporary"], ["channel"]),
    "bye": (["code", "say", "reconnect"], ["after"]),
}
QUALITY = ["state", "why", "observed", "received", "due", "have", "expect", "refused", "checks", "method", "sources"]
PATHS = {
    "/": "get", "/wall/{screen}": "get", "/tablet": "get", "/healthz": "get", "/readyz": "get", "/metrics": "get",
    "/openapi.json": "get", "/asyncapi.json": "get", "/api/layers": "get", "/api/tiles": "get", "/api/sources": "get",
    "/api/layers/{name}": "get", "/api/tiles/{name}": "get", "/api/sources/{id}": "get", "/api/push/{source}": "post",
    "/tiles/{layer}/{z}/{x}/{y}.mvt": "get",
}  # fmt: skip


def protocol_md() -> str:
    file = ROOT.parent / "shared" / "protocol.md"
    if not file.is_file():
        absent(f"There is no {file.name} beside the checkout")
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize(("kind", "fields"), [*CLIENT.items(), *SERVER.items()])
def test_asyncapi_has_every_frame_with_its_fields(kind: str, fields: tuple[list[str], list[str]]) -> None:
    document = asyncapi.document()
    reference = document["components"]["messages"][kind]["payload"]["$ref"]
    schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    always, maybe = fields
    assert schema["properties"]["type"] == {"enum": [kind]}
    assert set(schema["required"]) >= {"type", *always}
    assert not set(maybe) & set(schema["required"])
    assert set(schema["properties"]) == {"type", *always, *maybe}


def test_asyncapi_has_the_quality_that_is_sent() -> None:
    schema = asyncapi.document()["components"]["schemas"]["QualityOnWire"]
    # what came later may be left out
    assert list(schema["properties"]) == [*QUALITY, "age"] == list(Quality.__struct_fields__)
    assert list(schema["required"]) == QUALITY


def test_asyncapi_says_who_sends_what() -> None:
    operations = asyncapi.document()["operations"]
    for name, frames in (("fromScreen", CLIENT), ("toScreen", SERVER)):
        assert [m["$ref"].rpartition("/")[2] for m in operations[name]["messages"]] == list(frames)
    assert operations["fromScreen"]["action"] == "receive"


def test_the_contract_names_the_same_frames() -> None:
    told = protocol_md()
    for kind, (always, maybe) in {**CLIENT, **SERVER}.items():
        row = next(line for line in told.splitlines() if line.startswith(f"| `{kind}`"))
        fields = set(re.findall(r"\b[a-z]+\b", row.split("|")[2]))
        assert set(always) | {name for name in maybe if name not in ("at", "known", "speed")} <= fields, kind
    for name in QUALITY:
        assert f'"{name}"' in told


def test_openapi_has_every_address() -> None:
    paths = openapi.document()["paths"]
    for path, method in PATHS.items():
        assert method in paths[path], path
    asked = {p["name"] for p in paths["/api/layers/{name}"]["get"]["parameters"] if p["in"] == "query"}
    assert asked == {"bbox", "unit", "at", "known", "limit"}
    asked = {p["name"] for p in paths["/api/tiles/{name}"]["get"]["parameters"] if p["in"] == "query"}
    assert asked >= {"from", "to", "at", "known"}
    assert set(paths["/api/layers/{name}"]["get"]["responses"]["200"]["content"]) == {
        "application/geo+json",
        "text/csv",
    }
    names = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert len(names) == len(set(names))


def test_openapi_has_every_route_of_the_server_and_no_other() -> None:
    told = {(path, method.upper()) for path, ways in openapi.document()["paths"].items() for method in ways}
    routes = [route for route in build(settings(), board=MemoryBoard()).routes if isinstance(route, Route)]
    here = {(route.path.replace(":path", ""), method) for route in routes for method in route.methods or ()}
    # HEAD is answered wherever GET is; /ws is in the AsyncAPI document
    told |= {(path, "HEAD") for path, method in told if method == "GET"}
    assert here == told


def test_every_json_answer_has_a_schema_and_every_body_too() -> None:
    for path, ways in openapi.document()["paths"].items():
        for method, operation in ways.items():
            contents = [answer.get("content", {}) for answer in operation["responses"].values()]
            contents.append(operation.get("requestBody", {}).get("content", {}))
            for content in contents:
                for kind, told in content.items():
                    assert told.get("schema") or kind not in (*openapi.JSONS, openapi.PROBLEM), (
                        f"{method} {path} {kind}"
                    )
            assert all(answer.get("headers") for answer in operation["responses"].values())


def test_openapi_covers_the_contract_and_nothing_is_left_without_words() -> None:
    told = protocol_md()
    for way in WAYS:
        assert (way.call.__doc__ or "").strip().endswith("."), way.path
    for path in re.findall(r"`GET (/[a-z{}/.]+)`|`, `(/[a-z]+)`", told.split("## HTTP")[1].split("\n## ")[0]):
        found = "".join(path)
        if found != "/report" and not found.startswith("/open311"):
            assert found in {way.path for way in WAYS}, found


async def test_both_documents_are_served_and_close_codes_are_in_range(server: Running) -> None:
    async with server.http() as http:
        assert (await http.get("/openapi.json")).json() == json.loads(json.dumps(openapi.document()))
        assert (await http.get("/asyncapi.json")).json() == json.loads(json.dumps(asyncapi.document()))
    codes = {name: value for name, value in vars(protocol).items() if name.isupper() and isinstance(value, int)}
    closing = {name: value for name, value in codes.items() if 4000 <= value <= 4999}
    assert (closing["TOO_SLOW"], closing["REVOKED"]) == (4001, 4503)


def _cases() -> list[Any]:
    file = Path(__file__).parent.parent / "vectors" / "board.json"
    return json.loads(file.read_text(encoding="utf-8"))["cases"] if file.is_file() else []


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case["name"])
def test_the_test_client_keeps_the_cases_of_the_front_end(case: dict[str, Any]) -> None:
    """The law is one: the fold of these tests and the page's agree, case by case."""
    client, gap = Client(None), False  # type: ignore[arg-type]
    for frame in case["frames"]:
        gap = not client.take(frame) or gap
    expect = case["expect"]
    assert gap == bool(case.get("gap", expect.get("gap", False)))
    channel = case["frames"][0]["channel"]
    if expect.get("epoch") is not None:
        assert client.position[channel] == (expect["epoch"], expect["offset"])
    assert client.items.get(channel, {}) == expect.get("items", {})
    if "state" in expect:
        assert (client.quality.get(channel) or {}).get("state") == expect["state"]
