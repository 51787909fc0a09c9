"""The catalogue of shared data sets: whose each is, how far it came, since when, and what stands still on the way.

What a source's `properties` may say: `name`; `owner`: the body that answers for it; `step`: collected (it waits for its
appraisal), appraised (it waits to be shared) or shared; `since`: when that step began (RFC 3339).

A tile counts the data sets that are so, of all::

    [tiles.datasets_stuck]
    over = "datasets"
    label = ["Đứng quá 30 ngày", "Stuck over 30 days"]
    days = 30
    warn = 5
    bad = 20

Those that are not shared and stand on their step for more than `days` are stuck; of one that does not say since when,
nobody knows. The tile names whose they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from ioc import clock
from ioc.counted import TileTable
from ioc.layer import Figure, Item, Layer, Level, Tile

STEPS = {
    "collected": ("chờ thẩm định", "to be appraised"),
    "appraised": ("chờ chia sẻ", "to be shared"),
    "shared": ("đã chia sẻ", "shared"),
}
"""The way of a data set, in order, and what it waits for."""
MOST_NAMED = 4
_HOUR = timedelta(hours=1)


class Way(TileTable, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`step`: only those on it; `owned`: only those with (true) or without an owner; `days`: only those that are stuck
    for so many. `parts`: their steps, or who owns most of them. More than `warn`, or `bad`, of them is that (fewer,
    when `better` is "up"). `sources`: those that owe it, named while nothing has come."""

    step: Literal["collected", "appraised", "shared"] | None = None
    owned: bool | None = None
    days: float | None = None
    parts: Literal["step", "owner"] = "owner"
    warn: float | None = None
    bad: float | None = None
    better: Literal["up", "down"] = "down"
    target: float | None = None
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.days is not None and self.step == "shared":
            raise ValueError("what is shared is not stuck; leave days or step out")


class Datasets(Layer):
    name = "datasets"
    title = ("Dữ liệu dùng chung", "Shared data sets")
    listens = frozenset({"ioc.dataset.listed"})
    views = False
    table = Way

    def declared(self, table: Way) -> Tile:
        def work_out(items: Mapping[str, Item], now: datetime) -> Figure:
            return _figure(table, items, now)

        wakes = _HOUR if table.days is not None else None
        return Tile(table.name, table.over, table.label, table.units, work_out, False, wakes)


def _figure(table: Way, items: Mapping[str, Item], now: datetime) -> Figure:
    sources = list(table.sources) or None
    asked = [one for one in items.values() if not table.sources or one.properties.get("source") in table.sources]
    if not asked:
        return Figure(None, have=0, sources=sources)
    found = [one for one in asked if _so(table, one, now)]
    return Figure(
        len(found),
        of=len(asked),
        target=table.target,
        level=_level(table, len(found)),
        observed=max(one.time for one in asked),
        method="computed" if table.days is not None else None,
        sources=sources,
        parts=_steps(asked) if table.parts == "step" else _owners(found),
        why=_named(found) if table.days is not None and found else None,
    )


def _so(table: Way, item: Item, now: datetime) -> bool:
    told = item.properties
    if table.step is not None and told.get("step") != table.step:
        return False
    if table.owned is not None and bool(told.get("owner")) is not table.owned:
        return False
    return table.days is None or _stands(item, now) > timedelta(days=table.days)


def _stands(item: Item, now: datetime) -> timedelta:
    """For how long it has waited on its step; nothing for what is shared, or does not say since when."""
    since = _since(item)
    return now - since if since is not None and item.properties.get("step") != "shared" else timedelta()


def _since(item: Item) -> datetime | None:
    try:
        return clock.parse(str(item.properties.get("since")))
    except ValueError:
        return None


def _level(table: Way, count: int) -> Level | None:
    sign = 1 if table.better == "down" else -1
    if table.bad is not None and sign * count > sign * table.bad:
        return "bad"
    return "warn" if table.warn is not None and sign * count > sign * table.warn else None


def _steps(items: list[Item]) -> list[dict[str, Any]]:
    counts = Counter(str(item.properties.get("step")) for item in items)
    return [{"label": {"vi": vi, "en": en}, "value": counts[step]} for step, (vi, en) in STEPS.items()]


def _owners(items: list[Item]) -> list[dict[str, Any]] | None:
    """Who has most of them."""
    counts = Counter(str(item.properties.get("owner") or "") for item in items)
    most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:MOST_NAMED]
    return [
        {"label": owner or {"vi": "chưa có chủ quản", "en": "nobody"}, "value": count} for owner, count in most
    ] or None


def _named(items: list[Item]) -> str:
    """Those that have stood longest: which, whose, since when."""
    oldest = sorted(items, key=lambda item: (str(item.properties.get("since")), item.id))[:MOST_NAMED]
    return "; ".join(_name(item) for item in oldest)


def _name(item: Item) -> str:
    told, since = item.properties, _since(item)
    day = f", từ {since.astimezone(clock.ZONE):%d/%m/%Y}" if since is not None else ""
    return f"{told.get('name') or item.id} ({told.get('owner') or 'chưa có chủ quản'}{day})"
