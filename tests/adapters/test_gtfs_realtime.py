"""GTFS-realtime: two real feeds of a subway, and what goes wrong with feeds."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.transit import gtfs_realtime_pb2 as form

from ioc import catalog
from ioc.adapter import Answer, Reading
from ioc.adapter_suite import AdapterSuite
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord, SourceDown
from ioc.settings import Source

FEEDS = Path(os.environ.get("IOC_SHARED") or Path(__file__).parents[3] / "shared") / "data" / "gtfs_rt"
OPTIONS: dict[str, Any] = {
    "event": "ioc.vehicle.observed",
    "also": {"trips": "ioc.trip.observed", "alerts": "ioc.service.alerted"},
    "url": "replaced",
    "token": "a-token-of-the-test",
}
AT = 1_773_115_200
STOPS = "stop_id,stop_name,stop_lat,stop_lon\nS1,Bến xe Tam Kỳ,15.573,108.474\nS2,Hỏng,x,y\n"


class TestGtfsRealtime(AdapterSuite):
    adapter = "gtfs_realtime"
    options = OPTIONS
    answers = (FEEDS / "a_division.nyct.gtfsrt", FEEDS / "b_division.nyct.gtfsrt")

    @pytest.mark.parametrize(
        ("file", "kinds", "ahead"),
        [(0, {"vehicle": 174, "trip": 285, "alert": 1}, 0), (1, {"vehicle": 156, "trip": 156}, 83)],
    )
    def test_every_entity_of_the_real_feeds_is_one_result(self, file: int, kinds: dict[str, int], ahead: int) -> None:
        """Of the second feed 83 vehicles have not begun: their time is the planned departure."""
        name, body = self.recorded()[file]
        results = self.parsed(name, body)
        feed = form.FeedMessage.FromString(body)
        aside = Counter(one.reason for one in results if isinstance(one, BadRecord))
        taken = len(results) - aside.total()
        print(f"{name}: {len(feed.entity)} entities = {taken} readings + {dict(aside)} set aside")
        assert aside == ({"future_time": ahead} if ahead else {})
        assert len(results) == len(feed.entity) == sum(kinds.values())
        assert Counter(str(one.subject).partition("/")[0] for one in results) == kinds
        readings = {one.subject: one for one in results if isinstance(one, Reading)}
        told_at = datetime.fromtimestamp(feed.header.timestamp, UTC)
        assert max(one.time for one in readings.values() if one.time) - told_at <= timedelta(minutes=1)
        # without a table of stops nobody knows where a subway train is
        assert all(one.geometry is None for one in readings.values())
        for entity in feed.entity:
            if entity.HasField("vehicle") and entity.vehicle.timestamp <= feed.header.timestamp + 60:
                trip = entity.vehicle.trip
                own = "/".join(filter(None, (trip.route_id, trip.trip_id, trip.start_date, trip.start_time)))
                told = readings[f"vehicle/{own}"]
                assert told.time == datetime.fromtimestamp(entity.vehicle.timestamp, UTC)
                assert told.properties["route"] == trip.route_id

    def test_a_trip_tells_its_next_stop_and_how_many_are_left(self) -> None:
        name, body = self.recorded()[0]
        trips = [one for one in self.readings(name, body) if one.subject.startswith("trip/")]
        assert all(one.type == "ioc.trip.observed" for one in trips)
        assert sum(one.properties["stops_left"] for one in trips) > 1000
        assert sum("next_stop" in one.properties for one in trips) > 200


def feed(**header: Any) -> Any:
    made = form.FeedMessage()
    made.header.gtfs_realtime_version = "2.0"
    made.header.timestamp = AT
    for name, value in header.items():
        setattr(made.header, name, value)
    return made


def bus(made: Any, id: str = "1", **told: Any) -> Any:
    entity = made.entity.add(id=id)
    entity.vehicle.vehicle.id = told.pop("vehicle", id)
    for name in ("longitude", "latitude", "bearing", "speed"):
        if name in told:
            setattr(entity.vehicle.position, name, told.pop(name))
    for name, value in told.items():
        setattr(entity.vehicle, name, value)
    return entity.vehicle


def parsed(body: bytes, **changed: Any) -> list[Reading | BadRecord]:
    source = Source("buses", "gtfs_realtime", Contract("Sở Xây dựng"), {**OPTIONS, **changed})
    return list(catalog.open_adapter(source).parse(Answer(body)))


def test_a_position_a_course_and_a_speed() -> None:
    made = feed()
    bus(made, "9", longitude=108.474, latitude=15.573, bearing=361.4, speed=10.0)
    (one,) = parsed(made.SerializeToString(), within=[107.2, 14.9, 108.8, 16.1])
    assert isinstance(one, Reading)
    assert (one.subject, one.type, one.time) == ("vehicle/9", "ioc.vehicle.observed", datetime.fromtimestamp(AT, UTC))
    assert one.geometry == {"type": "Point", "coordinates": [108.473999, 15.573]}
    assert (one.properties["course"], one.properties["speed_kmh"]) == (1, 36.0)


def test_without_a_position_it_stands_at_its_stop_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "stops.txt").write_text(STOPS, encoding="utf-8")
    made = feed()
    bus(made, "1", stop_id="S1")
    bus(made, "2", stop_id="S2")
    bus(made, "3", stop_id="S1", longitude=0.0, latitude=0.0)
    told = parsed(made.SerializeToString(), stops=str(tmp_path / "stops.txt"))
    known = {one.subject: one for one in told if isinstance(one, Reading)}
    there = {"type": "Point", "coordinates": [108.474, 15.573]}
    assert known["vehicle/1"].properties == {"stop": "Bến xe Tam Kỳ", "at_stop": True}
    assert known["vehicle/1"].geometry == known["vehicle/3"].geometry == there
    assert (known["vehicle/2"].geometry, known["vehicle/2"].properties) == (None, {"stop": "S2"})


def test_what_can_not_be_is_set_aside_and_the_rest_goes_on() -> None:
    made = feed()
    bus(made, "1", longitude=10.0, latitude=50.0)
    bus(made, "2", longitude=300.0, latitude=15.0)
    bus(made, "3", longitude=108.4, latitude=15.5)
    bus(made, "4", vehicle="3")
    bus(made, "5", timestamp=2**63)
    results = parsed(made.SerializeToString(), within=[107, 14, 109, 17])
    reasons = [one.reason if isinstance(one, BadRecord) else None for one in results]
    assert reasons == ["outside_place", "bad_place", None, "conflict", "bad_time"]
    assert [one.subject for one in results[:4]] == ["vehicle/1", "vehicle/2", "vehicle/3", "vehicle/3"]


def test_an_unknown_code_is_left_out_and_never_taken_for_another() -> None:
    made = feed()
    bus(made, "1", occupancy_status=1).congestion_level = 2
    body = made.SerializeToString()
    (one,) = parsed(body)
    assert isinstance(one, Reading)
    assert one.properties["occupancy_status"] == "many_seats_available"
    assert one.properties["congestion_level"] == "stop_and_go"
    # occupancy_status (field 9) says 99
    strange = body.replace(b"\x48\x01", b"\x48\x63")
    assert strange != body
    (one,) = parsed(strange)
    assert isinstance(one, Reading)
    assert "occupancy_status" not in one.properties and one.properties["congestion_level"] == "stop_and_go"


def test_alerts_speak_vietnamese_first() -> None:
    made = feed()
    alert = made.entity.add(id="a").alert
    alert.effect = 4
    for language, text in (("en", "Detour"), ("vi", "Đổi tuyến")):
        alert.header_text.translation.add(language=language, text=text)
    alert.active_period.add(start=AT, end=AT + 3600)
    alert.active_period.add(start=AT + 7200, end=AT + 9000)
    alert.informed_entity.add(route_id="B2")
    alert.informed_entity.add(route_id="B1")
    (one,) = parsed(made.SerializeToString())
    assert isinstance(one, Reading)
    assert one.properties == {
        "effect": "detour", "name": "Đổi tuyến", "name_en": "Detour", "routes": ["B1", "B2"],
        "from": "2026-03-10T11:00:00+07:00", "to": "2026-03-10T13:30:00+07:00",
    }  # fmt: skip
    assert parsed(made.SerializeToString(), also={}) == []


def test_what_is_no_whole_feed_is_not_taken() -> None:
    for body in (feed(incrementality=1).SerializeToString(), feed(timestamp=2**63).SerializeToString(), b"\x12\x00"):
        with pytest.raises(SourceDown):
            parsed(body)


@pytest.mark.parametrize("text", ["id,name\n1,x\n", None])
def test_a_table_of_stops_that_is_none_is_said(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "stops.txt").write_text(text, encoding="utf-8")
    with pytest.raises(BadConfig, match=r"which is no stops\.txt .*; write a file with stop_id"):
        parsed(b"", stops=str(tmp_path / "stops.txt"))
