"""Thresholds: when an alert is raised, when it ends, and what neither raises nor ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.alert_rules import Rule, Standing, step
from ioc.alerts import rules_at, standing, turned

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)
TITLE = ("Mực nước", "Water level")


def rule(**told: Any) -> Rule:
    return Rule(tile="level", title=TITLE, **told)


def walk(one: Rule, values: list[object], seconds: float = 1) -> list[bool]:
    """Whether it is raised after each value, a second apart."""
    stood, found = Standing(), []
    for n, value in enumerate(values):
        stood = step(one, value, stood, NOON + timedelta(seconds=n * seconds))
        found.append(stood.raised)
    return found


@pytest.mark.parametrize(
    ("one", "values", "raised"),
    [
        (rule(above=3), [3, 3.1, 3, 3.1], "0101"),
        (rule(above=3, clear=2), [4, 3, 2.5, 2, 2.5, 3.5], "111001"),
        (rule(below=90), [95, 89, 90], "010"),
        (rule(below=90, clear=95), [89, 92, 94, 95, 92], "11100"),
        (rule(above=3, hold=3), [4, 4, 4, 4, 4], "00011"),
        # a moment on the good side begins the hold anew
        (rule(above=3, hold=3), [4, 4, 3, 4, 4, 4, 4], "0000001"),
        (rule(above=3, clear_hold=2), [4, 1, 1, 4, 1, 1, 1], "1111110"),
        # nobody delivers: nothing turns
        (rule(above=3), [4, None, None, 2], "1110"),
        (rule(above=3), [None, "mất", True, 4], "0001"),
    ],
)
def test_when_it_is_raised(one: Rule, values: list[object], raised: str) -> None:
    assert "".join(str(int(found)) for found in walk(one, values)) == raised


@pytest.mark.parametrize(
    "wrong",
    [{}, {"above": 1, "below": 0}, {"above": 3, "clear": 4}, {"below": 3, "clear": 2}, {"above": 1, "hold": -1}],
)
def test_a_rule_that_says_nothing_or_two_things(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"rule|clear"):
        rule(**wrong)


@given(st.lists(st.floats(-10, 10), max_size=60), st.floats(0, 5), st.floats(-5, 0))
def test_between_the_two_limits_nothing_ever_turns(values: list[float], above: float, clear: float) -> None:
    one, stood = rule(above=above, clear=clear), Standing()
    for n, value in enumerate(values):
        now = step(one, value, stood, NOON + timedelta(seconds=n))
        if now.raised != stood.raised:
            assert value > above if now.raised else value <= clear
        stood = now


def test_a_clock_that_was_set_back_begins_the_hold_anew() -> None:
    one = rule(above=3, hold=10)
    stood = step(one, 4, Standing(), NOON)
    stood = step(one, 4, stood, NOON - timedelta(hours=1))
    assert not step(one, 4, stood, NOON - timedelta(hours=1) + timedelta(seconds=9)).raised
    assert step(one, 4, stood, NOON - timedelta(hours=1) + timedelta(seconds=10)).raised


def figure(value: Any, **told: Any) -> dict[str, Any]:
    return {"value": value, "label": "Mực nước", "label_en": "Water level", "unit": "m", "sources": ["ktt"], **told}


def test_the_alert_is_of_its_tile_and_takes_the_place_of_the_tile_s_own() -> None:
    rules = {"high": rule(above=3, level="bad", owner="Đài KTTV")}
    figures = {"level": figure(3.5, level="warn", parts=[{"label": f"Trạm {n}", "value": n} for n in range(9, 0, -1)])}
    found = standing({}, figures, {}, NOON, raised=rules, ruled={"level"})
    assert found.keys() == {"tile/level#high"}
    alert = found["tile/level#high"]
    assert alert["say"] == {"vi": "Mực nước: 3,5 m", "en": "Water level: 3.5"}
    assert (alert["level"], alert["owner"], alert["source"]) == ("bad", "Đài KTTV", "ktt")
    assert alert["why"] == "Trạm 9: 9, Trạm 8: 8, Trạm 7: 7, Trạm 6: 6 … (+5)"
    assert standing({}, figures, {}, NOON, ruled={"level"}) == {}


def test_after_a_restart_what_was_raised_is_raised_still() -> None:
    rules = {"high": rule(above=3, clear=2)}
    stood = rules_at(rules, {"level": figure(2.5)}, {}, {"tile/level#high": {}}, {}, NOON)
    assert stood["high"].raised
    told = {"tile/level#high": {"open": True}}
    assert rules_at(rules, {"level": figure(2.5)}, {}, {}, told, NOON)["high"].raised
    assert not rules_at(rules, {"level": figure(2.5)}, {}, {}, {}, NOON)["high"].raised


def test_a_claim_counts_for_the_raising_that_it_names() -> None:
    rules = {"high": rule(above=3)}
    first = standing({}, {"level": figure(4)}, {}, NOON, raised=rules)
    since = first["tile/level#high"]["since"]
    claim = {"claim/tile/level#high": {"of": since, "by": "Lan", "at": since}}
    again = standing({}, {"level": figure(5)}, first, NOON, raised=rules, told=claim)
    assert again["tile/level#high"]["claimed"] == "Lan"
    later = NOON + timedelta(hours=1)
    fresh = standing({}, {"level": figure(5)}, {}, later, raised=rules, told=claim)
    assert fresh["tile/level#high"]["claimed"] is None
    back = {"claim/tile/level#high": {**claim["claim/tile/level#high"], "by": ""}}
    assert standing({}, {}, first, NOON, raised=rules, told=back)["tile/level#high"]["claimed"] is None


def test_what_is_logged_is_each_raising_and_each_end_once() -> None:
    rules = {"high": rule(above=3)}
    stands = standing({}, {"level": figure(4)}, {}, NOON, raised=rules)
    told = turned(stands, {})
    assert {name: (one["open"], one["about"]) for name, one in told.items()} == {"tile/level#high": (True, "ktt")}
    assert turned(stands, told) == {}
    ended = turned({}, {name: {**one, "source": "ioc:alerts", "method": "computed"} for name, one in told.items()})
    assert ended == {"tile/level#high": {**told["tile/level#high"], "open": False}}
    assert turned({}, ended) == {}
    # an emptied board forgets since; the log does not
    rebuilt = standing({}, {"level": figure(4)}, {}, NOON + timedelta(days=1), raised=rules, told=told)
    assert rebuilt["tile/level#high"]["since"] == stands["tile/level#high"]["since"]
