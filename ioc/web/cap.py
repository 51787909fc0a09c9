"""Open alerts for other systems, in the Common Alerting Protocol 1.2: an Atom feed that holds an alert for each.

Who may not see an alert does not find it here. The alerts of an invented province are exercises, never actual. One that
stays open is told anew, with another end, whenever the feed is asked for: a copy that nobody renews expires by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ioc import clock, names
from ioc.event import digest
from ioc.settings import Province
from ioc.web.door import door, opened
from ioc.web.scope import sight

CAP = "urn:oasis:names:tc:emergency:cap:1.2"
ATOM = "http://www.w3.org/2005/Atom"
FEED = "application/atom+xml"
STANDS = timedelta(hours=1)
WORDS = {"bad": ("Immediate", "Severe"), "warn": ("Expected", "Moderate")}
"""Urgency and severity of our two levels."""


async def alerts_cap(request: Request) -> Response:
    """The open alerts that the asker may see, as CAP 1.2 alerts in an Atom feed."""
    grant, mirror = await opened(request, names.ALERTS)
    found = [msgspec.json.decode(body) for _, body in mirror.seen(sight(grant, mirror.channel))]
    sender = f"ioc@{request.url.hostname or 'localhost'}"
    body = feed(found, door(request).settings.province, sender, clock.now())
    return Response(body, headers={"Cache-Control": "no-store"}, media_type=FEED)


def feed(alerts: Iterable[dict[str, Any]], province: Province, sender: str, now: datetime) -> bytes:
    """The feed as UTF-8 XML; `alerts` are items of the channel `alerts`."""
    root = ElementTree.Element("feed", xmlns=ATOM)
    told = {"id": f"urn:{sender}:alerts", "title": f"Cảnh báo đang mở: {province.name}", "updated": clock.rfc3339(now)}
    for name, text in told.items():
        ElementTree.SubElement(root, name).text = text
    for alert in alerts:
        made = _alert(alert, province, sender, now)
        entry = ElementTree.SubElement(root, "entry")
        for name, text in {"id": f"urn:{made.findtext('identifier')}", "title": alert["say"]["vi"]}.items():
            ElementTree.SubElement(entry, name).text = _plain(text)
        ElementTree.SubElement(entry, "updated").text = alert["since"]
        ElementTree.SubElement(entry, "content", type="application/cap+xml").append(made)
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def _alert(alert: dict[str, Any], province: Province, sender: str, now: datetime) -> ElementTree.Element:
    """One alert, its elements in the order that the schema of CAP 1.2 wants."""
    made = ElementTree.Element("alert", xmlns=CAP)
    told = {
        "identifier": f"ioc-{digest(alert['id'], alert['since'])}",
        "sender": sender,
        "sent": alert["since"],
        "status": "Exercise" if province.demo else "Actual",
        "msgType": "Alert",
        "scope": "Restricted",
        "restriction": "For holders of a key of this centre.",
        "incidents": digest(alert["id"]),
    }
    for name, text in told.items():
        ElementTree.SubElement(made, name).text = text
    for language, key in (("vi-VN", "vi"), ("en", "en")):
        made.append(_info(alert, language, alert["say"][key], province, now))
    return made


def _info(alert: dict[str, Any], language: str, say: str, province: Province, now: datetime) -> ElementTree.Element:
    urgency, severity = WORDS[alert["level"]]
    told = {
        "language": language,
        "category": "Other",
        "event": say,
        "urgency": urgency,
        "severity": severity,
        "certainty": "Observed",
        "effective": alert["since"],
        "expires": clock.rfc3339((now + STANDS).replace(microsecond=0)),
        "senderName": alert.get("owner") or province.name,
        "headline": say,
        "description": alert.get("why"),
    }
    made = ElementTree.Element("info")
    for name, text in told.items():
        if text is not None:
            ElementTree.SubElement(made, name).text = _plain(str(text))
    area = ElementTree.SubElement(made, "area")
    ElementTree.SubElement(area, "areaDesc").text = province.name or "—"
    return made


def _plain(text: str) -> str:
    """Text without the control characters that XML can't hold."""
    return "".join(sign for sign in text if sign in "\n\t" or sign >= " ")
