"""Two real web processes over one Redis and one database: positions hold on both, and a revoked key ends on both."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import psutil
import pytest
import websockets
from websockets.typing import Subprotocol

from ioc.board.redis import RedisBoard
from ioc.db.session import Database, migrate, open_db
from ioc.web import access
from ioc.web.protocol import SUBPROTOCOL

from .conftest import Client
from .test_hub import CAMERAS, item

CONFIG = '[province]\nname = "Tỉnh thử"\n[web]\nbeat = 0.4\n'


UVICORN = ("-m", "uvicorn", "--factory", "ioc.web.app:app_from_env", "--ws", "websockets-sansio", "--no-proxy-headers")


@asynccontextmanager
async def process(env: dict[str, str]) -> AsyncIterator[int]:
    """A web process of its own, as an operator may start it; yields its port."""
    command = [sys.executable, *UVICORN, "--port", "0"]
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


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[tuple[dict[str, str], RedisBoard, Database]]:
    """The environment of web processes, the board that they show, and the database of their keys."""
    config, database = tmp_path / "ioc.toml", f"sqlite:///{tmp_path}/ioc.db"
    config.write_text(CONFIG, encoding="utf-8")
    migrate(database)
    db, board = open_db(database), RedisBoard(redis_url)
    yield {**os.environ, "IOC_CONFIG": str(config), "REDIS_URL": redis_url, "DATABASE_URL": database}, board, db
    await board.close()
    await db.close()


@asynccontextmanager
async def workers(command: Sequence[str], env: dict[str, str], port: int, log: Path) -> AsyncIterator[psutil.Process]:
    """One command that starts two web processes on one port, once it answers."""
    with log.open("wb") as told:
        started = await asyncio.create_subprocess_exec(sys.executable, *command, env=env, stdout=told, stderr=told)
    try:
        async with asyncio.timeout(90), httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            while True:
                with contextlib.suppress(httpx2.HTTPError):
                    if (await http.get("/healthz")).status_code == 200:
                        break
                assert started.returncode is None, log.read_text()
                await asyncio.sleep(0.1)
        yield psutil.Process(started.pid)
    finally:
        started.terminate()
        await started.wait()


def serving(main: psutil.Process, client: Client) -> int:
    """Process id of the worker that holds a client's connection."""
    name = client.socket.local_address
    for child in main.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any(found.raddr and found.raddr[:2] == name[:2] for found in child.net_connections("tcp")):
                return child.pid
    raise AssertionError("no process holds that connection")


async def on_both(
    held: contextlib.AsyncExitStack, main: psutil.Process, port: int, key: str, place: tuple[str, int] | None = None
) -> dict[int, Client]:
    """A screen on each worker: the kernel deals connections out, so it is asked until both have one."""
    found: dict[int, Client] = {}
    async with asyncio.timeout(60):
        while len(found) < 2:
            client = await held.enter_async_context(screen(port, key, place))
            found.setdefault(serving(main, client), client)
    return found


async def as_one(main: psutil.Process, port: int, board: RedisBoard, db: Database) -> None:
    """What two workers behind one port owe: the same picture, positions, codes and keys."""
    await board.reset(CAMERAS, {"a": item("a", 1)})
    key = await access.add_key(db, name="wall")
    code = await access.make_code(db, name="once")
    async with contextlib.AsyncExitStack() as held:
        both = await on_both(held, main, port, key)
        epoch, offset = await board.apply(CAMERAS, {"b": item("b", 1)})
        for client in both.values():
            await client.until_at(CAMERAS, offset)
        first, second = both.values()
        assert first.items == second.items and first.position == second.position == {CAMERAS: (epoch, offset)}
        # one that saw more than any worker: held until they have it, and no snapshot
        ahead = await on_both(held, main, port, key, (epoch, offset + 1))
        for number in (2, 3):
            await board.apply(CAMERAS, {"a": item("a", number)})
        resumed = await on_both(held, main, port, key, (epoch, offset))
        for client in (*both.values(), *ahead.values(), *resumed.values()):
            await client.until_at(CAMERAS, offset + 2)
            assert client.items[CAMERAS]["a"] == json.loads(item("a", 3))
        for client in (*ahead.values(), *resumed.values()):
            assert "snapshot" not in {frame["type"] for frame in client.frames}
        # a code serves once, whichever of them is asked
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            asked = [http.post("/api/session", json={"code": code}, headers={"Connection": "close"}) for _ in range(8)]
            statuses = sorted(answer.status_code for answer in await asyncio.gather(*asked))
        assert statuses == [204, *[401] * 7]
        (known,) = [one for one in await access.list_keys(db) if one.name == "wall"]
        await access.revoke_key(db, known.id)
        everybody = [*both.values(), *ahead.values(), *resumed.values()]
        async with asyncio.timeout(5):
            byes = await asyncio.gather(*(one.until(lambda frame: frame["type"] == "bye") for one in everybody))
        assert {bye["code"] for bye in byes} == {4503}


async def test_two_workers_of_ours_behave_as_one(
    place: tuple[dict[str, str], RedisBoard, Database], unused_tcp_port: int, tmp_path: Path
) -> None:
    env, board, db = place
    command = ["-m", "ioc", "run", "web", "--workers", "2", "--port", str(unused_tcp_port)]
    here = {**env, "IOC_NO_VENV": "1", "IOC_DATA": str(tmp_path)}
    async with workers(command, here, unused_tcp_port, tmp_path / "web.log") as main:
        await as_one(main, unused_tcp_port, board, db)


async def test_two_workers_of_plain_uvicorn_behave_as_one(
    place: tuple[dict[str, str], RedisBoard, Database], unused_tcp_port: int, tmp_path: Path
) -> None:
    env, board, db = place
    command = [*UVICORN, "--workers", "2", "--port", str(unused_tcp_port)]
    async with workers(command, env, unused_tcp_port, tmp_path / "web.log") as main:
        await as_one(main, unused_tcp_port, board, db)
