"""GeoReport v2 as values: services, definitions, requests, errors and discovery as they are told.

Pure; how a value becomes XML or JSON stands in `ioc.web.open311_xml`, how forms and queries are read in
`ioc.reports.georeport_form`. Source: wiki.open311.org/GeoReport_v2. Times in and out are aware.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from ioc import clock
from ioc.report_rules import Category, Reports
from ioc.reports.changes import ENDS

NOTES = {
    "new": ("Mới nhận, chờ xác minh.", "Received, to be verified."),
    "verified": ("Đã xác minh, chờ giao xử lý.", "Verified, to be assigned."),
    "assigned": ("Đã giao cho đơn vị xử lý.", "Assigned to an agency."),
    "accepted": ("Đơn vị đã nhận việc.", "Accepted by the agency."),
    "in_progress": ("Đang xử lý.", "In progress."),
    "more_info": ("Chờ người phản ánh bổ sung thông tin.", "More information is wanted from who reported it."),
    "done": ("Đã xử lý xong.", "Done."),
    "closed": ("Đã đóng.", "Closed."),
    "refused": ("Không được giải quyết.", "Refused."),
    "reopened": ("Được mở lại.", "Reopened."),
    "duplicate": ("Trùng với phản ánh khác.", "The same as another report."),
    "merged": ("Đã gộp vào phản ánh khác.", "Merged into another report."),
}
"""What each state is in words, Vietnamese and English."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A report as the public may know it. `lon`, `lat`: WGS84, as coarse as they must be.

    `text`: the newest public answer, or the code of why it was refused. `media`: address of a photo. `stays`: number
    of the report that stands for this one.
    """

    number: str
    state: str
    category: str
    words: str
    agency: str | None
    filed: datetime
    updated: datetime
    due: datetime | None
    address: str | None
    lon: float | None
    lat: float | None
    media: str | None
    text: str | None = None
    stays: str | None = None


def services(rules: Reports, english: bool, batch: bool = False) -> list[dict[str, Any]]:
    """GET services: the categories, in the order of the settings. `batch`: a posted report is answered with a token."""
    return [
        {
            "service_code": code,
            "service_name": category.title[english],
            "description": _within(category, english),
            "metadata": bool(category.attributes),
            "type": "batch" if batch else "realtime",
            "keywords": ", ".join(category.keywords),
            "group": category.group,
        }
        for code, category in rules.categories.items()
    ]


def notice(category: Category, english: bool) -> str:
    """What is done about a report of this kind, and until when."""
    hours = f"{category.hours.done:g}"
    if english:
        return f"Seen to within {hours} {'hours' if category.always else 'working hours'} of being filed."
    return f"Được xử lý trong {hours} giờ{'' if category.always else ' làm việc'} kể từ khi tiếp nhận."


def _within(category: Category, english: bool) -> str:
    return f"{category.title[english]}. {notice(category, english)}"


def definition(code: str, category: Category, english: bool) -> dict[str, Any]:
    """GET services/{code}: what is asked beside the words."""
    return {
        "service_code": code,
        "attributes": [
            {
                "variable": True,
                "code": one.code,
                "datatype": one.kind,
                "required": one.required,
                "datatype_description": None,
                "order": order,
                "description": one.title[english],
                "values": [{"key": value[0], "name": value[1 + english]} for value in one.values],
            }
            for order, one in enumerate(category.attributes, start=1)
        ],
    }


def request(told: Told, rules: Reports, english: bool) -> dict[str, Any]:
    """One report of GET requests, every field of the specification in its order."""
    category, agency = rules.categories.get(told.category), rules.agencies.get(told.agency or "")
    said = told.text
    if told.state == "refused" and said in rules.reasons:
        said = f"{rules.reasons[said][english]}."
    notes = (NOTES[told.state][english], told.stays and f"({told.stays})", said)
    return {
        "service_request_id": told.number,
        "status": "closed" if told.state in ENDS else "open",
        "status_notes": " ".join(filter(None, notes)),
        "service_name": category.title[english] if category else None,
        "service_code": told.category,
        "description": told.words,
        "agency_responsible": agency.title[english] if agency else None,
        "service_notice": notice(category, english) if category else None,
        "requested_datetime": moment(told.filed),
        "updated_datetime": moment(told.updated),
        "expected_datetime": moment(told.due) if told.due else None,
        "address": told.address,
        "address_id": None,
        "zipcode": None,
        "lat": told.lat,
        "long": told.lon,
        "media_url": told.media,
    }


def moment(when: datetime) -> str:
    """A time in the W3C form, whole seconds, which older clients insist on."""
    return clock.rfc3339(when.replace(microsecond=0))


def discovery(url: str, changed: str, contact: str, kinds: Iterable[str]) -> dict[str, Any]:
    """GET discovery. `url`: of the endpoint; `changed`: when the services did, sortable; `kinds`: media types.

    Source: wiki.open311.org/Service_Discovery.
    """
    endpoint = {
        "specification": "http://wiki.open311.org/GeoReport_v2",
        "url": url,
        "changeset": changed,
        "type": "production",
        "formats": list(kinds),
    }
    key = "Khoá gửi phản ánh do trung tâm điều hành cấp. A key to file reports is given by the operations centre."
    return {"changeset": changed, "contact": contact, "key_service": key, "endpoints": [endpoint]}


def errors(faults: Iterable[tuple[int, str]]) -> list[dict[str, Any]]:
    """The published form of errors."""
    return [{"code": status, "description": say} for status, say in faults]
