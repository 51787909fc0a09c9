"""Two real web processes over one Redis and one database: positions hold on both, and a revoked key ends on both."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import websockets
from websockets.typing import Subprotocol

from ioc.board.redis import RedisBoard
from ioc.db.session import migrate, open_db
from ioc.web import access
from ioc.web.protocol import SUBPROTOCOL

from .conftest import Client
from .test_hub import CAMERAS, item

CONFIG = '[province]\nname = "Tỉnh thử"\n[web]\nbeat = 0.4\n'


@asynccontextmanager
async def process(env: dict[str, str]) -> AsyncIterator[int]:
    """A web process of its own, as an operator may start it; yields its port."""
    command = [sys.executable, "-m", "uvicorn", "--factory", "ioc.web.app:app_from_env", "--port", "0"]
    command += ["--ws", "websockets-sansio", "--no-proxy-headers"]
    started = await asyncio.create_subprocess_exec(*command, env=env, stderr=asyncio.subprocess.PIPE)
    assert started.stderr is not None
    port = None
    try:
        async with asyncio.timeout(60):
            while port is None:
                line = (await started.stderr.readline()).decode()
                assert line, "the process ended before it listened"
                found = re.search(r"running on http://127\.0\.0\.1:(\d+)", line)
                port = int(found[1]) if found else None
        # what it says later must not fill the pipe
        draining = asyncio.create_task(started.stderr.read())
        yield port
    finally:
        started.terminate()
        await started.wait()
        if port is not None:
            await draining


@asynccontextmanager
async def screen(port: int, key: str, place: tuple[str, int] | None = None) -> AsyncIterator[Client]:
    async with websockets.connect(
        f"ws://127.0.0.1:{port}/ws",
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        max_queue=None,
    ) as socket:
        client = Client(socket)
        await client.say(type="hello", key=key)
        assert (await client.hear())["type"] == "welcome"
        if place is not None:
            client.position[CAMERAS], client.items[CAMERAS] = place, {}
            await client.watch(CAMERAS, epoch=place[0], offset=place[1])
        else:
            await client.watch(CAMERAS)
        yield client


async def test_two_processes_serve_one_board_and_one_table_of_keys(redis_url: str, tmp_path: Path) -> None:
    config, database = tmp_path / "ioc.toml", f"sqlite:///{tmp_path}/ioc.db"
    config.write_text(CONFIG, encoding="utf-8")
    migrate(database)
    db, board = open_db(database), RedisBoard(redis_url)
    env = {**os.environ, "IOC_CONFIG": str(config), "REDIS_URL": redis_url, "DATABASE_URL": database}
    await board.reset(CAMERAS, {"a": item("a", 1)})
    key = await access.add_key(db, name="wall")
    try:
        async with process(env) as one, process(env) as two:
            async with screen(one, key) as first:
                await first.until(lambda _: bool(first.items.get(CAMERAS)))
                await board.apply(CAMERAS, {"b": item("b", 1)})
                await first.until(lambda _: "b" in first.items[CAMERAS])
                place = first.position[CAMERAS]
            await board.apply(CAMERAS, {"c": item("c", 1)})
            async with screen(two, key, place) as second, screen(one, key) as again:
                # a position of one process is good on the other: what was missed comes, and no snapshot
                await second.until(lambda _: "c" in second.items[CAMERAS])
                assert json.loads(item("c", 1)) == second.items[CAMERAS]["c"]
                assert "snapshot" not in {frame["type"] for frame in second.frames}
                (known,) = await access.list_keys(db)
                await access.revoke_key(db, known.id)
                async with asyncio.timeout(5):
                    byes = [await client.until(lambda frame: frame["type"] == "bye") for client in (second, again)]
                assert [(told["code"], told["reconnect"]) for told in byes] == [(4503, False)] * 2
                for client in (second, again):
                    with pytest.raises(websockets.ConnectionClosed) as closed:
                        await client.socket.recv()
                    assert closed.value.rcvd is not None
                    assert closed.value.rcvd.code == 4503
            for port in (one, two):
                async with websockets.connect(f"ws://127.0.0.1:{port}/ws") as socket:
                    await socket.send(json.dumps({"type": "hello", "key": key}))
                    assert json.loads(await socket.recv())["code"] == 4503
    finally:
        await board.close()
        await db.close()
