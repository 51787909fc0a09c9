"""Reports of citizens: what is open, what is overdue, how fast it is answered.

What a source's `properties` may say (GeoReport v2's own names are understood too): `status`; `requested`, `updated`,
`closed`, `due` (or `expected`), each ISO 8601; `service_code`, `service`; `sla_hours`: hours that its category has.
Without `requested` the event's time counts; without `closed` an ended report ended when it was updated last; without
`due` it is due `sla_hours` after it was requested, else 72 hours. Hours by category are a mapping of the source::

    sla_hours = {path = "service_code", values = {CS = 48, MT = 24}}

`status` is kept as it was said, in lower case; `open` says what it means. A status that `ioc.report_rules` does not
know counts as open, so that nothing is forgotten because of a word. `overdue` becomes true by time alone. While the
citizen is asked for more the clock stands: the report is not overdue, and `stands`, from `since` on, until it is
answered. An ended report stays on the board for 9 days (the figures look back 7 days, and compare with the day before),
then it leaves. What names a citizen never becomes part of an item, and numbers of people in what was said are masked
(`ioc/everybody.py`). The states of our own reports are said in their own words: done and closed are ended, refused,
duplicate and merged ended in another way, others (reopened too) are open.

How it stood before is worked out from the reports' own times, as far back as the board remembers: a source may list
only the newest, so a span is compared only when a report that ended before it is still there.

Shares are of stated wholes, in percent; what a share is over stands at its tile, as `have` of `expect`. Where nobody
told what a share needs there is none: null, 0 of so many.

Thresholds: overdue over 4 % of the open ones warn (the target), over 8 % bad.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from ioc import clock, everybody
from ioc.event import Event
from ioc.layer import Figure, Item, Layer, tile
from ioc.report_rules import DONE, DROPPED, WAITS

DEFAULT_SLA_HOURS = 72.0
KEPT = timedelta(days=9)
LOOK_BACK = timedelta(days=7)
DAY = timedelta(days=1)
OVERDUE_WARN, OVERDUE_BAD = 0.04, 0.08

PERSONAL = frozenset({"first_name", "last_name", "full_name", "email", "phone", "device_id", "account_id"})
SAID = ("description", "address", "status_notes")
"""What people said in their own words: a number of somebody in it is masked."""
_TIMES = {
    "requested": ("requested", "requested_datetime"),
    "updated": ("updated", "updated_datetime"),
    "closed": ("closed", "closed_datetime"),
    "due": ("due", "expected", "expected_datetime"),
    "since": ("since",),
}
_HIDDEN = PERSONAL.union(*_TIMES.values(), ("stands", "due_assumed"))
_SPANS = ((DAY, "P1D"), (timedelta(hours=6), "PT6H"), (timedelta(hours=1), "PT1H"))
_MINUTE = timedelta(minutes=1)
_CONTENT = 4
"""The least of the scores 1 to 5 that says: content."""


class Reports(Layer):
    name = "reports"
    title = ("Phản ánh", "Reports")
    listens = frozenset({"ioc.report.observed", "ioc.report.filed"})
    far = "clusters"
    agencies = True
    version = 2

    def item(self, event: Event) -> Item:
        made = super().item(event)
        told = {name: value for name, value in made.properties.items() if name not in _HIDDEN}
        told |= {name: everybody.words(told[name]) for name in SAID if isinstance(told.get(name), str)}
        moments = {name: clock.told(made.properties, *known) for name, known in _TIMES.items()}
        status = str(told.get("status") or "open").strip().casefold()
        requested = moments["requested"] or event.time
        due = moments["due"] or requested + timedelta(hours=_sla(told))
        ended = status in DONE or status in DROPPED
        closed = max(moments["closed"] or moments["updated"] or event.time, requested) if ended else None
        stood = (moments["since"] or moments["updated"] or event.time) if status in WAITS else None
        times = {"requested": requested, "updated": moments["updated"], "due": due, "closed": closed, "since": stood}
        stamped = {name: clock.rfc3339(moment) for name, moment in times.items() if moment is not None}
        overdue = not ended and stood is None and due <= event.received
        state: dict[str, Any] = {"status": status, "open": not ended, "overdue": overdue}
        if stood is not None:
            state["stands"] = True
        if moments["due"] is None and _hours_told(told) is None:
            # nobody promised that: a share of the promises that were kept leaves it out
            state["due_assumed"] = True
        return msgspec.structs.replace(made, properties={**told, **stamped, **state})

    def wakes(self, item: Item) -> datetime | None:
        """An open report when it becomes overdue (never while its clock stands); an ended one when it leaves."""
        case = _case(item)
        if case.closed is not None:
            return case.closed + KEPT
        return None if item.properties["overdue"] or case.stood is not None else case.due

    def wake(self, item: Item, now: datetime) -> Item | None:
        wakes = self.wakes(item)
        if wakes is None or now < wakes:
            return item
        if not item.properties["open"]:
            return None
        return msgspec.structs.replace(item, properties={**item.properties, "overdue": True})


class _Case(NamedTuple):
    """The times of a report; `closed` None: it is open. `done`: it ended because it was seen to.

    `stood`: since when its clock stands; None: it runs.
    """

    requested: datetime
    due: datetime
    closed: datetime | None
    done: bool
    stood: datetime | None

    def open_at(self, moment: datetime) -> bool:
        return self.requested <= moment and (self.closed is None or self.closed > moment)

    def overdue_at(self, moment: datetime) -> bool:
        return self.due <= moment and self.open_at(moment) and not self.stands_at(moment)

    def stands_at(self, moment: datetime) -> bool:
        return self.stood is not None and self.stood <= moment


@tile(over="reports", label=("Phản ánh đang mở", "Reports open"), wakes=_MINUTE)
def reports_open(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many reports wait for an end; the parts say how they stand with time."""
    if not items:
        return Figure(None)
    cases = _cases(items)
    waiting = [case for case in cases if case.open_at(now)]
    overdue = sum(case.overdue_at(now) for case in waiting)
    asked = sum(case.stands_at(now) for case in waiting)
    soon = sum(now < case.due <= now + DAY and not case.stands_at(now) for case in waiting)
    parts = [
        _part("quá hạn", "overdue", overdue),
        _part("hạn trong 24 giờ", "due within 24 h", soon),
        _part("còn hạn", "in time", len(waiting) - overdue - soon - asked),
    ]
    if asked:
        parts.append(_part("chờ người báo trả lời", "wait for the citizen", asked))
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
        parts=_by_category(item for item, case in zip(items.values(), cases, strict=True) if case.overdue_at(now)),
    )
    return _compared(figure, cases, now, lambda case, moment: case.overdue_at(moment))


@tile(over="reports", label=("Nhận hôm nay", "Received today"), wakes=_MINUTE)
def reports_received_today(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many were filed since midnight (Asia/Ho_Chi_Minh), however they ended; compared as those closed today are."""
    cases = _cases(items)
    return _today(cases, [case.requested for case in cases], now)


@tile(over="reports", label=("Xong hôm nay", "Closed today"), wakes=_MINUTE)
def reports_closed_today(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many were closed since midnight (Asia/Ho_Chi_Minh); compared with yesterday up to the same hour."""
    cases = _cases(items)
    return _today(cases, [case.closed for case in cases if case.done and case.closed is not None], now)


def _today(cases: list[_Case], moments: list[datetime], now: datetime) -> Figure:
    if not cases:
        return Figure(None)
    midnight = now.astimezone(clock.ZONE).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    today = sum(midnight <= moment <= now for moment in moments)
    if not _remembers(cases, midnight - DAY):
        return Figure(today)
    yesterday = [moment for moment in moments if midnight - DAY <= moment < midnight]
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


@tile(over="reports", label=("Đúng hạn", "On time"), unit=("%", "%"), wakes=_MINUTE)
def reports_on_time(items: Mapping[str, Item], now: datetime) -> Figure:
    """Of the reports closed in the last 7 days that were promised a due time, how many percent were closed by then.

    `have`: those that were promised one, of all that were closed (`expect`); the layer's own 72 hours promise nothing.
    """
    done = _done(items, now)
    promised = [_case(item) for item in done if not item.properties.get("due_assumed")]
    kept = sum(case.closed is not None and case.closed <= case.due for case in promised)
    parts = [_part("đúng hạn", "on time", kept), _part("trễ hạn", "late", len(promised) - kept)]
    return _share(kept, len(promised), len(done), parts, "Chưa có phản ánh nào đóng trong 7 ngày qua mà có hạn.")


@tile(over="reports", label=("Phải mở lại", "Reopened"), unit=("%", "%"), wakes=_MINUTE)
def reports_reopened(items: Mapping[str, Item], now: datetime) -> Figure:
    """Of the reports closed in the last 7 days, and those that are open again, how many percent were reopened.

    `have`: those whose source tells how often they were (`reopened`), of all (`expect`); a report counts once.
    """
    again = [item for item in items.values() if item.properties["open"] and _whole(item, "reopened")]
    ended = _done(items, now) + again
    counts = [found for item in ended if (found := _whole(item, "reopened")) is not None]
    reopened = sum(found > 0 for found in counts)
    parts = [_part("mở lại, nay đang mở", "open again", len(again)), _part("từng mở lại", "ever reopened", reopened)]
    why = "Không nguồn nào cho biết phản ánh có phải mở lại không."
    return _share(reopened, len(counts), len(ended), parts, why)


@tile(over="reports", label=("Người dân hài lòng", "Citizens content"), unit=("%", "%"), wakes=_MINUTE)
def reports_satisfaction(items: Mapping[str, Item], now: datetime) -> Figure:
    """Of the citizens who rated a report closed in the last 7 days, how many percent gave 4 or 5 of 5.

    `have`: reports that were rated, of all that were closed (`expect`). Who is silent is neither content nor not.
    """
    done = _done(items, now)
    scores = [found for item in done if (found := _whole(item, "satisfied")) is not None and 1 <= found <= 5]
    content = sum(found >= _CONTENT for found in scores)
    parts = [
        _part("hài lòng (4, 5)", "content (4, 5)", content),
        _part("chưa (1, 2, 3)", "not (1, 2, 3)", len(scores) - content),
    ]
    return _share(content, len(scores), len(done), parts, "Chưa người dân nào đánh giá phản ánh đóng trong 7 ngày qua.")


def _share(part: int, have: int, expect: int, parts: list[dict[str, Any]], why: str) -> Figure:
    """`part` of `have` in percent; without any, null and 0 of `expect`."""
    if not have:
        return Figure(None, have=0, expect=expect or None, why=why if expect else None)
    return Figure(round(100 * part / have, 1), have=have, expect=expect, method="computed", parts=parts)


def _done(items: Mapping[str, Item], now: datetime) -> list[Item]:
    """Those that were seen to in the last 7 days."""
    found = ((item, _case(item)) for item in items.values())
    return [
        item for item, case in found if case.done and case.closed is not None and now - LOOK_BACK < case.closed <= now
    ]


def _whole(item: Item, name: str) -> int | None:
    """A count that the source told; None: it told none."""
    told = item.properties.get(name)
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None


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
    closed, stood = None if told["open"] else told["closed"], told["since"] if told.get("stands") else None
    return _parsed(told["requested"], told["due"], closed, told["status"] in DONE, stood)


@lru_cache(maxsize=200_000)
def _parsed(requested: str, due: str, closed: str | None, done: bool, stood: str | None) -> _Case:
    """Each report's times are read once, not at each look of each tile; in one zone they are compared the quickest."""
    begun, due_at = clock.parse(requested).astimezone(UTC), clock.parse(due).astimezone(UTC)
    ended, stands = (clock.parse(text).astimezone(UTC) if text is not None else None for text in (closed, stood))
    return _Case(begun, due_at, ended, done, stands)


def _sla(told: Mapping[str, Any]) -> float:
    """Hours that a report may take."""
    given = _hours_told(told)
    return DEFAULT_SLA_HOURS if given is None else given


def _hours_told(told: Mapping[str, Any]) -> float | None:
    given = told.get("sla_hours")
    return float(given) if isinstance(given, int | float) and 0 < given < 24 * 3660 else None
