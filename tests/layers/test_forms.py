"""Periodic reports: late by the first version, corrected by a later one, missing of those who owe the newest period."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from ioc import catalog, clock
from ioc.event import Event, Feature
from ioc.layer import Figure
from ioc.run.fold import Fold
from layers.forms import Forms
from tests.layers.suite import NOON, LayerSuite

TILES = {tile.name: tile for tile in catalog.tiles("forms")}


class TestForms(LayerSuite):
    layer = Forms()
    tiles = catalog.tiles("forms")
    gone = False
    properties = st.fixed_dictionaries(
        {"form": st.sampled_from(["A", "B"]), "period": st.sampled_from(["2026-Q1", "2026-Q2"])},
        optional={
            "version": st.integers(1, 3),
            "owed": st.integers(1, 9) | st.none(),
            "due_at": st.sampled_from(["2026-03-10T10:00:00+07:00", "2026-03-12T10:00:00+07:00"]) | st.none(),
            "why": st.sampled_from(["Nhầm", None]),
        },
    )


def sent(who: str, hours: float, due: float, period: str = "2026-Q1", **told: Any) -> Event:
    when = NOON + timedelta(hours=hours)
    given = {
        "form": "A", "reporter": who, "period": period, "version": 1, "owed": 4,
        "due_at": clock.rfc3339(NOON + timedelta(hours=due)), **told,
    }  # fmt: skip
    return Event(f"{who}{hours}", "src", "ioc.form.submitted", f"A/{who}/{period}", when, when, Feature(given))


def figure(tile: str, *events: Event, hours: float = 0) -> Figure:
    fold = Fold(Forms())
    for one in events:
        fold.event(one)
    return TILES[tile].work_out(fold.items, NOON + timedelta(hours=hours))


def test_who_is_on_time_late_and_missing() -> None:
    events = [sent("a", 0, 2), sent("b", 3, 2), sent("c", 1, 2)]
    submitted, missing = figure("forms_submitted", *events, hours=4), figure("forms_missing", *events, hours=4)
    assert (submitted.value, submitted.of, [part["value"] for part in submitted.parts or []]) == (3, 4, [2, 1])
    assert (missing.value, missing.level, missing.why) == (1, "bad", "Kỳ 2026-Q1.")
    none = figure("forms_missing", *events, sent("d", 4, 2), hours=5)
    assert (none.value, none.level, none.why) == (0, None, None)
    assert figure("forms_missing", sent("a", 0, 2, owed=None), hours=4).value is None


def test_a_correction_makes_nobody_late_and_no_late_one_punctual() -> None:
    events = [sent("a", 0, 2), sent("a", 9, 2, version=2, why="Nhầm"), sent("b", 3, 2), sent("b", 4, 2, version=2)]
    for order in (events, events[::-1]):
        submitted = figure("forms_submitted", *order, hours=10)
        assert [part["value"] for part in submitted.parts or []] == [1, 1]
        corrected = figure("forms_corrected", *order, hours=10)
        assert (corrected.value, [part["value"] for part in corrected.parts or []]) == (2, [1, 1])


def test_a_period_that_is_not_due_yet_is_not_missed() -> None:
    events = [sent("a", 0, 2), sent("b", 0, 2), sent("a", 3, 99, period="2026-Q2")]
    assert figure("forms_missing", *events, hours=4).value == 2
    assert figure("forms_missing", *events, hours=100).value == 3
    assert figure("forms_submitted", sent("a", 0, 99), hours=4).value == 1
