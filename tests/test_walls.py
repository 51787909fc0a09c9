"""Walls and how old what they have on the glass is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from ioc import alerts, walls
from ioc.walls import Told, Wall

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)
MINUTE = 60.0


def ago(seconds: float) -> datetime:
    return NOON - timedelta(seconds=seconds)


def wall(song: float | None, since: float = 3600, **told: Any) -> Wall:
    given = {"song": ago(song), "lag_s": 0.4, "ms": 12.0} if song is not None else {}
    return Wall("overview/1", "overview", "Tổng quan", ago(since), **{**given, **told})


def standing(*found: Wall, at: float = 0, before: dict[str, Any] | None = None) -> dict[str, Any]:
    return walls.standing([Told(ago(at), list(found))], before or {}, NOON, MINUTE)


@pytest.mark.parametrize(
    ("song", "state"), [(0, "live"), (120, "live"), (121, "late"), (180, "late"), (181, "stale"), (9999, "stale")]
)
def test_a_wall_is_as_old_as_the_song_on_its_glass(song: float, state: str) -> None:
    (item,) = standing(wall(song)).values()
    assert (item["state"], item["connected"]) == (state, True)
    assert (item["say"] is None) == (state == "live")


def test_a_wall_that_has_just_come_is_given_time_and_one_that_never_draws_is_not() -> None:
    assert standing(wall(None, since=30))["overview/1"]["state"] == "never"
    item = standing(wall(None, since=1000))["overview/1"]
    assert (item["state"], item["say"]["vi"]) == ("stale", "không vẽ gì mới từ 11:43")


def test_one_that_is_sent_no_songs_proves_nothing_and_raises_no_alarm() -> None:
    item = standing(wall(None, since=1000, watches=False))["overview/1"]
    assert item["state"] == "never"
    assert walls.standing([Told(NOON, [wall(9999)])], {}, NOON, None)["overview/1"]["state"] == "live"


def test_one_that_left_is_remembered_for_a_day() -> None:
    before = standing(wall(0))
    assert {item["state"] for item in standing(before=before).values()} == {"late"}, "It may be back at once."
    later = {name: {**item, "seen": "2026-03-09T12:00:01+07:00"} for name, item in before.items()}
    item = standing(before=later)["overview/1"]
    assert (item["state"], item["connected"], item["say"]["vi"]) == ("down", False, "không nối từ 12:00")
    assert standing(before={"x": {**item, "seen": "2026-03-09T12:00:00+07:00"}}) == {}


def test_a_web_process_that_is_silent_tells_nothing() -> None:
    assert standing(wall(0), at=10) == {}
    assert standing(wall(0), at=9.9) != {}


def test_what_did_not_move_reads_the_same_a_second_later() -> None:
    told = [Told(NOON, [wall(0)])]
    assert walls.standing(told, {}, NOON, MINUTE) == walls.standing(told, {}, NOON + timedelta(seconds=1), MINUTE)


def test_a_wall_that_draws_nothing_new_is_an_alarm_and_keeps_its_beginning() -> None:
    found = alerts.standing({}, {}, {}, NOON, walls=standing(wall(181)))
    alert = found["wall/overview/1"]
    assert alert["level"] == "bad"
    assert alert["say"]["vi"] == "Màn hình Tổng quan không vẽ gì mới từ 11:56"
    again = alerts.standing({}, {}, found, NOON, walls=standing(wall(999)))
    assert again["wall/overview/1"]["since"] == alert["since"]
    assert alerts.standing({}, {}, found, NOON, walls=standing(wall(10))) == {}


def test_it_travels_as_json() -> None:
    told = Told(NOON, [wall(5)])
    assert msgspec.json.decode(msgspec.json.encode(told), type=Told) == told
