"""People: how many there are, and how many are lacking."""

from __future__ import annotations

from hypothesis import strategies as st

from ioc import catalog
from ioc.event import Event, Feature
from layers.people import People
from tests.layers.suite import NOON, LayerSuite


class TestPeople(LayerSuite):
    layer = People()
    tiles = catalog.tiles("people")
    properties = st.fixed_dictionaries(
        {}, optional={"staff": st.integers(0, 5) | st.just("two"), "needed": st.integers(0, 5)}
    )


def test_who_is_lacking() -> None:
    for staff, needed, lacking in ((0, 2, 2), (2, 2, 0), (5, 2, 0)):
        told = Feature({"staff": staff, "needed": needed})
        item = People().item(Event("e", "staff", "ioc.staff.counted", "s/1", NOON, NOON, told))
        assert (item.properties["lacking"], item.properties["short"]) == (lacking, lacking > 0)
