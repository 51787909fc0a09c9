"""When a report, and its next step, is due: in working hours of the province, to the minute. Pure.

The clock of the whole case runs from filing (`done` hours), and anew from a reopening. The clock of a step runs from
when the report came into its state: new, reopened and verified wait for the desk (`verify` hours), assigned waits for
its agency (`accept` hours, anew after a transfer), accepted and in progress wait for the end of the whole. While the
citizen is asked, both stand: what was left of them is left when the citizen has answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from ioc import clock
from ioc.db.reports import Report
from ioc.report_rules import Reports, WorkDay
from ioc.reports import life
from ioc.workdays import Calendar

Due = tuple[datetime | None, datetime | None]
"""When all of it is due, and when the next step is."""
DAY = timedelta(days=1)
NONE = timedelta(0)
_LONGEST_REST = 60
"""Days off in a row, at most; more can only be a mistake in the settings."""


class Work(NamedTuple):
    """Working time: the spans of `day` on days that `calendar` works; `always`: day and night."""

    calendar: Calendar
    day: WorkDay
    always: bool = False

    def after(self, moment: datetime, span: timedelta) -> datetime:
        """The first moment by which `span` of working time has passed since `moment`; for none, `moment` itself.

        Raises ValueError when the calendar never works again.
        """
        if span <= NONE or self.always:
            return moment + max(span, NONE)
        left = span
        for begin, end in self._spans(moment.astimezone(clock.ZONE).date(), DAY):
            start = max(begin, moment)
            if start < end:
                if left <= end - start:
                    return start + left
                left -= end - start
        raise ValueError(f"No day near {moment:%Y-%m-%d} is worked; look at off in [calendar].")

    def before(self, moment: datetime, span: timedelta) -> datetime:
        """The last moment from which `span` of working time passes until `moment`; the other way of `after`."""
        if span <= NONE or self.always:
            return moment - max(span, NONE)
        left = span
        for begin, end in self._spans(moment.astimezone(clock.ZONE).date(), -DAY):
            stop = min(end, moment)
            if begin < stop:
                if left <= stop - begin:
                    return stop - left
                left -= stop - begin
        raise ValueError(f"No day near {moment:%Y-%m-%d} is worked; look at off in [calendar].")

    def between(self, begin: datetime, end: datetime) -> timedelta:
        """Working time from `begin` to `end`; none when `end` is not later."""
        if end <= begin or self.always:
            return max(end - begin, NONE)
        found, last = NONE, end.astimezone(clock.ZONE).date()
        day = begin.astimezone(clock.ZONE).date()
        while day <= last:
            for opens, shuts in self._on(day) if self.calendar.works(day) else ():
                found += max(min(shuts, end) - max(opens, begin), NONE)
            day += DAY
        return found

    def _on(self, day: date) -> list[tuple[datetime, datetime]]:
        return [
            (datetime.combine(day, begin, clock.ZONE), datetime.combine(day, end, clock.ZONE))
            for begin, end in self.day.spans
        ]

    def _spans(self, day: date, step: timedelta) -> Iterator[tuple[datetime, datetime]]:
        """The working spans from `day` on, in the direction of `step`."""
        rest = 0
        while rest < _LONGEST_REST:
            if self.calendar.works(day):
                rest = 0
                spans = self._on(day)
                yield from spans if step > NONE else reversed(spans)
            else:
                rest += 1
            day += step


def work(rules: Reports, calendar: Calendar, category: str) -> Work:
    """The working time of a category; one that the settings no longer name has the offices' hours."""
    known = rules.categories.get(category)
    return Work(calendar, rules.hours, known is not None and known.always)


def _span(rules: Reports, category: str, step: str) -> timedelta:
    known = rules.categories.get(category)
    # a category that was taken out of the settings keeps its reports: the first one's hours are better than none
    hours = (known or next(iter(rules.categories.values()))).hours
    return timedelta(hours=getattr(hours, step))


def first(rules: Reports, calendar: Calendar, category: str, filed: datetime) -> tuple[datetime, datetime]:
    """When a report that was just filed (or reopened) is due, and when it is to be verified."""
    time = work(rules, calendar, category)
    return time.after(filed, _span(rules, category, "done")), time.after(filed, _span(rules, category, "verify"))


def after(
    rules: Reports, calendar: Calendar, report: Report, step: str, to: str, at: datetime, *, category: str | None = None
) -> Due:
    """When it is due after `step` brought it to the state `to` at `at`; `report` is as it stood before the step.

    `category`: what it is from now on, when the step changed that. An ended report keeps when it was due, so that one
    can say whether it was in time; it waits for no step.
    """
    kind = category or report.category
    time = work(rules, calendar, kind)
    due, step_due = report.due, report.step_due
    if step == "reopen":
        return first(rules, calendar, kind, at)
    if step == "tell":
        stood = time.between(report.since, at)
        return _later(time, due, stood), _later(time, step_due, stood)
    if kind != report.category and due is not None:
        due = _recount(rules, calendar, report, due, kind)
    if to not in life.OPEN:
        return due, None
    if to == report.state and step != "assign":
        return due, step_due
    if to == "more_info":
        # both stand from here, and go on from where they stood
        return due, step_due
    if to == "verified":
        return due, time.after(at, _span(rules, kind, "verify"))
    if to == "assigned":
        return due, time.after(at, _span(rules, kind, "accept"))
    return due, due


def stands(state: str) -> bool:
    """Whether the clocks stand in this state: the citizen was asked."""
    return state == "more_info"


def left(rules: Reports, calendar: Calendar, report: Report, now: datetime) -> timedelta | None:
    """Working time that is left for the next step; less than none: so late it is. None: nobody waits for it.

    While the citizen is asked: what was left when the clock began to stand.
    """
    if report.step_due is None or report.state not in life.OPEN:
        return None
    at = report.since if stands(report.state) else now
    time = work(rules, calendar, report.category)
    if at <= report.step_due:
        return time.between(at, report.step_due)
    return -time.between(report.step_due, at)


def late(report: Report, now: datetime) -> bool:
    """Whether its next step is overdue."""
    waits = report.state in life.OPEN and not stands(report.state)
    return waits and report.step_due is not None and report.step_due < now


def warn_at(rules: Reports, calendar: Calendar, report: Report) -> datetime | None:
    """When the next step is to be warned of: when `warn_share` of its working time is left. None: it waits for none.

    The time that a step has begins when the report came into its state.
    """
    if report.step_due is None or report.state not in life.OPEN or stands(report.state):
        return None
    time = work(rules, calendar, report.category)
    whole = time.between(report.since, report.step_due)
    return time.after(report.since, whole * (1 - rules.desk.warn_share))


def escalations(rules: Reports, calendar: Calendar, report: Report, now: datetime) -> int:
    """How many of the desk's `escalate_h` (working hours past due) have passed for the next step."""
    if not late(report, now) or report.step_due is None:
        return 0
    over = work(rules, calendar, report.category).between(report.step_due, now)
    return sum(timedelta(hours=hours) <= over for hours in rules.desk.escalate_h)


def _later(time: Work, moment: datetime | None, stood: timedelta) -> datetime | None:
    return time.after(moment, stood) if moment is not None else None


def _recount(rules: Reports, calendar: Calendar, report: Report, due: datetime, kind: str) -> datetime:
    """When a report of another category would be due, from the same beginning and with the same standing time."""
    old = work(rules, calendar, report.category)
    span = _span(rules, report.category, "done")
    straight = old.between(report.filed, due) == span
    began = report.filed if straight else old.before(due, span)
    return work(rules, calendar, kind).after(began, _span(rules, kind, "done"))
