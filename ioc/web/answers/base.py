"""What the types of many answers share: texts in two languages, GeoJSON, errors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all: nothing stands in an answer that its type does not name."""


When = Annotated[datetime, Meta(tz=True)]
"""A time with its offset, RFC 3339."""
Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
"""A SHA-256, in small hexadecimal digits."""
ReportId = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{22}$")]
Number = Annotated[str, Meta(pattern="^[A-Z0-9]{1,8}-[0-9]{4}-[0-9]{4}-[0-9]{4,}$")]
"""A report's number for people."""
Amount = int | float | None
Count = Annotated[int, Meta(ge=0)]
Degrees = Annotated[float, Meta(ge=-180, le=180)]
Sentence = Annotated[str, Meta(min_length=1)]
PhotoPath = Annotated[str, Meta(pattern="^/api/reports/photos/[0-9a-f]{64}$")]
Place = Annotated[list[float], Meta(min_length=2, max_length=3)]
"""Longitude and latitude in WGS84, and height where it is known."""


class Both(Answer, frozen=True, kw_only=True):
    """A text in Vietnamese and in English."""

    vi: str
    en: str


class Fault(Answer, frozen=True, kw_only=True):
    """One thing that is wrong. `where`: a field, parameter or cell; `say`: a finished sentence; `vi`: in Vietnamese."""

    where: str
    say: Sentence
    vi: str | UnsetType = UNSET
    cell: str | UnsetType = UNSET


class Problem(Answer, frozen=True, kw_only=True):
    """An error (RFC 9457). `detail`: a finished sentence. `say`: the same in both languages, where citizens read it.

    Somebody was quicker: `who`, `what` and the `version` now; or whose claim holds, `by` and `until`.
    """

    type: str
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: Sentence
    errors: list[Fault] | UnsetType = UNSET
    say: Both | UnsetType = UNSET
    who: str | UnsetType | None = UNSET
    what: str | UnsetType = UNSET
    version: int | UnsetType = UNSET
    by: str | UnsetType | None = UNSET
    until: str | UnsetType = UNSET


class Point(Answer, frozen=True, kw_only=True, tag_field="type", tag="Point"):
    """A GeoJSON point."""

    coordinates: Place


class MultiPoint(Answer, frozen=True, kw_only=True, tag_field="type", tag="MultiPoint"):
    """GeoJSON points."""

    coordinates: list[Place]


class LineString(Answer, frozen=True, kw_only=True, tag_field="type", tag="LineString"):
    """A GeoJSON line."""

    coordinates: list[Place]


class MultiLineString(Answer, frozen=True, kw_only=True, tag_field="type", tag="MultiLineString"):
    """GeoJSON lines."""

    coordinates: list[list[Place]]


class Polygon(Answer, frozen=True, kw_only=True, tag_field="type", tag="Polygon"):
    """A GeoJSON area."""

    coordinates: list[list[Place]]


class MultiPolygon(Answer, frozen=True, kw_only=True, tag_field="type", tag="MultiPolygon"):
    """GeoJSON areas."""

    coordinates: list[list[list[Place]]]


Shape = Point | MultiPoint | LineString | MultiLineString | Polygon | MultiPolygon
