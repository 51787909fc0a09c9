"""What every layer must keep: the replay law, pure tiles, waking that ends, items that survive the wire.

A layer's test file has five lines of it::

    class TestCameras(LayerSuite):
        layer = Cameras()
        tiles = catalog.tiles("cameras")
        properties = st.fixed_dictionaries({"state": st.sampled_from([...])})
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ioc import clock
from ioc.event import Event, Feature
from ioc.layer import Item, Layer, Tile
from ioc.run.fold import Fold

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=clock.ZONE)
# every subclass runs the same inherited test: that is what a suite is
_CHECKS = [HealthCheck.too_slow, HealthCheck.differing_executors]
MANY = settings(max_examples=60, suppress_health_check=_CHECKS)


class LayerSuite:
    """Subclass it in a layer's test file. `gone`: events may end a subject. `subjects`: what they are about."""

    layer: ClassVar[Layer]
    tiles: ClassVar[tuple[Tile, ...]] = ()
    properties: ClassVar[st.SearchStrategy[dict[str, Any]]]
    subjects: ClassVar[tuple[str, ...]] = ("a", "b", "c")
    gone: ClassVar[bool] = True

    def events(self, data: st.DataObject) -> list[Event]:
        """Some events with distinct times of receipt, in that order; source times in any order, some the same."""
        receipts = data.draw(st.lists(st.integers(0, 300_000), unique=True, max_size=12).map(sorted))
        return [self._event(data, number, minute) for number, minute in enumerate(receipts)]

    def _event(self, data: st.DataObject, number: int, minute: int) -> Event:
        received = NOON + timedelta(minutes=minute)
        ended = self.gone and data.draw(st.integers(0, 5)) == 0
        return Event(
            id=f"e{number}",
            source=data.draw(st.sampled_from(["one", "two"])),
            type=data.draw(st.sampled_from(sorted(self.layer.listens))),
            subject=data.draw(st.sampled_from(self.subjects)),
            time=received - timedelta(minutes=data.draw(st.integers(0, 3) | st.integers(0, 20_000))),
            received=received,
            data=None if ended else Feature(data.draw(self.properties)),
            unit=data.draw(st.sampled_from([None, "22015", "22022"])),
            method=data.draw(st.sampled_from(["machine", "typed"])),
            cause=data.draw(st.sampled_from([None, "revised"])),
        )

    def folded(self, events: list[Event]) -> Mapping[str, Item]:
        fold = Fold(self.layer)
        for event in events:
            fold.event(event)
        return fold.items

    @MANY
    @given(data=st.data())
    def test_any_order_and_any_repetition_give_the_same_items(self, data: st.DataObject) -> None:
        events = self.events(data)
        again = events + (data.draw(st.lists(st.sampled_from(events), max_size=6)) if events else [])
        assert self.folded(data.draw(st.permutations(again))) == self.folded(events)

    @MANY
    @given(data=st.data())
    def test_a_late_event_never_overrides_a_newer_one(self, data: st.DataObject) -> None:
        events = self.events(data)
        newest: dict[str, tuple[datetime, datetime]] = {}
        for event in events:
            newest[event.subject] = max((event.time, event.received), newest.get(event.subject, (NOON, NOON)))
        for subject, item in self.folded(data.draw(st.permutations(events))).items():
            assert (item.time, item.received) <= newest[subject]
            (told,) = [event for event in events if event.subject == subject and event.received == item.received]
            assert told.data is not None

    @MANY
    @given(data=st.data())
    def test_items_survive_the_wire(self, data: st.DataObject) -> None:
        for item in self.folded(self.events(data)).values():
            back = Item.decode(item.encode())
            assert back == item
            assert self.layer.wakes(back) == self.layer.wakes(item)
            for name in ("source", "method"):
                assert name in back.properties

    @MANY
    @given(data=st.data())
    def test_waking_happens_at_its_time_and_ends(self, data: st.DataObject) -> None:
        moment = NOON + timedelta(minutes=data.draw(st.integers(-1000, 2_000_000)))
        for item in self.folded(self.events(data)).values():
            first = self.layer.wakes(item)
            if first is not None:
                assert self.layer.wake(item, first - timedelta(seconds=1)) == item
                assert self.layer.wake(item, first) != item
            self._settles(item, moment)

    def _settles(self, item: Item, moment: datetime) -> None:
        awake: Item | None = item
        for _ in range(10):
            wakes = None if awake is None else self.layer.wakes(awake)
            if awake is None or wakes is None or wakes > moment:
                break
            awake = self.layer.wake(awake, moment)
        else:
            raise AssertionError(f"{item.id} wakes again and again.")
        assert awake is None or self.layer.wake(awake, moment) == awake

    @MANY
    @given(data=st.data())
    def test_tiles_are_functions_of_items(self, data: st.DataObject) -> None:
        items = self.folded(self.events(data))
        shuffled = dict(data.draw(st.permutations(list(items.items()))))
        now = NOON + timedelta(minutes=data.draw(st.integers(0, 320_000)))
        for tile in self.tiles:
            figure = tile.work_out(items, now)
            assert tile.work_out(shuffled, now) == figure
            assert tile.work_out({name: Item.decode(item.encode()) for name, item in items.items()}, now) == figure
            msgspec.json.encode(figure)

    def test_a_tile_with_nothing_yet_has_no_value(self) -> None:
        for tile in self.tiles:
            assert tile.over == self.layer.name
            figure = tile.work_out({}, NOON)
            assert figure.value is None
            assert not figure.have
