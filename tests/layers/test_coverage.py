"""Coverage: a map shows what is missing, and nothing else."""

from __future__ import annotations

from hypothesis import strategies as st

from ioc import catalog
from ioc.event import Event, Feature
from layers.coverage import Coverage
from tests.layers.suite import NOON, LayerSuite


class TestCoverage(LayerSuite):
    layer = Coverage()
    tiles = catalog.tiles("coverage")
    properties = st.fixed_dictionaries({}, optional={"covered": st.sampled_from([True, False, None, 1])})


def test_only_a_village_that_nothing_reaches_is_a_point() -> None:
    place = {"type": "Point", "coordinates": [104.9, 19.2]}
    for covered, geometry in ((True, None), (False, place), (None, place)):
        told = Feature({"covered": covered}, place)
        item = Coverage().item(Event("e", "villages", "ioc.village.listed", "v/1", NOON, NOON, told))
        assert item.geometry == geometry and item.properties["state"] == ("live" if covered else "never")
