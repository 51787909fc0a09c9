"""A figure is as good as the sources that it is worked out of, whatever befalls the others of its layer."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from ioc import clock
from ioc.board.memory import MemoryBoard
from ioc.contract import Answered, Contract, source_item
from ioc.settings import Source
from ioc.web.app import build

from .conftest import running, settings

EVENT = {"event": "ioc.camera.observed"}
TILE = "tile/cameras_live"


def _source(name: str) -> Source:
    return Source(name, "camera_registry", Contract(owner="Sở mẫu", cadence=60), EVENT)


def _item(name: str, *, down: bool) -> bytes:
    now = clock.now()
    known = Answered(name, now, now - timedelta(hours=1 if down else 0), error="It does not answer." if down else None)
    told = source_item(name, Contract(owner="Sở mẫu", cadence=60), known, now)
    return json.dumps(told, default=clock.rfc3339).encode()


@pytest.mark.parametrize(("named", "state"), [(["well"], "live"), (["well", "ill"], "down"), (None, "down")])
async def test_a_tile_has_the_quality_of_the_sources_that_it_names(named: list[str] | None, state: str) -> None:
    board = MemoryBoard()
    await board.reset("sources", {"well": _item("well", down=False), "ill": _item("ill", down=True)})
    await board.reset(TILE, {"all": json.dumps({"value": 1, "sources": named}).encode()})
    sources = {name: _source(name) for name in ("well", "ill")}
    app = build(settings(sources=sources), board=board)
    async with running(app) as server, server.client() as client:
        await client.watch(TILE)
        await client.until(lambda frame: TILE in client.quality and client.quality[TILE]["state"] == state)
        assert set(client.quality[TILE]["sources"]) == set(named or sources)
