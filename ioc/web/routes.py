"""The addresses of this server: which function answers where."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route, WebSocketRoute

from ioc.web import wall
from ioc.web.door import Door
from ioc.web.socket import Socket


def routes(door: Door) -> list[BaseRoute]:
    """All routes, in the order in which they are tried."""
    socket = Socket(door.hub, door.access, door.settings.access)
    return [
        Route("/", wall.home),
        Route("/wall/{screen}", wall.wall),
        Route("/tablet", wall.tablet),
        Route("/static/{path:path}", wall.static),
        Route("/api/screens/{name}", wall.screen),
        Route("/api/units", wall.units),
        Route("/api/session", wall.session, methods=["POST"]),
        WebSocketRoute("/ws", socket),
        Route("/ws", socket),
    ]
