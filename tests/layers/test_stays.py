"""Stays: counts alone, silence by time, rooms that can't be, and occupancy of those that declared."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ioc import catalog
from ioc.event import Event, Feature
from ioc.layer import Item
from layers.stays import OWED, Stays, stays_occupancy
from tests.layers.suite import NOON, LayerSuite

_COUNTS = st.one_of(st.none(), st.booleans(), st.integers(-2, 400), st.text(max_size=3))


class TestStays(LayerSuite):
    layer = Stays()
    tiles = catalog.tiles("stays")
    properties = st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("rooms", "occupied", "foreign", "domestic", "guest_name"), _COUNTS)
    )


def stay(at: datetime = NOON, **told: object) -> Item:
    return Stays().item(Event("e", "x", "ioc.stay.declared", "s/1", at, NOON, Feature(dict(told))))


def test_only_counts_are_kept() -> None:
    item = stay(rooms=10, occupied=7, foreign=3, domestic=8, guest="Nguyễn Văn A", passport="C1234567", name="Mẫu 1")
    assert item.properties["guests"] == 11 and item.properties["name"] == "Mẫu 1"
    assert not {"guest", "passport"} & item.properties.keys()


def test_a_place_is_silent_a_day_after_it_declared() -> None:
    item = stay(rooms=10, occupied=7)
    assert Stays().wake(item, NOON + OWED - timedelta(seconds=1)) == item
    late = Stays().wake(item, NOON + OWED)
    assert late is not None and (late.properties["silent"], late.properties["state"]) == (True, "late")
    assert stays_occupancy({"a": late}, NOON).value is None
    assert stay(NOON - OWED, rooms=1).properties["silent"]


def test_more_rooms_than_there_are_is_in_no_figure() -> None:
    odd, good = stay(rooms=10, occupied=12), stay(rooms=10, occupied=5)
    assert odd.properties["doubt"] and not good.properties["doubt"]
    assert stays_occupancy({"a": odd, "b": good}, NOON).value == 50
    assert stay(rooms=10, occupied=-1).properties["doubt"]


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 300)), min_size=1, max_size=20))
def test_occupancy_is_rooms_over_rooms_and_no_mean_of_shares(places: list[tuple[int, int]]) -> None:
    items = {str(n): stay(rooms=rooms, occupied=occupied) for n, (rooms, occupied) in enumerate(places)}
    told = [(rooms, occupied) for rooms, occupied in places if occupied <= rooms]
    figure = stays_occupancy(items, NOON)
    if told:
        assert figure.value == round(100 * sum(o for _, o in told) / sum(r for r, _ in told), 1)
        assert figure.have == len(told)
    else:
        assert figure.value is None
