"""Nghệ An's plan 586 and Tây Ninh's index: the published figures, worked out of their tables; then broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.errors import SourceDown
from ioc.intake import Taken
from tests.demo.staged import TEN, Served, served

PUBLISHED = {
    "targets_government": (8, 11), "targets_economy": (2, 6), "targets_society": (1, 3), "tasks_base": (15, 18),
    "tasks_government": (4, 6), "tasks_economy": (5, 5), "tasks_society": (2, 9), "targets_burn_up": (37, 58),
}  # fmt: skip


async def broken(stage: Served, source: str, *ways: str) -> Taken:
    """The table comes anew, with these ways to break it, and is read."""
    await stage.turn(*ways)
    return await stage.take(source)


def quick(stage: Served, source: str) -> None:
    """A file is complete at once: nothing here waits for it to stand still."""
    stage.adapter(source).dropped.settle_s = 0  # type: ignore[attr-defined]


async def test_plan_586_as_published_and_broken(tmp_path: Path) -> None:
    async with served("nghe-an", "targets", tmp_path, now=TEN, seed=54) as stage:
        quick(stage, "plan_586")
        taken = await stage.take("plan_586")
        print(f"plan 586: {taken.records} records = {taken.told} events + {taken.set_aside} set aside")
        assert (taken.told, taken.set_aside) == (58, 0)
        figures = {name: stage.figure(name) for name in PUBLISHED}
        assert {name: (one.value, one.of) for name, one in figures.items()} == PUBLISHED
        assert [figures[name].level for name in ("targets_society", "tasks_base", "tasks_economy")] == [
            "bad", None, None,
        ]  # fmt: skip
        burnt = [part["value"] for part in figures["targets_burn_up"].parts or []]
        assert burnt == sorted(burnt) and 0 < burnt[0] < burnt[-1] <= 37
        await broken(stage, "plan_586", "evidence")
        lacking = stage.figure("targets_government")
        assert (lacking.value, lacking.why) == (5, "3 mục báo xong mà chưa có minh chứng.")
        await broken(stage, "plan_586", "reopened")
        assert (stage.figure("targets_government").value, stage.figure("tasks_base").value) == (8, 10)
        assert (await broken(stage, "plan_586", "code")).reasons == {"unknown_code": 9}
        with pytest.raises(SourceDown, match="Trạng thái"):
            await broken(stage, "plan_586", "schema")


async def test_the_index_as_published_and_never_across_a_break(tmp_path: Path) -> None:
    async with served("tay-ninh", "dti", tmp_path, now=TEN, seed=54) as stage:
        quick(stage, "dti")
        taken = await stage.take("dti")
        assert (taken.told, taken.set_aside) == (20, 0)
        score, rank = stage.figure("dti_score"), stage.figure("dti_rank")
        assert (score.value, score.target, score.level, score.why) == (0.3426, 0.4595, "warn", None)
        growth = stage.figure("dti_growth")
        assert growth.value == 27.55 and round(float(growth.target or 0), 1) == 32.7 and growth.level == "warn"
        assert (score.previous, stage.figure("dti_country").value) == (0.2686, 0.4595)
        assert (rank.value, rank.previous, rank.of, rank.trend) == (44, 46, 63, {"by": -2, "over": "P1Y"})
        assert stage.figure("dti_workforce").value == 54
        pillars = [part["value"] for part in score.parts or []]
        assert len(pillars) == 8 and abs(sum(pillars) / 8 - 0.3426) < 0.001
        await broken(stage, "dti", "newset")
        after = stage.figure("dti_rank")
        assert (after.value, after.trend) == (rank.value, rank.trend)
        assert after.why == "Từ năm 2022 tính theo bộ chỉ số 922, không so được với bộ 1726."
        await broken(stage, "dti", "revised")
        assert stage.figure("dti_score").value == 0.2926
