"""Every address against its own description: whatever is sent, by whomever, the answer is one that the document tells.

schemathesis makes the requests out of the OpenAPI document, valid ones and broken ones; a real server with Redis and
SQLite, and something in every answer, takes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from zlib import crc32

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import settings as how
from schemathesis.specs.openapi import checks

from ioc.web import openapi
from ioc.web.routes import WAYS
from tests.georeport import fits

from .full import Desk, Full, full
from .good import good

CONFORMS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
    checks.allow_header_conformance,
]
LABELS = [f"{way.method} {way.path}" for way in WAYS]
XML = {
    "services": "services", "services/{code}": "service_definition", "requests": "service_requests",
    "requests/{id}": "service_requests", "tokens/{id}": "token", "discovery": "discovery",
}  # fmt: skip
T = TypeVar("T")
schema, short = (schemathesis.openapi.from_dict(openapi.document()) for _ in range(2))
short.config.phases.coverage.enabled = False


@schemathesis.serializer("application/offset+octet-stream", "image/*")
def _bytes(_context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


def _each(of: Any, examples: int) -> Callable[[T], T]:
    """Test every operation of the document with so many requests that are made up, always the same ones."""
    same = how(
        max_examples=examples, derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip

    def mark(test: T) -> T:
        made: T = of.parametrize()(same(test))
        return made

    return mark


@pytest.fixture(scope="module")
def centre(kv_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Full]:
    import redis

    with redis.Redis.from_url(kv_url, protocol=3) as client:
        client.flushall()
    with full(kv_url, tmp_path_factory.mktemp("full")) as made:
        yield made


@pytest.fixture(scope="module")
def desk(centre: Full) -> Iterator[Desk]:
    made = Desk(centre)
    with made.http:
        yield made


@pytest.mark.parametrize("label", LABELS)
def test_what_is_answered_well_is_as_the_document_says(label: str, centre: Full, desk: Desk) -> None:
    method, path = label.split(" ")
    sent = good(centre, desk)[label]()
    who = centre.headers(sent.get("who", "admin"))
    case = schema[path][method].Case(
        path_parameters=sent.get("path"), query=sent.get("query"), headers={**who, **sent.get("headers", {})},
        **({"body": sent["body"], "media_type": sent.get("kind", "application/json")} if "body" in sent else {}),
    )  # fmt: skip
    guarded = [checks.ignored_auth] if schema[path][method].definition.raw.get("security") is None else []
    answer = case.call_and_validate(base_url=centre.url, headers=who, checks=[*CONFORMS, *guarded])
    assert answer.status_code < 300 or path == "/readyz", answer.text
    if method == "GET" and answer.headers["content-type"][0].partition(";")[0] in openapi.JSONS:
        # an empty list would prove nothing
        told = answer.json()
        assert told if isinstance(told, list) else told.get("features", told.get("items", [1])), path
    if path.endswith(".{form}"):
        case.path_parameters["form"] = "xml"
        _xml(case, case.call(base_url=centre.url))


@_each(schema, 3)
def test_whatever_an_admin_sends_the_answer_is_as_the_document_says(case: Any, centre: Full, desk: Desk) -> None:
    _hold(case, "admin", centre, desk)


@pytest.mark.parametrize("who", ["nobody", "operator"])
@_each(short, 2)
def test_whatever_others_send_the_answer_is_as_the_document_says(case: Any, who: str, centre: Full, desk: Desk) -> None:
    _hold(case, who, centre, desk)


@pytest.mark.long
@pytest.mark.parametrize("who", ["nobody", "operator", "admin"])
@_each(schema, 100)
def test_whatever_is_sent_at_length(case: Any, who: str, centre: Full, desk: Desk) -> None:
    _hold(case, who, centre, desk)


def _hold(case: Any, who: str, centre: Full, desk: Desk) -> None:
    _steer(case, centre, desk)
    # who is not ready says so with a 503 by design
    sound = [] if case.path == "/readyz" else [schemathesis.checks.not_a_server_error]
    answer = case.call_and_validate(base_url=centre.url, headers=centre.headers(who), checks=[*CONFORMS, *sound])
    if answer.content and answer.headers["content-type"][0].startswith("text/xml"):
        _xml(case, answer)


def _steer(case: Any, centre: Full, desk: Desk) -> None:
    """Let every other request lead somewhere: what is made up by chance names nothing that is there."""
    told = json.dumps([case.path_parameters, case.query, str(case.body)], sort_keys=True, default=str)
    if crc32(told.encode()) % 2 or case.operation.label not in good(centre, desk):
        return
    sent = good(centre, desk)[case.operation.label]()
    case.path_parameters |= {
        name: value for name, value in sent.get("path", {}).items() if name in case.path_parameters
    }
    if "Follow" in sent.get("headers", {}):
        case.headers["Follow"] = sent["headers"]["Follow"]


def _xml(case: Any, answer: Any) -> None:
    """The same in XML, against the schema that its JSON has."""
    if answer.status_code >= 400:
        fits("errors", "xml", answer.content)
        return
    kind = XML[case.path.removeprefix("/open311/").removeprefix("v2/").removesuffix(".{form}")]
    fits("filed" if case.method == "POST" else kind, "xml", answer.content)
