"""What one asking comes to, weighed against what is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc import names
from ioc.adapter import Reading
from ioc.errors import BadRecord, SourceDown
from ioc.event import ASKED_AGAIN, REVISED
from ioc.intake import CHECKS
from tests.asked import Source, at, bad, counts, mended, reading, refused, told


async def test_the_same_content_tells_nothing_and_the_source_is_alive() -> None:
    source = Source()
    assert told(await source.ask(reading("a"), reading("b"))) == [("a", 0), ("b", 0)]
    again = await source.ask(reading("a"), reading("b"))
    assert again.events == [] and again.seen == {} and counts(again) == (0, 2, 0, 0)
    assert source.known.answered is not None and source.known.answered.answered == at(2)
    assert told(await source.ask(reading("a", 1), reading("b"))) == [("a", 1)]


async def test_what_is_carried_but_volatile_is_no_change_and_neither_is_a_new_time() -> None:
    source = Source()
    volatile = frozenset({"value"})
    await source.ask(reading("a", 1, 0, volatile=volatile))
    assert (await source.ask(reading("a", 2, 1, volatile=volatile))).events == []


async def test_only_another_content_for_the_same_source_time_is_a_revision() -> None:
    source = Source()
    (first,) = (await source.ask(reading("a", 1, 0))).events
    (newer,) = (await source.ask(reading("a", 2, 1))).events
    (revised,) = (await source.ask(reading("a", 3, 1))).events
    assert [first.cause, newer.cause, revised.cause] == [None, None, REVISED]
    assert revised.time == newer.time and revised.received > newer.received
    assert (await source.ask(reading("b", 1))).events[0].cause is None
    assert (await source.ask(reading("b", 2))).events[0].cause is None


async def test_a_source_asked_again_after_its_memory_was_lost_says_so() -> None:
    source = Source()
    taken = await source.ask(reading("a"), reading("a"), reading("b", gone=True), again=True)
    assert [event.cause for event in taken.events] == [ASKED_AGAIN]


async def test_who_is_absent_from_a_complete_answer_is_gone_once() -> None:
    source = Source(complete=True)
    await source.ask(*(reading(name, 1, 0) for name in "abcd"))
    taken = await source.ask(*(reading(name, 1, 0) for name in "abc"))
    assert told(taken) == [("d", None)] and taken.gone == 1 and taken.have == 3
    assert taken.events[0].time == at(0) and taken.events[0].received == at(2)
    assert (await source.ask(*(reading(name, 1, 0) for name in "abc"))).events == []
    assert told(await source.ask(*(reading(name, 1, 0) for name in "abcd"))) == [("d", 1)]


async def test_who_is_absent_from_an_answer_that_is_not_complete_stays() -> None:
    source = Source()
    await source.ask(reading("a"), reading("b"))
    assert (await source.ask(reading("c"))).have == 3


async def test_an_answer_that_lacks_more_than_half_is_not_believed_and_nothing_is_taken() -> None:
    source = Source(complete=True)
    await source.ask(*map(reading, "abcd"))
    before = source.known
    for answer in ([], [reading("a", 9), reading("new")]):
        with pytest.raises(SourceDown, match=r"of 4 known records were missing at once"):
            await source.ask(*answer)
        assert source.known == before and await source.log.length() == 4
    assert (await source.ask(reading("a"), reading("b"))).gone == 2


async def test_an_end_that_is_told_is_told_once_and_does_not_count_as_missing() -> None:
    source = Source(complete=True)
    await source.ask(*map(reading, "abc"))
    ends = [reading(name, gone=True) for name in "ab"]
    taken = await source.ask(*ends, *ends, reading("c"))
    assert told(taken) == [("a", None), ("b", None)] and counts(taken) == (2, 3, 0, 0) and taken.gone == 0
    again = await source.ask(*ends, reading("c"))
    assert again.events == [] and again.have == 1


async def test_a_record_set_aside_is_told_once_and_counted_each_time() -> None:
    source = Source()
    first = await source.ask(bad("x"), bad("x"), bad("y"), reading("a"))
    assert [event.data.properties["raw"] for event in refused(first) if event.data] == ['{"text":"x"}', '{"text":"y"}']
    assert counts(first) == (1, 0, 0, 3) and first.reasons == {"no_place": 3} and first.have == 1
    again = await source.ask(bad("x"), bad("x"), bad("y"), reading("a"))
    assert again.events == [] and again.set_aside == 3
    assert source.known.answered is not None
    assert (source.known.answered.set_aside, source.known.answered.aside_now) == (6, 2)
    assert source.known.answered.reasons == {"no_place": 2}


async def test_a_complete_answer_without_a_bad_record_forgets_it() -> None:
    source = Source(complete=True)
    await source.ask(bad("x"))
    assert len((await source.ask()).seen) == 1 and source.known.seen == {}
    assert len(refused(await source.ask(bad("x")))) == 1


async def test_a_bad_record_that_has_its_name_holds_its_subject() -> None:
    source = Source(complete=True)
    await source.ask(*map(reading, "abc"))
    taken = await source.ask(reading("a"), reading("b"), bad("c", subject="c"))
    assert taken.gone == 0 and taken.have == 3


async def test_a_bad_record_without_a_name_may_be_the_missing_one_for_as_long_as_it_stays() -> None:
    source = Source(complete=True)
    await source.ask(*map(reading, "abcd"), bad("steady"))
    for _ in range(3):
        held = await source.ask(*map(reading, "abc"), bad("steady"), bad("nameless"))
        assert held.gone == 0 and held.have == 4
    assert (await source.ask(*map(reading, "abc"), bad("steady"))).gone == 1


async def test_bad_records_that_stood_before_hide_nobody() -> None:
    source = Source(complete=True)
    await source.ask(*map(reading, "abcd"), bad("x"), bad("y"))
    assert (await source.ask(*map(reading, "abc"), bad("x"), bad("y"))).gone == 1


async def test_once_the_missing_one_is_back_the_nameless_one_holds_nobody() -> None:
    source = Source(complete=True)
    await source.ask(*map(reading, "abcd"))
    assert (await source.ask(*map(reading, "abc"), bad("x"))).gone == 0
    assert (await source.ask(*map(reading, "abcd"), bad("x"))).gone == 0
    assert (await source.ask(*map(reading, "abd"), bad("x"))).gone == 1


async def test_the_same_line_twice_is_a_duplicate_and_another_content_is_a_conflict() -> None:
    source = Source()
    taken = await source.ask(reading("a", 1, 0), reading("a", 1, 0), reading("a", 2, 0), reading("b"), reading("b", 2))
    assert counts(taken) == (2, 0, 1, 2) and told(taken) == [("a", 1), ("b", 0)]
    assert taken.reasons == {"conflict": 2} and taken.failed == ["2 ids stood twice with different content."]


@pytest.mark.parametrize("turned", [False, True])
async def test_several_states_of_one_subject_are_told_oldest_first_and_only_once(turned: bool) -> None:
    source = Source(complete=True)
    answer = [reading("a", "new", 0), reading("b", 1, 0), reading("a", "newer", 1), reading("a", "newest", 2)]
    if turned:
        answer.reverse()
    assert [one for one in told(await source.ask(*answer)) if one[0] == "a"] == [
        ("a", "new"), ("a", "newer"), ("a", "newest")
    ]  # fmt: skip
    for _ in range(3):
        assert (await source.ask(*answer)).events == []
    more = await source.ask(*answer, reading("a", "last", 3))
    assert told(more) == [("a", "last")]


async def test_a_form_that_only_repeats_adds_what_is_unknown_and_nothing_else() -> None:
    source = Source(complete=True)
    await source.ask(reading("a", "whole", 0))
    taken = await source.ask(reading("a", "short", 0, repeat=True), reading("b", "short", 0, repeat=True))
    assert told(taken) == [("b", "short")] and counts(taken) == (1, 0, 1, 0) and taken.gone == 0


async def test_what_a_sender_sends_twice_under_one_id_is_taken_once() -> None:
    source = Source()
    first = await source.ask(reading("a", 1, sender_id="m1"), reading("a", 2, sender_id="m1"))
    assert told(first) == [("a", 1)] and first.sender_ids == ["m1"] and first.duplicates == 1
    sent = await source.log.sent("s", ["m1", "m2"])
    again = await source.ask(reading("a", 3, sender_id="m1"), reading("a", 4, sender_id="m2"), sent=sent)
    assert told(again) == [("a", 4)] and again.duplicates == 1


async def test_a_late_end_and_a_return_keep_their_times() -> None:
    source = Source()
    await source.ask(reading("a", 1, 5))
    (end,) = (await source.ask(reading("a", time=3, gone=True))).events
    (back,) = (await source.ask(reading("a", 1, 5))).events
    assert (end.data, end.time) == (None, at(3))
    assert (back.time, back.cause) == (at(5), None) and back.received > end.received


async def test_what_can_t_be_written_is_set_aside_and_the_rest_goes_on() -> None:
    source = Source()
    strange: list[Reading] = [
        reading("a", object()), reading("b", "\ud800"), reading("\udcff"), reading("d", {1: 2}), reading("\x00e"),
        Reading("f", {"loose": object()}, volatile=frozenset({"loose"})),
    ]  # fmt: skip
    taken = await source.ask(*strange, reading("z"), BadRecord("No \ud800.", reason="x", raw={"a": "\ud800"}))
    assert told(taken) == [("z", 0)] and taken.reasons == {"bad_type": 6, "x": 1} and len(refused(taken)) == 7
    msgspec.json.encode(taken.events)


async def test_times_ahead_of_ours_are_said_and_never_become_how_old_the_picture_is() -> None:
    source = Source()
    taken = await source.ask(reading("a", 1, 60 * 24), reading("b", 1, 0))
    assert taken.observed == at(1)
    assert taken.failed == ["1 records are dated more than 5 minutes in the future."]


async def test_more_than_was_agreed_fails_a_check() -> None:
    source = Source(expect=2)
    assert (await source.ask(*map(reading, "ab"))).failed == []
    assert (await source.ask(reading("c"))).failed == ["There are 3 records, more than the 2 that were agreed."]
    assert source.known.answered is not None
    assert source.known.answered.checks.passed == CHECKS - 1


class West:
    """Knows one commune: everything east of the meridian."""

    def find_many(self, places: Sequence[tuple[float, float]], on: date) -> list[str | None]:
        assert on == date(2026, 3, 10)
        return ["22015" if lon > 0 else None for lon, _ in places]


async def test_points_get_their_commune_and_those_outside_stay_counted() -> None:
    def place(name: str, lon: float, **more: Any) -> Reading:
        return reading(name, geometry={"type": "Point", "coordinates": [lon, 13.0]}, **more)

    line = {"type": "LineString", "coordinates": [[-1, 1], [-2, 2]]}
    source = Source(units=West())
    first = await source.ask(
        place("in", 1),
        place("out", -1),
        place("said", -1, unit="22022"),
        reading("line", geometry=line),
        reading("none"),
    )
    assert [event.unit for event in first.events] == ["22015", None, "22022", None, None]
    outside = ["1 records lie outside the province's communes."]
    assert first.failed == outside
    quiet = await source.ask(place("in", 1), place("out", -1))
    assert (quiet.events, quiet.failed) == ([], outside)
    assert (await source.ask(place("in", 2), place("out", -1))).failed == outside
    assert (await source.ask(place("in", 2), place("out", 3))).failed == []


async def test_after_a_flush_what_ended_meanwhile_ends() -> None:
    source = Source(complete=True)
    archived = {name: at(-5) for name in "abc"}
    taken = await source.ask(reading("a"), reading("b"), archived=archived, again=True)
    assert told(taken) == [("a", 0), ("b", 0), ("c", None)] and taken.events[-1].time == at(-5)
    source = Source(complete=True)
    with pytest.raises(SourceDown):
        await source.ask(reading("a"), archived=archived, again=True)


results = st.lists(
    st.one_of(
        st.builds(
            reading,
            st.sampled_from("abcde"), st.integers(0, 2), st.none() | st.integers(-2, 2),
            gone=st.booleans(), repeat=st.booleans(), sender_id=st.none() | st.sampled_from(["m1", "m2", "m3"]),
        ),
        st.builds(bad, st.sampled_from("xy"), st.none() | st.sampled_from("abcde")),
    ),
    max_size=10,
)  # fmt: skip


@settings(max_examples=300)
@given(askings=st.lists(results, max_size=5), complete=st.booleans())
async def test_every_record_is_counted_once_and_what_is_known_is_what_was_told(
    askings: list[list[Reading | BadRecord]], complete: bool
) -> None:
    source = Source(complete=complete)
    stands: set[str] = set()
    sums = [0, 0, 0, 0]
    for answer in askings:
        before = source.known
        try:
            taken = await source.ask(*answer)
        except SourceDown:
            assert complete and source.known == before
            continue
        for subject, value in told(taken):
            (stands.discard if value is None else stands.add)(subject)
        sums = [a + b for a, b in zip(sums, counts(taken), strict=True)]
        assert len(taken.events) == taken.told + taken.gone + len(refused(taken)) + len(mended(taken))
        assert {name for name in source.known.seen if not name.startswith("\x00")} == stands
        assert taken.have == len(stands)
    known = source.known.answered
    if known is not None:
        assert [known.events, known.unchanged, known.duplicates, known.set_aside][1:] == sums[1:]
        assert known.records == sum(sums)


@settings(max_examples=150)
@given(answer=results, complete=st.booleans())
async def test_the_same_answer_again_tells_nothing_new(answer: list[Reading | BadRecord], complete: bool) -> None:
    """However wild an answer is: when it names no ends and no sender, its repetition moves nothing on the wall."""
    plain = [
        one if isinstance(one, BadRecord) else msgspec.structs.replace(one, gone=False, sender_id=None, repeat=False)
        for one in answer
    ]
    source = Source(complete=complete)
    await source.ask(*plain)
    assert (await source.ask(*plain)).events == []


async def test_what_is_remembered_of_a_source_that_only_tells_news_is_bounded() -> None:
    source = Source(most=20)
    for number in range(60):
        await source.ask(reading(f"r{number:02}", time=number - 100))
    assert len(source.known.seen) <= 20
    assert "r59" in source.known.seen and "r00" not in source.known.seen
    again = await source.ask(reading("r59", time=-41), reading("r00", time=-100))
    assert (again.unchanged, again.told) == (1, 1)


async def test_a_typed_correction_that_is_sent_needs_a_reason_and_may_come_again_with_one() -> None:
    source = Source(method="typed", reasons="each")
    await source.ask(reading("a", 1, 0, sender_id="m1"))
    taken = await source.ask(reading("a", 2, 0, sender_id="m2"))
    assert [event.type for event in taken.events] == [names.REFUSED]
    assert (taken.reasons, taken.sender_ids, counts(taken)) == ({"no_reason": 1}, [], (0, 0, 0, 1))
    said = reading("a", 2, 0, sender_id="m2")
    said = msgspec.structs.replace(said, properties={**said.properties, "why": "Nhập nhầm"})
    event, mended = (await source.ask(said)).events
    assert mended.type == names.MENDED, "Nothing stands set aside any more."
    assert event.data is not None
    assert (event.cause, event.data.properties["why"]) == (REVISED, "Nhập nhầm")


@pytest.mark.parametrize(("method", "reasons"), [("machine", "each"), ("typed", None)])
async def test_what_a_machine_corrects_or_nobody_sends_needs_no_reason(method: str, reasons: str | None) -> None:
    source = Source(method=method, reasons=reasons)
    await source.ask(reading("a", 1, 0))
    assert [event.cause for event in (await source.ask(reading("a", 2, 0))).events] == [REVISED]


async def test_a_new_figure_for_a_later_time_is_no_correction_and_needs_no_reason() -> None:
    source = Source(method="typed", reasons="each")
    await source.ask(reading("a", 1, 0))
    assert told(await source.ask(reading("a", 2, 1))) == [("a", 2)]
