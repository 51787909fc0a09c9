"""Targets and tasks of a plan: how many are done, of how many, and whether anything shows it.

What a source's `properties` may say: `kind`: target or task; `group`: which part of the plan; `name`; `done`; `done_on`
(2026-03-10); `evidence`: address of what shows it; `owner`; `due` (2026-12-31). What is said to be done without a link
that begins with https:// or http:// is not counted as done, and told apart.

A tile counts one group, or all of a kind::

    [tiles.targets_government]
    over = "targets"
    label = ["Chỉ tiêu chính quyền số", "Digital government targets"]
    kind = "target"
    group = "Chính quyền số"

`warn` and `bad` are shares of the whole in percent, below which the level is that. How it went on (burn-up) comes from
`done_on`: what was done three months ago stands beside it, and in the parts how many were done at the end of each of
the last quarters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from ioc import clock
from ioc.counted import TileTable
from ioc.layer import Figure, Item, Layer, Level, Tile

BACK = timedelta(days=91)
QUARTERS = 4
"""Ends of quarters that the burn-up tells."""


class Group(TileTable, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`kind`, `group`, `plan`: which items count (left out: all). `burn_up`: the parts tell quarters, and not what is
    lacking."""

    kind: str | None = None
    group: str | None = None
    plan: str | None = None
    burn_up: bool = False
    warn: float | None = None
    bad: float | None = None


class Targets(Layer):
    name = "targets"
    title = ("Chỉ tiêu kế hoạch", "Targets of plans")
    listens = frozenset({"ioc.target.observed"})
    views = False
    table = Group

    def declared(self, table: Group) -> Tile:
        def work_out(items: Mapping[str, Item], now: datetime) -> Figure:
            return _figure(table, items.values(), now)

        return Tile(table.name, table.over, table.label, table.units, work_out, False, timedelta(hours=1))


def _figure(table: Group, items: Iterable[Item], now: datetime) -> Figure:
    wanted = {name: told for name in ("kind", "group", "plan") if (told := getattr(table, name)) is not None}
    here = [item for item in items if all(item.properties.get(name) == told for name, told in wanted.items())]
    if not here:
        return Figure(None, have=0)
    today = now.astimezone(clock.ZONE).date()
    done = [item for item in here if item.properties.get("done") is True and _shown(item)]
    claimed = sum(item.properties.get("done") is True for item in here) - len(done)
    before = sum(1 for item in done if (on := _day(item, "done_on")) is None or on <= today - BACK)
    overdue = sum(1 for item in here if item not in done and (due := _day(item, "due")) is not None and due < today)
    share = 100 * len(done) / len(here)
    return Figure(
        len(done),
        have=len(here),
        expect=len(here),
        of=len(here),
        target=len(here),
        previous=before,
        trend={"by": len(done) - before, "over": "P3M"},
        level=_level(table, share, claimed),
        method="computed",
        parts=_burn_up(done, today) if table.burn_up else _lacking(len(here), len(done), claimed, overdue),
        why=f"{claimed} mục báo xong mà chưa có minh chứng." if claimed else None,
    )


def _level(table: Group, share: float, claimed: int) -> Level | None:
    if table.bad is not None and share < table.bad:
        return "bad"
    return "warn" if claimed or (table.warn is not None and share < table.warn) else None


def _lacking(all_: int, done: int, claimed: int, overdue: int) -> list[dict[str, Any]]:
    return [
        _part("xong, có minh chứng", "done, with evidence", done),
        _part("báo xong, chưa có minh chứng", "said to be done", claimed),
        _part("chưa xong", "not done", all_ - done - claimed),
        _part("trong đó quá hạn", "overdue", overdue),
    ]


def _burn_up(done: Iterable[Item], today: date) -> list[dict[str, Any]]:
    """How many were done by the end of each of the last quarters, oldest first."""
    days = [_day(item, "done_on") for item in done]
    ends = []
    first = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    for _ in range(QUARTERS):
        ends.append(first - timedelta(days=1))
        first = date(ends[-1].year, ends[-1].month - 2, 1)
    return [
        {"label": f"{end:%d/%m/%Y}", "value": sum(1 for day in days if day is None or day <= end)}
        for end in reversed(ends)
    ]


def _shown(item: Item) -> bool:
    return str(item.properties.get("evidence") or "").startswith(("https://", "http://"))


def _day(item: Item, name: str) -> date | None:
    try:
        return date.fromisoformat(str(item.properties.get(name))[:10])
    except ValueError:
        return None


def _part(vi: str, en: str, value: int) -> dict[str, Any]:
    return {"label": {"vi": vi, "en": en}, "value": value}
