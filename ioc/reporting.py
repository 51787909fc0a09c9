"""Layers of those who report every so often (schools, health facilities), and their tiles, each with its coverage.

An item is one who owes. What a source's `properties` may say: `reported`, when it told last (RFC 3339; none: it never
did), and `every_s`, how often it owes that (86400 when left out); all else is what it told. `state` is never, live
until `every_s` after its report, late for as long again, and stale from then on.

Settings (TOML), of tiles over such a layer::

    [tiles.health_reported]
    over = "facilities"
    label = ["Cơ sở đã báo cáo", "Facilities that reported"]
    how = "reported"

    [tiles.beds_used_share]
    over = "facilities"
    label = ["Giường đang dùng", "Beds in use"]
    unit = "%"
    how = "share"
    field = "beds_used"
    out_of = "beds"
    terms = [["đang dùng", "in use"], ["kế hoạch", "planned"]]

A figure is made of reports that are live or late; what a silent one said long ago is in none. `have` is how many those
are, `expect` how many owe one: a sum over half of the hospitals says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from ioc import clock
from ioc.counted import TileTable, Wanted, level
from ioc.event import Event, Method
from ioc.layer import Figure, Item, Layer, Tile

EVERY_S = 86_400
FRESH = ("live", "late")
MOST_PARTS = 5
"""Values of `parts` that a tile names at most, those with most first."""


class Told(TileTable, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is worked out of the reports of those that `among` wants (all, when left out), of these `sources`.

    `how`: how many have "reported" in time, or are "silent" (late, stale or never); of reports in hand the "count" of
    those that `where` wants; the "sum" of `field`, or its "share" of the sum of `out_of`, in percent, over those that
    have both as numbers. `parts`: a property by whose values the counted are told apart; `terms`: what `field` and
    `out_of` are called. Past `warn` and `bad` the level is that, upwards or (`better` "up") downwards.
    """

    how: Literal["reported", "silent", "count", "sum", "share"] = "count"
    among: dict[str, Wanted] = msgspec.field(default_factory=dict)
    where: dict[str, Wanted] = msgspec.field(default_factory=dict)
    field: str | None = None
    out_of: str | None = None
    terms: tuple[tuple[str, str], tuple[str, str]] | None = None
    parts: str | None = None
    sources: tuple[str, ...] = ()
    target: float | None = None
    warn: float | None = None
    bad: float | None = None
    better: Literal["up", "down"] = "down"
    decimals: int = 0
    by_unit: bool = True

    def __post_init__(self) -> None:
        if (self.how in ("sum", "share")) != (self.field is not None) or (self.how == "share") != bool(self.out_of):
            raise ValueError('how = "sum" has a field, how = "share" a field and out_of, and no other has one')
        if self.where and self.how != "count":
            raise ValueError('where says what how = "count" counts; write among for whom a figure is about')
        if self.terms and self.how != "share":
            raise ValueError('terms name the field and out_of of how = "share"; leave them out')


class Reporting(Layer):
    """Base of such a layer; `derived` may add what follows from one report."""

    table = Told

    def declared(self, table: Told) -> Tile:
        """The tile that `table` declares."""

        def work_out(items: Mapping[str, Item], now: datetime) -> Figure:
            return figure(table, items.values())

        return Tile(table.name, table.over, table.label, table.units, work_out, table.by_unit)

    def item(self, event: Event) -> Item:
        made = super().item(event)
        told = {name: value for name, value in made.properties.items() if name != "state"}
        told = {**told, **self.derived(told), "state": _state(told, event.received)}
        return msgspec.structs.replace(made, properties=told)

    def derived(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Properties that follow from those that were told."""
        return {}

    def wakes(self, item: Item) -> datetime | None:
        """When its report is late, and when it is stale."""
        reported, every = _reported(item.properties), _every(item.properties)
        state = item.properties.get("state")
        if reported is None or state not in FRESH:
            return None
        return reported + (every if state == "live" else 2 * every)

    def wake(self, item: Item, now: datetime) -> Item | None:
        due = self.wakes(item)
        if due is None or now < due:
            return item
        return msgspec.structs.replace(item, properties={**item.properties, "state": _state(item.properties, now)})


def _reported(told: Mapping[str, Any]) -> datetime | None:
    try:
        return clock.parse(told["reported"])
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def _every(told: Mapping[str, Any]) -> timedelta:
    every = number(told.get("every_s"))
    return timedelta(seconds=every if every is not None and 0 < every <= 366 * EVERY_S else EVERY_S)


def _state(told: Mapping[str, Any], now: datetime) -> str:
    reported, every = _reported(told), _every(told)
    if reported is None:
        return "never"
    if now < reported + every:
        return "live"
    return "late" if now < reported + 2 * every else "stale"


def number(value: object) -> float | int | None:
    """The value, where it is a number."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def figure(table: Told, items: Iterable[Item]) -> Figure:
    """The value of `table`. While nobody is known who owes a report there is none; nor a sum without a report."""
    asked = [one for one in items if not table.sources or one.properties.get("source") in table.sources]
    asked = [one for one in asked if _so(one, table.among)]
    sources = list(table.sources) or None
    if not asked:
        return Figure(None, have=0, sources=sources)
    live = [one for one in asked if one.properties.get("state") == "live"]
    fresh = [one for one in asked if one.properties.get("state") in FRESH]
    if table.how in ("reported", "silent"):
        silent = [one for one in asked if one.properties.get("state") != "live"]
        found = live if table.how == "reported" else silent
        value: float | None = len(found)
        have, method = len(live), None
    else:
        # who told no number of this is as silent here as who told nothing
        fresh = [one for one in fresh if all(number(one.properties.get(name)) is not None for name in _fields(table))]
        found = [one for one in fresh if _so(one, table.where)]
        value, have, method = _value(table, found) if fresh else None, len(fresh), _method(table, fresh)
    counting = table.how not in ("sum", "share")
    return Figure(
        value,
        have=have,
        expect=len(asked),
        of=len(asked) if counting else None,
        target=table.target,
        level=level(table, value),
        observed=max(one.time for one in asked),
        method=method,
        sources=sources,
        parts=_parts(table, found),
    )


def _fields(table: Told) -> list[str]:
    return [name for name in (table.field, table.out_of) if name is not None]


def _so(item: Item, wanted: Mapping[str, Wanted]) -> bool:
    return all(
        item.properties.get(name) in (value if isinstance(value, list) else [value]) for name, value in wanted.items()
    )


def _sum(items: Iterable[Item], field: str | None) -> float | int:
    return sum(number(one.properties.get(str(field))) or 0 for one in items)


def _value(table: Told, found: list[Item]) -> float | int | None:
    if table.how == "count":
        return len(found)
    value: float = _sum(found, table.field)
    if table.how == "share":
        whole = _sum(found, table.out_of)
        if not whole:
            return None
        value = 100 * value / whole
    return round(value, table.decimals) if table.decimals else round(value)


def _method(table: Told, found: Iterable[Item]) -> Method | None:
    """A sum is computed, unless what went into it was typed: that needs more trust."""
    if table.how == "count":
        return None
    return "typed" if any(one.properties.get("method") == "typed" for one in found) else "computed"


def _parts(table: Told, found: list[Item]) -> list[dict[str, Any]] | None:
    if table.terms is not None:
        pairs = zip(table.terms, (table.field, table.out_of), strict=True)
        return [{"label": {"vi": name[0], "en": name[1]}, "value": _sum(found, field)} for name, field in pairs]
    if table.parts is None:
        return None
    counts: dict[str, float] = {}
    for one in found:
        worth = 1 if table.how != "sum" else number(one.properties.get(str(table.field))) or 0
        name = str(one.properties.get(table.parts))
        counts[name] = counts.get(name, 0) + worth
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_PARTS]
    return [{"label": name, "value": count} for name, count in most]
