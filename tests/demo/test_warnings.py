"""The demo's warnings, asked by the real adapter as the part says: updates end the ones before, a typhoon is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.demo.systems.warnings import KINDS, SEA
from ioc.errors import SourceDown
from tests.demo.staged import served


async def test_warnings_stand_until_they_are_updated_or_cancelled(tmp_path: Path) -> None:
    async with served("quang-nam", "warnings", tmp_path) as stage:
        await stage.take("warnings")
        first = dict(stage.items("warnings"))
        assert len(first) == len(KINDS)
        told = stage.figure("warnings_open")
        assert (told.value, told.level) == (len(KINDS), "warn")
        assert sum(item.geometry is None for item in first.values()) == 1, "one says communes alone"

        stage.later(minutes=10)
        await stage.take("warnings")
        second = stage.items("warnings")
        assert len(second) == len(KINDS) and not set(first) & set(second)

        await stage.turn("typhoon")
        await stage.take("warnings")
        told = stage.figure("warnings_open")
        assert (told.value, told.level) == (len(KINDS) + 1, "bad")

        stage.later(minutes=1)
        await stage.turn("cancelled")
        await stage.take("warnings")
        assert stage.figure("warnings_open").value == 1, "the typhoon alone was not told to be over"


async def test_a_swapped_polygon_loses_its_area_and_not_the_warning(tmp_path: Path) -> None:
    async with served("quang-nam", "warnings", tmp_path) as stage:
        await stage.turn("swapped")
        await stage.take("warnings")
        items = stage.items("warnings")
        faulty = [item for item in items.values() if "area_fault" in item.properties]
        assert len(items) == len(KINDS) and len(faulty) == 2 and all(item.geometry is None for item in faulty)
        told = stage.figure("warnings_open")
        assert told.value == len(KINDS) and told.why is not None
        assert told.why.startswith("Không vẽ được vùng của 2 cảnh báo: ") and SEA.headline in told.why


async def test_what_stands_already_is_drawn_anew_when_it_is_mended(tmp_path: Path) -> None:
    async with served("quang-nam", "warnings", tmp_path) as stage:
        await stage.take("warnings")
        for way, blind in (("swapped", 2), (None, 0)):
            await stage.turn(*([way] if way else []))
            await stage.take("warnings")
            items = stage.items("warnings")
            assert sum("area_fault" in item.properties for item in items.values()) == blind
            assert len(items) == len(KINDS)


async def test_a_cut_feed_keeps_what_stood_and_is_said(tmp_path: Path) -> None:
    async with served("quang-nam", "warnings", tmp_path) as stage:
        await stage.take("warnings")
        await stage.turn("cut")
        with pytest.raises(SourceDown, match="breaks off"):
            await stage.take("warnings")
        assert stage.figure("warnings_open").value == len(KINDS)
