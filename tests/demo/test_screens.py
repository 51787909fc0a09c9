"""The screens that each province's demo shows are of that province: what lies on their maps, and what stands beside."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shapely

from ioc.demo import run
from ioc.geo.units import Units
from ioc.settings import load, screens_folder


def shown(province: str, folder: Path) -> dict[str, dict[str, Any]]:
    """The screens of a demo, by name, as they lie in its data folder."""
    run.settings(province, folder, run.free_ports(province))
    found = sorted((folder / "screens").glob("*.toml"))
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in found}


def boxes(screen: dict[str, Any]) -> Iterator[list[float]]:
    """What its maps show: as west, south, east, north."""
    for part in (screen.get("map", {}), screen.get("map", {}).get("inset", {}), *screen.get("scenes", ())):
        if "bbox" in part:
            yield part["bbox"]


@pytest.mark.parametrize("province", run.PROVINCES)
def test_every_map_shows_a_part_of_the_province(province: str, tmp_path: Path) -> None:
    screens = shown(province, tmp_path)
    settings = load(tmp_path / "ioc.toml")
    outline = shapely.geometry.shape(Units.load(settings.province, settings.folder).outline())
    assert outline.area > 0
    all_boxes = [(name, box) for name, screen in screens.items() for box in boxes(screen)]
    assert [(name, box) for name, box in all_boxes if not shapely.box(*box).intersects(outline)] == []


@pytest.mark.parametrize("province", run.PROVINCES)
def test_a_province_shows_its_own_screens_and_no_others(province: str, tmp_path: Path) -> None:
    screens = shown(province, tmp_path)
    own = {path.stem for path in (run.HERE / "screens" / province).glob("*.toml")}
    ours = {path.stem for path in screens_folder(None, tmp_path).glob("*.toml")}
    common = ours if province == "phu-yen" else {run.COMMON.removesuffix(".toml")}
    assert screens.keys() == own | common
    kinds = {name: (one["kind"], one.get("density")) for name, one in screens.items()}
    assert kinds["tablet"] == ("tablet", None) and ("wall", "far") in kinds.values()
    assert any(kinds[name] == ("wall", None) for name in own)
