"""Nghệ An's iOffice on its four levels: it grows, and each way to break it is seen on its tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from ioc import checks
from ioc.errors import SourceDown
from tests.demo.staged import Served, served

LEVELS = ("ioffice_province", "ioffice_district", "ioffice_commune", "ioffice_unit")


def value(stage: Served, tile: str) -> int:
    return int(stage.figure(tile).value or 0)


def adds_up(stage: Served) -> Any:
    """What the check of the four levels says now."""
    tiles: dict[str, Any] = {
        name: {"all": msgspec.to_builtins(stage.figure(name))} for name in (*LEVELS, "ioffice_users")
    }
    return checks.results(stage.settings.checks, checks.Seen(tiles, {}), {}, stage.now, {})["ioffice_users"]["ok"]


async def test_four_levels_with_their_users_and_documents(tmp_path: Path) -> None:
    async with served("nghe-an", "ioffice", tmp_path) as stage:
        assert len(await stage.ask("ioffice")) == 823 and stage.asides == []
        bodies, users = stage.figure("ioffice_bodies"), stage.figure("ioffice_users")
        assert bodies.of == 823 and 780 < int(bodies.value or 0) < 823
        assert {part["label"] for part in users.parts or ()} == {
            "Cấp tỉnh", "Cấp huyện", "Cấp xã", "Đơn vị trực thuộc",
        }  # fmt: skip
        assert all(value(stage, name) > 1_000 for name in LEVELS)
        assert sum(value(stage, name) for name in LEVELS) == users.value and adds_up(stage) is True
        assert value(stage, "ioffice_quiet") == 0
        before = value(stage, "ioffice_documents")
        stage.later(minutes=10)
        await stage.turn()
        await stage.ask("ioffice")
        assert value(stage, "ioffice_documents") == before + 240


async def test_each_break_is_seen(tmp_path: Path) -> None:
    async with served("nghe-an", "ioffice", tmp_path) as stage:
        await stage.ask("ioffice")
        units, documents = value(stage, "ioffice_unit"), value(stage, "ioffice_documents")
        stage.later(minutes=1)
        await stage.turn("quiet")
        await stage.ask("ioffice")
        quiet = stage.figure("ioffice_quiet")
        assert 200 < int(quiet.value or 0) <= 230 and quiet.level == "bad"

        stage.later(minutes=1)
        await stage.turn("withheld")
        await stage.ask("ioffice")
        assert stage.figure("ioffice_unit").value is None and units > 0
        assert stage.figure("ioffice_bodies").level == "bad"
        tally = await stage.adapter("ioffice").tally()
        assert tally is not None and tally.count == 823 and len(stage.folds["offices"].items) == 521

        stage.later(minutes=1)
        await stage.turn("levels")
        await stage.ask("ioffice")
        assert len(stage.asides) == 302 and {one.reason for one in stage.asides} == {"unknown_code"}
        stage.later(minutes=1)
        await stage.turn("columns")
        with pytest.raises(SourceDown, match="nguoi_dung"):
            await stage.ask("ioffice")

        await stage.turn()
        await stage.ask("ioffice")
        stands, told = value(stage, "ioffice_documents"), await stage.adapter("ioffice").tally()
        assert stands > documents and told is not None
        stage.later(minutes=10)
        await stage.turn("frozen")
        await stage.ask("ioffice")
        assert value(stage, "ioffice_documents") == stands
        assert (await stage.take("ioffice")).observed == told.newest, "and the row of the source too"
        again = await stage.adapter("ioffice").tally()
        assert again is not None and again.newest == told.newest, "the matrix says since when it stands still"
