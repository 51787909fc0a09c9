"""The push door: a source that sends instead of being asked. 202 only when everything is in the log."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ioc import catalog, intake
from ioc.adapter import Adapter, Answer, Reading
from ioc.errors import BadConfig, BadRecord, SourceDown, SourceRefused, StoreAway
from ioc.web import caller
from ioc.web.access import Refused
from ioc.web.door import Door, door, grant_of
from ioc.web.problems import Wrong
from ioc.web.wall import limited

MAX_BODY = 4 * 1024 * 1024
BODY = {"anyOf": [{"type": "array", "items": {"type": "object"}}, {"type": "object"}]}
"""The JSON schema of a post; what is in a record is for the source's settings to say."""
MOST_ASIDE = 100
"""Records set aside that are named one by one in the answer."""


def _adapter(here: Door, name: str) -> Adapter[Any]:
    source = here.settings.sources.get(name)
    if source is None or not source.sends:
        raise Wrong('No source of that name sends here; its settings need adapter = "push" (or pushed = true).', 404)
    if name not in here.adapters:
        try:
            here.adapters[name] = catalog.open_adapter(source)
        except BadConfig as error:
            raise Wrong(f"This source can't be taken: {error.say}", 503) from None
    return here.adapters[name]


async def push(request: Request) -> Response:
    """Take records of a source that sends; idempotent by the sender's id. The answer counts what became of them."""
    grant, here, name = await grant_of(request), door(request), request.path_params["source"]
    if not grant.may_push(name):
        if grant.key is None:
            raise Refused("A key of this source is needed here; send it as Authorization: Bearer KEY.")
        raise Refused("Your key does not send for this source; ask the operator for one that does.", 403)
    if not caller.origin_fits(request.scope, here.settings.access):
        raise Wrong("Pages of this origin may not send; name it in [access] origins.", 403)
    adapter = _adapter(here, name)
    if here.log is None:
        raise Wrong("This server has no log to write to; nothing was taken.", 503)
    body = await limited(request, MAX_BODY)
    about = {"content_type": request.headers.get("content-type", "")}
    results = await asyncio.to_thread(_parse, adapter, Answer(body, name="push", about=about))
    weighed = intake.terms(here.settings.sources[name].contract, adapter.config, await here.units())
    weighed["reasons"] = "each"
    try:
        taken = await intake.take(here.log, name, results, weighed=weighed)
    except StoreAway as error:
        say = f"{error.say} Nothing is known to be kept: send it again, with the same ids; nothing is taken twice."
        raise StoreAway(say) from None
    told = {
        "records": taken.records, "events": taken.told, "unchanged": taken.unchanged, "duplicates": taken.duplicates,
        "set_aside": taken.set_aside, "reasons": taken.reasons, "aside": _aside(results),
    }  # fmt: skip
    return Response(msgspec.json.encode(told), 202, {"Cache-Control": "no-store"}, media_type="application/json")


def _parse(adapter: Adapter[Any], answer: Answer) -> list[Reading | BadRecord]:
    try:
        return list(adapter.parse(answer))
    except (SourceDown, SourceRefused) as error:
        raise Wrong(f"{error.say} Nothing was stored.") from None


def _aside(results: list[Reading | BadRecord]) -> list[dict[str, Any]]:
    bad = [(number, result) for number, result in enumerate(results, start=1) if isinstance(result, BadRecord)]
    return [
        {"record": number, "subject": result.subject, "reason": result.reason, "say": result.say}
        for number, result in bad[:MOST_ASIDE]
    ]
