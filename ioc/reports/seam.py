"""The life and the clocks of reports, as far as they stand here."""

from __future__ import annotations

from datetime import datetime, timedelta

from ioc.db.reports import Report
from ioc.report_rules import Reports
from ioc.workdays import Calendar

_LIFE: dict[str, tuple[str, str, str]] = {
    "verify": ("new reopened", "verified", "operator admin"),
    "assign": ("verified reopened assigned accepted in_progress", "assigned", "operator admin clock"),
    "accept": ("assigned", "accepted", "agency operator admin"),
    "reject": ("assigned accepted", "verified", "agency"),
    "start": ("accepted", "in_progress", "agency"),
    "ask": ("new verified assigned accepted in_progress", "more_info", "operator agency admin"),
    "tell": ("more_info", "<before>", "citizen operator admin"),
    "finish": ("accepted in_progress", "done", "agency operator admin"),
    "close": ("done", "closed", "citizen operator admin clock"),
    "refuse": ("new verified more_info", "refused", "operator admin"),
    "reopen": ("done closed refused", "reopened", "citizen operator admin"),
    "duplicate": ("new verified assigned", "duplicate", "operator admin"),
    "merge": ("new verified assigned accepted in_progress", "merged", "operator admin"),
    "split": ("new verified assigned accepted in_progress more_info reopened", "", "operator admin"),
    "answer": (
        "new verified assigned accepted in_progress more_info reopened done closed refused",
        "",
        "operator agency admin",
    ),
    "late": ("new verified assigned accepted in_progress more_info reopened", "", "clock"),
}
_EVERY = " ".join(dict.fromkeys(" ".join(one[0] for one in _LIFE.values()).split())) + " duplicate merged"
_LIFE |= {"hide": (_EVERY, "", "admin"), "unhide": (_EVERY, "", "admin")}
ROLES = ("citizen", "operator", "agency", "admin", "clock")


def allowed(state: str, step: str, who: str, before: str | None = None) -> str | None:
    """The state after `step` by a `who`; None: it is not allowed."""
    states, to, may = _LIFE.get(step, ("", "", ""))
    if state not in states.split() or who not in may.split():
        return None
    return before if to == "<before>" else to or state


def first(rules: Reports, calendar: Calendar, category: str, filed: datetime) -> tuple[datetime, datetime]:
    """When a report is due to be done, and to be verified."""
    hours = rules.categories[category].hours
    return filed + timedelta(hours=hours.done), filed + timedelta(hours=hours.verify)


def after(
    rules: Reports, calendar: Calendar, report: Report, step: str, to: str, at: datetime
) -> tuple[datetime | None, datetime | None]:
    """Due times after a step."""
    ended = to in ("done", "closed", "refused", "duplicate", "merged")
    return report.due, None if ended else report.due
