"""The loops in Quảng Nam's roads and the register of incidents: what they tell is what the tiles say, also broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ioc.demo.systems.counters import ROADS, Counters, loops
from ioc.errors import SourceRefused
from ioc.layer import Item
from tests.demo.staged import Served, served


def counters(stage: Served, quantity: str) -> list[Item]:
    told = stage.folds["traffic"].items.values()
    return [one for one in told if one.properties["kind"] == "counter" and one.properties["quantity"] == quantity]


def number(stage: Served, tile: str) -> float:
    value = stage.figure(tile).value
    assert isinstance(value, int | float), tile
    return value


async def test_every_loop_is_asked_over_pages_and_counts_for_an_hour(tmp_path: Path) -> None:
    async with served("quang-nam", "counters", tmp_path) as stage:
        readings = await stage.ask("counters")
        source = stage.settings.sources["counters"]
        assert len(readings) == source.contract.expect == 96 == 2 * sum(road.loops for road in ROADS)
        assert source.options["size"] < 96, "it takes more pages than one"
        assert stage.asides == []
        cars = counters(stage, "vehicles")
        assert all(one.geometry and one.properties["state"] == "live" and one.properties["road"] for one in cars)
        assert number(stage, "traffic_vehicles") == sum(one.properties["value"] for one in cars) > 0
        assert all(one.properties["value"] % 12 == 0 for one in cars), "five minutes, told by the hour"
        speeds = [one.properties["value"] for one in counters(stage, "speed")]
        assert number(stage, "traffic_speed") == round(sum(speeds) / 48)
        parts = stage.figure("traffic_vehicles").parts or []
        assert {part["label"] for part in parts} == {road.name for road in ROADS}
        assert number(stage, "counters_silent") == 0
        # a span that has ended is of its end, and of the five minutes before
        assert all(timedelta() <= stage.now - one.time <= timedelta(minutes=5) for one in cars)

        before = {one.id: one.time for one in cars}
        stage.later(seconds=30)
        await stage.ask("counters")
        moved = sum(one.time != before[one.id] for one in counters(stage, "vehicles"))
        assert 0 < moved < 20, "loops end their spans at different seconds"


async def test_what_breaks_is_seen(tmp_path: Path) -> None:
    async with served("quang-nam", "counters", tmp_path) as stage:
        await stage.ask("counters")
        speed, slow = number(stage, "traffic_speed"), number(stage, "roads_slow")

        await stage.turn("jam")
        stage.later(minutes=6)
        await stage.ask("counters")
        assert number(stage, "roads_slow") == 48 > slow and stage.figure("roads_slow").level == "bad"
        assert number(stage, "traffic_speed") < 0.5 * speed and stage.figure("traffic_speed").level == "bad"

        await stage.turn("cut")
        stage.later(minutes=6)
        await stage.ask("counters")
        down = [one for one in counters(stage, "vehicles") if one.properties["state"] == "down"]
        assert {one.properties["road"] for one in down} == {"QL1"}
        assert number(stage, "counters_silent") == len(down) == 14 and stage.figure("counters_silent").level == "bad"
        assert "QL1" not in {part["label"] for part in stage.figure("traffic_vehicles").parts or []}

        await stage.turn("silent")
        stage.later(minutes=6)
        await stage.ask("counters")
        assert number(stage, "counters_silent") == 0, "the newest span of each still holds"
        stage.later(minutes=20)
        await stage.ask("counters")
        stage.later(seconds=1)
        assert 6 < number(stage, "counters_silent") < 24

        await stage.turn("renamed")
        stage.later(minutes=6)
        readings = await stage.ask("counters")
        assert len(readings) == 48 and {one.reason for one in stage.asides} == {"unknown_code"}


async def test_a_server_that_stands_still_tells_of_an_hour_ago(tmp_path: Path) -> None:
    async with served("quang-nam", "counters", tmp_path) as stage:
        await stage.turn("frozen")
        readings = await stage.ask("counters")
        newest = max(one.time for one in readings if one.time is not None)
        still = stage.settings.sources["counters"].contract.still
        assert still is not None and stage.now - newest > timedelta(seconds=still), (
            "its contract says that it is frozen"
        )
        assert number(stage, "counters_silent") == 48


@pytest.mark.parametrize("hour", [0, 3, 8, 17, 23])
def test_loops_tell_something_that_can_be_true_at_any_hour(hour: int) -> None:
    system = Counters.__new__(Counters)
    system.broken = set()
    system.world = type("W", (), {"seed": 3})()
    at = datetime(2026, 3, 10, hour, 5, tzinfo=UTC)
    told = [system._counted(loop, at) for loop in loops(3)]
    assert all(0 < cars < 200 and 5 < speed < 110 for cars, speed in told)


async def test_incidents_stand_until_they_are_cleared(tmp_path: Path) -> None:
    async with served("quang-nam", "road_incidents", tmp_path) as stage:
        system: Any = stage.system
        readings = await stage.ask("road_incidents")
        assert len(readings) == len(system.standing()) > 3 and stage.asides == []
        assert number(stage, "road_incidents") == len(readings)
        grave = sum(one.grave for one in system.standing())
        assert number(stage, "road_incidents_grave") == grave
        tally = await stage.adapter("road_incidents").tally()
        assert tally is not None and tally.count == len(readings)
        assert all(item.geometry and item.properties["category"] for item in stage.folds["traffic"].items.values())

        gone = {one.subject for one in readings}
        stage.later(minutes=40)
        await stage.ask("road_incidents")
        left = set(stage.folds["traffic"].items)
        assert gone - left, "some were cleared"
        assert left == {f"SK-{one.number}" for one in system.standing()}

        await stage.turn("crash")
        await stage.ask("road_incidents")
        figure = stage.figure("road_incidents_grave")
        assert number(stage, "road_incidents_grave") >= 8 and figure.of == len(stage.folds["traffic"].items)

        await stage.turn("frozen")
        stood = {one.number for one in system.standing()}
        stage.later(minutes=90)
        await stage.ask("road_incidents")
        assert {one.number for one in system.standing()} == stood

        await stage.turn("codes")
        await stage.ask("road_incidents")
        assert {one.reason for one in stage.asides} == {"unknown_code"}
        await stage.turn("token")
        with pytest.raises(SourceRefused):
            await stage.ask("road_incidents")
