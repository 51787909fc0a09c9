"""Public order: what is closed leaves the map."""

from __future__ import annotations

from hypothesis import strategies as st

from ioc import catalog, names
from ioc.event import Event, Feature
from layers.restricted_order import RestrictedOrder
from tests.layers.suite import NOON, LayerSuite


class TestRestrictedOrder(LayerSuite):
    layer = RestrictedOrder()
    tiles = catalog.tiles("restricted_order")
    properties = st.fixed_dictionaries(
        {"status": st.sampled_from(["open", "closed", 1])}, optional={"grave": st.booleans()}
    )


def test_it_is_restricted_and_its_marks_say_how_grave_it_is() -> None:
    assert names.restricted("layer/" + RestrictedOrder.name)
    place = {"type": "Point", "coordinates": [108.4, 15.6]}
    for status, grave, state in (("open", True, "down"), ("open", False, "late"), ("closed", True, "live")):
        told = Feature({"status": status, "grave": grave}, place)
        item = RestrictedOrder().item(Event("e", "x", "ioc.order.reported", "i/1", NOON, NOON, told))
        assert item.properties["state"] == state
        assert item.geometry == (None if status == "closed" else place)
