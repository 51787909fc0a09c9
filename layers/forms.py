"""Reports that bodies owe for each period: submitted, late, missing, corrected.

An item is one body's report of one form for one period. `properties`: `form`, `reporter`, `period`, `version` (a later
one is a correction), `why`; `due_at`, the last moment at which it was on time; `owed`, how many bodies owe that period.
`first` is when the first version that is known was sent: a correction makes nobody late. `state` is submitted, late or
corrected; `late` stays, whatever is corrected.

Tiles tell the newest period that was due of each form, or, while none was, the newest that somebody told of.
Thresholds: any missing one warns, more than 5 % are bad.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ioc import clock
from ioc.event import Event
from ioc.layer import Figure, Item, Layer, Level, tile

MISSING_BAD = 0.05
_HOUR = timedelta(hours=1)


class Forms(Layer):
    name = "forms"
    title = ("Báo cáo định kỳ", "Periodic reports")
    listens = frozenset({"ioc.form.submitted"})
    lives = timedelta(days=500)
    views = False

    def fold(self, old: Item | None, event: Event) -> Item | None:
        """The newest version, and when the first was sent, in whatever order they come."""
        made = super().fold(old, event)
        if event.data is None or made is None:
            return made
        first = min(event.time, clock.parse(old.properties["first"])) if old is not None else event.time
        told = {**made.properties, "first": clock.rfc3339(first)}
        due = told.get("due_at")
        told["late"] = isinstance(due, str) and first > clock.parse(due)
        corrected = isinstance(told.get("version"), int) and told["version"] > 1
        told["state"] = "corrected" if corrected else "late" if told["late"] else "submitted"
        return old if old is not None and old.properties == told else msgspec.structs.replace(made, properties=told)


@tile(over="forms", label=("Báo cáo đã nộp", "Reports submitted"), by_unit=False, wakes=_HOUR)
def forms_submitted(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many bodies sent the newest period that was due, of those who owe it; how many of them late."""
    told = list(_newest(items.values(), now))
    if not told:
        return Figure(None)
    late = sum(item.properties["late"] for item in told)
    owed = _owed(told)
    return Figure(
        len(told),
        have=len(told),
        expect=owed,
        of=owed,
        method="computed",
        parts=[_part("đúng hạn", "on time", len(told) - late), _part("trễ", "late", late)],
    )


@tile(over="forms", label=("Chưa nộp báo cáo", "Reports missing"), by_unit=False, wakes=_HOUR)
def forms_missing(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many of those who owe the newest period that was due did not send it."""
    told = list(_newest(items.values(), now))
    owed = _owed(told)
    if owed is None:
        return Figure(None, have=None if items else 0)
    missing = max(0, owed - len(told))
    level: Level | None = "bad" if missing > MISSING_BAD * owed else "warn" if missing else None
    periods = sorted({str(item.properties.get("period")) for item in told})
    return Figure(
        missing,
        have=len(told),
        expect=owed,
        of=owed,
        target=0,
        level=level,
        method="computed",
        why=f"Kỳ {', '.join(periods)}." if missing else None,
    )


@tile(over="forms", label=("Báo cáo đã sửa", "Reports corrected"), by_unit=False, wakes=_HOUR)
def forms_corrected(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many of the newest period that was due were sent again, in a later version."""
    told = list(_newest(items.values(), now))
    if not told:
        return Figure(None)
    again = [item for item in told if item.properties["state"] == "corrected"]
    silent = sum(not item.properties.get("why") for item in again)
    parts = [_part("có lý do", "with a reason", len(again) - silent), _part("không lý do", "without", silent)]
    return Figure(len(again), have=len(told), of=len(told), method="computed", parts=parts)


def _newest(items: Iterable[Item], now: datetime) -> Iterable[Item]:
    """The items of each form's newest period that was due; of one without a due time, of its newest period."""
    by_form: dict[str, dict[tuple[bool, str], list[Item]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        due = str(item.properties.get("due_at") or "")
        over = bool(due) and clock.parse(due) <= now
        by_form[str(item.properties.get("form"))][over, due or str(item.properties.get("period"))].append(item)
    for periods in by_form.values():
        yield from periods[max(periods)]


def _owed(told: Iterable[Item]) -> int | None:
    """How many reports are owed of those forms and periods; None where a source has no list of who owes."""
    owed: dict[str, int | None] = {}
    for item in told:
        form, number = str(item.properties.get("form")), item.properties.get("owed")
        known = number if isinstance(number, int) else None
        owed[form] = max(filter(None, (known, owed.get(form))), default=None)
    numbers = [number for number in owed.values() if number is not None]
    return sum(numbers) if numbers and len(numbers) == len(owed) else None


def _part(vi: str, en: str, value: int) -> dict[str, Any]:
    return {"label": {"vi": vi, "en": en}, "value": value}
