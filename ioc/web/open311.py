"""The Open311 server (GeoReport v2): categories, reports and their filing for clients of others, in XML and JSON.

Reading needs no key, as far as reports are public; filing needs one in the form (`api_key`), or as Authorization:
Bearer KEY, never in the address. Errors come in the published form. Source: wiki.open311.org/GeoReport_v2.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ioc import clock, fields
from ioc.errors import StoreAway
from ioc.report_rules import Jurisdiction, Reports
from ioc.reports import georeport, georeport_rows
from ioc.reports.book import Filing, Unfit, Who, digest
from ioc.reports.georeport_form import LIMITS, Faulty, Pairs, Posted, Wanted, posted, wanted
from ioc.web import caller
from ioc.web.access import Grant, Refused
from ioc.web.asked import Param
from ioc.web.door import Desk, desk, door
from ioc.web.open311_xml import FORMS, XML, written
from ioc.web.problems import Wrong, http
from ioc.web.wall import limited

log = logging.getLogger("ioc.web")

BASE = "/open311/v2"
KEY_ROLE = "push:open311"
"""Role of keys that file in the province's own jurisdiction; `push:open311/ID` in another one."""
MAX_FORM = 256 * 1024
MOST_FIELDS = 500
FORM = "application/x-www-form-urlencoded"
BODY = {
    "type": "object",
    "required": ["service_code"],
    "properties": {
        name: {"type": "string"}
        for name in ("api_key", "jurisdiction_id", "service_code", "lat", "long", "description")
    }
    | {name: {"type": "string", "maxLength": most} for name, most in LIMITS.items()},
    "patternProperties": {r"^attribute\[[^\[\]]+\](\[\])?$": {"type": "string"}},
}
"""The JSON schema of a posted form, as the OpenAPI document tells it; it is read in `ioc.reports.georeport_form`."""
AWAY = (503, "Reports can't be reached at this moment; nothing was stored. Try again in a few seconds.")


def _param(name: str, say: str, kind: str = "string") -> Param:
    return Param(name, say, {"type": kind}, str)


ONCE = _param("Idempotency-Key", "the same from the same key is the same report")
JURISDICTION = _param("jurisdiction_id", "which jurisdiction; may be left out where there is one")
FILTERS = (
    JURISDICTION,
    _param("service_request_id", "these requests alone, parted by commas"),
    _param("service_code", "of these kinds, parted by commas"),
    _param("start_date", "requested from this time on; 90 days at most up to end_date"),
    _param("end_date", "requested up to this time"),
    _param("status", "open, closed, or both with a comma between"),
    _param("updated_after", "updated from this time on"),
    _param("updated_before", "updated up to this time"),
    _param("page", "which page, from 1 on", "integer"),
    _param("page_size", "how many requests a page has, 1000 at most", "integer"),
)
"""Query parameters of requests, as the OpenAPI document tells them; they are read in `ioc.reports.georeport_form`."""

ASTRAY = {
    404: f"There is nothing at this address; GET {BASE}/discovery.xml, or .json, says what is here.",
    405: "This address does not take that method; read with GET; POST requests files one.",
}
Answers = Callable[[Request], Awaitable[Response]]


def in_its_form(call: Answers) -> Answers:
    """Errors of a call, in the published form of GeoReport and in the form that its address asks for."""

    @wraps(call)
    async def answer(request: Request) -> Response:
        headers: dict[str, str] = {}
        try:
            if request.path_params["form"] not in FORMS:
                raise Faulty((404, "There is no such form; end the address in .xml or .json."))
            return await call(request)
        except Faulty as error:
            faults = error.faults
        except Wrong as error:
            faults = ((error.status, error.say),)
        except Refused as error:
            faults = ((error.status, error.say),)
            headers = {"Retry-After": str(error.wait_s)} if error.status == 429 else {}
        except (StoreAway, sa.exc.DBAPIError, sa.exc.TimeoutError, OSError) as error:
            log.warning("%s %s: the reports can't be reached (%s).", request.method, BASE, type(error).__name__)
            faults, headers = (AWAY,), {"Retry-After": "5"}
        except Exception as error:
            log.error("%s %s failed.", request.method, request.url.path, exc_info=error)
            faults = ((500, "The server made a mistake; it was noted, and nothing was changed. Try again later."),)
        return _told(request, "errors", georeport.errors(faults), faults[0][0], headers)

    return answer


def turned(path: str, status: int, say: str, headers: Mapping[str, str] | None = None) -> Response | None:
    """An error for a call that is turned away before it is looked at; None: it is no call of GeoReport."""
    if not f"{path}/".startswith("/open311/"):
        return None
    form = path.rpartition(".")[2]
    body = written(form if form in FORMS else "xml", "errors", georeport.errors([(status, say)]))
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(body, status, kept, media_type=f"{FORMS.get(form, XML)}; charset=utf-8")


async def astray(request: Request, error: Exception) -> Response:
    """Who asks for an address or a method that is not here: told so in the form that the address is of."""
    assert isinstance(error, HTTPException)
    say = ASTRAY.get(error.status_code, f"{error.detail}.")
    return turned(request.url.path, error.status_code, say, error.headers) or await http(request, error)


def _told(
    request: Request, root: str, value: Any, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    asked = request.path_params["form"]
    form = asked if asked in FORMS else "xml"
    head = {"Cache-Control": "no-store", "Vary": "Accept-Language", **(headers or {})}
    return Response(written(form, root, value), status, head, media_type=f"{FORMS[form]}; charset=utf-8")


def _english(request: Request) -> bool:
    """Whether the caller would rather read English; else it is Vietnamese."""
    return request.headers.get("accept-language", "").strip().lower().startswith("en")


def _jurisdiction(rules: Reports, given: str | None) -> tuple[str, Jurisdiction]:
    """The jurisdiction that is asked for; without a word the only one. Raises Faulty."""
    own = Jurisdiction(per_key=rules.open311.per_key, batch=rules.open311.batch)
    known = {**rules.open311.jurisdictions, rules.jurisdiction: own}
    if not given:
        if len(known) > 1:
            raise Faulty((400, "jurisdiction_id was not provided; this server serves more than one."))
        return rules.jurisdiction, own
    if given not in known:
        raise Faulty((404, f"jurisdiction_id {fields.shown(given)} was not found."))
    return given, known[given]


async def _asked(request: Request) -> tuple[Desk, str, Jurisdiction]:
    """The desk, and the jurisdiction asked for. Raises Faulty, Wrong, and Refused when an address asks too often."""
    here = door(request)
    found = desk(here)
    wait = await found.rates.wait("reads", digest(caller.household(request.scope, here.settings.access)))
    if wait > 0:
        raise Refused(f"Your address asks too often; go on in {wait} seconds.", 429, wait)
    return found, *_jurisdiction(found.rules, request.query_params.get("jurisdiction_id"))


@in_its_form
async def services(request: Request) -> Response:
    """The kinds of reports that may be filed (GeoReport: GET service list)."""
    found, _, jurisdiction = await _asked(request)
    return _told(request, "services", georeport.services(found.rules, _english(request), jurisdiction.batch))


@in_its_form
async def service_definition(request: Request) -> Response:
    """What is asked of a report of one kind beside its words (GeoReport: GET service definition)."""
    found, *_ = await _asked(request)
    code = request.path_params["code"]
    if (category := found.rules.categories.get(code)) is None:
        raise Faulty((404, f"service_code {fields.shown(code)} was not found; GET services lists them."))
    return _told(request, "service_definition", georeport.definition(code, category, _english(request)))


@in_its_form
async def service_requests(request: Request) -> Response:
    """Reports of one jurisdiction that are public, filtered and in pages (GeoReport: GET service requests)."""
    here, name, _ = await _asked(request)
    query = wanted(request.query_params.multi_items(), clock.now())
    return _told(request, "service_requests", await _read(request, here, name, query))


@in_its_form
async def service_request(request: Request) -> Response:
    """One report that is public (GeoReport: GET service request)."""
    here, name, _ = await _asked(request)
    number = request.path_params["id"]
    query = wanted([("service_request_id", number)], clock.now())
    if len(query.numbers) != 1 or not (found := await _read(request, here, name, query)):
        raise Faulty((404, f"service_request_id {fields.shown(number)} was not found."))
    return _told(request, "service_requests", found)


async def _read(request: Request, here: Desk, jurisdiction: str, query: Wanted) -> list[dict[str, Any]]:
    base = _base(request)
    found = await georeport_rows.find(
        here.book.db, here.rules, jurisdiction, query, lambda stored: f"{base}/api/reports/photos/{stored}"
    )
    return [georeport.request(one, here.rules, _english(request)) for one in found]


@in_its_form
async def service_token(request: Request) -> Response:
    """The number of the report that a token was given for (GeoReport: GET service_request_id from a token)."""
    here, name, _ = await _asked(request)
    token = fields.clean(request.path_params["id"])
    if (number := await georeport_rows.number_of(here.book.db, name, token)) is None:
        raise Faulty((404, f"token {fields.shown(token)} was not found."))
    return _told(request, "service_requests", [{"service_request_id": number, "token": token}])


@in_its_form
async def discovery(request: Request) -> Response:
    """Where the GeoReport server is, and in which forms it answers (Open311: service discovery)."""
    here = door(request)
    rules = desk(here).rules
    changed = await asyncio.to_thread(_changed, here.settings.file)
    agency = rules.agencies[rules.desk.agency]
    contact = " · ".join(filter(None, (agency.title[_english(request)], agency.contact)))
    url = f"{_base(request)}{BASE}"
    return _told(request, "discovery", georeport.discovery(url, georeport.moment(changed), contact, FORMS.values()))


async def discovery_here(request: Request) -> Response:
    """The same beside the server itself, where some clients look for it (Open311: service discovery)."""
    return await discovery(request)


def _changed(file: str | None) -> datetime:
    """When the settings, and with them the services, changed last."""
    return datetime.fromtimestamp(Path(file).stat().st_mtime, UTC) if file else datetime(2026, 1, 1, tzinfo=UTC)


@in_its_form
async def file_request(request: Request) -> Response:
    """File a report; answered once it is safe (GeoReport: POST service request).

    The same header Idempotency-Key from the same key is the same report.
    """
    here = door(request)
    counter = desk(here)
    rules = counter.rules
    pairs = await _form(request)
    given = dict(pairs)
    grant = await _grant(request, given.get("api_key"))
    name, jurisdiction = _jurisdiction(
        rules, given.get("jurisdiction_id") or request.query_params.get("jurisdiction_id")
    )
    if not _may_file(grant, None if name == rules.jurisdiction else name):
        raise Refused("This api_key does not file in this jurisdiction; ask the centre for one that does.", 403)
    form = posted(pairs, rules)
    wait = await counter.rates.wait_by(jurisdiction.per_key, f"open311 {name}", str(grant.key))
    if wait > 0:
        raise Refused(f"This api_key has filed as many reports as it may for now; go on in {wait} seconds.", 429, wait)
    told = _filing(form, rules, name, _client(request, grant), _english(request))
    try:
        filed = await counter.book.file(told, Who("operator", grant.name, grant.agency))
    except Unfit as error:
        raise Faulty(*((400, one["say"]) for one in error.errors)) from None
    number = {"token": filed.report.id} if jurisdiction.batch else {"service_request_id": filed.report.number}
    about = georeport.notice(rules.categories[form.category], _english(request))
    answer = {**number, "service_notice": about, "account_id": form.account}
    return _told(request, "service_requests", [answer], 201 if filed.fresh else 200)


async def _form(request: Request) -> Pairs:
    """The fields of the form in their order. Raises Faulty, and Wrong (413)."""
    kind = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if kind != FORM:
        # how files come with a form the specification leaves open (wiki.open311.org/GeoReport_v2/Extensions)
        say = f"The form came as {fields.shown(kind)}; send it as {FORM}, and a photo by its address in media_url."
        raise Faulty((400, say))
    body = await limited(request, MAX_FORM)
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MOST_FIELDS
        )
    except UnicodeDecodeError:
        raise Faulty((400, "The form is not UTF-8; send it so.")) from None
    except ValueError:
        raise Faulty((400, f"The form has more than {MOST_FIELDS} fields; send fewer.")) from None


async def _grant(request: Request, key: str | None) -> Grant:
    """Whose key it is. Raises Refused: 401 without one, 403 when it is not known or was revoked."""
    here = door(request)
    secret = (key or "").strip() or (None if caller.by_cookie(request.scope) else caller.secret(request.scope))
    if not secret:
        raise Refused("api_key was not provided; send it as a field of the form.", 401)
    try:
        return await here.access.of(secret, caller.address(request.scope, here.settings.access))
    except Refused as error:
        raise Refused(error.say, 403 if error.status == 401 else error.status, error.wait_s) from None


def _may_file(grant: Grant, other: str | None) -> bool:
    """Whether the key files in the province's own jurisdiction, or in this `other` one."""
    if grant.revoked or grant.key is None:
        return False
    return grant.role in ("operator", "agency", "admin", f"{KEY_ROLE}/{other}" if other is not None else KEY_ROLE)


def _client(request: Request, grant: Grant) -> str | None:
    """The id under which the sender files once and no more; None: it names none."""
    told = request.headers.get("idempotency-key", "").strip()
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"open311:{grant.key}:{told}")) if told else None


def _filing(form: Posted, rules: Reports, jurisdiction: str, client: str | None, english: bool) -> Filing:
    """The form as the book takes it; a report without words is told in those of its category."""
    return Filing(
        category=form.category, words=form.words or rules.categories[form.category].title[english], client=client,
        channel="open311", lon=form.lon, lat=form.lat, address=form.address, lang="en" if english else "vi",
        name=form.name, phone=form.phone, email=form.email, device=form.device, jurisdiction=jurisdiction,
        attributes=form.attributes, beside=form.beside,
    )  # fmt: skip


def _base(request: Request) -> str:
    """Scheme and host by which the caller reached us."""
    scheme = "https" if caller.secure(request.scope, door(request).settings.access) else "http"
    return f"{scheme}://{request.url.netloc}"
