"""Petitions: overdue by time alone, late answers, and no word of what somebody wrote."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from ioc import catalog, clock
from ioc.event import Event, Feature
from ioc.layer import Item
from layers.petitions import KEPT, Petitions
from tests.layers.suite import NOON, LayerSuite

_TIMES = st.sampled_from([None, "", "no time", "2026-03-10T12:00:00+07:00", "2026-03-20T08:00:00Z", "9999-12-31"])


class TestPetitions(LayerSuite):
    layer = Petitions()
    tiles = catalog.tiles("petitions")
    properties = st.fixed_dictionaries(
        {},
        optional={
            "status": st.sampled_from(["open", "Closed", "gone?", 7]),
            "agency": st.sampled_from(["Sở Xây dựng", None]),
            "description": st.text(max_size=20),
            **dict.fromkeys(("requested", "updated", "expected", "due", "closed"), _TIMES),
        },
    )


def petition(**told: object) -> Item:
    return Petitions().item(Event("e", "x", "ioc.petition.observed", "p/1", NOON, NOON, Feature(dict(told))))


def test_an_open_petition_becomes_overdue_when_its_time_comes() -> None:
    due = NOON + timedelta(hours=5)
    item = petition(status="open", expected=clock.rfc3339(due))
    layer = Petitions()
    assert (item.properties["overdue"], layer.wakes(item)) == (False, due)
    assert layer.wake(item, due - timedelta(seconds=1)) == item
    late = layer.wake(item, due)
    assert late is not None and late.properties["overdue"] and late.properties["state"] == "late"
    assert layer.wakes(late) is None
    assert petition(status="open").properties["overdue"] is False, "nothing was promised"


def test_an_answer_after_its_time_is_late_and_leaves_after_a_month() -> None:
    before, after = (clock.rfc3339(NOON + timedelta(hours=hours)) for hours in (-5, 5))
    late = petition(status="closed", expected=before, updated=clock.rfc3339(NOON))
    good = petition(status="closed", expected=after, updated=clock.rfc3339(NOON))
    assert [one.properties["late"] for one in (late, good)] == [True, False]
    assert not late.properties["overdue"], "it was answered"
    assert Petitions().wake(late, NOON + KEPT) is None


def test_no_word_of_what_was_written_is_kept() -> None:
    item = petition(status="open", description="Tôi là A, 0905 123 456", address="12 Lê Lợi", email="a@b.vn")
    assert not {"description", "address", "email"} & item.properties.keys()
    assert b"0905" not in item.encode() and "Lê Lợi" not in item.encode().decode()
