"""Security: counts of a day, by severity and body."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from ioc import catalog
from ioc.event import Event, Feature
from ioc.layer import Item
from layers.security import Security, security_bodies, security_newest
from tests.layers.suite import NOON, LayerSuite


class TestSecurity(LayerSuite):
    layer = Security()
    tiles = catalog.tiles("security")
    properties = st.fixed_dictionaries(
        {"severity": st.sampled_from(["high", "medium", "low", "info", 1]), "count": st.integers(0, 9)},
        optional={"body": st.sampled_from(["Sở Y tế", "Sở Nội vụ"])},
    )


def counted(number: int, **properties: Any) -> Item:
    at = NOON + timedelta(minutes=number)
    return Security().item(Event("e", "soc", "ioc.security.counted", str(number), at, at, Feature(properties)))


def test_a_body_is_hit_by_what_is_grave() -> None:
    told = [("high", "a"), ("medium", "a"), ("medium", "b"), ("low", "c")]
    items = {str(number): counted(number, severity=how, body=who) for number, (how, who) in enumerate(told)}
    assert security_bodies(items, NOON).value == 2
    assert security_newest(items, NOON).value == "12:03:00"


def test_an_hour_counts_for_a_day() -> None:
    item = counted(0, severity="high", body="a")
    assert Security().wake(item, NOON + timedelta(hours=23)) == item
    assert Security().wake(item, NOON + timedelta(hours=24)) is None
