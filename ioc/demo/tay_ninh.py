"""Tây Ninh's sources: reports by telephone, app and web, cameras of one town, and sectors that are closed at first.

Served on loopback only: `/so-camera/camera.geojson` and `/anh/<camera>.jpg`; `/1022/open311/v2`, `/app/open311/v2` and
`/web/open311/v2`; beside each `tong.json`. The sectors' databases and gates are in `ioc.demo.sectors`; `/_sectors`
tells which of them are open, `POST /_sectors/<id>/open` and `POST /_sectors/<id>/shut` turn one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.cameras import geojson_registry
from ioc.demo.georeport import tally
from ioc.demo.sectors import SECTORS, Sectors, incidents, traffic
from ioc.demo.sources import PORT, Desk, tagged
from ioc.demo.world import World

GATES = (8102, 8103)
"""The ports that the settings write for the sectors with a server."""


class TayNinh(Desk):
    """The HTTP side of Tây Ninh's sources."""

    def __init__(self, world: World, folder: Path, ports: Mapping[int, int]) -> None:
        super().__init__(world, folder, ports)
        self.sectors = Sectors(world, folder, ports[PORT], [ports[gate] for gate in GATES])

    def routes(self) -> list[Route]:
        return [
            Route("/", self.index),
            Route("/so-camera/camera.geojson", self.cameras),
            Route("/so-camera/tong.json", self.city_tally),
            Route("/trat-tu/vu-viec.json", self.incidents),
            Route("/trat-tu/tong.json", self.incidents_tally),
            Route("/giao-thong/dem-xe.json", self.traffic),
            Route("/giao-thong/tong.json", self.traffic_tally),
            Route("/_sectors", self.which),
            Route("/_sectors/{id}/{how}", self.turn, methods=["POST"]),
            *self.common(),
        ]

    async def begin(self) -> None:
        await asyncio.to_thread(self.sectors.open)
        await self.keep()

    async def keep(self) -> None:
        await self.sectors.turn_gates()
        await asyncio.to_thread(self.sectors.keep)

    async def end(self) -> None:
        await self.sectors.close()

    async def city_tally(self, _request: Request) -> Response:
        return self.cameras_tally("city")

    async def cameras(self, request: Request) -> Response:
        return tagged(request, geojson_registry(self.world.cameras, self.base, "city"), "application/geo+json")

    async def incidents(self, request: Request) -> Response:
        return tagged(request, incidents(self.world, clock.now()), "application/json")

    async def incidents_tally(self, _request: Request) -> Response:
        told = incidents(self.world, clock.now())["vu_viec"]
        return tally(len(told), clock.parse(told[0]["luc"]))

    async def traffic(self, request: Request) -> Response:
        return tagged(request, traffic(self.world, clock.now()), "application/json")

    async def traffic_tally(self, _request: Request) -> Response:
        told = traffic(self.world, clock.now())["tram"]
        return tally(len(told), clock.parse(told[0]["luc"]))

    async def which(self, _request: Request) -> Response:
        return JSONResponse({name: await asyncio.to_thread(self.sectors.opened, name) for name in SECTORS})

    async def turn(self, request: Request) -> Response:
        name, how = request.path_params["id"], request.path_params["how"]
        if name not in SECTORS or how not in ("open", "shut"):
            say = f"Write /_sectors/NAME/open or /shut, with one of {', '.join(SECTORS)}."
            return JSONResponse({"say": say}, 404)
        await asyncio.to_thread(self.sectors.turn, name, how == "open")
        return await self.which(request)
