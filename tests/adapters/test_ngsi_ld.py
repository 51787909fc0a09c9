"""NGSI-LD: 2,090 real entities, three days of traffic counts; names, forms, times and pages as brokers differ."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ioc import catalog, clock
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite, AnswerServer, Asked, Said, poll
from ioc.contract import Answered, Contract
from ioc.errors import BadRecord, Untaken
from ioc.settings import Source
from tests.centre import Centre
from tests.conftest import absent

DATA = Path(os.environ.get("IOC_SHARED") or Path(__file__).parents[3] / "shared") / "data"
ENTITIES = DATA / "ngsi" / "hcmc_ngsi_ld_entities_2025-12-07.json"
FLOWS = tuple(DATA / "streams" / f"hcmc_itemflowobserved_{one}.json" for one in ("574c69b", "8feefb5", "b7060e1"))
DEVICE = {"path": "refDevice", "pattern": "Camera:(.+)$"}
AIR: dict[str, Any] = {
    "event": "ioc.station.measured", "url": "replaced", "token": "a-token-of-the-test", "id": DEVICE, "size": 2,
    "quantities": {"pm25": {"uom": "µg/m³", "limits": [10, 15, 25]}, "aqi": {"path": "airQualityIndexValue"}},
}  # fmt: skip
CAMERAS: dict[str, Any] = {
    "event": "ioc.camera.observed", "url": "replaced", "type": "Camera", "id": {"path": "id", "pattern": "([^:]+)$"},
    "time": "dateLastValueReported",
    "properties": {"name": "cameraName", "state": {"path": "status", "values": {"success": "live", "error": "down"}}},
}  # fmt: skip
FLOW = {**AIR, "quantities": {"cars": {"path": "vehicleCount"}, "speed": {"path": "averageSpeed", "uom": "km/h"}}}
ENTITY: dict[str, Any] = {
    "id": "urn:ngsi-ld:AirQualityObserved:1", "type": "AirQualityObserved",
    "refDevice": {"type": "Relationship", "object": "urn:ngsi-ld:Camera:A1"},
    "pm25": {"type": "Property", "value": 15.5, "unitCode": "GQ", "observedAt": "2025-12-07T15:00:00Z"},
    "airQualityIndexValue": {"type": "Property", "value": 2},
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.69, 10.79]}},
    "dateObserved": {"type": "Property", "value": "2025-12-07T14:58:00Z"},
}  # fmt: skip


class TestAir(AdapterSuite):
    adapter = "ngsi_ld"
    options = AIR
    answers = (json.dumps([ENTITY]).encode(),)
    within = (106.0, 10.0, 107.5, 11.5)


class TestRealCounts(AdapterSuite):
    adapter = "ngsi_ld"
    options = FLOW
    answers = FLOWS[:1]
    within = (106.0, 10.0, 107.5, 11.5)


def opened(options: Mapping[str, Any] = AIR, **changed: Any) -> Adapter[Any]:
    return catalog.open_adapter(Source("air", "ngsi_ld", Contract("us"), {**options, **changed}))


def read(*entities: Any, **changed: Any) -> dict[str, Reading]:
    found = opened(**changed).parse(Answer(json.dumps(entities).encode()))
    return {one.subject: one for one in found if isinstance(one, Reading)}


def test_each_quantity_has_its_own_time_and_the_entity_its_place() -> None:
    found = read(ENTITY)
    assert found["A1/pm25"].time == clock.parse("2025-12-07T15:00:00Z")
    assert found["A1/aqi"].time == clock.parse("2025-12-07T14:58:00Z")
    assert found["A1/pm25"].geometry == {"type": "Point", "coordinates": [106.69, 10.79]}
    assert found["A1/pm25"].properties["value"] == 15.5 and found["A1/pm25"].properties["limits"] == [10, 15, 25]


FULL = "https://smart-data-models.github.io/dataModel.Environment/"


@pytest.mark.parametrize(
    "change",
    [
        {"pm25": 15.5},
        {"pm25": None, FULL + "pm25": {"type": "Property", "value": 15.5}},
        {"pm25": None, "env:pm25": {"type": "Property", "value": 15.5}},
        {"pm25": {"type": "Property", "value": {"@type": "Double", "@value": 15.5}}},
        {"pm25": [{"type": "Property", "value": 9, "datasetId": "urn:x"}, {"type": "Property", "value": 15.5}]},
    ],
)
def test_a_name_and_a_value_are_read_in_whatever_form(change: dict[str, Any]) -> None:
    entity = {name: value for name, value in {**ENTITY, **change}.items() if value is not None}
    assert read(entity)["A1/pm25"].properties["value"] == 15.5


def test_an_entity_without_the_quantity_has_no_such_gauge() -> None:
    entity = {name: value for name, value in ENTITY.items() if name != "pm25"}
    assert set(read(entity)) == {"A1/aqi"}


def test_a_notification_is_read_as_an_answer() -> None:
    told = {"id": "urn:n:1", "type": "Notification", "subscriptionId": "urn:s:1", "data": [ENTITY]}
    found = [one for one in opened().parse(Answer(json.dumps(told).encode())) if isinstance(one, Reading)]
    assert [one.subject for one in found] == ["A1/pm25", "A1/aqi"]


def test_what_can_not_be_read_is_set_aside() -> None:
    bad = {**ENTITY, "pm25": {"type": "Property", "value": "high"}}
    found = list(opened().parse(Answer(json.dumps([bad, 7]).encode())))
    assert sorted(one.reason for one in found if isinstance(one, BadRecord)) == ["bad_number", "bad_type", "bad_type"]


class BrokerServer(AnswerServer):
    """Entities of one type in pages."""

    entities: list[dict[str, Any]]

    def answer(self, asked: Asked) -> Said:
        if asked.path != "/ngsi-ld/v1/entities":
            return Said(status=404)
        first, size = int(asked.query["offset"]), int(asked.query["limit"])
        typed = [one for one in self.entities if one["type"] == asked.query["type"]]
        return Said(json.dumps(typed[first : first + size]).encode())


def page(count: int) -> list[dict[str, Any]]:
    return [
        {**ENTITY, "refDevice": {"type": "Relationship", "object": f"urn:ngsi-ld:Camera:{n}"}} for n in range(count)
    ]


@pytest.mark.parametrize(("count", "asked"), [(0, 1), (1, 1), (2, 2), (5, 3)])
async def test_pages_are_one_answer(count: int, asked: int) -> None:
    with BrokerServer() as server:
        server.entities = [*page(count), {**ENTITY, "type": "Camera"}]
        url = f"{server.url}/ngsi-ld/v1"
        found, _ = await poll(
            opened(url=url, type="AirQualityObserved", context="https://x.example/c.jsonld", tenant="qn")
        )
        assert (len(found), len(server.asked)) == (2 * count, asked)
        headers = server.asked[0].headers
        assert headers["authorization"] == "Bearer a-token-of-the-test" and headers["ngsild-tenant"] == "qn"
        assert headers["link"].startswith("<https://x.example/c.jsonld>")


async def test_more_pages_than_are_believed_are_not_taken() -> None:
    with BrokerServer() as server:
        server.entities = page(9)
        with pytest.raises(Untaken, match="more than 2 pages"):
            await poll(opened(url=f"{server.url}/ngsi-ld/v1", type="AirQualityObserved", max_pages=2))
    with AnswerServer(json.dumps(page(2)).encode()) as same, pytest.raises(Untaken, match="same page again"):
        await poll(opened(url=same.url, type="AirQualityObserved"))


async def test_real_entities_come_to_the_board_and_are_accounted_for() -> None:
    if not ENTITIES.is_file():
        absent(f"{ENTITIES} is not on this machine; name its folder with IOC_SHARED")
    body = ENTITIES.read_bytes()
    kinds = Counter(one["type"] for one in json.loads(body))
    with BrokerServer() as server:
        server.entities = json.loads(body)
        url = f"{server.url}/ngsi-ld/v1"
        cameras = await Centre("ngsi_ld", {**CAMERAS, "url": url}, layer="cameras").open()
        assert sums(cameras, await cameras.poll(), kinds["Camera"]) == (701, 0)
        assert len(await cameras.items()) == 697, "four names stand for two cameras each"
        air = await Centre(
            "ngsi_ld", {**AIR, "size": 500, "type": "AirQualityObserved", "url": url}, layer="stations"
        ).open()
        assert sums(air, await air.poll(), 2 * kinds["AirQualityObserved"]) == (1380, 0)
    print(f"of {sum(kinds.values())} entities: {dict(kinds)}")


def sums(centre: Centre, taken: Answered, due: int) -> tuple[int, int]:
    """Events, and what two things of one name said differently and so was set aside; the sum must be what is due."""
    kind = centre.source.options["event"]
    events = sum(one.type == kind for one in centre.events)
    joined = due - taken.records
    print(
        f"{due} records = {events} events + {taken.unchanged} unchanged + {taken.duplicates} "
        f"duplicates + {joined} older "
        f"+ {taken.set_aside} set aside"
    )
    assert taken.records == events + taken.unchanged + taken.duplicates + taken.set_aside and joined >= 0
    return events, taken.set_aside


async def test_three_days_of_real_counts_are_accounted_for() -> None:
    if not all(path.is_file() for path in FLOWS):
        absent("The traffic counts are not on this machine; name their folder with IOC_SHARED")
    with AnswerServer(*[path.read_bytes() for path in FLOWS]) as server:
        centre = await Centre("ngsi_ld", {**FLOW, "url": server.url}, layer="stations").open()
        for number, path in enumerate(FLOWS, start=1):
            taken = await centre.poll()
            records = 2 * len(json.loads(path.read_bytes()))
            print(
                f"{path.name}: {records} values; so far {taken.records} = {len(centre.events)} events + "
                f"{taken.unchanged} "
                f"unchanged + {taken.duplicates} duplicates + {taken.set_aside} set aside"
            )
            assert taken.records == len(centre.events) + taken.unchanged + taken.duplicates + taken.set_aside
            assert taken.records == number * 1402
        items = await centre.items()
    assert len(items) == 1402 and all(item["geometry"] for item in items.values())


async def test_a_broker_that_notifies_is_not_asked() -> None:
    with AnswerServer(json.dumps([ENTITY]).encode()) as server:
        adapter = opened(url=server.url, pushed=True)
        assert (await poll(adapter))[0] == [] and not server.asked
        assert not adapter.asks and opened().asks
