"""Documents: header and changes in any order, what is stuck, and shares that are not rounded up to 100 %."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from ioc import catalog, clock
from ioc.event import Event, Feature
from ioc.layer import Figure
from ioc.run.fold import Fold
from layers.documents import SENT, STATUS, Documents
from tests.layers.suite import NOON, LayerSuite

TILES = {tile.name: tile for tile in catalog.tiles("documents")}
STUCK = catalog.declared("documents_stuck", {"over": "documents", "label": ["Kẹt", "Stuck"], "warn": 1, "bad": 3})
GOOD = {"document": "d", "from": "A", "to": "B", "electronic": True, "signed": "trusted"}


class TestDocuments(LayerSuite):
    layer = Documents()
    tiles = (*catalog.tiles("documents"), STUCK)
    gone = False
    properties = st.fixed_dictionaries(
        {"status": st.sampled_from(["arrived", "received", "finished", "refused", "recall"])},
        optional={
            "from": st.sampled_from(["A", "B"]),
            "to": st.sampled_from(["C", "D"]),
            "electronic": st.booleans(),
            "signed": st.sampled_from(["none", "broken", "intact", "trusted"]),
        },
    )


def sent(subject: str, hours: float = 0, **told: Any) -> Event:
    when = NOON + timedelta(hours=hours)
    return Event(f"{subject}s{hours}", "axis", SENT, subject, when, when, Feature({**GOOD, **told}))


def said(subject: str, hours: float, status: str) -> Event:
    when = NOON + timedelta(hours=hours)
    return Event(f"{subject}{hours}", "axis", STATUS, subject, when, when, Feature({"status": status, "to": "B"}))


def folded(*events: Event) -> Fold:
    fold = Fold(Documents())
    for one in events:
        fold.event(one)
    return fold


def figure(tile: str, *events: Event, hours: float = 0) -> Figure:
    one = STUCK if tile == "documents_stuck" else TILES[tile]
    return one.work_out(folded(*events).items, NOON + timedelta(hours=hours))


def test_a_header_that_comes_after_the_words_on_it() -> None:
    item = folded(said("a", 3, "received"), sent("a"), said("a", 1, "arrived")).items["a"]
    told = item.properties
    assert (told["state"], told["since"]) == ("received", clock.rfc3339(NOON + timedelta(hours=3)))
    assert (told["from"], told["signed"], [one[2] for one in told["changes"]]) == (
        "A", "trusted", ["arrived", "received"],
    )  # fmt: skip


def test_what_did_not_move_is_stuck_by_time_alone() -> None:
    events = [sent("a"), sent("b"), said("b", 20, "received"), sent("c"), said("c", 1, "finished")]
    assert [figure("documents_stuck", *events, hours=hours).value for hours in (23, 24, 44)] == [0, 1, 2]
    told = figure("documents_stuck", *events, hours=50)
    assert (told.of, told.level, told.parts) == (2, "warn", [{"label": "B", "value": 2}])
    assert figure("documents_stuck", *[sent(str(n)) for n in range(4)], hours=25).level == "bad"


def test_the_flow_adds_up() -> None:
    events = [sent("a"), sent("b"), said("b", 1, "processing"), sent("c"), said("c", 1, "finished"), sent("d")]
    told = figure("documents_flow", *events, said("d", 1, "recalled"), said("e", 1, "arrived"))
    assert told.value == 5 and [part["value"] for part in told.parts or []] == [2, 1, 1, 1]


@pytest.mark.parametrize(("tile", "worse"), [("documents_verified", "broken"), ("documents_electronic", None)])
def test_one_of_five_thousand_is_not_all_of_them(tile: str, worse: str | None) -> None:
    items = folded(sent("a")).items["a"]
    other = folded(sent("b", signed=worse, electronic=False)).items["b"]
    many = {str(n): items for n in range(5_000)}
    all_good, nearly = TILES[tile].work_out(many, NOON), TILES[tile].work_out({**many, "b": other}, NOON)
    assert (all_good.value, all_good.level) == (100, None)
    assert (nearly.value, nearly.level) == (99.9, "warn")


def test_only_documents_whose_package_was_seen_are_shares_of_anything() -> None:
    assert figure("documents_verified", said("a", 1, "arrived")).value is None
    assert figure("documents_verified", said("a", 1, "arrived"), sent("b")).value == 100
    assert figure("documents_bodies", sent("a"), sent("b", to="C")).value == 3


def test_a_document_leaves_after_thirty_days() -> None:
    fold = folded(sent("a"), said("a", 24, "received"))
    fold.wake(NOON + timedelta(days=30))
    assert "a" in fold.items
    fold.wake(NOON + timedelta(days=31))
    assert not fold.items
