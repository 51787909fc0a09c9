"""The sharing platforms of Nghệ An and Quảng Nam: asked by the real adapter, and broken in each of their ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.errors import SourceDown, SourceRefused
from tests.demo.staged import TEN, served


@pytest.mark.parametrize(("province", "apis"), [("nghe-an", 4), ("quang-nam", 6)])
async def test_the_platform_of_a_province_shows_its_apis_and_their_calls(
    province: str, apis: int, tmp_path: Path
) -> None:
    async with served(province, "sharing", tmp_path, now=TEN, seed=54) as stage:
        taken = await stage.take("lgsp")
        print(f"{province}: {taken.records} records = {taken.told} events + {taken.set_aside} set aside")
        assert (taken.told, taken.set_aside) == (apis, 0)
        alive, calls = stage.figure("apis_alive"), stage.figure("apis_calls_today")
        assert (alive.value, alive.of, alive.level) == (apis, apis, None)
        assert isinstance(calls.value, int) and calls.value > 500
        assert 0 < float(stage.figure("apis_failed").value or 0) < 2
        stage.later(hours=1)
        await stage.take("lgsp")
        assert int(stage.figure("apis_calls_today").value or 0) > calls.value
        stage.later(days=1)
        assert stage.figure("apis_calls_today").value is None


async def test_one_api_that_does_not_answer_is_named_with_its_owner(tmp_path: Path) -> None:
    async with served("nghe-an", "sharing", tmp_path, now=TEN, seed=54) as stage:
        stage.system.broken.add("one")
        await stage.take("lgsp")
        alive = stage.figure("apis_alive")
        assert (alive.value, alive.of, alive.level) == (3, 4, "warn")
        assert alive.parts == [{"label": "Hộ tịch, lý lịch tư pháp (Bộ Tư pháp)", "value": 0}]
        assert alive.why is not None and "HTTP 503" in alive.why
        stage.system.broken.clear()
        await stage.take("lgsp")
        assert stage.figure("apis_alive").value == 4


async def test_the_platform_broken_in_its_ways(tmp_path: Path) -> None:
    async with served("nghe-an", "sharing", tmp_path, now=TEN, seed=54) as stage:
        before = await stage.take("lgsp")
        stage.system.broken.add("expired")
        assert (await stage.take("lgsp")).records == before.records
        stage.system.broken = {"frozen"}
        await stage.take("lgsp")
        stands = stage.figure("apis_calls_today").value
        stage.later(minutes=30)
        assert (await stage.take("lgsp")).told == 0 and stage.figure("apis_calls_today").value == stands
        stage.system.broken = {"schema"}
        taken = await stage.take("lgsp")
        assert (taken.set_aside, taken.reasons) == (4, {"missing_field": 4})
        stage.system.broken = {"page"}
        with pytest.raises(SourceDown, match="HTTP 500"):
            await stage.take("lgsp")
        stage.system.broken = {"token"}
        with pytest.raises(SourceRefused, match="refused the key"):
            await stage.take("lgsp")


async def test_each_of_the_four_apis_is_seen_by_its_name(tmp_path: Path) -> None:
    names = ("api_justice", "api_planning", "api_insurance", "api_budget")
    async with served("nghe-an", "sharing", tmp_path, now=TEN, seed=54) as stage:
        await stage.take("lgsp")
        calls = {name: int(stage.figure(name).value or 0) for name in names}
        assert all(calls.values()) and sum(calls.values()) == stage.figure("apis_calls_today").value
        assert {stage.figure(name).level for name in names} == {None}
        stage.system.broken.add("one")
        await stage.take("lgsp")
        assert [stage.figure(name).level for name in names] == ["bad", None, None, None]
        why = stage.figure("api_justice").why
        assert why is not None and "Bộ Tư pháp" in why and "HTTP 503" in why
        stage.later(days=1)
        assert {stage.figure(name).value for name in names} == {None}, "yesterday's calls are none of today"
