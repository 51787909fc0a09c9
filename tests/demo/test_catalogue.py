"""Nghệ An's catalogue of shared databases: data sets go their way, and each way to break it is seen on its tiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.errors import SourceRefused
from tests.demo.staged import Served, served

TILES = ("datasets_shared", "datasets_waiting", "datasets_appraised", "datasets_stuck", "datasets_unowned")


def values(stage: Served) -> tuple[int, ...]:
    return tuple(int(stage.figure(name).value or 0) for name in TILES)


async def test_data_sets_go_on_step_by_step(tmp_path: Path) -> None:
    async with served("nghe-an", "catalogue", tmp_path) as stage:
        assert len(await stage.ask("catalogue")) == 214 and stage.asides == []
        assert values(stage) == (128, 55, 31, 15, 6)
        shared = stage.figure("datasets_shared")
        assert shared.of == 214
        assert [part["value"] for part in shared.parts or ()] == [55, 31, 128], "the way, in its order"
        stage.later(seconds=91)
        await stage.turn()
        await stage.ask("catalogue")
        assert values(stage)[:3] == (128, 54, 32), "one was appraised"
        stage.later(seconds=90)
        await stage.turn()
        await stage.ask("catalogue")
        assert values(stage)[:3] == (129, 54, 31), "one was shared"
        stuck = stage.figure("datasets_stuck")
        assert stuck.level is None and stuck.why is not None and "Cơ sở dữ liệu mẫu" in stuck.why and "từ" in stuck.why


async def test_each_break_is_seen(tmp_path: Path) -> None:
    async with served("nghe-an", "catalogue", tmp_path) as stage:
        await stage.ask("catalogue")
        await stage.turn("withdrawn")
        await stage.ask("catalogue")
        unowned = stage.figure("datasets_unowned")
        assert int(unowned.value or 0) > 14 and unowned.level == "bad"
        assert int(stage.figure("datasets_shared").value or 0) < 128

        await stage.turn("stands")
        stage.later(minutes=30)
        await stage.ask("catalogue")
        stuck = stage.figure("datasets_stuck")
        assert (stuck.value, stuck.level) == (55, "bad") and stuck.parts
        assert values(stage)[:3] == (128, 55, 31), "nothing moves"

        await stage.turn("withheld")
        assert len(await stage.ask("catalogue")) == 174
        tally = await stage.adapter("catalogue").tally()
        assert tally is not None and tally.count == 214, "what the matrix compares"
        assert stage.figure("datasets_shared").of == 174

        await stage.turn("codes")
        await stage.ask("catalogue")
        assert len(stage.asides) == 21 and {one.reason for one in stage.asides} == {"unknown_code"}
        await stage.turn("columns")
        assert await stage.ask("catalogue") == []
        assert len(stage.asides) == 214 and {one.reason for one in stage.asides} == {"missing_field"}
        await stage.turn("token")
        with pytest.raises(SourceRefused):
            await stage.ask("catalogue")


async def test_what_stood_still_is_not_made_up_for(tmp_path: Path) -> None:
    async with served("nghe-an", "catalogue", tmp_path) as stage:
        await stage.ask("catalogue")
        await stage.turn("stands")
        stage.later(hours=1)
        await stage.turn("stands")
        await stage.turn()
        await stage.ask("catalogue")
        assert values(stage) == (128, 55, 31, 15, 6)
        stage.later(seconds=90)
        await stage.turn()
        await stage.ask("catalogue")
        assert values(stage)[:3] != (128, 55, 31)
