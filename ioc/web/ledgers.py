"""What the health watch keeps, over HTTP; and the ledger in full: who told of a period, who is missing or excused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ioc import clock, ledger, names
from ioc.period import Period
from ioc.settings import Source
from ioc.web import asked as ask
from ioc.web import table
from ioc.web.door import Door, door, opened
from ioc.web.problems import Wrong
from ioc.web.scope import sight
from ioc.web.wall import as_json

LAYER = names.layer_channel(names.LEDGER)


def listed(channel: str) -> Callable[[Request], Awaitable[Response]]:
    """An address that lists the items of a channel that the health watch writes."""

    async def items(request: Request) -> Response:
        grant, mirror = await opened(request, channel)
        return as_json(request, [msgspec.Raw(body) for _, body in mirror.seen(sight(grant, mirror.channel))])

    items.__name__ = channel
    items.__doc__ = f"The items of the channel `{channel}`, as the health watch keeps them."
    return items


async def of_source(request: Request) -> Response:
    """Every reporter of one source in one period (`period`; the newest when left out), those who are missing first."""
    grant, mirror = await opened(request, names.LEDGER)
    here, name = door(request), request.path_params["source"]
    source = here.settings.sources.get(name)
    if source is None or name not in dict(mirror.seen(sight(grant, mirror.channel))):
        raise Wrong("There is no source of that name; /api/sources lists them.", 404)
    if source.contract.due is None:
        raise Wrong("This source owes an answer every so often, and no periods; its ledger is in /api/ledger.", 404)
    given = ask.asked(request, ask.PERIOD)
    at = source.contract.due.meant(given["period"]) if given["period"] else _newest(here, source)
    found = await _entries(here, source, at)
    if ask.wants_csv(request):
        listed = _listed(source)
        found = [{**entry, "period": at.text, **listed} for entry in found]
        headers = {"Content-Disposition": f'attachment; filename="{name}-{at.text.replace("/", "-")}.csv"'}
        return Response(table.rows(_COLUMNS, found), headers=headers, media_type="text/csv; charset=utf-8")
    told: dict[str, Any] = {"source": name, "owner": source.contract.owner, "period": at.text, "expect": len(found)}
    told["list"] = ledger.listing(source.contract)
    told["due"] = clock.rfc3339(source.contract.due.at(at, here.settings.calendar))
    told |= {state: sum(entry["state"] == state for entry in found) for state in ledger.WORST_FIRST}
    return as_json(request, {**told, "entries": found})


_COLUMNS = (
    "reporter",
    "name",
    "state",
    "reported",
    "why",
    "by",
    "period",
    "list_as_of",
    "list_invented",
    "list_source",
)


def _listed(source: Source) -> dict[str, Any]:
    """The date, mark and source of the list of reporters, as they stand in each row."""
    return {f"list_{name}": value for name, value in (ledger.listing(source.contract) or {}).items()}


def _newest(here: Door, source: Source) -> Period:
    return ledger.periods(source.contract, here.hub.clock(), here.settings.calendar, count=1)[0]


async def _entries(here: Door, source: Source, at: Period) -> list[dict[str, Any]]:
    mirror = here.hub.mirrors.get(LAYER)
    body = mirror.items.get(f"{source.name}/{at.text}") if mirror is not None else None
    told = msgspec.json.decode(body)["properties"] if body is not None else {}
    units: dict[str, str] = {}
    if source.contract.reporters == "units":
        units = {unit.code: unit.name for unit in (await here.units()).all()}
    reporters, called = ledger.expected(source.contract, tuple(units), at), ledger.called(source.contract, units, at)
    now, calendar = here.hub.clock(), here.settings.calendar
    found = ledger.entries(source.contract, reporters, at, told, now, calendar)
    found.sort(key=lambda entry: ledger.WORST_FIRST.index(entry.state))
    return [
        {
            "reporter": entry.reporter or source.name,
            "name": called.get(entry.reporter) or entry.reporter or source.title[0],
            "state": entry.state, "reported": entry.reported,
            "why": entry.excuse.why if entry.excuse else None, "by": entry.excuse.by if entry.excuse else None,
        }
        for entry in found
    ]  # fmt: skip
