"""Newspapers and portals of Quảng Nam: counted, placed and never quoted; a rumour and a frozen feed show."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from ioc.errors import Untaken
from tests.demo.staged import Served, served


def expected(stage: Served, *, alert: bool = False) -> int:
    """Posts of the last day, counted from what the feeds hold."""
    held = [post for number in range(5) for post in stage.system.posts(number)]  # type: ignore[attr-defined]
    return sum(post.at > stage.now - timedelta(days=1) and (post.alert or not alert) for post in held)


async def test_quang_nam(tmp_path: Path) -> None:
    async with served("quang-nam", "press", tmp_path) as stage:
        readings = await stage.ask("press")
        posts = [one for one in readings if one.properties["kind"] == "post"]
        assert len(posts) == 300 and stage.asides == []
        assert stage.figure("press_posts").value == expected(stage)
        assert stage.figure("press_alerts").value == expected(stage, alert=True)
        named = {post.id: post.unit for number in range(5) for post in stage.system.posts(number)}  # type: ignore[attr-defined]
        assert sorted(one.unit or "" for one in posts) == sorted(named.values()), "each commune was found by its name"
        assert all(one.geometry for one in posts)
        sent = msgspec.json.encode([one.properties for one in readings]).decode()
        assert "Nguyễn" not in sent and "Hà" not in sent and "example" not in sent
        assert stage.figure("press_quiet").value == 0

        await stage.turn("rumour")
        await stage.ask("press")
        assert stage.figure("press_alerts").value == expected(stage, alert=True)
        first = stage.world.units[0].code
        told = [item for item in stage.folds["press"].by_unit[first].values() if item.properties["alert"]]
        assert len(told) >= 40

        await stage.turn("frozen")
        stage.later(hours=25)
        await stage.ask("press")
        assert (stage.figure("press_quiet").value, stage.figure("press_quiet").level) == (5, "bad")
        assert stage.figure("press_alerts").value == 0
        for way, say in (("login", "HTML"), ("entities", "entities")):
            await stage.turn(way)
            with pytest.raises(Untaken, match=say):
                await stage.ask("press")


async def test_one_of_the_feeds_has_always_posted_lately(tmp_path: Path) -> None:
    async with served("quang-nam", "press", tmp_path) as stage:
        for _ in range(7):
            stage.later(minutes=1)
            newest = max(next(stage.system.posts(number)).at for number in range(5))  # type: ignore[attr-defined]
            assert stage.world.now - newest < timedelta(seconds=75)
