"""Indicators: the newest period against its target and the period before, with who told it and how."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st

from ioc import catalog, clock, names
from ioc.contract import Contract
from ioc.event import Event, Feature, Method
from ioc.layer import Figure, Item
from ioc.run.figures import Figures
from ioc.run.fold import Fold
from ioc.settings import Source
from layers.indicators import INDICATORS, Indicators
from tests.layers.suite import NOON, LayerSuite

TILES = {tile.name: tile for tile in catalog.tiles("indicators")}
_numbers = st.integers(-5, 2000) | st.sampled_from([1.5, None, "12", True])
_names = st.sampled_from(["beds_free", "dossiers_on_time", "certificates", "vaccinations_today", "other"])
_periods = st.sampled_from(["2026-03-09", "2026-03-10", "2026-02", "2026-03", "2026", "tháng 3", "9999", None])


class TestIndicators(LayerSuite):
    layer = Indicators()
    tiles = catalog.tiles("indicators")
    subjects = ("x/1", "x/2", "x/3", "y/1")
    gone = False
    properties = st.fixed_dictionaries(
        {"indicator": _names},
        optional={
            "value": _numbers,
            "numerator": _numbers,
            "denominator": _numbers,
            "period": _periods,
            "target": _numbers,
            "previous": _numbers,
            "have": _numbers,
            "expect": _numbers,
            "part": st.sampled_from(["Tổ chức", "Cá nhân"]),
            "reporter": st.sampled_from(["BV1", "BV2"]),
            "published": st.sampled_from([True, False, "Báo cáo 2020"]),
            "total_of": st.sampled_from(["", "Phường"]),
            "summed": _numbers,
            "tolerance": st.sampled_from([0, 0.5]),
        },
    )


def event(subject: str, told: dict[str, Any], minute: float = 0, **fields: Any) -> Event:
    when = NOON + timedelta(minutes=minute)
    made = Event(f"{subject}@{minute}", "src", "ioc.indicator.measured", subject, when, when, Feature(told))
    return msgspec.structs.replace(made, **fields)


def folded(events: Iterable[Event]) -> dict[str, Item]:
    layer, items = Indicators(), dict[str, Item]()
    for each in events:
        found = layer.fold(items.get(each.subject), each)
        assert found is not None
        items[each.subject] = found
    return items


def figure(name: str, *told: dict[str, Any], now: datetime = NOON, method: Method = "machine") -> Figure:
    """The tile `name` over rows of that indicator."""
    rows = [event(f"{name}/{number}", {"indicator": name, **row}, method=method) for number, row in enumerate(told)]
    return TILES[name].work_out(folded(rows), now)


def test_every_line_of_the_table_is_a_tile() -> None:
    assert sorted(TILES) == sorted(one.name for one in INDICATORS)
    assert TILES["dossiers_on_time"].unit == ("%", "%")
    assert TILES["beds_free"].label == ("Giường trống", "Beds free")
    assert not TILES["certificates"].by_unit


def test_a_share_is_all_numerators_over_all_denominators() -> None:
    rows = [
        {"numerator": 9_000, "denominator": 9_056, "have": 100, "expect": 120},
        {"numerator": 5_000, "denominator": 5_806, "have": 90, "expect": 121},
    ]
    found = figure("dossiers_on_time", *rows)
    assert (found.value, found.target, found.level, found.method) == (94.2, 97, "warn", "computed")
    assert (found.have, found.expect, found.sources) == (190, 241, ["src"])
    assert [(part["label"]["vi"], part["value"]) for part in found.parts or []] == [
        ("hồ sơ đúng hạn", 14_000),
        ("hồ sơ", 14_862),
    ]


@pytest.mark.parametrize(("share", "level"), [(970, None), (969, "warn"), (900, "warn"), (899, "bad"), (0, "bad")])
def test_a_share_below_its_target_warns(share: int, level: str | None) -> None:
    assert figure("dossiers_on_time", {"numerator": share, "denominator": 1000}).level == level


def test_of_several_shares_without_weights_there_is_no_mean() -> None:
    assert figure("dossiers_on_time", {"value": 90}).value == 90
    assert figure("dossiers_on_time", {"value": 90}, {"value": 80}).value is None
    assert figure("dossiers_on_time", {"numerator": 0, "denominator": 0}).value is None


def test_a_typed_sum_looks_typed_and_says_how_many_told_it() -> None:
    free = [40, 40, 40, 40, 40, 40, 72, None]
    told = [{"value": value, "reporter": f"BV{number}"} for number, value in enumerate(free)]
    found = figure("beds_free", *told, method="typed")
    assert (found.value, found.have, found.expect, found.method) == (312, 7, None, "typed")
    assert found.level is None


def test_parts_that_do_not_make_the_published_total_say_so() -> None:
    parts = [{"part": "Tổ chức", "value": 487}, {"part": "Cá nhân", "value": 905}]
    found = figure("certificates", *parts, {"value": 1500, "published": "Báo cáo 2020"})
    assert (found.value, found.level, found.have, found.expect) == (1392, "warn", 2, 2)
    assert found.parts == [{"label": "Tổ chức", "value": 487}, {"label": "Cá nhân", "value": 905}]
    assert found.other == [{"value": 1500, "source": "Báo cáo 2020"}]
    assert found.why == "487 + 905 = 1.392, công bố 1.500."
    agreed = figure("certificates", *parts, {"value": 1392, "published": True})
    assert (agreed.level, agreed.other, agreed.why) == (None, None, None)


def test_a_published_total_of_a_group_is_compared_with_its_own_rows_alone() -> None:
    rows = [{"value": 700}, {"value": 692}]
    group = {"published": "Cục Thống kê", "total_of": "Phường", "summed": 700}
    agreed = figure("certificates", *rows, {**group, "value": 700}, {"value": 1392, "published": True, "total_of": ""})
    assert (agreed.value, agreed.other, agreed.why, agreed.level) == (1392, None, None, None)
    uneven = figure("certificates", *rows, {**group, "value": 710})
    assert (uneven.value, uneven.other, uneven.level) == (1392, None, "warn")
    assert uneven.why == "Phường: cộng 700, công bố 710."
    many = [{**group, "total_of": f"Nhóm {number}", "value": 1} for number in range(5)]
    told = figure("certificates", *rows, *many)
    assert told.why is not None and told.why.endswith("; và 3 nhóm nữa.") and told.why.count("công bố") == 2


def test_what_rounding_may_make_is_no_difference() -> None:
    rows = [{"value": 700}, {"value": 692}]
    total = {"value": 1394, "published": True, "total_of": ""}
    assert figure("certificates", *rows, total).other is not None
    assert figure("certificates", *rows, {**total, "tolerance": 2}).other is None
    group = {"value": 701, "summed": 700, "published": True, "total_of": "Phường"}
    assert figure("certificates", *rows, group).why is not None
    assert figure("certificates", *rows, {**group, "tolerance": 1}).why is None


def test_a_source_that_was_never_connected_is_named() -> None:
    found = TILES["jobs_new"].work_out({}, NOON)
    assert (found.value, found.have, found.sources) == (None, 0, ["labour"])


def test_what_was_never_told_was_never_observed() -> None:
    labour = Source("labour", "sql_query", Contract("Sở Nội vụ", expect=34), {})
    fold = Fold(Indicators())
    fold.event(event("beds_free/1", {"indicator": "beds_free", "value": 3}, method="typed"))
    tiles = [TILES["jobs_new"], TILES["beds_free"]]
    shown = Figures(fold, tiles, {"labour": labour}).work_out(NOON, {}, {})
    jobs = msgspec.json.decode(shown["jobs_new"]["all"] or b"")
    assert (jobs["value"], jobs["have"], jobs["expect"], jobs["observed"]) == (None, 0, 34, None)
    beds = msgspec.json.decode(shown["beds_free"]["all"] or b"")
    assert (beds["value"], beds["method"], beds["observed"]) == (3, "typed", clock.rfc3339(NOON))


def test_a_period_that_ended_is_compared_with_the_one_before() -> None:
    rows = [{"period": "2026-02", "value": 300}, {"period": "2026-01", "value": 280}]
    same = [{**row, "reporter": "A"} for row in rows]
    found = figure("beds_free", *same)
    assert (found.value, found.previous, found.trend) == (300, 280, {"by": 20, "over": "P1M"})
    unfinished = figure("beds_free", *same, now=NOON - timedelta(days=20))
    assert (unfinished.previous, unfinished.trend) == (280, None)


@pytest.mark.parametrize("earlier", ["2025-12", "2026-01-15/2026-02-14", "2025", "2026-02-14"])
def test_unlike_periods_are_not_compared(earlier: str) -> None:
    found = figure("dossiers_on_time", {"period": "2026-02", "value": 94}, {"period": earlier, "value": 90})
    assert (found.value, found.previous, found.trend) == (94, None, None)


def test_a_sum_is_not_compared_with_one_that_others_told() -> None:
    now, before = {"period": "2026-02", "value": 300}, {"period": "2026-01", "value": 280}
    found = figure("beds_free", {**now, "reporter": "A"}, {**before, "reporter": "A"}, {**before, "reporter": "B"})
    assert (found.value, found.previous, found.trend) == (300, 560, None)


def test_the_source_may_tell_the_value_before_itself() -> None:
    found = figure("budget_revenue", {"period": "2026-02", "value": 300, "previous": 310, "target": 400})
    assert (found.previous, found.trend, found.target, found.level) == (310, {"by": -10, "over": "P1M"}, 400, None)


def test_yesterday_is_not_shown_for_today() -> None:
    yesterday = {"period": "2026-03-09", "value": 1204}
    found = figure("vaccinations_today", yesterday)
    assert (found.value, found.have, found.previous) == (None, 0, 1204)
    assert found.why == "Chưa có số của hôm nay; số mới nhất là 1.204, ngày 09/03/2026."
    today = {"period": "2026-03-10", "value": 300}
    found = figure("vaccinations_today", yesterday, today)
    assert (found.value, found.previous, found.trend) == (300, 1204, None)
    assert figure("vaccinations_today", today, now=NOON + timedelta(hours=12)).value is None


def test_a_stock_without_a_period_stands_until_it_is_told_anew() -> None:
    found = figure("beds_free", {"value": 312})
    assert (found.value, found.previous, found.trend) == (312, None, None)
    (item,) = folded([event("b", {"indicator": "beds_free", "value": 312})]).values()
    assert Indicators().wakes(item) is None


def test_a_period_that_nobody_can_read_counts_nowhere() -> None:
    found = figure("beds_free", {"period": "tháng ba", "value": 5}, {"period": "2026-02", "value": 7})
    assert (found.value, found.have) == (7, 1)
    assert figure("beds_free", {"period": "9999", "value": 5}).value is None


@pytest.mark.parametrize(("period", "days"), [("2026-03-09", 120), ("2026-02", 560), ("2025", 7300), ("tháng 3", 120)])
def test_rows_of_old_periods_leave(period: str, days: int) -> None:
    layer = Indicators()
    (item,) = folded([event("b", {"indicator": "beds_free", "value": 1, "period": period})]).values()
    leaves = NOON + timedelta(days=days)
    assert layer.wakes(item) == leaves
    assert layer.wake(item, leaves) is None


def test_a_revision_shows_the_old_figure_for_a_day() -> None:
    rows = [
        event("v/1", {"indicator": "beds_free", "value": 100}),
        event("v/2", {"indicator": "beds_free", "value": 10}),
        event("v/1", {"indicator": "beds_free", "value": 90}, minute=5, cause="revised"),
    ]
    at = clock.rfc3339(NOON + timedelta(minutes=5))
    for order in (rows, [rows[2], rows[1], rows[0]]):
        found = TILES["beds_free"].work_out(folded(order), NOON + timedelta(hours=1))
        assert (found.value, found.revised) == (100, {"from": 110, "at": at, "why": "revised"})
        assert TILES["beds_free"].work_out(folded(order), NOON + timedelta(hours=25)).revised is None


def seen(row: str, minute: float, **fields: Any) -> Event:
    return event(names.seen_subject(row), {"seen": row, "by": "Lãnh đạo"}, minute, type=names.SEEN, **fields)


def test_a_revision_that_somebody_took_note_of_is_marked_no_longer_until_the_next_one() -> None:
    told = {"indicator": "beds_free", "value": 100}
    rows = [event("v", told), event("v", {**told, "value": 90, "why": "Nhập nhầm"}, 5, time=NOON, cause="revised")]

    def revised(*more: Event) -> Any:
        return TILES["beds_free"].work_out(folded([*rows, *more]), NOON + timedelta(hours=1)).revised

    assert revised()["why"] == "Nhập nhầm"
    assert revised(seen("v", 4)) is not None
    assert revised(seen("v", 6)) is None
    assert revised(seen("v", 6), seen("v", 7)) is None
    again = event("v", {**told, "value": 80}, 8, time=NOON, cause="revised")
    assert revised(seen("v", 6), again)["from"] == 90
    assert revised(seen("v", 6), again, seen("v", 9)) is None


def test_taking_note_changes_no_figure_and_lasts_as_long_as_the_mark() -> None:
    told = event("v", {"indicator": "beds_free", "value": 100, "seen": "forged"})
    items = folded([told, seen("v", 1)])
    assert "seen" not in items["v"].properties
    found = TILES["beds_free"].work_out(items, NOON)
    assert (found.value, found.have) == (100, 1)
    layer, note = Indicators(), items[names.seen_subject("v")]
    wakes = layer.wakes(note)
    assert wakes == note.received + timedelta(days=1)
    assert layer.wake(note, wakes) is None and layer.wake(note, wakes - timedelta(seconds=1)) is note


def test_the_mark_goes_from_the_communes_figure_too() -> None:
    told = {"indicator": "beds_free", "value": 100}
    fold = Fold(Indicators())
    for each in (
        event("v", told, unit="22015"), event("v", {**told, "value": 90}, 5, unit="22015", time=NOON, cause="revised"),
    ):  # fmt: skip
        fold.event(each)

    def revised() -> list[bool]:
        both = (fold.items, fold.by_unit["22015"])
        return [TILES["beds_free"].work_out(items, NOON + timedelta(hours=1)).revised is not None for items in both]

    assert revised() == [True, True]
    fold.event(seen("v", 6, unit="22015"))
    assert revised() == [False, False]


def test_a_new_value_that_is_no_revision_keeps_nothing_old() -> None:
    free = {"indicator": "beds_free"}
    items = folded([event("v", {**free, "value": 100}), event("v", {**free, "value": 90}, minute=5)])
    assert "before" not in items["v"].properties
    assert TILES["beds_free"].work_out(items, NOON).revised is None


def test_a_figure_has_no_place() -> None:
    told = msgspec.structs.replace(event("b", {}), data=Feature({}, {"type": "Point", "coordinates": [109.0, 13.0]}))
    assert folded([told])["b"].geometry is None
    assert Indicators.views is False


# who told it


def test_a_tile_tells_who_told_its_newest_row_when_and_by_which_document() -> None:
    first = {"indicator": "beds_free", "value": 3, "reporter": "BV1", "officer": "Trần Thị B", "decision": "12/BC-BV1"}
    second = {
        "indicator": "beds_free", "value": 4, "reporter": "BV2", "officer": "Nguyễn Văn A", "decision": "34/BC-BV2",
        "reported": "2026-03-10T11:30:00+07:00",
    }  # fmt: skip
    told = figure("beds_free", first, second)
    assert (told.officer, told.decision) == ("Nguyễn Văn A", "34/BC-BV2")
    assert told.reported == clock.parse("2026-03-10T11:30:00+07:00")


@pytest.mark.parametrize("reported", ["hôm qua", "", None, 7])
def test_who_told_it_is_left_out_where_nobody_says_so(reported: Any) -> None:
    told = figure("beds_free", {"indicator": "beds_free", "value": 3, "reported": reported})
    assert (told.officer, told.decision, told.reported) == (None, None, None)
