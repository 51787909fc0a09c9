"""The certificates of two provinces: counted by their end, held against what was announced, and never by name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from ioc import checks, clock
from ioc.demo.systems.certificates import BATCH, SLIPPED
from ioc.errors import SourceRefused, Untaken
from tests.demo.staged import Served, served


def check(stage: Served) -> checks.Result:
    figure = msgspec.to_builtins(stage.figure("ca_certificates"))
    seen = checks.Seen({"ca_certificates": {"all": figure}}, {})
    return checks.results(stage.settings.checks, seen, {}, stage.now, {})["ca_announced"]


def expiring(stage: Served, days: int) -> int:
    """How many are valid and end within so many days, counted from what the authority has."""
    ends = [one.until for one in stage.system.all() if one.state == 1]  # type: ignore[attr-defined]
    today = stage.now.astimezone(clock.ZONE).date()
    return sum(today <= until < today + timedelta(days=days) for until in ends)


async def test_quang_nam(tmp_path: Path) -> None:
    async with served("quang-nam", "certificates", tmp_path) as stage:
        readings = await stage.ask("ca")
        assert (len(readings), stage.asides) == (1_392, [])
        told = check(stage)
        assert told["ok"] is False, "1,392 are not over 1,500, and the check says so on day one"
        assert (told["left"]["value"], told["left"]["parts"], told["right"]["value"]) == (1_392, [487, 905], 1_500)
        for days in (30, 60, 90):
            assert stage.figure(f"ca_expiring_{days}").value == expiring(stage, days) > 0
        sent = msgspec.json.encode([one.properties for one in readings]).decode()
        assert "Văn" not in sent and "54000" not in sent

        before = int(stage.figure("ca_expiring_30").value or 0)
        await stage.turn("batch")
        await stage.ask("ca")
        now = stage.figure("ca_expiring_30")
        assert int(now.value or 0) > before + BATCH // 2 and now.level == "bad"
        stage.later(days=8)
        assert int(stage.figure("ca_expiring_30").value or 0) < BATCH

        await stage.turn("slipped")
        assert len(await stage.ask("ca")) == 1_392 - SLIPPED and len(stage.asides) == SLIPPED
        for one in stage.asides:
            assert one.reason == "unknown_code" and one.raw is None and one.code is None and "Văn" not in one.say
        assert stage.figure("ca_certificates").value == 1_392 - SLIPPED
        await stage.turn("columns")
        with pytest.raises(Untaken, match="Hết hạn"):
            await stage.ask("ca")
        await stage.turn("closed")
        with pytest.raises(SourceRefused):
            await stage.ask("ca")


async def test_nghe_an(tmp_path: Path) -> None:
    async with served("nghe-an", "certificates", tmp_path) as stage:
        assert len(await stage.ask("ca")) == 4_102
        assert check(stage)["ok"] is True
        assert stage.figure("ca_expiring_90").value == expiring(stage, 90)
