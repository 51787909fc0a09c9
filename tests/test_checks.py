"""The checks of the settings: pure functions of what stands on the boards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import clock
from ioc.alerts import standing
from ioc.check import Check
from ioc.checks import Seen, by_source, covered, en, results, vi
from ioc.errors import BadConfig
from ioc.lint import lint
from ioc.settings import load

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)


def check(**told: Any) -> Check:
    return msgspec.convert(told, Check)


def rows(*told: dict[str, Any]) -> Seen:
    """Items of the indicators' layer."""
    return Seen({}, {"indicators": {str(number): one for number, one in enumerate(told)}})


def tile(total: Any = None, **figure: Any) -> Seen:
    """One tile `t` with its total; other figures of communes by name."""
    units = {unit: {"value": value} for unit, value in figure.pop("units", {}).items()}
    return Seen(
        {"t": {"all": {"value": total, "label": "Tổng", "label_en": "Total", "sources": ["s"], **figure}, **units}}, {}
    )


def one(made: Check, seen: Seen, before: dict[str, Any] | None = None, at: datetime = NOON) -> dict[str, Any]:
    return results({"c": made}, seen, {"c": before} if before else {}, at, {"s": "Sở Y tế"})["c"]


LEFT = {"tile": "t"}
CASES: list[tuple[str, dict[str, Any], Any, Any]] = [
    ("sum_of_parts", {"right": {"value": 10}}, 10, 11),
    ("two_sources", {"right": {"value": 100}, "within": 2}, 98, 97),
    ("two_sources", {"right": {"value": 100}, "percent": 1}, 101, 101.5),
    ("part_of_whole", {"right": {"value": 10}}, 10, 10.5),
    ("range", {"least": 0, "most": 100}, 0, -1),
    ("range", {"least": 0, "most": 100}, 100, 100.1),
    ("range", {"least": 5}, 5, 4),
    ("range", {"most": 5}, -5, 6),
]


@pytest.mark.parametrize(("kind", "told", "good", "bad"), CASES)
def test_each_kind_passes_at_its_bound_and_fails_past_it(kind: str, told: dict[str, Any], good: Any, bad: Any) -> None:
    made = check(kind=kind, left=LEFT, **told)
    assert one(made, tile(good))["ok"] is True
    failed = one(made, tile(bad))
    assert failed["ok"] is False
    assert failed["left"]["value"] == bad and failed["right"]["value"] is not None
    assert vi(bad) in failed["say"]["vi"] and en(failed["right"]["value"]) in failed["say"]["en"]


@pytest.mark.parametrize("value", [None, "nhiều", True, float("nan"), float("inf")])
def test_what_is_no_number_neither_passes_nor_fails(value: Any) -> None:
    found = one(check(kind="range", left=LEFT, least=0), tile(value))
    assert found["ok"] is None and found["say"]["en"] == "There is no figure yet: Total."
    assert by_source({"c": found}) == {}


def walk(made: Check, *values: Any) -> list[bool | None]:
    found: dict[str, Any] = {}
    told = []
    for value in values:
        found = one(made, tile(value), found)
        told.append(found["ok"])
    return told


def test_a_step_is_measured_from_one_figure_to_the_next() -> None:
    by_ten = check(kind="step", left=LEFT, most=10)
    assert walk(by_ten, 100, 110, 110, 121, 121, 111) == [None, True, True, False, False, True]
    assert walk(check(kind="step", left=LEFT, percent=10), 100, 110, 122) == [None, True, False]
    assert walk(by_ten, 100, None, 150) == [None, None, False]


def test_a_counter_that_falls_fails_until_it_rises_again() -> None:
    assert walk(check(kind="monotone", left=LEFT), 5, 5, 7, 6, 6, 8) == [None, None, True, False, False, True]


def test_what_other_settings_remembered_is_not_compared() -> None:
    before = one(check(kind="monotone", left={"tile": "t", "field": "have"}), tile(1, have=900))
    assert one(check(kind="monotone", left=LEFT), tile(1), before)["ok"] is None


def test_the_communes_add_up_to_the_province_or_to_what_is_named() -> None:
    own = check(kind="units_sum", left=LEFT)
    assert one(own, tile(30, units={"a": 10, "b": 20}))["ok"] is True
    failed = one(own, tile(31, units={"a": 10, "b": 20, "c": None}))
    assert (failed["ok"], failed["left"]["label"], failed["left"]["value"]) == (False, "tổng 2 đơn vị", 30)
    other = check(kind="units_sum", left=LEFT, right={"value": 30})
    assert one(other, tile(31, units={"a": 10, "b": 20}))["ok"] is True


def test_parts_and_the_other_figure_of_a_tile_are_looked_at() -> None:
    parts = [{"label": "A", "value": 3}, {"label": {"vi": "B", "en": "b"}, "value": 4}]
    seen = tile(7, parts=parts, other=[{"value": 9, "source": "x"}])
    left = [{"tile": "t", "part": "A"}, {"tile": "t", "part": "b"}]
    assert one(check(kind="sum_of_parts", left=left, right=LEFT), seen)["ok"] is True
    failed = one(check(kind="sum_of_parts", left=left, right={"tile": "t", "other": True}), seen)
    assert failed["say"]["vi"] == "3 + 4 = 7 ≠ 9."
    gone = [{"tile": "t", "part": "A"}, {"tile": "t", "part": "Z"}]
    assert one(check(kind="sum_of_parts", left=gone, right=LEFT), seen)["ok"] is None


def row(value: Any, **told: Any) -> dict[str, Any]:
    return {"source": "s", "indicator": "beds", "value": value, **told}


def test_the_newest_period_is_looked_at_and_unlike_periods_are_not_compared() -> None:
    made = check(kind="two_sources", left={"source": "s"}, right={"source": "r"})
    april, march = {"period": "2026-04"}, {"period": "2026-03"}
    mine = [row(1, **march), row(5, **april), row(6, **april)]
    assert one(made, rows(*mine, row(11, **april, source="r")))["ok"] is True
    unlike = one(made, rows(*mine, row(11, source="r", period="2026-03-15/2026-04-14")))
    assert unlike["ok"] is None and "Unlike periods" in unlike["say"]["en"]
    unread = one(made, rows(*mine, row(11, **april, source="r"), row(99, source="r", period="tháng này")))
    assert unread["ok"] is True
    apart = [{"source": "s", "indicator": "beds"}, {"source": "r", "indicator": "beds"}]
    summed = check(kind="sum_of_parts", left=apart, right={"value": 22})
    assert one(summed, rows(*mine, row(11, **march, source="r")))["ok"] is None


def test_announced_totals_are_never_added_and_where_picks_rows() -> None:
    seen = rows(row(1, unit="a"), row(2, unit="b"), row(0, unit="c"), row(9, published="Sở"))
    assert one(check(kind="two_sources", left={"source": "s"}, right={"value": 3}), seen)["ok"] is True
    left = {"indicator": "beds", "where": {"unit": "b"}}
    assert one(check(kind="two_sources", left=left, right={"value": 2}), seen)["ok"] is True
    zero = {"indicator": "beds", "where": {"unit": "c"}}
    assert one(check(kind="two_sources", left=zero, right={"value": 0}), seen)["ok"] is True
    right = {"indicator": "beds", "published": True}
    assert one(check(kind="two_sources", left=left, right=right), seen)["right"]["value"] == 9


def test_since_is_kept_while_it_says_the_same_and_renewed_when_it_turns() -> None:
    made = check(kind="range", left=LEFT, most=5)
    first = one(made, tile(6))
    still = one(made, tile(7), first, NOON + timedelta(hours=1))
    assert still["since"] == first["since"] == clock.rfc3339(NOON)
    assert one(made, tile(5), still, NOON + timedelta(hours=2))["since"] == clock.rfc3339(NOON + timedelta(hours=2))


def test_whose_fault_it_is_stands_in_the_check_or_is_found() -> None:
    assert one(check(kind="range", left=LEFT, most=5), tile(6))["owner"] == "Sở Y tế"
    named = one(check(kind="range", left=LEFT, most=5, source="other"), tile(6))
    assert (named["source"], named["owner"]) == ("other", None)
    assert by_source({"c": named}) == {"other": (0, ["c: 6 > 5."])}


def test_a_tile_says_nothing_of_a_dispute_that_a_failed_check_tells() -> None:
    figure = {"value": 7, "level": "warn", "label": "T", "label_en": "T", "other": [{"value": 9}]}
    failed = one(check(kind="two_sources", left=LEFT, right={"tile": "t", "other": True}), tile(**_total(figure)))
    assert covered({"c": failed}) == {"t"}
    assert set(standing({}, {"t": figure}, {}, NOON, checks={"c": failed})) == {"check/c"}
    low = figure | {"level": "bad"}
    assert set(standing({}, {"t": low}, {}, NOON, checks={"c": failed})) == {"check/c", "tile/t"}
    assert covered({"c": failed | {"ok": None}}) == set()


def _total(figure: dict[str, Any]) -> dict[str, Any]:
    return {"total" if name == "value" else name: value for name, value in figure.items()}


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=8), st.integers(-5, 5))
def test_a_sum_passes_exactly_when_it_is_the_total_and_no_mean_is_told(parts: list[int], off: int) -> None:
    seen = rows(*(row(part, part=str(number)) for number, part in enumerate(parts)))
    left = [{"source": "s", "part": str(number)} for number in range(len(parts))]
    found = one(check(kind="sum_of_parts", left=left, right={"value": sum(parts) + off}), seen)
    assert found["ok"] is (off == 0)
    assert (found["left"]["value"], found["right"]["value"]) == (sum(parts), sum(parts) + off)


@given(st.lists(st.decimals(-1000, 1000, places=2).map(float), min_size=2, max_size=8))
def test_tenths_add_up_as_people_add_them(parts: list[float]) -> None:
    seen = rows(*(row(part, part=str(number)) for number, part in enumerate(parts)))
    left = [{"source": "s", "part": str(number)} for number in range(len(parts))]
    cents = sum(round(100 * part) for part in parts)
    assert one(check(kind="sum_of_parts", left=left, right={"value": cents / 100}), seen)["ok"] is True


def test_numbers_are_written_as_each_language_writes_them() -> None:
    assert [vi(1392), en(1392), vi(7.38), en(1500.0), vi(None)] == ["1.392", "1,392", "7,38", "1,500", "–"]


@pytest.mark.parametrize(
    ("told", "say"),
    [
        ({"kind": "sum_of_parts", "left": LEFT}, "sum_of_parts has no right"),
        ({"kind": "range", "left": LEFT}, "range has no bounds"),
        ({"kind": "range", "left": LEFT, "right": LEFT, "most": 1}, "looks at left alone"),
        ({"kind": "step", "left": LEFT}, "step has no bound"),
        ({"kind": "units_sum", "left": {"source": "s"}}, "adds up the communes of one tile"),
        ({"kind": "monotone", "left": {"tile": "t", "source": "s"}}, "looks at one thing"),
        ({"kind": "monotone", "left": {}}, "looks at one thing"),
        ({"kind": "monotone", "left": {"tile": "t", "field": "valu"}}, "a tile has no field valu"),
        ({"kind": "monotone", "left": {"source": "s", "unit": "x"}}, "belong to a tile"),
        ({"kind": "monotone", "left": []}, "look at 1 to 50 things"),
        ({"kind": "two_sources", "left": LEFT, "right": LEFT, "within": -1}, "write 0 or more"),
    ],
)
def test_a_check_that_says_too_little_or_too_much_is_refused(told: dict[str, Any], say: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=say):
        msgspec.convert(told, Check)


WRONG = """
[checks.a]
kind = "sum_of_parts"
left = [{tile = "certificate"}, {tile = "beds_free"}]
right = {source = "certs", label = "x"}

[checks.b]
kind = "range"
most = 5
left = {source = "certificates", field = "valeu"}

[checks.c]
kind = "rang"
left = {tile = "beds_free"}
"""


def test_names_that_nobody_has_are_found_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "screens").mkdir()
    text = '[province]\nname = "Thử"\n[web]\nscreens = "screens"\n' + WRONG
    text += '[sources.certificates]\nadapter = "table_file"\nevent = "ioc.indicator.measured"\nfolder = "x"\n'
    text += 'forms = [{id = "a", properties = {value = "b"}}]\n[sources.certificates.contract]\nowner = "Sở"\n'
    file = tmp_path / "ioc.toml"
    file.write_text(text, encoding="utf-8")
    found = [(finding.line, finding.say) for finding in lint(file)]
    lines = text.splitlines()
    assert [(lines[line - 1].split(" ")[0] if line else None, say.partition(";")[0]) for line, say in found] == [
        ("left", "There is no tile certificate"),
        ("right", "There is no source certs"),
        ("left", "There is no property valeu"),
        ("kind", "checks.c.kind is wrong: invalid enum value 'rang'"),
    ]


def test_checks_that_are_no_tables_are_told_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "screens").mkdir()
    file = tmp_path / "ioc.toml"
    file.write_text('checks = 5\n[province]\nname = "Thử"\n[web]\nscreens = "screens"\n', encoding="utf-8")
    assert [(found.line, found.say) for found in lint(file)] == [(1, "Checks are tables; write [checks.NAME].")]
    with pytest.raises(BadConfig, match="Checks are tables"):
        load(file)
