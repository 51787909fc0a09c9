"""Any of the demo's sources can be told to fall silent, so that people and tests see what the screens make of it.

`POST /_mute/cong-an` lets every address below `/cong-an/` answer 503, `POST /_speak/cong-an` lets it answer again; the
same for `so-camera`, `1022`, `app` and whatever else is served. It is forgotten when the sources start anew.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

SAY = "Nguồn này đang được cho im lặng (dữ liệu mẫu)."


class Mute:
    """Around the app of the sources: those whose first part of the path is among `silent` answer 503."""

    def __init__(self, app: ASGIApp, silent: set[str]) -> None:
        self._app, self._silent = app, silent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].strip("/").partition("/")[0] in self._silent:
            await PlainTextResponse(SAY, 503)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def routes(silent: set[str]) -> list[Route]:
    """Where sources are told to fall silent, and to speak again."""

    async def mute(request: Request) -> Response:
        silent.add(request.path_params["name"])
        return Response(status_code=204)

    async def speak(request: Request) -> Response:
        silent.discard(request.path_params["name"])
        return Response(status_code=204)

    return [Route("/_mute/{name}", mute, methods=["POST"]), Route("/_speak/{name}", speak, methods=["POST"])]
