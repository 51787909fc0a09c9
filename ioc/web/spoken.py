"""What people say over HTTP: excuses, revisions seen, alerts taken, reminders to go out again; and the reminders."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ioc import clock, names
from ioc.db import reminders as book
from ioc.db.session import Database
from ioc.intake import said
from ioc.log import Log
from ioc.web import asked as ask
from ioc.web import caller
from ioc.web.access import Grant, Refused
from ioc.web.door import Door, door, grant_of, opened
from ioc.web.problems import Wrong
from ioc.web.scope import sight
from ioc.web.wall import as_json, limited

MAX_BODY = 16 * 1024


class Excusing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an excuse. `by`: who says so; the key's name, when left out. `take_back`: it holds no longer."""

    period: str
    reporter: str
    why: str = ""
    by: str | None = None
    take_back: bool = False


async def excuse(request: Request) -> Response:
    """Excuse a reporter from telling of a period, with a reason; or take that back."""
    grant, here = await _spoken(request, "operator"), door(request)
    source = here.settings.sources.get(request.path_params["source"])
    if source is None or not grant.may(names.LEDGER):
        raise Wrong("There is no source of that name; /api/sources lists them.", 404)
    log = _log(here)
    try:
        told = msgspec.json.decode(await limited(request, MAX_BODY), type=Excusing)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong(f"The body is no excuse ({error}); send period, reporter and why as JSON.") from None
    units: list[str] = []
    if source.contract.reporters == "units":
        units = [unit.code for unit in (await here.units()).all()]
    try:
        event = await said.excuse(
            log, source, told.period, told.reporter, why=told.why, by=told.by or grant.name, take_back=told.take_back,
            units=units, calendar=here.settings.calendar, now=here.hub.clock(),
        )  # fmt: skip
    except said.Unfit as error:
        raise Wrong(error.say, 422) from None
    return _answer({"source": source.name, "period": event.subject.partition("/")[2], "reporter": told.reporter}, 202)


async def seen(request: Request) -> Response:
    """Acknowledge that a tile's figure was revised: the mark goes from every screen."""
    grant, here, name = await _spoken(request, "leader"), door(request), request.path_params["name"]
    channel = names.tile_channel(name)
    if name not in here.titles or not grant.may(channel):
        raise Wrong("There is no tile of that name; /api/tiles lists them.", 404)
    rows = _revised(here, name, grant)
    await said.seen(_log(here), rows, by=grant.name, now=here.hub.clock())
    return _answer({"name": name, "rows": len(rows)}, 202)


def _revised(here: Door, name: str, grant: Grant) -> dict[str, str | None]:
    """The rows behind a tile that were revised, and that nobody took note of since; each with its commune."""
    mirror = here.hub.mirrors.get(names.layer_channel(str(here.titles[name]["over"])))
    items = dict(mirror.seen(sight(grant, mirror.channel))) if mirror is not None else {}
    found: dict[str, str | None] = {}
    for row, body in items.items():
        # the hub never decodes items; this is asked seldom, and most rows are told by their bytes
        if b'"before"' not in body:
            continue
        told, note = _properties(body), items.get(names.seen_subject(row))
        if told.get("indicator") != name or "before" not in told:
            continue
        if note is None or clock.parse(_properties(note)["received"]) < clock.parse(told["received"]):
            found[row] = told.get("unit")
    return found


def _properties(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(body)["properties"]
    return found


class Claiming(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a claim: `id` of an open alert. `take_back`: it is given back, for another to take."""

    id: str
    take_back: bool = False


async def claim(request: Request) -> Response:
    """Take an open alert: every screen shows who has it; or give it back."""
    grant, here = await _spoken(request, "operator"), door(request)
    _, mirror = await opened(request, names.ALERTS)
    try:
        told = msgspec.json.decode(await limited(request, MAX_BODY), type=Claiming)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong(f"The body is no claim ({error}); send the id of an open alert as JSON.") from None
    body = dict(mirror.seen(sight(grant, mirror.channel))).get(told.id)
    if body is None:
        raise Wrong("There is no open alert of that id; /api/alerts lists them.", 404)
    alert = msgspec.json.decode(body)
    taken = alert.get("claimed")
    if taken and taken != grant.name:
        raise Wrong(f"{taken} has this alert; it must be given back first.", 409)
    await said.claim(_log(here), told.id, alert["since"], by=grant.name, take_back=told.take_back, now=here.hub.clock())
    return _answer({"id": told.id, "claimed": None if told.take_back else grant.name}, 202)


async def reminders(request: Request) -> Response:
    """The reminder ledger: how many each agency has had this year; for operators each one, with its receipt."""
    grant, mirror = await opened(request, names.REMINDERS)
    told: dict[str, Any] = {
        "agencies": [msgspec.Raw(body) for _, body in mirror.seen(sight(grant, mirror.channel))],
    }
    here = door(request)
    if grant.operates and here.db is not None:
        given = ask.asked(request, ask.FROM, ask.LIMIT)
        rows = await book.listed(here.db, after=given["from"], limit=min(given["limit"] or 200, 1000))
        told["reminders"] = [_row(row) for row in rows]
    return as_json(request, told)


def _row(row: Any) -> dict[str, Any]:
    times = ("due", "created", "next", "sent", "excused", "ended")
    return {**row, **{name: clock.rfc3339(row[name]) if row[name] is not None else None for name in times}}


async def again(request: Request) -> Response:
    """Send a reminder again that failed, or of which nobody knows whether it arrived."""
    await _spoken(request, "operator")
    here, name = door(request), request.path_params["id"]
    if not await book.again(_db(here), name, here.hub.clock()):
        say = "There is no reminder of that id that failed or is unknown; /api/reminders lists them with their states."
        raise Wrong(say, 404)
    return _answer({"id": name, "state": "waiting"}, 202)


async def _spoken(request: Request, least: str) -> Grant:
    """The grant of somebody who may say this: an operator, or (`least` leader) a leader too. Raises Refused, Wrong."""
    grant = await grant_of(request)
    if grant.key is None:
        raise Refused("A key is needed here; send it as Authorization: Bearer KEY.")
    if not (grant.operates or (least == "leader" and grant.leads)):
        raise Refused(f"Your key may not say this; ask for one with the role {least}.", 403)
    if not caller.origin_fits(request.scope, door(request).settings.access):
        raise Wrong("Pages of this origin may not send; name it in [access] origins.", 403)
    return grant


def _log(here: Door) -> Log:
    if here.log is None:
        raise Wrong("This server has no log to write to; nothing was taken.", 503)
    return here.log


def _db(here: Door) -> Database:
    if here.db is None:
        raise Wrong("This server has no database; nothing was changed.", 503)
    return here.db


def _answer(told: dict[str, Any], status: int) -> Response:
    return Response(msgspec.json.encode(told), status, {"Cache-Control": "no-store"}, media_type="application/json")
