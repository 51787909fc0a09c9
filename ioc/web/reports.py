"""Citizens' reports over HTTP: file one, send its photos in parts, see what lies near, follow one's own.

Open to everybody where `[reports]` is set, and bounded: each address and each device may file so often. Errors are
Vietnamese first (`detail`), with both languages in `say`.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ioc import clock, everybody, report_rules
from ioc.db.reports import Report
from ioc.reports import filing, near, say
from ioc.reports.book import CITIZEN, Asked, Filing, Unknown, digest
from ioc.reports.filing import CLIENT, Planned, Unfit
from ioc.web import asked as ask
from ioc.web import caller
from ioc.web.asked import Param
from ioc.web.door import Desk, Door, desk, door
from ioc.web.problems import problem
from ioc.web.wall import as_json, limited

MAX_BODY = 64 * 1024
MAX_STEP = 32 * 1024
NEARBY_WORDS = 80
FOLLOWERS_STEPS = {"tell": "text", "close": None, "reopen": "why"}
"""Steps of a follower, and which field their text goes into."""


class Reporting(msgspec.Struct, frozen=True):
    """The body of POST /api/reports. `website` is a trap for machines: people never see it, and leave it empty."""

    client: str
    category: str
    words: str
    lon: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None
    address: str | None = None
    made: str | None = None
    lang: str = "vi"
    name: str | None = None
    phone: str | None = None
    photos: tuple[Planned, ...] = ()
    device: str | None = None
    attributes: dict[str, Any] = {}
    website: str = ""


class Telling(msgspec.Struct, frozen=True):
    """The body of a follower's step."""

    step: str
    text: str | None = None


class Content(msgspec.Struct, frozen=True):
    """How content the citizen is, 1 to 5."""

    score: int
    words: str | None = None


class Supporting(msgspec.Struct, frozen=True):
    client: str


def _degrees(name: str, most: float) -> Param:
    def read(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not abs(found) <= most:
            raise ValueError(f"{name} is a number of degrees in WGS84, from -{most:g} to {most:g}.")
        return found

    return Param(name, "degrees in WGS84", {"type": "number", "minimum": -most, "maximum": most}, read, needed=True)


def _category(text: str) -> str:
    if not 0 < len(text) <= 40:
        raise ValueError("category is the code of one; /api/reports/form lists them.")
    return text


LON, LAT = _degrees("lon", 180), _degrees("lat", 90)
FOLLOW = Param("Follow", "the secret of a follow link", {"type": "string"}, str, needed=True)
CATEGORY = Param("category", "code of a category", {"type": "string", "maxLength": 40}, _category, needed=True)


async def form(request: Request) -> Response:
    """What a report is made of: categories with their questions and hours, limits, and whether names are asked for."""
    here = door(request)
    rules = desk(here).rules
    categories = [
        {
            "code": code, "title": say.both(one.title), "group": one.group, "near_m": one.near_m,
            "hours": {"verify": one.hours.verify, "accept": one.hours.accept, "done": one.hours.done},
            "attributes": [
                {
                    "code": a.code, "title": say.both(a.title), "kind": a.kind, "required": a.required,
                    "values": [{"code": key, "title": {"vi": vi, "en": en}} for key, vi, en in a.values],
                }
                for a in one.attributes
            ],
        }
        for code, one in rules.categories.items()
    ]  # fmt: skip
    province = here.settings.province
    told = {
        "province": {"name": province.name, "where": province.where or None},
        "jurisdiction": rules.jurisdiction, "categories": categories,
        "limits": {
            "photos": report_rules.PHOTOS, "photo_bytes": report_rules.PHOTO_BYTES,
            "video_bytes": report_rules.VIDEO_BYTES, "words": report_rules.WORDS,
        },
        "person": desk(here).book.vault is not None, "demo": province.demo,
    }  # fmt: skip
    return as_json(request, told, {"Cache-Control": "public, max-age=60"})


async def file(request: Request) -> Response:
    """File a report: 201 once it is safe; the same client id again is the same report (200)."""
    here = door(request)
    counter = desk(here)
    if (wait := await _rate(request, counter, "address", None)) is not None:
        return wait
    told = _body(await limited(request, MAX_BODY), Reporting)
    if told.website:
        # a machine filled in what no person sees; it is not told how it was found out
        raise Unfit("The report could not be taken; reload the page and file it again.", "Chưa nhận được, hãy thử lại.")
    if told.device and (wait := await _rate(request, counter, "device", told.device)) is not None:
        return wait
    found = await counter.book.file(
        Filing(
            category=told.category, words=told.words, client=told.client.lower(), channel="app", lon=told.lon,
            lat=told.lat, accuracy=told.accuracy_m, address=told.address, made=_made(told.made), lang=told.lang,
            name=told.name, phone=told.phone, device=told.device, attributes=told.attributes, photos=told.photos,
        )
    )  # fmt: skip
    photos = [{"hash": one.hash, "offset": counter.photos.offset(one), "state": one.state} for one in found.photos]
    answer = {
        "id": found.report.id, "number": found.report.number, "follow": found.follow, "state": found.report.state,
        "filed": clock.rfc3339(found.report.filed), "photos": photos,
    }  # fmt: skip
    return tell(answer, 201 if found.fresh else 200)


async def nearby(request: Request) -> Response:
    """Open reports of the same kind near a place, the nearest first: support one instead of filing it again."""
    here = door(request)
    counter = desk(here)
    if (wait := await _rate(request, counter, "reads", None)) is not None:
        return wait
    given = ask.asked(request, LON, LAT, CATEGORY)
    if None in given.values() or given["category"] not in counter.rules.categories:
        raise Unfit("Send lon, lat and the code of a category.", "Cần có vị trí và loại phản ánh.")
    found = await near.near(
        here_db(here), counter.rules, given["lon"], given["lat"], given["category"], here.hub.clock()
    )
    items = [
        {
            "id": one.report.id, "number": one.report.number, "category": one.report.category,
            "words": _cut(one.report.words), "distance_m": round(one.distance_m),
            "filed": clock.rfc3339(one.report.filed), "state": one.report.state,
            "agency": one.report.agency, "supports": one.report.supports,
            "agency_title": say.both(say.agency(counter.rules, one.report.agency)) if one.report.agency else None,
            "photo": f"/api/reports/photos/{one.photo}" if one.photo else None,
        }
        for one in found
    ]  # fmt: skip
    return tell({"items": items}, 200)


async def support(request: Request) -> Response:
    """Say that one sees the same: counted once for each client id."""
    here = door(request)
    counter = desk(here)
    if (wait := await _rate(request, counter, "address", None)) is not None:
        return wait
    told = _body(await limited(request, MAX_STEP), Supporting)
    if not CLIENT.fullmatch(told.client.lower()):
        raise Unfit("client is a UUID; make one up and send it.", "Mã gửi không đúng dạng UUID.")
    supports = await counter.book.support(request.path_params["id"], told.client.lower())
    return tell({"id": request.path_params["id"], "supports": supports}, 201)


async def followed(request: Request) -> Response:
    """The report that a follow secret (header `Follow`) belongs to: its steps, what comes next, what may be done."""
    here = door(request)
    counter = desk(here)
    if (wait := await _rate(request, counter, "reads", None)) is not None:
        return wait
    report = await mine(request, counter)
    return tell(await _followed(here, counter, report), 200)


async def followed_step(request: Request) -> Response:
    """A step of the follower: tell (what was asked), close, or reopen (with why)."""
    here = door(request)
    counter = desk(here)
    if (wait := await _rate(request, counter, "address", None)) is not None:
        return wait
    report = await mine(request, counter)
    told = _body(await limited(request, MAX_STEP), Telling)
    if told.step not in FOLLOWERS_STEPS:
        raise Unfit(f"step is one of {', '.join(FOLLOWERS_STEPS)}.", "Bước này không dành cho bạn.")
    field = FOLLOWERS_STEPS[told.step]
    after = await counter.book.step(report.id, Asked(told.step, **({field: told.text} if field else {})), CITIZEN)
    return tell(await _followed(here, counter, after), 200)


async def followed_satisfied(request: Request) -> Response:
    """How content the follower is, 1 to 5, once it is done."""
    here = door(request)
    counter = desk(here)
    if (wait := await _rate(request, counter, "address", None)) is not None:
        return wait
    report = await mine(request, counter)
    told = _body(await limited(request, MAX_STEP), Content)
    after = await counter.book.satisfied(report.id, told.score, told.words)
    return tell(await _followed(here, counter, after), 200)


async def reports_map(request: Request) -> Response:
    """Reports of the last 90 days as GeoJSON, without what names anybody; places as coarse as their category says."""
    here = door(request)
    counter = desk(here)
    if (wait := await _rate(request, counter, "reads", None)) is not None:
        return wait
    box = ask.asked(request, ask.BBOX)["bbox"]
    found = await near.shown(here_db(here), counter.rules, box, here.hub.clock())
    features = [
        {
            "type": "Feature", "id": report.id,
            "geometry": {"type": "Point", "coordinates": list(place)},
            "properties": {
                "number": report.number, "category": report.category, "state": report.state,
                "words": _cut(report.words), "filed": clock.rfc3339(report.filed), "supports": report.supports,
            },
        }
        for report, place in found
    ]  # fmt: skip
    told = {"type": "FeatureCollection", "features": features}
    return as_json(request, told, {"Cache-Control": "public, max-age=10"}, kind="application/geo+json")


def here_db(here: Door) -> Any:
    """The database behind the desk."""
    return desk(here).book.db


async def _rate(request: Request, counter: Desk, kind: str, who: str | None) -> Response | None:
    """Count a try; the answer (429) when it was one too many."""
    address = caller.household(request.scope, door(request).settings.access)
    wait = await counter.rates.wait(kind, digest(who or address))
    if not wait:
        return None
    en = f"Too much came from here at once; try again in {wait} seconds. What you wrote is not lost on your side."
    return turned_away(429, en, f"Gửi quá nhiều lần, hãy thử lại sau {wait} giây.", {"Retry-After": str(wait)})


def turned_away(status: int, en: str, vi: str, headers: dict[str, str] | None = None) -> Response:
    """The answer for an error, Vietnamese first, with both languages in `say`."""
    return problem(status, vi, headers=headers, more={"say": {"vi": vi, "en": en}})


def _body(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        say_en = f"The body can't be read ({error}); send JSON as /api/reports/form describes it."
        raise Unfit(say_en, "Nội dung gửi lên không đọc được.") from None


def _made(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return clock.parse(text)
    except ValueError:
        raise Unfit("made is a time such as 2026-03-10T09:00:00+07:00.", "Thời gian viết không đúng.") from None


async def mine(request: Request, counter: Desk) -> Report:
    """The report of the secret in the header `Follow`. Raises Unknown."""
    secret = request.headers.get("follow", "")
    report = await counter.book.followed(secret) if 32 <= len(secret) <= 200 else None
    if report is None:
        raise Unknown()
    return report


async def _followed(here: Door, counter: Desk, report: Report) -> dict[str, Any]:
    steps = await counter.book.steps(report.id)
    questions = [one for one in steps if one.step == "ask"]
    unit = (await here.units()).name(report.unit) if report.unit is not None else None
    photos = [
        {
            "url": f"/api/reports/photos/{one.stored}" if one.stored and report.hidden is None else None,
            "hash": one.hash, "kind": one.kind, "state": one.state, "why": one.why,
        }
        for one in await counter.book.photos(report.id)
    ]  # fmt: skip
    return {
        "id": report.id, "number": report.number, "category": report.category, "state": report.state,
        "state_say": say.both(say.STATES.get(report.state, (report.state, report.state))),
        "words": report.words, "filed": clock.rfc3339(report.filed), "supports": report.supports,
        "place": {"unit": report.unit, "name": unit, "address": report.address, "lon": report.lon, "lat": report.lat},
        "steps": [told for one in steps if (told := say.step(one, counter.rules)) is not None],
        "next": say.coming(report), "photos": photos, "hidden": report.hidden is not None,
        "asks": {"text": questions[-1].text} if report.state == "more_info" and questions else None,
        "satisfied": report.satisfied, "may": counter.book.may(report),
    }  # fmt: skip


def _cut(words: str) -> str:
    plain = filing.clean(everybody.words(words))
    return plain if len(plain) <= NEARBY_WORDS else plain[: NEARBY_WORDS - 1] + "…"


def tell(told: Any, status: int, headers: dict[str, str] | None = None) -> Response:
    """`told` as JSON, for this caller alone."""
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(told), status, kept, media_type="application/json")
