"""Vessels: where they are, the way that they came, which zones they entered, and which boats are silent.

Two kinds of events make one item, where they have the same subject (`mmsi/<nine digits>`): `ioc.vessel.observed` (AIS,
`adapters/nmea_ais.py`) and `ioc.vessel.monitored` (the fishing-vessel register, `adapters/vessel_register.py`).

A monitored boat that is at sea owes a place every two hours; silent for two it is `late`, for six `down`, and must be
reported (decree 26/2019/NĐ-CP, article 44). `silent` is "warn" or "report" then, and `explained` says whether a reason
is known. One that only AIS hears owes nobody anything: it leaves the map after AIS_LIVES, when it is out of range.

`tracks` holds the last places as lines, each place [longitude, latitude, seconds since 1970, zones?]. No line is drawn
to a place that cannot be reached from the one before, over a gap, or over the dateline. A single far place moves no
mark until a second one confirms it, and stays in `doubt` ("jump") for DOUBT_S; places in turns far apart are two boats
with one number ("two_boats"), each with its own track. `passages`: the last times that the boat entered, left
or crossed a zone.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec

from ioc import clock
from ioc.event import Event
from ioc.layer import Item, Layer

OBSERVED, MONITORED = "ioc.vessel.observed", "ioc.vessel.monitored"
WARN, REPORT = timedelta(hours=2), timedelta(hours=6)
AIS_LIVES, LIVES = timedelta(hours=1), timedelta(days=30)
MOST_POINTS = 24
MOST_PASSAGES = 5
FAST_KN, AIR_KN = 60.0, 400.0
"""No vessel, and no aircraft of a search, is faster."""
SLACK_M = 500.0
"""Metres that a place may be off."""
GAP_S, MONITORED_GAP_S = 1800.0, 7200.0
"""Seconds without a place that break a track: of AIS, and of a boat that is silent after two hours."""
DOUBT_S = 1800.0
"""Seconds for which a place that could not be reached stays doubtful, though others confirm it."""
EARTH_M = 6_371_000.0

Point = list[Any]
"""[longitude, latitude, seconds since 1970], and where they are known {"zones", "crossed", "closed"}."""
Part = dict[str, Any]


class Vessels(Layer):
    name = "vessels"
    title = ("Tàu", "Vessels")
    listens = frozenset({OBSERVED, MONITORED})

    def fold(self, old: Item | None, event: Event) -> Item | None:
        """The newest of each kind, side by side, and the newest places of both. Nothing ends a boat but time."""
        if event.data is None:
            return old
        parts: dict[str, Part] = dict(old.properties["parts"]) if old is not None else {}
        told = self.item(event).properties
        made = {"time": clock.rfc3339(event.time), "received": clock.rfc3339(event.received), "told": told}
        if event.type not in parts or _key(parts[event.type]) < _key(made):
            parts[event.type] = made
        points = [point for line in old.properties["tracks"] for point in line] if old is not None else []
        if (point := _point(event)) is not None and point not in points:
            points = sorted([*points, point], key=_order)[-MOST_POINTS:]
        new = _item(event.subject, parts, points)
        return old if new == old else new

    def wakes(self, item: Item) -> datetime | None:
        """When a monitored boat becomes late or down, or a boat leaves."""
        part = item.properties["parts"].get(MONITORED)
        if part is None:
            return item.time + AIS_LIVES
        since = clock.parse(part["time"])
        waits = {"live": WARN, "late": REPORT}
        if "due" in item.properties and item.properties["state"] in waits:
            return since + waits[item.properties["state"]]
        return item.time + LIVES

    def wake(self, item: Item, now: datetime) -> Item | None:
        wakes = self.wakes(item)
        if wakes is None or now < wakes:
            return item
        part = item.properties["parts"].get(MONITORED)
        if now >= item.time + (LIVES if part is not None else AIS_LIVES):
            return None
        kept = {name: value for name, value in item.properties.items() if name not in ("silent", "explained")}
        return msgspec.structs.replace(item, properties=kept | _silence(item.properties["parts"], now))


def _key(part: Part) -> tuple[datetime, datetime]:
    return clock.parse(part["time"]), clock.parse(part["received"])


def _order(point: Point) -> tuple[float, float, float]:
    return point[2], point[0], point[1]


def _point(event: Event) -> Point | None:
    place = event.data.geometry if event.data is not None else None
    if event.data is None or place is None or place.get("type") != "Point":
        return None
    told = event.data.properties
    zones = {name: list(told[key]) for name, key in (("zones", "zones"), ("crossed", "crossed")) if told.get(key)}
    more: dict[str, Any] = zones | ({"closed": True} if told.get("in_closed") is True else {})
    found = [*place["coordinates"][:2], round(event.time.timestamp())]
    return [*found, more] if more else found


def _item(subject: str, parts: dict[str, Part], points: list[Point]) -> Item:
    """The item of all that is kept; a function of that alone, in whatever order it came."""
    in_order = sorted(parts.values(), key=_key)
    newest = in_order[-1]
    merged: dict[str, Any] = {}
    for part in in_order:
        merged |= {name: value for name, value in part["told"].items() if value is not None or name not in merged}
    for name in ("unit", "cause"):
        merged.pop(name, None)
    merged |= {name: newest["told"][name] for name in ("unit", "cause") if name in newest["told"]}
    # a monitored boat counts for the system that owes its places, and is called as there, whoever else hears it
    owing = parts.get(MONITORED, newest)["told"]
    merged |= {name: owing[name] for name in ("source", "method", "name") if owing.get(name) is not None}
    merged["heard_by"] = sorted({str(part["told"]["source"]) for part in in_order})
    kept = {name: value for name, value in merged.items() if name not in ("zones", "crossed", "in_closed", "state")}
    time, received = _key(newest)
    chains = _chains(points, AIR_KN if merged.get("kind") == "aircraft" else FAST_KN)
    shown, doubt = _shown(chains)
    lines = [line for chain in chains for line in _lines(chain, MONITORED_GAP_S if MONITORED in parts else GAP_S)]
    zones = shown[3] if shown is not None and len(shown) > 3 else {}
    kept |= {"tracks": lines, "parts": parts, "zones": zones.get("zones", []), "in_closed": zones.get("closed", False)}
    kept |= {"doubt": doubt} if doubt else {}
    kept |= {"placed": clock.rfc3339(datetime.fromtimestamp(shown[2], UTC))} if shown is not None else {}
    if passages := _passages(lines):
        kept["passages"] = passages
    geometry = {"type": "Point", "coordinates": shown[:2]} if shown is not None else None
    return Item(subject, time, received, kept | _silence(parts, received), geometry)


def _silence(parts: dict[str, Part], now: datetime) -> dict[str, Any]:
    """How the boat stands to what it owes at `now`."""
    part = parts.get(MONITORED)
    if part is None or part["told"].get("watch") not in (None, "at_sea"):
        return {"state": "live"}
    since = clock.parse(part["time"])
    due = {"due": clock.rfc3339(since + WARN)}
    if now - since < WARN:
        return {"state": "live"} | due
    reported = now - since >= REPORT
    told = {"silent": "report" if reported else "warn", "explained": bool(part["told"].get("reason"))}
    return {"state": "down" if reported else "late"} | due | told


def metres(one: Point, other: Point) -> float:
    """Great-circle distance of two places, across the dateline too."""
    north, south = math.radians(one[1]), math.radians(other[1])
    up, across = math.sin((south - north) / 2), math.sin(math.radians(other[0] - one[0]) / 2)
    share = up * up + math.cos(north) * math.cos(south) * across * across
    return 2 * EARTH_M * math.asin(math.sqrt(min(1.0, share)))


def _chains(points: list[Point], knots: float) -> list[list[Point]]:
    """The places in order of time, told apart where one can't be reached from another: each chain is one boat's way."""
    chains: list[list[Point]] = []
    for point in points:
        near = [
            (metres(chain[-1], point), number) for number, chain in enumerate(chains) if _reached(chain, point, knots)
        ]
        if near:
            chains[min(near)[1]].append(point)
        else:
            chains.append([point])
    return chains


def _reached(chain: list[Point], point: Point, knots: float) -> bool:
    seconds: float = point[2] - chain[-1][2]
    return metres(chain[-1], point) <= knots * 1852 / 3600 * seconds + SLACK_M


def _shown(chains: list[list[Point]]) -> tuple[Point | None, str | None]:
    """The place that the mark stands at, and what is doubtful about it."""
    if not chains:
        return None, None
    newest = max(chains, key=lambda chain: _order(chain[-1]))
    others = [chain for chain in chains if chain is not newest and len(chain) > 1]
    if not others:
        return newest[-1], None
    longest = max(others, key=lambda chain: (len(chain), -chain[0][2]))
    if len(newest) == 1:
        return longest[-1], "jump"
    if longest[-1][2] > newest[0][2]:
        # a steady mark: it does not spring from one to the other with each of their messages
        both = max((newest, longest), key=lambda chain: (len(chain), -chain[0][2], -chain[0][0]))
        return both[-1], "two_boats"
    return newest[-1], "jump" if newest[-1][2] - newest[0][2] < DOUBT_S else None


def _lines(chain: list[Point], gap: float) -> list[list[Point]]:
    lines = [[chain[0]]]
    for before, point in pairwise(chain):
        if point[2] - before[2] > gap or abs(point[0] - before[0]) > 180:
            lines.append([])
        lines[-1].append(point)
    return lines


def _passages(lines: list[list[Point]]) -> list[dict[str, Any]]:
    found = []
    for line in lines:
        for before, point in pairwise(line):
            was, now = _of(before, "zones"), _of(point, "zones")
            told = [("enter", zone) for zone in now - was] + [("exit", zone) for zone in was - now]
            told += [("cross", zone) for zone in _of(point, "crossed") - was - now]
            found += [(point[2], what, zone) for what, zone in told]
    return [
        {"zone": zone, "what": what, "at": clock.rfc3339(datetime.fromtimestamp(at, UTC))}
        for at, what, zone in sorted(found)[-MOST_PASSAGES:]
    ]


def _of(point: Point, name: str) -> set[str]:
    return set(point[3].get(name, [])) if len(point) > 3 else set()
