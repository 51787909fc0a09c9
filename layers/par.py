"""The reform index (PAR): points by criterion, of a province and of its departments and communes; each set apart.

What a source's `properties` may say is told in `ioc/indices.py`; `group`: province, department or commune. Figures of
two sets of criteria are never compared, and never stand on one line: another set needs tiles of its own::

    [tiles.par_score]
    over = "par"
    label = ["Chỉ số CCHC", "PAR index"]
    set = "2022"
    place = "Phú Yên"
    decimals = 2

    [tiles.par_departments]
    over = "par"
    label = ["CCHC các sở", "Departments' PAR index"]
    set = "2022"
    group = "department"
    expect = 19

Where points of the criteria are told and do not add up to the index, both figures are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from ioc import indices
from ioc.indices import Index
from ioc.layer import Figure, Item, Layer, Level, Tile

OFF = 0.05
"""Points by which a sum of rounded points may differ from the index."""
NAMED = 3
"""Bodies that a tile names, those with the fewest points."""


class Reform(Index, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`place`: whose index; or `group`: of all bodies of that group the mean, or, with `below`, how many have fewer
    points. `expect`: how many bodies there must be. Under `warn` and `bad` points the level is that; any body below
    `below` warns. `by_unit`: worked out for each commune too."""

    place: str = ""
    group: str | None = None
    below: float | None = None
    expect: int | None = None
    warn: float | None = None
    bad: float | None = None
    decimals: int = 2
    by_unit: bool = False

    def __post_init__(self) -> None:
        if bool(self.place) == (self.group is not None):
            raise ValueError("a tile is of one place or of one group; write place or group")
        if self.below is not None and self.group is None:
            raise ValueError("below counts the bodies of a group; write group, or take below out")


class Par(Layer):
    name = "par"
    title = ("Chỉ số cải cách hành chính", "Reform index (PAR)")
    listens = frozenset({"ioc.par.published"})
    views = False
    table = Reform

    def declared(self, table: Reform) -> Tile:
        def work_out(items: Mapping[str, Item], now: datetime) -> Figure:
            return _bodies(table, items.values()) if table.group is not None else _place(table, items.values())

        return Tile(table.name, table.over, table.label, table.units, work_out, table.by_unit)


def _place(table: Reform, items: Iterable[Item]) -> Figure:
    found = indices.figure(table, items, "bộ tiêu chí")
    if table.how != "score" or not isinstance(found.value, int | float):
        return found
    summed = round(sum(part["value"] for part in found.parts or []), table.decimals)
    level = found.level or _level(table, found.value)
    if not found.parts or abs(summed - found.value) <= OFF:
        return msgspec.structs.replace(found, level=level)
    why = f"Cộng điểm các tiêu chí được {_vi(summed)}, công bố {_vi(found.value)}."
    other = [{"value": summed, "source": "cộng các tiêu chí"}]
    return msgspec.structs.replace(found, level=level or "warn", other=other, why=found.why or why)


def _bodies(table: Reform, items: Iterable[Item]) -> Figure:
    """The mean of the group's newest year, or how many are below; compared only with the same bodies' year before."""
    every = [item for item in indices.dated(items) if item.properties.get("group") == table.group]
    by_year: dict[int, dict[str, Item]] = {}
    for item in every:
        whole = str(item.properties.get("code") or "") == table.code and item.properties.get("set") == table.set_
        if whole and indices.number(item, "score") is not None:
            by_year.setdefault(indices.year(item) or 0, {})[str(item.properties.get("place"))] = item
    if not by_year:
        return Figure(None, have=0, expect=table.expect)
    newest = max(by_year)
    bodies, before = by_year[newest], by_year.get(newest - 1, {})
    value = _worth(table, bodies)
    low = [one for one in bodies.values() if table.below is None or _points(one) < table.below]
    level: Level | None = "warn" if table.below is not None and low else None
    return Figure(
        value,
        have=len(bodies),
        expect=table.expect,
        of=len(bodies) if table.below is not None else None,
        level=level or (_level(table, value) if table.below is None else None),
        previous=_worth(table, before) if before.keys() == bodies.keys() else None,
        observed=max(one.time for one in bodies.values()),
        method="computed",
        parts=[{"label": _called(one), "value": _points(one)} for one in sorted(low, key=_fewest)[:NAMED]] or None,
        why=indices.broken(every, table.set_, newest, "bộ tiêu chí"),
    )


def _worth(table: Reform, bodies: Mapping[str, Item]) -> float:
    points = [_points(one) for one in bodies.values()]
    if table.below is not None:
        return sum(one < table.below for one in points)
    return round(sum(points) / len(points), table.decimals)


def _level(table: Reform, value: float) -> Level | None:
    if table.bad is not None and value < table.bad:
        return "bad"
    return "warn" if table.warn is not None and value < table.warn else None


def _points(item: Item) -> float:
    return indices.number(item, "score") or 0.0


def _fewest(item: Item) -> tuple[float, str]:
    return _points(item), item.id


def _called(item: Item) -> Any:
    return item.properties.get("place")


def _vi(number: float) -> str:
    return f"{number:,}".translate(str.maketrans(",.", ".,"))
