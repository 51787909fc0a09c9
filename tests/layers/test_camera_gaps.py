"""Gaps in what cameras see: only what is not watched is on the map, and what was lost asks for somebody."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st

from ioc import catalog
from ioc.event import Event, Feature
from ioc.layer import Item
from layers.camera_gaps import CameraGaps, communes_unwatched, crossroads_unwatched, places_unwatched
from tests.layers.suite import NOON, LayerSuite

POINT = {"type": "Point", "coordinates": [108.4, 15.5]}


class TestCameraGaps(LayerSuite):
    layer = CameraGaps()
    tiles = catalog.tiles("camera_gaps")
    properties = st.fixed_dictionaries(
        {},
        optional={
            "kind": st.sampled_from(["crossroad", "commune", "place", None]),
            "cameras": st.sampled_from([0, 3, None, -1, True]),
            "live": st.sampled_from([0, 2, None, "2"]),
        },
    )


def items(**told: dict[str, Any]) -> dict[str, Item]:
    layer = CameraGaps()
    return {
        name: layer.item(
            Event("e", "gaps", "ioc.gap.found", name, NOON, NOON, Feature(one, POINT), "22015", "computed")
        )
        for name, one in told.items()
    }


@pytest.mark.parametrize(
    ("cameras", "live", "state"), [(2, 1, "live"), (2, 0, "down"), (0, 0, "never"), (None, None, "never")]
)
def test_only_what_is_not_watched_keeps_its_place(cameras: object, live: object, state: str) -> None:
    (item,) = items(a={"kind": "crossroad", "cameras": cameras, "live": live}).values()
    assert item.properties["state"] == state and item.properties["watched"] is (state == "live")
    assert item.geometry == (None if state == "live" else POINT)


def test_each_kind_is_counted_by_itself_and_what_was_lost_apart() -> None:
    crossing = {"kind": "crossroad", "cameras": 2}
    told = items(
        a=crossing | {"live": 2}, b=crossing | {"live": 0}, c=crossing | {"cameras": 0, "live": 0},
        d={"kind": "commune", "cameras": 0, "live": 0}, e={"kind": "commune", "cameras": 9, "live": 1},
    )  # fmt: skip
    figure = crossroads_unwatched(told, NOON)
    assert (figure.value, figure.of, figure.have, figure.expect, figure.level) == (2, 3, 3, 3, "bad")
    assert [part["value"] for part in figure.parts or []] == [1, 1]
    communes = communes_unwatched(told, NOON)
    assert (communes.value, communes.of, communes.level) == (1, 2, None), "that there never was one asks nobody"
    assert places_unwatched(told, NOON).value is None
    many = items(**{f"x{n}": crossing | {"live": int(n > 0)} for n in range(20)})
    assert crossroads_unwatched(many, NOON).level == "warn"
