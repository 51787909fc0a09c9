"""The four words: pure functions of the sources."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.layer import Figure
from ioc.score import WORDS, level


def source(**told: Any) -> dict[str, Any]:
    given = {"state": "live", "have": 100, "expect": 100, "refused": 0, "passed": 4, "failed": [], **told}
    checks = {"passed": given.pop("passed"), "failed": given.pop("failed")}
    return {**given, "checks": checks}


def worked(sources: dict[str, dict[str, Any]], figures: dict[str, dict[str, Any]] | None = None) -> dict[str, Figure]:
    return {word.name: word.work_out(sources, figures or {}) for word in WORDS}


def test_without_sources_no_word_has_a_value() -> None:
    assert all(figure.value is None and figure.level is None for figure in worked({}).values())


def test_each_word_falls_for_its_own_cause_alone() -> None:
    good = source()
    causes = {
        "dung": source(passed=3, failed=["There are 2 records, more than the 1 that were agreed."]),
        "du": source(have=50),
        "sach": source(refused=100),
        "song": source(state="stale"),
    }
    for name, bad in causes.items():
        values = {word: figure.value for word, figure in worked({"a": good, "b": bad}).items()}
        assert values.pop(name) != 100.0
        if name != "du":
            assert set(values.values()) == {100.0}, name


def test_figures_are_shares_of_what_was_counted() -> None:
    figures = worked({
        "a": source(have=701, expect=721, refused=20, passed=3, failed=["One."]),
        "b": source(have=300, expect=100, state="down"),
    })  # fmt: skip
    assert {name: figure.value for name, figure in figures.items()} == {
        "dung": 87.5, "du": 97.6, "sach": 98.0, "song": 50.0
    }  # fmt: skip
    parts = figures["sach"].parts
    assert parts is not None and (parts[0]["value"], parts[0]["of"]) == (20, 1021)


def test_a_source_that_owes_no_number_does_not_count_for_complete() -> None:
    assert worked({"a": source(expect=None, have=3)})["du"].value is None


def test_a_figure_that_another_source_disputes_is_a_failed_check() -> None:
    figures: dict[str, dict[str, Any]] = {
        "certificates": {"value": 1392, "other": [{"value": 1500, "source": "portal"}]},
        "beds_free": {"value": 312},
        "jobs_new": {"value": None},
    }
    correct = worked({"a": source(passed=4)}, figures)["dung"]
    assert correct.parts is not None and (correct.parts[0]["value"], correct.parts[0]["of"]) == (1, 6)
    assert correct.value == 83.3


def test_one_bad_among_many_is_not_rounded_away() -> None:
    many = {f"s{n}": source() for n in range(4000)}
    assert worked(many)["song"].value == 100.0
    many["s0"] = source(state="late")
    assert worked(many)["song"].value == 99.9


@pytest.mark.parametrize(("value", "wanted"), [(None, None), (95, "good"), (94.9, "warn"), (85, "warn"), (84.9, "bad")])
def test_levels_stand_ten_points_apart(value: float | None, wanted: str | None) -> None:
    assert level(value, 95.0) == wanted


@given(
    st.dictionaries(
        st.text(max_size=3),
        st.builds(
            source,
            state=st.sampled_from(["live", "late", "stale", "down", "never"]),
            have=st.integers(0, 10_000), expect=st.none() | st.integers(0, 10_000), refused=st.integers(0, 100),
            passed=st.integers(0, 4), failed=st.lists(st.just("Wrong."), max_size=4),
        ),
    )
)  # fmt: skip
def test_every_word_lies_between_0_and_100_and_is_100_only_when_all_is_good(sources: dict[str, dict[str, Any]]) -> None:
    for figure in worked(sources).values():
        assert figure.value is None or 0 <= float(figure.value) <= 100
        if figure.value == 100.0:
            assert figure.parts is not None and figure.parts[0]["value"] == 0
