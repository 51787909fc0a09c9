"""`old snapshot + every delta = new snapshot`, over a real server; hypothesis chooses the changes, when a screen comes
back (and what of), and when the store is flushed. The same for boards in memory and in Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ioc.board import Board
from ioc.board.memory import MemoryBoard
from ioc.board.redis import RedisBoard
from ioc.redis_link import connect
from ioc.web.app import build
from ioc.web.channels import Channel
from ioc.web.sight import Sight, mark_of

from .conftest import Client, running, settings
from .test_mirror import ITEMS

CHANNEL = "layer/x"
VIEW = [108.0, 12.0, 110.0, 14.0]
CHANGE = st.dictionaries(st.sampled_from("abcdef"), st.none() | ITEMS, min_size=1, max_size=4)
DEED = st.one_of(
    st.tuples(st.just("change"), st.lists(CHANGE, min_size=1, max_size=4)),
    st.tuples(st.just("leave"), st.none()),
    st.tuples(st.just("come"), st.sampled_from(["resume", "anew"])),
    st.tuples(st.just("flush"), st.dictionaries(st.sampled_from("abcdef"), ITEMS, max_size=3)),
    st.tuples(st.just("view"), st.booleans()),
)
OFTEN = hypothesis_settings(
    max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class Store(Protocol):
    @property
    def board(self) -> Board: ...

    async def forget(self) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.board = MemoryBoard(kept=6)

    async def forget(self) -> None:
        await self.board.forget()


class InRedis:
    def __init__(self, url: str) -> None:
        self.board = RedisBoard(url)
        self._redis = connect(url)

    async def forget(self) -> None:
        await self._redis.flushall()

    async def close(self) -> None:
        await self.board.close()
        await self._redis.aclose()


class Wall:
    """A screen that leaves and comes back, and what it holds meanwhile."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.client: Client | None = None
        self.held: Client | None = None
        self.view: list[float] | None = None
        self._context: Any = None

    async def come(self, how: str) -> None:
        if self.client is not None:
            return
        self._context = self.server.client()
        client = await self._context.__aenter__()
        place: dict[str, Any] = {"view": {"bbox": self.view, "zoom": 5}} if self.view else {}
        if how == "resume" and self.held is not None and CHANNEL in self.held.position:
            client.items, client.position = self.held.items, self.held.position
            epoch, offset = self.held.position[CHANNEL]
            place |= {"epoch": epoch, "offset": offset}
        await client.watch(CHANNEL, **place)
        self.client = client

    async def leave(self) -> None:
        if self.client is not None:
            self.held, self.client = self.client, None
            await self._context.__aexit__(None, None, None)

    async def turn(self, narrow: bool) -> None:
        self.view = VIEW if narrow else None
        if self.client is not None:
            # there is no frame that takes a view back: the whole world is one
            self.view = self.view or [-180.0, -90.0, 180.0, 90.0]
            await self.client.say(type="view", channel=CHANNEL, bbox=self.view, zoom=5)

    async def agrees(self, board: Board) -> None:
        assert self.client is not None
        client, snapshot = self.client, await board.snapshot(CHANNEL)
        assert snapshot is not None
        sight = Sight(None, tuple(self.view) if self.view else None)  # type: ignore[arg-type]
        wanted = {
            name: json.loads(body)
            for name, body in snapshot.items.items()
            if sight.view is None or sight.sees(name, mark_of(body))
        }
        async with asyncio.timeout(20):
            while client.position.get(CHANNEL) != snapshot.position or client.items[CHANNEL] != wanted:
                await client.hear()


async def play(store: Store, start: Mapping[str, bytes], deeds: list[tuple[str, Any]]) -> None:
    channels = {CHANNEL: Channel(CHANNEL, "layer", views=True), "sources": Channel("sources", "sources", watched=True)}
    board = store.board
    await board.reset(CHANNEL, start)
    async with running(build(settings(layers=()), board=board, channels=channels)) as server:
        wall = Wall(server)
        await wall.come("anew")
        for deed, what in deeds:
            if deed == "change":
                for change in what:
                    await board.apply(CHANNEL, change)
            elif deed == "flush":
                await store.forget()
                await board.reset(CHANNEL, {}, whole=False)
                await board.reset(CHANNEL, what)
            elif deed == "leave":
                await wall.leave()
            elif deed == "come":
                await wall.come(what)
            elif deed == "view":
                await wall.turn(what)
        await wall.come("resume")
        await wall.agrees(board)
        await wall.leave()


@OFTEN
@given(start=st.dictionaries(st.sampled_from("abcdef"), ITEMS), deeds=st.lists(DEED, min_size=3, max_size=14))
def test_the_law_holds_in_memory(start: dict[str, bytes], deeds: list[tuple[str, Any]]) -> None:
    asyncio.run(play(InMemory(), start, deeds))


@OFTEN
@given(start=st.dictionaries(st.sampled_from("abcdef"), ITEMS), deeds=st.lists(DEED, min_size=3, max_size=14))
def test_the_law_holds_in_redis(redis_url: str, start: dict[str, bytes], deeds: list[tuple[str, Any]]) -> None:
    async def over_redis() -> None:
        store = InRedis(redis_url)
        try:
            await store.forget()
            await play(store, start, deeds)
        finally:
            await store.close()

    asyncio.run(over_redis())


@pytest.mark.parametrize("leaves", [1, 3])
async def test_many_screens_come_back_in_the_middle_of_a_storm(leaves: int) -> None:
    board = MemoryBoard()
    await board.reset(CHANNEL, {})
    channels = {CHANNEL: Channel(CHANNEL, "layer"), "sources": Channel("sources", "sources", watched=True)}
    async with running(build(settings(layers=()), board=board, channels=channels)) as server:

        async def storm() -> None:
            for number in range(600):
                body = json.dumps({"n": number}).encode()
                await board.apply(CHANNEL, {f"i{number % 37}": body, f"i{number * 7 % 41}": None})
                await asyncio.sleep(0.001)

        async def screen(seed: int) -> None:
            wall = Wall(server)
            for _ in range(leaves):
                await wall.come("resume")
                assert wall.client is not None
                for _ in range(5 + seed):
                    await wall.client.hear()
                await wall.leave()
            await storming
            await wall.come("resume")
            await wall.agrees(board)
            await wall.leave()

        storming = asyncio.create_task(storm())
        await asyncio.gather(*(screen(seed) for seed in range(12)))
