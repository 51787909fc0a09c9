"""Databases for these tests: SQLite always, PostgreSQL where the machine has one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ioc.db.session import Database, migrate, open_db


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a database without tables, of its own for each test."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/deep/archive.db"
    else:
        yield str(request.getfixturevalue("postgres_url"))


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
