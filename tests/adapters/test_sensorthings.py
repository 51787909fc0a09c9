"""SensorThings: the maker's own samples, spans of time, pages, and places that are said in two forms."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ioc import catalog, clock
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite, AnswerServer, Asked, Said, poll
from ioc.contract import Contract
from ioc.errors import BadRecord, Untaken
from ioc.settings import Source
from tests.conftest import absent

SAMPLE = (
    Path(os.environ.get("IOC_SHARED") or Path(__file__).parents[3] / "shared")
    / "data" / "ngsi" / "frost_sensorthings_entitiesDefault.json"
)  # fmt: skip
OPTIONS: dict[str, Any] = {
    "event": "ioc.station.measured", "url": "replaced", "token": "a-token-of-the-test", "properties": {"name": "thing"},
    "quantities": {
        "level": {"code": "Water level", "uom": "m", "limits": [2, 3, 4]},
        "light": {"code": "Luminous Flux"},
        "heat": {"code": "Tempretaure"},
    },
}  # fmt: skip
POINT = {"type": "Point", "coordinates": [108.28, 15.86]}
STREAM: dict[str, Any] = {
    "@iot.id": 42, "name": "Mực nước Câu Lâu", "unitOfMeasurement": {"symbol": "m"},
    "ObservedProperty": {"name": "Water level"},
    "Thing": {"@iot.id": 7, "name": "Câu Lâu", "Locations": [{"location": POINT}]},
    "Observations": [{"phenomenonTime": "2025-10-18T00:00:00Z/2025-10-18T00:10:00Z", "result": 3.1}],
}  # fmt: skip


class TestStreams(AdapterSuite):
    adapter = "sensorthings"
    options = OPTIONS
    answers = (json.dumps({"value": [STREAM]}).encode(),)
    within = (107.0, 14.9, 109.0, 16.3)


class TestSample(AdapterSuite):
    adapter = "sensorthings"
    options = OPTIONS
    answers = (SAMPLE,)


def opened(**changed: Any) -> Adapter[Any]:
    return catalog.open_adapter(Source("sensors", "sensorthings", Contract("us"), {**OPTIONS, **changed}))


def parsed(*streams: Mapping[str, Any], **changed: Any) -> list[Reading | BadRecord]:
    return list(opened(**changed).parse(Answer(json.dumps({"value": streams}).encode())))


def only(*streams: Mapping[str, Any], **changed: Any) -> Reading:
    (found,) = parsed(*streams, **changed)
    assert isinstance(found, Reading), found
    return found


def test_the_end_of_a_span_is_the_time_of_its_value() -> None:
    found = only(STREAM)
    assert (found.subject, found.time) == ("7/level", clock.parse("2025-10-18T00:10:00Z"))
    assert found.geometry == {"type": "Point", "coordinates": [108.28, 15.86]}
    assert (found.properties["value"], found.properties["name"], found.properties["limits"]) == (
        3.1,
        "Câu Lâu",
        [2, 3, 4],
    )


@pytest.mark.parametrize("told", [[], None])
def test_a_stream_without_observations_has_no_data(told: object) -> None:
    assert only({**STREAM, "Observations": told}).properties["value"] is None


def test_a_place_that_is_a_feature_and_a_thing_without_place() -> None:
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [108.3, 15.9]}}
    thing = {**STREAM["Thing"], "Locations": [{"location": feature}]}
    assert only({**STREAM, "Thing": thing}).geometry == {"type": "Point", "coordinates": [108.3, 15.9]}
    assert only({**STREAM, "Thing": {"@iot.id": 7, "name": "x"}}).geometry is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"ObservedProperty": {"name": "Wind"}}, "unknown_code"),
        ({"ObservedProperty": {}}, "missing_field"),
        ({"Observations": [{"phenomenonTime": "lately", "result": 1}]}, "bad_time"),
        ({"Observations": [{"phenomenonTime": "2025-10-18T00:00:00Z", "result": "high"}]}, "bad_number"),
        ({"Observations": [7]}, "bad_type"),
        ({"Thing": {}}, "no_id"),
    ],
)
def test_what_can_not_be_read_is_set_aside(changed: dict[str, Any], reason: str) -> None:
    (bad,) = parsed({**STREAM, **changed})
    assert isinstance(bad, BadRecord) and bad.reason == reason


def test_the_makers_sample_is_accounted_for() -> None:
    if not SAMPLE.is_file():
        absent(f"{SAMPLE} is not on this machine; name its folder with IOC_SHARED")
    thing = json.loads(SAMPLE.read_bytes())
    values = sum(len(stream["Observations"]) for stream in thing["Datastreams"])
    found = list(opened().parse(Answer(SAMPLE.read_bytes())))
    told = {one.subject: (one.properties["value"], one.time) for one in found if isinstance(one, Reading)}
    print(
        f"{values} observations = {len(told)} readings + {values - len(found)} older + "
        f"{len(found) - len(told)} set aside"
    )
    assert told == {
        "thing name 1/light": (4, clock.parse("2015-03-04T00:00:00Z")),
        "thing name 1/heat": (6, clock.parse("2015-03-06T00:00:00Z")),
    }


class ThingServer(AnswerServer):
    """Streams in pages of two, each naming the next."""

    many = 5
    elsewhere = False

    def answer(self, asked: Asked) -> Said:
        if asked.path != "/v1.1/Datastreams":
            return Said(status=404)
        first = int(asked.query.get("$skip", 0))
        rows = [{**STREAM, "Thing": {"@iot.id": n, "name": str(n)}} for n in range(first, min(first + 2, self.many))]
        following = {"@iot.nextLink": f"{self.url}/v1.1/Datastreams?$skip={first + 2}"} if first + 2 < self.many else {}
        if self.elsewhere:
            following = {"@iot.nextLink": "http://127.0.0.2:1/v1.1/Datastreams"}
        return Said(json.dumps({"value": rows, **following}).encode())


async def test_pages_are_followed_on_the_same_host_alone() -> None:
    with ThingServer() as server:
        found, _ = await poll(opened(url=f"{server.url}/v1.1", filter="name eq 'x'"))
        assert [one.subject for one in found if isinstance(one, Reading)] == [f"{n}/level" for n in range(5)]
        assert len(server.asked) == 3
        assert "Observations($orderby=phenomenonTime desc;$top=1)" in server.asked[0].query["$expand"]
        assert server.asked[0].query["$filter"] == "name eq 'x'"
        assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer a-token-of-the-test"}
        with pytest.raises(Untaken, match="more than 2 pages"):
            await poll(opened(url=f"{server.url}/v1.1", max_pages=2))
        server.elsewhere = True
        with pytest.raises(Untaken, match="another host"):
            await poll(opened(url=f"{server.url}/v1.1"))
