"""The mirror alone: `old picture + changes = new picture`, for every reader's sight; and what it never tells."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.board import Delta, Position, Snapshot
from ioc.web.channels import Channel
from ioc.web.grid import NOWHERE
from ioc.web.mirror import Mirror
from ioc.web.sight import Mark, Sight, mark_of

IDS = st.sampled_from("abcdef")
UNITS = st.sampled_from(["22001", "22002", None])


def feature(unit: str | None, lon: float | None, value: int = 0) -> bytes:
    geometry = {"type": "Point", "coordinates": [lon, 13.0]} if lon is not None else None
    properties = {"value": value} | ({"unit": unit} if unit else {})
    return json.dumps({"type": "Feature", "geometry": geometry, "properties": properties}).encode()


ITEMS = st.builds(feature, UNITS, st.sampled_from([100.0, 109.0, None]), st.integers(0, 3))
STEPS = st.lists(st.dictionaries(IDS, st.none() | ITEMS, min_size=1, max_size=4), max_size=12)
SIGHTS = st.builds(
    Sight,
    st.sampled_from([None, frozenset({"22001"}), frozenset({"22001", "22002"})]),
    st.sampled_from([None, (108.0, 12.0, 110.0, 14.0), (170.0, -10.0, 105.0, 20.0)]),
    far=st.none(),
)


def moved(mirror: Mirror, step: dict[str, bytes | None]) -> None:
    put = {name: body for name, body in step.items() if body is not None}
    drop = tuple(name for name, body in step.items() if body is None)
    assert mirror.step(Delta(mirror.epoch, mirror.offset, mirror.offset + 1, put, drop))


def begun(items: dict[str, bytes], kind: Any = "layer") -> Mirror:
    mirror = Mirror(Channel("layer/x", kind, views=True))
    assert mirror.load(Snapshot(Position("e", 10), items))
    return mirror


@given(st.dictionaries(IDS, ITEMS), STEPS, STEPS, SIGHTS)
def test_old_picture_and_changes_are_the_new_picture(
    start: dict[str, bytes], before: list[Any], after: list[Any], sight: Sight
) -> None:
    mirror = begun(start)
    for step in before:
        moved(mirror, step)
    held, offset = dict(mirror.seen(sight)), mirror.offset
    allowed = set(held)
    for step in after:
        moved(mirror, step)
        allowed |= set(dict(mirror.seen(Sight(sight.units))))
    found = mirror.changes(offset, sight) if mirror.offset != offset else ({}, [])
    assert found is not None
    put, drop = found
    if sight.units is not None:
        assert set(put) | set(drop) <= allowed, "an item that the key may not see was named"
    for name in drop:
        held.pop(name, None)
    held.update(put)
    assert held == dict(mirror.seen(sight))


@given(st.dictionaries(IDS, ITEMS), STEPS, STEPS, SIGHTS)
def test_steps_from_before_the_process_began_serve_too(
    start: dict[str, bytes], early: list[Any], late: list[Any], sight: Sight
) -> None:
    other = begun(start)
    held = dict(other.seen(sight))
    history = []
    for step in early:
        put = {name: body for name, body in step.items() if body is not None}
        drop = tuple(name for name, body in step.items() if body is None and name in other.items)
        history.append(Delta("e", other.offset, other.offset + 1, put, drop))
        moved(other, step)
    mirror = Mirror(other.channel)
    mirror.load(Snapshot(other.position, dict(other.items)))
    mirror.extend(history)
    for step in late:
        moved(mirror, step)
    if mirror.offset == 10:
        return
    found = mirror.changes(10, sight)
    if found is None:
        assert sight.partial, "only a scoped reader may need a snapshot"
        return
    for name in found[1]:
        held.pop(name, None)
    held.update(found[0])
    assert held == dict(mirror.seen(sight))


@given(st.dictionaries(IDS, ITEMS), st.dictionaries(IDS, ITEMS), st.integers(1, 5), SIGHTS)
def test_a_gap_of_the_same_epoch_costs_no_snapshot(
    start: dict[str, bytes], end: dict[str, bytes], by: int, sight: Sight
) -> None:
    mirror = begun(start)
    held = dict(mirror.seen(sight))
    assert not mirror.load(Snapshot(Position("e", 10 + by), end))
    found = mirror.changes(10, sight)
    assert found is not None
    for name in found[1]:
        held.pop(name, None)
    assert {**held, **found[0]} == dict(mirror.seen(sight)) == dict(_seen(end, sight))
    # one who stood between the two was not told what came and went there
    assert by == 1 or mirror.changes(11, sight) is None


def _seen(items: dict[str, bytes], sight: Sight) -> dict[str, bytes]:
    return {name: body for name, body in items.items() if sight.sees(name, mark_of(body))}


def test_a_rebuild_keeps_the_old_picture_until_it_is_whole() -> None:
    mirror = begun({"a": feature(None, 109.0)})
    assert not mirror.load(Snapshot(Position("f", 11), {}, whole=False))
    assert (mirror.present, mirror.rebuilding, list(mirror.items)) == (False, True, ["a"])
    assert mirror.load(Snapshot(Position("f", 11), {"b": feature(None, 109.0)}))
    assert (mirror.present, mirror.epoch, list(mirror.items)) == (True, "f", ["b"])


def test_a_step_of_another_epoch_or_after_a_hole_is_a_gap() -> None:
    mirror = begun({})
    assert not mirror.step(Delta("f", 10, 11, {}, ()))
    assert not mirror.step(Delta("e", 11, 12, {}, ()))
    assert mirror.step(Delta("e", 9, 10, {"a": b"{}"}, ())), "one that is known already moves nothing"
    assert not mirror.items


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=5))
def test_a_mark_is_the_box_of_every_kind_of_geometry(points: list[tuple[float, float]]) -> None:
    box = (min(x for x, _ in points), min(y for _, y in points), max(x for x, _ in points), max(y for _, y in points))
    line = {"type": "LineString", "coordinates": points}
    shapes: list[Any] = [
        line,
        {"type": "Polygon", "coordinates": [points]},
        {"type": "MultiPolygon", "coordinates": [[points]]},
        {"type": "GeometryCollection", "geometries": [line]},
    ]
    for shape in shapes:
        body = json.dumps({"type": "Feature", "geometry": shape, "properties": {"unit": "22001", "x": 1}}).encode()
        mark = mark_of(body)
        assert (mark.unit, mark.box) == ("22001", box)


@given(st.binary(max_size=100))
def test_what_cannot_be_read_has_no_place_and_no_unit(body: bytes) -> None:
    assert mark_of(body) == Mark(None, None, NOWHERE) or body.lstrip().startswith(b"{")


def test_history_is_bounded_in_steps_ids_and_bytes(monkeypatch: Any) -> None:
    monkeypatch.setattr("ioc.web.picture.MAX_STEPS", 5)
    monkeypatch.setattr("ioc.web.picture.MAX_OLD_BYTES", 200)
    mirror = begun({"a": feature("22001", 109.0)})
    for value in range(20):
        moved(mirror, {"a": feature("22001", 109.0, value)})
    assert len(mirror.steps) == 5
    assert not mirror.covers(mirror.offset - 6)
    assert mirror.covers(mirror.offset - 5)
    kept = [old for step in mirror.steps for old in step.was.values() if isinstance(old, bytes)]
    assert 0 < sum(map(len, kept)) <= 200
    # a scoped reader whose former values are forgotten is not guessed at
    moved(mirror, {"a": feature("22002", 109.0)})
    assert mirror.changes(mirror.offset - 5, Sight(frozenset({"22001"}))) is None


def test_a_tile_is_scoped_by_its_id() -> None:
    mirror = begun({"all": b'{"value":3}', "22001": b'{"value":1}', "22002": b'{"value":2}'}, kind="tile")
    sight = Sight(frozenset({"22001"}))
    assert dict(mirror.seen(sight)) == {"22001": b'{"value":1}'}
    moved(mirror, {"all": b'{"value":4}', "22002": None, "22001": None})
    assert mirror.changes(10, sight) == ({}, ["22001"])


def test_another_scope_is_another_epoch() -> None:
    assert Sight().epoch("e") == "e"
    told = {Sight(frozenset(units)).epoch("e") for units in (["1"], ["2"], ["1", "2"])}
    assert len(told) == 3
    assert "e" not in told


@pytest.mark.parametrize("coordinates", ["[1.0]", '[[1.0, "x"]]', '[1.0, {"x": 2}]', "[[1.0]]"])
def test_a_place_that_is_none_is_no_place(coordinates: str) -> None:
    body = f'{{"geometry":{{"coordinates":{coordinates}}},"properties":{{"unit":"u"}}}}'.encode()
    assert mark_of(body) == Mark("u", None, NOWHERE)
