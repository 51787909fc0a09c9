"""The pilots of four towns: what breaks in one town is seen there and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc import names
from ioc.demo.systems.towns import TOWNS, Towns
from ioc.errors import SourceRefused
from tests.demo.staged import Served, served

SOURCES = {
    "tam_ky": "tam_ky__lights",
    "hoi_an": "hoi_an__parking",
    "dien_ban": "dien_ban__dust",
    "nui_thanh": "nui_thanh__flood",
}


def value(stage: Served, tile: str) -> float:
    found = stage.figure(tile).value
    assert isinstance(found, int | float), tile
    return found


async def asked(stage: Served) -> None:
    for source in SOURCES.values():
        await stage.ask(source)


async def test_each_town_has_a_layer_of_its_own(tmp_path: Path) -> None:
    async with served("quang-nam", "towns", tmp_path) as stage:
        assert isinstance(stage.system, Towns)
        await asked(stage)
        for town, source in SOURCES.items():
            items = stage.folds[f"{town}__stations"].items
            assert len(items) == TOWNS[town].many == stage.settings.sources[source].contract.expect
            assert {item.properties["source"] for item in items.values()} == {source}
            assert all(item.geometry and item.properties["state"] == "live" for item in items.values())
        assert stage.folds["stations"].items == {}, "what is a town's is not among the province's"
        owners = {names.tenant(name) for name in stage.settings.sources}
        assert owners == {None, *stage.settings.tenants} == {None, *SOURCES}


async def test_what_breaks_in_one_town_is_seen_there(tmp_path: Path) -> None:
    watched = ("tam_ky__lamps_out", "hoi_an__places_free", "dien_ban__dust", "nui_thanh__depth")
    async with served("quang-nam", "towns", tmp_path) as stage:
        await asked(stage)
        dark = value(stage, "tam_ky__lamps_out")
        assert value(stage, "hoi_an__places_free") > 100
        assert value(stage, "dien_ban__out") == value(stage, "nui_thanh__flooded") == 0

        before = [value(stage, tile) for tile in watched]
        stage.later(minutes=30)
        await asked(stage)
        assert [value(stage, tile) for tile in watched[:3]] != before[:3], "they move"

        for way, tile, bad in (
            ("dark", "tam_ky__lamps_out", 300), ("full", "hoi_an__places_free", 0),
            ("smoke", "dien_ban__dust", 90), ("cloudburst", "nui_thanh__depth", 40),
        ):  # fmt: skip
            await stage.turn(way)
            stage.later(minutes=2)
            await asked(stage)
            figure = stage.figure(tile)
            assert figure.level == "bad" and value(stage, tile) >= bad
            others = [stage.figure(other).level for other in watched if other != tile]
            assert "bad" not in others, f"{way} is of one town"
        assert value(stage, "nui_thanh__flooded") == TOWNS["nui_thanh"].many
        await stage.turn("dark")
        stage.later(minutes=2)
        await asked(stage)
        assert value(stage, "tam_ky__cabinets_out") >= TOWNS["tam_ky"].many // 3 and value(stage, watched[0]) > dark

        await stage.turn("silent")
        stage.later(minutes=30)
        await asked(stage)
        silent = {town: value(stage, f"{town}__silent") for town in SOURCES}
        assert silent == {town: TOWNS[town].many // 2 for town in SOURCES}
        await stage.turn("expired")
        with pytest.raises(SourceRefused):
            await stage.ask(SOURCES["hoi_an"])
        assert await stage.ask(SOURCES["dien_ban"]), "another town's key is another"
