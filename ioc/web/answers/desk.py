"""Answers to the desk: the queue, one report with all that is known of it, and what steps and claims lead to."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ioc.layer import Level
from ioc.report_rules import Channel
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
from ioc.web.answers.reports import PhotoKind, PhotoState, ReportState, Score, Titled


class AgencyTold(Answer, frozen=True, kw_only=True):
    """An agency that reports are passed to."""

    code: str
    title: Both
    contact: str


class Me(Answer, frozen=True, kw_only=True):
    """Who sits here, which steps they may ever take, and what they choose from."""

    name: str
    role: str
    agency: str | None
    may: list[str]
    agencies: list[AgencyTold]
    categories: list[Titled]
    refusals: list[Titled]


class Claim(Answer, frozen=True, kw_only=True):
    """Who works on it, and until when that holds."""

    by: str
    until: When
    mine: bool


class Standing(Answer, frozen=True, kw_only=True):
    """How a report stands. `left_s`: seconds left of the step; `stands`: its clock stands still."""

    id: ReportId
    number: Number
    title: str
    category: str
    category_title: Both
    unit: str | None
    unit_name: str | None
    state: ReportState
    since: When
    agency: str | None
    agency_title: Both | None
    step_due: When | None
    due: When | None
    left_s: int | None
    late: bool
    stands: bool
    level: Level | None
    claim: Claim | None
    filed: When
    updated: When
    channel: Channel
    supports: Count
    reopened: Count
    returned: bool
    hidden: str | None
    satisfied: Score | None
    lon: Degrees | None
    lat: Degrees | None
    version: int


class Row(Standing, frozen=True, kw_only=True):
    """A report of the queue. `photos`: how many."""

    photos: Count


class QueueCounts(Answer, frozen=True, kw_only=True):
    """Open reports by what the filters are named."""

    all: Count
    late: Count
    unassigned: Count
    mine: Count
    returned: Count


class Queue(Answer, frozen=True, kw_only=True):
    """A page of the queue. `next`: what `after` is on the following one."""

    items: list[Row]
    counts: QueueCounts
    next: str | None


class Masked(Answer, frozen=True, kw_only=True):
    """Whether anybody stands behind it, and their first letters."""

    has: bool
    masked: str | None


class DeskStep(Answer, frozen=True, kw_only=True):
    """A step that was taken, by whom and why."""

    at: When
    step: str
    from_: ReportState | None = msgspec.field(name="from")
    to: ReportState | None
    who: str
    name: str | None
    agency: str | None
    agency_title: Both | None
    why: str | None
    text: str | None
    data: dict[str, Any]
    version: int


class DeskPhoto(Answer, frozen=True, kw_only=True):
    """A photo or video; `after`: of how it looks after the work."""

    url: PhotoPath | None
    kind: PhotoKind
    state: PhotoState
    why: str | None
    hash: Hash


class TwinTold(Answer, frozen=True, kw_only=True):
    """A report that may be of the same thing; likeness 0 to 1."""

    id: ReportId
    number: Number
    likeness: float
    distance_m: Count | None
    filed: When
    state: ReportState
    words: str


class AnswerTold(Answer, frozen=True, kw_only=True):
    """An answer that was agreed on, filled in for this report."""

    code: str
    title: Both
    text: Both


class Parent(Answer, frozen=True, kw_only=True):
    """The report that stands for this one."""

    id: ReportId
    number: Number


class Child(Answer, frozen=True, kw_only=True):
    """A report that is part of this one."""

    id: ReportId
    number: Number
    state: ReportState


class Whole(Standing, frozen=True, kw_only=True):
    """A report with all that is known of it. `accuracy`: metres. `made`: when it was written on the phone."""

    words: str
    address: str | None
    accuracy: float | None
    attributes: dict[str, Any]
    made: When | None
    lang: str
    person: Masked
    steps: list[DeskStep]
    photos: list[DeskPhoto]
    twins: list[TwinTold]
    may: list[str]
    answers: list[AnswerTold]
    parent: Parent | None
    children: list[Child]


class Stepped(Answer, frozen=True, kw_only=True):
    """How a report stands after a step."""

    version: int
    state: ReportState
    agency: str | None


class PersonTold(Answer, frozen=True, kw_only=True):
    """Who filed a report."""

    name: str | None
    phone: str | None


class Told(Answer, frozen=True, kw_only=True):
    """A report that was told by phone. `follow`: the secret of its follow link."""

    id: ReportId
    number: Number
    state: ReportState
    follow: Hash


class TemplateTold(Answer, frozen=True, kw_only=True):
    """An answer that was agreed on; {number} and {agency} are filled in."""

    code: str
    title: str
    text: str


class ExportRow(Answer, frozen=True, kw_only=True):
    """A report as it is taken away: without persons."""

    number: Number
    state: ReportState
    category: str
    category_title: str
    unit: str | None
    unit_name: str | None
    agency: str | None
    agency_title: str | None
    channel: Channel
    filed: When
    due: When | None
    ended: When | None
    in_time: bool | None
    hours: float | None
    reopened: Count
    satisfied: Score | None
    supports: Count
    photos: Count
    words: str


class ExportFeature(Answer, frozen=True, kw_only=True):
    """A report on a map; its place is as coarse as its category says."""

    type: Literal["Feature"]
    id: Number
    geometry: Point | None
    properties: ExportRow


class Export(Answer, frozen=True, kw_only=True):
    """Reports as GeoJSON."""

    type: Literal["FeatureCollection"]
    features: list[ExportFeature]


class FigureRow(Answer, frozen=True, kw_only=True):
    """What became of the reports of one part (an agency, a commune, a category), or of all."""

    code: str | None
    title: str
    received: Count
    open: Count
    asked: Count
    late: Count
    done: Count
    on_time: Count
    on_time_of: Count
    reopened: Count
    reopened_of: Count
    rated: Count
    content: Count
    on_time_percent: float | int | None
    reopened_percent: float | int | None
    content_percent: float | int | None
    hours: float | None


class Shift(Answer, frozen=True, kw_only=True):
    """The shift of now: what came in, what waits, what was worked on by all and by who asks."""

    from_: When = msgspec.field(name="from")
    to: When
    received: Count
    waiting: Count
    asked: Count
    late: Count
    handled: Count
    mine: Count


class Figures(Answer, frozen=True, kw_only=True):
    """The figures of a span, by part and of all together, and the shift."""

    by: Literal["agency", "unit", "category"]
    from_: When = msgspec.field(name="from")
    to: When
    rows: list[FigureRow]
    all: FigureRow
    shift: Shift
