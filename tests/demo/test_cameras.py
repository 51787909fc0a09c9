"""The cameras of three provinces, each picture looked at: what freezes or goes out is what the tiles say."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ioc import clock
from tests.demo.staged import Served, served

TOWNS = {"phu-yen": (268, 105), "tay-ninh": (120, 48), "quang-nam": (90, 36)}


async def look(stage: Served, times: int = 1) -> None:
    """Ask every registry, and look at every picture, so often."""
    for _ in range(times):
        for name, source in stage.settings.sources.items():
            if source.adapter == "camera_registry" and "probe" in source.options:
                await stage.ask(name)


def told(stage: Served) -> tuple[object, object, object]:
    live, frozen, down = (stage.figure(f"cameras_{name}").value for name in ("live", "frozen", "down"))
    return live, frozen, down


@pytest.mark.parametrize("province", TOWNS)
async def test_each_picture_says_how_its_camera_is(
    province: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(province, "camera_gaps", tmp_path, desk=True) as stage:
        # the registry's clock is the stage's, so that no picture stands still because the test is quick
        monkeypatch.setattr("ioc.demo.sources.clock", SimpleNamespace(now=lambda: stage.now, ZONE=clock.ZONE))
        for source in stage.settings.sources.values():
            if "probe" in source.options:
                source.options["probe"] |= {"every": 0.001, "rate": 5_000, "parallel": 16}
        cameras, places = TOWNS[province]
        world = stage.world.cameras
        await look(stage)
        whole = stage.figure("cameras_live")
        assert (whole.of, whole.expect) == (cameras, places)
        still = [one for one in world.cameras if one.state == "live"]
        for one in still[:10]:
            world.hold(one.id, stage.now)
        for _ in range(4):
            # pictures go on by one a second: what moves is seen to move
            stage.later(seconds=1)
            await look(stage)
        states = [one.state for one in world.cameras]
        assert told(stage) == tuple(states.count(name) for name in ("live", "frozen", "down"))
        assert states.count("frozen") >= 10

        # the registry writes whole seconds: later than any picture that was looked at
        stage.later(minutes=2)
        for one in still[10:30]:
            world.put_out(one.id, stage.now)
        # one failure may be an accident: others that went out meanwhile are down at the second
        await look(stage, 2)
        assert stage.figure("cameras_down").value == sum(one.state == "down" for one in world.cameras)
        assert int(stage.figure("cameras_down").value or 0) >= 20
