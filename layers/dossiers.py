"""Dossiers of the one-stop shops: how they stand, whether they are on time, and where they wait.

What a source's `properties` may say (needed is `state`): `state`: new, accepted, refused, processing, more_papers,
payment, withdrawn, stopped, done or returned (the ten of the national portal); `due`, `received`, `ended`: ISO 8601;
`level`: full or partial, of a dossier that was filed online; `office`: who works on it; `service`: its procedure.

An item keeps each change that was told (`changes`: when, when we heard it, state, due; the newest 20), and `first`,
when it was first seen. From them are worked out, and told: `due_at`, when it is due: what was told last, moved by the
time that it waited for papers or payment since then (the clock is paused); `paused`; `overdue`, which becomes true by
time alone; `ended_at`, and `on_time`, whether that was by the day it was due. Refused, withdrawn and stopped ones are
ended in another way: they count neither as on time nor as late.

Thresholds: under 97 % on time warns (the target), under 90 % is bad; over 2 % of the running ones overdue warns, over
5 % is bad.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from ioc import clock
from ioc.event import Event
from ioc.layer import Figure, Item, Layer, Level, tile

DONE, DROPPED, PAUSED = ("done", "returned"), ("refused", "withdrawn", "stopped"), ("more_papers", "payment")
LATE_WARN, LATE_BAD = 97.0, 90.0
OVERDUE_WARN, OVERDUE_BAD = 0.02, 0.05
MOST_CHANGES = 20
MOST_NAMED = 4
"""Offices that a tile names at most."""
_MINUTE = timedelta(minutes=1)
_LEVELS = {"full": ("toàn trình", "wholly online"), "partial": ("một phần", "partly online")}
_OTHERS = ("nộp trực tiếp", "at the counter")
Change = list[Any]
"""[when, when we heard it, state, due or None], times in RFC 3339."""


class Dossiers(Layer):
    name = "dossiers"
    title = ("Hồ sơ một cửa", "Dossiers")
    listens = frozenset({"ioc.dossier.changed"})
    views = False

    def fold(self, old: Item | None, event: Event) -> Item | None:
        """Changes are added, in whatever order they come; all else is worked out of them, and of the newest event."""
        if event.data is None:
            return super().fold(old, event)
        told = self.item(event)
        if old is None:
            return _worked_out(told, [_change(told)], told.time)
        newest = told if (told.time, told.received) > (old.time, old.received) else old
        known = {one[0]: one for one in old.properties["changes"]}
        new = _change(told)
        before = known.get(new[0])
        if before is None or clock.parse(new[1]) > clock.parse(before[1]):
            known[new[0]] = new
        first = min(told.time, _parsed(old.properties["first"]))
        made = _worked_out(newest, sorted(known.values(), key=lambda one: _parsed(one[0])), first)
        return old if made == old else made

    def wakes(self, item: Item) -> datetime | None:
        """A running dossier when it becomes overdue."""
        told = item.properties
        waits = told["state"] not in (*DONE, *DROPPED, *PAUSED) and not told["overdue"]
        return _parsed(told["due_at"]) if waits and told.get("due_at") else None

    def wake(self, item: Item, now: datetime) -> Item | None:
        due = self.wakes(item)
        if due is None or now < due:
            return item
        return msgspec.structs.replace(item, properties={**item.properties, "overdue": True})


def _change(told: Item) -> Change:
    due = told.properties.get("due")
    good = isinstance(due, str) and _moment(due) is not None
    state = str(told.properties.get("state"))
    return [clock.rfc3339(told.time), clock.rfc3339(told.received), state, due if good else None]


def _worked_out(newest: Item, changes: list[Change], first: datetime) -> Item:
    """The item of the newest event, with what follows from all changes (oldest first)."""
    changes = changes[-MOST_CHANGES:]
    state, told = changes[-1][2], newest.properties
    due = _due(changes)
    ended = _ended(changes, told) if state in DONE else None
    running = state not in (*DONE, *DROPPED)
    derived: dict[str, Any] = {
        "changes": changes,
        "first": clock.rfc3339(first),
        "state": state,
        "due_at": clock.rfc3339(due) if due is not None else None,
        "paused": state in PAUSED,
        "overdue": running and state not in PAUSED and due is not None and due <= newest.received,
        "ended_at": clock.rfc3339(ended) if ended is not None else None,
        "on_time": ended <= due if ended is not None and due is not None else None,
    }
    return msgspec.structs.replace(newest, properties={**told, **derived})


def _due(changes: list[Change]) -> datetime | None:
    """What was told last, moved by each pause that began since it was told first."""
    stated = changes[-1][3]
    if stated is None:
        return None
    since = len(changes) - 1
    while since and changes[since - 1][3] == stated:
        since -= 1
    moved = timedelta()
    for one, following in zip(changes[since:], changes[since + 1 :], strict=False):
        if one[2] in PAUSED:
            moved += _parsed(following[0]) - _parsed(one[0])
    return _parsed(stated) + moved


def _ended(changes: list[Change], told: Mapping[str, Any]) -> datetime:
    """When it was done: as the source says, else at the first of the changes since which it has been."""
    stated = told.get("ended")
    if isinstance(stated, str) and (moment := _moment(stated)) is not None:
        return moment
    at = len(changes) - 1
    while at and changes[at - 1][2] in DONE:
        at -= 1
    return _parsed(changes[at][0])


def _moment(text: str) -> datetime | None:
    try:
        moment = _parsed(text)
    except ValueError:
        return None
    # 9999-12-31 and the like stand for "none" in many databases
    return moment if 1900 <= moment.year <= 2200 else None


@lru_cache(maxsize=100_000)
def _parsed(text: str) -> datetime:
    return clock.parse(text)


@tile(over="dossiers", label=("Hồ sơ tiếp nhận", "Dossiers received"), unit=("hồ sơ", "dossiers"))
def dossiers_received(items: Mapping[str, Item], now: datetime) -> Figure:
    """All dossiers that are known, by how they were filed."""
    if not items:
        return Figure(None)
    counts = Counter(str(item.properties.get("level") or "") for item in items.values())
    parts = [_part(*name, counts[level]) for level, name in _LEVELS.items() if counts[level]]
    if rest := len(items) - sum(part["value"] for part in parts):
        parts.append(_part(*_OTHERS, rest))
    return Figure(len(items), parts=parts)


@tile(over="dossiers", label=("Giải quyết đúng hạn", "Solved on time"), unit=("%", "%"), wakes=_MINUTE)
def dossiers_in_time(items: Mapping[str, Item], now: datetime) -> Figure:
    """Share of those done by the day they were due, of all that were done, or are overdue still."""
    good = sum(item.properties["on_time"] is True for item in items.values())
    late = sum(item.properties["on_time"] is False for item in items.values())
    overdue = sum(item.properties["overdue"] for item in items.values())
    judged = good + late + overdue
    if not judged:
        return Figure(None, have=None if items else 0)
    share = round(100 * good / judged, 1)
    return Figure(
        share,
        target=LATE_WARN,
        level="bad" if share < LATE_BAD else "warn" if share < LATE_WARN else None,
        method="computed",
        parts=[
            _part("đúng hạn", "on time", good),
            _part("xong trễ", "done late", late),
            _part("đang quá hạn", "overdue", overdue),
        ],
    )


@tile(over="dossiers", label=("Hồ sơ quá hạn", "Dossiers overdue"), unit=("hồ sơ", "dossiers"), wakes=_MINUTE)
def dossiers_overdue(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many running ones are past their day; the offices with most of them are named."""
    if not items:
        return Figure(None)
    running = [item for item in items.values() if item.properties["state"] not in (*DONE, *DROPPED)]
    late = [item for item in running if item.properties["overdue"]]
    share = len(late) / len(running) if running else 0.0
    level: Level | None = "bad" if share > OVERDUE_BAD else "warn" if share > OVERDUE_WARN else None
    return Figure(
        len(late),
        of=len(running),
        target=round(OVERDUE_WARN * len(running)),
        level=level,
        method="computed",
        parts=_offices(late),
    )


@tile(over="dossiers", label=("Tạm dừng tính giờ", "Paused"), unit=("hồ sơ", "dossiers"))
def dossiers_paused(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many wait for the citizen: their clock stands."""
    if not items:
        return Figure(None)
    states = Counter(item.properties["state"] for item in items.values())
    running = len(items) - sum(states[state] for state in (*DONE, *DROPPED))
    parts = [
        _part("chờ bổ sung giấy tờ", "more papers wanted", states["more_papers"]),
        _part("chờ nộp phí", "payment wanted", states["payment"]),
    ]
    return Figure(sum(part["value"] for part in parts), of=running, parts=parts)


@tile(over="dossiers", label=("Nơi có hồ sơ trên phần mềm", "Offices with dossiers"), by_unit=False)
def dossiers_offices(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many offices the dossiers come from: what the software is really used for, whoever has it."""
    if not items:
        return Figure(None)
    return Figure(len({item.properties.get("office") for item in items.values()} - {None}), method="computed")


def _offices(items: Iterable[Item]) -> list[dict[str, Any]]:
    counts = Counter(str(item.properties.get("office") or "—") for item in items)
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_NAMED]
    return [{"label": name, "value": count} for name, count in most]


def _part(vi: str, en: str, value: int) -> dict[str, Any]:
    return {"label": {"vi": vi, "en": en}, "value": value}
