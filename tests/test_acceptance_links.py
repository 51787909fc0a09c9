"""The link matrix of Tây Ninh's demo comes out as the province said of its centre, and turns by itself.

Everything is real: the demo's sources with their gates and databases, its settings, the poller and health.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import uvicorn

from ioc import clock, names
from ioc.board.memory import MemoryBoard
from ioc.demo import run
from ioc.demo.sectors import SECTORS, STANDS
from ioc.demo.sources import desk_of
from ioc.demo.tay_ninh import GATES, TayNinh
from ioc.demo.world import PLANS, PROVINCES, World
from ioc.geo.units import Units
from ioc.log.memory import MemoryLog
from ioc.ports import free
from ioc.run import poller
from ioc.run.health import Health
from ioc.settings import Settings, load

PATIENCE_S = 90
UNCONNECTED = {"police", "labour", "education", "transport"}
UNSYNCED = {"planning", "insurance", "justice"}
Rows = dict[str, dict[str, Any]]


class Centre:
    """The demo's sources as they run, a poller that asks them, and health over what it learns."""

    def __init__(self, desk: TayNinh, base: str, settings: Settings) -> None:
        self.desk, self.base, self.settings = desk, base, settings
        self.board, self.log = MemoryBoard(), MemoryLog()
        self.health = Health(settings, self.board, self.log, tiles=list)

    async def rows(self) -> Rows:
        await self.health.look(clock.now())
        found = await self.board.snapshot(names.LINKS)
        assert found is not None
        return {name: msgspec.json.decode(body) for name, body in found.items.items()}

    async def until(self, test: Callable[[Rows], bool]) -> Rows:
        rows: Rows = {}
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    rows = await self.rows()
                    if test(rows):
                        return rows
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pytest.fail(f"The matrix stayed at {_short(rows)}.")

    async def turn(self, sector: str, how: str) -> None:
        async with httpx2.AsyncClient(base_url=self.base) as http:
            assert (await http.post(f"/_sectors/{sector}/{how}")).json()[sector] is (how == "open")


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    folder = tmp_path / "sources"
    folder.mkdir()
    world = World(72, clock.now(), Units.load(PROVINCES["tay-ninh"], folder), PLANS["tay-ninh"])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        others = run.written_ports("tay-ninh")[1 + len(GATES) :]
        more = dict(zip(others, free(len(others)), strict=True))
        desk = desk_of("tay-ninh", world, folder, {8101: port, 8102: 0, 8103: 0} | more)
        assert isinstance(desk, TayNinh)
        gates = [gate.port for gate in desk.sectors.gates.values()]
        run.settings("tay-ninh", tmp_path, {8101: port, **dict(zip(GATES, gates, strict=True)), **more})
        centre = Centre(desk, f"http://127.0.0.1:{port}", load(tmp_path / "ioc.toml"))
        server = uvicorn.Server(uvicorn.Config(desk.app(), log_level="warning", access_log=False))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0.01)
            assert not serving.done()
        await centre.health.open()
        polling = asyncio.create_task(poller.run(centre.settings, centre.log, None))
        try:
            yield centre
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)
            server.should_exit = True
            await serving


def _short(rows: Rows) -> dict[str, list[str]]:
    return {
        name: [row[column]["say"]["vi"] for column in ("connected", "shared", "synced")] for name, row in rows.items()
    }


def _good(row: dict[str, Any]) -> bool:
    return all(row[column]["ok"] is True for column in ("connected", "shared", "synced"))


async def test_seven_sectors_are_wrong_in_their_own_way_and_turn_by_themselves_when_they_open(centre: Centre) -> None:
    lost = ["không", "chưa thử", "chưa thử"]
    standing = centre.desk.sectors.world.began.astimezone(clock.ZONE) - STANDS
    wanted = dict.fromkeys(UNCONNECTED, lost) | {
        "planning": ["có", "có", "lệch 1.204"],
        "justice": ["có", "có", "lệch 86"],
        "insurance": ["có", "có", f"đứng từ {standing:%d/%m}"],
        "health": ["có", "có", "trễ 26 giờ"],
    }
    rows = await centre.until(lambda rows: {name: _short(rows)[name] for name in wanted} == wanted)
    # feeds say nothing of how many notices they hold: the app's row is shared, and its step is not probed
    whole = {"onestop", "office", "reports", "cameras"}
    rows = await centre.until(lambda rows: all(_good(rows[name]) for name in whole) and rows["smart"]["shared"]["ok"])
    assert rows.keys() == wanted.keys() | whole | {"smart"}
    assert {name: _short(rows)[name] for name in wanted} == wanted
    assert rows["planning"]["synced"]["ok"] is False and rows["planning"]["tried"] is not None
    assert (rows["health"]["synced"]["level"], rows["planning"]["synced"]["level"]) == ("warn", "bad")
    assert set(SECTORS) == UNCONNECTED | UNSYNCED
    for sector in SECTORS:
        await centre.turn(sector, "open")
    await centre.until(lambda rows: all(_good(rows[name]) for name in SECTORS))
    await centre.turn("police", "shut")
    rows = await centre.until(lambda rows: rows["police"]["connected"]["ok"] is False)
    assert _short(rows)["police"] == ["vừa mất", "chưa thử", "chưa thử"]
    assert all(_good(rows[name]) for name in set(SECTORS) - {"police"})
