"""Open alerts: a pure function of the sources and of the figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ioc import clock
from ioc.alerts import Alert, standing

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)


def source(state: str, **told: Any) -> dict[str, Any]:
    names = {"name": "Camera giao thông", "name_en": "Traffic cameras", "owner": "Sở Giao thông"}
    return {"state": state, "why": None, "due": None, "received": None, **names, **told}


def figure(level: str | None, value: Any, **told: Any) -> dict[str, Any]:
    return {"level": level, "value": value, "label": "Chứng thư số", "label_en": "Certificates", **told}


def alerts(
    sources: dict[str, Any], figures: dict[str, Any] | None = None, before: dict[str, Alert] | None = None
) -> dict[str, Alert]:
    return standing(sources, figures or {}, before or {}, NOON)


def test_only_what_asks_for_somebody_is_an_alert() -> None:
    sources = {state: source(state) for state in ("live", "late", "never", "stale", "down")}
    figures = {
        "fine": figure("good", 1),
        "none": figure(None, 1),
        "empty": figure("bad", None),
        "wrong": figure("bad", 1),
    }
    found = alerts(sources, figures)
    assert found.keys() == {"source/stale", "source/down", "tile/wrong"}
    assert [found[name]["level"] for name in sorted(found)] == ["bad", "warn", "bad"]


def test_an_alert_says_who_what_and_since_when() -> None:
    found = alerts({"cams": source("down", why="Nobody answers.", due=NOON - timedelta(hours=1))})["source/cams"]
    assert found["say"] == {"vi": "Camera giao thông mất, không trả lời", "en": "Traffic cameras is down"}
    assert (found["why"], found["owner"]) == ("Nobody answers.", "Sở Giao thông")
    assert found["since"] == clock.rfc3339(NOON - timedelta(hours=1))


def test_a_source_of_which_nothing_can_be_read_is_said_with_how_many_and_since_when() -> None:
    since = NOON - timedelta(minutes=3)
    told = source("stale", unread=since, refused=1200, due=NOON + timedelta(seconds=30))
    found = alerts({"cams": told})["source/cams"]
    assert found["say"]["vi"] == "Camera giao thông: không đọc được bản ghi nào, để riêng cả 1.200"
    assert (found["since"], found["owner"]) == (clock.rfc3339(since), "Sở Giao thông")


def test_an_alert_that_stands_keeps_its_beginning_and_who_claimed_it() -> None:
    first = alerts({"cams": source("stale")})
    assert first["source/cams"]["since"] == clock.rfc3339(NOON)
    since = "2026-03-09T12:00:00+07:00"
    stood = {"source/cams": {**first["source/cams"], "since": since}}
    claim = {"claim/source/cams": {"of": since, "by": "Lan"}}
    worse = standing({"cams": source("down", due=NOON)}, {}, stood, NOON, told=claim)["source/cams"]
    assert (worse["since"], worse["claimed"], worse["level"]) == ("2026-03-09T12:00:00+07:00", "Lan", "bad")


def test_an_alert_whose_cause_is_gone_is_gone_and_begins_anew() -> None:
    old = {"source/cams": {"id": "source/cams", "since": "2026-03-09T12:00:00+07:00", "claimed": "Lan"}}
    assert alerts({"cams": source("live")}, before=old) == {}
    assert alerts({"cams": source("down")}, before={})["source/cams"]["claimed"] is None


def test_numbers_are_written_as_each_language_does() -> None:
    figures = {
        "sum": figure("bad", 1500, other=[{"value": 1392, "source": "ca"}]),
        "share": figure("warn", 94.25, unit="điểm", unit_en="points"),
        "of": figure("warn", 190, of=241.0),
        "word": figure("warn", "chưa", unit=""),
    }
    said = {name.removeprefix("tile/"): alert["say"] for name, alert in alerts({}, figures).items()}
    assert said["sum"] == {"vi": "Chứng thư số: 1.500 ≠ 1.392", "en": "Certificates: 1,500 ≠ 1,392"}
    assert said["share"] == {"vi": "Chứng thư số: 94,2 điểm", "en": "Certificates: 94.2 points"}
    assert said["of"] == {"vi": "Chứng thư số: 190 / 241", "en": "Certificates: 190 / 241"}
    assert said["word"] == {"vi": "Chứng thư số: chưa", "en": "Certificates: chưa"}
