"""From rows to readings: wide rows, melted cells, and columns that went missing."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from ioc.adapter import Reading
from ioc.errors import BadRecord
from ioc.tables import Row, Rows, missing, readings

WIDE: dict[str, Any] = {"event": "ioc.indicator.measured", "id": "day", "time": "day"}


def config(**options: Any) -> Rows:
    return msgspec.convert(WIDE | options, Rows)


def read(made: Rows, *rows: dict[str, Any], event: str | None = None) -> list[Reading | BadRecord]:
    return list(readings(made, [Row(line, cells) for line, cells in enumerate(rows, 2)], event=event))


def test_a_wide_row_is_one_reading() -> None:
    made = config(carry={"columns": ["doses*"], "kind": "integer"}, properties={"note": "note"})
    (reading,) = read(made, {"day": "2021-06-20", "doses": "5", "doses_new": "", "other": "x", "note": "n"})
    assert isinstance(reading, Reading)
    assert reading.properties == {"doses": 5, "doses_new": None, "note": "n"}
    assert (reading.subject, reading.line) == ("2021-06-20", 2)


def test_a_melted_row_is_one_reading_a_cell() -> None:
    made = config(
        id=["day", "age"], melt={"columns": ["0-4", "5-9"], "name": "age", "value": "people"},
        properties={"people": {"path": "people", "kind": "integer"}},
    )  # fmt: skip
    found = read(made, {"day": "2019-04-01", "0-4": 7, "5-9": None}, {"day": "2019-04-02", "0-4": 1, "5-9": 2})
    assert [(one.subject, one.properties) for one in found if isinstance(one, Reading)] == [
        ("2019-04-01/0-4", {"people": 7}), ("2019-04-02/0-4", {"people": 1}), ("2019-04-02/5-9", {"people": 2}),
    ]  # fmt: skip
    kept = msgspec.structs.replace(made, melt=msgspec.structs.replace(made.melt, empty="keep"))  # type: ignore[type-var]
    assert len(read(kept, {"day": "2019-04-01", "0-4": 7, "5-9": None})) == 2


def test_a_lost_column_sets_the_record_aside_though_it_has_a_default() -> None:
    made = config(properties={"doses": {"path": "doses", "kind": "integer", "default": 0}})
    good, bad = read(made, {"day": "2021-06-20", "doses": ""})[0], read(made, {"day": "2021-06-20"})[0]
    assert isinstance(good, Reading) and good.properties == {"doses": 0}
    assert isinstance(bad, BadRecord) and (bad.reason, bad.subject) == ("missing_field", "2021-06-20")
    assert "doses" in bad.say


def test_a_retyped_column_sets_the_record_aside_and_a_new_one_is_left_alone() -> None:
    made = config(properties={"doses": {"path": "doses", "kind": "integer"}})
    good, bad = read(made, {"day": "2021-06-20", "doses": 5, "new": 1}, {"day": "2021-06-21", "doses": "chưa có"})
    assert isinstance(good, Reading) and good.properties == {"doses": 5}
    assert isinstance(bad, BadRecord) and (bad.reason, bad.subject) == ("bad_number", "2021-06-21")


def test_which_columns_are_missing() -> None:
    made = config(
        lon="x", lat="y", unit={"path": "ward", "required": False}, carry={"columns": ["a*", "b"]},
        properties={"j": "doc.inner.name", "k": ["old", "new"]},
    )  # fmt: skip
    assert missing(made, ["day", "x", "y", "doc", "new", "b"]) == []
    assert missing(made, ["day", "x", "doc.inner"]) == ["y", "old or new", "b"]


def test_times_of_a_table_are_clocks_in_its_zone() -> None:
    made = config(zone="Europe/Lisbon", properties={"at": "at", "on": "on", "span": "span"})
    row = {"day": "2021-06-20", "at": datetime(2021, 6, 20, 8), "on": date(2021, 6, 20), "span": timedelta(minutes=5)}  # noqa: DTZ001
    (reading,) = read(made, row)
    assert isinstance(reading, Reading)
    assert reading.time is not None and reading.time.isoformat() == "2021-06-20T00:00:00+01:00"
    assert reading.properties == {"at": "2021-06-20T14:00:00+07:00", "on": "2021-06-20", "span": "0:05:00"}


def test_carried_columns_are_read_or_set_aside() -> None:
    made = config(carry={"columns": ["n*"], "kind": "number", "form": "vi"})
    good, bad = read(made, {"day": "2021-06-20", "n": "3.359,80"}, {"day": "2021-06-21", "n": "3,359.80"})
    assert isinstance(good, Reading) and good.properties == {"n": 3359.8}
    assert isinstance(bad, BadRecord) and bad.reason == "retyped" and bad.raw is not None
    large = config(carry={"columns": ["c*"]})
    (too_large,) = read(large, {"day": "2021-06-20"} | {f"c{number}": "x" * 7000 for number in range(6)})
    assert isinstance(too_large, BadRecord) and too_large.reason == "too_large"


def test_a_form_may_have_events_of_its_own() -> None:
    (reading,) = read(config(), {"day": "2021-06-20"}, event="ioc.report.filed")
    assert isinstance(reading, Reading) and reading.type == "ioc.report.filed"


def test_bad_rows_pass_through() -> None:
    bad = BadRecord("Line 3 is short.", reason="bad_row")
    assert list(readings(config(), [bad])) == [bad]


@pytest.mark.parametrize("carry", [{"columns": ["*"]}, {"columns": ["day", "n"]}])
def test_an_ended_subject_carries_nothing(carry: dict[str, Any]) -> None:
    made = config(carry=carry, gone={"n": "removed"})
    (reading,) = read(made, {"day": "2021-06-20", "n": "removed"})
    assert isinstance(reading, Reading) and reading.gone and reading.properties == {}
