"""Tables of the archive and of access. Every time in them is aware, and comes back in UTC on every backend."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, cast

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlmodel import Field, SQLModel


class Moment(sa.TypeDecorator[datetime]):
    """An aware time. SQLite keeps no zone, so it is stored in UTC and given its zone back when read.

    Raises ValueError when a time without a zone is stored: nobody could tell later what it meant.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A stored time needs a zone; give an aware datetime.")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A growing number: SQLite counts up by itself only in a column of type INTEGER."""


class EventRow(SQLModel, table=True):
    """One archived event; `seq` is the order of arrival. `data`: the feature as JSON, null: the subject is gone.

    A correction names in `corrects` the id of the event whose value it replaces, and holds that event's data in
    `old`. Both are null for the rest.
    """

    __tablename__: ClassVar[str] = "events"
    __table_args__: ClassVar[Any] = (
        sa.Index("events_type_subject", "type", "subject", "seq"),
        sa.Index("events_source_subject", "source", "subject", "seq"),
        sa.Index("events_type_time", "type", "time"),
        sa.Index("events_received", "received"),
        {"sqlite_autoincrement": True},
    )

    seq: int | None = Field(default=None, sa_column=sa.Column(SEQ, primary_key=True, autoincrement=True))
    id: str = Field(sa_column=sa.Column(sa.Text, nullable=False, unique=True))
    source: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    type: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    subject: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    time: datetime = Field(sa_column=sa.Column(Moment, nullable=False))
    received: datetime = Field(sa_column=sa.Column(Moment, nullable=False))
    data: str | None = Field(default=None, sa_column=sa.Column(sa.Text))
    unit: str | None = Field(default=None, sa_column=sa.Column(sa.Text))
    method: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    cause: str | None = Field(default=None, sa_column=sa.Column(sa.Text))
    corrects: str | None = Field(default=None, sa_column=sa.Column(sa.Text))
    old: str | None = Field(default=None, sa_column=sa.Column(sa.Text))


class AsideRow(SQLModel, table=True):
    """A record that was set aside, once for each distinct `digest` of a source; `raw` is masked and at most 8 KiB.

    The row with digest "older" sums up what no longer has a row of its own.
    """

    __tablename__: ClassVar[str] = "asides"
    __table_args__: ClassVar[Any] = (
        sa.UniqueConstraint("source", "digest", name="asides_source_digest"),
        sa.Index("asides_source_last", "source", "last"),
        {"sqlite_autoincrement": True},
    )

    seq: int | None = Field(default=None, sa_column=sa.Column(SEQ, primary_key=True, autoincrement=True))
    source: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    digest: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    reason: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    say: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    subject: str | None = Field(default=None, sa_column=sa.Column(sa.Text))
    raw: str = Field(default="", sa_column=sa.Column(sa.Text, nullable=False))
    first: datetime = Field(sa_column=sa.Column(Moment, nullable=False))
    last: datetime = Field(sa_column=sa.Column(Moment, nullable=False))
    count: int = Field(default=1, sa_column=sa.Column(sa.BigInteger, nullable=False))


class CountedRow(SQLModel, table=True):
    """Id of an event that was counted in `asides`, so that a repeated batch counts nothing twice."""

    __tablename__: ClassVar[str] = "asides_counted"
    __table_args__: ClassVar[Any] = ({"sqlite_autoincrement": True},)

    seq: int | None = Field(default=None, sa_column=sa.Column(SEQ, primary_key=True, autoincrement=True))
    id: str = Field(sa_column=sa.Column(sa.Text, nullable=False, unique=True))


class FigureRow(SQLModel, table=True):
    """What a tile showed from `at` on. `value`: its number (null: none, or a text); `item`: all of it, as sent."""

    __tablename__: ClassVar[str] = "figures"
    __table_args__: ClassVar[Any] = (sa.Index("figures_at", "at"),)

    tile: str = Field(sa_column=sa.Column(sa.Text, primary_key=True))
    unit: str = Field(sa_column=sa.Column(sa.Text, primary_key=True))
    at: datetime = Field(sa_column=sa.Column(Moment, primary_key=True))
    value: float | None = Field(default=None, sa_column=sa.Column(sa.Float(53)))
    item: str = Field(sa_column=sa.Column(sa.Text, nullable=False))


class KeyRow(SQLModel, table=True):
    """A key, known by its SHA-256 alone. `channels`: patterns; `units`: codes, empty for everywhere; never deleted."""

    __tablename__: ClassVar[str] = "keys"

    id: int | None = Field(default=None, sa_column=sa.Column(sa.Integer, primary_key=True, autoincrement=True))
    name: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    digest: str = Field(sa_column=sa.Column(sa.Text, nullable=False, unique=True))
    channels: list[str] = Field(default_factory=list, sa_column=sa.Column(sa.JSON, nullable=False))
    units: list[str] = Field(default_factory=list, sa_column=sa.Column(sa.JSON, nullable=False))
    role: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    agency: str | None = Field(default=None, sa_column=sa.Column(sa.Text))
    created: datetime = Field(sa_column=sa.Column(Moment, nullable=False))
    revoked: datetime | None = Field(default=None, sa_column=sa.Column(Moment))


class CodeRow(SQLModel, table=True):
    """A one-time code, as SHA-256, that a screen exchanges for a key with these rights before `expires`."""

    __tablename__: ClassVar[str] = "codes"

    digest: str = Field(sa_column=sa.Column(sa.Text, primary_key=True))
    name: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    channels: list[str] = Field(default_factory=list, sa_column=sa.Column(sa.JSON, nullable=False))
    units: list[str] = Field(default_factory=list, sa_column=sa.Column(sa.JSON, nullable=False))
    role: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    agency: str | None = Field(default=None, sa_column=sa.Column(sa.Text))
    expires: datetime = Field(sa_column=sa.Column(Moment, nullable=False))
    used: datetime | None = Field(default=None, sa_column=sa.Column(Moment))


class ReminderRow(SQLModel, table=True):
    """One reminder by one way: the row stands before anything is sent, so that nothing is sent twice.

    `id`: digest of duty, step and way; it is the Message-ID and the Idempotency-Key too. `number`: of the agency in
    its year. `receipt`: what the mail server or the webhook answered. `error`: why it was not sent, safe text. `next`:
    when a failed one is tried again. `excused`: since when it no longer counts. `ended`: when the outage was over.
    """

    __tablename__: ClassVar[str] = "reminders"
    __table_args__: ClassVar[Any] = (
        sa.UniqueConstraint("duty", "step", "way", name="reminders_duty_step_way"),
        sa.Index("reminders_created", "created"),
        sa.Index("reminders_agency", "agency", "created"),
    )

    id: str = Field(sa_column=sa.Column(sa.Text, primary_key=True))
    duty: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    step: int = Field(sa_column=sa.Column(sa.Integer, nullable=False))
    way: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    agency: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    source: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    period: str | None = Field(default=None, sa_column=sa.Column(sa.Text))
    due: datetime = Field(sa_column=sa.Column(Moment, nullable=False))
    missing: list[str] = Field(default_factory=list, sa_column=sa.Column(sa.JSON, nullable=False))
    recipients: list[str] = Field(default_factory=list, sa_column=sa.Column(sa.JSON, nullable=False))
    subject: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    text: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    number: int = Field(sa_column=sa.Column(sa.Integer, nullable=False))
    created: datetime = Field(sa_column=sa.Column(Moment, nullable=False))
    state: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    attempts: int = Field(default=0, sa_column=sa.Column(sa.Integer, nullable=False))
    next: datetime | None = Field(default=None, sa_column=sa.Column(Moment))
    sent: datetime | None = Field(default=None, sa_column=sa.Column(Moment))
    receipt: str | None = Field(default=None, sa_column=sa.Column(sa.Text))
    error: str | None = Field(default=None, sa_column=sa.Column(sa.Text))
    excused: datetime | None = Field(default=None, sa_column=sa.Column(Moment))
    ended: datetime | None = Field(default=None, sa_column=sa.Column(Moment))


class WatchedRow(SQLModel, table=True):
    """Since when a source's duties are reminded of: what it missed before that is nobody's reminder."""

    __tablename__: ClassVar[str] = "reminders_since"

    source: str = Field(sa_column=sa.Column(sa.Text, primary_key=True))
    since: datetime = Field(sa_column=sa.Column(Moment, nullable=False))


def table_of(row: type[SQLModel]) -> sa.Table:
    """The table behind a row class, for statements over many rows at once."""
    return cast(sa.Table, sa.inspect(row).local_table)
