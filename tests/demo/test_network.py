"""The network of three provinces: real doors that are asked, broken and mended; each figure moves with them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from ioc.errors import SourceDown
from ioc.reach import Sites
from tests.demo.staged import Served, served


async def ask(stage: Served, *sources: str) -> None:
    """Twice, because a site is down after two failures; every site is due, however short ago it was asked."""
    for source in sources:
        sites: Sites = stage.adapter(source).sites  # type: ignore[attr-defined]
        sites.reach = msgspec.structs.replace(sites.reach, rate=10_000, budget_s=60)
        for _ in range(2):
            sites._next.clear()
            await stage.ask(source)


def used(stage: Served) -> list[int]:
    """What the list says that each line carries, in % of what it could; the figure must be their mean."""
    told = [stage.system.used(site) for site in stage.system.sites["wan"]]  # type: ignore[attr-defined]
    shown = stage.figure("wan_used").value
    assert isinstance(shown, int | float) and abs(shown - sum(told) / len(told)) <= 0.5
    return told


async def test_quang_nam(tmp_path: Path) -> None:
    async with served("quang-nam", "network", tmp_path) as stage:
        await ask(stage, "wan", "conference", "portals", "mail")
        up = {name: stage.figure(name) for name in ("wan_up", "points_up", "portals_down", "portals_quiet")}
        assert (up["wan_up"].of, up["points_up"].of, up["portals_down"].of) == (58, 36, 19)
        lines = stage.system.sites["wan"]  # type: ignore[attr-defined]
        assert up["wan_up"].value == sum(stage.system.up(site) for site in lines)  # type: ignore[attr-defined]
        told = used(stage)
        assert stage.figure("tls_expiring").value == 0
        assert all(item.geometry for item in stage.folds["networks"].items.values() if item.id.startswith("wan/"))

        await stage.turn("ring", "posts", "expired")
        stage.later(seconds=240)
        await ask(stage, "wan", "conference", "portals", "mail")
        assert 20 <= int(stage.figure("wan_up").value or 0) <= 29 and stage.figure("wan_up").level == "bad"
        assert int(stage.figure("points_up").value or 0) <= 18
        quiet, before = stage.figure("portals_quiet").value, up["portals_quiet"].value
        assert isinstance(quiet, int) and isinstance(before, int) and quiet > before
        assert (stage.figure("tls_expiring").value, stage.figure("tls_expiring").level) == (2, "bad")
        # the mean of so many lines can be the same again, their figures can't
        assert used(stage) != told

        await stage.turn("list")
        with pytest.raises(SourceDown, match="503"):
            await stage.ask("wan")
        await stage.turn("schema")
        await stage.ask("wan")
        assert {one.reason for one in stage.asides} == {"missing_field"} and len(stage.asides) == 58


async def test_a_certificate_comes_nearer_to_its_end_by_itself(tmp_path: Path) -> None:
    async with served("phu-yen", "network", tmp_path) as stage:
        await ask(stage, "data_centre")
        assert (stage.figure("centre_up").of, stage.figure("tls_expiring").value) == (9, 0)
        for fold in stage.folds.values():
            fold.wake(stage.now + timedelta(days=171))
        assert stage.figure("tls_expiring").value == 1


async def test_nghe_an(tmp_path: Path) -> None:
    async with served("nghe-an", "network", tmp_path) as stage:
        await ask(stage, "portals", "conference")
        assert (stage.figure("portals_down").of, stage.figure("points_up").of) == (52, 26)
        assert stage.figure("bodies_up").value is None
        assert stage.figure("tls_expiring").value == 0
        await stage.turn("expired")
        await ask(stage, "portals")
        assert (stage.figure("tls_expiring").value, stage.figure("tls_expiring").level) == (1, "warn")
        await ask(stage, "bodies")
        assert stage.figure("bodies_up").of == 823
        up = sum(stage.system.up(site) for site in stage.system.sites["bodies"])  # type: ignore[attr-defined]
        assert stage.figure("bodies_up").value == up
