"""The addresses of this server: which function answers where, what it may be asked, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from ioc import names
from ioc.bridge.template import XLSX
from ioc.web import api, asked, asyncapi, bridge, checks, ledgers, openapi, push, ready, spoken, vector, wall
from ioc.web.asked import Param
from ioc.web.door import Door
from ioc.web.gate import PATH, Gate
from ioc.web.socket import Socket

JSON, GEOJSON, CSV, HTML = "application/json", "application/geo+json", "text/csv", "text/html"


class Way(NamedTuple):
    """One address. `gives`: media types of a good answer (`status`); `takes`: of the body; `shut`: a key is needed.

    `wrong`: statuses of errors beside the usual ones.
    """

    path: str
    call: Callable[[Request], Awaitable[Response]]
    gives: tuple[str, ...] = (JSON,)
    params: tuple[Param, ...] = ()
    method: str = "GET"
    takes: str | None = None
    status: int = 200
    shut: bool = True
    wrong: tuple[int, ...] = ()


WAYS = (
    Way("/", wall.home, (HTML, JSON), shut=False),
    Way("/wall/{screen}", wall.wall, (HTML,), shut=False),
    Way("/tablet", wall.tablet, (HTML,), shut=False),
    Way("/ops", wall.ops, (HTML,), shut=False),
    Way("/healthz", ready.healthz, shut=False),
    Way("/readyz", ready.readyz, shut=False),
    Way("/metrics", ready.metrics, ("text/plain",), shut=False),
    Way("/openapi.json", openapi.openapi, shut=False),
    Way("/asyncapi.json", asyncapi.asyncapi, shut=False),
    Way("/api/layers", api.layers),
    Way("/api/tiles", api.tiles),
    Way("/api/sources", api.sources),
    Way("/api/layers/{name}", api.layer, (GEOJSON, CSV), (asked.BBOX, asked.UNIT, asked.LIMIT, asked.AT, asked.KNOWN)),
    Way(vector.PATH, vector.vector_tile, (vector.MVT,)),
    Way("/api/tiles/{name}", api.tile, (JSON,), (asked.UNIT, asked.FROM, asked.TO, asked.AT, asked.KNOWN)),
    Way("/api/sources/{id}", api.source),
    Way("/api/ledger", ledgers.listed(names.LEDGER)),
    Way("/api/links", ledgers.listed(names.LINKS)),
    Way("/api/scores", ledgers.listed(names.SCORES)),
    Way("/api/walls", ledgers.listed(names.WALLS)),
    Way("/api/checks", checks.checks),
    Way("/api/ledger/{source}", ledgers.of_source, (JSON, CSV), (asked.PERIOD,)),
    Way("/api/ledger/{source}/excuse", spoken.excuse, method="POST", takes=JSON, status=202),
    Way("/api/tiles/{name}/seen", spoken.seen, method="POST", status=202),
    Way("/api/reminders", spoken.reminders, (JSON,), (asked.FROM, asked.LIMIT)),
    Way("/api/reminders/{id}/again", spoken.again, method="POST", status=202),
    Way("/api/push/{source}", push.push, method="POST", takes=JSON, status=202),
    Way("/api/bridge/{source}", bridge.bridge_template, (XLSX,)),
    Way(
        "/api/bridge/{source}",
        bridge.bridge_sheet,
        (JSON, XLSX),
        method="POST",
        takes=bridge.FORM,
        status=202,
        wrong=(409, 422),
    ),
    Way("/api/screens/{name}", wall.screen),
    Way("/api/units", wall.units, (GEOJSON,)),
    Way("/api/session", wall.session, (), method="POST", takes=JSON, status=204, shut=False),
)
LATER = ("/report",)
"""Faces of later parts."""


def routes(door: Door, gate: Gate) -> list[BaseRoute]:
    """All routes, in the order in which they are tried."""
    socket = Socket(gate)
    return [
        *(Route(way.path, way.call, methods=[way.method]) for way in WAYS),
        Route("/static/{path:path}", wall.static),
        Route(wall.BASEMAP, wall.basemap),
        *(Route(path, wall.later) for path in LATER),
        WebSocketRoute(PATH, socket),
        Route(PATH, socket),
    ]
