"""Citizens' reports in SQL: the case as it stands, each step that was taken, its photos, and what waits for the log.

No row is deleted: a report is hidden with a reason. Name, phone and photos are purged in time. Every time is aware.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlmodel import SQLModel

from ioc.db.tables import SEQ, Moment

OUTBOX = "outbox"
"""The counter that gives outbox rows their numbers: its row is locked, so that they commit in their order."""

_data = SQLModel.metadata


def _text(name: str, **other: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, **{"nullable": False, **other})


def _maybe(name: str, kind: Any = sa.Text, **other: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True, **other)


def _seq() -> sa.Column[Any]:
    return sa.Column("seq", SEQ, primary_key=True, autoincrement=True)


def _of_report(**other: Any) -> sa.Column[Any]:
    return sa.Column("report", sa.Text, sa.ForeignKey("reports.id"), nullable=False, **other)


reports = sa.Table(
    "reports",
    _data,
    _text("id", primary_key=True),
    _text("number", unique=True),
    _maybe("client", unique=True),
    _text("channel"),
    _text("jurisdiction"),
    _text("category"),
    _text("words"),
    _maybe("lon", sa.Float(53)),
    _maybe("lat", sa.Float(53)),
    _maybe("accuracy", sa.Float(53)),
    _maybe("address"),
    _maybe("unit"),
    _text("state"),
    sa.Column("since", Moment, nullable=False),
    _maybe("before_info"),
    _maybe("agency"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("filed", Moment, nullable=False),
    _maybe("made", Moment),
    sa.Column("updated", Moment, nullable=False),
    _maybe("due", Moment),
    _maybe("step_due", Moment),
    _maybe("ended", Moment),
    _maybe("person"),
    _text("follow"),
    _maybe("device"),
    _text("lang"),
    _maybe("hidden"),
    _maybe("parent"),
    sa.Column("attributes", sa.JSON, nullable=False),
    _maybe("claim_by"),
    _maybe("claim_until", Moment),
    _maybe("satisfied", sa.Integer),
    sa.Column("supports", sa.Integer, nullable=False),
    sa.Column("reopened", sa.Integer, nullable=False),
    _maybe("warned"),
    sa.Index("reports_state", "state", "filed"),
    sa.Index("reports_agency", "agency", "state"),
    sa.Index("reports_near", "category", "lat", "lon"),
    sa.Index("reports_updated", "updated"),
    sa.Index("reports_filed", "filed"),
    sa.Index("reports_follow", "follow"),
    sa.Index("reports_parent", "parent"),
)

steps = sa.Table(
    "report_steps",
    _data,
    _seq(),
    _of_report(),
    sa.Column("version", sa.Integer, nullable=False),
    _text("step"),
    _maybe("from_state"),
    _text("to_state"),
    sa.Column("at", Moment, nullable=False),
    _text("who"),
    _maybe("name"),
    _maybe("agency"),
    _maybe("why"),
    _maybe("text"),
    sa.Column("data", sa.JSON, nullable=False),
    sa.UniqueConstraint("report", "version", name="report_steps_version"),
    sqlite_autoincrement=True,
)

photos = sa.Table(
    "report_photos",
    _data,
    _of_report(primary_key=True),
    _text("hash", primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    _text("kind"),
    _text("state"),
    _maybe("stored"),
    _maybe("why"),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Index("report_photos_stored", "stored"),
)

supports = sa.Table(
    "report_supports",
    _data,
    _of_report(primary_key=True),
    _text("client", primary_key=True),
    sa.Column("at", Moment, nullable=False),
)

outbox = sa.Table(
    "report_outbox",
    _data,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", Moment, nullable=False),
    _text("body"),
)

counters = sa.Table(
    "report_counters",
    _data,
    _text("day", primary_key=True),
    sa.Column("n", sa.BigInteger, nullable=False),
)

looks = sa.Table(
    "report_looks",
    _data,
    _seq(),
    _maybe("report"),
    _text("name"),
    sa.Column("at", Moment, nullable=False),
    _text("what"),
    sa.Index("report_looks_report", "report"),
    sqlite_autoincrement=True,
)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report as it stands: a row of `reports`. Lon and lat in WGS84, `accuracy` in metres, as the phone told them.

    `since`: when it came into its state. `before_info`: the state it had when more information was asked for.
    `due`: when it is to be done; `step_due`: when the next step is to be taken. `person`: name and phone, encrypted.
    `follow`, `device`: SHA-256. `hidden`: why nobody but the desk sees it. `parent`: what it was split off, is a
    duplicate of, or was merged into. `warned`: what the clock has told of the step that it waits for.
    """

    id: str
    number: str
    channel: str
    jurisdiction: str
    category: str
    words: str
    state: str
    since: datetime
    version: int
    filed: datetime
    updated: datetime
    follow: str
    client: str | None = None
    lon: float | None = None
    lat: float | None = None
    accuracy: float | None = None
    address: str | None = None
    unit: str | None = None
    before_info: str | None = None
    agency: str | None = None
    made: datetime | None = None
    due: datetime | None = None
    step_due: datetime | None = None
    ended: datetime | None = None
    person: str | None = None
    device: str | None = None
    lang: str = "vi"
    hidden: str | None = None
    parent: str | None = None
    attributes: dict[str, Any] = {}
    claim_by: str | None = None
    claim_until: datetime | None = None
    satisfied: int | None = None
    supports: int = 0
    reopened: int = 0
    warned: str | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step that was taken: a row of `report_steps`. `text` is public, `why` is for the desk alone."""

    report: str
    version: int
    step: str
    to_state: str
    at: datetime
    who: str
    seq: int | None = None
    from_state: str | None = None
    name: str | None = None
    agency: str | None = None
    why: str | None = None
    text: str | None = None
    data: dict[str, Any] = {}


class Photo(msgspec.Struct, frozen=True, kw_only=True):
    """A photo or video of a report. `hash`: SHA-256 (hex) of what the phone holds; `stored`: of what we keep of it.

    `state`: planned, taken, refused, or purged (`why` says so in a sentence). `kind`: photo, video, or after (the
    desk's).
    """

    report: str
    hash: str
    position: int
    kind: str
    state: str
    bytes: int
    at: datetime
    stored: str | None = None
    why: str | None = None


def report_of(row: Any) -> Report:
    """The report of a row's mapping."""
    return Report(**row)


def step_of(row: Any) -> Step:
    return Step(**row)


def photo_of(row: Any) -> Photo:
    return Photo(**row)
