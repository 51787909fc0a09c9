"""Which reminders are owed when: days off, quiet hours, steps, escalation, excuses, the count of a year."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import clock, reminders
from ioc.clock import ZONE
from ioc.contract import Answered, Contract
from ioc.duty import Due
from ioc.mailing import Made, Reminders
from ioc.reminder_text import MOST_NAMES, letter
from ioc.reminders import Missed
from ioc.workdays import Calendar

HOUR, DAY = 3600, 86_400
RULES = Reminders(after=(HOUR, DAY, 3 * DAY))
CALENDAR = Calendar(on=(date(2026, 2, 28),))
DAILY = Contract("Sở Y tế", due=Due("day", by="17:00", working=True), reporters=("bv1", "bv2"), contact="mailto:a@b.vn")
LONG_AGO = datetime(2020, 1, 1, tzinfo=ZONE)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def missed(due: str = "2026-03-06 17:00", **other: Any) -> Missed:
    return Missed(**{
        "duty": "beds/2026-03-06", "source": "beds", "agency": "Sở Y tế", "due": at(due), "period": "2026-03-06",
        "missing": ("bv1",), **other,
    })  # fmt: skip


def made(created: str, **other: Any) -> Made:
    told: dict[str, Any] = {
        "duty": "beds/2026-03-06", "step": 1, "way": "mail", "agency": "Sở Y tế", "source": "beds",
        "period": "2026-03-06", "missing": ("bv1",), "created": at(created), "state": "sent", **other,
    }  # fmt: skip
    return Made(id=f"{told['duty']}-{told['step']}-{told['way']}", **told)


@pytest.mark.parametrize(
    ("now", "may"),
    [
        ("2026-03-06 18:59:59", True),  # Friday
        ("2026-03-06 19:00:00", False),  # the quiet hours begin
        ("2026-03-09 06:59:59", False),
        ("2026-03-09 07:00:00", True),  # Monday
        ("2026-03-07 10:00", False),  # Saturday
        ("2026-02-17 10:00", False),  # Tết
        ("2026-02-28 10:00", True),  # a Saturday that is made up for
        ("2026-09-02 10:00", False),  # National Day
    ],
)
def test_nothing_goes_on_a_day_off_or_in_the_quiet_hours(now: str, may: bool) -> None:
    assert reminders.may_go(missed(), RULES, CALENDAR, at(now)) is may


def test_a_contract_and_the_settings_may_want_reminders_on_days_off_but_never_in_quiet_hours() -> None:
    for now, may in (("2026-02-17 10:00", True), ("2026-02-17 20:00", False)):
        assert reminders.may_go(missed(on_days_off=True), RULES, CALENDAR, at(now)) is may
        assert reminders.may_go(missed(), msgspec.structs.replace(RULES, days_off=True), CALENDAR, at(now)) is may


def test_quiet_hours_are_those_of_the_province_and_may_be_none_or_within_a_day() -> None:
    night = datetime.fromisoformat("2026-03-06T12:30:00+00:00")  # 19:30 there
    assert RULES.silent(night)
    assert not Reminders(quiet=None).silent(night)
    assert not Reminders(quiet=("00:00", "00:00")).silent(night)
    noon = Reminders(quiet=("12:00", "13:30"))
    assert [noon.silent(at(f"2026-03-06 {text}")) for text in ("11:59", "12:00", "13:29", "13:30")] == [
        False, True, True, False,
    ]  # fmt: skip


def test_the_steps_come_so_many_seconds_past_due() -> None:
    had: list[Made] = []
    seen = []
    for hours in range(24 * 8):
        now = at("2026-03-06 17:00") + timedelta(hours=hours)
        if (step := reminders.step(missed(), had, RULES, now)) is not None:
            seen.append((step, hours))
            had.append(made(now.replace(tzinfo=None).isoformat(), step=step))
    assert seen == [(1, 1), (2, 24), (3, 72)]


def test_what_was_held_over_days_off_does_not_come_all_at_once() -> None:
    due, had, seen = missed("2026-02-13 17:00"), list[Made](), []
    moment = at("2026-02-13 19:30")
    while moment < at("2026-03-06 00:00"):
        if reminders.may_go(due, RULES, CALENDAR, moment) and (step := reminders.step(due, had, RULES, moment)):
            seen.append((step, moment.strftime("%m-%d %H:%M")))
            had.append(made(moment.replace(tzinfo=None).isoformat(), step=step))
        moment += timedelta(minutes=30)
    # Tết of 2026 is over on Monday 23 February
    assert seen == [(1, "02-23 07:00"), (2, "02-24 07:00"), (3, "02-26 07:00")]


def test_an_outage_is_reminded_of_once_however_long_it_lasts() -> None:
    owed = Contract("Sở Giao thông", cadence=30)
    since = at("2026-03-06 08:00")
    out = reminders.outage("cams", owed, "stale", since)
    assert out is not None and out.period is None
    assert reminders.step(out, [], RULES, since + timedelta(minutes=59)) is None
    assert reminders.step(out, [], RULES, since + timedelta(hours=1)) == 1
    had = [made("2026-03-06 09:00", duty=out.duty, source="cams", period=None)]
    assert reminders.step(out, had, RULES, since + timedelta(days=300)) is None
    assert reminders.open_outage("cams", had) == out.duty
    assert reminders.open_outage("cams", [msgspec.structs.replace(had[0], ended=since)]) is None
    assert [reminders.outage("cams", owed, state, since) for state in ("live", "late", "never")] == [None] * 3


def periods(now: str, told: dict[str, Any], since: datetime = LONG_AGO) -> list[tuple[str | None, tuple[str, ...]]]:
    found = reminders.periods("beds", DAILY, (), told, at(now), CALENDAR, since=since, rules=RULES)
    return [(one.period, one.missing) for one in found]


def test_a_period_is_missed_by_those_who_told_nothing_and_are_not_excused() -> None:
    every = dict.fromkeys(("bv1", "bv2"), clock.rfc3339(at("2026-03-05 09:00")))
    told: dict[str, Any] = {"2026-03-05": {"reported": every}, "2026-03-06": {"reported": {"bv2": every["bv2"]}}}
    since = at("2026-03-05 00:00")
    assert periods("2026-03-06 17:00:00", told, since) == []
    assert periods("2026-03-06 17:00:01", told, since) == [("2026-03-06", ("bv1",))]
    told["2026-03-06"]["excused"] = {"bv1": {"why": "Mất điện", "by": "Trực ban", "at": every["bv1"]}}
    assert periods("2026-03-06 17:00:01", told, since) == []


def test_what_was_due_before_the_ledger_watched_is_nobodys_reminder() -> None:
    assert periods("2026-03-07 09:00", {}, at("2026-03-06 17:00:01")) == []
    assert [period for period, _ in periods("2026-03-07 09:00", {}, at("2026-03-05 18:00"))] == ["2026-03-06"]


def test_nobody_is_reminded_of_what_we_did_not_look_for() -> None:
    now, owed = at("2026-03-06 18:00"), Contract("Sở Giao thông", cadence=30)
    asked = Answered("cams", now - timedelta(seconds=60))
    slept = Answered("cams", now - timedelta(hours=1))
    refused = msgspec.structs.replace(slept, refused=True)
    found = [reminders.looked_for(owed, one, False, now) for one in (asked, slept, refused, None)]
    assert found == [True, False, True, False]
    assert reminders.looked_for(owed, slept, True, now)


def test_the_superior_gets_a_copy_from_the_nth_on_and_when_the_agency_has_reached_the_first_threshold() -> None:
    rules = msgspec.structs.replace(RULES, escalate_to="mailto:c@d.vn", escalate_from=2)
    both, own = ("a@b.vn", "c@d.vn"), ("a@b.vn",)
    assert [reminders.recipients(DAILY, rules, step, 0) for step in (1, 2, 3)] == [own, both, both]
    assert [reminders.recipients(DAILY, rules, 1, count) for count in (2, 3)] == [own, both]
    assert reminders.recipients(msgspec.structs.replace(DAILY, contact="0235 3852 111"), rules, 1, 0) == ()
    assert reminders.recipients(DAILY, RULES, 3, 6) == own


def test_the_count_of_a_year_meets_the_thresholds_and_begins_anew_on_new_years_day() -> None:
    had = [made("2026-12-31 23:59:59", duty=f"beds/{number}") for number in range(6)]
    levels = []
    for count in (2, 3, 5, 6):
        item = reminders.standing(had[:count], [], RULES, at("2026-12-31 23:59:59"))["Sở Y tế"]
        levels.append((item["count"], item["level"]))
    assert levels == [(2, None), (3, "warn"), (5, "warn"), (6, "bad")]
    told = reminders.standing(had, [], RULES, at("2026-12-31 23:59:59"))["Sở Y tế"]
    assert told["say"]["vi"] == "Đã nhắc 6 lần trong năm 2026: xem xét xử lý kỷ luật."
    assert (told["thresholds"], told["sources"], told["year"]) == ([3, 6], {"beds": 6}, 2026)
    after = reminders.standing(had, ["Sở Y tế"], RULES, at("2027-01-01 00:00:00"))["Sở Y tế"]
    assert (after["count"], after["level"], after["say"], after["last"], after["year"]) == (0, None, None, None, 2027)


def test_the_year_is_the_provinces_and_not_that_of_utc() -> None:
    early = msgspec.structs.replace(made("2027-01-01 00:00"), created=datetime.fromisoformat("2026-12-31T17:00:00Z"))
    assert reminders.counted([early], 2026) == {} and set(reminders.counted([early], 2027)) == {"Sở Y tế"}


def test_what_is_in_doubt_or_excused_or_went_two_ways_counts_for_the_agency() -> None:
    states = ("waiting", "sending", "sent", "failed", "unknown", "no contact", "withdrawn")
    had = [made("2026-03-06 18:00", duty=state, state=state) for state in states]
    assert {duty for duty, _ in reminders.counted(had, 2026)["Sở Y tế"]} == {"sent", "no contact"}
    twice = [made("2026-03-06 18:00"), made("2026-03-06 18:00", way="webhook"), made("2026-03-07 18:00", step=2)]
    assert len(reminders.counted(twice, 2026)["Sở Y tế"]) == 2
    forgiven = [msgspec.structs.replace(one, excused=at("2026-03-08 08:00")) for one in twice]
    assert reminders.counted(forgiven, 2026) == {}


def test_a_reminder_is_excused_when_all_whom_it_named_are() -> None:
    told: dict[str, Any] = {"excused": {"bv1": {"why": "Mất điện"}, "bv2": {"why": ""}}}
    found = [reminders.excused(missing, told) for missing in (("bv1",), ("bv2",), ("bv1", "bv2"), ("bv3",), ())]
    assert found == [True, False, False, False, False]
    assert not reminders.excused(("bv1",), {})


def text(owed: Missed, **called: str) -> tuple[str, str]:
    found = letter(
        owed, DAILY, title=("Giường bệnh", "Hospital beds"), province="Quảng Nam", step=2, number=4,
        thresholds=(3, 6), called=called, now=at("2026-03-07 18:00"),
    )  # fmt: skip
    return found.subject, found.text


def test_the_letter_says_what_of_when_who_how_and_which_number() -> None:
    subject, body = text(missed(missing=("22240", "bv2")), **{"22240": "Xã Hòa Xuân"})
    assert subject == "[IOC Quảng Nam] Nhắc lần 4/2026: Giường bệnh, kỳ 06/03/2026"
    for said in (
        "Kính gửi: Sở Y tế", "kỳ 06/03/2026, hạn 17:00 ngày 06/03/2026", "lần 2 cho việc này, lần 4 trong năm 2026",
        "Đơn vị chưa báo cáo (2): Xã Hòa Xuân; bv2.", "Cách thực hiện:", "“Hospital beds” for 06/03/2026",
    ):  # fmt: skip
        assert said in body
    assert body.index("Kính gửi") < body.index("To: Sở Y tế")


def test_the_letter_of_an_outage_names_no_period_and_one_of_many_does_not_name_them_all() -> None:
    subject, body = text(missed(period=None, missing=()))
    assert "mất dữ liệu" in subject and "không còn gửi dữ liệu từ 17:00 ngày 06/03/2026" in body
    assert "chưa báo cáo" not in body
    _, body = text(missed(missing=tuple(f"xã {number}" for number in range(51))))
    assert f"xã {MOST_NAMES - 1}; và 21 đơn vị khác." in body and f"xã {MOST_NAMES};" not in body


@given(st.text(), st.text())
def test_no_name_breaks_the_subject_of_a_letter(title: str, agency: str) -> None:
    found = letter(
        missed(agency=agency), DAILY, title=(title, title), province=title, step=1, number=1, thresholds=(3, 6),
        called={}, now=at("2026-03-07 18:00"),
    )  # fmt: skip
    assert len(found.subject.splitlines()) <= 1 and len(found.subject) <= 200
