"""The fishing-vessel register: last places, codes that are mapped or set aside, one boat with what AIS hears of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ioc.adapter import Answer, Reading
from ioc.adapter_suite import AdapterSuite
from ioc.errors import BadConfig, BadRecord
from tests.adapters.test_nmea_ais import ZONES

OPTIONS: dict[str, Any] = {
    "event": "ioc.vessel.monitored", "url": "replaced", "token": "key-of-the-test", "token_header": "X-Api-Key",
    "records": "tau", "id": "mmsi", "prefix": "mmsi/", "time": "luc", "lon": "kinh_do", "lat": "vi_do",
    "properties": {
        "name": "so", "watch": {"path": "trang_thai", "values": {"1": "at_sea", "2": "in_port"}},
        "reason": {"path": "ly_do", "values": {"01": "device", "02": "power"}, "required": False},
    },
}  # fmt: skip
ROW = {
    "mmsi": 574900001, "so": "QNa-90001-TS", "trang_thai": "1", "luc": "2026-03-10T12:00:00+07:00",
    "kinh_do": 109.15, "vi_do": 15.5, "ly_do": None, "chu_tau": "không đọc",
}  # fmt: skip
BODY = json.dumps({"tau": [ROW, {**ROW, "mmsi": 574900002, "ly_do": "02", "trang_thai": "2"}]}).encode()


class TestRegister(AdapterSuite):
    adapter = "vessel_register"
    options = OPTIONS
    answers = (BODY,)
    within = (108.0, 15.0, 110.0, 16.5)


def one(row: dict[str, Any], **options: Any) -> Reading | BadRecord:
    (found,) = TestRegister().opened(**options).parse(Answer(json.dumps({"tau": [row]}).encode()))
    return found


def test_a_boat_is_the_same_as_ais_hears_and_its_owner_is_not_read() -> None:
    found = one(ROW)
    assert isinstance(found, Reading)
    assert (found.subject, found.time) == ("mmsi/574900001", datetime(2026, 3, 10, 5, tzinfo=UTC))
    assert found.properties == {"name": "QNa-90001-TS", "watch": "at_sea", "reason": None, "kind": "fishing"}


@pytest.mark.parametrize(
    ("changed", "reason", "field"),
    [
        ({"ly_do": "99"}, "unknown_code", "ly_do"),
        ({"trang_thai": "9"}, "unknown_code", "trang_thai"),
        ({"luc": None}, "missing_field", "time"),
        ({"luc": "2126-03-10T12:00:00+07:00"}, "future_time", "luc"),
        ({"kinh_do": 0, "vi_do": 0}, "bad_place", None),
        ({"mmsi": None}, "no_id", "mmsi"),
    ],
)
def test_what_cant_be_is_set_aside(changed: dict[str, Any], reason: str, field: str | None) -> None:
    found = one({**ROW, **changed})
    assert isinstance(found, BadRecord)
    assert (found.reason, found.field) == (reason, field) and found.say.endswith(".")


def test_a_code_that_is_only_passed_on_is_unknown() -> None:
    properties = {**OPTIONS["properties"], "reason": "ly_do"}
    found = one({**ROW, "ly_do": "02"}, properties=properties)
    assert isinstance(found, BadRecord) and (found.reason, found.code) == ("unknown_code", "02")


def test_it_says_in_which_zones_a_boat_is(tmp_path: Path) -> None:
    file = tmp_path / "zones.geojson"
    file.write_text(json.dumps(ZONES), encoding="utf-8")
    found = one(ROW, zones=str(file))
    assert isinstance(found, Reading)
    assert (found.properties["zones"], found.properties["in_closed"]) == (["cam-1"], True)


@pytest.mark.parametrize("without", ["time", "lon", "properties"])
def test_settings_without_what_silence_is_worked_out_of_are_refused(without: str) -> None:
    options = {name: value for name, value in OPTIONS.items() if name not in (without, "lat" * (without == "lon"))}
    suite = type("Suite", (TestRegister,), {"options": options})()
    with pytest.raises(BadConfig, match=r"map time, lon and lat|must map watch"):
        suite.opened()
