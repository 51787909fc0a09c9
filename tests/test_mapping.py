"""The mapping: every reason it can give, the forms of numbers and times, and that nothing but BadRecord comes out."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.adapter import Reading
from ioc.errors import BadRecord
from ioc.mapping import Mapped, read

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
PROVINCE = [108.5, 12.5, 110.0, 14.0]


def mapped(**settings: Any) -> Mapped:
    return msgspec.convert({"event": "ioc.camera.observed", "id": "id", **settings}, Mapped)


def one(record: dict[str, Any], **settings: Any) -> Reading:
    return read(mapped(**settings), record, now=NOW)


def reason(record: dict[str, Any], **settings: Any) -> str:
    with pytest.raises(BadRecord) as caught:
        one(record, **settings)
    assert caught.value.raw == record
    assert caught.value.say.endswith(".")
    return caught.value.reason


def prop(value: Any, **field: Any) -> Any:
    return one({"id": 1, "v": value}, properties={"v": {"path": "v", **field}}).properties["v"]


def why(value: Any, **field: Any) -> str:
    return reason({"id": 1, "v": value}, properties={"v": {"path": "v", **field}})


@pytest.mark.parametrize(
    ("record", "settings", "subject"),
    [
        ({"id": 7}, {}, "7"),
        ({"id": 7.0}, {"prefix": "cam/"}, "cam/7"),
        ({"id": " A  1\n"}, {}, "A 1"),
        ({"a": "x/y", "b": "z"}, {"id": ["a", "b"]}, "x%2Fy/z"),
        ({"a": "x", "b": "y/z"}, {"id": ["a", "b"]}, "x/y%2Fz"),
        ({"url": "https://h/00002.00865.jpg"}, {"id": {"path": "url", "pattern": r"([\d.]+)\.jpg$"}}, "00002.00865"),
        ({"at": {"code": "P1"}}, {"id": "at.code"}, "P1"),
        ({"at.code": "P2"}, {"id": "at.code"}, "P2"),
    ],
)
def test_subject(record: dict[str, Any], settings: dict[str, Any], subject: str) -> None:
    assert one(record, **settings).subject == subject


@pytest.mark.parametrize("record", [{}, {"id": None}, {"id": "  "}, {"id": "\u0007"}, {"id": "x" * 300}])
def test_no_id(record: dict[str, Any]) -> None:
    assert reason(record) == "no_id"


def test_a_list_or_an_object_is_no_id() -> None:
    assert reason({"id": [1]}) == "bad_type"


PLACE: dict[str, Any] = {"lon": "lon", "lat": "lat"}


def test_place_is_rounded_to_six_decimals() -> None:
    found = one({"id": 1, "lon": "109.12345678", "lat": 13.1}, **PLACE, within=PROVINCE)
    assert found.geometry == {"type": "Point", "coordinates": [109.123457, 13.1]}


@pytest.mark.parametrize(
    ("lon", "lat", "expected"),
    [
        (None, 13.1, "no_place"),
        ("", "", "no_place"),
        (math.nan, 13.1, "bad_number"),
        (math.inf, 13.1, "bad_number"),
        ("abc", 13.1, "bad_number"),
        (True, 13.1, "bad_type"),
        (0, 0, "bad_place"),
        (1087654.3, 1443210.9, "bad_place"),
        (13.1, 109.3, "swapped_place"),
        (105.8, 21.0, "outside_place"),
    ],
)
def test_what_is_wrong_with_a_place(lon: object, lat: object, expected: str) -> None:
    assert reason({"id": 1, "lon": lon, "lat": lat}, **PLACE, within=PROVINCE) == expected


def test_a_place_in_vn2000_is_shifted_and_one_exchanged_there_is_seen() -> None:
    rows = {"id": 1, "lon": 588000.0, "lat": 1443000.0}
    box = [109.0, 12.5, 110.0, 14.0]
    found = one(rows, **PLACE, crs=9218, within=box).geometry
    assert found is not None and 109.0 < found["coordinates"][0] < 110.0 and 12.5 < found["coordinates"][1] < 14.0
    assert reason({"id": 1, "lon": 1443000.0, "lat": 588000.0}, **PLACE, crs=9218, within=box) == "swapped_place"


def test_a_swapped_place_is_seen_without_a_province_only_when_latitude_cannot_be() -> None:
    assert reason({"id": 1, "lon": 13.1, "lat": 109.3}, **PLACE) == "swapped_place"
    assert one({"id": 1, "lon": 13.1, "lat": 52.0}, **PLACE).geometry is not None


def test_an_optional_place_may_be_absent_or_empty() -> None:
    for record in ({"id": 1}, {"id": 1, "lon": None, "lat": ""}):
        assert one(record, **PLACE, place="optional").geometry is None
    assert reason({"id": 1}, **PLACE) == "no_place"


def test_geometry_is_checked_point_by_point() -> None:
    ring = [[109.0, 13.0], [109.1, 13.0], [109.1, 13.1], [109.0, 13.0]]
    found = one({"id": 1, "g": {"type": "Polygon", "coordinates": [ring]}}, geometry="g")
    assert found.geometry == {"type": "Polygon", "coordinates": [ring]}
    for wrong in (
        {"type": "Polygon", "coordinates": [ring[:2]]},
        {"type": "Point", "coordinates": [ring]},
        {"type": "Point", "coordinates": ["109", "13"]},
        {"type": "Point", "coordinates": []},
        {"type": "Circle", "coordinates": [1, 2]},
        "POINT(109 13)",
    ):
        assert reason({"id": 1, "g": wrong}, geometry="g") == "bad_place"


@pytest.mark.parametrize(
    ("value", "field", "expected"),
    [
        (" Ngã tư  Sở\u200b ", {}, "Ngã tư  Sở"),
        ("Ngã tư Sở", {}, "Ngã tư Sở"),
        ("a\x00b\r\nc", {}, "ab\nc"),
        (None, {}, None),
        ("", {}, None),
        ([1, " x "], {}, [1, "x"]),
        (2, {"kind": "text"}, "2"),
        (31117.0, {"kind": "text"}, "31117"),
        (4.0, {"kind": "text", "width": 5}, "00004"),
        ("3.359,80", {"kind": "number", "form": "vi"}, 3359.8),
        ("3.359", {"kind": "number", "form": "vi"}, 3359.0),
        ("-12,5", {"kind": "number", "form": "vi"}, -12.5),
        ("3,359.80", {"kind": "number", "form": "en"}, 3359.8),
        ("1e3", {"kind": "number"}, 1000.0),
        (Decimal("2.50"), {"kind": "number"}, 2.5),
        ("12.0", {"kind": "integer"}, 12),
        ("1.234", {"kind": "integer", "form": "vi"}, 1234),
        ("True", {"kind": "flag"}, True),
        ("không", {"kind": "flag"}, False),
        (0, {"kind": "flag"}, False),
        ("2025-11-19T16:00:16", {"kind": "time"}, "2025-11-19T16:00:16+07:00"),
        ("2025-12-08T01:17:46Z", {"kind": "time"}, "2025-12-08T08:17:46+07:00"),
        ("19/11/2025 16:00", {"kind": "time", "form": "%d/%m/%Y %H:%M"}, "2025-11-19T16:00:00+07:00"),
        (
            "12/31/2017",
            {"kind": "time", "form": "%m/%d/%Y", "zone": "America/Los_Angeles"},
            "2017-12-31T15:00:00+07:00",
        ),
        (1763542816988, {"kind": "time", "form": "epoch_ms"}, "2025-11-19T16:00:16.988+07:00"),
        ("accessible", {"values": {"accessible": "live"}}, "live"),
        (1, {"values": {"1": "new"}}, "new"),
        (True, {"values": {"true": "live"}}, "live"),
    ],
)
def test_values(value: object, field: dict[str, Any], expected: object) -> None:
    assert prop(value, **field) == expected


@pytest.mark.parametrize(
    ("value", "field", "expected"),
    [
        ("3.359,80", {"kind": "number"}, "retyped"),
        ("3359,x", {"kind": "number"}, "bad_number"),
        ("1.234.567", {"kind": "integer"}, "retyped"),
        ("1,5", {"kind": "integer"}, "bad_number"),
        ("31/12/2025", {"kind": "time"}, "retyped"),
        ("2025-12-31", {"kind": "time", "form": "%d/%m/%Y"}, "retyped"),
        (1767225600, {"kind": "time"}, "retyped"),
        (12, {"kind": "time"}, "bad_time"),
        ("3.35,9", {"kind": "number", "form": "vi"}, "bad_number"),
        ("١٢", {"kind": "number"}, "bad_number"),
        (math.nan, {}, "bad_number"),
        (10**400, {"kind": "number"}, "bad_number"),
        (10**400, {"kind": "integer"}, "bad_number"),
        (1.5, {"kind": "integer"}, "bad_number"),
        ({}, {"kind": "number"}, "bad_type"),
        ("perhaps", {"kind": "flag"}, "bad_type"),
        ("31/02/2025", {"kind": "time", "form": "%d/%m/%Y"}, "bad_time"),
        ("yesterday", {"kind": "time"}, "bad_time"),
        (1e300, {"kind": "time", "form": "epoch_s"}, "bad_time"),
        ("0001-01-01T00:00:00+14:00", {"kind": "time"}, "bad_time"),
        ("stolen", {"values": {"ok": "live"}}, "unknown_code"),
        ("x" * 9000, {}, "too_large"),
        (["x" * 7000] * 6, {}, "too_large"),
    ],
)
def test_reasons(value: object, field: dict[str, Any], expected: str) -> None:
    assert why(value, **field) == expected


def test_a_lost_column_fails_closed_unless_it_may_be_absent() -> None:
    lost = {"id": 1}
    assert reason(lost, properties={"state": "status"}) == "missing_field"
    assert one(lost, properties={"state": {"path": "status", "required": False}}).properties == {"state": None}
    assert one(lost, properties={"state": {"path": "status", "default": "never"}}).properties == {"state": "never"}
    assert (
        reason({"id": 1, "status": ""}, properties={"state": {"path": "status", "required": True}}) == "missing_field"
    )


def test_an_unknown_code_is_never_mapped_to_the_default() -> None:
    field = {"path": "s", "values": {"ok": "live"}, "default": "live"}
    assert reason({"id": 1, "s": "exploded"}, properties={"state": field}) == "unknown_code"


def test_the_first_path_that_is_filled_is_taken() -> None:
    for record, expected in (({"id": 1, "b": 2}, 2), ({"id": 1, "a": "", "b": 2}, 2), ({"id": 1, "a": 1, "b": 2}, 1)):
        assert one(record, properties={"v": ["a", "b"]}).properties["v"] == expected


def test_new_columns_are_left_alone() -> None:
    assert one({"id": 1, "a": 1, "phone": "0905"}, properties={"a": "a"}).properties == {"a": 1}


def test_time_of_the_reading_and_the_future() -> None:
    assert one({"id": 1, "t": "2026-11-22T10:00"}, time="t").time == datetime(2026, 11, 22, 3, tzinfo=UTC)
    ahead = (NOW + timedelta(days=2)).isoformat()
    assert reason({"id": 1, "t": ahead}, time="t") == "future_time"
    assert one({"id": 1, "t": ahead}, time="t", ahead=3 * 86400).time is not None
    assert one({"id": 1, "t": None}, time="t").time is None


def test_gone_and_refused() -> None:
    gone = one({"id": 1, "s": "removed"}, gone={"s": ["removed", "deleted"]}, properties={"x": "x"}, **PLACE)
    assert gone.gone and gone.properties == {}
    record = {"id": 1, "status": "error", "error": "Marker not found"}
    with pytest.raises(BadRecord, match="Marker not found") as caught:
        one(record, refuse_if={"status": "error"}, refuse_why="error")
    assert caught.value.reason == "refused_by_source"
    assert caught.value.subject == "1"


def test_unit_method_sender() -> None:
    found = one({"id": 1, "u": 4.0, "m": "tay", "s": "S-1"}, unit={"path": "u", "kind": "text", "width": 5},
                method={"path": "m", "values": {"tay": "typed"}}, sender_id="s")  # fmt: skip
    assert (found.unit, found.method, found.sender_id) == ("00004", "typed", "S-1")
    assert reason({"id": 1, "m": "magic"}, method="m") == "unknown_code"


@pytest.mark.parametrize(
    "settings",
    [
        {"lon": "x"},
        {"lon": "x", "lat": "y", "geometry": "g"},
        {"volatile": ["nothing"]},
        {"within": [110, 12, 108, 14]},
        {"zone": "Asia/Nowhere"},
        {"crs": 99999},
        {"properties": {"a": {"path": "a", "kind": "number", "form": "fr"}}},
        {"properties": {"a": {"path": "a", "pattern": "("}}},
        {"properties": {"a": {"path": "a", "pattern": "x"}}},
        {"properties": {"a": {"way": "a"}}},
        {"unknown": 1},
    ],
)
def test_wrong_settings_are_refused_with_a_sentence(settings: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        mapped(**settings)


KEYS = st.sampled_from(["id", "lon", "lat", "g", "t", "u", "n", "f", "a", "type", "coordinates"]) | st.text(max_size=3)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=20)
    | st.sampled_from(["Point", "Polygon", "2025-01-01", "12,5", "106.7"]) | st.dates() | st.datetimes() | st.decimals()
)  # fmt: skip
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)
ALL = {
    "n": {"path": "n", "kind": "number", "form": "vi"},
    "i": {"path": "n", "kind": "integer"},
    "f": {"path": "f", "kind": "flag"},
    "t": {"path": "t", "kind": "time", "form": "epoch_s"},
    "x": {"path": "a", "kind": "text"},
    "a": "a",
    "c": {"path": "a.b", "values": {"1": 1}, "required": False},
}


@given(
    record=st.dictionaries(KEYS, JSON, max_size=8), chosen=st.sets(st.sampled_from(sorted(ALL))), points=st.booleans()
)
def test_nothing_but_bad_record_comes_out(record: dict[str, Any], chosen: set[str], points: bool) -> None:
    where: dict[str, Any] = PLACE if points else {"geometry": "g"}
    config = mapped(properties={name: ALL[name] for name in chosen}, place="optional", **where)
    try:
        found = read(config, record, now=NOW)
    except BadRecord as error:
        assert error.reason and error.say.endswith(".")
        return
    wire = msgspec.json.encode({"subject": found.subject, "p": found.properties, "g": found.geometry})
    assert msgspec.json.decode(wire)
    assert found.time is None or found.time.tzinfo is not None
