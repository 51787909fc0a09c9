"""Simulated systems, one module each: servers and files in the form, and of the size, that a province's own have.

A province runs those that its settings include a part of: `ioc/demo/modules/<province>/<name>.toml` is asked of
`ioc/demo/systems/<name>.py`. What a system serves over HTTP stands below `/<name>/`. Each can be broken in ways of its
own, so that people and tests see what the screens make of it: `GET /_systems` tells the ways, `POST
/_systems/<name>/<way>` breaks one, `POST /_systems/<name>/mend` mends it. Breaks are forgotten when the sources start
anew.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from ioc.demo.world import World

MEND = "mend"
SHOWN = {
    "source": "the source is no longer alive",
    "aside": "records stand set aside, and somebody is asked to mend them",
    "alert": "an alert of a figure or of a check",
    "tile": "a figure is another, or tells of fewer than it should",
    "nothing": "nothing: it is borne, or known already",
}
"""How a break shows on a wall (`tests/e2e/test_broken.py` reads it there); an undeclared one in any of these but the
last."""


class System:
    """One simulated system. `folder`: its own, for databases and tables; `ports`: where a port that the settings write
    (8104, say) really is.

    `breaks`: each way to break it, and what it does then. `shows`: how the wall says so, where one answer alone is
    meant: a word of SHOWN, or the tile that is another. `self.broken`: the ways in force; the system looks at it
    whenever it answers.
    """

    breaks: ClassVar[Mapping[str, str]] = {}
    shows: ClassVar[Mapping[str, str]] = {}

    def __init__(self, name: str, world: World, folder: Path, ports: Mapping[int, int]) -> None:
        self.name, self.world, self.folder, self.ports = name, world, folder, ports
        self.broken: set[str] = set()

    def ways(self) -> Mapping[str, str]:
        """Those of `breaks` that there are in the world's province."""
        return self.breaks

    def routes(self) -> list[Route]:
        """What it serves, below `/<name>`."""
        return []

    async def begin(self) -> None:
        """Write what it serves from files, open its ports."""

    async def keep(self) -> None:
        """Once a second: bring what is served up to `self.world.now`."""

    async def end(self) -> None:
        """Close what `begin` opened."""


def system(name: str) -> type[System]:
    """The system of that module."""
    module = importlib.import_module(f"{__name__}.{name}")
    own = [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, System) and kind.__module__ == module.__name__
    ]
    assert len(own) == 1, f"{module.__name__} defines {len(own)} systems; it must define one."
    return own[0]


class Systems:
    """The systems of one demo, and where they are broken and mended."""

    def __init__(self, names: Iterable[str], world: World, folder: Path, ports: Mapping[int, int]) -> None:
        self.all = {name: system(name)(name, world, folder / name, ports) for name in names}

    def routes(self) -> list[Route | Mount]:
        mounted = [Mount(f"/{name}", routes=one.routes()) for name, one in self.all.items()]
        return [*mounted, Route("/_systems", self.told), Route("/_systems/{name}/{way}", self.turn, methods=["POST"])]

    async def begin(self) -> None:
        for one in self.all.values():
            one.folder.mkdir(parents=True, exist_ok=True)
            await one.begin()

    async def keep(self) -> None:
        for one in self.all.values():
            await one.keep()

    async def end(self) -> None:
        for one in self.all.values():
            await one.end()

    async def told(self, _request: Request) -> Response:
        found = {
            name: {"breaks": dict(one.ways()), "shows": dict(one.shows), "broken": sorted(one.broken)}
            for name, one in self.all.items()
        }
        return JSONResponse(found)

    async def turn(self, request: Request) -> Response:
        name, way = request.path_params["name"], request.path_params["way"]
        one = self.all.get(name)
        if one is None or way not in (*one.ways(), MEND):
            ways = ", ".join(f"{name}/{way}" for name, one in self.all.items() for way in (*one.ways(), MEND))
            return JSONResponse({"say": f"Write one of /_systems/…: {ways or 'none is here'}."}, 404)
        if way == MEND:
            one.broken.clear()
        else:
            one.broken.add(way)
        return await self.told(request)
