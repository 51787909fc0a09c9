"""Gaps in what cameras see: crossroads, communes and places that should be watched, and whether a camera there lives.

What a source's `properties` say: `kind` (crossroad, commune or place), `name`; `cameras`: how many stand there, `live`:
how many of them live; `since`: from when on none does (RFC 3339), where that is known. The layer adds `watched`, and
`state`: live; down, where cameras are and none lives; never, where none is. Only what is not watched keeps its place: a
map shows what is missing.

A crossroads that never had a camera is known to the planners; one that lost all of its cameras asks for somebody: more
than none warn, more than a tenth of all are bad.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from ioc.event import Event
from ioc.layer import Figure, Item, Layer, Level, tile

LOST_BAD = 0.1


class CameraGaps(Layer):
    name = "camera_gaps"
    title = ("Khoảng trống camera", "Camera gaps")
    listens = frozenset({"ioc.gap.found"})
    far = "clusters"

    def item(self, event: Event) -> Item:
        made = super().item(event)
        live, cameras = (_count(made.properties.get(name)) for name in ("live", "cameras"))
        state = "live" if live else "down" if cameras else "never"
        properties = {**made.properties, "state": state, "watched": state == "live"}
        return msgspec.structs.replace(made, properties=properties, geometry=None if live else made.geometry)


@tile(over="camera_gaps", label=("Nút giao không có camera sống", "Crossroads without a live camera"))
def crossroads_unwatched(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many of the crossroads that should be watched have no living camera."""
    return _unwatched(items, "crossroad")


@tile(over="camera_gaps", label=("Xã không có camera sống", "Communes without a live camera"))
def communes_unwatched(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many communes have no living camera."""
    return _unwatched(items, "commune")


@tile(over="camera_gaps", label=("Điểm không có camera sống", "Places without a live camera"))
def places_unwatched(items: Mapping[str, Item], now: datetime) -> Figure:
    """At how many of the places where cameras stand none of them lives."""
    return _unwatched(items, "place")


def _unwatched(items: Mapping[str, Item], kind: str) -> Figure:
    states = [item.properties["state"] for item in items.values() if item.properties.get("kind") == kind]
    if not states:
        return Figure(None, have=0)
    lost, never, all = states.count("down"), states.count("never"), len(states)
    parts = [
        {"label": {"vi": "có camera, không cái nào sống", "en": "cameras, none of them live"}, "value": lost},
        {"label": {"vi": "chưa có camera", "en": "no camera yet"}, "value": never},
    ]
    level: Level | None = "bad" if lost > LOST_BAD * all else "warn" if lost else None
    return Figure(lost + never, of=all, have=all, expect=all, level=level, method="computed", parts=parts)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
