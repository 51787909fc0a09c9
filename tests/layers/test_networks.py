"""Networks: a site is as it was found, and its certificate and posts grow old by themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from ioc import catalog, clock
from ioc.event import Event, Feature
from ioc.layer import Item
from layers.networks import QUIET, Networks
from tests.layers.suite import NOON, LayerSuite

_moments = st.integers(-200, 200).map(lambda days: clock.rfc3339(NOON + timedelta(days=days)))


class TestNetworks(LayerSuite):
    layer = Networks()
    tiles = catalog.tiles("networks")
    properties = st.fixed_dictionaries(
        {},
        optional={
            "result": st.sampled_from(["up", "slow", "down", "never", "odd", 1, None]),
            "until": _moments | st.sampled_from(["soon", 3]),
            "newest": _moments,
            "expires": st.just("later"),
        },
    )


def site(**properties: Any) -> Item:
    return Networks().item(Event("e", "wan", "ioc.site.probed", "wan/1", NOON, NOON, Feature(properties)))


@pytest.mark.parametrize(
    ("result", "state"), [("up", "live"), ("slow", "late"), ("down", "down"), ("never", "never"), ("odd", "never")]
)
def test_the_mark_is_that_of_what_was_found(result: str, state: str) -> None:
    assert site(result=result).properties["state"] == state


def test_a_certificate_comes_nearer_to_its_end_step_by_step() -> None:
    item = site(result="up", until=clock.rfc3339(NOON + timedelta(days=100)))
    seen = [(item.properties["expires"], 0)]
    while (due := Networks().wakes(item)) is not None:
        woken = Networks().wake(item, due)
        assert woken is not None
        item = woken
        seen.append((item.properties["expires"], (due - NOON).days))
    assert seen == [("later", 0), ("90", 10), ("60", 40), ("30", 70), ("expired", 100)]


def test_a_portal_that_posts_nothing_is_old_after_a_while() -> None:
    item = site(result="up", newest=clock.rfc3339(NOON - timedelta(days=1)))
    assert item.properties["posts"] == "fresh"
    assert Networks().wakes(item) == NOON - timedelta(days=1) + QUIET
    old = Networks().wake(item, NOON + timedelta(days=6))
    assert old is not None and old.properties["posts"] == "old" and Networks().wakes(old) is None
