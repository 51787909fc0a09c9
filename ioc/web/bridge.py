"""The bridge's door: an agency takes its template here, and sends it back filled in; the same checks as a dropped file.

202 only when everything is in the log; 422 names every bad cell, or is the answer workbook for who accepts one.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, cast
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ioc import catalog, clock, intake, retired
from ioc.adapter import Adapter, Answer, Reading
from ioc.bridge import package, template
from ioc.bridge.sheet import Keeper, Sent, Turned
from ioc.bridge.template import XLSX
from ioc.errors import UNREASONED, BadConfig, BadRecord, SourceDown
from ioc.settings import Source
from ioc.web import caller, parts
from ioc.web.access import Grant, Refused
from ioc.web.door import Door, door, grant_of
from ioc.web.problems import Wrong
from ioc.web.wall import limited
from ioc.web.way import BYTES

BRIDGE = "bridge"
"""The adapter of sources that are typed into sheets."""
FORM = "multipart/form-data"
BODY = {"type": "object", "required": ["sheet"], "properties": {"sheet": BYTES, "signature": BYTES}}
"""The JSON schema of the posted form: the workbook, and its detached signature."""
MAX_FORM = package.MAX_BYTES + 300 * 1024
MOST_NAMED = 500
"""Bad cells that the problem names one by one; the answer workbook names all."""


async def _may(request: Request) -> tuple[Grant, Door, Source, Adapter[Any]]:
    """Who may: an operator, an admin, the source's own key, or a key of the agency that owns the source."""
    grant, here, name = await grant_of(request), door(request), request.path_params["source"]
    if grant.key is None:
        raise Refused("A key is needed here; send it as Authorization: Bearer KEY.")
    source = here.settings.sources.get(name)
    own = source is not None and not grant.revoked and bool(grant.agency) and grant.agency == source.contract.owner
    if not (own or grant.may_push(name)):
        raise Refused("Your key does not send for this source; ask the operator for one that does.", 403)
    if source is None or source.adapter != BRIDGE:
        raise Wrong('No source of that name takes sheets; its settings need adapter = "bridge".', 404)
    if name not in here.adapters:
        try:
            here.adapters[name] = await asyncio.to_thread(catalog.open_adapter, source)
        except BadConfig as error:
            raise Wrong(f"This source can't be taken: {error.say}", 503) from None
    return grant, here, source, here.adapters[name]


async def bridge_template(request: Request) -> Response:
    """The present template of a source, as XLSX."""
    _, here, source, adapter = await _may(request)
    form, title = cast(Keeper, adapter).form, source.title[0] or source.name
    body = await asyncio.to_thread(template.make, form, title=title, province=here.settings.province.name)
    named = f'attachment; filename="{quote(source.name)}-{form.version}.xlsx"'
    return Response(body, 200, {"Cache-Control": "no-store", "Content-Disposition": named}, media_type=XLSX)


async def bridge_sheet(request: Request) -> Response:
    """Take a filled-in sheet (field `sheet`, and `signature` for a .p7s), or the workbook alone as the body.

    The answer counts what became of its rows, and names the signer. Bad cells: 422, with each cell in `errors`; who
    accepts a workbook gets the answer workbook instead.
    """
    _, here, source, adapter = await _may(request)
    if not caller.origin_fits(request.scope, here.settings.access):
        raise Wrong("Pages of this origin may not send; name it in [access] origins.", 403)
    if here.log is None:
        raise Wrong("This server has no log to write to; nothing was taken.", 503)
    sent = await _sent(request)
    answers = await here.log.answers()
    if (gone := retired.look(here.settings, source.name, answers, sent.at)) is not None:
        raise Wrong(gone.say, 409)
    answer = Answer(sent.body, name=sent.name, about={"signature": sent.signature, "at": sent.at})
    try:
        async with here.opening:
            readings: list[Reading | BadRecord] = await asyncio.to_thread(lambda: list(adapter.parse(answer)))
        weighed = intake.terms(source.contract, adapter.config, await here.units())
        taken = await intake.take(here.log, source.name, readings, weighed=weighed)
    except Turned as turned:
        return _turned(request, turned)
    except SourceDown as error:
        if error.say.startswith(UNREASONED):
            turned_for_reason = await asyncio.to_thread(cast(Keeper, adapter).turned, sent, reason=True)
            if turned_for_reason is not None:
                return _turned(request, turned_for_reason)
        raise Wrong(f"{error.say} Không có gì được ghi nhận.", 422) from None
    about = readings[0].properties if readings and isinstance(readings[0], Reading) else {}
    told = {
        "records": taken.records, "events": taken.told, "unchanged": taken.unchanged, "period": about.get("period"),
        "officer": about.get("officer"), "agency": about.get("agency"),
    }  # fmt: skip
    return Response(msgspec.json.encode(told), 202, {"Cache-Control": "no-store"}, media_type="application/json")


async def _sent(request: Request) -> Sent:
    """The sheet that came, and its signature. Raises Wrong; no more than the limit is read."""
    kind = request.headers.get("content-type", "")
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > MAX_FORM:
        raise Wrong(f"{package.too_large('Tệp')} Không có gì được ghi nhận.", 413)
    body = await limited(request, MAX_FORM)
    name, signature = "Tệp", None
    if kind.lower().startswith(FORM):
        given = parts.files(body, kind)
        if "sheet" not in given:
            raise Wrong("The form has no field sheet; send the workbook as sheet, and its .p7s as signature.")
        name, body = given["sheet"]
        signature = given["signature"][1] if "signature" in given else None
    return Sent(body, re.sub(r"[^\w .()-]", "", name)[:100] or "Tệp", signature, clock.now())


def _turned(request: Request, turned: Turned) -> Response:
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    if XLSX in request.headers.get("accept", ""):
        headers["Content-Disposition"] = 'attachment; filename="tra-loi.xlsx"'
        return Response(turned.answer, 422, headers, media_type=XLSX)
    errors = [{"where": one.cell, "cell": one.cell, "say": one.say} for one in turned.errors[:MOST_NAMED]]
    say = f"{turned.say} Gửi lại với Accept: {XLSX} để nhận tệp có đánh dấu từng ô sai."
    raise Wrong(say, 422, errors)
