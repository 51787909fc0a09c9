"""Gauges: WaterML-JSON of real stations, rows as a Vietnamese network sends them, and the many ways to say no data."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ioc import catalog, clock
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite, AnswerServer, poll
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord
from ioc.settings import Source
from tests.centre import Centre
from tests.conftest import absent

GAUGES = Path(os.environ.get("IOC_SHARED") or Path(__file__).parents[3] / "shared") / "data" / "gauges"
IV, DV, MOCK = (GAUGES / name for name in ("waterservices_iv.txt", "waterservices_dv.txt", "nwis_iv_mock.json"))
LEVEL = {"code": "H", "uom": "m", "limits": ["bd1", "bd2", "bd3"], "least": -5, "most": 60}
ROWS: dict[str, Any] = {
    "event": "ioc.station.measured", "url": "replaced", "token": "a-token-of-the-test", "records": "data",
    "id": "ma_tram", "time": {"path": "thoi_gian", "form": "%d/%m/%Y %H:%M:%S"}, "lon": "kinh_do", "lat": "vi_do",
    "quantity": "yeu_to", "value": {"path": "gia_tri", "required": False}, "no_data": [-999999, -9999, -999, 9999.9],
    "silent_s": 3600, "skip": ["PIN"], "properties": {"name": "ten"},
    "quantities": {"level": LEVEL, "rain_24h": {"code": ["R24", "X24"], "uom": "mm"}},
}  # fmt: skip
CAU_LAU = {
    "ma_tram": "CL", "ten": "Câu Lâu", "kinh_do": 108.28, "vi_do": 15.86, "yeu_to": "H", "gia_tri": "3.15",
    "thoi_gian": "18/10/2025 07:00:00", "bd1": 2, "bd2": 3, "bd3": 4,
}  # fmt: skip
RAIN = {**CAU_LAU, "yeu_to": "R24", "gia_tri": 182.4, "bd1": None, "bd2": None, "bd3": None}
WATERML: dict[str, Any] = {
    "event": "ioc.station.measured", "url": "replaced", "form": "waterml", "properties": {},
    "quantities": {
        "flow": {"code": "00060", "uom": "ft³/s"}, "level": {"code": "00065", "uom": "ft"},
        **{f"x{code}": {"code": code} for code in ("00010:00001", "00010:00002", "00010:00003", "00095:00001")},
        **{f"x{code}": {"code": code} for code in ("00095:00002", "00095:00003", "80154:00003", "80155:00003")},
    },
}  # fmt: skip


class TestRows(AdapterSuite):
    adapter = "gauges"
    options = ROWS
    answers = (json.dumps({"data": [CAU_LAU, RAIN]}).encode(),)
    within = (107.0, 14.9, 109.0, 16.3)


class TestWaterML(AdapterSuite):
    adapter = "gauges"
    options = WATERML
    answers = (IV, DV, MOCK)


def opened(options: Mapping[str, Any], **changed: Any) -> Adapter[Any]:
    return catalog.open_adapter(Source("gauges", "gauges", Contract("us"), {**options, **changed}))


def parsed(*rows: Mapping[str, Any], **changed: Any) -> list[Reading | BadRecord]:
    return list(opened(ROWS, **changed).parse(Answer(json.dumps({"data": rows}).encode())))


def only(*rows: Mapping[str, Any], **changed: Any) -> Reading:
    (found,) = parsed(*rows, **changed)
    assert isinstance(found, Reading), found
    return found


def series(body: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(body)["value"]["timeSeries"]
    return found


def test_a_row_is_a_gauge_with_its_levels_and_when_the_next_is_owed() -> None:
    found = only(CAU_LAU)
    assert (found.subject, found.geometry) == ("CL/level", {"type": "Point", "coordinates": [108.28, 15.86]})
    assert found.properties == {
        "name": "Câu Lâu", "station": "CL", "quantity": "level", "value": 3.15, "uom": "m", "limits": [2, 3, 4],
        "due": "2025-10-18T08:00:00+07:00",
    }  # fmt: skip


@pytest.mark.parametrize("said", [-999999, "-999999", -9999.0, "-999", 9999.9, "9999.9"])
def test_a_number_that_means_no_data_is_no_value(said: object) -> None:
    told = only({**CAU_LAU, "gia_tri": said}).properties
    assert told["value"] is None
    assert float(told["no_data"]) == float(str(said))


@pytest.mark.parametrize("said", [None, "", " "])
def test_an_empty_value_is_none_too(said: object) -> None:
    told = only({**CAU_LAU, "gia_tri": said}).properties
    assert told["value"] is None and "no_data" not in told


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"yeu_to": "QQ"}, "unknown_code"),
        ({"yeu_to": ""}, "unknown_code"),
        ({"gia_tri": -99}, "bad_number"),
        ({"gia_tri": "cao"}, "bad_number"),
        ({"bd1": 5}, "bad_number"),
        ({"thoi_gian": "hôm qua"}, "bad_time"),
        ({"ma_tram": ""}, "no_id"),
        ({"kinh_do": 15.86, "vi_do": 108.28}, "swapped_place"),
    ],
)
def test_what_can_not_be_true_is_set_aside(changed: dict[str, Any], reason: str) -> None:
    (bad,) = parsed({**CAU_LAU, **changed})
    assert isinstance(bad, BadRecord) and bad.reason == reason
    assert bad.raw == {**CAU_LAU, **changed}


def test_a_code_that_is_not_wanted_is_left_out() -> None:
    assert parsed({**CAU_LAU, "yeu_to": "PIN"}) == []


def test_levels_of_the_settings_win_by_gauge_then_by_station() -> None:
    levels = {"CL": [1, 2, 3], "CL/level": [1.5, 2.5, 3.5]}
    assert only(CAU_LAU, limits=levels).properties["limits"] == [1.5, 2.5, 3.5]
    assert only(RAIN, limits=levels).properties["limits"] == [1, 2, 3]
    assert "limits" not in only(RAIN).properties


def test_a_row_of_many_values_is_many_gauges() -> None:
    wide = {"air": {"path": "aqi", "limits": [100, 150, 200]}, "pm25": {"path": "pm", "factor": 1000, "uom": "µg/m³"}}
    options = {**ROWS, "quantities": wide} | {"quantity": None}
    found = list(opened(options).parse(Answer(json.dumps({"data": [{**CAU_LAU, "aqi": 151, "pm": 0.0561}]}).encode())))
    told = {one.subject: one.properties for one in found if isinstance(one, Reading)}
    assert told["CL/air"]["value"] == 151 and told["CL/air"]["limits"] == [100, 150, 200]
    assert told["CL/pm25"]["value"] == 56.1


def test_the_newest_of_a_gauge_counts() -> None:
    later = {**CAU_LAU, "gia_tri": 3.3, "thoi_gian": "18/10/2025 07:15:00"}
    assert only(later, CAU_LAU).properties["value"] == only(CAU_LAU, later).properties["value"] == 3.3


@pytest.mark.parametrize(
    ("changed", "say"),
    [
        ({"quantities": {}}, "names nothing"),
        ({"quantities": {"level": {"uom": "m"}}, "quantity": None}, "neither code nor path"),
        ({"quantities": {"a/b": {"code": "H"}}}, "slash"),
        ({"properties": {"value": "gia_tri"}}, "every gauge has"),
        ({"quantities": {"level": {"code": "H", "limits": [1, 2]}}}, "limits"),
    ],
)
def test_wrong_settings_are_said(changed: dict[str, Any], say: str) -> None:
    with pytest.raises(BadConfig, match=say):
        opened(ROWS, **changed)


@pytest.mark.parametrize(("path", "gauges", "older", "empty"), [(IV, 4, 16, 0), (DV, 10, 2, 8), (MOCK, 2, 0, 0)])
async def test_real_series_come_to_the_board_and_every_value_is_accounted_for(
    path: Path, gauges: int, older: int, empty: int
) -> None:
    if not path.is_file():
        absent(f"{path} is not on this machine; name its folder with IOC_SHARED")
    body = path.read_bytes()
    values = [len([row for one in each["values"] for row in one["value"]]) or 1 for each in series(body)]
    with AnswerServer(body) as server:
        centre = await Centre("gauges", {**WATERML, "url": server.url}, layer="stations").open()
        taken = await centre.poll()
        items = await centre.items()
        again = await centre.poll()
    found = Counter(item["properties"]["value"] is None for item in items.values())
    joined = sum(values) - len(items) - taken.set_aside
    print(
        f"{path.name}: {sum(values)} values = {len(centre.events)} events + {taken.unchanged} unchanged + "
        f"{taken.duplicates} duplicates + {joined} older of a series + {taken.set_aside} set aside"
    )
    assert (len(centre.events), joined, found[True], taken.set_aside) == (gauges, older, empty, 0)
    assert (again.unchanged, len(centre.events)) == (gauges, gauges)


def test_a_real_series_keeps_its_newest_value_its_place_and_its_time() -> None:
    if not IV.is_file():
        absent(f"{IV} is not on this machine; name its folder with IOC_SHARED")
    found = {one.subject: one for one in opened(WATERML).parse(Answer(IV.read_bytes())) if isinstance(one, Reading)}
    told = found["01491000/level"]
    assert (told.properties["value"], told.properties["name"]) == (6.43, "CHOPTANK RIVER NEAR GREENSBORO, MD")
    assert told.time == clock.parse("2019-02-14T01:00:00-05:00")
    assert told.geometry == {"type": "Point", "coordinates": [-75.785806, 38.997194]}


def test_the_no_data_number_of_a_real_series_is_no_value() -> None:
    if not IV.is_file():
        absent(f"{IV} is not on this machine; name its folder with IOC_SHARED")
    broken = json.loads(IV.read_bytes())
    for one in broken["value"]["timeSeries"]:
        one["variable"]["noDataValue"] = -77.0
        one["values"][0]["value"][-1]["value"] = "-77"
    found = list(opened(WATERML).parse(Answer(json.dumps(broken).encode())))
    assert [one.properties["value"] for one in found if isinstance(one, Reading)] == [None] * 4


async def test_an_answer_without_series_has_no_gauge() -> None:
    body = json.dumps({"value": {"timeSeries": []}}).encode()
    with AnswerServer(body) as server:
        assert (await poll(opened(WATERML, url=server.url)))[0] == []
