"""Alembic, loaded only when tables are made or changed (it costs a second)."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

SCRIPTS = Path(__file__).parent / "migrations"


def config(connection: sa.Connection) -> Config:
    """Alembic's settings, made here: no ini file. `migrations/env.py` uses the connection."""
    made = Config(attributes={"connection": connection})
    made.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def upgrade(connection: sa.Connection) -> None:
    """Run what is missing, within the transaction of `connection`."""
    command.upgrade(config(connection), "head")
