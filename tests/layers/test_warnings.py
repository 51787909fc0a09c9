"""Warnings: they end on their own clock, and none in force is a figure once one was known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from ioc import catalog, clock
from ioc.event import Event, Feature
from ioc.layer import Item
from layers.warnings import KEPT, STANDS, Warnings, warnings_open
from tests.layers.suite import NOON, LayerSuite

_moments = st.integers(-500, 5000).map(lambda minutes: clock.rfc3339(NOON + timedelta(minutes=minutes)))


class TestWarnings(LayerSuite):
    layer = Warnings()
    tiles = catalog.tiles("warnings")
    properties = st.fixed_dictionaries(
        {},
        optional={
            "severity": st.sampled_from(["Extreme", "Severe", "Minor", "grave", None]),
            "expires": _moments | st.sampled_from(["9999-12-31T23:59:59+00:00", "soon", None]),
            "open": st.just("forged"),
        },
    )


def warning(**told: Any) -> Item:
    return Warnings().item(Event("e", "cap", "ioc.warning.told", "a", NOON, NOON, Feature(told)))


def test_a_warning_ends_when_it_says_and_leaves_later() -> None:
    item = warning(expires=clock.rfc3339(NOON + timedelta(hours=2)), severity="Severe")
    ends = NOON + timedelta(hours=2)
    assert item.properties["open"] and Warnings().wakes(item) == ends
    figures = [warnings_open({"a": item}, ends + timedelta(seconds=past)) for past in (-1, 0)]
    assert [(figure.value, figure.level) for figure in figures] == [(1, "bad"), (0, None)]
    awake = Warnings().wake(item, ends)
    assert awake is not None and not awake.properties["open"]
    assert Warnings().wake(awake, ends + KEPT) is None


def test_without_an_end_it_stands_for_a_day() -> None:
    assert Warnings().wakes(warning()) == NOON + STANDS


def test_what_expired_before_it_came_never_stands() -> None:
    item = warning(expires=clock.rfc3339(NOON - timedelta(hours=1)))
    assert not item.properties["open"]
    assert warnings_open({"a": item}, NOON).value == 0


def test_whose_area_is_not_drawn_is_named() -> None:
    told = {"expires": clock.rfc3339(NOON + timedelta(hours=2)), "severity": "Minor"}
    drawn, blind = warning(**told, headline="Gió mạnh"), warning(**told, headline="Sạt lở", area_fault="It is no area.")
    assert warnings_open({"a": drawn}, NOON).why is warnings_open({"a": drawn}, NOON).level is None
    figure = warnings_open({"a": drawn, "b": blind}, NOON)
    assert (figure.value, figure.level, figure.why) == (2, "warn", "Không vẽ được vùng của 1 cảnh báo: Sạt lở.")
    ended = warnings_open({"b": blind}, NOON + timedelta(hours=3))
    assert (ended.value, ended.level, ended.why) == (0, None, None)
