"""APIs of a sharing platform (LGSP–NGSP): which of them answer, how much they are used, how often they fail.

What a source's `properties` may say: `name`, `owner`; `state`: live, refused, down, or unknown where nobody looked;
`why`: what is wrong; `calls`, `failed`: how many calls there were of the day `of` (2026-03-10; without one, of the day
of the event), and how many of them failed; `kind`: what it is for, as the platform sorts them.

Thresholds: an API that does not answer warns, more than half of them are bad; over 2 % failed calls warn, over 5 % bad.
Yesterday's calls are not shown for today's: until an API tells of the new day it tells nothing.

One API by its own name, its calls of today, and bad while it does not answer::

    [tiles.api_justice]
    over = "apis"
    label = ["API Tư pháp", "Justice API"]
    api = "lgsp/tu-phap"        # its subject: the source's prefix and id
    sources = ["lgsp"]

A table without `api` counts, as over any other layer (`ioc/counted.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ioc import clock, counted
from ioc.counted import Counted
from ioc.layer import Figure, Item, Layer, Level, Tile, tile

FAILED_WARN, FAILED_BAD = 2.0, 5.0
MOST_NAMED = 4
"""APIs that a tile names at most."""
_MINUTE = timedelta(minutes=1)


class Named(Counted, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`api`: the subject of the one API that the tile is about; nothing else is counted then."""

    api: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        others = self.where or self.among or self.known or self.parts or self.each or self.how != "count"
        if self.api is not None and others:
            raise ValueError("a tile of one api tells its calls; leave where, among, known, how, parts and each out")


class Apis(Layer):
    name = "apis"
    title = ("API dùng chung", "Shared APIs")
    listens = frozenset({"ioc.api.observed"})
    views = False
    table = Named

    def declared(self, table: Named) -> Tile:
        if table.api is None:
            return counted.tile(table)

        def work_out(items: Mapping[str, Item], now: datetime) -> Figure:
            return _one(table, items, now)

        return Tile(table.name, table.over, table.label, table.units, work_out, False, _MINUTE)


@tile(over="apis", label=("API hoạt động", "APIs alive"), unit=("API", "APIs"), by_unit=False)
def apis_alive(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many of the APIs that are looked at answer; those that do not are named with their owner."""
    looked = [item for item in items.values() if item.properties.get("state") in ("live", "refused", "down")]
    if not looked:
        return Figure(None, have=0)
    dead = sorted((item for item in looked if item.properties["state"] != "live"), key=_called)
    level: Level | None = None if not dead else "bad" if 2 * len(dead) > len(looked) else "warn"
    return Figure(
        len(looked) - len(dead),
        have=len(looked),
        expect=len(items),
        of=len(looked),
        level=level,
        method="computed",
        parts=[{"label": f"{_called(item)} ({_owner(item)})", "value": 0} for item in dead[:MOST_NAMED]] or None,
        why="; ".join(f"{_called(item)}: {item.properties.get('why') or '—'}" for item in dead[:MOST_NAMED]) or None,
    )


@tile(over="apis", label=("Lượt gọi API hôm nay", "API calls today"), by_unit=False, wakes=_MINUTE)
def apis_calls_today(items: Mapping[str, Item], now: datetime) -> Figure:
    """Calls of all APIs since midnight (Asia/Ho_Chi_Minh), with those of each."""
    told = _today(items, now)
    if not told:
        return Figure(None, have=0, expect=len(items) or None)
    parts = sorted(((_called(item), _number(item, "calls")) for item in told), key=lambda one: (-one[1], one[0]))
    return Figure(
        sum(_number(item, "calls") for item in told),
        have=len(told),
        expect=len(items),
        parts=[{"label": name, "value": calls} for name, calls in parts[:MOST_NAMED]],
    )


@tile(over="apis", label=("Lượt gọi lỗi", "Failed API calls"), unit=("%", "%"), by_unit=False, wakes=_MINUTE)
def apis_failed(items: Mapping[str, Item], now: datetime) -> Figure:
    """Share of today's calls that failed, with the APIs that failed most."""
    told = [item for item in _today(items, now) if isinstance(item.properties.get("failed"), int)]
    calls = sum(_number(item, "calls") for item in told)
    if not calls:
        return Figure(None, have=0, expect=len(items) or None)
    share = round(100 * sum(_number(item, "failed") for item in told) / calls, 1)
    worst = sorted(((_called(item), _number(item, "failed")) for item in told), key=lambda one: (-one[1], one[0]))
    level: Level | None = "bad" if share > FAILED_BAD else "warn" if share > FAILED_WARN else None
    return Figure(
        share,
        have=len(told),
        expect=len(items),
        target=FAILED_WARN,
        level=level,
        method="computed",
        parts=[{"label": name, "value": failed} for name, failed in worst[:MOST_NAMED] if failed],
    )


def _one(table: Named, items: Mapping[str, Item], now: datetime) -> Figure:
    """Today's calls of one API. Of one that is not there, or has told nothing of this day, there is no figure."""
    sources = list(table.sources) or None
    item = items.get(str(table.api))
    if item is None:
        return Figure(None, have=0, expect=1, sources=sources)
    told = bool(_today({item.id: item}, now))
    dead = item.properties.get("state") in ("refused", "down")
    why = f"{_called(item)} ({_owner(item)}): {item.properties.get('why') or '—'}" if dead else None
    return Figure(
        _number(item, "calls") if told else None,
        have=int(not dead),
        expect=1,
        level="bad" if dead else None,
        observed=item.time,
        sources=sources,
        parts=[{"label": {"vi": "lượt lỗi", "en": "failed"}, "value": _number(item, "failed")}] if told else None,
        why=why,
    )


def _today(items: Mapping[str, Item], now: datetime) -> list[Item]:
    """The APIs whose calls are of this day."""
    day = now.astimezone(clock.ZONE).date().isoformat()
    return [item for item in items.values() if isinstance(item.properties.get("calls"), int) and _day(item) == day]


def _day(item: Item) -> str:
    stated: Any = item.properties.get("of")
    return str(stated)[:10] if stated else item.time.astimezone(clock.ZONE).date().isoformat()


def _number(item: Item, name: str) -> int:
    return int(item.properties.get(name) or 0)


def _called(item: Item) -> str:
    return str(item.properties.get("name") or item.id)


def _owner(item: Item) -> str:
    return str(item.properties.get("owner") or "—")
