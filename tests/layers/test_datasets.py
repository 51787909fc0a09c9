"""Data sets of a catalogue: which are shared, which wait, which stand still, and which nobody answers for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import catalog, clock
from ioc.errors import BadConfig
from ioc.layer import Figure, Item
from layers.datasets import Datasets
from tests.layers.suite import NOON, LayerSuite

STEPS = ("collected", "appraised", "shared")
SETS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["Hộ tịch", "Đất đai"]),
        "owner": st.sampled_from(["Sở Y tế", "Sở Tư pháp", None]),
        "step": st.sampled_from([*STEPS, None]),
        "since": st.sampled_from(["2026-03-01T00:00:00+07:00", "2025-12-01T00:00:00+07:00", "hôm qua", None]),
    },
)


class TestDatasets(LayerSuite):
    layer = Datasets()
    properties = SETS


def told(table: dict[str, Any], *sets: dict[str, Any], later: timedelta = timedelta()) -> Figure:
    items = {str(n): Item(str(n), NOON, NOON, {"source": "catalogue", **one}) for n, one in enumerate(sets)}
    tile = catalog.declared("so", {"over": "datasets", "label": ["Bộ", "Sets"], **table})
    return tile.work_out(items, NOON + later)


def since(days: float) -> str:
    return clock.rfc3339(NOON - timedelta(days=days))


@given(st.lists(SETS, min_size=1, max_size=20))
def test_each_data_set_is_on_one_step_at_most_and_of_all(sets: list[dict[str, Any]]) -> None:
    figures = [told({"step": step}, *sets) for step in STEPS]
    assert all(figure.of == len(sets) for figure in figures)
    without = sum(one.get("step") is None for one in sets)
    assert sum(int(figure.value or 0) for figure in figures) == len(sets) - without
    owned, unowned = (told({"owned": so}, *sets) for so in (True, False))
    assert int(owned.value or 0) + int(unowned.value or 0) == len(sets)


def test_stuck_is_what_waits_longer_than_so_many_days_and_time_alone_makes_it_so() -> None:
    sets = [
        {"name": "Hộ tịch", "owner": "Sở Tư pháp", "step": "collected", "since": since(29.9)},
        {"name": "Đất đai", "step": "appraised", "since": since(45)},
        {"step": "shared", "since": since(300)},
        {"step": "collected", "since": "hôm qua"},
    ]
    now = told({"days": 30}, *sets)
    assert now.value == 1 and now.why == "Đất đai (chưa có chủ quản, từ 24/01/2026)"
    assert now.parts == [{"label": {"vi": "chưa có chủ quản", "en": "nobody"}, "value": 1}]
    later = told({"days": 30, "warn": 1, "bad": 5}, *sets, later=timedelta(hours=4))
    assert (later.value, later.level) == (2, "warn")
    assert later.why is not None and later.why.startswith("Đất đai") and "Hộ tịch (Sở Tư pháp" in later.why
    assert told({"days": 30}, sets[2]).why is None


def test_levels_go_either_way() -> None:
    sets = [{"step": "shared"}, {"step": "shared"}, {"step": "collected"}]
    assert told({"step": "shared", "warn": 3, "bad": 1, "better": "up"}, *sets).level == "warn"
    assert told({"step": "shared", "warn": 3, "bad": 2.5, "better": "up"}, *sets).level == "bad"
    assert told({"step": "collected", "warn": 0}, *sets).level == "warn"
    assert told({"step": "collected", "warn": 1}, *sets).level is None


def test_of_nothing_there_is_no_figure_and_of_other_sources_none() -> None:
    figure = told({"sources": ["other"]}, {"step": "shared"})
    assert (figure.value, figure.have, figure.sources) == (None, 0, ["other"])


def test_what_is_shared_is_never_stuck() -> None:
    with pytest.raises(BadConfig, match="not stuck"):
        told({"step": "shared", "days": 3}, {})
