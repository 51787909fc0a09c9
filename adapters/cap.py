"""Public warnings in the Common Alerting Protocol (CAP 1.1, 1.2): an alert, an Atom or RSS feed, an EDXL wrapper.

    [sources.warnings]
    adapter = "cap"
    event = "ioc.warning.told"
    url = "https://canhbao.example.vn/cap/feed.atom"
    languages = ["vi", "en"]
    geocode = "VN.COMMUNE"          # the name of geocodes that are codes of communes
    hosts = ["cap.example.vn"]      # alerts that a feed only names are fetched from its own host, and from these

An update or a cancellation ends the alerts that it refers to. Polygons are latitude first, circles in kilometres: both
become polygons. A warning is never lost for its area: what can't be drawn is taken without, and says why
(`area_fault`). Alerts that are no warnings (tests, exercises, drafts, acknowledgements) are left out; one that lacks
what CAP demands, or says a code that CAP has not, is set aside.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element

import msgspec

from ioc import bodies, clock, fields
from ioc.adapter import Adapter, AdapterConfig, Answer, Reading, fetch
from ioc.errors import BadRecord, SourceDown, Untaken
from ioc.event import Geometry
from ioc.geo import place

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1."
STATUSES = ("Actual", "Exercise", "System", "Test", "Draft")
KINDS = ("Alert", "Update", "Cancel", "Ack", "Error")
SCOPES = ("Public", "Restricted", "Private")
CODES = {
    "urgency": ("Immediate", "Expected", "Future", "Past", "Unknown"),
    "severity": ("Extreme", "Severe", "Moderate", "Minor", "Unknown"),
    "certainty": ("Observed", "Likely", "Very Likely", "Possible", "Unlikely", "Unknown"),
}
"""Worst first; "Very Likely" is of CAP 1.0, and still sent."""
CORNERS = 36
"""Corners of the polygon that a circle becomes."""
EARTH_KM = 6371.0
MOST_TEXT = 4_000


class Feed(AdapterConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url`: of an alert or of a feed. `token`: sent as Bearer, to its host alone. `languages`: in order of preference.

    `geocode`: the name under which areas say codes of communes. `statuses`: which alerts count. `hosts`: from where
    alerts that the feed names are fetched beside its own host; `follow`: how many of them at one asking, at most.
    `within`: west, south, east, north: an area all of which lies outside is not drawn.
    """

    url: str
    token: str | None = None
    languages: tuple[str, ...] = ("vi", "en")
    geocode: str = "VN.COMMUNE"
    statuses: tuple[str, ...] = ("Actual",)
    hosts: tuple[str, ...] = ()
    follow: int = 50
    within: tuple[float, float, float, float] | None = None

    def __post_init__(self) -> None:
        if unknown := [one for one in self.statuses if one not in STATUSES]:
            raise ValueError(f"statuses names {', '.join(unknown)}; write some of {', '.join(STATUSES)}")


class Cap(Adapter[Feed]):
    """Asks for the feed, and for the alerts in it that are new."""

    Config = Feed

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.config.token}"} if self.config.token is not None else {}

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """One answer: the feed, and beside it (`about["alerts"]`) the alerts that it names and that were not had yet.

        The cursor holds the feed's validators, and the entries that were had, with their time of change.
        """
        known: dict[str, Any] = json.loads(cursor) if cursor else {}
        had: dict[str, str] = known.get("had", {})
        found = await self._fetch(self.config.url, known.get("marks"))
        if found.unchanged:
            yield msgspec.structs.replace(found, cursor=cursor)
            return
        named = _named(bodies.load_xml(found.body, found.name), self.config.url)
        fresh = [(link, changed) for link, changed in named.items() if had.get(link) != changed]
        alerts, got = [], {link: changed for link, changed in named.items() if had.get(link) == changed}
        for link, changed in fresh[: self.config.follow]:
            alerts.append((link, (await self._alert(link)).decode("latin-1")))
            got[link] = changed
        # what was left for the next asking must not hide behind "not modified"
        marks = found.cursor if len(fresh) <= self.config.follow else None
        kept = json.dumps({"marks": marks, "had": got})
        yield msgspec.structs.replace(found, cursor=kept, about={**found.about, "alerts": alerts})

    async def _alert(self, link: str) -> bytes:
        """An alert that the feed names: from its own host or one of the settings, never with the key to another."""
        its, ours = urlsplit(link), urlsplit(self.config.url)
        if its.scheme not in ("http", "https") or its.hostname not in {ours.hostname, *self.config.hosts}:
            say = f"The feed names an alert on the host {its.hostname}; add it to hosts, if it is to be trusted."
            raise Untaken(say)
        return (await self._fetch(link, None)).body

    async def _fetch(self, url: str, marks: str | None) -> Answer:
        home = urlsplit(url)[:2] == urlsplit(self.config.url)[:2]
        return await fetch(
            url,
            headers=self.headers() if home else {},
            validators=marks,
            max_bytes=self.config.max_bytes,
            timeout_s=self.config.timeout_s,
        )

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """The alerts, and the ends of those that they replace."""
        where = answer.name or self.name
        root = bodies.load_xml(answer.body, where, "CAP")
        if bodies.name(root) not in ("alert", "feed", "rss", "EDXLDistribution", "RDF"):
            raise Untaken(f"{where} sent XML with the root {fields.shown(bodies.name(root))}, which is no CAP.")
        found = list(self._alerts(root))
        for link, body in answer.about.get("alerts", ()):
            try:
                found.extend(self._alerts(bodies.load_xml(body.encode("latin-1"), where, "CAP")))
            except SourceDown as error:
                found.append(BadRecord(error.say, reason="bad_type", raw={"link": link}))
        return _standing(found)

    def _alerts(self, root: Element) -> Iterator[Reading | BadRecord]:
        for element in root.iter():
            if bodies.name(element) == "alert" and NAMESPACE in str(element.tag):
                raw = _raw(element)
                try:
                    yield from self._alert_read(element)
                except BadRecord as error:
                    yield error.of(raw, raw.get("identifier"))

    def _alert_read(self, alert: Element) -> Iterator[Reading]:
        identity, sender = _need(alert, "identifier"), _need(alert, "sender")
        sent = _time(alert, "sent")
        assert sent is not None
        status, kind = _code(alert, "status", STATUSES), _code(alert, "msgType", KINDS)
        _code(alert, "scope", SCOPES)
        if status not in self.config.statuses or kind in ("Ack", "Error"):
            return
        for reference in (_text(alert, "references") or "").split():
            parts = reference.split(",")
            if len(parts) == 3:
                yield Reading(_subject(parts[0], parts[1]), {}, time=sent, gone=True)
        if kind == "Cancel":
            return
        infos = self._chosen([one for one in alert if bodies.name(one) == "info"])
        if not infos:
            raise BadRecord("The alert has no info; its sender must say what is warned of.", reason="missing_field")
        told = {**_info(infos[0]), "sender": sender, "sent": clock.rfc3339(sent), "kind": kind, "infos": len(infos)}
        areas = [area for info in infos for area in info if bodies.name(area) == "area"]
        geometry, fault = self._geometry(areas)
        if fault is not None:
            told["area_fault"] = fault
        named = [_text(area, "areaDesc") for area in areas]
        told["area"] = "; ".join(dict.fromkeys(one for one in named if one))[:MOST_TEXT]
        units = [code for area in areas for code in self._units(area)]
        told["units"] = list(dict.fromkeys(units))
        unit = units[0] if len(set(units)) == 1 else None
        yield Reading(_subject(sender, identity), told, time=sent, geometry=geometry, unit=unit)

    def _chosen(self, infos: list[Element]) -> list[Element]:
        """The infos in the language that is preferred, the worst first."""
        spoken = [(_text(info, "language") or "en-US").casefold() for info in infos]
        for language in (*self.config.languages, *spoken):
            chosen = [one for one, said in zip(infos, spoken, strict=True) if said.startswith(language.casefold())]
            if chosen:
                return sorted(
                    chosen, key=lambda one: CODES["severity"].index(_code(one, "severity", CODES["severity"]))
                )
        return []

    def _units(self, area: Element) -> Iterator[str]:
        for code in area:
            if bodies.name(code) == "geocode" and _text(code, "valueName") == self.config.geocode:
                yield from (_text(code, "value") or "").split()

    def _geometry(self, areas: list[Element]) -> tuple[Geometry | None, str | None]:
        """All polygons and circles of the areas as one geometry; and why there is none, where there should be one."""
        try:
            rings, points = [], []
            for area in areas:
                for part in area:
                    text = (part.text or "").strip()
                    if bodies.name(part) == "polygon" and text:
                        rings.append([_ring(text)])
                    elif bodies.name(part) == "circle" and text:
                        centre, radius = _circle(text)
                        rings += [[_round(centre, radius)]] if radius > 0 else []
                        points += [centre] if radius <= 0 else []
            if rings:
                return place.shape({"type": "MultiPolygon", "coordinates": rings}, within=self.config.within), None
            if points:
                return place.shape({"type": "Point", "coordinates": points[0]}, within=self.config.within), None
        except BadRecord as error:
            return None, error.say
        return None, None


def _standing(found: list[Reading | BadRecord]) -> list[Reading | BadRecord]:
    """Each alert once: its end, where another of this answer says it; else its newest form."""
    best: dict[str, Reading] = {}
    for one in found:
        if isinstance(one, Reading):
            before = best.get(one.subject)
            if before is None or (one.gone, one.time) > (before.gone, before.time):
                best[one.subject] = one
    return [*(one for one in found if isinstance(one, BadRecord)), *best.values()]


def _subject(sender: str, identity: str) -> str:
    return " ".join(f"{sender},{identity}".split())[-200:]


def _named(root: Element, base: str) -> dict[str, str]:
    """Address and time of change of each alert that a feed only names."""
    found: dict[str, str] = {}
    for entry in root.iter():
        if bodies.name(entry) not in ("entry", "item"):
            continue
        if any(bodies.name(one) == "alert" for one in entry.iter()):
            continue
        links = [one for one in entry if bodies.name(one) == "link"]
        cap = [one for one in links if "cap" in one.get("type", "") or _address(one).endswith(".cap")]
        plain = [
            one for one in links if one.get("rel", "alternate") == "alternate" and "html" not in one.get("type", "")
        ]
        changed = _text(entry, "updated") or _text(entry, "pubDate") or ""
        for link in (cap or plain)[:1]:
            if address := _address(link):
                found[urljoin(base, address)] = changed
    return found


def _address(link: Element) -> str:
    return (link.get("href") or link.text or "").strip()


def _text(element: Element, name: str) -> str | None:
    """The clean text of a child; None when it is not there or empty."""
    found = next((one.text for one in element if bodies.name(one) == name and one.text), None)
    return fields.text(found, name) or None if found is not None else None


def _need(element: Element, name: str) -> str:
    found = _text(element, name)
    if found is None:
        raise BadRecord(
            f"The alert has no {name}, which CAP demands; its sender must give it.", reason="missing_field", field=name
        )
    return found


def _code(element: Element, name: str, known: tuple[str, ...]) -> str:
    found = _need(element, name)
    if found not in known:
        say = f"{name} is {fields.shown(found)}, which CAP has not; its sender must send one of {', '.join(known)}."
        raise BadRecord(say, reason="unknown_code", field=name, code=found[:40])
    return found


def _time(element: Element, name: str) -> datetime | None:
    """A time of CAP, which carries its offset (-00:00 for UTC)."""
    said = _need(element, name) if name == "sent" else _text(element, name)
    return None if said is None else fields.moment(said.replace("-00:00", "+00:00"), name, None, clock.ZONE)


def _info(info: Element) -> dict[str, Any]:
    told: dict[str, Any] = {"event": _need(info, "event"), "category": _need(info, "category")}
    told |= {name: _code(info, name, known) for name, known in CODES.items()}
    for name in ("effective", "onset", "expires"):
        moment = _time(info, name)
        told[name] = clock.rfc3339(moment) if moment is not None else None
    for name in ("headline", "description", "instruction"):
        told[name] = (_text(info, name) or "")[:MOST_TEXT] or None
    return told | {"by": _text(info, "senderName"), "language": _text(info, "language")}


def _pair(text: str) -> list[float]:
    """Longitude and latitude of CAP's "latitude,longitude"."""
    parts = text.split(",")
    if len(parts) != 2:
        raise BadRecord(f"{fields.shown(text)} is no place; CAP writes latitude,longitude.", reason="bad_place")
    return [fields.number(parts[1], "longitude"), fields.number(parts[0], "latitude")]


def _ring(text: str) -> list[list[float]]:
    ring = [_pair(one) for one in text.split()]
    return ring if ring[0] == ring[-1] else [*ring, ring[0]]


def _circle(text: str) -> tuple[list[float], float]:
    at, _, radius = text.partition(" ")
    return _pair(at), fields.number(radius, "radius")


def _round(centre: list[float], radius: float) -> list[list[float]]:
    """A circle as a polygon; near enough for what a warning says (radius in km)."""
    lon, lat = centre
    high = math.degrees(radius / EARTH_KM)
    wide = high / max(0.01, math.cos(math.radians(lat)))
    turns = [2 * math.pi * n / CORNERS for n in range(CORNERS)]
    ring = [[lon + wide * math.cos(turn), lat + high * math.sin(turn)] for turn in turns]
    return [*ring, ring[0]]


def _raw(alert: Element) -> dict[str, Any]:
    """The alert's own few words, for who looks at what was set aside."""
    found = {bodies.name(one): (one.text or "").strip()[:200] for one in alert if one.text and not len(one)}
    return {name: value for name, value in found.items() if value}
