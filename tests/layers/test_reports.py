"""Reports: open until it is said that they ended, overdue by time alone, gone from the board after nine days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st

from ioc import catalog, clock
from ioc.event import Event, Feature
from ioc.layer import Item
from layers.reports import (
    Reports,
    reports_closed_today,
    reports_median_hours,
    reports_on_time,
    reports_open,
    reports_overdue,
    reports_received_today,
    reports_reopened,
    reports_satisfaction,
)
from tests.layers.suite import NOON, LayerSuite

_moments = st.integers(-20_000, 20_000).map(lambda minutes: at(minutes / 60))


def at(hours: float) -> str:
    """The time so many hours after noon."""
    return clock.rfc3339(NOON + timedelta(hours=hours))


class TestReports(LayerSuite):
    layer = Reports()
    tiles = catalog.tiles("reports")
    properties = st.fixed_dictionaries(
        {},
        optional={
            "status": st.sampled_from(["open", "Closed", "Cancelled", "Pending", "more_info", 7, None]),
            "since": _moments,
            "reopened": st.sampled_from([0, 1, 3, "x", True]),
            "satisfied": st.sampled_from([1, 4, 5, 9, None]),
            "requested": _moments,
            "updated_datetime": _moments | st.sampled_from(["yesterday", 3, None, "0001-01-01"]),
            "due": _moments | st.just("9999-12-31T23:59:59Z"),
            "sla_hours": st.sampled_from([0, 24, 1e9, "x"]),
            "service": st.sampled_from(["Rác", "Đèn"]),
        },
    )


def report(name: str = "r", received: datetime = NOON, **properties: Any) -> Item:
    told = Feature(properties, {"type": "Point", "coordinates": [109.3, 13.1]})
    return Reports().item(Event("e", "1022", "ioc.report.observed", name, received, received, told))


def reports(*told: dict[str, Any], now: datetime = NOON) -> dict[str, Item]:
    """These reports as they stand at `now`."""
    return {f"r{number}": report(f"r{number}", received=now, **one) for number, one in enumerate(told)}


def test_what_a_source_says_of_people_in_its_words_is_masked() -> None:
    said = "Vỡ ống, gọi zalo 09123 45678"
    told = report(description=said, address=said, status_notes=said, service="Cấp nước 0912").properties
    for name in ("description", "address", "status_notes"):
        assert told[name] == "Vỡ ống, gọi zalo ‹số điện thoại›"
    assert told["service"] == "Cấp nước 0912"


@pytest.mark.parametrize(
    ("status", "is_open"),
    [
        ("open", True), ("Open ", True), (None, True), ("Pending", True), ("đang xử lý", True),
        ("Closed", False), ("Cancelled", False), ("Referred Out", False), ("Đã xử lý", False),
    ],
)  # fmt: skip
def test_a_report_is_open_until_a_known_word_ends_it(status: str | None, is_open: bool) -> None:
    told = report(status=status).properties
    assert told["open"] is is_open
    assert ("closed" in told) is not is_open


def test_the_names_of_georeport_are_understood() -> None:
    told = report(
        status="open", requested_datetime=at(-5), updated_datetime=at(-2), expected_datetime=at(4), service="Rác"
    ).properties
    assert (told["requested"], told["updated"], told["due"], told["overdue"]) == (at(-5), at(-2), at(4), False)
    assert "requested_datetime" not in told


@pytest.mark.parametrize(("given", "hours"), [({}, 72), ({"sla_hours": 24}, 24), ({"sla_hours": "x"}, 72)])
def test_without_a_due_time_the_hours_of_the_category_count(given: dict[str, Any], hours: int) -> None:
    assert report(requested=at(-1), **given).properties["due"] == at(hours - 1)


def test_a_report_becomes_overdue_by_time_alone() -> None:
    layer, item = Reports(), report(requested=at(-1), due=at(2))
    assert item.properties["overdue"] is False
    assert layer.wakes(item) == NOON + timedelta(hours=2)
    late = layer.wake(item, NOON + timedelta(hours=2))
    assert late is not None
    assert late.properties["overdue"] is True
    assert layer.wakes(late) is None


def test_a_report_that_comes_late_is_overdue_at_once() -> None:
    assert report(requested=at(-100)).properties["overdue"] is True
    assert report(requested=at(-100), status="closed", updated=at(-3)).properties["overdue"] is False


def test_an_ended_report_leaves_after_nine_days() -> None:
    layer, item = Reports(), report(status="closed", updated=at(-1), requested=at(-9))
    assert item.properties["closed"] == at(-1)
    leaves = NOON + timedelta(days=9, hours=-1)
    assert layer.wakes(item) == leaves
    assert layer.wake(item, leaves - timedelta(seconds=1)) == item
    assert layer.wake(item, leaves) is None


def test_who_filed_it_never_becomes_part_of_an_item() -> None:
    told = report(email="a@b.vn", phone="0905", first_name="Lan", service="Rác").properties
    assert not {"email", "phone", "first_name"} & told.keys()
    assert told["service"] == "Rác"


def test_the_figures_of_the_picture() -> None:
    overdue = [{"requested": at(-100), "due": at(-1 - number), "service": "Rác"} for number in range(37)]
    in_time = [{"requested": at(-10), "due": at(2 + number)} for number in range(375)]
    long_ended = {"status": "closed", "requested": at(-99), "updated": at(-25)}
    figure = reports_overdue(reports(*overdue, *in_time, long_ended), NOON)
    assert (figure.value, figure.of, figure.target, figure.level) == (37, 412, 16, "bad")
    assert figure.parts == [{"label": "Rác", "value": 37}]
    assert (figure.previous, figure.trend) == (14, {"by": 23, "over": "P1D"})


def test_open_ones_are_told_by_how_they_stand_with_time() -> None:
    items = reports({"requested": at(-100), "due": at(-1)}, {"due": at(24)}, {"due": at(25)}, {"status": "closed"})
    figure = reports_open(items, NOON)
    assert [part["value"] for part in figure.parts or []] == [1, 1, 1]
    assert figure.value == 3


def test_what_was_overdue_yesterday_counts_those_closed_since() -> None:
    items = reports(
        {"requested": at(-200), "due": at(-50), "status": "closed", "updated": at(-2)},
        {"requested": at(-200), "due": at(-50), "status": "closed", "updated": at(-30)},
        {"requested": at(-200), "due": at(-1)},
    )
    figure = reports_overdue(items, NOON)
    assert (figure.value, figure.previous, figure.trend) == (1, 1, {"by": 0, "over": "P1D"})
    figure = reports_open(items, NOON)
    assert (figure.value, figure.previous, figure.trend) == (1, 2, {"by": -1, "over": "P1D"})


@pytest.mark.parametrize(("share", "level"), [(0, None), (4, None), (5, "warn"), (8, "warn"), (9, "bad"), (100, "bad")])
def test_the_level_follows_the_share_that_is_overdue(share: int, level: str | None) -> None:
    told = [{"requested": at(-1), "due": at(-0.5 if number < share else 9)} for number in range(100)]
    assert reports_overdue(reports(*told), NOON).level == level


@pytest.mark.parametrize(
    ("ended", "over"), [(24, "P1D"), (23, "PT6H"), (6, "PT6H"), (5, "PT1H"), (1, "PT1H"), (0.5, None)]
)
def test_the_past_is_told_only_as_far_as_the_board_remembers(ended: float, over: str | None) -> None:
    items = reports(
        {"requested": at(-200), "due": at(-100)}, {"status": "closed", "requested": at(-300), "updated": at(-ended)}
    )
    for tile in (reports_open, reports_overdue):
        figure = tile(items, NOON)
        assert (figure.trend or {}).get("over") == over
        assert (figure.previous is None) is (over is None)


def test_yesterday_is_not_told_by_a_board_that_began_today() -> None:
    figure = reports_closed_today(reports({"status": "closed", "requested": at(-99), "updated": at(-1)}), NOON)
    assert (figure.value, figure.previous, figure.trend) == (1, None, None)


def test_closed_today_begins_at_midnight_in_vietnam() -> None:
    items = reports(
        {"status": "closed", "requested": at(-99), "updated": at(-1)},
        {"status": "closed", "requested": at(-99), "updated": at(-12)},
        {"status": "cancelled", "requested": at(-99), "updated": at(-1)},
        {"status": "closed", "requested": at(-99), "updated": at(-12.1)},
        {"status": "closed", "requested": at(-99), "updated": at(-25)},
        {"status": "closed", "requested": at(-99), "updated": at(-36)},
        {"status": "closed", "requested": at(-99), "updated": at(-36.5)},
        {"requested": at(-1)},
    )
    figure = reports_closed_today(items, NOON)
    assert (figure.value, figure.previous, figure.trend) == (2, 3, {"by": 0, "over": "P1D"})
    assert reports_closed_today(items, NOON + timedelta(hours=12)).value == 0


def test_the_median_looks_back_seven_days_and_compares_with_the_day_before() -> None:
    def closed(hours_ago: float, took: float, status: str = "closed") -> dict[str, Any]:
        return {"status": status, "requested": at(-hours_ago - took), "updated": at(-hours_ago)}

    in_time = (closed(1, 10), closed(30, 20), closed(60, 60), closed(167, 2))
    items = reports(*in_time, closed(169, 99), closed(2, 1, "cancelled"))
    assert reports_median_hours(items, NOON).trend is None
    items = reports(*in_time, closed(169, 99), closed(2, 1, "cancelled"), closed(193, 50))
    figure = reports_median_hours(items, NOON)
    assert (figure.value, figure.method) == (15, "computed")
    assert (figure.previous, figure.trend) == (40, {"by": -25, "over": "P1D"})
    assert [part["value"] for part in figure.parts or []] == [4]


def test_no_median_without_a_closed_report() -> None:
    figure = reports_median_hours(reports({"requested": at(-1)}), NOON)
    assert figure.value is None
    assert figure.why == "Chưa có phản ánh nào được đóng trong 7 ngày qua."


class TestTheClockStandsWhileTheCitizenIsAsked:
    asked: ClassVar[dict[str, Any]] = {"status": "more_info", "requested": at(-100), "since": at(-30), "due": at(-1)}

    def test_it_is_not_overdue_and_nothing_wakes_it(self) -> None:
        layer, item = Reports(), report(**self.asked)
        assert (item.properties["overdue"], item.properties["stands"], item.properties["open"]) == (False, True, True)
        assert layer.wakes(item) is None
        assert layer.wake(item, NOON + timedelta(days=30)) == item

    def test_it_goes_on_with_the_answer(self) -> None:
        layer = Reports()
        told = report(**{**self.asked, "status": "assigned", "since": at(0), "due": at(5)})
        assert (told.properties["overdue"], told.properties.get("stands")) == (False, None)
        assert layer.wakes(told) == NOON + timedelta(hours=5)

    def test_the_tiles_count_it_as_waiting_and_not_as_late(self) -> None:
        items = reports(self.asked, {"requested": at(-100), "due": at(-1)})
        assert reports_overdue(items, NOON).value == 1
        figure = reports_open(items, NOON)
        assert [part["value"] for part in figure.parts or []] == [1, 0, 0, 1]
        assert figure.value == 2

    def test_what_stands_today_was_overdue_before_it_began_to(self) -> None:
        asked = {**self.asked, "due": at(-40), "since": at(-10)}
        items = reports(asked, {"status": "closed", "requested": at(-300), "updated": at(-200)})
        figure = reports_overdue(items, NOON)
        assert (figure.value, figure.previous) == (0, 1)


def test_received_today_counts_each_however_it_ended() -> None:
    items = reports(
        {"requested": at(-1)}, {"requested": at(-2), "status": "refused", "updated": at(-1)}, {"requested": at(-12.1)},
        {"requested": at(-25)}, {"status": "closed", "requested": at(-99), "updated": at(-40)},
    )  # fmt: skip
    figure = reports_received_today(items, NOON)
    assert (figure.value, figure.previous, figure.trend) == (2, 2, {"by": 1, "over": "P1D"})


def test_on_time_is_of_the_promises_that_were_made() -> None:
    def closed(due: float | None, hours_ago: float = 1, status: str = "closed") -> dict[str, Any]:
        told = {"status": status, "requested": at(-300), "updated": at(-hours_ago)}
        return told if due is None else {**told, "due": at(due)}

    items = reports(
        closed(0), closed(-1), closed(-2), closed(None), closed(5, 169), closed(5, 1, "refused"), {"due": at(-1)},
        {"status": "closed", "requested": at(-10), "updated": at(-1), "sla_hours": 24},
    )  # fmt: skip
    figure = reports_on_time(items, NOON)
    assert (figure.value, figure.have, figure.expect) == (75.0, 4, 5)
    assert [part["value"] for part in figure.parts or []] == [3, 1]
    promised_nothing = reports_on_time(reports(closed(None), closed(None)), NOON)
    assert (promised_nothing.value, promised_nothing.have, promised_nothing.expect) == (None, 0, 2)
    assert promised_nothing.why is not None


def test_reopened_is_of_those_that_tell_it() -> None:
    done = {"status": "done", "requested": at(-50), "updated": at(-1)}
    items = reports(
        {**done, "reopened": 0}, {**done, "reopened": 2}, done, {"status": "reopened", "reopened": 1},
        {"status": "new", "reopened": 0}, {**done, "reopened": 1, "requested": at(-300), "updated": at(-169)},
    )  # fmt: skip
    figure = reports_reopened(items, NOON)
    assert (figure.value, figure.have, figure.expect) == (66.7, 3, 4)
    untold = reports_reopened(reports(done), NOON)
    assert (untold.value, untold.have, untold.expect) == (None, 0, 1)


def test_satisfaction_is_of_those_who_said_something() -> None:
    done = {"status": "closed", "requested": at(-50), "updated": at(-1)}
    items = reports(*({**done, "satisfied": score} for score in (5, 4, 3)), done, {"status": "new", "satisfied": 5})
    figure = reports_satisfaction(items, NOON)
    assert (figure.value, figure.have, figure.expect) == (66.7, 3, 4)
    silent = reports_satisfaction(reports(done), NOON)
    assert (silent.value, silent.have, silent.expect) == (None, 0, 1)
