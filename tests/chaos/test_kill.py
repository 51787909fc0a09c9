"""Everything is killed in turn, under load: no event is lost, none stands twice, screens heal by themselves."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import msgspec
import pytest
import redis

from ioc import names
from ioc.contract import Answered
from tests.chaos.screen import Screen
from tests.chaos.stage import Stage

pytestmark = pytest.mark.chaos

ROLES = ("web", "poller", "health", "projector", "archive")
CHANNELS = ("layer/cameras", "tile/cameras_live", "sources", "alerts")
LAYER = "layer/cameras"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    try:
        yield made
    finally:
        # pytest shows it when the test has failed
        print(made.last_words())
        made.close()


@asynccontextmanager
async def watched(stage: Stage) -> AsyncIterator[Screen]:
    """The stage running, and a screen that sees it live."""
    stage.start("redis", "source", *ROLES)
    key = await asyncio.to_thread(stage.ioc, "key", "add", "chaos")
    screen = Screen(f"ws://127.0.0.1:{stage.ports['web']}/ws", key.strip(), CHANNELS)
    watching = asyncio.create_task(screen.run())
    try:
        await screen.until(lambda: len(screen.pictures.get(LAYER, {})) == stage.things, "every thing on the board", 60)
        await screen.until(lambda: live(screen), "a live channel")
        yield screen
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


def live(screen: Screen) -> bool:
    return screen.states().get(LAYER) == "live"


def shown(screen: Screen) -> dict[str, int]:
    return {name: item["properties"]["count"] for name, item in screen.pictures[LAYER].items()}


def moved(screen: Screen, before: dict[str, int]) -> bool:
    return live(screen) and shown(screen) != before


def told(stage: Stage) -> dict[str, int]:
    """What the source itself says."""
    with urllib.request.urlopen(f"http://127.0.0.1:{stage.ports['source']}/rest") as answer:
        return {thing["id"]: thing["count"] for thing in json.load(answer)}


def archived(stage: Stage) -> tuple[int, int]:
    """Rows of the archive, and how many of them are distinct states of a thing."""
    with sqlite3.connect(stage.folder / "ioc.db") as db:
        rows = db.execute(
            "SELECT count(*), count(DISTINCT subject || data) FROM events WHERE source = 'things'"
        ).fetchone()
    db.close()
    return rows[0], rows[1]


def answered(stage: Stage) -> Answered:
    """What the poller last knew of the source."""
    with redis.Redis.from_url(stage.redis) as client:
        body = client.hget(names.ANSWERS, "things")
    return msgspec.json.decode(body, type=Answered)


def boarded(stage: Stage) -> dict[str, int]:
    """What stands on the board in Redis."""
    with redis.Redis.from_url(stage.redis) as client:
        items = client.hgetall(names.board_key(LAYER, "items"))
    return {name.decode(): json.loads(body)["properties"]["count"] for name, body in items.items()}


async def settled(stage: Stage) -> None:
    """Wait until everything that was committed is archived, and nothing is under way: while the source is dead, the
    poller has met it so."""
    for _ in range(300):
        known = answered(stage)
        if archived(stage)[0] == known.events and ("source" in stage.running or known.error is not None):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"Committed: {answered(stage)}; archived: {archived(stage)}.")


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.long)])
async def test_killed_in_turn_under_load(stage: Stage, rounds: int) -> None:
    chance = random.Random(7)
    async with watched(stage) as screen:
        for _ in range(rounds):
            for name in chance.sample(["redis", "source", *ROLES], 7):
                before = shown(screen)
                stage.kill(name)
                await asyncio.sleep(chance.uniform(0, 0.4))
                stage.start(name)
                await screen.until(partial(moved, screen, before), f"healing after {name}", 60)
        last = await asyncio.to_thread(told, stage)
        await screen.until(lambda: shown(screen) == last, "the source's last state", 60)
        assert screen.broken == []
        assert screen.snapshots >= len(CHANNELS)
        await settled(stage)
        rows, distinct = archived(stage)
        assert rows == distinct == answered(stage).events


@pytest.mark.parametrize("name", ["projector", "health", "redis"])
async def test_what_stays_away_makes_every_channel_stale_within_three_beats(stage: Stage, name: str) -> None:
    async with watched(stage) as screen:
        stage.kill(name)
        took = await screen.until(
            lambda: set(screen.states().values()) <= {"stale", "down"} and len(screen.states()) == len(CHANNELS),
            f"stale channels after {name} was killed",
        )
        print(f"{name} killed: every channel stale after {took:.2f} s, {took / stage.beat:.1f} beats")
        assert all(quality["why"] for quality in screen.quality.values())
        stage.start(name)
        await screen.until(lambda: live(screen), f"healing after {name}", 60)


async def test_a_flush_is_healed_from_the_archive(stage: Stage) -> None:
    async with watched(stage) as screen:
        stage.kill("source")
        await settled(stage)
        await screen.until(lambda: shown(screen) == boarded(stage), "the board as it stands")
        before, epoch = shown(screen), screen.places[LAYER][0]
        with redis.Redis.from_url(stage.redis) as client:
            client.flushall()
        took = await screen.until(
            lambda: screen.places[LAYER][0] != epoch and shown(screen) == before and not live(screen),
            "the rebuilt board",
            60,
        )
        print(f"{len(before)} items from {archived(stage)[0]} events were back {took:.2f} s after the flush")
        stage.start("source")
        await screen.until(lambda: live(screen) and shown(screen) != before, "live again after the flush", 60)
        assert screen.broken == []
