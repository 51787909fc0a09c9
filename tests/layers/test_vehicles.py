"""Vehicles and traffic: what keeps the law of layers, and what time alone changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from ioc.event import Event, Feature
from ioc.layer import Item
from layers.traffic import LATE_S, Traffic
from layers.vehicles import LEAVES, SILENT, Vehicles

from .suite import NOON, LayerSuite


class TestVehicles(LayerSuite):
    layer = Vehicles()
    properties = st.fixed_dictionaries({"route": st.sampled_from(["1", "2"]), "speed_kmh": st.floats(0, 90)})

    def test_a_vehicle_that_is_silent_is_stale_and_then_leaves(self) -> None:
        item = self.layer.fold(None, event("ioc.vehicle.observed", {"route": "1"}))
        assert item is not None and item.properties["state"] == "live"
        assert self.layer.wake(item, NOON + SILENT - timedelta(seconds=1)) == item
        silent = self.layer.wake(item, NOON + SILENT)
        assert silent is not None and silent.properties["state"] == "stale"
        assert self.layer.wake(silent, NOON + LEAVES) is None


class TestTraffic(LayerSuite):
    layer = Traffic()
    properties = st.fixed_dictionaries(
        {"delay_s": st.integers(-600, 6000)},
        optional={
            "quantity": st.sampled_from(["vehicles", "speed"]),
            "value": st.sampled_from([None, 0, 12.5, 900, True]),
            "free_kmh": st.sampled_from([60, None]),
            "due": st.sampled_from(["2026-03-10T13:00:00+07:00", "soon", None]),
            "level": st.sampled_from(["minor", "grave"]),
        },
    )

    def one(self, type: str, **told: Any) -> Item:
        item = self.layer.fold(None, event(type, told))
        assert item is not None
        return item

    def test_each_kind_lives_as_long_as_it_means_something(self) -> None:
        counter = self.one("ioc.traffic.counted", quantity="vehicles", value=900)
        assert (counter.properties["kind"], counter.properties["state"]) == ("counter", "live")
        stale = self.layer.wake(counter, NOON + timedelta(hours=1))
        assert stale is not None and stale.properties["state"] == "stale"
        assert self.layer.wakes(stale) is None
        for kind, hours in (("ioc.trip.observed", 0.5), ("ioc.incident.reported", 24), ("ioc.service.alerted", 24)):
            item = self.one(kind)
            assert self.layer.wake(item, NOON + timedelta(hours=hours, seconds=-1)) == item
            assert self.layer.wake(item, NOON + timedelta(hours=hours)) is None

    def test_a_counter_is_stale_once_its_next_value_is_owed_and_down_without_one(self) -> None:
        due = NOON + timedelta(minutes=15)
        counter = self.one("ioc.traffic.counted", quantity="vehicles", value=0, due=due.isoformat())
        assert (counter.properties["state"], counter.properties["silent"]) == ("live", False)
        assert self.layer.wake(counter, due - timedelta(seconds=1)) == counter
        stale = self.layer.wake(counter, due)
        assert stale is not None and (stale.properties["state"], stale.properties["silent"]) == ("stale", True)
        late = self.one("ioc.traffic.counted", value=3, due=(NOON - timedelta(seconds=1)).isoformat())
        assert late.properties["state"] == "stale", "it came when it was owed long since"
        assert self.one("ioc.traffic.counted", value=None).properties["state"] == "down"

    def test_a_road_is_slow_at_two_fifths_of_its_free_speed(self) -> None:
        def slow(**told: Any) -> object:
            return self.one("ioc.traffic.counted", **{"quantity": "speed", "free_kmh": 60, **told}).properties["slow"]

        assert (slow(value=24), slow(value=24.1)) == (True, False)
        assert slow(value=24, quantity="vehicles") is slow(value=24, free_kmh=None) is slow(value=None) is False

    def test_a_trip_is_late_from_five_minutes_on_and_says_nothing_without_a_delay(self) -> None:
        states = [self.one("ioc.trip.observed", delay_s=late).properties["state"] for late in (LATE_S - 1, LATE_S)]
        assert states == ["on_time", "late"]
        assert "state" not in self.one("ioc.trip.observed").properties


def event(type: str, told: dict[str, Any]) -> Event:
    return Event("1", "s", type, "a", NOON, NOON, Feature(told))
