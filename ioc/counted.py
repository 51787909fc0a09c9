"""Tiles that settings declare over any layer, without a line of code: how many items are so, what share, what sum.

    [tiles.boats_silent]
    over = "vessels"
    label = ["Tàu mất tín hiệu", "Silent boats"]
    where = {state = ["silent", "lost"]}
    warn = 1
    bad = 10
    better = "down"

A layer may read its own kind of table instead (`Layer.table`, as `layers/indicators.py` does).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

from ioc.layer import Figure, Item, Level, Tile

TOP = 3
"""How many of its parts a "max" names."""
Wanted = str | int | float | bool | list[str | int | float | bool]
"""What a property must be, or one of what it must be."""


class TileTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every [tiles.NAME] has: the layer that it is `over`, and (Vietnamese, English) `label` and `unit`.

    `name`: NAME; it is not written again.
    """

    name: str
    over: str
    label: tuple[str, str]
    unit: str | tuple[str, str] = ""

    @property
    def units(self) -> tuple[str, str]:
        """The unit in both languages."""
        return (self.unit, self.unit) if isinstance(self.unit, str) else self.unit


class Counted(TileTable, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Counts the items whose properties are as `where` wants them.

    `how`: "count" them, of the items that `among` wants (all, when left out); their "share" of those, in percent;
    "sum", "mean" or "max" of their property `field` over those that have a number there, with so many `decimals`.
    `each`: what is counted are the different values of this property (stations, not their gauges). `sources`: only
    items of these; they are named, and their contracts say what is owed, while nothing has come. `known`: what an item
    is of which something is known (a site that answered or is down); coverage says of how many, and the others are
    not held against a count that is better "up". Past `warn` and `bad` the level is that, upwards or (`better` "up")
    downwards. `parts`: a property by whose values the items are told apart; of a "max" those that have most. `expect`:
    how many items there must be, where the contracts of the sources say it of other things too.
    """

    how: Literal["count", "share", "sum", "mean", "max"] = "count"
    where: dict[str, Wanted] = {}
    among: dict[str, Wanted] = {}
    known: dict[str, Wanted] = {}
    field: str | None = None
    parts: str | None = None
    each: str | None = None
    sources: tuple[str, ...] = ()
    target: float | None = None
    warn: float | None = None
    bad: float | None = None
    better: Literal["up", "down"] = "down"
    decimals: int = 0
    expect: int | None = None
    by_unit: bool = True

    def __post_init__(self) -> None:
        if (self.how in ("sum", "mean", "max")) != (self.field is not None):
            raise ValueError('field names the property that how = "sum", "mean" or "max" is of, and no other has one')
        if self.each is not None and self.field is not None:
            raise ValueError("each says what is counted; a tile of a field has none")
        if self.among and self.how not in ("count", "share"):
            raise ValueError("among says of what items are counted, or are a share; a sum or mean has none")


def tile(table: Counted) -> Tile:
    """The tile that `table` declares."""

    def work_out(items: Mapping[str, Item], now: datetime) -> Figure:
        return figure(table, items)

    return Tile(table.name, table.over, table.label, table.units, work_out, table.by_unit)


def figure(table: Counted, items: Mapping[str, Item]) -> Figure:
    """The value of `table` over `items`. Of nothing there is no figure, and 0 is one only where something is known."""
    asked = [one for one in items.values() if not table.sources or one.properties.get("source") in table.sources]
    sources = list(table.sources) or None
    known = [one for one in asked if _so(one, table.known)] if table.known else asked
    if not known:
        return Figure(None, target=table.target, have=0, expect=table.expect, sources=sources)
    among = [one for one in known if _so(one, table.among)]
    found = [one for one in among if _so(one, table.where)]
    value = _value(table, found, among)
    unknown = [one for one in asked if not _so(one, table.known) and _so(one, table.among)] if table.known else []
    judged = value
    if unknown and table.how == "count" and table.better == "up":  # at best, all of which nothing is known yet are so
        judged = _count(table, found + unknown)
    return Figure(
        value,
        of=_count(table, among + unknown) if table.how == "count" and table.where else None,
        target=table.target,
        level=level(table, judged),
        observed=max(one.time for one in known),
        method=None if table.how == "count" else "computed",
        have=len(known) if table.known or table.expect is not None else None,
        expect=table.expect,
        sources=sources,
        parts=_parts(table, found),
    )


def _so(item: Item, wanted: Mapping[str, Wanted]) -> bool:
    return all(
        item.properties.get(name) in (value if isinstance(value, list) else [value]) for name, value in wanted.items()
    )


def _numbers(items: list[Item], field: str | None) -> list[float]:
    told = (item.properties.get(str(field)) for item in items)
    return [number for number in told if isinstance(number, int | float) and not isinstance(number, bool)]


def _value(table: Counted, found: list[Item], among: list[Item]) -> float | int | None:
    if table.how == "count":
        return _count(table, found)
    if table.how == "share":
        return _rounded(table, 100 * _count(table, found) / _count(table, among)) if among else None
    numbers = _numbers(found, table.field)
    return _rounded(table, _over(table, numbers)) if numbers else None


def _count(table: Counted, items: list[Item]) -> int:
    return len(items) if table.each is None else len({str(item.properties.get(table.each)) for item in items})


def _over(table: Counted, numbers: list[float]) -> float:
    if table.how == "max":
        return max(numbers)
    return sum(numbers) if table.how == "sum" else sum(numbers) / len(numbers)


def _rounded(table: Counted, value: float) -> float | int:
    return round(value, table.decimals) if table.decimals else round(value)


class Limits(Protocol):
    """A table with limits: past `warn` and `bad`, upwards or (`better` "up") downwards."""

    @property
    def warn(self) -> float | None: ...
    @property
    def bad(self) -> float | None: ...
    @property
    def better(self) -> Literal["up", "down"]: ...


def level(table: Limits, value: float | None) -> Level | None:
    """What a value past the table's limits is."""
    if value is None:
        return None
    sign = 1 if table.better == "down" else -1
    if table.bad is not None and sign * value > sign * table.bad:
        return "bad"
    return "warn" if table.warn is not None and sign * value > sign * table.warn else None


def _parts(table: Counted, found: list[Item]) -> list[dict[str, Any]] | None:
    if table.parts is None:
        return None
    counts: dict[str, list[Item]] = {}
    for item in found:
        counts.setdefault(str(item.properties.get(table.parts)), []).append(item)
    told: dict[str, float]
    if table.how == "max":
        tops = {name: _numbers(ones, table.field) for name, ones in counts.items()}
        told = {name: max(numbers) for name, numbers in tops.items() if numbers}
    else:
        counting = table.how in ("count", "share")
        told = {n: _count(table, ones) if counting else sum(_numbers(ones, table.field)) for n, ones in counts.items()}
    most = sorted(told, key=lambda one: (-told[one], one))
    return [{"label": name, "value": told[name]} for name in (most[:TOP] if table.how == "max" else most)]
