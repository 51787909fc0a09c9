"""Databases for these tests: SQLite always, PostgreSQL where the machine has one."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from ioc.db.session import Database, migrate, open_db


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of our own, until the one in tests/conftest.py is there."""
    program = shutil.which("pg_ctl")
    if program is None:
        pytest.skip("There is no pg_ctl on PATH; install PostgreSQL to run these tests.")
    home = Path("/tmp") / f"pg-{uuid.uuid4().hex[:8]}"
    home.mkdir(mode=0o755)
    user = None
    if os.getuid() == 0:
        user = "postgres"
        os.chown(home, pwd.getpwnam(user).pw_uid, -1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(*words: str | Path) -> None:
        asked = [program, "-s", "-D", home / "d", *words]
        subprocess.run(asked, check=True, stdout=subprocess.DEVNULL, user=user)

    run("-o", "-A trust -U postgres -E UTF8", "initdb")
    run("-w", "-l", home / "log", "-o", f"-p {port} -k {home} -c fsync=off -c listen_addresses=127.0.0.1", "start")
    yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    run("-m", "immediate", "stop")
    shutil.rmtree(home)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a database without tables, of its own for each test."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/deep/archive.db"
        return
    server: str = request.getfixturevalue("postgres_url")
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.rpartition("/")[0] + "/" + name
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def url(empty_url: str) -> str:
    """Address of a database with its tables."""
    await asyncio.to_thread(migrate, empty_url)
    return empty_url


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    opened = open_db(url)
    yield opened
    await opened.close()
