"""Dossiers: the clock that papers and payment pause, what is overdue by time alone, and what counts as on time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from ioc import catalog, clock
from ioc.event import Event, Feature
from ioc.layer import Figure, Item
from ioc.run.fold import Fold
from layers.dossiers import Dossiers
from tests.layers.suite import NOON, LayerSuite

TILES = {tile.name: tile for tile in catalog.tiles("dossiers")}
STATES = ["new", "accepted", "refused", "processing", "more_papers", "payment", "withdrawn", "stopped", "done"]
HOUR = timedelta(hours=1)


class TestDossiers(LayerSuite):
    layer = Dossiers()
    tiles = catalog.tiles("dossiers")
    gone = False
    properties = st.fixed_dictionaries(
        {"state": st.sampled_from([*STATES, "returned"])},
        optional={
            "due": st.sampled_from(["2026-03-10T10:00:00+07:00", "2026-03-20T10:00:00+07:00", "soon", None]),
            "ended": st.sampled_from(["2026-03-10T09:00:00+07:00", "9999-12-31T00:00:00+07:00", None]),
            "level": st.sampled_from(["full", "partial", None]),
            "office": st.sampled_from(["Sở A", "Xã B"]),
        },
    )


def at(hours: float) -> str:
    return clock.rfc3339(NOON + hours * HOUR)


def event(subject: str, hours: float, state: str, **told: Any) -> Event:
    when: datetime = NOON + hours * HOUR
    given = {"state": state, "office": "Sở A", **told}
    return Event(f"{subject}{hours}", "src", "ioc.dossier.changed", subject, when, when, Feature(given))


def folded(*events: Event, now: datetime = NOON) -> Fold:
    fold = Fold(Dossiers())
    for one in events:
        fold.event(one)
    fold.wake(now)
    return fold


def only(events: Iterable[Event], hours: float) -> dict[str, Any]:
    (item,) = folded(*events, now=NOON + hours * HOUR).items.values()
    return item.properties


def figure(tile: str, *events: Event, hours: float = 0) -> Figure:
    now = NOON + hours * HOUR
    return TILES[tile].work_out(folded(*events, now=now).items, now)


def test_a_running_dossier_becomes_overdue_by_time_alone() -> None:
    events = [event("a", 0, "processing", due=at(10))]
    assert [only(events, hours)["overdue"] for hours in (1, 9.9, 10, 11)] == [False, False, True, True]


@pytest.mark.parametrize("pause", ["more_papers", "payment"])
def test_papers_and_payment_pause_the_clock(pause: str) -> None:
    waits = [event("a", 0, "processing", due=at(10)), event("a", 4, pause, due=at(10))]
    told = only(waits, 50)
    assert (told["paused"], told["overdue"]) == (True, False)
    again = [*waits, event("a", 54, "processing", due=at(10))]
    told = only(again, 55)
    assert (told["due_at"], told["paused"], told["overdue"]) == (at(60), False, False)
    assert only(again, 60)["overdue"]
    done = only([*again, event("a", 59, "done", due=at(10))], 61)
    assert (done["on_time"], done["ended_at"]) == (True, at(59))


def test_a_new_due_date_after_the_pause_is_not_moved_again() -> None:
    events = [
        event("a", 0, "processing", due=at(10)), event("a", 4, "payment", due=at(10)),
        event("a", 54, "processing", due=at(70)),
    ]  # fmt: skip
    assert only(events, 55)["due_at"] == at(70)


def test_first_seen_and_each_change_are_kept_in_whatever_order_they_come() -> None:
    events = [event("a", 8, "done", due=at(10)), event("a", 0, "new"), event("a", 2, "processing", due=at(10))]
    told = only(events, 9)
    assert (told["first"], told["state"], told["on_time"]) == (at(0), "done", True)
    assert [change[2] for change in told["changes"]] == ["new", "processing", "done"]


def test_only_so_many_changes_are_kept() -> None:
    events = [event("a", hour, "processing", due=at(100)) for hour in range(40)]
    told = only(events, 41)
    assert (len(told["changes"]), told["first"]) == (20, at(0))


def test_it_ended_when_its_source_says_so() -> None:
    told = only([event("a", 20, "returned", due=at(10), ended=at(9))], 21)
    assert (told["ended_at"], told["on_time"]) == (at(9), True)
    assert only([event("a", 20, "returned", due=at(10), ended="soon")], 21)["on_time"] is False


def test_how_many_were_solved_on_time() -> None:
    events = [
        event("a", 0, "done", due=at(1)), event("b", 0, "done", due=at(-1)), event("c", 0, "processing", due=at(2)),
        event("d", 0, "withdrawn", due=at(-5)), event("e", 0, "processing"), event("f", 0, "done"),
    ]  # fmt: skip
    assert (figure("dossiers_in_time", *events).value, figure("dossiers_in_time", *events, hours=3).value) == (50, 33.3)
    assert figure("dossiers_in_time", event("e", 0, "processing")).value is None


def test_what_is_overdue_is_told_by_office() -> None:
    events = [event(str(n), 0, "processing", due=at(1), office=f"Xã {n % 2}") for n in range(5)]
    told = figure("dossiers_overdue", *events, event("x", 0, "payment", due=at(1)), hours=2)
    assert (told.value, told.of, told.level) == (5, 6, "bad")
    assert told.parts == [{"label": "Xã 0", "value": 3}, {"label": "Xã 1", "value": 2}]


def test_what_waits_for_the_citizen_and_how_it_was_filed() -> None:
    events = [
        event("a", 0, "payment", level="full"), event("b", 0, "more_papers", level="partial"),
        event("c", 0, "done", level="full"), event("d", 0, "processing"),
    ]  # fmt: skip
    paused, received = figure("dossiers_paused", *events), figure("dossiers_received", *events)
    assert (paused.value, paused.of) == (2, 3)
    assert received.value == 4
    assert [(part["label"]["en"], part["value"]) for part in received.parts or []] == [
        ("wholly online", 2), ("partly online", 1), ("at the counter", 1),
    ]  # fmt: skip


def test_the_item_wakes_at_its_due_time_only_while_it_runs() -> None:
    layer = Dossiers()

    def wakes(state: str) -> datetime | None:
        item: Item = folded(event("a", 0, state, due=at(10))).items["a"]
        return layer.wakes(item)

    assert [state for state in STATES if wakes(state) is not None] == ["new", "accepted", "processing"]
