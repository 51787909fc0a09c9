"""One layer's items in memory: any replay gives the same; what was dropped stays dropped; time alone moves items."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.board import Position, Snapshot
from ioc.event import Event, Feature
from ioc.layer import Item, Layer
from ioc.run.fold import NOWHERE, TOMBS_LIVE, Fold

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)


class Plain(Layer):
    name = "plain"
    title = ("Vật", "Things")
    listens = frozenset({"ioc.thing.seen"})


class Brief(Plain):
    """Its items live for an hour."""

    lives = timedelta(hours=1)


class Ripening(Plain):
    """An item turns late after one hour, very late after two, and goes after three."""

    def wakes(self, item: Item) -> datetime | None:
        hours = {"": 1, "late": 2, "very late": 3}[item.properties.get("mood", "")]
        return item.time + timedelta(hours=hours)

    def wake(self, item: Item, now: datetime) -> Item | None:
        mood = {"": "late", "late": "very late", "very late": None}[item.properties.get("mood", "")]
        return None if mood is None else msgspec.structs.replace(item, properties={**item.properties, "mood": mood})


def event(
    subject: str, time: float, received: float, value: Any = 0, *, gone: bool = False, unit: str | None = None
) -> Event:
    """An event whose times are minutes after noon."""
    at, heard = NOON + timedelta(minutes=time), NOON + timedelta(minutes=received)
    feature = None if gone else Feature({"value": value})
    return Event(f"{subject}-{time}-{received}", "s", "ioc.thing.seen", subject, at, heard, feature, unit=unit)


def fold_of(*events: Event, layer: Layer | None = None) -> Fold:
    fold = Fold(layer or Plain())
    for one in events:
        fold.event(one)
    return fold


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Events as a source tells them: receipts grow; source times come in any order."""
    count = draw(st.integers(0, 14))
    return [
        event(
            draw(st.sampled_from("abc")),
            draw(st.integers(0, 5)),
            10 + number,
            number,
            gone=draw(st.integers(0, 3)) == 0,
            unit=draw(st.sampled_from([None, "22015", "22022"])),
        )
        for number in range(count)
    ]


def by_unit(items: dict[str, Item]) -> dict[str, dict[str, Item]]:
    found: dict[str, dict[str, Item]] = {}
    for name, item in items.items():
        found.setdefault(item.properties.get("unit", NOWHERE), {})[name] = item
    return found


@settings(max_examples=300)
@given(data=st.data(), history=histories())
def test_any_replay_gives_the_same_items(data: st.DataObject, history: list[Event]) -> None:
    wanted = fold_of(*history)
    again = data.draw(st.permutations(history + data.draw(st.lists(st.sampled_from(history or [event("a", 0, 0)])))))
    if not history:
        again = []
    fold = fold_of(*again)
    assert fold.items == wanted.items
    assert {name: key for name, key in fold.gone.items() if name not in fold.items} == {
        name: key for name, key in wanted.gone.items() if name not in wanted.items
    }
    assert fold.by_unit == by_unit(fold.items)


@settings(max_examples=200)
@given(history=histories(), cuts=st.lists(st.integers(0, 14), max_size=3))
def test_what_is_handed_out_brings_a_board_to_the_items(history: list[Event], cuts: list[int]) -> None:
    """Changes applied batch by batch, by projectors that die in between and go on from the board."""
    items: dict[str, bytes] = {}
    gone: dict[str, str] = {}
    fold = Fold(Plain())
    for number, one in enumerate([*history, *history]):
        if number in cuts:
            fold = Fold.of(Plain(), Snapshot(Position("e", number), dict(items), gone=dict(gone)))
        fold.event(one)
        changes, tombs = fold.take()
        for name, body in changes.items():
            if body is None:
                items.pop(name, None)
            else:
                items[name] = body
                gone.pop(name, None)
        gone |= tombs
    assert items == fold_of(*history).encoded()
    assert fold.take() == ({}, {})


def test_a_late_event_cannot_bring_back_what_was_dropped() -> None:
    fold = fold_of(event("a", 1, 1), event("a", 5, 5, gone=True))
    for late in (event("a", 3, 6), event("a", 5, 4), event("a", 1, 1)):
        fold.event(late)
        assert fold.items == {}


def test_an_end_that_comes_before_its_beginning_holds() -> None:
    assert fold_of(event("a", 5, 5, gone=True), event("a", 3, 6)).items == {}


def test_the_later_of_two_ends_counts() -> None:
    assert fold_of(event("a", 1, 1, gone=True), event("a", 5, 5, gone=True), event("a", 3, 6)).items == {}


def test_an_item_that_comes_back_with_the_same_source_time_and_a_later_receipt_is_back() -> None:
    fold = fold_of(event("a", 1, 1), event("a", 1, 5, gone=True), event("a", 1, 6, "back"))
    assert fold.items["a"].properties["value"] == "back"
    assert fold.gone == {}
    changes, tombs = fold.take()
    assert changes.keys() == {"a"} and tombs == {}


def test_a_tombstone_outlives_the_process() -> None:
    fold = fold_of(event("a", 1, 1), event("a", 5, 5, gone=True))
    _, tombs = fold.take()
    again = Fold.of(Plain(), Snapshot(Position("e", 1), {}, gone=tombs))
    again.event(event("a", 3, 6))
    assert again.items == {}


def test_tombstones_end_after_a_week() -> None:
    fold = fold_of(event("a", 1, 1, gone=True), event("b", 1, 60, gone=True))
    fold.take()
    week = NOON + TOMBS_LIVE
    fold.wake(week)
    assert fold.take() == ({}, {}) and fold.gone.keys() == {"a", "b"}
    fold.wake(week + timedelta(minutes=30))
    assert fold.take() == ({}, {"a": ""}) and fold.gone.keys() == {"b"}
    assert fold.marks(week + timedelta(minutes=30)).keys() == {"b"}


def test_an_item_that_was_not_renewed_goes_and_its_own_event_does_not_bring_it_back() -> None:
    fold = fold_of(event("a", 0, 0), layer=Brief())
    fold.wake(NOON + timedelta(minutes=59))
    assert fold.items.keys() == {"a"}
    fold.wake(NOON + timedelta(minutes=60))
    assert fold.items == {} and fold.take()[0] == {"a": None}
    fold.event(event("a", 0, 0))
    assert fold.items == {}
    fold.event(event("a", 70, 70))
    assert fold.items.keys() == {"a"}


def test_an_item_that_is_renewed_often_stands_in_one_alarm() -> None:
    fold = fold_of(*(event("a", minute / 100, minute) for minute in range(1000)), layer=Brief())
    assert len(fold._waking) == 1
    fold.wake(NOON + timedelta(minutes=60))
    assert fold.items.keys() == {"a"} and len(fold._waking) == 1
    fold.wake(NOON + timedelta(minutes=70))
    assert fold.items == {} and fold._waking == []


def test_an_alarm_that_moves_forward_is_kept() -> None:
    class Moody(Plain):
        def wakes(self, item: Item) -> datetime | None:
            return item.time + timedelta(minutes=item.properties["value"])

        def wake(self, item: Item, now: datetime) -> Item | None:
            return None

    fold = fold_of(event("a", 0, 0, 60), event("a", 1, 1, 5), layer=Moody())
    fold.wake(NOON + timedelta(minutes=6))
    assert fold.items == {}


def test_after_a_long_rest_an_item_passes_all_its_moments_at_once() -> None:
    fold = fold_of(event("a", 0, 0), layer=Ripening())
    fold.wake(NOON + timedelta(minutes=61))
    assert fold.items["a"].properties["mood"] == "late"
    fold.wake(NOON + timedelta(minutes=121))
    assert fold.items["a"].properties["mood"] == "very late"
    fold = fold_of(event("a", 0, 0), event("b", 100, 100), layer=Ripening())
    fold.wake(NOON + timedelta(minutes=181))
    assert fold.items.keys() == {"b"} and fold.items["b"].properties["mood"] == "late"


def test_only_the_units_of_what_moved_are_touched() -> None:
    fold = fold_of(event("a", 0, 0, unit="22015"), event("b", 0, 0))
    assert fold.touched == {"22015", NOWHERE}
    fold.touched = set()
    fold.event(event("a", 1, 1, unit="22022"))
    assert fold.touched == {"22015", "22022"} and fold.by_unit.keys() == {"22022", NOWHERE}


def test_a_unit_that_is_no_code_stops_nobody() -> None:
    fold = Fold(Plain())
    fold.event(msgspec.structs.replace(event("a", 0, 0), data=Feature({"unit": ["%"]})))
    assert fold.by_unit.keys() == {NOWHERE}
