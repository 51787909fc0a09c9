"""Schools: teachers who are missing; the rest is that of all who report every so often."""

from __future__ import annotations

from hypothesis import strategies as st

from ioc import clock
from ioc.event import Event, Feature
from layers.schools import Schools
from tests.layers.suite import NOON, LayerSuite

_NUMBERS = st.sampled_from([None, 0, 12, 20, "12", False])


class TestSchools(LayerSuite):
    layer = Schools()
    properties = st.fixed_dictionaries(
        {},
        optional={
            "teachers": _NUMBERS,
            "teachers_needed": _NUMBERS,
            "open": st.sampled_from([True, False, None]),
            "reported": st.sampled_from([None, *(clock.rfc3339(NOON.replace(day=day)) for day in (7, 10))]),
        },
    )


def test_teachers_who_are_missing() -> None:
    for there, needed, missing in ((18, 20, 2), (22, 20, 0), (None, 20, None), (18, None, None)):
        told = Feature({"teachers": there, "teachers_needed": needed, "teachers_missing": 99})
        item = Schools().item(Event("e", "schools", "ioc.school.reported", "TH1", NOON, NOON, told))
        assert item.properties["teachers_missing"] == missing
