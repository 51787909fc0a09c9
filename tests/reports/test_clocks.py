"""Due times to the minute: nights, noon, weekends, Tết, make-up days, reopening, transfer, and a clock that stands."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import clock
from ioc.db.reports import Report
from ioc.report_rules import Agency, Category, Desk, Hours, Reports
from ioc.reports import clocks
from ioc.reports.clocks import Work
from ioc.workdays import Calendar

WATER = Category(("Cấp nước", "Water supply"), Hours(verify=2, accept=2, done=24))
FIRE = Category(("Cháy", "Fire"), Hours(verify=0.5, accept=1, done=6), always=True)
LIGHT = Category(("Đèn đường", "Street light"), Hours(verify=4, accept=8, done=45))
RULES = Reports(
    jurisdiction="phuyen.gov.vn", desk=Desk("desk"),
    categories={"water": WATER, "fire": FIRE, "light": LIGHT},
    agencies={"desk": Agency(("Trung tâm", "Centre")), "pipes": Agency(("Cấp nước", "Water"))},
)  # fmt: skip
# Tết 2026 is off from Monday 16 to Friday 20 February; Saturday 22 August is worked for Monday 31 August
CALENDAR = Calendar(off=(date(2026, 8, 31),), on=(date(2026, 8, 22),))
OFFICE = Work(CALENDAR, RULES.hours)


def at(text: str) -> datetime:
    """A clock time of the province in 2026: "03-10 09:00"."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=clock.ZONE)


def report(state: str = "new", **other: object) -> Report:
    filed = at("03-10 08:00")
    due, step_due = clocks.first(RULES, CALENDAR, "water", filed)
    known = Report(
        id="r", number="PY-2026-0310-0001", channel="app", jurisdiction="phuyen.gov.vn", category="water",
        words="Vỡ ống nước", state=state, since=filed, version=1, filed=filed, updated=filed, follow="", due=due,
        step_due=step_due,
    )  # fmt: skip
    return msgspec.structs.replace(known, **other)


WORKED = [
    # begins, working hours, ends
    ("03-10 08:00", 2.0, "03-10 10:00"),
    ("03-10 10:00", 2.0, "03-10 14:00"),  # over noon
    ("03-10 09:30", 2.0, "03-10 11:30"),  # to the end of the morning, not the beginning of the afternoon
    ("03-10 16:00", 2.0, "03-11 08:30"),  # over night
    ("03-10 12:15", 1.0, "03-10 14:30"),  # begun at noon
    ("03-10 22:00", 0.5, "03-11 08:00"),  # begun at night
    ("03-13 16:30", 1.0, "03-16 08:00"),  # over a weekend
    ("03-14 10:00", 7.5, "03-16 17:00"),  # begun on a Saturday: all of Monday
    ("02-13 16:00", 2.0, "02-23 08:30"),  # over Tết: from Friday the 13th to Monday the 23rd
    ("02-18 09:00", 1.0, "02-23 08:30"),  # begun in Tết
    ("04-29 16:00", 2.0, "05-04 08:30"),  # 30 April and 1 May, then a weekend
    ("08-21 16:00", 2.0, "08-22 08:30"),  # a Saturday that is worked
    ("08-28 16:30", 1.0, "09-03 08:00"),  # 31 August off for it, then National Day
    ("03-10 08:00", 37.5, "03-17 08:00"),  # a week of work
    ("03-10 08:07", 24.0, "03-13 09:37"),  # to the minute
    ("03-10 08:00", 1 / 60, "03-10 08:01"),
]


@pytest.mark.parametrize(("begin", "hours", "end"), WORKED)
def test_working_hours_to_the_minute(begin: str, hours: float, end: str) -> None:
    span = timedelta(hours=hours)
    found = OFFICE.after(at(begin), span)
    assert found == at(end)
    assert OFFICE.between(at(begin), found) == span
    assert OFFICE.after(OFFICE.before(found, span), span) == found


@pytest.mark.parametrize(("begin", "end"), [("02-14 23:10", "02-15 05:10"), ("03-14 10:00", "03-14 16:00")])
def test_some_categories_run_day_and_night(begin: str, end: str) -> None:
    due, step_due = clocks.first(RULES, CALENDAR, "fire", at(begin))
    assert (due, step_due) == (at(end), at(begin) + timedelta(minutes=30))


def test_filing_sets_the_whole_and_the_first_step() -> None:
    assert clocks.first(RULES, CALENDAR, "water", at("03-13 16:30")) == (at("03-19 08:30"), at("03-16 09:00"))


DUES = [
    # what happened, the report before it, step, to, when; when it is due then, and when the next step is
    ("verified", {}, "verify", "verified", "03-10 09:00", "03-13 09:30", "03-10 11:00"),
    ("assigned", {"state": "verified"}, "assign", "assigned", "03-10 11:00", "03-13 09:30", "03-10 15:00"),
    ("transferred: the agency's time begins anew, the citizen's does not", {"state": "assigned"}, "assign", "assigned",
     "03-11 16:00", "03-13 09:30", "03-12 08:30"),
    ("transferred while in progress", {"state": "in_progress"}, "assign", "assigned", "03-12 08:00", "03-13 09:30",
     "03-12 10:00"),
    ("came back from the agency", {"state": "assigned"}, "reject", "verified", "03-10 16:30", "03-13 09:30",
     "03-11 09:00"),
    ("accepted: what is left is the whole", {"state": "assigned"}, "accept", "accepted", "03-10 14:00", "03-13 09:30",
     "03-13 09:30"),
    ("started", {"state": "accepted"}, "start", "in_progress", "03-10 14:00", "03-13 09:30", "03-13 09:30"),
    ("answered: nothing moves", {"state": "assigned"}, "answer", "assigned", "03-11 09:00", "03-13 09:30",
     "03-10 10:00"),
    ("done", {"state": "in_progress"}, "finish", "done", "03-12 08:00", "03-13 09:30", None),
    ("closed", {"state": "done", "step_due": None}, "close", "closed", "03-12 08:00", "03-13 09:30", None),
    ("refused", {}, "refuse", "refused", "03-10 09:00", "03-13 09:30", None),
    ("merged", {}, "merge", "merged", "03-10 09:00", "03-13 09:30", None),
    ("reopened on a Friday: all hours anew", {"state": "closed", "step_due": None}, "reopen", "reopened", "03-20 16:30",
     "03-26 08:30", "03-23 09:00"),
    ("reopened in Tết", {"state": "done", "step_due": None}, "reopen", "reopened", "02-17 10:00", "02-26 09:00",
     "02-23 09:30"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "before", "step", "to", "when", "due", "step_due"), DUES, ids=[d[0] for d in DUES])
def test_due_after_a_step(
    what: str, before: dict[str, object], step: str, to: str, when: str, due: str, step_due: str | None
) -> None:
    found = clocks.after(RULES, CALENDAR, report(**before), step, to, at(when))  # type: ignore[arg-type]
    assert found == (at(due), at(step_due) if step_due else None)


STOOD = [
    # asked, told, due, next step due (of 03-13 09:30 and 03-10 10:00)
    ("03-10 09:00", "03-10 10:00", "03-13 10:30", "03-10 11:00"),
    ("03-10 09:00", "03-10 16:00", "03-13 16:30", "03-10 17:00"),  # 5 working hours: noon is none
    ("03-10 09:00", "03-16 09:00", "03-19 09:30", "03-16 10:00"),  # over a weekend: 30 hours of work
    ("03-13 18:00", "03-15 20:00", "03-13 09:30", "03-10 10:00"),  # asked and told when nobody works: nothing moves
    ("03-11 09:00", "03-11 10:00", "03-13 10:30", "03-10 11:00"),  # asked when the step was late: as late as before
]


@pytest.mark.parametrize(("asked", "told", "due", "step_due"), STOOD)
def test_the_clock_stands_while_the_citizen_is_asked(asked: str, told: str, due: str, step_due: str) -> None:
    before = report()
    stood = clocks.after(RULES, CALENDAR, before, "ask", "more_info", at(asked))
    assert stood == (before.due, before.step_due)
    waiting = report("more_info", since=at(asked), before_info="new")
    assert not clocks.late(waiting, at("12-01 09:00")) and clocks.warn_at(RULES, CALENDAR, waiting) is None
    assert clocks.left(RULES, CALENDAR, waiting, at(told)) == clocks.left(RULES, CALENDAR, before, at(asked))
    assert clocks.after(RULES, CALENDAR, waiting, "tell", "new", at(told)) == (at(due), at(step_due))


def test_another_category_counts_from_the_same_beginning() -> None:
    verified = clocks.after(RULES, CALENDAR, report(), "verify", "verified", at("03-10 09:00"), category="light")
    assert verified == (OFFICE.after(at("03-10 08:00"), timedelta(hours=45)), at("03-10 15:00"))
    fire = clocks.after(RULES, CALENDAR, report(), "verify", "verified", at("03-10 09:00"), category="fire")
    assert fire == (at("03-10 14:00"), at("03-10 09:30"))
    # one that stood for two hours has them under its new name too
    later = report(due=OFFICE.after(at("03-10 08:00"), timedelta(hours=26)))
    due, _ = clocks.after(RULES, CALENDAR, later, "verify", "verified", at("03-10 14:00"), category="light")
    assert due == OFFICE.after(at("03-10 08:00"), timedelta(hours=47))


def test_what_is_left_warned_of_and_escalated() -> None:
    one = report()
    assert clocks.left(RULES, CALENDAR, one, at("03-10 09:15")) == timedelta(minutes=45)
    assert clocks.left(RULES, CALENDAR, one, at("03-10 14:30")) == -timedelta(hours=2.5)
    assert clocks.warn_at(RULES, CALENDAR, one) == at("03-10 09:30")
    assert not clocks.late(one, at("03-10 10:00")) and clocks.late(one, at("03-10 10:01"))
    # four working hours late: 10:00 to 11:30 and 13:30 to 16:00; 24: four days on, at night none pass
    times = ("03-10 09:59", "03-10 15:59", "03-10 16:00", "03-12 23:00", "03-13 11:00", "04-01 09:00")
    assert [clocks.escalations(RULES, CALENDAR, one, at(when)) for when in times] == [0, 0, 1, 1, 1, 2]
    over = report("closed")
    assert clocks.left(RULES, CALENDAR, over, at("03-10 14:30")) is None
    assert (
        not clocks.late(over, at("12-01 09:00")) and clocks.escalations(RULES, CALENDAR, over, at("12-01 09:00")) == 0
    )


def test_a_calendar_without_work_says_so() -> None:
    off = tuple(date(2026, 3, 1) + timedelta(days=n) for n in range(100))
    with pytest.raises(ValueError, match=r"look at off in \[calendar\]"):
        Work(Calendar(off=off), RULES.hours).after(at("03-10 09:00"), timedelta(hours=1))


MOMENTS = st.integers(0, 3 * 366 * 1440).map(lambda minutes: at("01-01 00:00") + timedelta(minutes=minutes))
HOURS = st.floats(0.01, 400)


@given(MOMENTS, HOURS, HOURS)
def test_due_is_never_before_filed_and_more_hours_are_never_sooner(filed: datetime, one: float, other: float) -> None:
    sooner, later = sorted((one, other))
    first, second = (OFFICE.after(filed, timedelta(hours=hours)) for hours in (sooner, later))
    assert filed < first <= second
    assert OFFICE.between(filed, first) == timedelta(hours=sooner)


@given(MOMENTS, MOMENTS, MOMENTS)
def test_working_time_adds_up(one: datetime, two: datetime, three: datetime) -> None:
    begin, middle, end = sorted((one, two, three))
    assert OFFICE.between(begin, middle) + OFFICE.between(middle, end) == OFFICE.between(begin, end)
    assert OFFICE.between(end, begin) == timedelta(0)


@given(MOMENTS, MOMENTS)
def test_who_files_later_is_never_due_sooner(one: datetime, other: datetime) -> None:
    first, second = sorted((one, other))
    sooner, later = (clocks.first(RULES, CALENDAR, "water", filed) for filed in (first, second))
    assert sooner[0] <= later[0] and sooner[1] <= later[1]
