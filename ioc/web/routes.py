"""The addresses of this server: which function answers where, what it may be asked, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from ioc import names
from ioc.bridge.template import XLSX
from ioc.web import (
    api,
    asked,
    asyncapi,
    bridge,
    checks,
    desk,
    desk_asked,
    desk_export,
    ledgers,
    open311,
    openapi,
    push,
    ready,
    report_photos,
    reports,
    spoken,
    vector,
    wall,
)
from ioc.web.asked import Param
from ioc.web.door import Door
from ioc.web.gate import PATH, Gate
from ioc.web.open311_xml import FORMS
from ioc.web.socket import Socket

SCRIPT, MANIFEST = "text/javascript", "application/manifest+json"
JSON, GEOJSON, CSV, HTML = "application/json", "application/geo+json", "text/csv", "text/html"


class Way(NamedTuple):
    """One address. `gives`: media types of a good answer (`status`); `takes`: of the body; `shut`: a key is needed.

    `wrong`: statuses of errors beside the usual ones. `errors`: media types of errors that are no problem details.
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
    errors: tuple[str, ...] = ()


OPEN311 = (
    (f"{open311.BASE}/services.{{form}}", open311.services, (open311.JURISDICTION,)),
    (f"{open311.BASE}/services/{{code}}.{{form}}", open311.service_definition, (open311.JURISDICTION,)),
    (f"{open311.BASE}/requests.{{form}}", open311.service_requests, open311.FILTERS),
    (f"{open311.BASE}/requests/{{id}}.{{form}}", open311.service_request, (open311.JURISDICTION,)),
    (f"{open311.BASE}/tokens/{{id}}.{{form}}", open311.service_token, (open311.JURISDICTION,)),
    ("/open311/discovery.{form}", open311.discovery, ()),
    (f"{open311.BASE}/discovery.{{form}}", open311.discovery_here, ()),
)
"""The addresses of GeoReport that are read."""
GEOREPORT = tuple(FORMS.values())

WAYS = (
    Way("/", wall.home, (HTML, JSON), shut=False),
    Way("/wall/{screen}", wall.wall, (HTML,), shut=False),
    Way("/tablet", wall.tablet, (HTML,), shut=False),
    Way("/report", wall.report, (HTML,), shut=False),
    Way("/report/sw.js", wall.report_worker, (SCRIPT,), shut=False),
    Way("/report/manifest.webmanifest", wall.report_manifest, (MANIFEST,), shut=False),
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
    Way("/api/reports/units", wall.report_units, (GEOJSON,), shut=False),
    Way("/api/reports/form", reports.form, shut=False),
    Way("/api/reports", reports.file, method="POST", takes=JSON, status=201, shut=False, wrong=(422, 429)),
    Way(
        "/api/reports/nearby",
        reports.nearby,
        (JSON,),
        (reports.LON, reports.LAT, reports.CATEGORY),
        shut=False,
        wrong=(422, 429),
    ),
    Way("/api/reports/map", reports.reports_map, (GEOJSON,), (asked.BBOX,), shut=False, wrong=(429,)),
    Way("/api/reports/followed", reports.followed, shut=False, wrong=(404, 429)),
    Way(
        "/api/reports/followed/steps",
        reports.followed_step,
        method="POST",
        takes=JSON,
        shut=False,
        wrong=(403, 404, 422, 429),
    ),
    Way(
        "/api/reports/followed/satisfied",
        reports.followed_satisfied,
        method="POST",
        takes=JSON,
        shut=False,
        wrong=(404, 422),
    ),
    Way("/api/reports/photos/{stored}", report_photos.photo, ("image/jpeg", "video/mp4", "video/webm"), shut=False),
    Way(
        "/api/reports/{id}/support",
        reports.support,
        method="POST",
        takes=JSON,
        status=201,
        shut=False,
        wrong=(422, 429),
    ),
    Way("/api/reports/{id}/photos/{hash}", report_photos.photo_offset, (), method="HEAD", shut=False),
    Way(
        "/api/reports/{id}/photos/{hash}",
        report_photos.photo_part,
        method="PATCH",
        takes="application/offset+octet-stream",
        status=201,
        shut=False,
        wrong=(409, 422),
    ),
    Way("/api/desk/me", desk.desk_me),
    Way("/api/desk/queue", desk.desk_queue, params=desk_asked.PARAMS),
    Way("/api/desk/templates", desk.desk_templates),
    Way("/api/desk/export", desk_export.desk_export, (CSV, XLSX, GEOJSON), desk_asked.PARAMS, wrong=(422,)),
    Way("/api/desk/reports", desk.desk_file, method="POST", takes=JSON, status=201, wrong=(422,)),
    Way("/api/desk/reports/{id}", desk.desk_report),
    Way("/api/desk/reports/{id}/steps", desk.desk_step, method="POST", takes=JSON, wrong=(409, 422)),
    Way("/api/desk/reports/{id}/claim", desk.desk_claim, method="POST", wrong=(409,)),
    Way("/api/desk/reports/{id}/claim", desk.desk_release, (), method="DELETE", status=204),
    Way("/api/desk/reports/{id}/person", desk.desk_person),
    Way("/api/desk/reports/{id}/photos", desk.desk_photo, method="POST", takes="image/*", status=201, wrong=(422,)),
    Way("/api/screens/{name}", wall.screen),
    Way("/api/units", wall.units, (GEOJSON,)),
    *(Way(path, call, GEOREPORT, params, shut=False, wrong=(503,), errors=GEOREPORT) for path, call, params in OPEN311),
    Way(
        f"{open311.BASE}/requests.{{form}}",
        open311.file_request,
        GEOREPORT,
        method="POST",
        takes=open311.FORM,
        status=201,
        wrong=(401, 403, 429, 503),
        shut=False,
        errors=GEOREPORT,
    ),
    Way("/api/session", wall.session, (), method="POST", takes=JSON, status=204, shut=False),
)


def routes(door: Door, gate: Gate) -> list[BaseRoute]:
    """All routes, in the order in which they are tried."""
    socket = Socket(gate)
    return [
        *(Route(way.path, way.call, methods=[way.method]) for way in WAYS),
        Route("/static/{path:path}", wall.static),
        Route(wall.BASEMAP, wall.basemap),
        WebSocketRoute(PATH, socket),
        Route(PATH, socket),
    ]
