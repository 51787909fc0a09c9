"""Tây Ninh Smart: notices by channel, warnings, channels that are quiet, and the reports of the app; then broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.demo.systems.smart import CHANNELS, FLOOD, SHOWN
from ioc.errors import SourceDown
from tests.demo.staged import served


async def test_notices_by_channel_and_broken(tmp_path: Path) -> None:
    async with served("tay-ninh", "smart", tmp_path) as stage:
        readings = await stage.ask("smart_notices")
        assert len(readings) == len(CHANNELS) * (SHOWN + 1) and stage.asides == []
        notices, urgent = stage.figure("smart_notices"), stage.figure("smart_urgent")
        # one each 90, 60 and 45 minutes
        assert 16 + 24 + 32 - 3 <= int(notices.value or 0) <= 16 + 24 + 32 + 3
        assert {part["label"] for part in notices.parts or []} == {name for name, _, _ in CHANNELS}
        assert 0 < int(urgent.value or 0) < int(notices.value or 0)
        assert (stage.figure("smart_quiet").value, stage.figure("smart_quiet").of) == (0, 3)
        placed = [item for item in stage.folds["press"].items.values() if item.properties.get("unit")]
        assert placed and not any("title" in item.properties for item in placed)

        await stage.turn("storm")
        await stage.ask("smart_notices")
        assert int(stage.figure("smart_urgent").value or 0) == int(urgent.value or 0) + FLOOD
        assert stage.figure("smart_urgent").level == "warn"

        await stage.turn("login")
        with pytest.raises(SourceDown) as failed:
            await stage.ask("smart_notices")
        assert failed.value.say.count("sent an HTML page") == 1, "three feeds of one host, told once"

        await stage.turn("frozen")
        stage.later(seconds=30)
        await stage.ask("smart_notices")
        assert stage.figure("smart_quiet").value == 3, "a feed that goes back two days is as quiet as it says"
        assert stage.figure("smart_quiet").level == "bad"

        await stage.turn()
        stage.later(seconds=30)
        await stage.ask("smart_notices")
        assert stage.figure("smart_quiet").value == 0

    (again := tmp_path / "again").mkdir()
    async with served("tay-ninh", "smart", again) as stage:
        await stage.turn("frozen")
        await stage.ask("smart_notices")
        assert (stage.figure("smart_notices").value, stage.figure("smart_quiet").value) == (0, 3)
