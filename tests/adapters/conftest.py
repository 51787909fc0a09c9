"""Databases that adapters ask: SQLite always, PostgreSQL and MariaDB where the machine has them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest


class Base(NamedTuple):
    """A database of this test: `options` to ask it, `run` to change it (statements with %s)."""

    kind: str
    options: dict[str, Any]
    run: Callable[..., object]


BASES = ["sqlite", *(pytest.param(name, marks=pytest.mark.services) for name in ("postgresql", "mariadb"))]


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Base]:
    if request.param == "sqlite":
        file = tmp_path / "số liệu?.db"
        with closing(sqlite3.connect(file, isolation_level=None)) as lite:
            yield Base(
                "sqlite",
                {"kind": "sqlite", "database": str(file)},
                lambda text, *given: lite.execute(text.replace("%s", "?"), given),
            )
    elif request.param == "postgresql":
        import psycopg

        url = request.getfixturevalue("postgres_url")
        with psycopg.connect(url, autocommit=True) as post, psycopg.ClientCursor(post) as client:
            yield Base("postgresql", {"url": url}, lambda text, *given: client.execute(text, given or None))
    else:
        import pymysql

        where = request.getfixturevalue("mariadb")
        with pymysql.connect(**where, autocommit=True) as maria, maria.cursor() as cursor:
            named = {name: where[name] for name in ("host", "port", "user", "password", "database")}
            yield Base(
                "mariadb", {"kind": "mariadb", **named}, lambda text, *given: cursor.execute(text, given or None)
            )
