"""How good a source is, over time: a pure function of its contract, its last answer, and the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.contract import ORDER, Answered, Contract, State, judge, source_item, worst
from ioc.duty import Due
from ioc.proof import Link

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)
CONTRACT = Contract("Sở Giao thông", cadence=30, grace=60, expect=700)
GOOD = Answered("cams", asked=NOON, answered=NOON, observed=NOON, have=701)


def state(answered: Answered | None, seconds: float, contract: Contract = CONTRACT) -> State:
    return judge(contract, answered, NOON + timedelta(seconds=seconds))[0]


@pytest.mark.parametrize(("seconds", "wanted"), [(0, "live"), (30, "live"), (31, "late"), (90, "late"), (91, "stale")])
def test_a_source_that_falls_silent_ages(seconds: float, wanted: State) -> None:
    assert state(GOOD, seconds) == wanted
    said = judge(CONTRACT, GOOD, NOON + timedelta(seconds=seconds))[1]
    assert (said is None) == (wanted == "live")


def test_a_source_that_fails_is_late_at_once_then_stale_and_down_after_as_long_again() -> None:
    failing = msgspec.structs.replace(GOOD, error="It answered HTTP 500.", failures=1)
    said = [state(failing, seconds) for seconds in (0, 30, 90, 91, 150, 151)]
    assert said == ["late", "late", "late", "stale", "stale", "down"]
    assert state(failing, 31, msgspec.structs.replace(CONTRACT, grace=0.0)) == "down"
    assert judge(CONTRACT, failing, NOON)[1] == "It answered HTTP 500."


def test_a_source_that_never_answered_says_so_however_long_ago_it_was_asked() -> None:
    asked = Answered("cams", asked=NOON, error="Nobody listens there.", failures=9)
    assert judge(CONTRACT, None, NOON)[:3] == ("never", "The source was not asked yet.", None)
    assert judge(CONTRACT, asked, NOON + timedelta(days=9))[:3] == ("never", "Nobody listens there.", None)


def test_a_source_that_refuses_is_down_whether_it_ever_answered_or_not() -> None:
    refused = Answered("cams", asked=NOON, error="Wrong key.", refused=True)
    assert judge(CONTRACT, refused, NOON)[:3] == ("down", "Wrong key.", None)
    assert state(msgspec.structs.replace(GOOD, error="Wrong key.", refused=True), 0) == "down"


def test_without_a_grace_two_cadences_are_given() -> None:
    patient = Contract("Sở Y tế", cadence=100)
    assert [state(GOOD, seconds, patient) for seconds in (100, 300, 301)] == ["live", "late", "stale"]
    assert patient.pace < patient.cadence


@given(st.lists(st.sampled_from(ORDER), min_size=1))
def test_the_worst_of_many_is_one_of_them_and_none_is_worse(states: list[State]) -> None:
    found = worst(states)
    assert found in states
    assert all(ORDER.index(one) <= ORDER.index(found) for one in states)


def test_the_worst_of_nothing_is_never() -> None:
    assert worst([]) == "never"


def test_a_source_s_item_carries_what_a_strip_shows() -> None:
    item = source_item("cams", CONTRACT, GOOD, NOON)
    assert (item["state"], item["have"], item["expect"], item["owner"]) == ("live", 701, 700, "Sở Giao thông")
    assert item["due"] == NOON + timedelta(seconds=30)
    assert source_item("cams", CONTRACT, None, NOON)["state"] == "never"


@pytest.mark.parametrize(
    "wrong",
    [
        {"cadence": 0}, {"cadence": -1}, {"cadence": float("inf")}, {"cadence": float("nan")}, {"cadence": 1e12},
        {"grace": -1}, {"every": 0}, {"expect": -1}, {"cadense": 30}, {"method": "guessed"},
    ],
)  # fmt: skip
def test_a_contract_that_nobody_can_keep_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"owner": "Sở Y tế", **wrong}, Contract)


BEHIND = msgspec.structs.replace(GOOD, link=Link(newest=NOON, observed=NOON - timedelta(hours=26)))


@pytest.mark.parametrize(
    ("owes", "answered", "wanted"),
    [
        ({}, GOOD, "received"),
        ({}, None, "received"),
        ({}, msgspec.structs.replace(GOOD, link=Link(newest=NOON, observed=NOON)), "received"),
        ({}, BEHIND, "observed"),
        ({"still": 600.0}, GOOD, "observed"),
        ({"same": 9}, GOOD, "observed"),
        ({"due": Due("month")}, GOOD, "observed"),
        ({"method": "typed"}, GOOD, "observed"),
        ({"method": "estimated"}, None, "observed"),
        ({"method": "computed"}, GOOD, "received"),
    ],
)
def test_age_counts_from_the_newest_change_where_a_confirmation_proves_nothing(
    owes: dict[str, Any], answered: Answered | None, wanted: str
) -> None:
    contract = msgspec.structs.replace(CONTRACT, **owes)
    assert source_item("cams", contract, answered, NOON)["age"] == wanted
