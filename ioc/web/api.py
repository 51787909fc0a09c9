"""The API that reads: layers, tiles and sources, now and as they were. A key sees what it opens, and no more."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ioc import clock, names
from ioc.contract import Contract
from ioc.db import asides as set_aside
from ioc.db import figures as figures_of
from ioc.db.session import Database
from ioc.roll import Roll
from ioc.web import asked as ask
from ioc.web import quality, table, vector
from ioc.web.access import Grant
from ioc.web.door import Door, door, known, opened
from ioc.web.mirror import Mirror
from ioc.web.past import items_at
from ioc.web.problems import Wrong
from ioc.web.scope import sight
from ioc.web.sight import Sight
from ioc.web.wall import as_json

HISTORY = timedelta(days=1)
MOST_FIGURES = 1000
MOST_ASIDES = 100


def _both(pair: tuple[str, str]) -> dict[str, str]:
    return {"vi": pair[0], "en": pair[1]}


def _quality(mirror: Mirror, seen: Sight) -> msgspec.Raw:
    return msgspec.Raw(mirror.quality_for(seen))


def _database(here: Door) -> Database:
    if here.db is None:
        raise Wrong("This server has no archive; the past can't be asked here.", 503)
    return here.db


def _open(here: Door, grant: Grant, kind: str) -> Iterable[Mirror]:
    """The mirrors of a kind that the caller's key opens."""
    found = here.hub.mirrors.items()
    return [mirror for name, mirror in found if mirror.channel.kind == kind and grant.may(name)]


async def layers(request: Request) -> Response:
    """The layers that the caller may see, each with its channel, title, quality and number of items."""
    grant, here = await known(request), door(request)
    told = []
    for mirror in _open(here, grant, "layer"):
        seen = sight(grant, mirror.channel)
        name = mirror.channel.name.removeprefix("layer/")
        layer = here.layers.get(name)
        about = {
            "name": name, "channel": mirror.channel.name, "title": _both(layer.title if layer else (name, name)),
            "views": mirror.channel.views, "far": mirror.channel.far, "paint": getattr(layer, "paint", None),
            "vector": vector.PATH.replace("{layer}", name) if mirror.channel.views else None,
            "count": mirror.count(seen), "quality": _quality(mirror, seen),
        }  # fmt: skip
        told.append(about | ({} if seen.partial else {"sources": list(mirror.channel.sources)}))
    return as_json(request, told)


async def tiles(request: Request) -> Response:
    """The tiles that the caller may see, each with its channel, label, unit of measure, quality and items."""
    grant, here = await known(request), door(request)
    told = []
    for mirror in _open(here, grant, "tile"):
        name = mirror.channel.name.removeprefix("tile/")
        told.append(_about_tile(here, name, mirror, sight(grant, mirror.channel)))
    return as_json(request, told)


def _about_tile(here: Door, name: str, mirror: Mirror, seen: Sight) -> dict[str, Any]:
    title = here.titles.get(name) or {"label": (name, name), "unit": ("", ""), "over": None, "by_unit": True}
    items = {unit: msgspec.Raw(body) for unit, body in mirror.seen(seen)}
    return {
        "name": name, "channel": mirror.channel.name, "label": _both(title["label"]), "unit": _both(title["unit"]),
        "over": title["over"], "by_unit": title["by_unit"], "quality": _quality(mirror, seen), "items": items,
    }  # fmt: skip


def _unlisted(contract: Contract) -> Contract:
    """The contract without the rows of its list of reporters, which the ledger tells."""
    if not isinstance(contract.reporters, Roll):
        return contract
    return msgspec.structs.replace(contract, reporters=msgspec.structs.replace(contract.reporters, listed=()))


def _about_source(here: Door, name: str, body: bytes) -> dict[str, Any]:
    about: dict[str, Any] = msgspec.json.decode(body)
    source = here.settings.sources.get(name)
    title = source.title if source is not None else (name, name)
    contract = msgspec.to_builtins(_unlisted(source.contract)) if source is not None else None
    # what was written may be older than it says: past due it is late by our own clock too
    state, why = quality.state_of(quality.read_source(name, body), here.hub.clock())
    return about | {"name": name, "title": _both(title), "contract": contract, "state": state, "why": why}


async def sources(request: Request) -> Response:
    """The sources: state, contract, last answer, counts. A key of some communes sees none: they are the province's."""
    grant, here = await known(request), door(request)
    mirror = here.hub.mirrors[names.SOURCES]
    if not grant.may(names.SOURCES):
        return as_json(request, [])
    return as_json(
        request, [_about_source(here, name, body) for name, body in mirror.seen(sight(grant, mirror.channel))]
    )


async def source(request: Request) -> Response:
    """One source: contract, state, last errors, what stands set aside (raw for operators, none for other agencies)."""
    grant, mirror = await opened(request, names.SOURCES)
    here, name = door(request), request.path_params["id"]
    body = dict(mirror.seen(sight(grant, mirror.channel))).get(name)
    if body is None:
        raise Wrong("There is no source of that name; /api/sources lists them.", 404)
    told = _about_source(here, name, body)
    told["last_errors"] = [say for say in (told.get("last_error"), *told["checks"]["failed"]) if say]
    told["set_aside"], told["aside_reasons"] = [], {}
    # a record that was set aside may tell of another agency's report
    theirs = grant.role != "agency" or (told["contract"] or {}).get("owner") == (grant.agency or "")
    if here.db is not None and theirs:
        told["aside_reasons"] = await set_aside.reasons(here.db, name)
        fields = ["reason", "say", "subject", "first", "last", "count"]
        if grant.role in ("operator", "admin"):
            fields.append("raw")
        for row in await set_aside.asides(here.db, name, MOST_ASIDES):
            kept = {field: getattr(row, field) for field in fields}
            times = {field: clock.rfc3339(kept[field]) for field in ("first", "last")}
            told["set_aside"].append(kept | times)
    return as_json(request, told)


async def layer(request: Request) -> Response:
    """A layer as a GeoJSON FeatureCollection, or as CSV; now, or as it was."""
    grant, mirror = await opened(request, names.layer_channel(request.path_params["name"]))
    given = ask.asked(request, ask.BBOX, ask.UNIT, ask.LIMIT, ask.AT, ask.KNOWN)
    scope = sight(grant, mirror.channel)
    units = scope.units
    if given["unit"] is not None:
        units = given["unit"] if units is None else given["unit"] & units
    seen = scope._replace(units=units, view=given["bbox"])
    if given["at"] is not None or given["known"] is not None:
        return await _layer_then(request, mirror, seen, given)
    etag = _etag(mirror, _stable(scope), _stable(seen), given["limit"], ask.wants_csv(request))
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, Cookie"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    found = [body for _, body in mirror.seen(seen)]
    position = {"epoch": scope.epoch(mirror.epoch), "offset": mirror.offset}
    head = {"channel": mirror.channel.name, **position, "quality": _quality(mirror, scope)}
    return _collection(request, head, found, given["limit"], headers)


def _stable(seen: Sight) -> object:
    """A sight in a form that is the same in every process: a set's order is not."""
    return sorted(seen.units) if seen.units is not None else None, seen.agency, seen.view


def _etag(mirror: Mirror, *parts: object) -> str:
    """Changes with the position, with what is asked for, and with the quality (but not with its times alone)."""
    told = msgspec.json.decode(mirror.quality)
    if isinstance(told, dict):
        told = {name: value for name, value in told.items() if name not in ("observed", "received", "due")}
    body = msgspec.json.encode([str(part) for part in parts] + [told])
    return f'W/"{mirror.epoch}.{mirror.offset}.{hashlib.sha256(body).hexdigest()[:12]}"'


def _collection(
    request: Request, head: Mapping[str, Any], found: list[bytes], limit: int | None, headers: Mapping[str, str]
) -> Response:
    shown = found if limit is None else found[:limit]
    if ask.wants_csv(request):
        told = {**headers, "Content-Disposition": "inline"}
        return Response(table.features(shown), headers=told, media_type="text/csv; charset=utf-8")
    counts = {"numberMatched": len(found), "numberReturned": len(shown)}
    start = msgspec.json.encode({"type": "FeatureCollection", **head, **counts})
    body = b'%b,"features":[%b]}' % (start[:-1], b",".join(shown))
    return Response(body, headers=dict(headers), media_type="application/geo+json")


async def _layer_then(request: Request, mirror: Mirror, seen: Sight, given: Mapping[str, Any]) -> Response:
    here = door(request)
    folding = here.layers.get(mirror.channel.name.removeprefix("layer/"))
    if folding is None:
        raise Wrong("This layer keeps no past.", 404)
    items = await items_at(_database(here), folding, given["at"], given["known"], here.hub.clock())
    past = Mirror(mirror.channel)
    past.items = {name: item.encode() for name, item in items.items()}
    found = [body for _, body in past.seen(seen)]
    told = {name: clock.rfc3339(given[name]) if given[name] is not None else None for name in ("at", "known")}
    head = {"channel": mirror.channel.name, **told, "quality": None}
    return _collection(request, head, found, given["limit"], {"Cache-Control": "private, no-cache"})


async def tile(request: Request) -> Response:
    """A tile: its value, quality and history, now or as it was; in total, or of one commune (`unit`)."""
    name = request.path_params["name"]
    grant, mirror = await opened(request, names.tile_channel(name))
    given = ask.asked(request, ask.UNIT, ask.FROM, ask.TO, ask.AT, ask.KNOWN)
    here = door(request)
    told = _about_tile(here, name, mirror, sight(grant, mirror.channel))
    unit = _which(given["unit"], sight(grant, mirror.channel).units)
    past = given["at"] is not None or given["known"] is not None
    told |= {"of": unit, "item": told["items"].get(unit), "history": []}
    if past:
        noted = await figures_of.figure_at(_database(here), name, unit, given["at"], given["known"])
        told["item"] = msgspec.Raw(noted.item) if noted is not None else None
        told |= {word: clock.rfc3339(given[word]) for word in ("at", "known") if given[word] is not None}
        # what stands on the board now is not what was asked for
        told |= {"items": {}, "quality": None}
    if here.db is not None:
        until = given["to"] or given["at"] or given["known"]
        since = given["from"] or (until or here.hub.clock()) - HISTORY
        rows = await figures_of.figures(here.db, name, unit, since, until, MOST_FIGURES)
        told["history"] = [{"at": clock.rfc3339(row.at), "value": row.value} for row in rows]
    told["value"] = msgspec.json.decode(told["item"])["value"] if told["item"] is not None else None
    return as_json(request, told)


def _which(units: frozenset[str] | None, own: frozenset[str] | None) -> str:
    """The one unit whose figures are asked for: given, else the whole, else the key's own."""
    if units is not None and len(units) > 1:
        raise Wrong("A tile's history is of one commune at a time; name one unit.")
    if units is not None:
        (unit,) = units
    elif own is not None and len(own) == 1:
        (unit,) = own
    else:
        unit = "all"
    if own is not None and unit not in own:
        raise Wrong("Your key does not open these figures; name one of its own communes as unit.", 404)
    return unit
