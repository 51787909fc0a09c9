"""When a figure is owed: each rule on the days that are hard, by a simulated clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.clock import ZONE
from ioc.contract import Answered, Contract, State, aged, judge
from ioc.duty import Due
from ioc.period import period
from ioc.workdays import Calendar

CALENDAR = Calendar(off=(date(2026, 3, 9),), on=(date(2026, 3, 14),))
"""A Monday that nobody works, and the Saturday that is worked for it."""
DAILY = Due("day", by="17:00", working=True)
MONTHLY = Due("month", by="17:00", after=5, working=True)
BANKS = Due("month", by="17:00", after=2, starts=15)
DEMO = Due("stretch", seconds=120)
QUARTERLY = Due("quarter", by="09:00", after=10)
SCHOOL = Due("year", by="17:00", after=30, month=9)
TOKYO = Due("day", by="17:00", zone="Asia/Tokyo")
HOUR = 3600.0


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def told(last: str, error: str | None = None) -> Answered:
    """A source that told of the period which ends on `last`, and was looked at since."""
    day = date.fromisoformat(last)
    then = datetime.combine(day, datetime.min.time(), ZONE)
    return Answered("x", asked=then, answered=then, observed=then, reached=day, error=error)


# 2026: Tết is off from Monday 16 to Friday 20 February; 6 March is a Friday; 9 March is off, 14 March is worked
CASES = [
    # what is owed, the last day told of, the moment, the state, and until when the next is due
    pytest.param(DAILY, "2026-03-05", "2026-03-06 16:59:59", "live", "2026-03-06 17:00", id="friday, just before"),
    pytest.param(DAILY, "2026-03-05", "2026-03-06 17:00:00", "live", "2026-03-06 17:00", id="friday, on the second"),
    pytest.param(DAILY, "2026-03-05", "2026-03-06 17:00:01", "late", "2026-03-06 17:00", id="friday, just after"),
    pytest.param(DAILY, "2026-03-05", "2026-03-06 18:00:00", "late", "2026-03-06 17:00", id="friday, end of grace"),
    pytest.param(DAILY, "2026-03-05", "2026-03-06 18:00:01", "stale", "2026-03-06 17:00", id="friday, past grace"),
    pytest.param(DAILY, "2026-03-06", "2026-03-07 23:00:00", "live", "2026-03-10 17:00", id="saturday owes nothing"),
    pytest.param(DAILY, "2026-03-06", "2026-03-09 20:00:00", "live", "2026-03-10 17:00", id="nor a monday that is off"),
    pytest.param(DAILY, "2026-03-06", "2026-03-10 17:00:01", "late", "2026-03-10 17:00", id="tuesday owes again"),
    pytest.param(DAILY, "2026-03-13", "2026-03-14 16:00:00", "live", "2026-03-14 17:00", id="make-up day, before"),
    pytest.param(DAILY, "2026-03-13", "2026-03-14 17:00:01", "late", "2026-03-14 17:00", id="make-up day owes"),
    pytest.param(DAILY, "2026-02-13", "2026-02-22 12:00:00", "live", "2026-02-23 17:00", id="all of Tết owes nothing"),
    pytest.param(DAILY, "2026-02-13", "2026-02-23 17:00:01", "late", "2026-02-23 17:00", id="after Tết it does"),
    pytest.param(MONTHLY, "2026-01-31", "2026-03-06 17:00:00", "live", "2026-03-06 17:00", id="28 days, on the second"),
    pytest.param(MONTHLY, "2026-01-31", "2026-03-06 17:00:01", "late", "2026-03-06 17:00", id="28 days, late"),
    pytest.param(MONTHLY, "2025-12-31", "2026-02-06 17:00:00", "live", "2026-02-06 17:00", id="january, 5th day"),
    pytest.param(MONTHLY, "2026-02-28", "2026-04-07 17:00:01", "late", "2026-04-07 17:00", id="march"),
    pytest.param(BANKS, "2026-02-14", "2026-03-16 17:00:00", "live", "2026-03-16 17:00", id="15 to 14, on the second"),
    pytest.param(BANKS, "2026-02-14", "2026-03-16 17:00:01", "late", "2026-03-16 17:00", id="15 to 14, late"),
    pytest.param(BANKS, "2026-03-14", "2026-03-16 17:00:01", "live", "2026-04-16 17:00", id="15 to 14, told"),
    pytest.param(QUARTERLY, "2025-12-31", "2026-04-10 09:00:00", "live", "2026-04-10 09:00", id="quarter"),
    pytest.param(QUARTERLY, "2025-12-31", "2026-04-10 09:00:01", "late", "2026-04-10 09:00", id="quarter, late"),
    pytest.param(SCHOOL, "2025-08-31", "2026-09-30 17:00:01", "late", "2026-09-30 17:00", id="school year"),
    pytest.param(TOKYO, "2026-03-10", "2026-03-11 15:00:00", "live", "2026-03-11 15:00", id="a clock in another zone"),
    pytest.param(TOKYO, "2026-03-10", "2026-03-11 15:00:01", "late", "2026-03-11 15:00", id="another zone, late"),
]


@pytest.mark.parametrize(("due", "last", "moment", "state", "next_due"), CASES)
def test_the_state_changes_at_the_second_that_it_should(
    due: Due, last: str, moment: str, state: State, next_due: str
) -> None:
    contract = Contract("Sở Y tế", due=due, grace=HOUR)
    verdict = judge(contract, told(last), at(moment), CALENDAR)
    assert (verdict.state, verdict.due) == (state, at(next_due))
    assert (verdict.why is None) == (state == "live")


def test_a_missed_figure_whose_source_fails_is_down_past_two_graces() -> None:
    contract = Contract("Sở Y tế", due=DAILY, grace=HOUR)
    failing = told("2026-03-05", error="The folder can't be read.")
    clocks = ("12:00", "17:30", "18:01", "19:00", "19:01")
    states = [judge(contract, failing, at(f"2026-03-06 {clock}"), CALENDAR).state for clock in clocks]
    assert states == ["late", "late", "stale", "stale", "down"]


def test_a_clock_that_jumps_leaves_no_trace() -> None:
    contract = Contract("Sở Y tế", due=DAILY, grace=HOUR)
    moments = ["2026-03-06 16:00", "2036-01-01 00:00", "2026-03-06 16:00", "2001-01-01 00:00", "2026-03-06 17:30"]
    states = [judge(contract, told("2026-03-05"), at(moment), CALENDAR).state for moment in moments]
    assert states == ["live", "stale", "live", "live", "late"]


def test_the_sentence_names_the_period_that_is_missing() -> None:
    contract = Contract("Ngân hàng", due=BANKS, grace=HOUR)
    verdict = judge(contract, told("2026-02-14"), at("2026-03-16 17:00:01"), CALENDAR)
    assert verdict.why == "The figure for 15/02 – 14/03/2026 has not come."
    assert verdict.period == period("2026-02-15/2026-03-14")


def test_a_source_that_names_no_period_is_judged_by_the_day_of_its_figures() -> None:
    contract = Contract("Sở Y tế", due=DAILY)
    answered = msgspec.structs.replace(told("2026-03-05"), reached=None)
    assert judge(contract, answered, at("2026-03-06 12:00"), CALENDAR).due == at("2026-03-06 17:00")


def test_a_week_that_nobody_works_is_told_by_the_first_who_come_back() -> None:
    weekly = Due("week", by="09:00", working=True)
    assert weekly.at(period("2026-W08"), CALENDAR) == at("2026-02-23 09:00")
    assert weekly.at(period("2026-W10"), CALENDAR) == at("2026-03-06 09:00")


@pytest.mark.parametrize(
    "wrong",
    [
        {"each": "fortnight"}, {"each": "day", "by": "25:00"}, {"each": "day", "by": "5 pm"},
        {"each": "day", "after": -1},
        {"each": "month", "starts": 29}, {"each": "day", "starts": 2}, {"each": "month", "month": 9},
        {"each": "day", "zone": "Mars/Olympus"}, {"each": "day", "befor": 3}, {"each": "day", "seconds": 120},
        {"each": "stretch"}, {"each": "stretch", "seconds": 7}, {"each": "stretch", "seconds": 86_400},
        {"each": "stretch", "seconds": 121}, {"each": "stretch", "seconds": 120, "by": "09:00"},
    ],
)  # fmt: skip
def test_a_rule_that_nobody_can_read_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Due)


RULES = st.one_of(
    st.builds(
        Due,
        st.sampled_from(["month", "quarter", "year"]),
        after=st.integers(0, 40),
        working=st.booleans(),
        starts=st.integers(1, 28),
    ),
    st.builds(Due, st.just("week"), starts=st.integers(1, 7), after=st.integers(0, 9), working=st.booleans()),
    st.builds(Due, st.just("day"), after=st.integers(0, 9), working=st.booleans()),
)
DAYS = st.dates(date(2015, 1, 1), date(2030, 12, 31))


@given(RULES, DAYS)
def test_periods_follow_on_each_other_and_none_overlap(due: Due, day: date) -> None:
    here = due.period(day)
    assert here.first <= day <= here.last
    after = due.period(here.last + timedelta(days=1))
    assert after.first == here.last + timedelta(days=1)
    assert due.period(here.first - timedelta(days=1)).last == here.first - timedelta(days=1)
    assert period(here.text) == here


@given(RULES, DAYS)
def test_what_is_owed_later_is_due_no_earlier(due: Due, day: date) -> None:
    first = due.following(due.period(day), CALENDAR)
    second = due.following(first, CALENDAR)
    assert first.begins.date() > day if not first.seconds else first.begins == due.period(day).ends
    assert due.before(second, CALENDAR) == first
    assert due.at(first, CALENDAR) <= due.at(second, CALENDAR)
    assert due.owes(first, CALENDAR)
    assert due.at(first, CALENDAR).date() >= first.first


@given(RULES, DAYS, st.integers(0, 86_399))
def test_the_newest_period_is_over_or_was_due(due: Due, day: date, second: int) -> None:
    now = datetime.combine(day, datetime.min.time(), ZoneInfo(due.zone)) + timedelta(seconds=second)
    newest = due.newest(now, CALENDAR)
    assert newest.last < due.of(now).first or due.at(newest, CALENDAR) <= now
    assert due.at(due.following(newest, CALENDAR), CALENDAR) > now


# a reporting day of the demo: a stretch of the day


def test_a_reporting_day_of_the_demo_is_due_when_its_stretch_is_over() -> None:
    contract = Contract("Văn phòng", due=DEMO, grace=60)
    then = at("2026-03-06 10:03:10")
    answered = Answered("x", asked=then, answered=then, observed=then)
    states = {clock: judge(contract, answered, at(f"2026-03-06 {clock}")) for clock in STRETCH_STATES}
    assert {clock: verdict.state for clock, verdict in states.items()} == STRETCH_STATES
    assert states["10:06:01"].why == "The figure for 10:04:00 – 10:06:00 on 06/03/2026 has not come."
    assert DEMO.newest(at("2026-03-06 10:03:59"), CALENDAR).text == "2026-03-06T10:00:00/PT120S"
    assert DEMO.newest(at("2026-03-06 10:04:00"), CALENDAR).text == "2026-03-06T10:02:00/PT120S"


MOMENTS = st.datetimes(timezones=st.just(ZONE), min_value=datetime(2015, 1, 1), max_value=datetime(2030, 1, 1))  # noqa: DTZ001
STRETCH_STATES = {"10:05:59": "live", "10:06:00": "live", "10:06:01": "late", "10:07:00": "late", "10:07:01": "stale"}


@given(st.sampled_from([10, 100, 120, 450, 43_200]), MOMENTS)
def test_stretches_cut_every_day_without_a_hole(seconds: int, now: datetime) -> None:
    due = Due("stretch", seconds=seconds)
    here = due.of(now)
    after, before = due.following(here, CALENDAR), due.before(here, CALENDAR)
    assert here.holds(now) and here.first == here.last == now.date()
    assert after.follows(here) and here.follows(before) and before < here < after
    assert period(here.text) == here == due.meant(here)
    newest = due.newest(now, CALENDAR)
    assert newest.ended(now) and due.following(newest, CALENDAR) == here


# frozen

ALIVE = Contract("Sở Giao thông", cadence=30, grace=60, still=600, same=4)
NOON = at("2026-03-10 12:00")


def answering(minutes: float, alike: int) -> Answered:
    """One that answers now, whose own clock stands still since so many minutes, and that said the same before."""
    return Answered("x", asked=NOON, answered=NOON, observed=NOON - timedelta(minutes=minutes), alike=alike)


@pytest.mark.parametrize(
    ("minutes", "alike", "why"),
    [
        (10, 2, None),
        (10.1, 0, "It answers, but its own clock stands still since 11:49:54 on 10/03/2026."),
        (0, 3, "It answers, but has said the same 4 times in a row."),
    ],
)
def test_one_that_answers_and_does_not_move_is_frozen(minutes: float, alike: int, why: str | None) -> None:
    verdict = judge(ALIVE, answering(minutes, alike), NOON)
    assert (verdict.state, verdict.why, verdict.frozen) == ("stale" if why else "live", why, why is not None)


def test_one_of_whose_records_none_can_be_read_is_late_and_after_the_grace_stale() -> None:
    for seconds, state in ((60, "late"), (61, "stale")):
        since = NOON - timedelta(seconds=seconds)
        answered = msgspec.structs.replace(answering(0, 0), unread=since, aside_now=12)
        verdict = judge(ALIVE, answered, NOON)
        assert (verdict.state, verdict.unread) == (state, since)
        at_ = f"{since.astimezone(ZONE):%H:%M:%S} on 10/03/2026"
        assert verdict.why == f"It answers, but not one of its 12 records can be read since {at_}."
        assert aged(Contract("x", cadence=30), answered) == "observed", "the picture is no younger for it"


def test_one_that_need_not_move_is_alive_however_often_it_says_the_same() -> None:
    contract = Contract("Sở Giao thông", cadence=30)
    assert judge(contract, answering(9999, 9999), NOON).state == "live"
