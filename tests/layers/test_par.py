"""The reform index: means of bodies, bodies that are low, points that do not add up; each set by itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st

from ioc import catalog
from ioc.errors import BadConfig
from ioc.layer import Figure, Item
from layers.par import Par
from tests.layers.suite import NOON, LayerSuite

TABLE: dict[str, Any] = {"over": "par", "label": ["PAR", "PAR"], "set": "2022"}
PLACE, GROUP = {**TABLE, "place": "PY"}, {**TABLE, "group": "department", "expect": 3}


class TestPar(LayerSuite):
    layer = Par()
    tiles = (
        catalog.declared("par_any", PLACE),
        catalog.declared("par_mean", GROUP),
        catalog.declared("par_low", {**GROUP, "below": 80.0}),
    )
    properties = st.fixed_dictionaries(
        {
            "set": st.sampled_from(["2022", "2026"]),
            "place": st.sampled_from(["PY", "A"]),
            "group": st.sampled_from(["province", "department"]),
            "year": st.sampled_from([2024, 2025, "x", None]),
            "code": st.sampled_from(["", "1"]),
        },
        optional={"score": st.floats(0, 100, width=32) | st.none(), "rank": st.integers(1, 63) | st.none()},
    )


def row(place: str, score: float | None, year: int = 2025, **told: Any) -> dict[str, Any]:
    group = "province" if place == "PY" else "department"
    return {"set": "2022", "year": year, "place": place, "group": group, "code": "", "score": score, **told}


def told(table: dict[str, Any], *given: dict[str, Any]) -> Figure:
    items = {str(n): Item(str(n), NOON, NOON, dict(one)) for n, one in enumerate(given)}
    return catalog.declared("par_one", table).work_out(items, NOON)


def test_points_that_do_not_add_up_are_shown_beside_the_index() -> None:
    fields = [row("PY", 40.0, code="1", name="A"), row("PY", 45.5, code="2", name="B")]
    good = told(PLACE, row("PY", 85.5, most=100), *fields)
    assert (good.value, good.of, good.other, good.why, good.level) == (85.5, 100, None, None, None)
    off = told(PLACE, row("PY", 80.5, most=100), *fields)
    assert (off.value, off.other) == (80.5, [{"value": 85.5, "source": "cộng các tiêu chí"}])
    assert (off.level, off.why) == ("warn", "Cộng điểm các tiêu chí được 85,5, công bố 80,5.")
    assert told({**PLACE, "bad": 82.0}, row("PY", 80.5)).level == "bad"


def test_the_mean_is_of_those_who_told_and_compared_only_with_the_same() -> None:
    both = [row("A", 90.0, 2024), row("B", 80.0, 2024), row("A", 92.0), row("B", 70.0)]
    figure = told(GROUP, *both)
    assert (figure.value, figure.previous, figure.have, figure.expect) == (81.0, 85.0, 2, 3)
    assert [part["label"] for part in figure.parts or []] == ["B", "A"]
    other = told(GROUP, *both, row("C", 90.0), row("D", None))
    assert (other.value, other.previous, other.have) == (84.0, None, 3)
    low = told({**GROUP, "below": 80.0}, *both)
    assert (low.value, low.previous, low.of, low.level) == (1, 0, 2, "warn")
    assert told({**GROUP, "below": 60.0}, *both).level is None


def test_another_set_is_told_and_never_mixed() -> None:
    figure = told(GROUP, row("A", 90.0, 2024), row("A", 10.0, set="2026"))
    assert (figure.value, figure.have) == (90.0, 1)
    assert figure.why == "Từ năm 2025 tính theo bộ tiêu chí 2026, không so được với bộ 2022."
    assert told(GROUP).value is None and told(GROUP).expect == 3


def test_a_tile_is_of_one_place_or_of_one_group() -> None:
    for wrong in ({**PLACE, "group": "department"}, TABLE, {**PLACE, "below": 3.0}):
        with pytest.raises((BadConfig, ValueError)):
            catalog.declared("par_wrong", wrong)
