"""Hot spots on the board: nothing hot is 0, nothing counted is no figure."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ioc import catalog
from ioc.event import Event, Feature
from ioc.layer import Item
from layers.hotspots import SUMMARY, Hotspots, hotspots_found
from tests.layers.suite import NOON, LayerSuite


class TestHotspots(LayerSuite):
    layer = Hotspots()
    tiles = catalog.tiles("hotspots")
    subjects = (SUMMARY, "9218/1000/1/2", "9218/1000/1/3")
    properties = st.fixed_dictionaries(
        {},
        optional={
            "kind": st.sampled_from(["new", "lasting", None]),
            "reports": st.integers(0, 99),
            "placed": st.integers(0, 99),
            "enough": st.booleans(),
        },
    )


def items(**told: dict[str, Any]) -> dict[str, Item]:
    layer = Hotspots()
    return {
        name: layer.item(Event("e", "hot", "ioc.hotspot.found", name, NOON, NOON, Feature(one), "22015", "computed"))
        for name, one in told.items()
    }


def test_the_tile_counts_the_cells_by_kind() -> None:
    whole = {"reports": 120, "placed": 118, "enough": True}
    told = items(summary=whole, a={"kind": "new"}, b={"kind": "new"}, c={"kind": "lasting"})
    figure = hotspots_found(told, NOON)
    assert (figure.value, figure.have, figure.expect, figure.method) == (3, 118, 120, "computed")
    assert [part["value"] for part in figure.parts or []] == [2, 1]
    assert hotspots_found(items(summary=whole), NOON).value == 0


def test_too_few_reports_are_no_figure() -> None:
    figure = hotspots_found(items(summary={"reports": 3, "placed": 2, "enough": False}), NOON)
    assert (figure.value, figure.have, figure.expect) == (None, 2, 3)
    assert figure.why is not None


def test_a_cell_belongs_to_no_commune() -> None:
    assert "unit" not in items(a={"kind": "new"})["a"].properties
