"""What became of the reports, over HTTP: by agency, commune or category, and of the shift; as CSV or XLSX too."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from ioc import clock
from ioc.reports import figures
from ioc.web import asked as ask
from ioc.web.desk import names, seat
from ioc.web.desk_asked import FIGURES
from ioc.web.desk_export import GEOJSON, accepted, filed
from ioc.web.door import door
from ioc.web.problems import Wrong
from ioc.web.wall import as_json

SPAN, LONGEST = timedelta(days=30), timedelta(days=366)


async def desk_figures(request: Request) -> Response:
    """The figures of the reports filed from `from` (30 days before `to` when left out) until `to` (now), by `by`."""
    here = await seat(request)
    given = ask.asked(request, *FIGURES)
    until = given["to"] or door(request).hub.clock()
    since = given["from"] or until - SPAN
    if until - since > LONGEST:
        raise Wrong(f"A span has {LONGEST.days} days at most; ask for fewer with from and to.", 422)
    counted = figures.Figures(here.book.db, here.book.rules, await names(request), now=door(request).hub.clock)
    wanted = figures.Wanted(
        by=given["by"] or "agency", since=since, until=until, agency=given["agency"], category=given["category"],
        units=tuple(given["unit"] or ()),
    )  # fmt: skip
    rows, whole = await counted.by(wanted, here.who)
    kind = accepted(request)
    if kind is not None and kind != GEOJSON:
        return await filed(kind, "figures", figures.COLUMNS, [*rows, whole])
    return as_json(request, {
        "by": wanted.by, "from": clock.rfc3339(since), "to": clock.rfc3339(until), "rows": rows, "all": whole,
        "shift": await counted.shift(here.who),
    })  # fmt: skip
