"""The simulated AIS station: what it says reaches the map, and each way to break it is seen there."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pyais
import pytest

from ioc import clock
from ioc.demo.fleet import Fleet
from ioc.demo.systems.ais import named, placed, sentences
from ioc.errors import SourceDown
from tests.demo.staged import Served, served


async def until(stage: Served, reason: str, least: int) -> int:
    """Ask until so many records were set aside with the reason; how many they are."""
    found = Counter[str]()
    async with asyncio.timeout(30):
        while found[reason] < least:
            await stage.take("ais")
            found.update(one.reason for one in stage.asides)
    return found[reason]


async def next_half_minute(stage: Served, *ways: str) -> None:
    stage.later(seconds=30)
    await stage.turn(*ways)


async def test_the_fleet_is_on_the_map_and_each_break_is_seen(tmp_path: Path) -> None:
    async with served("quang-nam", "ais", tmp_path, seed=54, changed={"ais": {"every_s": 0}}) as stage:
        boats = {f"mmsi/{boat.mmsi}": boat for boat in Fleet(stage.world.seed).boats if boat.ais}
        items = stage.items("vessels")
        async with asyncio.timeout(30):
            while items.keys() != boats.keys() or any("name" not in one.properties for one in items.values()):
                await stage.heard("ais")
        assert len(boats) > 120
        for name, boat in boats.items():
            fix, item = boat.at(stage.now), items[name]
            assert item.geometry is not None
            assert item.geometry["coordinates"] == pytest.approx([fix.lon, fix.lat], abs=2e-6)
            assert item.properties["name"] == boat.name.upper()[:20]
        inside = sum(item.properties["in_closed"] for item in items.values())
        assert (stage.figure("vessels_tracked").value, stage.figure("vessels_doubtful").value) == (len(boats), 0)
        assert stage.figure("vessels_in_closed").value == inside

        for _ in range(4):
            await next_half_minute(stage, "spoofed")
            await asyncio.sleep(0.05)
            await stage.heard("ais")
        doubtful = stage.figure("vessels_doubtful").value
        assert isinstance(doubtful, int) and doubtful > len(boats) / 6
        for item in items.values():
            lines = item.properties["tracks"]
            assert all(len({abs(point[0] - 108.199) < 0.01 for point in line}) == 1 for line in lines), "to the airport"

        for way, reason in (("garbled", "bad_checksum"), ("ahead", "future_time")):
            await next_half_minute(stage, way)
            assert await until(stage, reason, 21) > 20

        await next_half_minute(stage)
        await stage.heard("ais")
        await next_half_minute(stage, "silent")
        await asyncio.sleep(0.2)
        await stage.ask("ais")
        assert await stage.ask("ais") == [], "the connection stands, and nothing comes"
        await stage.turn("gone")
        said = ""
        async with asyncio.timeout(30):
            while "can't be reached" not in said:
                with pytest.raises(SourceDown) as down:
                    while True:
                        await stage.ask("ais")
                said = down.value.say
        assert stage.figure("vessels_tracked").value == len(boats), "the last picture stays"
        await stage.turn()
        assert await stage.heard("ais")


async def test_what_it_says_is_ais_for_an_independent_decoder(tmp_path: Path) -> None:
    for boat in Fleet(54).boats[:40]:
        now = clock.now()
        fix = boat.at(now)
        (line,) = sentences(placed(boat.mmsi, fix, now), int(now.timestamp()))
        told: Any = pyais.decode(line.rpartition("\\")[2].encode()).asdict()
        assert (told["mmsi"], told["lon"], told["lat"]) == (boat.mmsi, pytest.approx(fix.lon), pytest.approx(fix.lat))
        assert told["course"] == pytest.approx(fix.course % 360) and told["speed"] == pytest.approx(fix.speed)
        parts = sentences(named(boat.mmsi, boat.name, 30, boat.length), int(now.timestamp()))
        name: Any = pyais.decode(*(part.rpartition("\\")[2].encode() for part in parts)).asdict()
        assert (name["shipname"], name["to_bow"] + name["to_stern"]) == (boat.name.upper(), boat.length)


async def test_the_zones_are_a_source_too(tmp_path: Path) -> None:
    async with served("quang-nam", "ais", tmp_path) as stage:
        await stage.take("zones")
        items = stage.items("zones")
        assert sorted(items) == ["ban-1", "cam-1", "luong-1"]
        assert items["cam-1"].properties["closed"] is True
        assert items["cam-1"].geometry is not None and items["cam-1"].geometry["type"] == "Polygon"
