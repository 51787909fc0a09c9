"""Reports as rows for a spreadsheet or a map. Never a name, a phone number, or the exact place of a private home."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ioc import clock, everybody, fields
from ioc.report_rules import Reports
from ioc.reports import public
from ioc.reports.desk import Found

MOST = 50_000
"""Rows of one export at most."""
COLUMNS = (
    "number", "state", "category", "category_title", "unit", "unit_name", "agency", "agency_title", "channel", "filed",
    "due", "ended", "in_time", "hours", "reopened", "satisfied", "supports", "photos", "lon", "lat", "words",
)  # fmt: skip


def row(found: Found, rules: Reports, called: Callable[[str], str]) -> dict[str, Any]:
    """A report by COLUMNS. `hours`: on the clock, from filing to its end. `in_time`: null while it is open."""
    one = found.report
    category, agency = rules.categories.get(one.category), rules.agencies.get(one.agency or "")
    place = public.place(one, public.coarse(rules, one.category))
    seen_to = one.state in ("done", "closed") and one.ended is not None
    return {
        "number": one.number, "state": one.state, "category": one.category,
        "category_title": category.title[0] if category else one.category, "unit": one.unit,
        "unit_name": called(one.unit) if one.unit else None, "agency": one.agency,
        "agency_title": agency.title[0] if agency else one.agency, "channel": one.channel,
        "filed": clock.rfc3339(one.filed), "due": clock.rfc3339(one.due) if one.due else None,
        "ended": clock.rfc3339(one.ended) if one.ended else None,
        "in_time": one.ended <= one.due if seen_to and one.ended and one.due else None,
        "hours": round((one.ended - one.filed).total_seconds() / 3600, 1) if one.ended else None,
        "reopened": one.reopened, "satisfied": one.satisfied, "supports": one.supports, "photos": found.photos,
        "lon": place[0] if place else None, "lat": place[1] if place else None,
        "words": everybody.words(one.words),
    }  # fmt: skip


def workbook(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> bytes:
    """The rows as XLSX; a text that a spreadsheet would run as a formula is a text. Blocks: call it in a thread."""
    from openpyxl import Workbook
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Phản ánh")
    sheet.append(list(columns))
    for one in rows:
        cells = (one[name] for name in columns)
        sheet.append(
            [fields.defused(ILLEGAL_CHARACTERS_RE.sub("", cell)) if isinstance(cell, str) else cell for cell in cells]
        )
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def collection(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The rows as a GeoJSON FeatureCollection in WGS84; one without a place has no geometry."""
    features = []
    for one in rows:
        told = {name: value for name, value in one.items() if name not in ("lon", "lat")}
        at = None if one["lon"] is None else {"type": "Point", "coordinates": [one["lon"], one["lat"]]}
        features.append({"type": "Feature", "id": one["number"], "geometry": at, "properties": told})
    return {"type": "FeatureCollection", "features": features}
