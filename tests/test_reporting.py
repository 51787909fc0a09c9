"""Tiles over those who report: each tells how many reports it is made of, and how many are owed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.layer import Figure, Item
from ioc.reporting import Told, figure
from tests.layers.suite import NOON

STATES = ("live", "late", "stale", "never")


def item(number: int, **properties: Any) -> Item:
    return Item(f"f{number}", NOON, NOON, {"source": "health", "method": "machine", **properties})


def told(items: list[Item], **table: Any) -> Figure:
    wanted = {"name": "x", "over": "facilities", "label": ("Thử", "Try"), **table}
    return figure(msgspec.convert(wanted, Told), items)


def some(*states: str, **properties: Any) -> list[Item]:
    return [item(number, state=state, **properties) for number, state in enumerate(states)]


def test_who_is_late_has_not_reported_and_what_it_said_counts_still() -> None:
    items = some("live", "live", "late", "stale", "never", beds_free=10)
    reported, silent = told(items, how="reported"), told(items, how="silent")
    assert (reported.value, silent.value, reported.of, silent.of) == (2, 3, 5, 5)
    free = told(items, how="sum", field="beds_free")
    assert (free.value, free.have, free.expect, free.method) == (30, 3, 5, "computed")


def test_without_a_report_in_hand_there_is_no_figure() -> None:
    for items in ([], some("stale", "never", beds_free=10), some("live", beds_free="10")):
        none = told(items, how="sum", field="beds_free")
        assert none.value is None and none.have == 0
    assert told(some("stale"), how="count", where={"low": True}).value is None
    assert told(some("stale"), how="silent").value == 1
    assert told(some("live", source="other"), how="reported", sources=["health"]).value is None


def test_a_share_is_of_those_that_have_both_numbers() -> None:
    items = [
        item(0, state="live", used=90, beds=100),
        item(1, state="late", used=30, beds=50),
        item(2, state="live", beds=9),
    ]
    terms = [["đang dùng", "in use"], ["kế hoạch", "planned"]]
    used = told(items, how="share", field="used", out_of="beds", terms=terms, decimals=1, warn=70, bad=90)
    assert (used.value, used.have, used.expect, used.level) == (80.0, 2, 3, "warn")
    assert [part["value"] for part in used.parts or []] == [120, 150]
    assert told([item(0, state="live", used=1, beds=0)], how="share", field="used", out_of="beds").value is None


def test_parts_name_those_with_most_first_and_levels_go_both_ways() -> None:
    items = [item(n, state="live", low=n % 3 > 0, kind="ABCDEFG"[n % 7], doses=n, method="typed") for n in range(70)]
    low = told(items, how="count", where={"low": True}, parts="kind", warn=10, bad=40)
    assert low.level == "bad" and len(low.parts or []) == 5
    assert [part["value"] for part in low.parts or []] == sorted(
        (part["value"] for part in low.parts or []), reverse=True
    )
    doses = told(items, how="sum", field="doses", among={"kind": ["A", "B"]}, better="up", warn=10_000, parts="kind")
    assert (doses.level, doses.method, doses.have, doses.expect) == ("warn", "typed", 20, 20)
    assert sum(part["value"] for part in doses.parts or []) == doses.value


@pytest.mark.parametrize(
    ("table", "say"),
    [
        ({"how": "sum"}, "has a field"),
        ({"how": "share", "field": "a"}, "out_of"),
        ({"how": "count", "field": "a"}, "no other has one"),
        ({"how": "reported", "where": {"a": 1}}, "among"),
        ({"how": "sum", "field": "a", "terms": [["a", "a"], ["b", "b"]]}, "terms"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_table_that_says_two_things_is_refused(table: dict[str, Any], say: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=say):
        told([], **table)


@given(st.lists(st.tuples(st.sampled_from(STATES), st.none() | st.integers(0, 500)), max_size=30))
def test_nothing_is_counted_twice_or_lost(given: list[tuple[str, int | None]]) -> None:
    items = [item(number, state=state, doses=doses) for number, (state, doses) in enumerate(given)]
    reported, silent = told(items, how="reported"), told(items, how="silent")
    total = told(items, how="sum", field="doses")
    if not items:
        assert (reported.value, silent.value, total.value) == (None, None, None)
        return
    assert int(reported.value or 0) + int(silent.value or 0) == len(items) == total.expect
    counted = [doses for state, doses in given if state in ("live", "late") and doses is not None]
    assert total.have == len(counted) and total.value == (sum(counted) if counted else None)
