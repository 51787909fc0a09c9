"""What walls say that they drew, on its way from the glass to the health watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest

from ioc import clock, names
from ioc.board.memory import MemoryBoard
from ioc.layer import Item
from ioc.redis_link import connect
from ioc.run.health import Health
from ioc.settings import Province, Settings
from ioc.walls import Told
from ioc.web.app import build, teller

from .conftest import PATIENCE_S, Client, Running, running, settings


class Heard:
    """Collects what a web process tells of its walls."""

    def __init__(self) -> None:
        self.last: bytes | None = None
        self.times = 0

    async def tell(self, body: bytes | None) -> None:
        self.last, self.times = body, self.times + 1

    async def next(self) -> Told | None:
        """What is told from now on, for the first time."""
        before = self.times
        async with asyncio.timeout(PATIENCE_S):
            while self.times < before + 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return msgspec.json.decode(self.last, type=Told) if self.last is not None else None


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def singing(board: MemoryBoard, heard: Heard) -> AsyncIterator[Running]:
    async with running(build(settings(layers=("canary",)), board=board, tell_walls=heard.tell)) as found:
        yield found


def song(seconds_ago: float) -> tuple[bytes, Item]:
    then = clock.now() - timedelta(seconds=seconds_ago)
    item = Item("canary", then, then, {"sung": clock.rfc3339(then)})
    return item.encode(), item


async def come(client: Client, board: MemoryBoard) -> None:
    await client.say(type="hello", screen="overview")
    await client.watch(names.CANARY)
    found = await board.snapshot(names.CANARY)
    assert found is not None
    await client.until_at(names.CANARY, found.position.offset)


async def test_a_wall_is_told_with_the_song_on_its_glass_and_its_lag(
    board: MemoryBoard, singing: Running, heard: Heard
) -> None:
    body, item = song(30)
    place = await board.reset(names.CANARY, {"canary": body})
    async with singing.client(hello=False) as client:
        await come(client, board)
        assert await heard.next() is None, "It sent no receipt: it is no wall."
        await client.say(type="shown", channel=names.CANARY, epoch=place.epoch, offset=place.offset, ms=7)
        told = await heard.next()
        assert told is not None
        (wall,) = told.walls
        assert (wall.screen, wall.name, wall.ms, wall.watches) == ("overview", "overview", 7, True)
        assert wall.song is not None and abs(wall.song - item.time) < timedelta(milliseconds=1)
        assert wall.lag_s is not None and 29 < wall.lag_s < 30 + PATIENCE_S
        # the next song is on the board, and not on the glass
        place = await board.apply(names.CANARY, {"canary": song(0)[0]})
        await client.until_at(names.CANARY, place.offset)
        told = await heard.next()
        assert told is not None and told.walls[0].song == wall.song
        await client.say(type="shown", channel=names.CANARY, epoch=place.epoch, offset=place.offset)
        told = await heard.next()
        assert told is not None and told.walls[0].song is not None and told.walls[0].song > wall.song
    assert await heard.next() is None, "It left."


async def test_a_receipt_of_another_epoch_proves_nothing(board: MemoryBoard, singing: Running, heard: Heard) -> None:
    place = await board.reset(names.CANARY, {"canary": song(0)[0]})
    async with singing.client(hello=False) as client:
        await come(client, board)
        await client.say(type="shown", channel=names.CANARY, epoch="another", offset=place.offset)
        told = await heard.next()
        assert told is not None and told.walls[0].song is None


async def test_what_a_process_told_is_read_by_health_and_taken_back_when_its_walls_are_gone(redis_url: str) -> None:
    from ioc.board.redis import RedisBoard
    from ioc.log.redis import RedisLog
    from ioc.run.roles import Stage

    redis, board, log = connect(redis_url), RedisBoard(redis_url), RedisLog(redis_url)
    tell = teller(redis)
    stage = Stage(Settings(Province("Thử")), redis_url, redis, board, log, None, None)  # type: ignore[arg-type]
    await tell(None)
    assert await stage.walls() == []
    now = clock.now()
    about = b'{"id":"overview/1","screen":"overview","name":"overview","since":"2026-03-10T12:00:00+07:00"}'
    await tell(b'{"at":"%b","walls":[%b]}' % (clock.rfc3339(now).encode(), about))
    watch = Health(stage.settings, board, log, tiles=list, read_walls=stage.walls)
    await watch.open()
    await watch.look(now)
    found = await board.snapshot(names.WALLS)
    assert found is not None and list(found.items) == ["overview/1"]
    await tell(None)
    assert await stage.walls() == []
    # what a process told that died two days ago is forgotten
    await tell(b'{"at":"%b","walls":[]}' % clock.rfc3339(now - timedelta(days=2)).encode())
    await stage.walls()
    assert await redis.hlen(names.TOLD_OF_WALLS) == 0
    for part in (board, log):
        await part.close()
    await redis.aclose()
