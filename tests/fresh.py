"""Fresh databases on the machine's real servers."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql


@contextmanager
def postgres() -> Iterator[str]:
    """A fresh PostgreSQL database (postgresql://…), dropped afterwards; the server is IOC_TEST_POSTGRES's.

    Raises psycopg.OperationalError when it can't be reached.
    """
    server = os.environ.get("IOC_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
    name = f"ioc_test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True, connect_timeout=5) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(name)))
        try:
            yield f"{server.rsplit('/', 1)[0]}/{name}"
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
