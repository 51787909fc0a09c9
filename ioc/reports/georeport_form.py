"""A posted form and a query of GeoReport v2 as they are read and checked: everything wrong is told at once.

Pure. Source: wiki.open311.org/GeoReport_v2, and its extensions (page, page_size; updated_after, updated_before).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

import msgspec

from ioc import clock, fields
from ioc.errors import IocError
from ioc.report_rules import WORDS, Attribute, Category, Reports

SPAN = timedelta(days=90)
"""Of requested_datetime: what one query may ask for, and is given when it does not say."""
MOST = 1000
"""Requests of one answer, and of a query that does not say."""
MOST_IDS = 200
LIMITS = {
    "address_string": 300, "address_id": 100, "email": 254, "device_id": 200, "account_id": 100, "first_name": 100,
    "last_name": 100, "phone": 40, "media_url": 2000,
}  # fmt: skip
"""Characters of each field of a posted form beside the description."""
OURS = "open311."
"""Before what a form tells beside the questions of its category; no code of a question holds a dot."""
_ATTRIBUTE = re.compile(r"attribute\[([^\[\]]{1,100})\](?:\[\d{0,4}\])?")
_LOST_PLUS = re.compile(r" (\d\d:?\d\d)$")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Faulty(IocError):
    """A call of GeoReport is wrong, with everything that is: `(status, sentence)` each; the first is the answer's."""

    def __init__(self, *faults: tuple[int, str]) -> None:
        super().__init__(" ".join(say for _, say in faults))
        self.faults = faults


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """A posted form that was read: text NFC, degrees WGS84. `attributes`: by code, a list where several were chosen.

    `beside`: address_id and media_url, kept as text.
    """

    category: str
    words: str = ""
    lon: float | None = None
    lat: float | None = None
    address: str | None = None
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    device: str | None = None
    account: str | None = None
    attributes: dict[str, Any] = {}
    beside: dict[str, str] = {}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A query for requests. `numbers`: these alone, whatever else was asked. Times are inclusive; None: no bound."""

    numbers: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    closed: bool | None = None
    begin: datetime | None = None
    end: datetime | None = None
    after: datetime | None = None
    before: datetime | None = None
    page: int = 1
    size: int = MOST


Pairs = Sequence[tuple[str, str]]


def posted(pairs: Pairs, rules: Reports) -> Posted:
    """The form of a POST, read and checked. Raises Faulty with everything that is wrong."""
    given: dict[str, str] = {}
    chosen: dict[str, list[str]] = {}
    faults: list[tuple[int, str]] = []
    for name, value in pairs:
        if (found := _ATTRIBUTE.fullmatch(name)) is not None:
            chosen.setdefault(found[1], []).append(fields.clean(value))
        elif name in given and fields.clean(value) != given[name]:
            faults.append((400, f"{fields.shown(name)} was given twice; send it once."))
        else:
            given[name] = fields.clean(value)
    code = given.get("service_code", "")
    category = rules.categories.get(code)
    if not code:
        faults.append((400, "service_code was not provided; GET services lists them."))
    elif category is None:
        faults.append((404, f"service_code {fields.shown(code)} was not found; GET services lists them."))
    else:
        attributes, wrong = _attributes(chosen, category)
        faults += wrong
    lon, lat, wrong = _place(given)
    faults += wrong
    for name, most in LIMITS.items():
        if len(given.get(name, "")) > most:
            faults.append((400, f"{name} is longer than {most} characters; send a shorter one."))
    if len(given.get("description", "")) > WORDS:
        faults.append((400, f"description is longer than {WORDS:,} characters; send a shorter one."))
    if faults:
        raise Faulty(*faults)
    beside = {f"{OURS}{name}": given[name] for name in ("address_id", "media_url") if given.get(name)}
    return Posted(
        category=code,
        words=given.get("description", ""),
        lon=lon,
        lat=lat,
        address=given.get("address_string") or given.get("address_id") or None,
        name=" ".join(filter(None, (given.get("last_name"), given.get("first_name")))) or None,
        phone=given.get("phone") or None,
        email=given.get("email") or None,
        device=given.get("device_id") or None,
        account=given.get("account_id") or None,
        attributes=attributes,
        beside=beside,
    )


def _place(given: Mapping[str, str]) -> tuple[float | None, float | None, list[tuple[int, str]]]:
    lat, lon = given.get("lat", ""), given.get("long", "")
    if not lat and not lon:
        if given.get("address_string") or given.get("address_id"):
            return None, None, []
        return None, None, [(400, "A place was not provided; send lat and long, address_string, or address_id.")]
    if not lat or not lon:
        return None, None, [(400, "lat and long go together; send both, or address_string alone.")]
    faults = []
    for name, text, most in (("lat", lat, 90), ("long", lon, 180)):
        try:
            fits = re.fullmatch(r"[-+]?[0-9.]{1,40}", text) is not None and abs(float(text)) <= most
        except ValueError:
            fits = False
        if not fits:
            faults.append((400, f"{name} is {fields.shown(text)}; send decimal degrees (WGS84), such as 13.0955."))
    return (None, None, faults) if faults else (float(lon), float(lat), [])


def _attributes(
    chosen: Mapping[str, list[str]], category: Category
) -> tuple[dict[str, str | list[str]], list[tuple[int, str]]]:
    """The answers by code, and what is wrong with them."""
    known = {one.code: one for one in category.attributes}
    told: dict[str, str | list[str]] = {}
    faults = [
        (400, f"attribute[{fields.shown(code)}] is not asked of this service; GET services/{{code}} lists what is.")
        for code in chosen.keys() - known.keys()
    ]
    for code, one in known.items():
        values = [value for value in chosen.get(code, ()) if value]
        if not values:
            if one.required:
                faults.append((400, f"attribute[{code}] was not provided; this service needs it."))
            continue
        if (wrong := _wrong(one, values)) is not None:
            faults.append((400, f"attribute[{code}] {wrong}"))
        else:
            told[code] = values if one.kind == "multivaluelist" else values[0]
    return told, faults


def _wrong(one: Attribute, values: list[str]) -> str | None:
    """What is wrong with the answers to one question, as the end of a sentence; None: nothing."""
    if one.kind != "multivaluelist" and len(values) > 1:
        return "takes one value; send one."
    keys = [value[0] for value in one.values]
    if keys and not set(values) <= set(keys):
        return f"holds a value that is not in its list; send of {', '.join(keys)}."
    if any(len(value) > WORDS for value in values):
        return f"is longer than {WORDS:,} characters; send a shorter one."
    if one.kind == "string" and "\n" in values[0]:
        return "holds line breaks; send one line."
    if one.kind == "number" and not _number(values[0]):
        return "is no number; send one such as 12.5."
    if one.kind == "datetime" and _time(values[0]) is None:
        return "is no time; send one such as 2026-03-10T09:00:00+07:00."
    return None


def _number(text: str) -> bool:
    try:
        return text.isascii() and math.isfinite(float(text))
    except ValueError:
        return False


def _time(text: str) -> datetime | None:
    """An aware time of ISO 8601 text, also when its + came as a space; None: it is none, or outside the years kept."""
    try:
        found = clock.parse(_LOST_PLUS.sub(r"+\1", text.strip()))
        return found if 1900 <= found.year <= 9000 else None
    except (ValueError, OverflowError):
        return None


def wanted(pairs: Pairs, now: datetime) -> Wanted:
    """The query of GET requests, read and checked; unknown parameters are ignored. Raises Faulty.

    Without any bound in time, the 90 days before `now`; ids override everything else.
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).extend(part for one in value.split(",") if (part := fields.clean(one)))
    faults: list[tuple[int, str]] = []
    numbers = tuple(dict.fromkeys(given.get("service_request_id", ())))
    if len(numbers) > MOST_IDS:
        faults.append((400, f"service_request_id names more than {MOST_IDS}; ask for fewer at once."))
    size = _whole(given, "page_size", MOST, MOST, faults)
    page = _whole(given, "page", 1, 1_000_000, faults)
    if numbers:
        if faults:
            raise Faulty(*faults)
        return Wanted(numbers=numbers, page=page, size=size)
    statuses = {status.casefold() for status in given.get("status", ())}
    if statuses - {"open", "closed"}:
        faults.append((400, "status is open or closed, or both with a comma between."))
    begin, end = _bound(given, "start_date", faults), _bound(given, "end_date", faults)
    after, before = _bound(given, "updated_after", faults), _bound(given, "updated_before", faults)
    if begin is not None and end is not None and begin > end:
        faults.append((400, "start_date lies after end_date; swap them."))
    elif begin is not None and end is not None and end - begin > SPAN + timedelta(days=1):
        faults.append((400, f"start_date and end_date span more than {SPAN.days} days; ask for less, or in parts."))
    if faults:
        raise Faulty(*faults)
    if begin is None and end is None:
        begin = now - SPAN if after is None and before is None else None
    elif begin is None and end is not None:
        begin = end - SPAN
    elif end is None and begin is not None:
        end = begin + SPAN
    closed = "closed" in statuses if len(statuses) == 1 else None
    codes = tuple(dict.fromkeys(given.get("service_code", ())))[:MOST_IDS]
    return Wanted(
        codes=codes, closed=closed, begin=begin, end=end, after=after, before=before, page=page, size=size
    )  # fmt: skip


def _whole(given: Mapping[str, list[str]], name: str, usual: int, most: int, faults: list[tuple[int, str]]) -> int:
    """A whole number from 1 on; more than `most` is `most` where the specification bounds an answer."""
    values = given.get(name, [])
    if not values:
        return usual
    if len(values) > 1 or not re.fullmatch(r"[0-9]{1,9}", values[0]) or int(values[0]) < 1:
        faults.append((400, f"{name} is a whole number from 1 on."))
        return usual
    return min(int(values[0]), most)


def _bound(given: Mapping[str, list[str]], name: str, faults: list[tuple[int, str]]) -> datetime | None:
    """A bound in time. A day alone is its begin, or as an end its last moment (the province's clock)."""
    values = given.get(name, [])
    if not values:
        return None
    found = _time(values[0]) if len(values) == 1 else None
    if found is None:
        faults.append((400, f"{name} is a time such as 2026-03-10T09:00:00+07:00."))
        return None
    late = name in ("end_date", "updated_before") and _DAY.fullmatch(values[0]) is not None
    return datetime.combine(found.date(), time.max, found.tzinfo) if late else found
