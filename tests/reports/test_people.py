"""Who filed: sealed, bound to their report, opened by older keys too, masked, and purged in time with a note."""

from __future__ import annotations

import base64

import pytest
import sqlalchemy as sa

from ioc.db import reports as tables
from ioc.db.session import Database
from ioc.errors import BadConfig
from ioc.reports import people
from ioc.reports.book import Asked, Book
from ioc.reports.people import Person, Sealed
from tests.reports.conftest import Clock
from tests.reports.desk import OPERATOR, filing

AN = Person("Nguyễn Văn An", "0905 123 456")


def vault(*keys: str) -> people.Vault:
    found = people.vault({"IOC_REPORTS_KEY": ",".join(keys)})
    assert found is not None
    return found


def test_a_person_is_sealed_and_opened_by_the_same_key() -> None:
    box = vault(people.new_key())
    one, other = box.seal("a", AN), box.seal("a", AN)
    assert one is not None and one != other, "the same person must not look the same twice"
    assert "Nguy" not in base64.urlsafe_b64decode(one.removeprefix("v1.")).decode("latin-1")
    assert box.open("a", one) == AN
    assert box.seal("a", Person()) is None


def test_what_was_sealed_for_one_report_opens_for_no_other() -> None:
    box = vault(people.new_key())
    sealed = box.seal("a", AN)
    assert sealed is not None
    with pytest.raises(Sealed):
        box.open("b", sealed)


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    old, new = people.new_key(), people.new_key()
    sealed = vault(old).seal("a", AN)
    assert sealed is not None
    assert vault(new, old).open("a", sealed) == AN
    with pytest.raises(Sealed):
        vault(new).open("a", sealed)


@pytest.mark.parametrize("key", ["short", "x" * 44, "đ" * 44])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(BadConfig):
        people.vault({"IOC_REPORTS_KEY": key})


def test_without_a_key_there_is_no_vault() -> None:
    assert people.vault({}) is None


def test_a_name_is_masked_to_its_first_letters() -> None:
    assert people.masked("Nguyễn Văn  An") == "N*** V*** A***"
    assert people.masked(None) == ""


async def test_name_phone_and_device_are_purged_after_their_time_and_the_purge_is_noted(
    book: Book, db: Database, now: Clock
) -> None:
    ended = (await book.file(filing(name="An", device="d"))).report.id
    waits = (await book.file(filing(name="Bình", device="d"))).report.id
    await book.step(ended, Asked("refuse", why="unclear"), OPERATOR)
    now.on(days=364)
    assert await people.purge(db, 365, now()) == 0
    now.on(days=2)
    assert await people.purge(db, 365, now()) == 1
    assert await people.purge(db, 365, now()) == 0
    one, other = await book.get(ended), await book.get(waits)
    assert one is not None and other is not None
    assert (one.person, one.device) == (None, None)
    assert other.person is not None
    async with db.reading() as connection:
        notes = (await connection.execute(sa.select(tables.looks.c.what))).scalars().all()
    assert len(notes) == 1 and "1 reports" in notes[0]
