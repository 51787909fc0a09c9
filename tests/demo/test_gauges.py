"""The demo's gauges, asked by the real adapter as the part says: what breaks at the source is seen on the tiles."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ioc import clock
from ioc.demo.systems.gauges import RIVERS
from tests.demo.staged import Served, served


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Served]:
    async with served("quang-nam", "gauges", tmp_path, before=timedelta(hours=3)) as made:
        yield made


def value(network: Served, name: str) -> Any:
    return network.figure(name).value


async def test_every_gauge_is_on_the_board_and_what_breaks_is_seen(network: Served) -> None:
    taken = await network.take("gauges")
    items = network.items("stations")
    assert taken.set_aside == 0
    owed = network.settings.sources["gauges"].contract.expect
    assert len(items) == owed == 2 * len(network.world.units) + len(RIVERS)
    stations = {item.properties["station"] for item in items.values()}
    assert len(stations) == len(network.world.units) + len(RIVERS)
    assert all(item.geometry and item.properties["state"] == "live" for item in items.values())
    assert items["CL/level"].properties["limits"] == [2, 3, 4]
    rain = max(item.properties["value"] for item in items.values() if item.properties["quantity"] == "rain_24h")
    assert value(network, "rain_24h_most") == rain > 0
    assert [value(network, name) for name in ("stations_over_2", "stations_silent")] == [0, 0]

    network.later(minutes=2)
    await network.turn("silent")
    await network.take("gauges")
    silent = value(network, "stations_silent")
    assert 0.15 * len(network.world.units) < silent < 0.45 * len(network.world.units)
    told = [item.properties for item in network.items("stations").values() if item.properties["silent"]]
    assert {item["no_data"] for item in told} == {"-999999", "-9999"} and len(told) == 2 * silent
    assert {item["value"] for item in told} == {None}

    network.later(minutes=4)
    await network.turn("flood")
    await network.take("gauges")
    assert value(network, "stations_over_2") == value(network, "stations_out") == len(RIVERS)
    assert value(network, "stations_silent") == 0
    assert network.figure("stations_over_2").level == "bad"
    assert network.items("stations")["CL/level"].properties["trend"]["by"] > 2
    assert value(network, "rain_24h_most") != rain


async def test_a_renamed_column_takes_nothing_and_is_said(network: Served) -> None:
    before = await network.take("gauges")
    network.later(minutes=2)
    await network.turn("renamed")
    taken = await network.take("gauges")
    assert (taken.told, taken.set_aside, taken.reasons) == (0, before.told, {"missing_field": before.told})
    assert value(network, "stations_silent") == 0


async def test_a_frozen_network_says_the_same_again_and_again(network: Served) -> None:
    await network.turn("frozen")
    await network.take("gauges")
    network.later(minutes=20)
    again = await network.take("gauges")
    assert (again.told, again.unchanged) == (0, network.settings.sources["gauges"].contract.expect)
    late = clock.rfc3339(network.now)
    assert all(item.properties["due"] < late for item in network.items("stations").values())
