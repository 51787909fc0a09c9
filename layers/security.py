"""Security: how many alerts of which severity whose systems had, by the hour. Counts alone: no event is kept here.

What a source's `properties` say: `hour`, `severity` (high, medium, low, info), `body`, `count`, `newest` (RFC 3339).
An hour counts for a day; tiles are counted over it (`ioc.counted`): `how = "sum"`, `field = "count"`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ioc import clock
from ioc.layer import Figure, Item, Layer, tile

GRAVE = ("high", "medium")
"""Severities by which a body counts as hit."""


class Security(Layer):
    name = "security"
    title = ("An toàn thông tin", "Information security")
    listens = frozenset({"ioc.security.counted"})
    lives = timedelta(days=1)
    views = False


@tile(over="security", label=("Đơn vị bị nhắm", "Bodies with alerts"), by_unit=False)
def security_bodies(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many bodies had an alert of high or medium severity within the last day."""
    if not items:
        return Figure(None)
    grave = (item for item in items.values() if item.properties.get("severity") in GRAVE)
    return Figure(len({str(item.properties.get("body")) for item in grave}), method="computed")


@tile(over="security", label=("Cảnh báo mới nhất", "Newest alert"), by_unit=False)
def security_newest(items: Mapping[str, Item], now: datetime) -> Figure:
    """The clock time of the newest alert of any severity within the last day."""
    newest = max((item.time for item in items.values()), default=None)
    return Figure(None if newest is None else f"{newest.astimezone(clock.ZONE):%H:%M:%S}", observed=newest)
