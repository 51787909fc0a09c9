"""Phú Yên's reform index, worked out of a dropped table; then revised, silent, low, and told by another set."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.demo.systems.par import DEPARTMENTS, FIELDS, NEXT, SET, Par
from tests.demo.held import refused
from tests.demo.staged import Served, served

pytestmark = pytest.mark.usefixtures("still")


async def broken(stage: Served, *ways: str) -> None:
    await stage.turn(*ways)
    await stage.ask("par")


async def test_the_index_of_province_departments_and_communes(tmp_path: Path) -> None:
    async with served("phu-yen", "par", tmp_path) as stage:
        assert isinstance(stage.system, Par)
        readings = await stage.ask("par")
        communes, fields = len(stage.world.units), len(FIELDS)
        assert len(readings) == 3 * (1 + fields + len(DEPARTMENTS)) + len(DEPARTMENTS) * fields + communes
        assert stage.asides == []
        score, rank = stage.figure("par_score"), stage.figure("par_rank")
        parts = [part["value"] for part in score.parts or []]
        assert (len(parts), score.of, score.other, score.why) == (fields, 100, None, None)
        assert sum(parts) == pytest.approx(score.value, abs=0.011)
        assert (rank.value, rank.previous, rank.of, rank.trend) == (36, 38, 63, {"by": -2, "over": "P1Y"})
        mean = stage.figure("par_departments")
        assert (mean.have, mean.expect) == (len(DEPARTMENTS), 19) and mean.previous is not None
        # communes were graded for the first time: there is no line to draw
        first = stage.figure("par_communes")
        assert (first.have, first.expect, first.previous) == (communes, 34, None)
        by_unit = {item.properties.get("unit") for item in stage.folds["par"].items.values()} - {None}
        assert by_unit == {unit.code for unit in stage.world.units}
        # of three years two are by this set: the first is never its line
        assert stage.figure("par_score").have == 2

        await broken(stage, "revised")
        revised = stage.figure("par_score")
        assert float(revised.value or 0) == pytest.approx(float(score.value or 0) - 6.5, abs=0.011)
        assert revised.other and revised.level in ("warn", "bad") and "Cộng điểm" in str(revised.why)

        await broken(stage, "low")
        low, fewer = stage.figure("par_departments_low"), stage.figure("par_departments")
        assert (low.value, low.of, low.level) == (7, 19, "warn") and len(low.parts or []) == 3
        assert float(fewer.value or 0) < float(mean.value or 0) - 2

        await broken(stage, "silent")
        assert (stage.figure("par_departments").have, stage.figure("par_departments").previous) == (10, None)
        assert int(stage.figure("par_communes").have or 0) < communes

        await broken(stage)
        assert stage.figure("par_score").value == score.value


async def test_no_line_goes_through_a_new_set_of_criteria(tmp_path: Path) -> None:
    async with served("phu-yen", "par", tmp_path) as stage:
        await stage.ask("par")
        before = stage.figure("par_score")
        await broken(stage, "newset")
        after = stage.figure("par_score")
        assert isinstance(stage.system, Par)
        said = f"Từ năm {stage.system.last} tính theo bộ tiêu chí {NEXT}, không so được với bộ {SET}."
        assert (after.value, after.why) == (before.previous, said)
        assert after.previous is None, "the year before was told by an older set"
        assert stage.figure("par_departments").why == said
        assert stage.figure("par_communes").value is None


async def test_a_table_without_points_is_not_taken(tmp_path: Path) -> None:
    async with served("phu-yen", "par", tmp_path) as stage:
        await stage.turn("schema")
        await refused(stage, "par", "Điểm")
