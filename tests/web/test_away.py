"""The store goes away and comes back, empty or not: screens keep their picture, are told how good it is, and heal."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from ioc.board import Delta, Position, Snapshot
from ioc.board.memory import MemoryBoard
from ioc.errors import StoreAway
from ioc.web.access import Access, Refused, Tries
from ioc.web.app import build
from ioc.web.channels import Channel
from ioc.web.quality import Signs

from .conftest import running, settings
from .test_hub import CAMERAS, decoded, item, whole

ROLES = ("projector", "health")


class Flaky(MemoryBoard):
    """A board whose store can be taken away; who watches is told."""

    def __init__(self) -> None:
        super().__init__()
        self.away = asyncio.Event()

    def _there(self) -> None:
        if self.away.is_set():
            raise StoreAway("Redis does not answer; waiting for it.")

    async def snapshot(self, channel: str) -> Snapshot | None:
        self._there()
        return await super().snapshot(channel)

    async def channels(self) -> list[str]:
        self._there()
        return await super().channels()

    async def watch(self, positions: Mapping[str, Position]) -> AsyncIterator[tuple[str, Delta | None]]:
        self._there()
        steps = super().watch(positions)
        while True:
            step = asyncio.ensure_future(anext(steps))
            gone = asyncio.ensure_future(self.away.wait())
            try:
                await asyncio.wait({step, gone}, return_when=asyncio.FIRST_COMPLETED)
                self._there()
                yield await step
            finally:
                step.cancel()
                gone.cancel()
                await asyncio.gather(step, gone, return_exceptions=True)

    async def beats(self) -> dict[str, float | None]:
        self._there()
        return dict.fromkeys(ROLES, time.time())


async def test_redis_dies_and_comes_back_with_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "ioc.web")
    board = Flaky()
    await board.reset(CAMERAS, {"a": item("a", 1)})
    app = build(settings(), board=board, beats=board.beats)
    async with running(app) as server, server.client() as client:
        await client.watch(CAMERAS, "alerts")
        await whole(client, board)
        board.away.set()
        for channel in (CAMERAS, "alerts"):
            await client.until(lambda _, channel=channel: client.quality[channel]["state"] == "stale")  # type: ignore[misc]
            assert "Redis" in client.quality[channel]["why"]
        assert client.items[CAMERAS] == decoded({"a": item("a", 1)})
        async with server.client() as fresh:
            await fresh.watch(CAMERAS)
            await fresh.until(lambda _: bool(fresh.items.get(CAMERAS)))
            assert fresh.quality[CAMERAS]["state"] == "stale", "a new screen gets the last picture, marked"
        board.away.clear()
        heard = len(client.frames)
        await board.apply(CAMERAS, {"a": item("a", 2)})
        await client.until(lambda _: client.items[CAMERAS]["a"]["properties"]["value"] == 2)
        assert "snapshot" not in {frame["type"] for frame in client.frames[heard:]}
        await client.until(lambda _: client.quality[CAMERAS]["state"] != "stale")
    said = [record.message for record in caplog.records]
    assert sum("can't be read" in message for message in said) == 1, "said once when down"
    assert sum("can be read again" in message for message in said) == 1, "once when back"


async def test_redis_is_away_when_the_process_begins() -> None:
    board = Flaky()
    board.away.set()
    app = build(settings(), board=board, beats=board.beats)
    async with running(app) as server, server.client() as client:
        await client.watch(CAMERAS)
        await client.until(lambda _: client.quality.get(CAMERAS, {}).get("state") == "stale")
        assert client.items[CAMERAS] == {}
        board.away.clear()
        await board.reset(CAMERAS, {"a": item("a", 1)})
        await whole(client, board)


async def test_redis_comes_back_empty_and_is_rebuilt() -> None:
    board = Flaky()
    await board.reset(CAMERAS, {"a": item("a", 1)})
    async with running(build(settings(), board=board)) as server, server.client() as client:
        await client.watch(CAMERAS)
        await whole(client, board)
        before = client.position[CAMERAS]
        await board.forget()
        await client.until(lambda frame: "rebuilt" in str(frame.get("quality")))
        assert client.position[CAMERAS] == before
        assert client.items[CAMERAS] == decoded({"a": item("a", 1)})
        await board.reset(CAMERAS, {"b": item("b", 1)})
        await whole(client, board)
        assert client.position[CAMERAS][0] != before[0]


async def test_who_comes_back_to_an_empty_store_keeps_its_picture(board: MemoryBoard) -> None:
    async with running(build(settings(), board=board)) as server, server.client() as client:
        client.items, client.position = {CAMERAS: decoded({"a": item("a", 1)})}, {CAMERAS: ("gone", 7)}
        await client.watch(CAMERAS, epoch="gone", offset=7)
        await client.until(lambda frame: frame["type"] == "delta")
        assert (client.position[CAMERAS], list(client.items[CAMERAS])) == (("gone", 7), ["a"])
        await board.reset(CAMERAS, {"b": item("b", 1)})
        await whole(client, board)


async def test_a_store_that_hangs_holds_up_no_beat(board: MemoryBoard) -> None:
    async def hangs() -> dict[str, float | None]:
        await asyncio.Event().wait()
        return {}

    app = build(settings(), board=board, beats=hangs)
    async with running(app) as server, server.client() as client:
        await client.watch("alerts")
        await client.until(lambda _: client.quality.get("alerts", {}).get("state") == "stale")
        for _ in range(4):
            # 2.5 beats without a frame would make the wall blind
            async with asyncio.timeout(2.5 * server.hub.beat):
                await client.hear()


async def test_signs_wait_a_beat_at_most_for_an_answer() -> None:
    async def hangs() -> dict[str, float | None]:
        await asyncio.Event().wait()
        return {}

    signs = Signs(hangs, 0.05, time.monotonic, lambda: None)  # type: ignore[arg-type, return-value]
    async with asyncio.timeout(5):
        while signs.silent() != ["Redis"]:
            await signs.ask()


async def test_history_of_before_the_process_is_fetched_once_for_many() -> None:
    class Counting(MemoryBoard):
        asked = 0

        async def history(self, channel: str, after: Position) -> list[Delta]:
            Counting.asked += 1
            await asyncio.sleep(0)
            return await super().history(channel, after)

    board = Counting()
    place = await board.reset(CAMERAS, {})
    for value in range(30):
        await board.apply(CAMERAS, {f"c{value}": item(f"c{value}", value)})
    async with running(build(settings(), board=board)) as server:

        async def back(offset: int) -> None:
            async with server.client() as client:
                known = {f"c{n}": json_item(n) for n in range(offset - place.offset)}
                client.items, client.position = {CAMERAS: known}, {CAMERAS: (place.epoch, offset)}
                await client.watch(CAMERAS, epoch=place.epoch, offset=offset)
                await whole(client, board)
                assert "snapshot" not in {frame["type"] for frame in client.frames}

        await asyncio.gather(*(back(place.offset + n) for n in (20, 20, 20, 5, 0)))
    # a margin before what the first one asked for serves those who come with it; MARGIN is larger than this history
    assert Counting.asked <= 6


def json_item(number: int) -> Any:
    return decoded({"x": item(f"c{number}", number)})["x"]


async def test_keys_that_cannot_be_read_are_no_wrong_keys() -> None:
    class Broken:
        def reading(self) -> Any:
            raise OSError("away")

    doors = Access(Broken())  # type: ignore[arg-type]
    with pytest.raises(Refused) as caught:
        await doors.of("x" * 43, "1.2.3.4")
    assert caught.value.status == 503
    assert doors.tries.wait("1.2.3.4") == 0


async def test_too_many_wrong_keys_wait_and_a_right_one_does_not(board: MemoryBoard) -> None:
    app = build(settings(), board=board)
    app.state.door.access.tries = Tries(limit=3)
    async with running(app) as server:
        statuses = []
        async with server.http("w" * 43) as http:
            for _ in range(5):
                statuses.append((await http.get("/api/layers")).status_code)
        assert statuses == [401, 401, 401, 429, 429]
        async with server.client(hello=False) as client:
            await client.say(type="hello", key="w" * 43)
            told = await client.hear()
            assert (told["code"], told["reconnect"], told["after"]) == (4004, True, 60.0)
        async with server.client() as client:
            await client.watch(CAMERAS)


async def test_what_an_operator_tells_a_screen_is_of_no_unit(board: MemoryBoard) -> None:
    from ioc.web.access import Grant
    from ioc.web.scope import sight

    grant = Grant(("*",), frozenset({"22015"}), key=1)
    assert sight(grant, Channel("screen/overview", "screen")).units is None
    assert sight(grant, Channel("layer/x", "layer")).units == frozenset({"22015"})
    await board.reset("screen/overview", {"scene": b'{"show":"map"}'})
    async with running(build(settings(), board=board)) as server, server.client() as client:
        await client.watch("screen/overview", "screen/nobody")
        await client.until(lambda _: bool(client.items.get("screen/overview")))
        assert client.quality["screen/overview"]["method"] == "typed"
        assert [f["channel"] for f in client.frames if f["type"] == "problem"] == ["screen/nobody"]
