"""Quảng Nam's Qoffice at its published size, growing; and what is seen when it breaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ioc import checks
from ioc.intake import Taken
from tests.demo.staged import TEN, Served, served


def held(stage: Served, before: dict[str, checks.Result]) -> dict[str, checks.Result]:
    """The checks of Qoffice, over what stands now."""
    kept = {name: check for name, check in stage.settings.checks.items() if name.startswith("qoffice")}
    tiles: dict[str, Any] = {name: {"all": stage.shown(name)} for name in kept}
    return checks.results(kept, checks.Seen(tiles, {}), before, stage.now, {})


async def again(stage: Served, *ways: str) -> Taken:
    stage.later(minutes=10)
    await stage.turn(*ways)
    return await stage.take("qoffice")


async def test_qoffice_grows_and_what_is_lost_is_seen(tmp_path: Path) -> None:
    async with served("quang-nam", "qoffice", tmp_path, now=TEN, seed=54) as stage:
        taken = await stage.take("qoffice")
        assert (taken.told, taken.set_aside) == (59, 0)
        assert (stage.figure("qoffice_users").value, stage.figure("qoffice_documents").value) == (27_500, 5_800)
        before = held(stage, {})
        await again(stage)
        grown = float(stage.figure("qoffice_documents").value or 0)
        assert 5_800.01 < grown < 5_800.1
        after = held(stage, before)
        assert [one["ok"] for one in after.values()] == [True, True]
        assert (await again(stage, "frozen")).told == 0
        assert stage.figure("qoffice_documents").value == grown
        await again(stage, "lost", "fewer")
        fewer = held(stage, after)
        assert [one["ok"] for one in fewer.values()] == [False, False]
        assert 10_000 < int(stage.figure("qoffice_users").value or 0) < 18_000
