"""What senders post: the forms of a body, and the sender's id that makes it idempotent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ioc import catalog
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite, poll
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord, SourceDown
from ioc.settings import Source

OPTIONS: dict[str, Any] = {
    "event": "ioc.station.measured",
    "id": "station",
    "sender_id": "message",
    "time": "at",
    "lon": "x",
    "lat": "y",
    "properties": {"level": {"path": "level", "kind": "number"}},
}
RECORD = {"station": "Củng Sơn", "message": "m-1", "at": "2026-03-01T09:00", "x": 108.9, "y": 13.04, "level": 31.5}


class TestPush(AdapterSuite):
    adapter = "push"
    options = OPTIONS
    answers = (json.dumps(RECORD).encode(), json.dumps([RECORD, {**RECORD, "station": "Hà Bằng"}]).encode())
    within = (108.5, 12.5, 109.5, 13.7)
    trouble = "body"


def opened(**changed: Any) -> Adapter[Any]:
    return catalog.open_adapter(Source("stations", "push", Contract("us"), {**OPTIONS, **changed}))


@pytest.mark.parametrize(
    "body",
    [
        RECORD,
        [RECORD],
        {"records": [RECORD]},
    ],
)
def test_the_forms_of_a_body(body: Any) -> None:
    (found,) = opened().parse(Answer(json.dumps(body).encode()))
    assert isinstance(found, Reading)
    assert (found.subject, found.sender_id, found.properties) == ("Củng Sơn", "m-1", {"level": 31.5})


def test_geojson_may_be_pushed_too() -> None:
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [108.9, 13.04]}, "properties": RECORD}
    options = {key: value for key, value in OPTIONS.items() if key not in ("lon", "lat")}
    adapter = catalog.open_adapter(Source("stations", "push", Contract("us"), options))
    (found,) = adapter.parse(Answer(json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()))
    assert isinstance(found, Reading)
    assert found.geometry == {"type": "Point", "coordinates": [108.9, 13.04]}


@pytest.mark.parametrize("sender", [None, "", " "])
def test_a_record_without_the_senders_id_is_set_aside(sender: str | None) -> None:
    (bad,) = opened().parse(Answer(json.dumps({**RECORD, "message": sender}).encode()))
    assert isinstance(bad, BadRecord) and bad.reason == "missing_field"


def test_what_is_no_object_is_set_aside_and_the_rest_is_taken() -> None:
    first, second = opened().parse(Answer(json.dumps([1, RECORD]).encode()))
    assert isinstance(first, BadRecord) and first.reason == "bad_type"
    assert isinstance(second, Reading)


@pytest.mark.parametrize("body", [b'"text"', b"1", b"null", b'{"records": 1}'])
def test_another_form_is_refused(body: bytes) -> None:
    with pytest.raises(SourceDown, match="records were due"):
        list(opened().parse(Answer(body)))


def test_the_senders_id_must_be_mapped() -> None:
    options = {key: value for key, value in OPTIONS.items() if key != "sender_id"}
    with pytest.raises(BadConfig, match="sender_id"):
        catalog.open_adapter(Source("stations", "push", Contract("us"), options))


async def test_it_asks_nobody() -> None:
    assert await poll(opened()) == ([], None)
