"""Who filed a report: name and phone, encrypted at rest, masked for the eye, purged in time.

AES-256-GCM with the report's id bound in, so that a sealed person can't be moved to another report. The environment
variable IOC_REPORTS_KEY holds the key; after a comma older ones, which only open. Without it nobody is asked.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import os
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ioc import clock
from ioc.db.reports import looks, reports
from ioc.db.session import Database
from ioc.errors import BadConfig, IocError
from ioc.report_rules import KEY

KEY_BYTES = 32
PURGE_S = 3600.0
_NONCE = 12
_FIRST = "v1."

logger = logging.getLogger("ioc.reports")


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who filed: what they chose to say of themselves."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None


class Sealed(IocError):
    """Name and phone can't be opened with the keys that are here."""


class Vault(NamedTuple):
    """Seals and opens people. `keys`: the first one seals, all open."""

    keys: tuple[bytes, ...]

    def seal(self, report: str, person: Person) -> str | None:
        """The person as text for the table; None: nothing was told."""
        if person == Person():
            return None
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(self.keys[0]).encrypt(nonce, msgspec.json.encode(person), report.encode())
        return _FIRST + base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, report: str, sealed: str) -> Person:
        """Raises Sealed when no key opens it, or it belongs to another report."""
        body = base64.urlsafe_b64decode(sealed.removeprefix(_FIRST))
        for key in self.keys:
            try:
                plain = AESGCM(key).decrypt(body[:_NONCE], body[_NONCE:], report.encode())
            except InvalidTag:
                continue
            return msgspec.json.decode(plain, type=Person)
        raise Sealed(f"Name and phone were sealed with another key; put it behind a comma into {KEY}.")


def new_key() -> str:
    """A fresh key, as it stands in the environment."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def vault(env: Mapping[str, str] = os.environ) -> Vault | None:
    """The vault of this machine; None without a key. Raises BadConfig when a key is none."""
    given = [one.strip() for one in env.get(KEY, "").split(",") if one.strip()]
    if not given:
        return None
    try:
        keys = tuple(base64.b64decode(one, altchars=b"-_", validate=True) for one in given)
    except (binascii.Error, ValueError):
        keys = (b"",)
    if any(len(key) != KEY_BYTES for key in keys):
        raise BadConfig(f"{KEY} holds no key; put in 32 random bytes as base64url, such as: openssl rand -base64 32.")
    return Vault(keys)


def masked(name: str | None) -> str:
    """A name with its first letters alone: "Nguyễn Văn An" is "N*** V*** A***"."""
    return " ".join(f"{word[0]}***" for word in re.split(r"\s+", name or "") if word)


async def purging(db: Database, days: float) -> None:
    """Purge for ever, each hour; a database that is away is asked again then."""
    while True:
        try:
            await purge(db, days, clock.now())
        except (sa.exc.DBAPIError, OSError) as error:
            logger.warning("People of old reports can't be purged now (%s).", type(error).__name__)
        await asyncio.sleep(PURGE_S)


async def purge(db: Database, days: float, now: datetime) -> int:
    """Drop name, phone and device of reports that ended more than `days` ago; the log of looks says how many."""
    old = sa.and_(
        reports.c.ended < now - timedelta(days=days),
        sa.or_(reports.c.person.is_not(None), reports.c.device.is_not(None)),
    )
    async with db.writing() as connection:
        gone = (await connection.execute(sa.update(reports).where(old).values(person=None, device=None))).rowcount
        if gone:
            what = f"purged name, phone and device of {gone} reports that ended over {days:g} days ago"
            row = {"report": None, "name": "ioc", "at": now, "what": what}
            await connection.execute(sa.insert(looks).values(**row))
            logger.info("Name, phone and device of %d reports were purged (kept for %g days).", gone, days)
    return int(gone)
