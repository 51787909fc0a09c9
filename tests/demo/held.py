"""What tests of staged systems share: checks held against what layers and tiles say now, files that are refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ioc import checks
from ioc.errors import SourceDown, Untaken
from tests.demo.staged import Served


def held(stage: Served, name: str) -> dict[str, Any]:
    """The result of the check `name`: whether it holds, and what it says."""
    check = stage.settings.checks[name]
    named = {side.tile for side in check.sides if side.tile is not None}
    tiles = {tile: {"all": msgspec.to_builtins(stage.figure(tile))} for tile in named}
    items = {
        layer: {id: item.properties for id, item in fold.items.items()}
        for layer, fold in stage.folds.items()
        if layer in {side.over for side in check.sides if side.tile is None and side.value is None}
    }
    return checks.results({name: check}, checks.Seen(tiles, items), {}, stage.now, {})[name]


async def refused(stage: Served, source: str, why: str) -> None:
    """What was dropped for the source is not taken, for a reason that matches `why`."""
    adapter = stage.adapter(source)
    with pytest.raises(Untaken, match=why):
        async for answer in adapter.ask(None):
            try:
                list(adapter.parse(answer))
            except SourceDown as error:
                await adapter.committed(answer, error.say)
                raise
