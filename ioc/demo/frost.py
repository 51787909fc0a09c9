"""Any camera of the demo can be told to freeze, so that people and tests see what the screens make of it.

`POST /_freeze/TH-001` lets `/anh/TH-001.jpg` give the same bytes again and again, `POST /_thaw/TH-001` lets it show new
pictures; both answer 204, and 404 where there is nothing to freeze or to thaw. `GET /_freeze/TH-001` lists when the
standing picture was given.
"""

from __future__ import annotations

from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.cameras import Cameras


class Frost:
    """The cameras that were told to freeze, and when each gave its standing picture (aware times)."""

    def __init__(self, cameras: Cameras) -> None:
        self._cameras = cameras
        self._given: dict[str, list[datetime]] = {}

    def gave(self, id: str, at: datetime) -> None:
        """A picture was given; it counts when the camera was told to freeze."""
        if id in self._given:
            self._given[id].append(at)

    def routes(self) -> list[Route]:
        """Where cameras are told to freeze and to thaw."""
        return [
            Route("/_freeze/{id}", self._freeze, methods=["POST"]),
            Route("/_freeze/{id}", self._told, methods=["GET"]),
            Route("/_thaw/{id}", self._thaw, methods=["POST"]),
        ]

    async def _freeze(self, request: Request) -> Response:
        id = request.path_params["id"]
        if id not in self._given:
            try:
                self._cameras.hold(id, clock.now())
            except KeyError:
                return _nothing(f"There is no camera {id}; write one that the registry lists.")
            self._given[id] = []
        return Response(status_code=204)

    async def _thaw(self, request: Request) -> Response:
        id = request.path_params["id"]
        if self._given.pop(id, None) is None:
            return _not_frozen(id)
        self._cameras.let_go(id, clock.now())
        return Response(status_code=204)

    async def _told(self, request: Request) -> Response:
        id = request.path_params["id"]
        if id not in self._given:
            return _not_frozen(id)
        return JSONResponse({"given": [at.isoformat() for at in self._given[id]]})


def _not_frozen(id: str) -> Response:
    return _nothing(f"Camera {id} was not told to freeze; POST /_freeze/{id} first.")


def _nothing(say: str) -> Response:
    return JSONResponse({"say": say}, 404)
