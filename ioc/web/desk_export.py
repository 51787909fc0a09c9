"""Reports of the desk as CSV, XLSX or GeoJSON; who took how many away is noted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ioc.bridge.template import XLSX
from ioc.reports import export
from ioc.reports.desk import MOST, Found
from ioc.web import table
from ioc.web.desk import Seat, names, seat
from ioc.web.desk_asked import asked_for
from ioc.web.problems import Wrong

CSV, GEOJSON = "text/csv", "application/geo+json"
KINDS = {CSV: "csv", XLSX: "xlsx", GEOJSON: "geojson"}


async def desk_export(request: Request) -> Response:
    """What the queue's parameters ask for (here of all states), without persons; by Accept: CSV, XLSX or GeoJSON."""
    here = await seat(request)
    kind = accepted(request) or CSV
    found = await _all(request, here)
    called = await names(request)
    rows = [export.row(one, here.book.rules, called) for one in found]
    answer = await filed(kind, "reports", export.COLUMNS, rows)
    # noted before it leaves
    await here.book.looked(None, str(here.who.name), f"exported {len(rows)} reports as {KINDS[kind]}")
    return answer


def accepted(request: Request) -> str | None:
    """The first of KINDS that the caller takes; None: it names none."""
    named = (part.partition(";")[0].strip() for part in request.headers.get("accept", "").split(","))
    return next((one for one in named if one in KINDS), None)


async def filed(kind: str, name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Response:
    """The rows as a file of that kind, for nobody's cache."""
    if kind == CSV:
        made = table.rows(columns, rows)
    elif kind == XLSX:
        made = await asyncio.to_thread(export.workbook, rows, columns)
    else:
        made = msgspec.json.encode(export.collection(rows))
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}.{KINDS[kind]}"'}
    return Response(made, headers=headers, media_type=f"{kind}; charset=utf-8" if kind == CSV else kind)


async def _all(request: Request, here: Seat) -> list[Found]:
    asking = asked_for(request)
    most = min(int(request.query_params.get("limit") or export.MOST), export.MOST)
    asking = msgspec.structs.replace(asking, states=asking.states or ("all",), limit=MOST)
    found: list[Found] = []
    while True:
        page = await here.desk.queue(asking, here.who)
        found += page.found
        if len(found) > most:
            if "limit" in request.query_params:
                return found[:most]
            raise Wrong(f"More than {most:,} reports fit; ask for fewer with from, to, state or agency.", 422)
        if page.next is None:
            return found
        asking = msgspec.structs.replace(asking, after=page.next)
