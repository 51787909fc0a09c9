"""Reports of citizens: what is open, what is overdue, how fast it is answered.

What a source's `properties` may say (GeoReport v2's own names are understood too): `status`; `requested`, `updated`,
`closed`, `due` (or `expected`), each ISO 8601; `service_code`, `service`; `sla_hours`: hours that its category has.
Without `requested` the event's time counts; without `closed` an ended report ended when it was updated last; without
`due` it is due `sla_hours` after it was requested, else 72 hours. Hours by category are a mapping of the source::

    sla_hours = {path = "service_code", values = {CS = 48, MT = 24}}

`status` is kept as it was said, in lower case; `open` says what it means. A status in neither table below counts as
open, so that nothing is forgotten because of a word. `overdue` becomes true by time alone. An ended report stays
on the board for 9 days (the figures look back 7 days, and compare with the day before), then it leaves. What names a
citizen never becomes part of an item. The states of our own reports are said in their own words: done and closed are
ended, refused, duplicate and merged ended in another way, all others (reopened too) are open.

How it stood before is worked out from the reports' own times, as far back as the board remembers: a source may list
only the newest, so a span is compared only when a report that ended before it is still there.

Thresholds: overdue over 4 % of the open ones warn (the target), over 8 % bad.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from ioc import clock
from ioc.event import Event
from ioc.layer import Figure, Item, Layer, tile

DONE = frozenset({"closed", "done", "resolved", "completed", "đã đóng", "đã xử lý", "hoàn thành"})
"""Ended, because it was seen to."""
DROPPED = frozenset(
    {
        "cancelled", "canceled", "rejected", "refused", "referred out", "duplicate", "merged", "withdrawn", "từ chối",
        "đã hủy",
    }
)  # fmt: skip
"""Ended in another way; does not count as closed."""
DEFAULT_SLA_HOURS = 72.0
KEPT = timedelta(days=9)
LOOK_BACK = timedelta(days=7)
DAY = timedelta(days=1)
OVERDUE_WARN, OVERDUE_BAD = 0.04, 0.08

PERSONAL = frozenset({"first_name", "last_name", "full_name", "email", "phone", "device_id", "account_id"})
_TIMES = {
    "requested": ("requested", "requested_datetime"),
    "updated": ("updated", "updated_datetime"),
    "closed": ("closed", "closed_datetime"),
    "due": ("due", "expected", "expected_datetime"),
}
_HIDDEN = PERSONAL.union(*_TIMES.values())
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_SPANS = ((DAY, "P1D"), (timedelta(hours=6), "PT6H"), (timedelta(hours=1), "PT1H"))
_MINUTE = timedelta(minutes=1)


class Reports(Layer):
    name = "reports"
    title = ("Phản ánh", "Reports")
    listens = frozenset({"ioc.report.observed", "ioc.report.filed"})
    far = "clusters"

    def item(self, event: Event) -> Item:
        made = super().item(event)
        told = {name: value for name, value in made.properties.items() if name not in _HIDDEN}
        moments = {name: _moment(made.properties, name) for name in _TIMES}
        status = str(told.get("status") or "open").strip().casefold()
        requested = moments["requested"] or event.time
        due = moments["due"] or requested + timedelta(hours=_sla(told))
        ended = status in DONE or status in DROPPED
        closed = max(moments["closed"] or moments["updated"] or event.time, requested) if ended else None
        times = {"requested": requested, "updated": moments["updated"], "due": due, "closed": closed}
        stamped = {name: clock.rfc3339(moment) for name, moment in times.items() if moment is not None}
        state = {"status": status, "open": not ended, "overdue": not ended and due <= event.received}
        return msgspec.structs.replace(made, properties={**told, **stamped, **state})

    def wakes(self, item: Item) -> datetime | None:
        """An open report when it becomes overdue; an ended one when it leaves."""
        case = _case(item)
        if case.closed is not None:
            return case.closed + KEPT
        return None if item.properties["overdue"] else case.due

    def wake(self, item: Item, now: datetime) -> Item | None:
        wakes = self.wakes(item)
        if wakes is None or now < wakes:
            return item
        if not item.properties["open"]:
            return None
        return msgspec.structs.replace(item, properties={**item.properties, "overdue": True})


class _Case(NamedTuple):
    """The times of a report; `closed` None: it is open. `done`: it ended because it was seen to."""

    requested: datetime
    due: datetime
    closed: datetime | None
    done: bool

    def open_at(self, moment: datetime) -> bool:
        return self.requested <= moment and (self.closed is None or self.closed > moment)

    def overdue_at(self, moment: datetime) -> bool:
        return self.due <= moment and self.open_at(moment)


@tile(over="reports", label=("Phản ánh đang mở", "Reports open"), wakes=_MINUTE)
def reports_open(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many reports wait for an end; the parts say how they stand with time."""
    if not items:
        return Figure(None)
    cases = _cases(items)
    waiting = [case for case in cases if case.open_at(now)]
    overdue = sum(case.overdue_at(now) for case in waiting)
    soon = sum(now < case.due <= now + DAY for case in waiting)
    parts = [
        _part("quá hạn", "overdue", overdue),
        _part("hạn trong 24 giờ", "due within 24 h", soon),
        _part("còn hạn", "in time", len(waiting) - overdue - soon),
    ]
    figure = Figure(len(waiting), parts=parts)
    return _compared(figure, cases, now, lambda case, moment: case.open_at(moment))


@tile(over="reports", label=("Phản ánh quá hạn", "Reports overdue"), wakes=_MINUTE)
def reports_overdue(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many of the open reports are past their due time."""
    if not items:
        return Figure(None)
    cases = _cases(items)
    waiting = sum(case.open_at(now) for case in cases)
    overdue = sum(case.overdue_at(now) for case in cases)
    share = overdue / waiting if waiting else 0.0
    figure = Figure(
        overdue,
        of=waiting,
        target=round(OVERDUE_WARN * waiting),
        level="bad" if share > OVERDUE_BAD else "warn" if share > OVERDUE_WARN else None,
        parts=_by_category(item for item in items.values() if _case(item).overdue_at(now)),
    )
    return _compared(figure, cases, now, lambda case, moment: case.overdue_at(moment))


@tile(over="reports", label=("Xong hôm nay", "Closed today"), wakes=_MINUTE)
def reports_closed_today(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many were closed since midnight (Asia/Ho_Chi_Minh); compared with yesterday up to the same hour."""
    if not items:
        return Figure(None)
    midnight = now.astimezone(clock.ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    cases = _cases(items)
    closed = [case.closed for case in cases if case.done and case.closed is not None]
    today = sum(midnight <= moment <= now for moment in closed)
    if not _remembers(cases, midnight - DAY):
        return Figure(today)
    yesterday = [moment for moment in closed if midnight - DAY <= moment < midnight]
    until_now = sum(moment <= now - DAY for moment in yesterday)
    return Figure(today, previous=len(yesterday), trend={"by": today - until_now, "over": "P1D"})


@tile(over="reports", label=("Giờ xử lý", "Hours to close"), unit=("giờ", "h"), wakes=_MINUTE)
def reports_median_hours(items: Mapping[str, Item], now: datetime) -> Figure:
    """Median hours from request to close, of the reports closed in the last 7 days; compared with a day ago."""
    cases = _cases(items)
    hours = _hours(cases, now)
    before = _hours(cases, now - DAY) if _remembers(cases, now - DAY - LOOK_BACK) else []
    if not hours:
        why = "Chưa có phản ánh nào được đóng trong 7 ngày qua." if items else None
        return Figure(None, have=None if items else 0, why=why)
    median = round(statistics.median(hours), 1)
    past = round(statistics.median(before), 1) if before else None
    return Figure(
        median,
        method="computed",
        previous=past,
        trend={"by": round(median - past, 1), "over": "P1D"} if past is not None else None,
        parts=[_part("phản ánh đã đóng trong 7 ngày", "reports closed in 7 days", len(hours))],
    )


def _hours(cases: Iterable[_Case], moment: datetime) -> list[float]:
    return [
        (case.closed - case.requested).total_seconds() / 3600
        for case in cases
        if case.done and case.closed is not None and moment - LOOK_BACK < case.closed <= moment
    ]


def _by_category(items: Iterable[Item]) -> list[dict[str, Any]]:
    """The three categories with most reports, by name."""
    counts = Counter(_category(item.properties) for item in items)
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    return [{"label": name, "value": count} for name, count in most]


def _category(told: Mapping[str, Any]) -> str:
    return str(told.get("service") or told.get("service_name") or told.get("service_code") or "—")


def _part(vi: str, en: str, value: float) -> dict[str, Any]:
    return {"label": {"vi": vi, "en": en}, "value": value}


def _remembers(cases: Iterable[_Case], moment: datetime) -> bool:
    """Whether the board knows how it stood at `moment`: a report that had ended by then is still there."""
    return any(case.closed is not None and case.closed <= moment for case in cases)


def _compared(figure: Figure, cases: list[_Case], now: datetime, counts: Callable[[_Case, datetime], bool]) -> Figure:
    """The figure, with what it was a day ago, or as far back as the board remembers."""
    for span, name in _SPANS:
        if _remembers(cases, now - span):
            before = sum(counts(case, now - span) for case in cases)
            trend = {"by": int(figure.value or 0) - before, "over": name}
            return msgspec.structs.replace(figure, previous=before, trend=trend)
    return figure


def _cases(items: Mapping[str, Item]) -> list[_Case]:
    return [_case(item) for item in items.values()]


def _case(item: Item) -> _Case:
    told = item.properties
    closed = None if told["open"] else _parsed(told["closed"])
    return _Case(_parsed(told["requested"]), _parsed(told["due"]), closed, told["status"] in DONE)


@lru_cache(maxsize=100_000)
def _parsed(text: str) -> datetime:
    return clock.parse(text)


def _moment(told: Mapping[str, Any], name: str) -> datetime | None:
    """A time under one of its names; None when it is absent or can't be read."""
    for key in _TIMES[name]:
        value = told.get(key)
        if isinstance(value, str) and value:
            try:
                moment = clock.parse(value)
            except ValueError:
                continue
            # 9999-12-31 and the like stand for "none" in many databases
            if _FIRST_YEAR <= moment.year <= _LAST_YEAR:
                return moment
    return None


def _sla(told: Mapping[str, Any]) -> float:
    """Hours that a report may take."""
    given = told.get("sla_hours")
    if isinstance(given, int | float) and 0 < given < 24 * 3660:
        return float(given)
    return DEFAULT_SLA_HOURS
