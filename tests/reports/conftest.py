"""A book of reports over real databases: SQLite always, PostgreSQL where the machine has one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ioc.db.session import Database, migrate, open_db
from ioc.reports import people
from ioc.reports.book import Book
from tests.reports.desk import NOON, RULES


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a database with its tables."""
    found = f"sqlite:///{tmp_path}/ioc.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    migrate(str(found))
    yield str(found)


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    opened = open_db(url)
    yield opened
    await opened.close()


class Clock:
    """A clock that tests move by hand."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def on(self, **span: float) -> None:
        self.at += timedelta(**span)


@pytest.fixture
def now() -> Clock:
    return Clock()


@pytest.fixture
async def book(db: Database, now: Clock) -> Book:
    await asyncio.sleep(0)
    return Book(db, RULES, vault=people.vault({"IOC_REPORTS_KEY": people.new_key()}), now=now)
