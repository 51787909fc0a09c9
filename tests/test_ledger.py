"""The completeness ledger: who owes which period, and what came of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import clock, ledger
from ioc.clock import ZONE
from ioc.contract import CALENDAR, Contract
from ioc.duty import Due
from ioc.period import period
from ioc.roll import Listed, Roll

DAILY = Contract("Sở Y tế", due=Due("day", by="17:00", working=True), reporters=("bv1", "bv2", "bv3", "bv4"))
HOSPITALS = ("bv1", "bv2", "bv3", "bv4")
FRIDAY = "2026-03-06"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def when(text: str) -> str:
    return clock.rfc3339(at(text))


TOLD: dict[str, dict[str, Any]] = {
    "2026-03-05": {"reported": dict.fromkeys(HOSPITALS, when("2026-03-05 16:00"))},
    FRIDAY: {
        "reported": {
            "bv1": when("2026-03-06 17:00:00"), "bv2": when("2026-03-06 17:00:01"), "gone": when("2026-03-06 09:00"),
        },
        "excused": {"bv3": {"why": "Mất điện", "by": "Trực ban", "at": when("2026-03-06 12:00")}},
    },
}  # fmt: skip


def states(now: str) -> dict[str, str]:
    reporters = ledger.expected(DAILY, ())
    found = ledger.entries(DAILY, reporters, period(FRIDAY), TOLD[FRIDAY], at(now), CALENDAR)
    return {entry.reporter: entry.state for entry in found}


def test_each_reporter_is_on_time_late_excused_or_missing() -> None:
    told = {"bv1": "reported", "bv2": "late", "bv3": "excused", "bv4": "missing"}
    assert states("2026-03-06 17:00:01") == told
    assert states("2026-03-06 17:00:00") == {**told, "bv4": "awaited"}


def test_an_excuse_that_was_taken_back_excuses_nobody() -> None:
    taken_back = {"excused": {"bv3": {"why": "", "by": "Trực ban", "at": when("2026-03-06 13:00")}}}
    (entry,) = ledger.entries(DAILY, ("bv3",), period(FRIDAY), taken_back, at("2026-03-07 00:00"), CALENDAR)
    assert (entry.state, entry.excuse) == ("missing", None)


def test_the_cells_are_the_last_eight_owed_periods_and_their_sums_are_what_is_expected() -> None:
    item = ledger.item(DAILY, (), TOLD, at("2026-03-07 12:00"))
    assert [cell["period"] for cell in item["cells"]] == [
        "2026-02-25", "2026-02-26", "2026-02-27", "2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", FRIDAY,
    ]  # fmt: skip
    assert (item["have"], item["expect"], item["late"], item["missing"], item["excused"]) == (2, 4, 1, 1, 1)
    for cell in item["cells"]:
        assert sum(cell[name] for name in ("on_time", "late", "missing", "excused", "awaited")) == cell["expect"] == 4
    assert [cell["never"] for cell in item["cells"]] == [True] * 6 + [False] * 2


def test_every_commune_owes_when_the_contract_says_units() -> None:
    contract = Contract("Văn phòng", due=Due("month"), reporters="units")
    assert ledger.expected(contract, ("22240", "22250")) == ("22240", "22250")
    assert ledger.expected(Contract("Sở Tài chính", due=Due("month")), ("22240",)) == (ledger.ITSELF,)


def test_a_dated_list_counts_who_owes_in_the_period_and_the_ledger_tells_its_date() -> None:
    listed = (
        Listed("old", "Xã cũ", None, date(2026, 3, 4)), Listed("new", "Xã mới", date(2026, 3, 5)), Listed("bv1", "Một"),
    )  # fmt: skip
    roll = Roll(date(2025, 7, 1), listed=listed, source="Sở Nội vụ", invented=True)
    contract = msgspec.structs.replace(DAILY, reporters=roll)
    item = ledger.item(contract, (), TOLD, at("2026-03-07 12:00"))
    assert [(cell["expect"], cell["missing"]) for cell in item["cells"][-3:]] == [(2, 2), (2, 1), (2, 1)]
    assert ledger.expected(contract, (), period("2026-03-04")) == ("old", "bv1")
    assert ledger.expected(contract, (), period(FRIDAY)) == ("new", "bv1")
    assert item["list"] == {"as_of": "2025-07-01", "invented": True, "source": "Sở Nội vụ"}
    assert ledger.item(DAILY, (), TOLD, at("2026-03-07 12:00"))["list"] is None
    units = msgspec.structs.replace(DAILY, reporters="units")
    listing = ledger.item(units, ("22240",), {}, at("2026-03-07 12:00"))["list"]
    assert listing["as_of"] == "2025-08-05" and not listing["invented"]


MOMENTS = st.datetimes(datetime(2026, 2, 1), datetime(2026, 4, 30), timezones=st.just(ZONE))  # noqa: DTZ001
DUES = st.sampled_from(
    [
        DAILY.due, Due("stretch", seconds=120), Due("month", after=5, working=True), Due("week", by="09:00", after=2),
        Due("day", by="17:00", zone="Asia/Tokyo"), Due("month", starts=15, after=2), Due("day", by="00:00", after=1),
    ]
)  # fmt: skip


@given(DUES, MOMENTS, st.floats(0, 1, exclude_max=True))
def test_until_it_says_a_ledger_stays_as_it_is(due: Due, now: datetime, share: float) -> None:
    contract = msgspec.structs.replace(DAILY, due=due)
    until = ledger.until(contract, now)
    assert until >= now
    here = ledger.item(contract, (), TOLD, now)
    if until > now:
        last = until - timedelta(microseconds=1)
        for later in (now + share * (last - now), last):
            assert ledger.item(contract, (), TOLD, later) == here


# those who owe an answer every so often

CAMERAS = Contract("Phòng Quản lý đô thị", cadence=30)


def source(state: str, have: int = 188, expect: int | None = 188) -> dict[str, Any]:
    return {"state": state, "have": have, "expect": expect}


def watched(*looks: tuple[str, str, int]) -> dict[str, Any]:
    """The ledger after these looks: clock time, state, records."""
    found: dict[str, Any] | None = None
    for moment, state, have in looks:
        found = ledger.rolling(CAMERAS, source(state, have), found, at(f"2026-03-06 {moment}"))
        found = msgspec.json.decode(msgspec.json.encode({**found, "due": None}))
    assert found is not None
    return found


def test_a_minute_is_entered_as_it_was_at_its_end() -> None:
    found = watched(
        ("08:00:30", "live", 188), ("08:01:10", "live", 180), ("08:01:59", "late", 180), ("08:02:30", "stale", 180),
        ("08:04:00", "live", 190),
    )  # fmt: skip
    told = [(cell["on_time"], cell["late"], cell["missing"], cell["never"]) for cell in found["cells"]]
    unseen = (0, 0, 0, True)
    assert told == [
        unseen, unseen, unseen, (188, 0, 0, False), (0, 180, 8, False), (0, 0, 188, False), unseen, (188, 0, 0, False),
    ]  # fmt: skip
    assert (found["each"], found["have"], found["expect"], len(found["cells"])) == ("minute", 188, 188, ledger.PERIODS)


def test_what_expects_no_number_misses_one_when_it_is_gone() -> None:
    contract = Contract("Trung tâm 1022", cadence=30)
    down = ledger.rolling(contract, source("down", 0, None), None, at("2026-03-06 08:00"))
    assert (down["have"], down["expect"], down["missing"]) == (0, 1, 1)


@pytest.mark.parametrize(
    ("cadence", "each"), [(30, "minute"), (60, "minute"), (61, "hour"), (86_400, "day"), (1e6, "day")]
)
def test_the_windows_are_as_long_as_the_cadence_at_least(cadence: float, each: str) -> None:
    found = ledger.rolling(Contract("Ai đó", cadence=cadence), source("live"), None, at("2026-03-06 08:00"))
    assert found["each"] == each
    assert found["due"] > at("2026-03-06 08:00")


def test_a_look_in_another_year_forgets_the_windows_of_long_ago() -> None:
    old = watched(("08:00:30", "live", 188))
    now = at("2026-03-06 08:00") + timedelta(days=400)
    later = ledger.rolling(CAMERAS, source("live"), old, now)
    assert [cell["never"] for cell in later["cells"]] == [True] * 7 + [False]
