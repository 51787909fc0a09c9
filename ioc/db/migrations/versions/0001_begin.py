"""Begin: events, records set aside, figures, keys, codes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ioc.db.tables import SEQ, Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _events()
    _asides()
    op.create_table(
        "figures",
        sa.Column("tile", sa.Text, primary_key=True),
        sa.Column("unit", sa.Text, primary_key=True),
        sa.Column("at", Moment, primary_key=True),
        sa.Column("value", sa.Float(53)),
        sa.Column("item", sa.Text, nullable=False),
    )
    op.create_index("figures_at", "figures", ["at"])
    _access()


def downgrade() -> None:
    for table in ("codes", "keys", "figures", "asides_counted", "asides", "events"):
        op.drop_table(table)


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("time", Moment, nullable=False),
        sa.Column("received", Moment, nullable=False),
        sa.Column("data", sa.Text),
        sa.Column("unit", sa.Text),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("cause", sa.Text),
        sa.Column("corrects", sa.Text),
        sa.Column("old", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("events_type_subject", "events", ["type", "subject", "seq"])
    op.create_index("events_source_subject", "events", ["source", "subject", "seq"])
    op.create_index("events_type_time", "events", ["type", "time"])
    op.create_index("events_received", "events", ["received"])


def _asides() -> None:
    op.create_table(
        "asides",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("say", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("raw", sa.Text, nullable=False),
        sa.Column("first", Moment, nullable=False),
        sa.Column("last", Moment, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("source", "digest", name="asides_source_digest"),
        sqlite_autoincrement=True,
    )
    op.create_index("asides_source_last", "asides", ["source", "last"])
    op.create_table(
        "asides_counted",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sqlite_autoincrement=True,
    )


def _access() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("channels", sa.JSON, nullable=False),
        sa.Column("units", sa.JSON, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("agency", sa.Text),
        sa.Column("created", Moment, nullable=False),
        sa.Column("revoked", Moment),
    )
    op.create_table(
        "codes",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("channels", sa.JSON, nullable=False),
        sa.Column("units", sa.JSON, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("agency", sa.Text),
        sa.Column("expires", Moment, nullable=False),
        sa.Column("used", Moment),
    )
