"""Stations: alarm levels from values, silence by time, the value before in whatever order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from ioc import catalog, clock
from ioc.event import Event, Feature
from ioc.layer import Item
from layers.stations import Stations
from tests.layers.suite import NOON, LayerSuite

_moments = st.integers(-500, 5000).map(lambda minutes: clock.rfc3339(NOON + timedelta(minutes=minutes)))
_numbers = st.integers(-5, 12) | st.sampled_from([None, True, "12", 2.5])

OVER = {"over": "stations", "label": ["a", "b"]}


class TestStations(LayerSuite):
    layer = Stations()
    tiles = (
        catalog.declared("out", {**OVER, "where": {"alarm": [1, 2, 3]}, "each": "station"}),
        catalog.declared("most", {**OVER, "how": "max", "field": "value", "parts": "station"}),
    )
    gone = False
    properties = st.fixed_dictionaries(
        {"station": st.sampled_from(["S1", "S2"]), "value": _numbers},
        optional={
            "limits": st.sampled_from([[2, 4, 6], [2, 4], "high", [1, None, 3]]),
            "due": _moments | st.sampled_from(["soon", 3]),
            "before": st.just("forged"),
        },
    )


def event(minute: int, value: float | None, **told: Any) -> Event:
    at = NOON + timedelta(minutes=minute)
    return Event(f"e{minute}", "g", "ioc.station.measured", "CL/level", at, at, Feature({"value": value, **told}))


def folded(*events: Event) -> Item:
    item = None
    for one in events:
        item = Stations().fold(item, one)
    assert item is not None
    return item


@pytest.mark.parametrize(("value", "alarm"), [(1.9, 0), (2, 1), (3.99, 2), (4, 3), (40, 3), (None, None)])
def test_a_level_is_reached_at_its_limit(value: float | None, alarm: int | None) -> None:
    assert folded(event(0, value, limits=[2, 3, 4])).properties["alarm"] == alarm


def test_without_levels_there_is_no_alarm() -> None:
    assert folded(event(0, 900)).properties["alarm"] is None


def test_no_data_is_no_value_and_silent() -> None:
    told = folded(event(0, None, no_data="-999999")).properties
    assert (told["state"], told["silent"], told["no_data"]) == ("down", True, "-999999")


def test_a_gauge_that_owes_a_value_is_stale_until_it_comes() -> None:
    item = folded(event(0, 1.0, due=clock.rfc3339(NOON + timedelta(minutes=10))))
    assert (item.properties["state"], item.properties["silent"]) == ("live", False)
    awake = Stations().wake(item, NOON + timedelta(minutes=10))
    assert awake is not None and (awake.properties["state"], awake.properties["silent"]) == ("stale", True)
    told = Stations().fold(awake, event(11, 1.0, due=clock.rfc3339(NOON + timedelta(minutes=21))))
    assert told is not None and told.properties["state"] == "live"


def test_the_trend_is_against_the_value_before_also_when_that_comes_late() -> None:
    early, later = event(0, 1.5), event(30, 2.25)
    for order in ((early, later), (later, early)):
        assert folded(*order).properties["trend"] == {"by": 0.75, "seconds": 1800}
    assert "trend" not in folded(event(0, None), later).properties
