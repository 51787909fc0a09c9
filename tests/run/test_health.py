"""Health judges the sources, keeps their strip, the four words and the alerts; it tells what moved and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from ioc import clock, names
from ioc.board import Board, Position
from ioc.board.memory import MemoryBoard
from ioc.board.redis import RedisBoard
from ioc.contract import Answered, Checks, Contract
from ioc.errors import Fenced, Gap
from ioc.log.memory import MemoryLog
from ioc.run import health
from ioc.run.health import OWN, Health
from ioc.settings import Province, Settings, Source

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)


def source(name: str) -> Source:
    owed = Contract("Sở Giao thông", cadence=30, grace=60, expect=100)
    return Source(name, "camera_registry", owed, {}, ("Camera", "Cameras"))


class Watching:
    """Two sources, their log, and health over a board."""

    def __init__(self, board: Board) -> None:
        self.board, self.log, self.looked = board, MemoryLog(), asyncio.Event()
        self.settings = Settings(Province("Thử"), {name: source(name) for name in ("cams", "app")})

    def tiles(self) -> list[str]:
        self.looked.set()
        return ["cameras", "song"]

    async def health(self, fence: int = 1) -> Health:
        made = Health(self.settings, self.board, self.log, tiles=self.tiles, fence=fence)
        await made.open()
        return made

    async def says(self, name: str, **told: Any) -> None:
        known = await self.log.known(name)
        given = {"asked": NOON, "answered": NOON, "observed": NOON, "have": 100, "checks": Checks(4), **told}
        answered = msgspec.structs.replace(known.answered or Answered(name, NOON), **given)
        await self.log.append([], source=name, revision=known.revision, cursor=None, seen={}, answered=answered)

    async def items(self, channel: str) -> dict[str, Any]:
        found = await self.board.snapshot(channel)
        assert found is not None
        return {name: json.loads(body) for name, body in found.items.items()}

    async def positions(self) -> dict[str, Position]:
        found = {channel: await self.board.snapshot(channel) for channel in OWN}
        return {channel: snapshot.position for channel, snapshot in found.items() if snapshot is not None}


@pytest.fixture(params=["memory", "redis"])
async def watching(request: pytest.FixtureRequest) -> AsyncIterator[Watching]:
    if request.param == "memory":
        yield Watching(MemoryBoard())
        return
    board = RedisBoard(request.getfixturevalue("redis_url"))
    yield Watching(board)
    await board.close()


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


async def test_before_anybody_answered_the_strip_says_never_and_the_words_have_no_value(watching: Watching) -> None:
    await (await watching.health()).look(NOON)
    strip = await watching.items(names.SOURCES)
    assert {name: item["state"] for name, item in strip.items()} == {"cams": "never", "app": "never"}
    assert (await watching.items("tile/dung"))["all"]["value"] is None
    assert (await watching.items("tile/song"))["all"]["value"] == 0.0


async def test_a_source_ages_by_the_clock_alone_and_the_words_and_alerts_follow(watching: Watching) -> None:
    looking = await watching.health()
    await watching.says("cams")
    await watching.says("app", answered=later(3600))
    seen = []
    for seconds in (0, 60, 120):
        await looking.look(later(seconds))
        cams = (await watching.items(names.SOURCES))["cams"]
        alive = (await watching.items("tile/song"))["all"]["value"]
        seen.append((cams["state"], alive, "source/cams" in await watching.items(names.ALERTS)))
    assert seen == [("live", 100.0, False), ("late", 50.0, False), ("stale", 50.0, True)]
    cams = (await watching.items(names.SOURCES))["cams"]
    assert cams["due"] == clock.rfc3339(later(30)) and cams["received"] == clock.rfc3339(NOON)
    await watching.says("cams", answered=later(121))
    await looking.look(later(121))
    assert "source/cams" not in await watching.items(names.ALERTS)


async def test_what_did_not_move_is_not_told_again(watching: Watching) -> None:
    looking = await watching.health()
    await watching.says("cams")
    await watching.says("app")
    await looking.look(NOON)
    before = await watching.positions()
    await looking.look(later(10))
    assert await watching.positions() == before


async def test_a_tile_that_is_bad_is_an_alert_until_it_is_good(watching: Watching) -> None:
    looking = await watching.health()
    figure = {"value": 12, "level": "bad", "label": "Camera mất", "label_en": "Cameras down", "sources": ["cams"]}
    await watching.board.reset("tile/cameras", {"all": msgspec.json.encode(figure)})
    await looking.look(NOON)
    alert = (await watching.items(names.ALERTS))["tile/cameras"]
    assert alert["say"] == {"vi": "Camera mất: 12", "en": "Cameras down: 12"} and alert["source"] == "cams"
    await watching.board.apply("tile/cameras", {"all": msgspec.json.encode({**figure, "level": "good"})})
    await looking.look(later(1))
    assert "tile/cameras" not in await watching.items(names.ALERTS)


async def test_an_alert_keeps_its_beginning_over_a_restart(watching: Watching) -> None:
    await watching.says("cams", refused=True, error="Wrong key.")
    await (await watching.health(1)).look(later(40))
    first = (await watching.items(names.ALERTS))["source/cams"]
    await watching.says("cams", answered=later(3600))
    await (await watching.health(2)).look(later(80))
    assert (await watching.items(names.ALERTS))["source/cams"]["since"] == first["since"]


async def test_a_source_that_left_the_settings_leaves_the_strip(watching: Watching) -> None:
    await (await watching.health(1)).look(NOON)
    watching.settings = Settings(Province("Thử"), {"cams": source("cams")})
    await (await watching.health(2)).look(NOON)
    assert (await watching.items(names.SOURCES)).keys() == {"cams"}


async def test_one_that_was_paused_writes_nothing_once_another_took_over(watching: Watching) -> None:
    paused = await watching.health(1)
    await watching.health(2)
    before = await watching.positions()
    with pytest.raises(Fenced):
        await paused.look(NOON)
    assert await watching.positions() == before


@pytest.mark.parametrize("lost", [names.SOURCES, "tile/dung"])
async def test_a_board_that_is_lost_is_begun_anew(
    watching: Watching, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "LOOK_S", 0.01)
    await watching.says("cams")
    looking = await watching.health()
    running = asyncio.create_task(looking.run())
    await watching.looked.wait()
    await watching.board.drop(lost)
    with pytest.raises(Gap):
        await asyncio.wait_for(running, 30)
    await (await watching.health(2)).look(NOON)
    assert (await watching.items(lost)).keys() >= ({"cams", "app"} if lost == names.SOURCES else {"all"})


async def test_nothing_is_written_on_top_of_steps_that_the_store_lost(watching: Watching) -> None:
    looking = await watching.health()
    await looking.look(NOON)
    stood = (await watching.positions())[names.SOURCES]
    looking.epochs.note(names.SOURCES, Position(stood.epoch, stood.offset + 1))
    await watching.says("cams")
    with pytest.raises(Gap):
        await looking.look(NOON)
    assert (await watching.positions())[names.SOURCES] == stood
    await looking.open()
    await looking.look(NOON)
    assert (await watching.positions())[names.SOURCES].epoch != stood.epoch
