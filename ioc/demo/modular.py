"""The sources of a province whose systems are modules: cameras of one town, citizens' reports, and simulated systems.

Served on loopback only: `/so-camera/camera.geojson` and `/anh/<camera>.jpg`; `/1022/open311/v2` and `/app/open311/v2`;
beside each `tong.json`; and each system below its name (`ioc.demo.systems`).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ioc.demo.cameras import geojson_registry
from ioc.demo.sources import Desk, tagged


class Modular(Desk):
    """The HTTP side of such a province."""

    def routes(self) -> list[Route]:
        return [
            Route("/", self.index),
            Route("/so-camera/camera.geojson", self.cameras),
            Route("/so-camera/tong.json", self.count),
            *self.common(),
        ]

    async def begin(self) -> None:
        """Its systems alone keep files."""

    async def keep(self) -> None:
        """As `begin`."""

    async def end(self) -> None:
        """As `begin`."""

    async def cameras(self, request: Request) -> Response:
        return tagged(request, geojson_registry(self.world.cameras, self.base, "city"), "application/geo+json")

    async def count(self, _request: Request) -> Response:
        return self.cameras_tally("city")
