"""Lists that departments drop as they change: villages, people, systems and mailboxes; each figure moves with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.demo.held import refused
from tests.demo.staged import served

pytestmark = pytest.mark.usefixtures("still")


async def test_villages_of_nghe_an(tmp_path: Path) -> None:
    async with served("nghe-an", "coverage", tmp_path) as stage:
        await stage.ask("villages")
        covered = stage.figure("villages_covered")
        assert (covered.value, covered.of, stage.figure("villages_missing").value) == (3_743, 3_806, 63)
        assert stage.figure("villages_share").value == 98.3
        placed = [item for item in stage.folds["coverage"].items.values() if item.geometry]
        assert len(placed) == 63 and {item.properties["state"] for item in placed} == {"never"}

        await stage.turn("storm")
        await stage.ask("villages")
        assert (stage.figure("villages_covered").value, stage.figure("villages_missing").level) == (3_603, "bad")
        await stage.turn("codes")
        assert await stage.ask("villages") == [] and {one.reason for one in stage.asides} == {"unknown_code"}
        await stage.turn("columns")
        await refused(stage, "villages", "Băng rộng")


async def test_it_staff_of_nghe_an(tmp_path: Path) -> None:
    async with served("nghe-an", "people", tmp_path) as stage:
        await stage.ask("staff")
        staff = stage.figure("it_staff")
        assert staff.value == 55
        assert staff.parts == [{"label": "Sở, ngành", "value": 39}, {"label": "Cấp xã", "value": 16}]
        from ioc import checks

        def check() -> Any:
            seen = checks.Seen({"it_staff": {"all": msgspec.to_builtins(stage.figure("it_staff"))}}, {})
            return checks.results(stage.settings.checks, seen, {}, stage.now, {})["it_staff_announced"]["ok"]

        assert check() is True
        gaps = int(stage.figure("it_gaps").value or 0)
        await stage.turn("left")
        await stage.ask("staff")
        assert stage.figure("it_staff").value == 46 and int(stage.figure("it_gaps").value or 0) > gaps
        assert check() is False


async def test_csirt_of_phu_yen(tmp_path: Path) -> None:
    async with served("phu-yen", "people", tmp_path) as stage:
        await stage.ask("csirt")
        members, gaps = (int(stage.figure(name).value or 0) for name in ("csirt_members", "csirt_gaps"))
        assert members + gaps == 11
        await stage.turn("left")
        await stage.ask("csirt")
        assert stage.figure("csirt_members").value == members - 9
        assert (stage.figure("csirt_gaps").value, stage.figure("csirt_gaps").level) == (gaps + 9, "bad")
        await stage.turn("columns")
        await refused(stage, "csirt", "Có")


async def test_mailboxes_and_ipv6_of_quang_nam(tmp_path: Path) -> None:
    async with served("quang-nam", "services", tmp_path) as stage:
        await stage.ask("mailboxes")
        await stage.ask("ipv6")
        boxes, share = stage.figure("mailboxes"), stage.figure("ipv6_share")
        assert 29_800 <= int(boxes.value or 0) <= 29_900 and boxes.have == share.have == 58
        assert 20 < float(share.value or 0) < 60

        stage.later(minutes=10)
        await stage.turn("moved")
        await stage.ask("mailboxes")
        await stage.ask("ipv6")
        assert int(stage.figure("mailboxes").value or 0) == int(boxes.value or 0) + 10
        assert stage.figure("ipv6_share").value == 100

        stage.later(minutes=10)
        await stage.turn("half")
        await stage.ask("mailboxes")
        assert stage.figure("mailboxes").have == 29
