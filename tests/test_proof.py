"""What is proved of a link: by handshakes, by records, and by the source's own count beside ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import proof
from ioc.contract import Answered
from ioc.proof import Link, Tally

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)
counts = st.integers(0, 10**6)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def told(link: Link, tally: Tally | None, second: float = 0, **ours: Any) -> Link:
    given = {"have": 10, "aside": 0, "observed": NOON, "grace": 60.0, **ours}
    return proof.proved(link, tally, at(second), **given)


def test_a_link_that_fails_remembers_since_when_until_it_works_again() -> None:
    link = proof.met(Link(), at(0))
    for second in (10, 20):
        link = proof.unmet(link, at(second), refused=second == 20)
    assert (link.connected, link.lost, link.tried, link.refused) == (at(0), at(10), at(20), True)
    link = proof.met(link, at(30))
    assert (link.connected, link.lost, link.refused) == (at(30), None, False)


def test_an_answer_without_any_record_shares_nothing() -> None:
    assert proof.read(Link(), at(1), 0, 0).shared is None
    assert proof.read(Link(), at(1), 1, 0).shared == at(1)


@pytest.mark.parametrize(
    ("tally", "synced"),
    [
        (Tally(10, NOON), True), (Tally(10), True), (Tally(None, at(60)), True), (Tally(12, NOON), False),
        (Tally(10, at(61)), False), (Tally(), False), (None, False),
    ],
)  # fmt: skip
def test_in_step_are_who_agree_in_all_that_the_source_tells(tally: Tally | None, synced: bool) -> None:
    link = told(Link(), tally, 100)
    assert (link.synced == at(100)) is synced and link.proved == at(100)


def test_what_was_set_aside_counts_as_read() -> None:
    assert told(Link(), Tally(12), aside=2).synced is not None
    assert told(Link(), Tally(13), aside=2).differ == 1
    assert told(Link(), Tally(8), aside=2).differ == 2


def test_a_newest_change_that_lies_ahead_counts_as_one_of_now() -> None:
    link = told(Link(), Tally(None, at(10**9)), 30)
    assert link.newest == at(30) and link.synced == at(30)


def test_why_a_tally_could_not_be_had_is_kept_and_the_last_proof_with_it() -> None:
    link = told(told(Link(), Tally(10)), None, 9, why="It answered HTTP 500.")
    assert (link.why, link.synced, link.count) == ("It answered HTTP 500.", at(0), None)
    assert told(link, Tally(10), 20).why is None


def test_counts_that_differ_are_borne_out_by_the_next_answer() -> None:
    link = told(Link(), Tally(14))
    assert (link.differ, link.sure) == (4, False)
    assert proof.read(link, at(5), 10, 0).sure
    assert proof.read(link, at(5), 13, 0).sure
    # the source had grown between its answer and its tally
    grown = proof.read(link, at(5), 15, 0)
    assert (grown.differ, grown.sure, grown.synced) == (0, False, at(0))


def test_what_was_borne_out_stands_until_the_counts_agree() -> None:
    link = proof.read(told(Link(), Tally(14)), at(5), 10, 0)
    assert told(link, Tally(15), 10).sure
    healed = told(link, Tally(14), 10, have=14)
    assert (healed.sure, healed.differ, healed.synced) == (False, 0, at(10))


@given(counts, counts, counts)
def test_a_count_between_two_answers_never_differs_and_one_outside_of_them_always(
    before: int, after: int, count: int
) -> None:
    link = proof.read(told(Link(), Tally(count), have=before), at(5), after, 0)
    inside = min(before, after) <= count <= max(before, after)
    assert link.sure is not inside
    assert (link.synced is not None) is inside


@given(counts, counts, counts)
def test_a_link_travels_with_the_answer(count: int, have: int, aside: int) -> None:
    link = told(proof.read(Link(), at(3), have, aside), Tally(count, at(4)), have=have, aside=aside)
    answered = Answered("s", NOON, link=link)
    assert msgspec.json.decode(msgspec.json.encode(answered), type=Answered) == answered


def test_an_answer_from_before_links_were_proved_still_reads() -> None:
    assert msgspec.json.decode(b'{"source": "s", "asked": "2026-03-10T12:00:00+07:00"}', type=Answered).link == Link()


@pytest.mark.parametrize(("second", "due"), [(0, False), (299, False), (300, True), (-1, True)])
def test_a_proof_is_due_after_its_time_and_when_the_clock_went_back(second: float, due: bool) -> None:
    link = told(Link(), Tally(10))
    assert Link().due(at(0), 300) and link.due(at(second), 300) is due


@pytest.mark.parametrize(
    ("count", "newest"),
    [(-1, None), (2**63, None), (None, datetime(2026, 3, 10)), (None, datetime(1, 1, 1, tzinfo=UTC))],  # noqa: DTZ001
)
def test_what_is_no_count_and_no_time_of_ours_is_no_tally(count: int | None, newest: datetime | None) -> None:
    with pytest.raises(ValueError, match="ask its owner"):
        Tally(count, newest)
