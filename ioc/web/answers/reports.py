"""Answers to citizens: the form, what became of a report, and what everybody may see of others'."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from ioc.report_rules import Kind
from ioc.reports import life
from ioc.web.answers.base import (
    Answer,
    Both,
    Count,
    Degrees,
    Hash,
    Number,
    PhotoPath,
    Point,
    ReportId,
    When,
)
from ioc.web.answers.centre import Province

ReportState = Annotated[str, Meta(extra_json_schema={"enum": list(life.STATES)})]
PhotoState = Literal["planned", "taken", "refused", "purged"]
PhotoKind = Literal["photo", "video", "after"]
Score = Annotated[int, Meta(ge=1, le=5)]


class Titled(Answer, frozen=True, kw_only=True):
    """A code that may be chosen, and what it is called."""

    code: str
    title: Both


class Question(Answer, frozen=True, kw_only=True):
    """A question of a category."""

    code: str
    title: Both
    kind: Kind
    required: bool
    values: list[Titled]


class FormHours(Answer, frozen=True, kw_only=True):
    """Hours that each step may take."""

    verify: float
    accept: float
    done: float


class FormCategory(Answer, frozen=True, kw_only=True):
    """A kind of report. `near_m`: how near a twin may lie, in metres."""

    code: str
    title: Both
    group: str
    near_m: float
    hours: FormHours
    attributes: list[Question]


class FormLimits(Answer, frozen=True, kw_only=True):
    """How much a report may hold."""

    photos: int
    photo_bytes: int
    video_bytes: int
    words: int


class Form(Answer, frozen=True, kw_only=True):
    """What a report is made of. `person`: names and phones are kept, sealed; else nobody is asked."""

    province: Province
    jurisdiction: str
    categories: list[FormCategory]
    limits: FormLimits
    person: bool
    demo: bool


class Upload(Answer, frozen=True, kw_only=True):
    """A photo that is awaited, and how much of it is safe."""

    hash: Hash
    offset: Count
    state: PhotoState


class Filed(Answer, frozen=True, kw_only=True):
    """A report that is safe. `follow`: its secret, told to who filed it alone."""

    id: ReportId
    number: Number
    follow: Hash
    state: ReportState
    filed: When
    photos: list[Upload]


class Near(Answer, frozen=True, kw_only=True):
    """An open report of the same kind that lies near."""

    id: ReportId
    number: Number
    category: str
    words: Annotated[str, Meta(max_length=80)]
    distance_m: Count
    filed: When
    state: ReportState
    agency: str | None
    agency_title: Both | None
    supports: Count
    photo: PhotoPath | None


class Nearby(Answer, frozen=True, kw_only=True):
    """Open reports near a place, the nearest first."""

    items: list[Near]


class Supported(Answer, frozen=True, kw_only=True):
    """How many see the same."""

    id: ReportId
    supports: Count


class Where(Answer, frozen=True, kw_only=True):
    """Where a report lies: code and name of its commune, address, degrees in WGS84."""

    unit: str | None
    name: str | None
    address: str | None
    lon: Degrees | None
    lat: Degrees | None


class StepTold(Answer, frozen=True, kw_only=True):
    """A step as a citizen is told of it."""

    at: When
    step: str
    to: ReportState | None
    say: Both
    agency: str | UnsetType = UNSET
    text: str | UnsetType = UNSET


class Coming(Answer, frozen=True, kw_only=True):
    """What comes next, and when it is due."""

    say: Both
    due: When | UnsetType = UNSET


class PhotoTold(Answer, frozen=True, kw_only=True):
    """A photo or video of a report. `why`: why it was not taken."""

    url: PhotoPath | None
    hash: Hash
    kind: PhotoKind
    state: PhotoState
    why: str | None


class Asks(Answer, frozen=True, kw_only=True):
    """What the citizen is asked."""

    text: str | None


class Followed(Answer, frozen=True, kw_only=True):
    """A report as its follower sees it. `may`: the steps that they may take."""

    id: ReportId
    number: Number
    category: str
    state: ReportState
    state_say: Both
    words: str
    filed: When
    supports: Count
    place: Where
    steps: list[StepTold]
    next: list[Coming]
    photos: list[PhotoTold]
    hidden: bool
    asks: Asks | None
    satisfied: Score | None
    may: list[str]


class OnMap(Answer, frozen=True, kw_only=True):
    """What the public map tells of a report."""

    number: Number
    category: str
    state: ReportState
    words: Annotated[str, Meta(max_length=80)]
    filed: When
    supports: Count


class MapFeature(Answer, frozen=True, kw_only=True):
    """A report on the public map; its place is as coarse as its category says."""

    type: Literal["Feature"]
    id: ReportId
    geometry: Point
    properties: OnMap


class ReportsMap(Answer, frozen=True, kw_only=True):
    """Reports of the last 90 days."""

    type: Literal["FeatureCollection"]
    features: list[MapFeature]


class PhotoTaken(Answer, frozen=True, kw_only=True):
    """A photo that is whole."""

    hash: Hash
    state: PhotoState
    why: str | None
