"""Items as CSV: a row each, a column a property. UTF-8; a text that a spreadsheet would run as a formula is defused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ioc import fields


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return fields.defused(value)
    if isinstance(value, int | float):
        return str(value)
    return msgspec.json.encode(value).decode()


def rows(columns: Sequence[str], found: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows as CSV, with these columns."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(map(_cell, columns))
    writer.writerows([_cell(row.get(name)) for name in columns] for row in found)
    return out.getvalue().encode()


def features(bodies: Iterable[bytes]) -> bytes:
    """GeoJSON features as CSV: id, lon, lat (of points; else the geometry), then every property that any item has."""
    found: list[dict[str, Any]] = []
    columns: dict[str, None] = {}
    for body in bodies:
        feature = msgspec.json.decode(body)
        row = {"id": feature.get("id")}
        geometry = feature.get("geometry") or {}
        if geometry.get("type") == "Point":
            row["lon"], row["lat"] = geometry["coordinates"][:2]
        elif geometry:
            row["geometry"] = geometry
        properties = feature.get("properties") or {}
        columns.update(dict.fromkeys(properties))
        found.append({**properties, **row})
    first = ["id", "lon", "lat"]
    if any("geometry" in row for row in found):
        first.append("geometry")
    names = first + sorted(columns.keys() - set(first))
    return rows(names, found)
