"""An index that is published for each year by a set of criteria: value, rank and growth; each set stands apart.

What a row's `properties` may say: `set`: by which set of criteria; `year`; `place`: whose figure it is; `code`: of the
criterion, with dots ("" is the whole index); `name`; `score`, `most`: points, of how many; `rank`, `ranks`: which
place, of how many. What was published twice counts as it was told last.

Figures of two sets are never compared, and never stand on one line: a tile is of one set, and another set needs a tile
of its own; where a later year is told by another set, the tile says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from ioc.counted import TileTable
from ioc.layer import Figure, Item, Level


class Index(TileTable, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`set_` (written set), `place`, `code`: which criterion, of whom. `how`: its score, its rank, or by how much the
    score grew in a year, in percent. `against`: the place whose score, or growth, is the target. Parts are the
    criteria just below it in the tree."""

    set_: str = msgspec.field(name="set")
    place: str
    code: str = ""
    how: Literal["score", "rank", "growth"] = "score"
    against: str | None = None
    decimals: int = 4


def figure(table: Index, items: Iterable[Item], called: str = "bộ chỉ số") -> Figure:
    """The newest year's figure in the table's set. `called`: what the sentence that tells a break calls a set."""
    every = dated(items)
    ours = [item for item in every if item.properties.get("set") == table.set_]
    years = _told(table, of(ours, table.place, table.code))
    if not years:
        return Figure(None, have=0)
    newest = max(years)
    value, previous = years[newest], years.get(newest - 1)
    target = None
    if table.against is not None and table.how != "rank":
        target = _told(table, of(ours, table.against, table.code)).get(newest)
    level: Level | None = "warn" if target is not None and value < target else None
    moved = table.how == "rank" and previous is not None
    row = [item for item in of(ours, table.place, table.code) if year(item) == newest][-1]
    whole = {"rank": "ranks", "score": "most"}.get(table.how)
    return Figure(
        value,
        have=len(years),
        of=number(row, whole) if whole else None,
        target=target,
        level=level,
        previous=previous,
        trend={"by": value - (previous or 0), "over": "P1Y"} if moved else None,
        observed=row.time,
        parts=_below(table, ours, newest) or None,
        why=broken(of(every, table.place, table.code), table.set_, newest, called),
    )


def dated(items: Iterable[Item]) -> list[Item]:
    """The items that say their year, in the order in which they were told."""
    return sorted((item for item in items if year(item) is not None), key=lambda one: (one.time, one.received, one.id))


def broken(items: Iterable[Item], told_by: str, newest: int, called: str) -> str | None:
    """Why the line ends at `newest`, when these are told by another set than `told_by` since."""
    later = [item for item in items if (year(item) or 0) > newest]
    if not later:
        return None
    first = min(later, key=lambda item: year(item) or 0)
    return f"Từ năm {year(first)} tính theo {called} {first.properties.get('set')}, không so được với bộ {told_by}."


def of(items: Iterable[Item], place: str | None, code: str) -> list[Item]:
    """Those of that place and criterion."""
    return [
        item
        for item in items
        if item.properties.get("place") == place and str(item.properties.get("code") or "") == code
    ]


def number(item: Item, name: str) -> float | None:
    """The item's property, if it is a number."""
    found = item.properties.get(name)
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def year(item: Item) -> int | None:
    """The year that the item is of."""
    try:
        return int(str(item.properties.get("year")))
    except ValueError:
        return None


def _told(table: Index, items: Iterable[Item]) -> dict[int, float]:
    """The figure of each year, oldest first; growth only where the year before is told too."""
    name = "rank" if table.how == "rank" else "score"
    found = {one: n for item in items if (one := year(item)) is not None and (n := number(item, name)) is not None}
    if table.how == "rank":
        return {one: int(told) for one, told in found.items()}
    if table.how == "score":
        return {one: round(told, table.decimals) for one, told in found.items()}
    grown: Mapping[int, tuple[float, float | None]] = {one: (told, found.get(one - 1)) for one, told in found.items()}
    return {one: round(100 * (told / past - 1), table.decimals) for one, (told, past) in grown.items() if past}


def _below(table: Index, ours: Iterable[Item], newest: int) -> list[dict[str, Any]]:
    """The criteria just below, in the order of their codes."""
    if table.how == "growth":
        return []
    name, depth = table.how, table.code.count(".") + 1 if table.code else 0
    found = []
    for item in ours:
        code = str(item.properties.get("code") or "")
        inside = code.startswith(f"{table.code}.") if table.code else bool(code)
        right = item.properties.get("place") == table.place and year(item) == newest
        if right and inside and code.count(".") == depth and (told := number(item, name)) is not None:
            found.append((code, {"label": str(item.properties.get("name") or code), "value": told}))
    return [part for _, part in sorted(found, key=lambda one: (len(one[0]), one[0]))]
