"""Cameras: where they stand, and whether their picture lives.

What a source's `properties` may say (all optional): `name`; `state`: live, late, stale, down, never or frozen;
`due`: until when the next sign of life is owed (ISO 8601); `place`: the name or code of the place that several
cameras share. A camera that no registry and no probe gave a state is `never`: that it is on a list does not say
that its picture lives. So is one with a state that is not among the six; what was said is kept in `said`.

Thresholds, as shares of the cameras known: live under 85 % warn, under 70 % bad, target 95 %; frozen over 2 % warn,
over 10 % bad; down over 5 % warn, over 15 % bad.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from ioc import clock
from ioc.event import Event
from ioc.layer import Figure, Item, Layer, Level, tile

STATES = {
    "live": ("sống", "live"),
    "late": ("trễ", "late"),
    "stale": ("cũ", "stale"),
    "down": ("mất", "down"),
    "never": ("chưa có", "never"),
    "frozen": ("đứng hình", "frozen"),
}
LIVE_TARGET = 0.95
LIVE_WARN, LIVE_BAD = 0.85, 0.70
FROZEN_WARN, FROZEN_BAD = 0.02, 0.10
DOWN_WARN, DOWN_BAD = 0.05, 0.15


class Cameras(Layer):
    name = "cameras"
    title = ("Camera", "Cameras")
    listens = frozenset({"ioc.camera.observed"})
    far = "clusters"

    def item(self, event: Event) -> Item:
        made = super().item(event)
        said = made.properties.get("state")
        state = said if said in STATES else "never"
        properties = {**made.properties, "state": state}
        if said not in (None, state):
            properties["said"] = said
        return msgspec.structs.replace(made, properties=properties)

    def wakes(self, item: Item) -> datetime | None:
        """A live camera is late once its `due` has passed."""
        return _due(item) if item.properties.get("state") == "live" else None

    def wake(self, item: Item, now: datetime) -> Item | None:
        due = self.wakes(item)
        if due is None or now < due:
            return item
        return msgspec.structs.replace(item, properties={**item.properties, "state": "late"})


@tile(over="cameras", label=("Camera sống", "Cameras live"))
def cameras_live(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many of all cameras show a living picture."""
    return _counted(items, "live")


@tile(over="cameras", label=("Camera đứng hình", "Cameras frozen"))
def cameras_frozen(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many cameras send the same picture again and again."""
    return _counted(items, "frozen")


@tile(over="cameras", label=("Camera mất", "Cameras down"))
def cameras_down(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many cameras do not answer."""
    return _counted(items, "down")


def _counted(items: Mapping[str, Item], state: str) -> Figure:
    if not items:
        return Figure(None)
    counts = Counter(str(item.properties.get("state")) for item in items.values())
    share = counts[state] / len(items)
    others = [name for name in STATES if name != state and counts[name]]
    have, expect = _places(items)
    return Figure(
        counts[state],
        of=len(items),
        have=have,
        expect=expect,
        target=round(LIVE_TARGET * len(items)) if state == "live" else None,
        level=_level(state, share),
        parts=[{"label": {"vi": STATES[name][0], "en": STATES[name][1]}, "value": counts[name]} for name in others],
    )


def _level(state: str, share: float) -> Level | None:
    if state == "live":
        return "bad" if share < LIVE_BAD else "warn" if share < LIVE_WARN else None
    warn, bad = (FROZEN_WARN, FROZEN_BAD) if state == "frozen" else (DOWN_WARN, DOWN_BAD)
    return "bad" if share > bad else "warn" if share > warn else None


def _places(items: Mapping[str, Item]) -> tuple[int | None, int | None]:
    """Places with a camera that was ever heard of, and all places; nothing unless every camera names its place."""
    heard: dict[Any, bool] = {}
    for item in items.values():
        place = item.properties.get("place")
        if place is None:
            return None, None
        heard[str(place)] = heard.get(str(place), False) or item.properties.get("state") != "never"
    return sum(heard.values()), len(heard)


def _due(item: Item) -> datetime | None:
    try:
        return clock.parse(item.properties["due"])
    except (KeyError, ValueError, AttributeError):
        return None
