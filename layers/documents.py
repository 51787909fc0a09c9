"""Documents between bodies: where each stands, what is stuck, and what share is electronic and signed.

An item is one document at one receiver. `ioc.document.sent` tells `document`, `from`, `to`, `kind`, `electronic` (no
paper follows), `signed` (none, broken, intact or trusted, as the adapter worked it out); `ioc.document.status` tells
`status`, a code of QCVN 102:2016: arrived, refused, received, assigned, processing, finished, recall, recalled or
recall_refused. Both come in any order; each change is kept (`changes`: when, when we heard it, status; the newest 20),
`state` is the last of them ("sent" before there is one) and `since` says since when.

Refused, finished and recalled ones are ended. Others are stuck when nothing moved for so many hours::

    [tiles.documents_stuck]
    over = "documents"
    label = ["Văn bản chưa xử lý quá 24 giờ", "Documents stuck over 24 h"]
    hours = 24
    warn = 10
    bad = 50

A document leaves 30 days after the last that was heard of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from ioc import clock
from ioc.counted import TileTable
from ioc.event import Event
from ioc.layer import Figure, Item, Layer, Level, Tile, tile

SENT, STATUS = "ioc.document.sent", "ioc.document.status"
ENDED = ("refused", "finished", "recalled")
HEADER = ("document", "from", "from_name", "kind", "issued", "due", "electronic", "signed")
HOLDS = ("intact", "trusted")
MOST_CHANGES, MOST_NAMED = 20, 4
SIGNED_WARN, SIGNED_BAD = 100.0, 95.0
_HOUR = timedelta(hours=1)


class Stuck(TileTable, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`hours`: without a change since so long a document is stuck; more than `warn`, or `bad`, of them is that."""

    hours: float = 24.0
    warn: float | None = None
    bad: float | None = None


class Documents(Layer):
    name = "documents"
    title = ("Văn bản", "Documents")
    listens = frozenset({SENT, STATUS})
    lives = timedelta(days=30)
    views = False
    table = Stuck

    def declared(self, table: Stuck) -> Tile:
        def work_out(items: Mapping[str, Item], now: datetime) -> Figure:
            return _stuck(table, items, now)

        return Tile(table.name, table.over, table.label, table.units, work_out, True, timedelta(minutes=1))

    def fold(self, old: Item | None, event: Event) -> Item | None:
        """The newest header, and every change, in whatever order they come."""
        if event.data is None:
            return super().fold(old, event)
        told = self.item(event)
        heard = [clock.rfc3339(told.time), clock.rfc3339(told.received)]
        header, changes = (old.properties["header"], old.properties["changes"]) if old is not None else (None, [])
        if event.type == STATUS:
            changes = _merged(changes, [*heard, str(told.properties.get("status"))])
        elif header is None or _key(heard) > _key(header["heard"]):
            header = {"heard": heard, **{name: told.properties.get(name) for name in HEADER}}
        newest = told if old is None or (told.time, told.received) > (old.time, old.received) else old
        made = _worked_out(newest, header, changes)
        return old if made == old else made


def _key(heard: list[str]) -> tuple[datetime, datetime]:
    return _parsed(heard[0]), _parsed(heard[1])


def _merged(changes: list[list[str]], new: list[str]) -> list[list[str]]:
    """With one more; of two at one time what was heard later counts."""
    known = {one[0]: one for one in changes}
    before = known.get(new[0])
    if before is None or _parsed(new[1]) > _parsed(before[1]):
        known[new[0]] = new
    return sorted(known.values(), key=lambda one: _parsed(one[0]))[-MOST_CHANGES:]


def _worked_out(newest: Item, header: dict[str, Any] | None, changes: list[list[str]]) -> Item:
    told = {name: newest.properties.get(name) for name in ("source", "method", "unit", "cause", "to")}
    shown = {name: found for name, found in (header or {}).items() if name != "heard"}
    state = changes[-1][2] if changes else "sent"
    since = changes[-1][0] if changes else header["heard"][0] if header else None
    kept = {name: found for name, found in told.items() if found is not None}
    properties = {**kept, **shown, "state": state, "since": since, "header": header, "changes": changes}
    return msgspec.structs.replace(newest, properties=properties, geometry=None)


@tile(over="documents", label=("Văn bản trong 30 ngày", "Documents in 30 days"), unit=("văn bản", "documents"))
def documents_flow(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many were sent, and where they stand."""
    if not items:
        return Figure(None)
    states = Counter(item.properties["state"] for item in items.values())
    ended = sum(states[state] for state in ENDED)
    waits = states["sent"] + states["arrived"]
    parts = [
        _part("chưa nhận", "not received yet", waits),
        _part("đang xử lý", "in work", len(items) - ended - waits),
        _part("xong", "finished", states["finished"]),
        _part("từ chối, thu hồi", "refused, recalled", ended - states["finished"]),
    ]
    return Figure(len(items), method="computed", parts=parts)


@tile(over="documents", label=("Đơn vị trên trục", "Bodies on the axis"), unit=("đơn vị", "bodies"), by_unit=False)
def documents_bodies(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many bodies sent or received something: those who really use the axis."""
    if not items:
        return Figure(None)
    bodies = {item.properties.get(end) for item in items.values() for end in ("from", "to")} - {None}
    return Figure(len(bodies), method="computed")


@tile(over="documents", label=("Văn bản điện tử", "Electronic documents"), unit=("%", "%"))
def documents_electronic(items: Mapping[str, Item], now: datetime) -> Figure:
    """Share of documents of which no paper follows, by their own headers."""
    headed = _headed(items)
    good = sum(item.properties["electronic"] is True for item in headed)
    return _share(good, headed, "điện tử", "electronic")


@tile(over="documents", label=("Chữ ký số kiểm tra được", "Signatures that hold"), unit=("%", "%"))
def documents_verified(items: Mapping[str, Item], now: datetime) -> Figure:
    """Share of documents whose signature holds: worked out again from the packages, whatever anybody says of them."""
    headed = _headed(items)
    kinds = Counter(str(item.properties["signed"]) for item in headed)
    figure = _share(sum(kinds[kind] for kind in HOLDS), headed, "ký số", "signed")
    if figure.value is None:
        return figure
    parts = [
        _part("chứng thực được", "vouched for", kinds["trusted"]),
        _part("nguyên vẹn, chưa rõ người ký", "intact, signer not known", kinds["intact"]),
        _part("chữ ký hỏng", "broken", kinds["broken"]),
        _part("không ký", "not signed", kinds["none"]),
    ]
    return msgspec.structs.replace(figure, parts=parts)


def _headed(items: Mapping[str, Item]) -> list[Item]:
    """Those whose package was seen, not a status alone."""
    return [item for item in items.values() if item.properties["header"] is not None]


def _share(good: int, headed: list[Item], vi: str, en: str) -> Figure:
    if not headed:
        return Figure(None, have=0)
    # 99.96 % is not 100 %
    share = 100.0 if good == len(headed) else min(99.9, round(100 * good / len(headed), 1))
    level: Level | None = "bad" if share < SIGNED_BAD else "warn" if share < SIGNED_WARN else None
    parts = [_part(vi, en, good), _part("không", "not", len(headed) - good)]
    return Figure(share, of=None, target=100.0, level=level, method="computed", parts=parts)


def _stuck(table: Stuck, items: Mapping[str, Item], now: datetime) -> Figure:
    if not items:
        return Figure(None, have=0)
    running = [item for item in items.values() if item.properties["state"] not in ENDED]
    before = now - table.hours * _HOUR
    stuck = [item for item in running if item.properties["since"] and _parsed(item.properties["since"]) <= before]
    past = [level for level in ("bad", "warn") if (most := getattr(table, level)) is not None and len(stuck) > most]
    level: Level | None = ("bad" if past[0] == "bad" else "warn") if past else None
    return Figure(len(stuck), of=len(running), level=level, method="computed", parts=_receivers(stuck))


def _receivers(items: Iterable[Item]) -> list[dict[str, Any]]:
    counts = Counter(str(item.properties.get("to") or "—") for item in items)
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_NAMED]
    return [{"label": name, "value": count} for name, count in most]


def _part(vi: str, en: str, value: int) -> dict[str, Any]:
    return {"label": {"vi": vi, "en": en}, "value": value}


@lru_cache(maxsize=100_000)
def _parsed(text: str) -> datetime:
    return clock.parse(text)
