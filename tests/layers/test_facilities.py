"""Health facilities: what follows from a report, and that what a silent one said long ago counts nowhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from ioc import clock
from ioc.event import Event, Feature
from ioc.layer import Item
from layers.facilities import Facilities
from tests.layers.suite import NOON, LayerSuite

LAYER = Facilities()
_NUMBERS = st.sampled_from([None, 0, 7, 20, "7", True])


class TestFacilities(LayerSuite):
    layer = LAYER
    properties = st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("beds", "beds_used", "doses", "doses_least"), _NUMBERS),
            "reported": st.sampled_from(
                [None, "", "hôm qua", 7, *(f"2026-03-{day:02d}T12:00:00+07:00" for day in (8, 10))]
            ),
            "every_s": st.sampled_from([None, 600, 0, -1, "600", 86_400]),
            "state": st.sampled_from(["live", "down", None]),
        },
    )


def told(**properties: Any) -> Item:
    return LAYER.item(Event("e", "health", "ioc.facility.reported", "YT1", NOON, NOON, Feature(properties)))


def test_what_follows_from_a_report() -> None:
    full = told(beds=100, beds_used=120, doses=5, doses_least=20).properties
    assert (full["beds_free"], full["crowded"], full["low"]) == (0, True, True)
    room = told(beds=100, beds_used=100, doses=20, doses_least=20).properties
    assert (room["beds_free"], room["crowded"], room["low"]) == (0, False, False)
    none = told(beds=100, beds_used=None, doses=None).properties
    assert (none["beds_free"], none["crowded"], none["low"]) == (None, None, None)


@pytest.mark.parametrize(
    ("after", "state"), [(0, "live"), (599, "live"), (600, "late"), (1199, "late"), (1200, "stale"), (90_000, "stale")]
)
def test_a_report_grows_old_by_time_alone(after: int, state: str) -> None:
    item: Item | None = told(reported=clock.rfc3339(NOON), every_s=600)
    now = NOON + timedelta(seconds=after)
    while item is not None and (wakes := LAYER.wakes(item)) is not None and wakes <= now:
        item = LAYER.wake(item, now)
    assert item is not None and item.properties["state"] == state
    assert told(reported=None).properties["state"] == "never" and LAYER.wakes(told()) is None
