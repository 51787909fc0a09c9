"""The demo's sources: small servers and files that speak the forms that real sources speak.

`python -m ioc.demo.sources --data DIR` serves, on loopback only:

- `/so-camera/camera.json`, the city's camera registry (JSON, VN-2000), and `/cong-an/camera.geojson`, the police's
  (WGS84), both with ETag; `/anh/<camera>.jpg`, each camera's picture;
- `/1022/open311/v2` and `/app/open311/v2`, citizens' reports (GeoReport v2, JSON and XML, pages, updated_after);
- beside each `tong.json`: how many there are, and when one changed last;
- in DIR: `dossiers.db`, `health.db`, `documents.db` (SQLite), and the folders `beds`, `attendance`, `budget`,
  `certificates` and `communes`, in which departments and communes drop their tables.

Some of it fails on purpose: the dossiers' database is locked for a while in each BACKUP_EVERY_S, the document axis is
gone for good after DOCUMENTS_S, schools send one table and no more, hospitals forget every fourth day, of the communes
some report late and some never (`ioc.demo.communes`), and Labour was never connected. What is asked over HTTP can be
told to fall silent (`ioc.demo.mute`), and a camera to freeze (`ioc.demo.frost`). With `--province` it is
another demo (`ioc.demo.tay_ninh`, `ioc.demo.modular`).
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo import georeport, mute, offices, sheets
from ioc.demo.cameras import BROKEN, Office, city_registry, geojson_registry, jpeg
from ioc.demo.citizens import Way
from ioc.demo.communes import Communes
from ioc.demo.frost import Frost
from ioc.demo.systems import Systems
from ioc.demo.world import PROVINCES, World, open_world

PORT = 8101
"""Where the demo's settings say that the sources listen."""
SEED = 54
DAY_S = 100.0
"""A reporting day of the demo, in seconds: nobody watches a demo for a day."""
BACKUP_EVERY_S, BACKUP_S = 150.0, 45.0
"""The dossiers' database is locked for so long, so often: a backup, as in many offices."""
DOCUMENTS_S = 45.0
"""When the document axis falls silent for good."""


class Offices:
    """The departments' files: written at the beginning, kept up to date, locked and lost as the plan wants."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self._lock: sqlite3.Connection | None = None
        self._dropped: dict[str, int] = {}
        self._communes = Communes(world.seed, world.units)

    def open(self) -> None:
        """Write every database anew, as it is now."""
        world = self.world
        world.dossiers.write(self.folder / "dossiers.db")
        world.vaccinations.write(self.folder / "health.db")
        if world.age < DOCUMENTS_S:
            offices.write_documents(self.folder / "documents.db", world.seed, world.began, world.units)
        for name in ("beds", "attendance", "budget", "certificates", "communes"):
            (self.folder / name).mkdir(exist_ok=True)

    def keep(self) -> None:
        """Bring the files up to the world's time."""
        world, age = self.world, self.world.age
        self._backup(age % BACKUP_EVERY_S >= BACKUP_EVERY_S - BACKUP_S)
        if self._lock is None:
            world.dossiers.flush(self.folder / "dossiers.db")
        world.vaccinations.flush(self.folder / "health.db")
        if age >= DOCUMENTS_S:
            (self.folder / "documents.db").unlink(missing_ok=True)
        day = int(age // DAY_S)
        at = world.began + timedelta(seconds=day * DAY_S)
        if day % 4 != 3:
            self._drop("beds", day, f"giuong-{day:05d}.xlsx", lambda: sheets.beds(day, world.seed, at))
        self._drop("budget", day, f"ngan-sach-{day:05d}.csv", lambda: sheets.budget(day, world.seed, at))
        self._drop("attendance", 0, "truong-hoc.xlsx", lambda: sheets.attendance(world.seed, world.began, world.units))
        self._drop("certificates", 0, "chung-thu.csv", lambda: sheets.certificates(world.began))
        self._communes.keep(self.folder / "communes", world.now)

    def _drop(self, folder: str, day: int, name: str, make: Any) -> None:
        """Drop one day's table, once; after a restart the reader knows it again by its content."""
        if self._dropped.get(folder) != day and not (self.folder / folder / "done" / name).exists():
            sheets.drop(self.folder / folder, name, make())
        self._dropped[folder] = day

    def _backup(self, on: bool) -> None:
        if on and self._lock is None:
            base = sqlite3.connect(
                self.folder / "dossiers.db", timeout=0.5, isolation_level=None, check_same_thread=False
            )
            base.execute("BEGIN EXCLUSIVE")
            self._lock = base
        elif not on and self._lock is not None:
            self.close()

    def close(self) -> None:
        """Let the lock go."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


class Desk:
    """The HTTP side: what is asked is answered from the world as it is now."""

    def __init__(self, world: World, folder: Path, ports: Mapping[int, int]) -> None:
        self.world, self.base = world, f"http://127.0.0.1:{ports[PORT]}"
        self.offices = Offices(world, folder)
        self.systems = Systems(world.plan.systems, world, folder, ports)
        self.silent: set[str] = set()
        self.frost = Frost(world.cameras)

    def app(self) -> Starlette:
        """The application; while it runs, the world goes on."""
        guard = Middleware(mute.Mute, silent=self.silent)
        routes = [*self.systems.routes(), *self.routes(), *mute.routes(self.silent), *self.frost.routes()]
        return Starlette(routes=routes, middleware=[guard], lifespan=self._life)

    def routes(self) -> list[Route]:
        return [
            Route("/", self.index),
            Route("/so-camera/camera.json", self.city),
            Route("/so-camera/tong.json", self.city_tally),
            Route("/cong-an/camera.geojson", self.police),
            Route("/cong-an/tong.json", self.police_tally),
            *self.common(),
        ]

    def common(self) -> list[Route]:
        """What every province's sources have."""
        return [
            Route("/anh/{id}.jpg", self.picture),
            Route("/{way:str}/open311/v2/requests.{form:str}", self.requests),
            Route("/{way:str}/open311/v2/tong.json", self.reports_tally),
        ]

    @asynccontextmanager
    async def _life(self, _app: Starlette) -> AsyncIterator[None]:
        await self.begin()
        await self.systems.begin()
        going = asyncio.create_task(self._go(), name="world")
        yield
        going.cancel()
        with suppress(asyncio.CancelledError):
            await going
        await self.systems.end()
        await self.end()

    async def begin(self) -> None:
        await asyncio.to_thread(self.offices.open)
        await self.keep()

    async def keep(self) -> None:
        """Bring what is served up to the world's time. Raises sqlite3.Error while a reader holds a file."""
        await asyncio.to_thread(self.offices.keep)

    async def end(self) -> None:
        self.offices.close()

    async def _go(self) -> None:
        """Let the world go on, and the files with it, once a second."""
        while True:
            self.world.advance(clock.now())
            try:
                await self.keep()
                await self.systems.keep()
            except sqlite3.Error as error:
                # what moved is written the next time
                logging.getLogger("ioc.demo").debug("%s", error)
            await asyncio.sleep(1.0)

    async def index(self, _request: Request) -> Response:
        return JSONResponse({"say": "Nguồn của bản mẫu (dữ liệu mẫu).", "began": self.world.began.isoformat()})

    async def city(self, request: Request) -> Response:
        return tagged(request, city_registry(self.world.cameras, self.base), "application/json")

    async def police(self, request: Request) -> Response:
        return tagged(request, geojson_registry(self.world.cameras, self.base), "application/geo+json")

    async def city_tally(self, _request: Request) -> Response:
        return self.cameras_tally("city", len(BROKEN))

    async def police_tally(self, _request: Request) -> Response:
        return self.cameras_tally("police")

    def cameras_tally(self, office: Office, more: int = 0) -> Response:
        cameras = self.world.cameras
        return georeport.tally(len(cameras.of(office)) + more, cameras.newest(office))

    async def reports_tally(self, request: Request) -> Response:
        found = self.world.citizens.of(_WAYS.get(request.path_params["way"], "1022"))
        return georeport.tally(len(found), found[-1].updated) if found else Response(status_code=404)

    async def picture(self, request: Request) -> Response:
        id = request.path_params["id"]
        at = clock.now()
        number = self.world.cameras.picture(id, at)
        if number is None:
            return Response(status_code=504)
        self.frost.gave(id, at)
        return Response(jpeg(id, number), media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    async def requests(self, request: Request) -> Response:
        """GeoReport v2: the reports updated since `updated_after`, oldest first, in pages."""
        way, form = request.path_params["way"], request.path_params["form"]
        if way not in _WAYS or form not in ("json", "xml"):
            return Response(status_code=404)
        found = self.world.citizens.of(_WAYS[way])
        return georeport.requests([(one.updated, one.as_georeport) for one in found], request, form)


_WAYS: dict[str, Way] = {"1022": "1022", "app": "app", "web": "web"}


def tagged(request: Request, said: Any, media_type: str) -> Response:
    """The body with its ETag; 304 to who has it already."""
    body = json.dumps(said, ensure_ascii=False).encode()
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, media_type=media_type, headers={"ETag": tag})


class _Ports(dict[int, int]):
    """The real port of each that the settings write; one that nobody moved is where it is written."""

    def __missing__(self, written: int) -> int:
        return written


def _ports(text: str) -> _Ports:
    return _Ports({int(written): int(real) for written, _, real in (part.partition("=") for part in text.split(","))})


def desk_of(province: str, world: World, folder: Path, ports: Mapping[int, int]) -> Desk:
    """The sources of a province. `ports`: the real port of each that its settings write."""
    if province == "tay-ninh":
        from ioc.demo.tay_ninh import TayNinh

        return TayNinh(world, folder, ports)
    if province != "phu-yen":
        from ioc.demo.modular import Modular

        return Modular(world, folder, ports)
    return Desk(world, folder, ports)


def main(arguments: list[str] | None = None) -> None:
    """Serve until told to stop."""
    asked = argparse.ArgumentParser(prog="python -m ioc.demo.sources", description="The demo's simulated sources.")
    asked.add_argument("--data", type=Path, default=Path("ioc-data/sources"), help="folder of databases and tables")
    asked.add_argument("--seed", type=int, default=SEED)
    asked.add_argument("--province", choices=sorted(PROVINCES), default="phu-yen")
    asked.add_argument("--ports", type=_ports, default=_Ports(), help="where the settings' ports are: 8101=PORT,…")
    asked.add_argument("--with-parent", action="store_true", help="end when the process ends that started this one")
    given = asked.parse_args(arguments)
    if given.with_parent:
        from ioc.run.children import die_with

        die_with(os.getppid())
    given.data.mkdir(parents=True, exist_ok=True)
    world = open_world(given.data, given.seed, clock.now(), given.province)
    desk = desk_of(given.province, world, given.data, given.ports)
    uvicorn.run(desk.app(), host="127.0.0.1", port=given.ports[PORT], log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
