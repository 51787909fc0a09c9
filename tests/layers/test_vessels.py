"""The vessels layer: tracks that nobody sailed are never drawn, zones are entered and left, silence is counted."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise, permutations
from typing import Any

from hypothesis import strategies as st

from ioc.event import Event, Feature
from ioc.layer import Item
from ioc.run.fold import Fold
from layers.vessels import AIS_LIVES, FAST_KN, LIVES, MONITORED, MOST_POINTS, OBSERVED, Vessels, metres
from tests.layers.suite import NOON, LayerSuite

Place = tuple[float, float]


class TestVessels(LayerSuite):
    layer = Vessels()
    gone = False  # nothing ends a boat but time
    properties = st.fixed_dictionaries(
        {"mmsi": st.just(574000001)},
        optional={
            "name": st.sampled_from(["QNa-90001-TS", None]),
            "watch": st.sampled_from(["at_sea", "in_port"]),
            "reason": st.sampled_from(["device", None]),
            "zones": st.sampled_from([[], ["cam-1"]]),
        },
    )
    places = st.none() | st.tuples(st.floats(108, 109).map(lambda x: round(x, 6)), st.just(15.5))

    def _event(self, data: st.DataObject, number: int, minute: int) -> Event:
        event = super()._event(data, number, minute)
        place = data.draw(self.places)
        if event.data is None or place is None:
            return event
        geometry = {"type": "Point", "coordinates": list(place)}
        made = Feature(event.data.properties, geometry)
        return Event(**{name: getattr(event, name) for name in Event.__struct_fields__ if name != "data"}, data=made)


def seen(at: datetime, place: Place | None, kind: str = OBSERVED, **told: Any) -> Event:
    geometry = {"type": "Point", "coordinates": list(place)} if place is not None else None
    source = "ais" if kind == OBSERVED else "fishing"
    name = f"{kind}/{at.isoformat()}/{place}"
    return Event(name, source, kind, "mmsi/574000001", at, at, Feature({"kind": "vessel", **told}, geometry))


def item(*events: Event, now: datetime | None = None) -> Item:
    fold = Fold(Vessels())
    for event in events:
        fold.event(event)
    if now is not None:
        fold.wake(now)
    return fold.items["mmsi/574000001"]


def sailing(minutes: int, west: float = 109.0, lat: float = 15.5, start: datetime = NOON) -> list[Event]:
    """Ten knots to the east: a place each minute."""
    return [seen(start + timedelta(minutes=m), (round(west + m * 0.0029, 6), lat)) for m in range(minutes)]


def drawn(one: Item) -> list[list[Place]]:
    """The lines that a map draws: of two places at least."""
    return [[(point[0], point[1]) for point in line] for line in one.properties["tracks"] if len(line) > 1]


def no_false_track(one: Item) -> None:
    """No line is faster than any vessel, over a gap, or over the dateline."""
    for line in one.properties["tracks"]:
        for before, point in pairwise(line):
            assert metres(before, point) <= FAST_KN * 0.5145 * (point[2] - before[2]) + 500
            assert abs(before[0] - point[0]) < 180


def test_a_boats_way_is_one_line_of_its_last_places() -> None:
    one = item(*sailing(40))
    (line,) = drawn(one)
    assert len(line) == MOST_POINTS and line[-1] == (109.1131, 15.5)
    assert one.geometry == {"type": "Point", "coordinates": [109.1131, 15.5]}
    assert "doubt" not in one.properties


def test_one_impossible_place_moves_no_mark_and_draws_no_line() -> None:
    events = sailing(10)
    far = seen(NOON + timedelta(minutes=10), (112.0, 18.0))
    one = item(*events, far)
    no_false_track(one)
    assert one.properties["doubt"] == "jump" and one.time == far.time
    assert one.geometry == {"type": "Point", "coordinates": [109.0261, 15.5]}
    assert drawn(one) == [[tuple(e.data.geometry["coordinates"]) for e in events if e.data and e.data.geometry]]
    back = item(*events, far, *sailing(3, 109.0319, start=NOON + timedelta(minutes=11)))
    no_false_track(back)
    assert "doubt" not in back.properties and len(drawn(back)) == 1 and len(drawn(back)[0]) == 13


def test_a_jump_that_is_confirmed_is_believed_without_a_line_to_it() -> None:
    events = [*sailing(5), *sailing(4, 112.0, 18.0, NOON + timedelta(minutes=5))]
    one = item(*events)
    no_false_track(one)
    assert one.properties["doubt"] == "jump" and len(drawn(one)) == 2
    assert one.geometry == {"type": "Point", "coordinates": [112.0087, 18.0]}
    later = item(*events, seen(NOON + timedelta(minutes=36), (112.02, 18.0)))
    no_false_track(later)
    assert "doubt" not in later.properties, "half an hour later it is where it is"


def test_two_boats_on_one_number_are_two_tracks_and_a_steady_mark() -> None:
    near, far = sailing(8), sailing(7, 112.0, 18.0, NOON + timedelta(seconds=30))
    mixed = sorted([*near, *far], key=lambda event: event.time)
    marks = []
    for number in range(6, len(mixed) + 1):
        one = item(*mixed[:number])
        no_false_track(one)
        assert one.properties["doubt"] == "two_boats" and len(drawn(one)) == 2
        assert one.geometry is not None
        marks.append(one.geometry["coordinates"][1])
    assert set(marks) == {15.5}, "the mark does not spring to and fro"


def test_no_line_over_the_dateline_or_a_gap() -> None:
    places = [(179.99, 10.0), (179.999, 10.0), (-179.999, 10.0), (-179.99, 10.0)]
    one = item(*(seen(NOON + timedelta(minutes=n), place) for n, place in enumerate(places)))
    no_false_track(one)
    assert "doubt" not in one.properties, "it is no jump: the places lie beside each other"
    assert drawn(one) == [places[:2], places[2:]]
    gap = item(*sailing(3), *sailing(3, 109.1, start=NOON + timedelta(hours=1)))
    assert [len(line) for line in drawn(gap)] == [3, 3]


def test_what_comes_late_falls_into_its_place() -> None:
    events = sailing(5)
    whole = item(*events)
    for order in permutations(events):
        assert item(*order) == whole


def test_zones_are_entered_left_and_crossed() -> None:
    way: list[tuple[list[str], list[str]]] = [([], []), (["cam-1"], ["cam-1"]), ([], ["cam-1"]), ([], ["ban-1"])]
    events = [
        seen(
            NOON + timedelta(minutes=n), (109.0 + n * 0.003, 15.5), zones=zones, crossed=crossed, in_closed=bool(zones)
        )
        for n, (zones, crossed) in enumerate(way)
    ]
    inside = item(*events[:2])
    assert inside.properties["zones"] == ["cam-1"] and inside.properties["in_closed"] is True
    one = item(*events)
    assert one.properties["zones"] == [] and one.properties["in_closed"] is False
    told = [(passage["what"], passage["zone"]) for passage in one.properties["passages"]]
    assert told == [("enter", "cam-1"), ("exit", "cam-1"), ("cross", "ban-1")]
    assert one.properties["passages"][0]["at"] == "2026-03-10T12:01:00+07:00"


def test_a_single_far_place_is_in_no_zone() -> None:
    far = seen(NOON + timedelta(minutes=10), (112.0, 18.0), zones=["cam-1"], in_closed=True)
    assert item(*sailing(10), far).properties["in_closed"] is False


def test_a_boat_at_sea_is_late_after_two_hours_and_must_be_reported_after_six() -> None:
    told = seen(NOON, (109.0, 15.5), MONITORED, watch="at_sea", reason=None)
    assert item(told, now=NOON + timedelta(minutes=119)).properties["state"] == "live"
    warned = item(told, now=NOON + timedelta(hours=2)).properties
    assert (warned["state"], warned["silent"], warned["explained"]) == ("late", "warn", False)
    assert warned["due"] == "2026-03-10T14:00:00+07:00"
    lost = item(told, now=NOON + timedelta(hours=6)).properties
    assert (lost["state"], lost["silent"]) == ("down", "report")
    why = seen(NOON, (109.0, 15.5), MONITORED, watch="at_sea", reason="device")
    assert item(why, now=NOON + timedelta(hours=6)).properties["explained"] is True
    port = item(seen(NOON, (109.0, 15.5), MONITORED, watch="in_port"), now=NOON + timedelta(hours=50)).properties
    assert port["state"] == "live" and "silent" not in port and "due" not in port
    fold = Fold(Vessels())
    fold.event(told)
    fold.wake(NOON + LIVES)
    assert fold.items == {}


def test_who_is_told_late_is_silent_at_once_and_ais_does_not_excuse_it() -> None:
    old = seen(NOON, (109.0, 15.5), MONITORED, watch="at_sea", name="QNa-90001-TS")
    heard = seen(NOON + timedelta(hours=7), (109.2, 15.6), name="QNA 90001", course=45.0)
    one = item(old, heard)
    assert one.properties["state"] == "down" and one.properties["source"] == "fishing"
    assert one.properties["name"] == "QNa-90001-TS", "the register's name, not what the transponder was set to"
    assert one.properties["heard_by"] == ["ais", "fishing"] and one.properties["course"] == 45.0
    assert one.geometry == {"type": "Point", "coordinates": [109.2, 15.6]}
    assert item(heard, old) == one


def test_who_only_ais_hears_leaves_when_out_of_range() -> None:
    fold = Fold(Vessels())
    fold.event(seen(NOON, (109.0, 15.5)))
    fold.wake(NOON + AIS_LIVES - timedelta(seconds=1))
    assert len(fold.items) == 1
    fold.wake(NOON + AIS_LIVES)
    assert fold.items == {}
