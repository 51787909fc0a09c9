"""A whole centre on more than one Redis, as processes: servers and holders of roles are killed under load.

No event is lost, none stands twice, the spare takes over, screens heal, and the law of the screen is never broken.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from redis.crc import key_slot

from ioc import names
from ioc.errors import StoreAway
from ioc.log.redis import RedisLog
from ioc.redis_link import connect
from tests.chaos.screen import Screen
from tests.chaos.stage import Stage
from tests.cluster.servers import Fleet, cluster, guarded, until

pytestmark = pytest.mark.chaos

ENGINES = ("poller", "health", "projector", "archive")
LAYER = "layer/cameras"
CHANNELS = (LAYER, "tile/cameras_live", "sources", "alerts")


class Centre(Stage):
    """The stage over a fleet; `engines one` and `engines two` play all roles but the web, one of them as a spare."""

    def __init__(self, folder: Path, fleet: Fleet, *, streams: int) -> None:
        super().__init__(folder, things=100)
        self.fleet, self.redis = fleet, fleet.url
        with self.config.open("a", encoding="utf-8") as file:
            file.write(f"[log]\nstreams = {streams}\n")

    def command(self, name: str) -> list[str]:
        if not name.startswith("engines"):
            return super().command(name)
        whole = super().command("poller")
        at = whole.index("poller")
        return [*whole[:at], *ENGINES, *whole[at + 1 :]]

    async def holders(self) -> set[int]:
        """Process ids of those who hold a role."""
        link = connect(self.redis)
        try:
            found = await link.get_each([names.lease_key(role) for role in ENGINES])
        finally:
            await link.aclose()
        return {int(holder.split(b"|")[1]) if holder is not None else 0 for holder in found}

    async def held_by(self, name: str) -> None:
        async with asyncio.timeout(60):
            while True:
                with suppress(StoreAway):
                    if await self.holders() == {self.running[name].pid}:
                        return
                await asyncio.sleep(0.1)

    async def appended(self) -> int:
        log = RedisLog(self.redis)
        found = (await log.answers())["things"]
        await log.close()
        assert found.lost == 0
        return found.events

    def archived(self) -> tuple[int, int]:
        """Rows of the archive, and how many of them are distinct states of a thing."""
        with sqlite3.connect(self.folder / "ioc.db") as db:
            rows = db.execute(
                "SELECT count(*), count(DISTINCT subject || data) FROM events WHERE source = 'things'"
            ).fetchone()
        db.close()
        return rows[0], rows[1]

    def last(self) -> dict[str, int]:
        """What the archive holds as the newest of each thing."""
        with sqlite3.connect(self.folder / "ioc.db") as db:
            rows = db.execute("SELECT subject, data FROM events WHERE source = 'things'").fetchall()
        db.close()
        found: dict[str, int] = {}
        for subject, data in rows:
            found[subject] = max(found.get(subject, -1), json.loads(data)["properties"]["count"])
        return found

    def told(self) -> dict[str, int]:
        """What the source itself says; it moves no more."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['source']}/rest") as answer:
            return {thing["id"]: thing["count"] for thing in json.load(answer)}


@asynccontextmanager
async def watched(centre: Centre) -> AsyncIterator[Screen]:
    """The centre running, with a spare, and a screen that sees it live."""
    centre.start("source", "web", "engines one")
    key = await asyncio.to_thread(centre.ioc, "key", "add", "chaos")
    screen = Screen(f"ws://127.0.0.1:{centre.ports['web']}/ws", key.strip(), CHANNELS)
    watching = asyncio.create_task(screen.run())
    try:
        await screen.until(lambda: len(screen.pictures.get(LAYER, {})) == centre.things, "everything on the board", 60)
        await screen.until(partial(moved, screen, {}), "a live channel", 60)
        centre.start("engines two")
        yield screen
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


def shown(screen: Screen) -> dict[str, int]:
    return {name: item["properties"]["count"] for name, item in screen.pictures[LAYER].items()}


def moved(screen: Screen, before: dict[str, int]) -> bool:
    return screen.states().get(LAYER) == "live" and shown(screen) != before


async def heals(screen: Screen, what: str) -> None:
    # what was on its way arrives first: it heals nothing
    await asyncio.sleep(0.5)
    before = shown(screen)
    took = await screen.until(partial(moved, screen, before), f"healing after {what}", 60)
    print(f"{what}: the picture moves again after {took:.1f} s")


async def settles(centre: Centre, screen: Screen) -> None:
    """The source rests: the screen and the archive come to its last state."""
    last = await asyncio.to_thread(centre.told)
    await screen.until(lambda: shown(screen) == last, "the source's last state", 60)
    async with asyncio.timeout(60):
        while centre.last() != last:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert screen.broken == []


async def rests(centre: Centre, screen: Screen) -> tuple[int, int]:
    """The source rests, and nothing was lost; rows of the archive, and distinct ones."""
    await settles(centre, screen)
    async with asyncio.timeout(60):
        while centre.archived()[0] < await centre.appended():  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return centre.archived()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Centre]:
    with guarded(tmp_path) as fleet:
        made = Centre(tmp_path, fleet, streams=1)
        try:
            yield made
        finally:
            made.close()


@pytest.fixture
def shared_out(tmp_path: Path) -> Iterator[Centre]:
    with cluster(tmp_path, replicas=3) as fleet:
        made = Centre(tmp_path, fleet, streams=3)
        try:
            yield made
        finally:
            made.close()


def primary(fleet: Fleet) -> int:
    """The one primary of a pair that takes writes."""
    return next(port for port in fleet.primaries() if fleet.ask(port, "DBSIZE"))


@pytest.mark.parametrize("rounds", [1, pytest.param(8, marks=pytest.mark.long)])
async def test_a_primary_is_killed_under_load_and_its_replica_takes_over(pair: Centre, rounds: int) -> None:
    async with watched(pair) as screen:
        for turn in range(rounds):
            old = primary(pair.fleet)
            pair.fleet.kill(old)
            await heals(screen, "the kill of the primary")
            if turn == 0:
                pair.kill("engines one")
                await pair.held_by("engines two")
                await heals(screen, "the kill of who held the roles")
            await asyncio.to_thread(pair.fleet.start, old)
            await asyncio.to_thread(until, "the old primary as a replica", following, pair.fleet, old)
            await heals(screen, "the return of the old primary")
        rows, distinct = await rests(pair, screen)
        assert rows == distinct == await pair.appended()


async def test_a_primary_that_hangs_is_replaced_and_comes_back_as_a_replica(pair: Centre) -> None:
    """Two servers believe to be the primary for a while. What the old one took alone is told again by the source."""
    async with watched(pair) as screen:
        old = primary(pair.fleet)
        pair.fleet.pause(old)
        await asyncio.sleep(3)
        pair.fleet.resume(old)
        await asyncio.to_thread(until, "the old primary as a replica", following, pair.fleet, old)
        await heals(screen, "the return of a primary that hung")
        assert pair.running["engines one"].poll() is None
        await settles(pair, screen)


def following(fleet: Fleet, port: int) -> bool:
    return fleet.role(port) == "slave" and fleet.follows(port)


@pytest.mark.parametrize("rounds", [1, pytest.param(8, marks=pytest.mark.long)])
async def test_servers_of_a_cluster_are_killed_under_load_and_their_replicas_take_over(
    shared_out: Centre, rounds: int
) -> None:
    fleet = shared_out.fleet
    async with watched(shared_out) as screen:
        for turn in range(rounds):
            # first the one that keeps the cursors, then the one that keeps the layer's board
            key = (names.EVENTS_LOG, names.board_key(LAYER, "meta"))[turn % 2]
            old = keeper(fleet, key)
            fleet.kill(old)
            await heals(screen, f"the kill of the server that keeps {key}")
            if turn == 0:
                shared_out.kill("engines one")
                await shared_out.held_by("engines two")
                await heals(screen, "the kill of who held the roles")
            await asyncio.to_thread(fleet.start, old)
            await asyncio.to_thread(until, "the old server as a replica", following, fleet, old)
        rows, distinct = await rests(shared_out, screen)
        # what came into one stream before the cursor's own was killed is told, and not counted by the source's answer
        assert rows == distinct >= await shared_out.appended()


def keeper(fleet: Fleet, key: str) -> int:
    """Port of the primary that keeps a key."""
    slot = key_slot(key.encode())
    return next(port for port in fleet.primaries() if fleet.ask(port, "CLUSTER", "COUNTKEYSINSLOT", slot))
