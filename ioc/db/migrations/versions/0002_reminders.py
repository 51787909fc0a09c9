"""The reminder ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ioc.db.tables import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reminders",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("duty", sa.Text, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("agency", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("period", sa.Text),
        sa.Column("due", Moment, nullable=False),
        sa.Column("missing", sa.JSON, nullable=False),
        sa.Column("recipients", sa.JSON, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("created", Moment, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next", Moment),
        sa.Column("sent", Moment),
        sa.Column("receipt", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("excused", Moment),
        sa.Column("ended", Moment),
        sa.UniqueConstraint("duty", "step", "way", name="reminders_duty_step_way"),
    )
    op.create_index("reminders_created", "reminders", ["created"])
    op.create_index("reminders_agency", "reminders", ["agency", "created"])
    op.create_table(
        "reminders_since",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("since", Moment, nullable=False),
    )


def downgrade() -> None:
    for table in ("reminders_since", "reminders"):
        op.drop_table(table)
