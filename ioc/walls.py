"""Which walls there are, and how old what each has on the glass is. Pure; times are aware.

A wall proves that it draws by its receipts of the canary, which sings once a minute. One that is connected and shows an
old canary shows an old picture, whatever it looks like; one that is connected no more is remembered for a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from ioc import clock

State = Literal["live", "late", "stale", "down", "never"]
LATE, STALE = 2.0, 3.0
"""Songs that may be missed before a wall is late, and before it is an alarm."""
GONE_S = 60.0
"""What counts as the time between two songs where there is no canary."""
SILENT = timedelta(seconds=10)
"""A web process that told nothing for so long is gone, and its screens are elsewhere or nowhere."""
REMEMBERED = timedelta(days=1)


class Wall(msgspec.Struct, frozen=True):
    """What a web process tells of one wall. `watches`: it is sent the songs of the canary.

    `song`: time of the one on its glass; `lag_s`: from there to the glass; `ms`: from the frame's arrival to the glass.
    None: it has sent no receipt of a song.
    """

    id: str
    screen: str
    name: str
    since: datetime
    watches: bool = True
    song: datetime | None = None
    lag_s: float | None = None
    ms: float | None = None


class Told(msgspec.Struct, frozen=True):
    """What a web process tells, each beat."""

    at: datetime
    walls: list[Wall]


Item = dict[str, Any]


def standing(
    told: Iterable[Told], before: Mapping[str, Mapping[str, Any]], now: datetime, cadence: float | None
) -> dict[str, Item]:
    """The items of the channel `walls`, by id. `cadence`: seconds between two songs; None: there is no canary."""
    here = {wall.id: wall for one in told if now - one.at < SILENT for wall in one.walls}
    found = {name: _here(wall, now, cadence) for name, wall in here.items()}
    for name, item in before.items():
        seen = clock.parse(item["seen"])
        if name not in found and now - seen < REMEMBERED:
            gone = f"không nối từ {seen.astimezone(clock.ZONE):%H:%M}"
            say = {"vi": gone, "en": f"not connected since {seen.astimezone(clock.ZONE):%H:%M}"}
            # one that is loaded anew, or whose server starts again, is back before anybody need come
            state = "late" if (now - seen).total_seconds() <= STALE * (cadence or GONE_S) else "down"
            found[name] = {**item, "state": state, "connected": False, "say": say}
    return found


def _here(wall: Wall, now: datetime, cadence: float | None) -> Item:
    state, say = _state(wall, now, cadence)
    return {
        "id": wall.id, "screen": wall.screen, "name": wall.name, "connected": True, "state": state, "say": say,
        "seen": clock.rfc3339(now.replace(second=0, microsecond=0)), "since": clock.rfc3339(wall.since),
        "song": clock.rfc3339(wall.song) if wall.song is not None else None, "lag_s": wall.lag_s, "ms": wall.ms,
    }  # fmt: skip


def _state(wall: Wall, now: datetime, cadence: float | None) -> tuple[State, dict[str, str] | None]:
    if cadence is None:
        return "live", None
    if not wall.watches:
        return "never", {"vi": "không theo dõi chim báo", "en": "does not watch the canary"}
    shown = wall.song or wall.since
    age = (now - shown).total_seconds()
    if age <= LATE * cadence:
        return ("live", None) if wall.song is not None else ("never", None)
    at = f"{shown.astimezone(clock.ZONE):%H:%M}"
    say = {"vi": f"không vẽ gì mới từ {at}", "en": f"has drawn nothing new since {at}"}
    return ("late" if age <= STALE * cadence else "stale"), say
