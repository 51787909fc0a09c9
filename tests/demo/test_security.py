"""The security operations centre: what its sensor writes and its servers send is counted, and an attack shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.demo.staged import Served, served


def high(stage: Served) -> int:
    return int(stage.figure("alerts_high").value or 0)


@pytest.mark.parametrize("province", ["quang-nam", "tay-ninh"])
async def test_alerts_are_counted_and_an_attack_shows(province: str, tmp_path: Path) -> None:
    async with served(province, "security", tmp_path) as stage:
        written = (tmp_path / "sources" / "security" / "eve.json").read_text(encoding="utf-8").splitlines()
        readings = await stage.ask("soc")
        assert sum(one.properties["count"] for one in readings) == len(written) > 2_000
        assert high(stage) == sum('"severity": 1' in line for line in written)
        names = ("alerts_high", "alerts_medium", "alerts_low")
        assert sum(int(stage.figure(name).value or 0) for name in names) == len(written)
        assert stage.figure("security_bodies").value == 18

        before, newest = high(stage), stage.figure("security_newest").value
        await stage.turn("attack")
        stage.later(seconds=60)
        await stage.system.keep()
        await stage.heard("soc")
        assert high(stage) == before + 12 * 60 and stage.figure("alerts_high").level in ("warn", "bad")
        worst = (stage.figure("alerts_high").parts or [])[0]
        assert (worst["label"], worst["value"] > 600) == ("Sở Y tế", True)
        assert stage.figure("security_newest").value != newest
        stage.later(hours=25)
        assert stage.figure("alerts_high").value is None, "an hour counts for a day"


async def test_what_the_sensor_garbles_is_set_aside_and_its_silence_is_nothing_new(tmp_path: Path) -> None:
    async with served("quang-nam", "security", tmp_path) as stage:
        await stage.ask("soc")
        for way, reason in (("garbled", "bad_line"), ("clock", "future_time")):
            await stage.turn(way)
            stage.later(seconds=60)
            await stage.system.keep()
            await stage.ask("soc")
            assert {one.reason for one in stage.asides} == {reason}
            assert all("10.49" not in f"{one.say} {one.raw}" for one in stage.asides)
        before = high(stage)
        await stage.turn("silent")
        # what the servers sent before may still come in
        while await stage.ask("soc"):
            pass
        stage.later(seconds=120)
        await stage.system.keep()
        assert await stage.ask("soc") == [] and high(stage) == before


async def test_servers_are_heard(tmp_path: Path) -> None:
    async with served("quang-nam", "security", tmp_path) as stage:
        await stage.ask("soc")
        before = int(stage.figure("alerts_low").value or 0)
        stage.later(seconds=300)
        await stage.system.keep()
        told = [one.properties for one in await stage.heard("soc", 12)]
        assert {one["severity"] for one in told} >= {"medium", "low"}
        assert int(stage.figure("alerts_low").value or 0) > before
