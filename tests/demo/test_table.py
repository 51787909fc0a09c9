"""The table of the provinces' systems says what is there: source, adapter, layer, tiles, screen and test of each."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ioc import catalog
from ioc.demo import SYSTEMS_KEY, run
from ioc.settings import Settings, load, screens_folder

HERE = Path(run.__file__).parent
ROOT = HERE.parents[1]
PATTERN = re.compile(r"^\| (quang-nam|phu-yen|tay-ninh|nghe-an) \|(.*)\|$", re.MULTILINE)


class Row(NamedTuple):
    province: str
    system: str
    source: str
    adapter: str
    layers: list[str]
    tiles: list[str]
    screen: str
    tests: list[str]


def rows() -> list[Row]:
    found = []
    for province, rest in PATTERN.findall((HERE / "systems.md").read_text(encoding="utf-8")):
        system, source, adapter, layers, tiles, screen, tests = (cell.strip() for cell in rest.split("|"))
        bare = [[name.strip(" `") for name in cell.split(",") if name.strip()] for cell in (layers, tiles, tests)]
        found.append(Row(province, system, source.strip("`"), adapter.strip("`"), bare[0], bare[1], screen, bare[2]))
    return found


@cache
def settings(province: str) -> Settings:
    return load(run.PROVINCES[province], {SYSTEMS_KEY: "khoa-cua-phep-thu"})


def shown(screen: str) -> set[str]:
    """Tiles and layers of a screen, by its path below the provinces' screens, or of those that all have."""
    province, _, name = screen.partition("/")
    own = HERE / "screens" / province / f"{name}.toml"
    told: dict[str, Any] = tomllib.loads(
        (own if own.is_file() else screens_folder(None, HERE) / f"{name}.toml").read_text("utf-8")
    )
    layers = [*told.get("map", {}).get("layers", ()), *told.get("map", {}).get("inset", {}).get("layers", ())]
    return {tile["tile"] for tile in told.get("tiles", ())} | set(layers)


LEAST = {"quang-nam": 40, "tay-ninh": 20, "phu-yen": 15, "nghe-an": 20}
"""Tiles that a province's own screens show at least; the four words do not count."""


@pytest.mark.parametrize("province", LEAST)
def test_the_screens_of_a_province_show_so_many_different_tiles(province: str) -> None:
    screens = sorted((HERE / "screens" / province).glob("*.toml"))
    told = [tomllib.loads(path.read_text(encoding="utf-8")) for path in screens]
    tiles = {tile["tile"] for screen in told for tile in screen.get("tiles", ())} - {"dung", "du", "sach", "song"}
    print(f"{province}: {len(tiles)} tiles on {len(told)} screens")
    assert len(tiles) >= LEAST[province]
    assert tiles <= {tile.name for tiles in catalog.shown(settings(province)).values() for tile in tiles}


def test_the_table_has_each_system_once() -> None:
    assert len(rows()) >= 30
    assert len({(row.province, row.system) for row in rows()}) == len(rows())


@pytest.mark.parametrize(
    "row", rows(), ids=lambda row: f"{row.province}-{row.source}-{row.tiles[0] if row.tiles else ''}"
)
def test_a_system_is_where_the_table_says(row: Row) -> None:
    told = settings(row.province)
    assert told.sources[row.source].adapter == row.adapter
    assert told.sources[row.source].contract.owner, "somebody answers for it"
    tiles = {tile.name: tile.over for tiles in catalog.shown(told).values() for tile in tiles}
    assert set(row.layers) <= {layer.name for layer in catalog.shown(told)}
    assert row.tiles and all(name in tiles for name in row.tiles)
    assert any(told.sources[row.source].events & catalog.layer(name).listens for name in row.layers)
    assert row.screen, "it has no place on a screen"
    assert set(row.tiles) & shown(row.screen), f"{row.screen} shows none of its tiles"
    assert all((ROOT / test).is_file() for test in row.tests) and row.tests


@pytest.mark.parametrize(
    "path", sorted((HERE / "screens").glob("*/*.toml")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_each_tile_of_a_wall_with_scenes_stands_in_one_of_them(path: Path) -> None:
    told: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    scenes = told.get("scenes", ())
    if told["kind"] == "wall" and scenes:
        named = {tile for scene in scenes for tile in scene.get("tiles", ())}
        assert {one["tile"] for one in told.get("tiles", ())} <= named, "a tile that nobody would ever see"
