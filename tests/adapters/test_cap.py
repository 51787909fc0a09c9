"""CAP: 19 real files, 13 with an alert, some broken; updates, cancellations, areas; feeds that only name alerts."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ioc import catalog, clock
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite, AnswerServer, Asked, Said, poll
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord, Untaken
from ioc.event import Event, Feature
from ioc.settings import Source
from layers.warnings import Warnings, warnings_open
from tests.conftest import absent

CAP = Path(os.environ.get("IOC_SHARED") or Path(__file__).parents[3] / "shared") / "data" / "cap"
OPTIONS: dict[str, Any] = {"event": "ioc.warning.told", "url": "replaced", "token": "a-token-of-the-test"}
FILES = {
    "NOAA_MultiplePolygons.txt": (1, 8, 0),
    "amber.atom": (1, 0, 0),
    "amber.rss": (0, 0, 0),
    "australia.cap": (1, 0, 0),
    "australia_bom.cap": (1, 0, 0),
    "earthquake-iso8859-1.cap": (1, 0, 0),
    "earthquake.cap": (1, 0, 0),
    "earthquake_index.atom": (0, 0, 0),
    "invalid.cap": (0, 0, 1),
    "no_info_tag.cap": (0, 1, 0),
    "ny_index.rss": (0, 0, 0),
    "oregon_nws.atom": (0, 0, 1),
    "rfs.xml": (1, 0, 0),
    "us_nws_weather.atom": (0, 0, 0),
    "usgs_alerthub.atom": (0, 0, 0),
    "wcatwc-warning.cap": (1, 1, 0),
    "weather.atom": (1, 0, 0),
    "weather.cap": (1, 0, 0),
    "weather_index.atom": (0, 0, 0),
}
"""Of each real file: alerts that stand, alerts that they end, and those set aside."""
ALERT = """<alert xmlns="urn:oasis:names:tc:emergency:cap:{version}"><identifier>{id}</identifier><sender>kttv</sender>
<sent>2025-10-18T07:00:00+07:00</sent><status>Actual</status><msgType>{kind}</msgType><scope>Public</scope>
<references>{references}</references><info><language>en-US</language><category>Met</category><event>Flood</event>
<urgency>Expected</urgency><severity>Minor</severity><certainty>Likely</certainty></info>
<info><language>vi-VN</language><category>Met</category><event>Lũ</event><urgency>Expected</urgency>
<severity>Severe</severity><certainty>Likely</certainty><expires>2025-10-18T19:00:00+07:00</expires>
<area><areaDesc>Hạ lưu</areaDesc>{area}</area></info></alert>"""
POLYGON = "<polygon>15.8,108.1 15.9,108.1 15.9,108.3 15.8,108.1</polygon>"


def alert(
    number: str = "1", *, kind: str = "Alert", references: str = "", area: str = POLYGON, version: str = "1.2"
) -> str:
    return ALERT.format(id=number, kind=kind, references=references, area=area, version=version)


class TestOne(AdapterSuite):
    adapter = "cap"
    options = OPTIONS
    answers = (alert().encode(),)
    within = (107.0, 14.9, 109.0, 16.3)


class TestReal(AdapterSuite):
    adapter = "cap"
    options = OPTIONS
    answers = tuple(CAP / name for name, (stands, _, _) in FILES.items() if stands)


def opened(**changed: Any) -> Adapter[Any]:
    return catalog.open_adapter(Source("warnings", "cap", Contract("us"), {**OPTIONS, **changed}))


def parsed(body: str | bytes, **changed: Any) -> list[Reading | BadRecord]:
    return list(opened(**changed).parse(Answer(body if isinstance(body, bytes) else body.encode())))


def only(body: str, **changed: Any) -> Reading:
    (found,) = parsed(body, **changed)
    assert isinstance(found, Reading), found
    return found


def test_every_alert_of_the_real_files_is_accounted_for() -> None:
    if not CAP.is_dir():
        absent(f"{CAP} is not on this machine; name its folder with IOC_SHARED")
    sums = [0, 0, 0]
    for name, due in FILES.items():
        found = parsed((CAP / name).read_bytes())
        readings = [one for one in found if isinstance(one, Reading)]
        told = (sum(not one.gone for one in readings), sum(one.gone for one in readings), len(found) - len(readings))
        assert told == due, name
        sums = [before + more for before, more in zip(sums, told, strict=True)]
    cancels = 1
    print(f"{len(FILES)} files, 13 alerts = {sums[0]} stand + {cancels} cancels + {sums[2]} set aside; {sums[1]} ended")
    assert sums[0] + cancels + sums[2] == 13


def test_a_real_warning_stands_on_its_own_clock_and_not_on_ours() -> None:
    if not CAP.is_dir():
        absent(f"{CAP} is not on this machine; name its folder with IOC_SHARED")
    found = parsed((CAP / "NOAA_MultiplePolygons.txt").read_bytes())
    (reading,) = [one for one in found if isinstance(one, Reading) and not one.gone]
    assert reading.time is not None and reading.geometry is not None
    assert reading.geometry["type"] == "MultiPolygon" and len(reading.geometry["coordinates"]) == 2
    lon, lat = reading.geometry["coordinates"][0][0][0]
    assert -95 < lon < -90 and 29 < lat < 32, "latitude comes first in CAP, and last in GeoJSON"
    for received, stands in ((reading.time + timedelta(minutes=1), 1), (clock.now(), 0)):
        data = Feature(reading.properties, reading.geometry)
        item = Warnings().item(Event("e", "cap", "ioc.warning.told", reading.subject, reading.time, received, data))
        assert warnings_open({"a": item}, received).value == stands


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_the_language_that_is_preferred_is_read(version: str) -> None:
    found = only(alert(version=version))
    assert found.subject == "kttv,1"
    assert [found.properties[name] for name in ("event", "severity", "area")] == ["Lũ", "Severe", "Hạ lưu"]
    assert only(alert(), languages=["en"]).properties["event"] == "Flood"
    assert only(alert(), languages=["fr"]).properties["event"] == "Flood"


@pytest.mark.parametrize(
    ("area", "kind", "corners"),
    [
        (POLYGON, "MultiPolygon", 4),
        ("<polygon>15.8,108.1 15.9,108.1 15.9,108.3</polygon>", "MultiPolygon", 4),
        ("<circle>15.8,108.1 10</circle>", "MultiPolygon", 37),
        ("<circle>15.8,108.1 0.0</circle>", "Point", None),
        ("<polygon/>", None, None),
        ("", None, None),
    ],
)
def test_areas_become_geometry(area: str, kind: str | None, corners: int | None) -> None:
    found = only(alert(area=area))
    assert (found.geometry or {}).get("type") == kind
    assert "area_fault" not in found.properties
    if corners is not None and found.geometry is not None:
        ring = found.geometry["coordinates"][0][0]
        assert len(ring) == corners and ring[0] == ring[-1]
        assert all(107.9 < lon < 108.4 and 15.6 < lat < 16.0 for lon, lat in ring)


def test_a_circle_is_as_wide_as_it_says() -> None:
    from math import cos, hypot, radians

    geometry = only(alert(area="<circle>15.8,108.1 10</circle>")).geometry
    assert geometry is not None
    for lon, lat in geometry["coordinates"][0][0]:
        assert hypot((lon - 108.1) * cos(radians(15.8)), lat - 15.8) * 111.2 == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize(
    "area", ["<polygon>108.1,15.8 108.1,15.9 108.3,15.9</polygon>", "<polygon>a,b</polygon>", "<circle>15</circle>"]
)
def test_a_warning_is_not_lost_for_its_area(area: str) -> None:
    found = only(alert(area=area), within=[107, 14, 109, 17])
    assert found.geometry is None and found.properties["area_fault"].endswith(".")


def test_geocodes_of_communes_are_kept_and_one_alone_is_the_unit() -> None:
    code = "<geocode><valueName>{}</valueName><value>{}</value></geocode>"
    found = only(alert(area=code.format("VN.COMMUNE", "20500 20599") + code.format("SAME", "123")))
    assert (found.properties["units"], found.unit) == (["20500", "20599"], None)
    assert only(alert(area=code.format("VN.COMMUNE", "20500"))).unit == "20500"


def test_an_update_and_a_cancellation_end_what_they_refer_to() -> None:
    first, second = parsed(alert("2", kind="Update", references="kttv,1,2025-10-18T06:00:00+07:00"))
    assert isinstance(first, Reading) and isinstance(second, Reading)
    assert (first.subject, first.gone, second.subject, second.gone) == ("kttv,1", True, "kttv,2", False)
    cancelled = only(alert("3", kind="Cancel", references="kttv,2,2025-10-18T06:00:00+07:00"))
    assert (cancelled.subject, cancelled.gone) == ("kttv,2", True)


def test_of_an_answer_that_holds_both_the_ended_one_is_ended() -> None:
    both = "<feed xmlns='http://www.w3.org/2005/Atom'>{}</feed>"
    told = [alert("1"), alert("2", kind="Update", references="kttv,1,2025-10-18T07:00:00+07:00")]
    for order in (told, told[::-1]):
        found = [one for one in parsed(both.format("".join(order))) if isinstance(one, Reading)]
        assert {one.subject: one.gone for one in found} == {"kttv,1": True, "kttv,2": False}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("<scope>Public</scope>", "", "missing_field"),
        ("<identifier>1</identifier>", "<identifier/>", "missing_field"),
        ("<severity>Severe</severity>", "<severity>Dreadful</severity>", "unknown_code"),
        ("<status>Actual</status>", "<status>Real</status>", "unknown_code"),
        ("2025-10-18T07:00:00+07:00", "yesterday", "bad_time"),
        ("<event>Lũ</event>", "", "missing_field"),
    ],
)
def test_what_cap_does_not_allow_is_set_aside(old: str, new: str, reason: str) -> None:
    (bad,) = parsed(alert().replace(old, new))
    assert isinstance(bad, BadRecord) and bad.reason == reason


@pytest.mark.parametrize("status", ["Test", "Exercise", "Draft", "System"])
def test_a_test_is_no_warning_unless_it_is_wanted(status: str) -> None:
    body = alert().replace("Actual", status)
    assert parsed(body) == []
    assert only(body, statuses=["Actual", status]).subject == "kttv,1"


def test_entities_are_refused() -> None:
    bomb = '<!DOCTYPE alert [<!ENTITY a "aaaa">]>' + alert().replace("Hạ lưu", "&a;")
    with pytest.raises(Untaken, match="refused"):
        parsed(bomb)


def test_wrong_settings_are_said() -> None:
    with pytest.raises(BadConfig, match="statuses names Real"):
        opened(statuses=["Real"])


class FeedServer(AnswerServer):
    """A feed that names alerts, each at an address of its own; `named` may change."""

    named: dict[str, tuple[str, str]]

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/feed":
            link = '<entry><updated>{}</updated><link type="application/cap+xml" href="{}"/></entry>'
            entries = "".join(link.format(when, path) for path, (when, _) in self.named.items())
            return Said(f"<feed xmlns='http://www.w3.org/2005/Atom'>{entries}</feed>".encode())
        return Said(self.named[asked.path][1].encode())


async def test_alerts_that_a_feed_names_are_fetched_once_and_again_when_they_changed() -> None:
    with FeedServer() as server:
        server.named = {"/a.cap": ("1", alert("1")), "/b.cap": ("1", alert("2"))}
        adapter = opened(url=f"{server.url}/feed")
        found, cursor = await poll(adapter)
        assert sorted(one.subject for one in found if isinstance(one, Reading)) == ["kttv,1", "kttv,2"]
        assert all(asked.headers["authorization"] == "Bearer a-token-of-the-test" for asked in server.asked)
        server.named["/b.cap"] = ("2", alert("3", kind="Update", references="kttv,2,x"))
        server.asked.clear()
        found, cursor = await poll(adapter, cursor)
        assert [asked.path for asked in server.asked] == ["/feed", "/b.cap"]
        assert {one.subject: one.gone for one in found if isinstance(one, Reading)} == {"kttv,2": True, "kttv,3": False}
        assert json.loads(cursor or "")["had"] == {f"{server.url}/a.cap": "1", f"{server.url}/b.cap": "2"}


async def test_only_so_many_are_followed_at_once_and_the_others_the_next_time() -> None:
    with FeedServer() as server:
        server.named = {f"/{n}.cap": ("1", alert(str(n))) for n in range(5)}
        adapter, cursor, came = opened(url=f"{server.url}/feed", follow=2), None, []
        for _ in range(3):
            found, cursor = await poll(adapter, cursor)
            came.append(len(found))
        assert came == [2, 2, 1]


async def test_a_broken_alert_does_not_hide_the_others_and_a_strange_host_is_not_asked() -> None:
    with FeedServer() as server:
        server.named = {"/a.cap": ("1", alert("1")[:300]), "/b.cap": ("1", alert("2"))}
        found, _ = await poll(opened(url=f"{server.url}/feed"))
        assert sorted(type(one).__name__ for one in found) == ["BadRecord", "Reading"]
        server.named = {"http://127.0.0.2:1/x.cap": ("1", alert("1"))}
        with pytest.raises(Untaken, match=r"on the host 127\.0\.0\.2; add it to hosts"):
            await poll(opened(url=f"{server.url}/feed"))
