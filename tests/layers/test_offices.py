"""Offices: who uses the province's software."""

from __future__ import annotations

from hypothesis import strategies as st

from ioc import catalog
from ioc.layer import Item
from layers.offices import Offices
from tests.layers.suite import NOON, LayerSuite


class TestOffices(LayerSuite):
    layer = Offices()
    properties = st.fixed_dictionaries({"uses": st.booleans()})


def test_a_declared_tile_counts_those_that_use_it_of_all() -> None:
    table = {"over": "offices", "label": ["Dùng", "Uses"], "where": {"uses": True}}
    items = {str(n): Item(str(n), NOON, NOON, {"uses": n < 190}) for n in range(241)}
    figure = catalog.declared("on_software", table).work_out(items, NOON)
    assert (figure.value, figure.of) == (190, 241)
