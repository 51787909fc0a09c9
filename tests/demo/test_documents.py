"""Phú Yên's document axis: 252 bodies, every document electronic and signed, worked out again; then broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.demo.offices import BODIES
from tests.demo.staged import TEN, Served, served


async def later(stage: Served) -> None:
    """Ten minutes go by, and the axis is asked."""
    stage.later(minutes=10)
    await stage.take("document_axis")


async def test_the_axis_at_its_published_size_and_broken(tmp_path: Path) -> None:
    async with served("phu-yen", "documents", tmp_path, now=TEN, seed=54) as stage:
        taken = await stage.take("document_axis")
        told = [event for event in stage.events if event.type == "ioc.document.sent"]
        print(f"documents: {taken.records} records = {taken.told} events, {len(told)} of them documents")
        assert len(told) == 2 * BODIES and taken.set_aside == 0
        assert {"documents", "overview"} <= {path.stem for path in stage.settings.screens.glob("*.toml")}
        assert stage.figure("documents_bodies").value == BODIES == 252
        assert [stage.figure(name).value for name in ("documents_electronic", "documents_verified")] == [100, 100]
        assert (stage.figure("documents_verified").parts or [])[0]["value"] == 2 * BODIES
        flow, stuck = stage.figure("documents_flow"), stage.figure("documents_stuck")
        assert flow.value == 504 and sum(part["value"] for part in flow.parts or []) == 504
        assert 0 < int(stuck.value or 0) < int(stuck.of or 0) and stuck.parts

        for way, tile in (("unsigned", "documents_verified"), ("paper", "documents_electronic")):
            stage.system.broken = {way}
            await later(stage)
            figure = stage.figure(tile)
            assert float(figure.value or 0) < 100 and figure.level in ("warn", "bad"), way
        stage.system.broken = {"forged"}
        await later(stage)
        assert (stage.figure("documents_verified").parts or [])[2]["value"] >= 29
        stage.system.broken = {"frozen"}
        await stage.take("document_axis")
        stage.later(minutes=10)
        assert (await stage.take("document_axis")).told == 0


@pytest.mark.parametrize(("way", "reason"), [("code", "unknown_code"), ("half", "retyped")])
async def test_packages_that_cant_be_read_are_set_aside(way: str, reason: str, tmp_path: Path) -> None:
    async with served("phu-yen", "documents", tmp_path, now=TEN, seed=54) as stage:
        stage.system.broken = {way}
        taken = await stage.take("document_axis")
        assert set(taken.reasons) == {reason} and taken.set_aside > 500
