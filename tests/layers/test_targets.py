"""Targets of plans: done only with evidence, by group, and how it went on."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ioc import catalog
from ioc.layer import Figure, Item
from layers.targets import Targets
from tests.layers.suite import NOON, LayerSuite

TABLE = {"over": "targets", "label": ["Chỉ tiêu", "Targets"], "kind": "target", "warn": 80, "bad": 40}
LINK = "https://vanban.example.vn/1"


class TestTargets(LayerSuite):
    layer = Targets()
    tiles = (catalog.declared("targets_any", TABLE), catalog.declared("burn", {**TABLE, "burn_up": True}))
    properties = st.fixed_dictionaries(
        {"kind": st.sampled_from(["target", "task"])},
        optional={
            "done": st.booleans() | st.none(),
            "evidence": st.sampled_from([LINK, "có", "", None]),
            "done_on": st.sampled_from(["2026-01-10T00:00:00+07:00", "2025-03-01", "hôm qua", None]),
            "due": st.sampled_from(["2026-12-31", "2026-01-01", None]),
        },
    )


def told(*given: dict[str, Any], **table: Any) -> Figure:
    items = {str(n): Item(str(n), NOON, NOON, {"kind": "target", "group": "A", **one}) for n, one in enumerate(given)}
    return catalog.declared("some_targets", {**TABLE, **table}).work_out(items, NOON)


def done(on: str | None = "2026-03-01", evidence: str = LINK) -> dict[str, Any]:
    return {"done": True, "evidence": evidence, "done_on": on}


def test_only_what_something_shows_is_done() -> None:
    figure = told(done(), done(evidence=""), done(evidence="có"), {"done": False, "due": "2026-01-01"})
    assert (figure.value, figure.of, figure.level) == (1, 4, "bad")
    assert [part["value"] for part in figure.parts or []] == [1, 2, 1, 1]
    assert figure.why == "2 mục báo xong mà chưa có minh chứng."
    assert told(done(), done()).level is None
    assert told(done(), done(), done(), done(), done(evidence="")).level == "warn"
    assert told(done(), {"done": False}).level == "warn"


def test_a_group_and_a_kind() -> None:
    rows = [done(), {**done(), "group": "B"}, {**done(), "kind": "task"}]
    assert told(*rows).of == 2 and told(*rows, group="B").of == 1 and told(*rows, group="C").value is None


def test_how_it_went_on() -> None:
    rows = [done("2025-05-01"), done("2025-11-30"), done("2026-02-01"), done(None), {"done": False}]
    figure = told(*rows)
    assert (figure.value, figure.previous, figure.trend) == (4, 3, {"by": 1, "over": "P3M"})
    burnt = told(*rows, burn_up=True).parts
    assert burnt == [
        {"label": "31/03/2025", "value": 1}, {"label": "30/06/2025", "value": 2}, {"label": "30/09/2025", "value": 2},
        {"label": "31/12/2025", "value": 3},
    ]  # fmt: skip
