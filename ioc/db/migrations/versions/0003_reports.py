"""Citizens' reports: the case, its steps, photos, supports, and the outbox to the log."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from ioc.db.tables import SEQ, Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _reports()
    op.create_table(
        "report_steps",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=True),
        _of_report(),
        sa.Column("version", sa.Integer, nullable=False),
        *_texts("step", "from_state?", "to_state"),
        sa.Column("at", Moment, nullable=False),
        *_texts("who", "name?", "agency?", "why?", "text?"),
        sa.Column("data", sa.JSON, nullable=False),
        sa.UniqueConstraint("report", "version", name="report_steps_version"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "report_photos",
        _of_report(primary_key=True),
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        *_texts("kind", "state", "stored?", "why?"),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("at", Moment, nullable=False),
    )
    op.create_index("report_photos_stored", "report_photos", ["stored"])
    op.create_table(
        "report_supports",
        _of_report(primary_key=True),
        sa.Column("client", sa.Text, primary_key=True),
        sa.Column("at", Moment, nullable=False),
    )
    op.create_table(
        "report_outbox",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", Moment, nullable=False),
        *_texts("body"),
    )
    op.create_table(
        "report_counters",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("n", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "report_looks",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=True),
        *_texts("report?", "name"),
        sa.Column("at", Moment, nullable=False),
        *_texts("what"),
        sqlite_autoincrement=True,
    )
    op.create_index("report_looks_report", "report_looks", ["report"])


def downgrade() -> None:
    for table in ("looks", "counters", "outbox", "supports", "photos", "steps"):
        op.drop_table(f"report_{table}")
    op.drop_table("reports")


def _texts(*names: str) -> list[sa.Column[Any]]:
    """Columns of text; a name that ends with ? may be null."""
    return [sa.Column(name.rstrip("?"), sa.Text, nullable=name.endswith("?")) for name in names]


def _of_report(**other: Any) -> sa.Column[Any]:
    return sa.Column("report", sa.Text, sa.ForeignKey("reports.id"), nullable=False, **other)


def _moments(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name.rstrip("?"), Moment, nullable=name.endswith("?")) for name in names]


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("number", sa.Text, nullable=False, unique=True),
        sa.Column("client", sa.Text, unique=True),
        *_texts("channel", "jurisdiction", "category", "words"),
        *(sa.Column(name, sa.Float(53)) for name in ("lon", "lat", "accuracy")),
        *_texts("address?", "unit?", "state"),
        *_moments("since"),
        *_texts("before_info?", "agency?"),
        sa.Column("version", sa.Integer, nullable=False),
        *_moments("filed", "made?", "updated", "due?", "step_due?", "ended?"),
        *_texts("person?", "follow", "device?", "lang", "hidden?", "parent?"),
        sa.Column("attributes", sa.JSON, nullable=False),
        *_texts("claim_by?"),
        *_moments("claim_until?"),
        sa.Column("satisfied", sa.Integer),
        sa.Column("supports", sa.Integer, nullable=False),
        sa.Column("reopened", sa.Integer, nullable=False),
        *_texts("warned?"),
    )
    for name, columns in (
        ("state", ["state", "filed"]),
        ("agency", ["agency", "state"]),
        ("near", ["category", "lat", "lon"]),
        ("updated", ["updated"]),
        ("filed", ["filed"]),
        ("follow", ["follow"]),
        ("parent", ["parent"]),
    ):
        op.create_index(f"reports_{name}", "reports", columns)
