"""The addresses of this server: which function answers where, what it may be asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    cap,
    checks,
    desk,
    desk_asked,
    desk_export,
    desk_figures,
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
from ioc.web.answers import centre, georeport, kept
from ioc.web.answers import desk as desk_answers
from ioc.web.answers import reports as citizen
from ioc.web.door import Door
from ioc.web.gate import PATH, Gate
from ioc.web.open311_xml import FORMS
from ioc.web.socket import Socket
from ioc.web.way import BYTES, CSV, GEOJSON, HTML, JSON, MANIFEST, SCRIPT, Call, Way


def _page(path: str, call: Call, kind: str = HTML) -> Way:
    """A page, or a file of one: open to everybody, and not there where the pages are not built."""
    return Way(path, call, (kind,), shut=False, also=(304,), wrong=(503,))


def _citizens(path: str, call: Call, says: Any, **other: Any) -> Way:
    """An address that is open to everybody, and bounded."""
    return Way(path, call, says=says, shut=False, **{"wrong": (422, 429), **other})


def _desks(path: str, call: Call, says: Any, **other: Any) -> Way:
    """An address of the desk."""
    return Way(f"/api/desk/{path}", call, says=says, **other)


OPEN311 = (
    ("services", open311.services, (open311.JURISDICTION,), list[georeport.Service]),
    ("services/{code}", open311.service_definition, (open311.JURISDICTION,), georeport.ServiceDefinition),
    ("requests", open311.service_requests, open311.FILTERS, list[georeport.ServiceRequest]),
    ("requests/{id}", open311.service_request, (open311.JURISDICTION,), list[georeport.ServiceRequest]),
    ("tokens/{id}", open311.service_token, (open311.JURISDICTION,), list[georeport.Token]),
    ("discovery", open311.discovery_here, (), georeport.Discovery),
)
"""The addresses of GeoReport that are read."""
GEOREPORT = tuple(FORMS.values())

WAYS = (
    Way("/", wall.home, (HTML, JSON), shut=False, says=centre.Home, also=(304,)),
    _page("/wall/{screen}", wall.wall),
    _page("/tablet", wall.tablet),
    _page("/report", wall.report),
    _page("/report/sw.js", wall.report_worker, SCRIPT),
    _page("/report/manifest.webmanifest", wall.report_manifest, MANIFEST),
    _page("/ops", wall.ops),
    Way("/healthz", ready.healthz, shut=False, says=centre.Alive),
    Way("/readyz", ready.readyz, shut=False, says=centre.Ready, also=(503,)),
    Way("/metrics", ready.metrics, ("text/plain",), shut=False),
    Way("/openapi.json", openapi.openapi, shut=False, says=centre.Document, also=(304,)),
    Way("/asyncapi.json", asyncapi.asyncapi, shut=False, says=centre.Document, also=(304,)),
    Way("/api/layers", api.layers, says=list[centre.LayerTold], also=(304,)),
    Way("/api/tiles", api.tiles, says=list[centre.TileTold], also=(304,)),
    Way("/api/sources", api.sources, says=list[kept.SourceTold], also=(304,)),
    Way(
        "/api/layers/{name}",
        api.layer,
        (GEOJSON, CSV),
        (asked.BBOX, asked.UNIT, asked.LIMIT, asked.AT, asked.KNOWN),
        says=centre.Items,
        also=(304,),
    ),
    Way(vector.PATH, vector.vector_tile, (vector.MVT,), also=(304,), heads=("ETag",)),
    Way(
        "/api/tiles/{name}",
        api.tile,
        (JSON,),
        (asked.UNIT, asked.FROM, asked.TO, asked.AT, asked.KNOWN),
        says=centre.TileDetail,
        also=(304,),
    ),
    Way("/api/sources/{id}", api.source, says=kept.SourceDetail, also=(304,)),
    Way("/api/ledger", ledgers.listed(names.LEDGER), says=list[kept.LedgerRow], also=(304,), wrong=(404,)),
    Way("/api/links", ledgers.listed(names.LINKS), says=list[kept.LinkRow], also=(304,), wrong=(404,)),
    Way("/api/scores", ledgers.listed(names.SCORES), says=list[kept.ScoreRow], also=(304,), wrong=(404,)),
    Way("/api/walls", ledgers.listed(names.WALLS), says=list[kept.WallRow], also=(304,), wrong=(404,)),
    Way("/api/checks", checks.checks, says=list[kept.CheckRow], also=(304,), wrong=(404,)),
    Way(
        "/api/ledger/{source}",
        ledgers.of_source,
        (JSON, CSV),
        (asked.PERIOD,),
        says=kept.LedgerDetail,
        also=(304,),
    ),
    Way(
        "/api/ledger/{source}/excuse",
        spoken.excuse,
        method="POST",
        takes=JSON,
        asks=spoken.Excusing,
        says=kept.Excused,
        status=202,
        wrong=(422,),
    ),
    Way("/api/tiles/{name}/seen", spoken.seen, method="POST", says=kept.SeenTold, status=202),
    Way("/api/alerts", ledgers.listed(names.ALERTS), says=list[kept.AlertRow], also=(304,), wrong=(404,)),
    Way("/api/alerts.cap", cap.alerts_cap, (cap.FEED,), also=(304,)),
    Way(
        "/api/alerts/claims",
        spoken.claim,
        method="POST",
        takes=JSON,
        asks=spoken.Claiming,
        says=kept.AlertClaimed,
        status=202,
        wrong=(404, 409),
    ),
    Way(
        "/api/reminders",
        spoken.reminders,
        (JSON,),
        (asked.FROM, asked.LIMIT),
        says=kept.Reminded,
        also=(304,),
        wrong=(404,),
    ),
    Way("/api/reminders/{id}/again", spoken.again, method="POST", says=kept.Again, status=202),
    Way(
        "/api/push/{source}",
        push.push,
        method="POST",
        takes=JSON,
        asks=push.BODY,
        says=kept.Pushed,
        status=202,
    ),
    Way("/api/bridge/{source}", bridge.bridge_template, (XLSX,), heads=("Content-Disposition",)),
    Way(
        "/api/bridge/{source}",
        bridge.bridge_sheet,
        (JSON, XLSX),
        method="POST",
        takes=bridge.FORM,
        asks=bridge.BODY,
        says=kept.SheetTaken,
        status=202,
        wrong=(409, 422),
    ),
    _citizens("/api/reports/units", wall.report_units, centre.Communes, gives=(GEOJSON,), also=(304,), wrong=()),
    _citizens("/api/reports/form", reports.form, citizen.Form, also=(304,), wrong=()),
    _citizens(
        "/api/reports",
        reports.file,
        citizen.Filed,
        method="POST",
        takes=JSON,
        asks=reports.Reporting,
        status=201,
        also=(200,),
    ),
    _citizens(
        "/api/reports/nearby", reports.nearby, citizen.Nearby, params=(reports.LON, reports.LAT, reports.CATEGORY)
    ),
    _citizens(
        "/api/reports/map",
        reports.reports_map,
        citizen.ReportsMap,
        gives=(GEOJSON,),
        params=(asked.BBOX,),
        also=(304,),
        wrong=(429,),
    ),
    _citizens("/api/reports/followed", reports.followed, citizen.Followed, headers=(reports.FOLLOW,), wrong=(429,)),
    _citizens(
        "/api/reports/followed/steps",
        reports.followed_step,
        citizen.Followed,
        method="POST",
        takes=JSON,
        asks=reports.Telling,
        headers=(reports.FOLLOW,),
        wrong=(403, 409, 422, 429),
    ),
    _citizens(
        "/api/reports/followed/satisfied",
        reports.followed_satisfied,
        citizen.Followed,
        method="POST",
        takes=JSON,
        asks=reports.Content,
        headers=(reports.FOLLOW,),
        wrong=(403, 409, 422, 429),
    ),
    Way(
        "/api/reports/photos/{stored}",
        report_photos.photo,
        ("image/jpeg", "video/mp4", "video/webm"),
        shut=False,
        wrong=(416,),
    ),
    _citizens(
        "/api/reports/{id}/support",
        reports.support,
        citizen.Supported,
        method="POST",
        takes=JSON,
        asks=reports.Supporting,
        status=201,
    ),
    Way(
        "/api/reports/{id}/photos/{hash}",
        report_photos.photo_offset,
        (),
        method="HEAD",
        shut=False,
        heads=report_photos.HEADS,
        headers=(reports.FOLLOW,),
    ),
    Way(
        "/api/reports/{id}/photos/{hash}",
        report_photos.photo_part,
        method="PATCH",
        takes="application/offset+octet-stream",
        asks=BYTES,
        says=citizen.PhotoTaken,
        status=201,
        also=(204,),
        shut=False,
        wrong=(409, 422),
        headers=(reports.FOLLOW, report_photos.OFFSET),
    ),
    _desks("me", desk.desk_me, desk_answers.Me, also=(304,)),
    _desks("queue", desk.desk_queue, desk_answers.Queue, params=desk_asked.PARAMS, also=(304,), wrong=(422,)),
    _desks("templates", desk.desk_templates, list[desk_answers.TemplateTold], also=(304,)),
    _desks(
        "export",
        desk_export.desk_export,
        desk_answers.Export,
        gives=(CSV, XLSX, GEOJSON),
        params=desk_asked.PARAMS,
        heads=("Content-Disposition",),
        wrong=(422,),
    ),
    _desks(
        "figures",
        desk_figures.desk_figures,
        desk_answers.Figures,
        gives=(JSON, CSV, XLSX),
        params=desk_asked.FIGURES,
        also=(304,),
        wrong=(422,),
    ),
    _desks(
        "reports",
        desk.desk_file,
        desk_answers.Told,
        method="POST",
        takes=JSON,
        asks=desk.Phoned,
        status=201,
        also=(200,),
        wrong=(422,),
    ),
    _desks("reports/{id}", desk.desk_report, desk_answers.Whole, also=(304,)),
    _desks(
        "reports/{id}/steps",
        desk.desk_step,
        desk_answers.Stepped,
        method="POST",
        takes=JSON,
        asks=desk.Stepping,
        wrong=(409, 422),
    ),
    _desks("reports/{id}/claim", desk.desk_claim, desk_answers.Claim, method="POST", wrong=(409,)),
    _desks("reports/{id}/claim", desk.desk_release, None, gives=(), method="DELETE", status=204),
    _desks("reports/{id}/person", desk.desk_person, desk_answers.PersonTold),
    _desks(
        "reports/{id}/photos",
        desk.desk_photo,
        desk_answers.DeskPhoto,
        method="POST",
        takes="image/*",
        asks=BYTES,
        status=201,
        wrong=(422,),
    ),
    Way("/api/screens/{name}", wall.screen, says=centre.ScreenTold, also=(304,)),
    Way("/api/units", wall.units, (GEOJSON,), says=centre.Communes, also=(304,)),
    *(
        Way(
            f"{open311.BASE}/{path}.{{form}}",
            call,
            GEOREPORT,
            params,
            shut=False,
            wrong=() if call is open311.discovery_here else (429,),
            errors=GEOREPORT,
            says=says,
        )
        for path, call, params, says in OPEN311
    ),
    Way(
        "/open311/discovery.{form}",
        open311.discovery,
        GEOREPORT,
        shut=False,
        errors=GEOREPORT,
        says=georeport.Discovery,
    ),
    Way(
        f"{open311.BASE}/requests.{{form}}",
        open311.file_request,
        GEOREPORT,
        method="POST",
        takes=open311.FORM,
        asks=open311.BODY,
        says=list[georeport.Posted],
        status=201,
        also=(200,),
        wrong=(401, 403, 429),
        shut=False,
        errors=GEOREPORT,
        headers=(open311.ONCE,),
    ),
    Way("/static/{path}", wall.static, ("*/*",), shut=False, also=(304,)),
    Way(
        wall.BASEMAP,
        wall.basemap,
        (wall.PMTILES,),
        also=(206,),
        wrong=(404, 416),
        errors=(openapi.PROBLEM, "text/plain"),
        headers=(wall.RANGE,),
    ),
    Way(
        "/api/session",
        wall.session,
        (),
        method="POST",
        takes=JSON,
        asks=wall.Entry,
        status=204,
        shut=False,
        wrong=(401, 403, 429, 503),
        heads=("Set-Cookie",),
    ),
)


def routes(door: Door, gate: Gate) -> list[BaseRoute]:
    """All routes, in the order in which they are tried; the methods of one path are one route, which names them all."""
    socket = Socket(gate)
    paths: dict[str, dict[str, Call]] = {}
    for way in WAYS:
        # what is static lies in folders
        paths.setdefault(way.path.replace("{path}", "{path:path}"), {})[way.method] = way.call
    return [
        *(Route(path, _by_method(calls), methods=list(calls)) for path, calls in paths.items()),
        WebSocketRoute(PATH, socket),
        Route(PATH, socket),
    ]


def _by_method(calls: Mapping[str, Call]) -> Call:
    async def answer(request: Request) -> Response:
        return await calls[request.method if request.method in calls else "GET"](request)

    return answer
