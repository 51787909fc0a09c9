"""The desk over HTTP: the queue, one report, its steps, claims, the person behind it, and a report told by phone.

A key of the role operator, agency or admin works here; a leader reads. An agency sees what is assigned to it alone:
what it may not see does not exist for it (404).
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ioc import clock
from ioc.db.reports import Photo, Report, Step
from ioc.report_rules import PHOTO_BYTES, Channel
from ioc.reports import life, people, photos
from ioc.reports.book import Book
from ioc.reports.changes import Asked, Who
from ioc.reports.desk import Desk, Found
from ioc.reports.filing import Filing
from ioc.reports.images import NoPhoto
from ioc.reports.watch import Watch
from ioc.web import caller
from ioc.web.access import Refused
from ioc.web.desk_asked import asked_for
from ioc.web.door import desk, door, grant_of
from ioc.web.problems import Wrong
from ioc.web.wall import as_json, limited

MAX_BODY = 64 * 1024
ROLES = ("operator", "agency", "admin", "leader")
WORKS = ("operator", "agency", "admin")
CALLED_BY_AGENCY = frozenset({"accepted", "in_progress", "more_info", "done"})
"""States in which an agency may need to call who filed: it has taken the report on."""
HIDDEN = "***"

T = TypeVar("T")


class Seat(NamedTuple):
    """Who sits at the desk in this request, and what they work with."""

    who: Who
    book: Book
    desk: Desk
    photos: photos.Photos


async def seat(request: Request, *roles: str) -> Seat:
    """The caller at the desk. Raises Refused (401, 403), Wrong (404 without [reports], 403 from a foreign page)."""
    grant, here = await grant_of(request), door(request)
    taken = desk(here)
    if grant.key is None:
        raise Refused("A key is needed here; send it as Authorization: Bearer KEY.")
    if grant.revoked or grant.role not in (roles or ROLES) or (grant.role == "agency" and not grant.agency):
        raise Refused(f"Your key does not open this; ask for one with the role {' or '.join(roles or ROLES)}.", 403)
    if request.method != "GET" and not caller.origin_fits(request.scope, here.settings.access):
        raise Wrong("Pages of this origin may not send; name it in [access] origins.", 403)
    book = taken.book
    reads = Desk(book.db, taken.rules, book.calendar, now=here.hub.clock)
    return Seat(Who(grant.role, grant.name or f"#{grant.key}", grant.agency), book, reads, taken.photos)


async def desk_me(request: Request) -> Response:
    """Who sits here, what they may do, and what they choose from: agencies, categories, reasons to refuse."""
    here = await seat(request)
    rules = here.book.rules
    return as_json(request, {
        "name": here.who.name, "role": here.who.role, "agency": here.who.agency, "may": life.ever(here.who.role),
        "agencies": [{"code": code, "title": _both(one.title), "contact": one.contact}
                     for code, one in rules.agencies.items()],
        "categories": [{"code": code, "title": _both(one.title)} for code, one in rules.categories.items()],
        "refusals": [{"code": code, "title": _both(title)} for code, title in rules.reasons.items()],
    })  # fmt: skip


async def desk_queue(request: Request) -> Response:
    """What waits, the most urgent first, with the counts above it."""
    here = await seat(request)
    asking = asked_for(request)
    page = await here.desk.queue(asking, here.who)
    called = await names(request)
    rows = [here.desk.row(found, called, here.who) for found in page.found]
    return as_json(request, {"items": rows, "counts": await here.desk.counts(here.who), "next": page.next})


async def desk_report(request: Request) -> Response:
    """One report with all that is known of it, but who filed it."""
    here = await seat(request)
    found = await here.desk.one(request.path_params["id"], here.who)
    return as_json(request, await _whole(request, here, found))


async def desk_step(request: Request) -> Response:
    """Take a step. Somebody was quicker: 409 says who, and what they did."""
    here = await seat(request, *WORKS)
    told = await body(request, Stepping)
    of = told.of
    if of is not None and (numbered := await here.book.by_number(of.strip())) is not None:
        of = numbered.id
    asked = Asked(told.step, told.version, told.why, told.text, told.agency, of, told.category, told.words)
    after = await here.book.step(request.path_params["id"], asked, here.who)
    if told.step == "verify":
        # what the routes know needs no second key press; None: somebody took the next step already
        after = await Watch(here.book).route(after) or after
    return answer({"version": after.version, "state": after.state, "agency": after.agency})


async def desk_claim(request: Request) -> Response:
    """Say that one works on this report, for two minutes; again to go on. Another's claim: 409 says whose."""
    here = await seat(request, *WORKS)
    found = (await here.desk.one(request.path_params["id"], here.who)).report
    until = await here.book.claim(found.id, str(here.who.name))
    return answer({"by": here.who.name, "until": clock.rfc3339(until), "mine": True})


async def desk_release(request: Request) -> Response:
    """Give one's claim up."""
    here = await seat(request, *WORKS)
    found = (await here.desk.one(request.path_params["id"], here.who)).report
    await here.book.release(found.id, str(here.who.name))
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


async def desk_person(request: Request) -> Response:
    """Who filed a report: name and phone. That one looked is noted."""
    here = await seat(request, *WORKS)
    found = (await here.desk.one(request.path_params["id"], here.who)).report
    if here.who.role == "agency" and found.state not in CALLED_BY_AGENCY:
        raise Refused("Name and phone are shown once your agency has accepted the report; accept it first.", 403)
    if found.person is None:
        raise Wrong("Who filed this told no name and no phone, or they were purged; ask by the follow link.", 404)
    if here.book.vault is None:
        raise Wrong("This server has no key to open names with; set IOC_REPORTS_KEY.", 503)
    # noted before it is shown: a look that nobody knows of must not be
    await here.book.looked(found.id, str(here.who.name), "person")
    opened = await _opened(here, found)
    return answer({"name": opened.name, "phone": opened.phone})


async def desk_file(request: Request) -> Response:
    """File what was told by phone, text message or mail."""
    here = await seat(request, "operator", "admin")
    told = await body(request, Phoned)
    filing = Filing(**{name: getattr(told, name) for name in told.__struct_fields__})
    filed = await here.book.file(filing, here.who)
    shown = {"id": filed.report.id, "number": filed.report.number, "state": filed.report.state, "follow": filed.follow}
    return answer(shown, 201 if filed.fresh else 200)


async def desk_photo(request: Request) -> Response:
    """Add a photo of how it looks afterwards; the body is the picture itself."""
    here = await seat(request, *WORKS)
    found = (await here.desk.one(request.path_params["id"], here.who)).report
    if found.state not in life.OPEN | {"done"}:
        raise Wrong("This report has ended; reopen it before you add a photo.", 422)
    picture = await limited(request, PHOTO_BYTES)
    taken = await _redrawn(here, found, picture)
    return answer(_photo(taken), 201)


async def desk_templates(request: Request) -> Response:
    """The answers that were agreed on."""
    here = await seat(request)
    told = [{"code": code, "title": one.title, "text": one.text} for code, one in here.book.rules.answers.items()]
    return as_json(request, told)


class Stepping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a step; `version` is the one that the report was seen at. `of`: id or number of another report."""

    step: str
    version: int
    why: str | None = None
    text: str | None = None
    agency: str | None = None
    of: str | None = None
    category: str | None = None
    words: str | None = None


class Phoned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A report that came by another way than the app."""

    category: str
    words: str
    channel: Channel = "phone"
    client: str | None = None
    lon: float | None = None
    lat: float | None = None
    address: str | None = None
    unit: str | None = None
    name: str | None = None
    phone: str | None = None
    lang: str = "vi"
    attributes: dict[str, Any] = {}


async def body(request: Request, kind: type[T]) -> T:
    """The request's JSON. Raises Wrong."""
    raw = await limited(request, MAX_BODY)
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise Wrong(f"The body does not fit ({error}); /openapi.json shows its form.", 422) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Wrong("The body is no JSON; send an object.") from None


def answer(told: Any, status: int = 200) -> Response:
    """JSON that no cache keeps."""
    return Response(msgspec.json.encode(told), status, {"Cache-Control": "no-store"}, media_type="application/json")


async def names(request: Request) -> Any:
    """Names of communes by their code."""
    return (await door(request).units()).name


async def _whole(request: Request, here: Seat, found: Found) -> dict[str, Any]:
    one, called, agencies = found.report, await names(request), here.book.rules.agencies
    parent, children = await here.desk.family(one, here.who)
    agency = agencies.get(one.agency or "")
    filled = {"{number}": one.number, "{agency}": agency.title[0] if agency is not None else ""}
    return {
        **here.desk.row(found, called, here.who),
        "words": one.words, "address": one.address, "accuracy": one.accuracy, "attributes": one.attributes,
        "made": clock.rfc3339(one.made) if one.made is not None else None, "lang": one.lang,
        "person": await _masked(here, one),
        "steps": [_step(here, step) for step in await here.book.steps(one.id)],
        "photos": [_photo(photo) for photo in await here.book.photos(one.id)],
        "twins": [
            {"id": twin.report.id, "number": twin.report.number, "likeness": twin.likeness,
             "distance_m": round(twin.distance_m) if twin.distance_m is not None else None,
             "filed": clock.rfc3339(twin.report.filed), "state": twin.report.state, "words": twin.report.words}
            for twin in await here.desk.twins(one, here.who)
        ],
        "may": _may(here, one),
        "answers": [
            {"code": code, "title": _alike(said.title), "text": _alike(_filled(said.text, filled))}
            for code, said in here.book.rules.answers.items()
        ],
        "parent": {"id": parent.id, "number": parent.number} if parent is not None else None,
        "children": [{"id": child.id, "number": child.number, "state": child.state} for child in children],
    }  # fmt: skip


def _may(here: Seat, one: Report) -> list[str]:
    known = life.may(one.state, here.who.role, one.before_info)
    idle = "hide" if one.hidden is not None else "unhide"
    return [step for step in known if step != idle]


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


async def _opened(here: Seat, one: Report) -> people.Person:
    try:
        assert here.book.vault is not None and one.person is not None
        return here.book.vault.open(one.id, one.person)
    except people.Sealed as error:
        raise Wrong(error.say, 503) from None


async def _masked(here: Seat, one: Report) -> dict[str, Any]:
    if one.person is None:
        return {"has": False, "masked": None}
    if here.book.vault is None:
        return {"has": True, "masked": HIDDEN}
    try:
        opened = here.book.vault.open(one.id, one.person)
    except people.Sealed:
        return {"has": True, "masked": HIDDEN}
    return {"has": True, "masked": people.masked(opened.name) or HIDDEN}


def _step(here: Seat, one: Step) -> dict[str, Any]:
    agency = here.book.rules.agencies.get(one.agency or one.data.get("to") or "")
    return {
        "at": clock.rfc3339(one.at), "step": one.step, "from": one.from_state, "to": one.to_state, "who": one.who,
        "name": one.name, "agency": one.agency or one.data.get("to"),
        "agency_title": _both(agency.title) if agency is not None else None,
        "why": one.why, "text": one.text, "data": one.data, "version": one.version,
    }  # fmt: skip


def _photo(one: Photo) -> dict[str, Any]:
    url = f"/api/reports/photos/{one.stored}" if one.stored is not None else None
    return {"url": url, "kind": one.kind, "state": one.state, "why": one.why, "hash": one.hash}


async def _redrawn(here: Seat, one: Report, picture: bytes) -> Photo:
    try:
        return await here.photos.add(one, picture)
    except NoPhoto as error:
        raise Wrong(error.say, 422) from None


def _both(title: tuple[str, str]) -> dict[str, str]:
    return {"vi": title[0], "en": title[1]}


def _alike(text: str) -> dict[str, str]:
    """A text that the settings hold in one language."""
    return {"vi": text, "en": text}
