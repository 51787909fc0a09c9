"""What an author of a layer sees: a layer folds events into items; a tile is a function of items.

An item is a GeoJSON feature on the wire, so it is one here too. Fold and tiles are pure: a list tests them.

A whole one, `layers/rain.py`, of the sources that say `event = "ioc.rain.measured"`::

    from collections.abc import Mapping
    from datetime import datetime

    from ioc.layer import Figure, Item, Layer, tile


    class Rain(Layer):
        name = "rain"  # as the file is called
        title = ("Mưa", "Rain")
        listens = frozenset({"ioc.rain.measured"})


    @tile(over="rain", label=("Mưa lớn nhất", "Heaviest rain"), unit=("mm", "mm"))
    def rain_most(items: Mapping[str, Item], now: datetime) -> Figure:
        told = [mm for item in items.values() if isinstance(mm := item.properties.get("mm"), int | float)]
        most = max(told, default=None)
        return Figure(most, have=len(told), level="bad" if most is not None and most > 100 else None)

A count, share, sum or mean needs no code: `[tiles.NAME]` in the settings (`ioc/counted.py`). What an author must know:

- `have` is how many items the figure is made of; leave `expect` out: the contracts say it for the whole province, and
  each tile is worked out for every commune too.
- The property `state` says how the map draws an item, and whether somebody must act: live, never, late, stale, frozen
  or down; any other word is drawn as live.
- An item is what its newest event says. What that leaves out is gone from it (the place of a station that only says it
  is lost); a fold that keeps it must come to the same for events in any order. `LayerSuite` (`tests/layers/suite.py`)
  checks that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, get_args

import msgspec

from ioc import clock
from ioc.errors import BadConfig
from ioc.event import ASKED_AGAIN, Event, Geometry, Method

Level = Literal["good", "warn", "bad"]
Far = Literal["clusters", "units", "tiles"]
FARS: tuple[Far, ...] = get_args(Far)

TROUBLE = frozenset({"late", "stale", "frozen", "down"})
"""States of a thing that somebody must see to; `never` asks nobody for anything."""
FAR_ZOOM = 11
"""Looked at from afar is what a map shows at a lower zoom than this (512 pixel tiles): more than about a district."""
FAR_SIZE = 2_000
"""A layer of no more items than these is sent item by item at every zoom."""


class Item(msgspec.Struct, frozen=True):
    """What is known now of one subject; `time` is the source's, `received` ours, of the newest event folded in."""

    id: str
    time: datetime
    received: datetime
    properties: dict[str, Any]
    geometry: Geometry | None = None

    def encode(self) -> bytes:
        """The item as it stands on the board and on the wire: a GeoJSON feature in UTF-8 JSON."""
        stamped = {**self.properties, "observed": clock.rfc3339(self.time), "received": clock.rfc3339(self.received)}
        feature = {"type": "Feature", "id": self.id, "geometry": self.geometry, "properties": stamped}
        return msgspec.json.encode(feature)

    @classmethod
    def decode(cls, body: bytes) -> Item:
        """The item of a board's bytes; the inverse of `encode`."""
        feature = _wire.decode(body)
        known = dict(feature.properties)
        observed, received = clock.parse(known.pop("observed")), clock.parse(known.pop("received"))
        return cls(feature.id, observed, received, known, feature.geometry)


class _Wire(msgspec.Struct):
    id: str
    properties: dict[str, Any]
    geometry: Geometry | None = None


_wire = msgspec.json.Decoder(_Wire)


class Layer:
    """Folds the events that it listens to into items. One file in `layers/` holds one, with its tiles.

    `title`: (Vietnamese, English). `lives`: an item that was not renewed for so long is dropped.
    `version`: raise it when the fold changes, so that boards are rebuilt from the archive.

    `table`: how a [tiles.NAME] over this layer is read, with `name`, `over`, `label` and `unit` among its
    fields; None: items are counted (`ioc.counted`).

    `views`: a screen may ask for the part that it looks at. `far` decides what such a screen is sent of a layer of more
    than FAR_SIZE items when it looks at it from afar (at a lower zoom than FAR_ZOOM); one that asks for no view always
    gets all items. `agencies`: an item's property `agency` says whose it is, and a key of the role agency is shown the
    items of its own agency alone.

    What `far` may be::

        None        every item in the view, as from near
        "clusters"  items near each other as one, with their count, those in trouble counted apart
        "units"     one item for each commune, with the same counts
        "tiles"     nothing: the map takes vector tiles, `/tiles/<name>/{z}/{x}/{y}.mvt`, as it can of every layer
    """

    name: ClassVar[str]
    title: ClassVar[tuple[str, str]]
    listens: ClassVar[frozenset[str]]
    lives: ClassVar[timedelta | None] = None
    views: ClassVar[bool] = True
    far: ClassVar[Far | None] = None
    agencies: ClassVar[bool] = False
    version: ClassVar[int] = 1
    table: ClassVar[type[msgspec.Struct] | None] = None

    def declared(self, table: Any) -> Tile:
        """The tile of a [tiles.NAME] over this layer, read as `self.table`; only asked for where there is one."""
        raise BadConfig(f"The layer {self.name} makes no tile of its own kind of table; write its method `declared`.")

    def fold(self, old: Item | None, event: Event) -> Item | None:
        """The item after `event`; None: it is gone.

        Default: the later source time wins, then the later receipt; the same event again changes nothing.
        """
        if old is not None and (event.time, event.received) <= (old.time, old.received):
            return old
        if event.data is None:
            return None
        return self.item(event)

    def item(self, event: Event) -> Item:
        """An item made of one event alone, with what protocol.md wants in its properties.

        What the envelope says wins: no property of a source passes for its provenance or its commune.
        """
        assert event.data is not None
        given = {**event.data.properties, "source": event.source, "method": event.method}
        for reserved in ("unit", "cause"):
            given.pop(reserved, None)
        if event.unit is not None:
            given["unit"] = event.unit
        # that a source was asked again is our affair: the value is no other
        if event.cause not in (None, ASKED_AGAIN):
            given["cause"] = event.cause
        return Item(event.subject, event.time, event.received, given, event.data.geometry)

    def wakes(self, item: Item) -> datetime | None:
        """When this item changes by time alone (overdue, expired); None: never. Default: `lives` after its time."""
        return item.time + self.lives if self.lives is not None else None

    def wake(self, item: Item, now: datetime) -> Item | None:
        """The item at `now`, asked at or after `wakes`; None: dropped."""
        return None if self.lives is not None and now >= item.time + self.lives else item


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tile's value with what makes it honest. Names and meaning are those of protocol.md, channel `tile/<name>`.

    What an author leaves out is filled in by the projector: `have` and `expect` from the contracts, `observed`
    and `method` and `sources` from the items. `parts`: what it is worked out of, as {"label", "value"} each.
    `reported`: when somebody told it; `officer`, `decision`: who, and by which document, where that is given.
    """

    value: float | int | str | None
    have: int | None = None
    expect: int | None = None
    target: float | None = None
    level: Level | None = None
    trend: dict[str, Any] | None = None
    previous: float | int | None = None
    observed: datetime | None = None
    due: datetime | None = None
    method: Method | None = None
    sources: list[str] | None = None
    parts: list[dict[str, Any]] | None = None
    other: list[dict[str, Any]] | None = None
    revised: dict[str, Any] | None = None
    of: float | int | None = None
    why: str | None = None
    reported: datetime | None = None
    officer: str | None = None
    decision: str | None = None


TileFunction = Callable[[Mapping[str, Item], datetime], Figure]


class Tile(msgspec.Struct, frozen=True):
    """A tile as the catalog knows it. `by_unit`: worked out for each commune too, not only for `all`."""

    name: str
    over: str
    label: tuple[str, str]
    unit: tuple[str, str]
    work_out: TileFunction
    by_unit: bool = True
    wakes: timedelta | None = None


def tile(
    *,
    over: str,
    label: tuple[str, str],
    unit: tuple[str, str] = ("", ""),
    by_unit: bool = True,
    wakes: timedelta | None = None,
    name: str | None = None,
) -> Callable[[TileFunction], TileFunction]:
    """Mark a function of items as a tile over the layer `over`; its name is the function's.

    `label` and `unit` are (Vietnamese, English). `wakes`: it depends on time, and is worked out so often too.
    """

    def mark(function: TileFunction) -> TileFunction:
        declared = Tile(name or function.__name__, over, label, unit, function, by_unit, wakes)
        function.__dict__.setdefault("tiles", []).append(declared)
        return function

    return mark
