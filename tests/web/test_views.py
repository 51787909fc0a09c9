"""The law for those who see a part: `old picture + the frames they are sent = new picture`, over every border; that who
sees the same cell gets the very same frame; and that what is not seen costs nothing."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.board import Delta, Position, Snapshot
from ioc.web.cells import Cells, cover
from ioc.web.channels import Channel
from ioc.web.grid import LEVEL, NOWHERE, WIDE, column, join, number, row, split, up
from ioc.web.mirror import Mirror
from ioc.web.sight import Far, Sight, mark_of, meet

SIDE = 360.0 / (1 << LEVEL)
X, Y = column(108.0), row(12.0)
WEST, SOUTH = X * SIDE - 180, Y * SIDE - 90
"""The south-west corner of a cell."""


def lon(cells: float) -> float:
    return WEST + cells * SIDE


def lat(cells: float) -> float:
    return SOUTH + cells * SIDE


VIEW = (lon(0.5), lat(0.5), lon(4.5), lat(4.5))
BESIDE = (lon(1.0), lat(1.0), lon(4.0), lat(6.25))
OVER_DATE_LINE = (179.9, lat(0.5), -179.9, lat(4.5))
WORLD = (-180.0, -90.0, 180.0, 90.0)
VIEWS = [VIEW, BESIDE, OVER_DATE_LINE, WORLD, (100.0, 5.0, 115.0, 20.0), (VIEW[0], VIEW[1], VIEW[0], VIEW[1])]
UNITS = st.sampled_from(["22001", "22002", None])
IDS = st.sampled_from("abcdefgh")

_steps = st.sampled_from([-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.999, 4.0, 4.5, 4.75, 6.0])
_near = st.tuples(st.builds(lon, _steps), st.builds(lat, _steps))
_far = st.tuples(st.sampled_from([-180.0, -179.95, 0.0, 179.95, 180.0]), st.builds(lat, _steps))
_anywhere = st.tuples(st.floats(-181, 181), st.floats(-91, 91))
POINTS = st.one_of(_near, _far, _anywhere)
PLACES = st.one_of(
    st.none(),
    st.builds(lambda at: {"type": "Point", "coordinates": at}, POINTS),
    st.builds(lambda ends: {"type": "LineString", "coordinates": ends}, st.lists(POINTS, min_size=2, max_size=3)),
    st.builds(lambda ring: {"type": "Polygon", "coordinates": [ring]}, st.lists(_near, min_size=3, max_size=5)),
)


def feature(place: Any, unit: str | None, state: str = "live", over: bool = False) -> bytes:
    properties: dict[str, Any] = {"state": state, "observed": "2026-03-10T09:00:00+07:00", "source": "s"} | (
        {"unit": unit} if unit else {}
    )
    return json.dumps(
        {"type": "Feature", "geometry": place, "properties": properties | ({"open": False} if over else {})}
    ).encode()


ITEMS = st.builds(feature, PLACES, UNITS, st.sampled_from(["live", "down", "late"]), st.booleans())
STEP = st.dictionaries(IDS, st.none() | ITEMS, min_size=1, max_size=5)
SCOPES = st.sampled_from([None, None, frozenset({"22001"}), frozenset({"22001", "22002"})])
FARS = st.sampled_from([Far("clusters", 14), Far("clusters", 12), Far("clusters", 3), Far("units"), Far("tiles")])
NEAR = st.builds(Sight, SCOPES, st.sampled_from(VIEWS), causes=st.none(), far=st.none())
SIGHTS = NEAR | st.builds(Sight, SCOPES, st.sampled_from(VIEWS), causes=st.none(), far=FARS)


def begun(items: dict[str, bytes]) -> Mirror:
    mirror = Mirror(Channel("layer/x", "layer", views=True, far="clusters"))
    mirror.load(Snapshot(Position("e", 10), items))
    return mirror


def moved(mirror: Mirror, step: dict[str, bytes | None]) -> None:
    put = {name: body for name, body in step.items() if body is not None}
    drop = tuple(name for name, body in step.items() if body is None)
    assert mirror.step(Delta(mirror.epoch, mirror.offset, mirror.offset + 1, put, drop))


def point(x: float, y: float, unit: str | None = None, **other: Any) -> bytes:
    return feature({"type": "Point", "coordinates": [lon(x), lat(y)]}, unit, **other)


LATER = itertools.count(0, 10)
"""Seconds, so far apart that no snapshot serves twice."""


class Reader:
    """One who sees a part, and folds what it is sent as the pages do: frame by frame, in each drops before puts."""

    def __init__(self, mirror: Mirror, sight: Sight) -> None:
        self.mirror, self.sight = mirror, sight
        self.snapshot()

    def snapshot(self) -> None:
        cut = self.mirror.cut(self.sight, next(LATER))
        self.items: dict[str, Any] = {}
        for frame in cut.frames:
            told = json.loads(frame.text)
            self.items |= told["items"]
            self.epoch = told["epoch"]
        self.offset = cut.offset

    def read(self) -> None:
        """Take what leads to now."""
        made = self.mirror.frames(self.offset, self.sight, with_quality=False)
        if made is None:
            self.snapshot()
            return
        shown = self.take([frame.text for frame in made.frames])
        if self.sight.far is None:
            assert shown != made.idle, "what shows nothing may wait, and nothing else may"

    def take(self, texts: list[bytes]) -> bool:
        shown = False
        for text in texts:
            assert len(text) <= 64 * 1024
            told = json.loads(text)
            assert (told["epoch"], told["after"]) == (self.epoch, self.offset)
            shown |= bool(told["put"] or told["drop"])
            for name in told["drop"]:
                self.items.pop(name, None)
            self.items |= told["put"]
            if not told.get("more"):
                self.offset = told["offset"]
        assert self.offset == self.mirror.offset
        return shown

    def turn(self, view: Any) -> None:
        new = self.sight._replace(view=view)
        texts = [frame.text for frame in self.mirror.turn(self.sight, new)]
        self.sight = new
        if new.far is None:
            self.take(texts)
        else:
            self.items = {name: item for text in texts for name, item in json.loads(text)["items"].items()}

    def agrees(self) -> None:
        fresh = begun(dict(self.mirror.items))
        assert self.items == {name: json.loads(body) for name, body in fresh.seen(self.sight)}
        if self.sight.far is None:
            there = self.mirror.items.items()
            strict = {name: json.loads(body) for name, body in there if self.sight.sees(name, mark_of(body))}
            assert self.items == strict


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("step"), STEP),
        st.tuples(st.just("read"), st.integers(0, 3)),
        st.tuples(st.just("turn"), st.tuples(st.integers(0, 3), st.sampled_from(VIEWS))),
        st.tuples(st.just("forget"), st.none()),
    ),
    max_size=20,
)


@given(st.dictionaries(IDS, ITEMS), st.lists(SIGHTS, min_size=4, max_size=4), DEEDS)
def test_old_picture_and_frames_are_the_new_picture(
    start: dict[str, bytes], sights: list[Sight], deeds: list[tuple[str, Any]]
) -> None:
    mirror = begun(start)
    readers = [Reader(mirror, sight) for sight in sights]
    for deed, what in deeds:
        if deed == "step":
            moved(mirror, what)
        elif deed == "read":
            readers[what].read()
            readers[what].agrees()
        elif deed == "turn":
            readers[what[0]].read()
            readers[what[0]].turn(what[1])
            readers[what[0]].agrees()
        else:
            for step in mirror.steps:
                step.forget()
    for reader in readers:
        reader.read()
        reader.agrees()


@given(st.dictionaries(IDS, ITEMS), st.lists(STEP, max_size=6), SIGHTS)
def test_who_sees_some_units_hears_of_no_other(start: dict[str, bytes], steps: list[Any], sight: Sight) -> None:
    mine = sight._replace(units=frozenset({"22001"}))
    whole, part = begun(start), begun({name: body for name, body in start.items() if mark_of(body).unit == "22001"})
    one, other = Reader(whole, mine), Reader(part, mine)
    for step in steps:
        moved(whole, step)
        moved(part, {name: body if body and mark_of(body).unit == "22001" else None for name, body in step.items()})
        told = [reader.mirror.frames(reader.offset, mine, with_quality=False) for reader in (one, other)]
        dropped = [
            {name for frame in made.frames for name in json.loads(frame.text)["drop"]} if made is not None else set()
            for made in told
        ]
        assert dropped[0] <= dropped[1] | set(one.items), "what it may not see was named to it"
        one.read()
        other.read()
        assert one.items == other.items


def test_who_watches_a_cell_gets_the_same_frame_and_its_border_alone() -> None:
    mirror = begun({"inside": point(2.5, 2.5), "border": point(0.6, 0.6), "out": point(0.4, 0.4)})
    sights = [Sight(view=VIEW), Sight(view=BESIDE)]
    readers = [Reader(mirror, sight) for sight in sights]
    moved(mirror, {"inside": point(2.6, 2.5), "border": point(0.7, 0.6), "out": point(0.3, 0.4)})
    one, other = (mirror.frames(reader.offset, reader.sight, False) for reader in readers)
    assert one is not None
    assert other is not None
    assert one.frames[0] is other.frames[0], "the cell that both see whole is told with the same bytes"
    first, last = (json.loads(frame.text) for frame in one.frames)
    assert (list(first["put"]), first["more"]) == (["inside"], True)
    assert (list(last["put"]), "more" in last) == (["border"], False)
    assert json.loads(other.frames[-1].text)["put"] == {}
    assert len(other.frames) == 2


def test_a_step_that_shows_nothing_is_idle_and_the_next_is_shared_all_the_same() -> None:
    mirror = begun({"here": point(2.5, 2.5), "there": point(100, 2.5)})
    sleeper, waker = Reader(mirror, Sight(view=VIEW)), Reader(mirror, Sight(view=(lon(1), lat(1), lon(120), lat(4))))
    for number_ in range(5):
        moved(mirror, {"there": point(100, 2.5 + number_ / 100)})
        made = mirror.frames(sleeper.offset, sleeper.sight, False)
        assert made is not None
        assert made.idle
        waker.read()
    moved(mirror, {"here": point(2.6, 2.5)})
    late, early = (mirror.frames(reader.offset, reader.sight, False) for reader in (sleeper, waker))
    assert late is not None
    assert early is not None
    assert json.loads(late.frames[0].text)["offset"] == waker.offset, "first a delta brings it to the others' position"
    assert late.frames[1] is early.frames[0]
    sleeper.read()
    sleeper.agrees()


def test_many_changes_in_one_cell_keep_frames_small() -> None:
    mirror = begun({})
    reader = Reader(mirror, Sight(view=VIEW))
    long = {f"i{n}": feature({"type": "Point", "coordinates": [lon(2.5), lat(2.5)]}, "x" * 500) for n in range(300)}
    moved(mirror, dict(long))
    reader.read()
    assert len(reader.items) == 300


@pytest.mark.parametrize("zoom", [0, 5, 10.9])
def test_from_afar_a_large_layer_is_seen_in_clusters(zoom: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ioc.web.afar.FAR_SIZE", 2)
    states = ["live", "down", "late"]
    mirror = begun({f"i{n}": point(2.2 + n / 100, 2.5, state=state) for n, state in enumerate(states)})
    sight = mirror.afar(Sight(view=VIEW), zoom)
    assert sight.far is not None
    assert sight.epoch("e") != "e", "clusters are never gone on with as items"
    (cluster,) = Reader(mirror, sight).items.values()
    told = {name: cluster["properties"][name] for name in ("cluster", "count", "bad", "state", "method", "source")}
    assert told == {"cluster": True, "count": 3, "bad": 2, "state": "down", "method": "computed", "source": "s"}
    assert cluster["properties"]["observed"] == "2026-03-10T09:00:00+07:00"
    assert cluster["geometry"]["coordinates"] == [pytest.approx(lon(2.21)), pytest.approx(lat(2.5))]
    assert mirror.afar(Sight(view=VIEW), 11).far is None
    assert mirror.afar(Sight(), zoom).far is None, "who watches whole gets all"
    assert mirror.afar(Sight(frozenset({"none"}), VIEW), zoom).far is None, "a key that sees few is sent the few"


def test_a_layer_by_communes_has_one_item_for_each() -> None:
    mirror = begun({"a": point(1, 1, "22001"), "b": point(9, 9, "22001"), "c": point(2, 2, "22002", over=True)})
    items = Reader(mirror, Sight(view=VIEW, far=Far("units"))).items
    assert list(items) == ["unit/22001"]
    assert (items["unit/22001"]["properties"]["count"], items["unit/22001"]["properties"]["unit"]) == (2, "22001")


@given(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), st.sampled_from(VIEWS))
def test_a_cell_inside_a_view_holds_nothing_that_is_not_in_it(at: tuple[float, float], view: Any) -> None:
    x, y = at
    cell, over = number((x, y, x, y)), cover(view)
    whole, partly = over.of({cell})
    if cell in whole:
        assert meet((x, y, x, y), view)
    if meet((x, y, x, y), view):
        assert cell in whole or cell in partly
        assert not over.apart({cell})


@given(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), st.integers(0, 5))
def test_grids_nest(at: tuple[float, float], levels: int) -> None:
    cell = number((*at, *at))
    x, y = split(cell)
    assert up(cell, levels) == join(x >> levels, y >> levels)
    assert cell == join(column(at[0]), row(at[1]))


def test_what_reaches_over_a_border_or_off_the_earth_is_looked_at_itself() -> None:
    assert number(None) == NOWHERE
    assert number((lon(0.5), lat(0.5), lon(1.5), lat(0.5))) == WIDE | join(column(lon(1.0)), row(lat(0.5)))
    assert number((0.0, 91.0, 0.0, 91.0)) == WIDE
    cells = Cells()
    marks = {name: mark_of(body) for name, body in {"a": point(2, 2), "b": point(3, 3)}.items()}
    for name, mark in marks.items():
        cells.put(name, None, mark)
        cells.put(name, mark, None)
    assert not cells.held
    assert not cells.wide
    assert cells.count(None) == 0
