"""Who may see what: keys, one-time codes and their scopes. Closed by default; a key's secret is never stored.

Secrets have at least 256 random bits and are kept as SHA-256: 10,000 screens may come back at once.
Every web process keeps the keys in memory and reads them again each second.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa

from ioc import clock, names
from ioc.db.session import Database
from ioc.db.tables import CodeRow, KeyRow
from ioc.errors import IocError
from ioc.settings import Tenant

LEAST_SECRET = 32
"""Characters of a secret that somebody chose; ours have 43."""
REREAD_S = 1.0
READ_S = 5.0
"""How long a reading of the keys may take."""
ROLES = ("screen", "leader", "agency", "operator", "admin")
"""Roles beside `push:<source>` and `tenant:<name>`; what each may do is asked with `Grant.may_*`."""
TENANT = "tenant:"
DESK = ("layer/reports", "sources", "walls", "alerts", "reminders")
OWN = {"operator": (*DESK, "tile/*", "ledger"), "agency": DESK}
"""What a key of the role may watch where nobody says which channels: what the desk (/ops) shows; of other roles, all.

An operator also excuses in the ledger and acknowledges figures, so that it sees both. Figures of all reports are not an
agency's: it is shown its own reports alone.
"""


class Refused(IocError):
    """A key or code that is not known, was used, is asked for too often, or can't be looked up. `status`: for HTTP.

    `wait_s`: seconds after which one who came too often may come again.
    """

    def __init__(self, say: str, status: int = 401, wait_s: float = 60) -> None:
        super().__init__(say)
        self.status, self.wait_s = status, max(1, math.ceil(wait_s))


class Key(msgspec.Struct, frozen=True):
    """A key without its secret. `channels`: patterns; `units`: codes, empty for everywhere; times aware."""

    id: int
    name: str
    channels: tuple[str, ...]
    units: tuple[str, ...]
    role: str
    agency: str | None
    created: datetime
    revoked: datetime | None


class Grant(msgspec.Struct, frozen=True):
    """What the bearer of a key may do; `key` None: anybody. `units` None: everywhere. `revoked`: nothing at all.
    `tenant`: whose key it is; None: the province's."""

    channels: tuple[str, ...]
    units: frozenset[str] | None = None
    role: str = "screen"
    key: int | None = None
    name: str = ""
    agency: str | None = None
    revoked: bool = False
    tenant: str | None = None

    def may(self, channel: str) -> bool:
        """Whether the channel is there for this bearer; a restricted one is for a key that names it, by no pattern."""
        if names.restricted(channel):
            plain = not any(sign in channel for sign in "*?[")
            return plain and not self.revoked and self.key is not None and channel in self.channels
        owner = names.tenant(channel)
        if owner is not None and owner != self.tenant and (self.key is None or self.tenant is not None):
            # a tenant's is public where the settings name it in full; no pattern makes it so
            return not self.revoked and channel in self.channels
        return not self.revoked and _opened(self.channels, channel)

    def minds(self, alerts: bool) -> bool:
        """Whether the bearer sees what is told of restricted sources (`alerts`: of the alerts that they cause): who
        may see something restricted, and, of the sources, who answers for them."""
        return any(map(self.may, filter(names.restricted, self.channels))) or (self.operates and not alerts)

    def may_push(self, source: str) -> bool:
        """Whether the bearer may send for that source: by its own key, or by an operator's."""
        return not self.revoked and (self.role == f"push:{source}" or self.role in ("operator", "admin"))

    def shows(self, screen: str) -> bool:
        """Whether a screen of that name is for this bearer: a tenant's are for its keys and the province's."""
        return not self.revoked and (self.tenant is None or names.screen_channel(screen) in self.channels)

    @property
    def operates(self) -> bool:
        """Whether the bearer answers for the sources: excuses, sees who was reminded, sends again."""
        return not self.revoked and self.role in ("operator", "admin")

    @property
    def leads(self) -> bool:
        """Whether the bearer may take note of a revised figure for all."""
        return not self.revoked and self.role in ("leader", "operator", "admin")

    @property
    def known(self) -> bool:
        """Whether anything at all is open to this bearer."""
        return not self.revoked and (self.key is not None or bool(self.channels))


@lru_cache(maxsize=16_384)
def _opened(patterns: tuple[str, ...], channel: str) -> bool:
    return any(fnmatchcase(channel, pattern) for pattern in patterns)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _checked(channels: Sequence[str] | None, role: str) -> Sequence[str]:
    """The channels, or those of the role. Raises IocError."""
    if role not in ROLES and not role.startswith(("push:", TENANT)):
        raise IocError(f"There is no role {role}; write one of {', '.join(ROLES)}, push:<source> or tenant:<name>.")
    if role.startswith(TENANT):
        return ()  # the settings say what it opens
    given = OWN.get(role, ("*",)) if channels is None else channels
    if any(not pattern or len(pattern) > 200 for pattern in given):
        raise IocError("A channel pattern has 1 to 200 characters, such as layer/* or *.")
    return given


async def add_key(
    db: Database,
    *,
    name: str,
    channels: Sequence[str] | None = None,
    units: Sequence[str] = (),
    role: str = "screen",
    agency: str | None = None,
    secret: str | None = None,
) -> str:
    """Store a new key; returns its secret, told this once. A given secret that is there already gets these rights.

    `channels` None: those of its role (`OWN`), else all.
    Raises IocError when the role is none or a given secret is short.
    """
    channels = _checked(channels, role)
    if secret is not None and len(secret) < LEAST_SECRET:
        raise IocError(f"A key has at least {LEAST_SECRET} characters; leave it out to get a random one.")
    told = secret or secrets.token_urlsafe(32)
    rights = {"name": name, "channels": list(channels), "units": list(units), "role": role, "agency": agency}
    async with db.writing() as connection:
        same = sa.update(KeyRow).where(sa.column("digest") == digest(told)).values(**rights, revoked=None)
        if (await connection.execute(same)).rowcount == 0:
            await connection.execute(
                sa.insert(KeyRow).values(**rights, digest=digest(told), created=clock.now(), revoked=None)
            )
    return told


async def change_key(
    db: Database, key: int, *, channels: Sequence[str] | None = None, units: Sequence[str] | None = None
) -> bool:
    """Give a key other channels or units; screens that lose some are told in seconds. False: there is no such key."""
    changes: dict[str, Any] = {}
    if channels is not None:
        changes["channels"] = list(_checked(channels, "screen"))
    if units is not None:
        changes["units"] = list(units)
    async with db.writing() as connection:
        done = await connection.execute(sa.update(KeyRow).where(sa.column("id") == key).values(**changes))
    return bool(done.rowcount)


async def revoke_key(db: Database, key: int) -> bool:
    """Revoke; its screens are sent away for good in seconds. False: no such key, or it was revoked before."""
    mine = sa.update(KeyRow).where(sa.column("id") == key, sa.column("revoked").is_(None))
    async with db.writing() as connection:
        done = await connection.execute(mine.values(revoked=clock.now()))
    return bool(done.rowcount)


async def list_keys(db: Database) -> list[Key]:
    """All keys, the oldest first, revoked ones too; none with its secret."""
    return [key for key, _ in await _read(db)]


async def _read(db: Database) -> list[tuple[Key, str]]:
    columns = KeyRow.__table__.c  # type: ignore[attr-defined]
    async with db.reading() as connection:
        rows = (await connection.execute(sa.select(*columns).order_by(columns.id))).all()
    return [
        (Key(r.id, r.name, tuple(r.channels), tuple(r.units), r.role, r.agency, r.created, r.revoked), r.digest)
        for r in rows
    ]


async def make_code(
    db: Database,
    *,
    name: str,
    channels: Sequence[str] | None = None,
    units: Sequence[str] = (),
    role: str = "screen",
    agency: str | None = None,
    minutes: float = 24 * 60,
) -> str:
    """A one-time code (128 random bits) that a page exchanges for a key with these rights within `minutes`."""
    row = {
        "digest": digest(told := secrets.token_urlsafe(16)),
        "name": name,
        "channels": list(_checked(channels, role)),
        "units": list(units),
        "role": role,
        "agency": agency,
    }
    async with db.writing() as connection:
        expires = clock.now() + timedelta(minutes=minutes)
        await connection.execute(sa.insert(CodeRow).values(**row, expires=expires, used=None))
    return told


async def exchange(db: Database, code: str) -> str:
    """The secret of a fresh key for a one-time code. Raises Refused when it is unknown, used, or too old."""
    columns = CodeRow.__table__.c  # type: ignore[attr-defined]
    secret, now = secrets.token_urlsafe(32), clock.now()
    mine = sa.and_(columns.digest == digest(code), columns.used.is_(None), columns.expires > now)
    async with db.writing() as connection:
        row = (await connection.execute(sa.select(*columns).where(mine))).first()
        if row is None or (await connection.execute(sa.update(CodeRow).where(mine).values(used=now))).rowcount == 0:
            raise Refused("This code is not known, was used before, or is too old; ask the operator for a new address.")
        rights = {
            "name": row.name,
            "channels": row.channels,
            "units": row.units,
            "role": row.role,
            "agency": row.agency,
        }
        await connection.execute(sa.insert(KeyRow).values(**rights, digest=digest(secret), created=now, revoked=None))
    return secret


class Tries:
    """Counts wrong keys and codes of an address; after `limit` within `per` seconds it must wait. Bounded in memory."""

    def __init__(
        self, limit: int = 20, per: float = 60.0, now: Callable[[], float] = time.monotonic, kept: int = 10_000
    ) -> None:
        self._limit, self._per, self._now, self._kept = limit, per, now, kept
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def wrong(self, address: str) -> None:
        times = self._wrong.setdefault(address, [])
        times.append(self._now())
        del times[: -self._limit]
        self._wrong.move_to_end(address)
        while len(self._wrong) > self._kept:
            self._wrong.popitem(last=False)

    def wait(self, address: str) -> float:
        """Seconds that the address must wait; 0: it may try."""
        times = self._wrong.get(address, [])
        if len(times) < self._limit:
            return 0.0
        return max(0.0, times[0] + self._per - self._now())


class Access:
    """The keys of this process, in memory. `changed` is called after a reading that found a change.

    `public`: patterns of channels that need no key. `tenants`: those of the settings, by name.
    """

    def __init__(
        self,
        db: Database | None,
        public: Iterable[str] = (),
        now: Callable[[], float] = time.monotonic,
        tenants: Mapping[str, Tenant] | None = None,
    ) -> None:
        self._db = db
        self._tenants = tenants or {}
        # nothing restricted is public, whatever the settings say
        self._public = tuple(channel for channel in public if not names.restricted(channel))
        self._anybody = Grant(self._public)
        self._now = now
        self._by_digest: dict[str, Grant] = {}
        self._by_id: dict[int, Grant] = {}
        self._rows: list[tuple[Key, str]] = []
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self.tries = Tries(now=now)
        self.changed: Callable[[], None] = lambda: None

    @property
    def anybody(self) -> Grant:
        """The grant of one who shows no key."""
        return self._anybody

    async def reread(self) -> bool:
        """Read the keys again; True: something changed. Raises what the database raises when it is away."""
        if self._db is None:
            return False
        began = self._now()
        rows = await _read(self._db)
        self._read_at = began
        if rows == self._rows:
            return False
        self._rows = rows
        grants = {told: self._grant(key) for key, told in rows}
        self._by_digest = grants
        self._by_id = {grant.key: grant for grant in grants.values() if grant.key is not None}
        self.changed()
        return True

    def _grant(self, key: Key) -> Grant:
        if key.role.startswith(TENANT):
            return self._of_tenant(key)
        channels = () if key.role.startswith("push:") else key.channels
        units = frozenset(key.units) or None
        # what is public is public for a key too, but never beyond the key's units
        return Grant((*channels, *self._public), units, key.role, key.id, key.name, key.agency, key.revoked is not None)

    def _of_tenant(self, key: Key) -> Grant:
        """What a tenant's key opens is said by the settings; of one that they do not know, nothing."""
        name, revoked = key.role.removeprefix(TENANT), key.revoked is not None
        if (tenant := self._tenants.get(name)) is None:
            return Grant((), frozenset(), key.role, key.id, key.name, None, revoked, name)
        channels, units = (*tenant.channels(name), *self._public), frozenset(tenant.units)
        return Grant(channels, units, key.role, key.id, key.name, None, revoked, name)

    def now_of(self, grant: Grant) -> Grant:
        """The same bearer's grant by the newest reading; a key that is no longer there is revoked."""
        if grant.key is None:
            return self.anybody
        return self._by_id.get(grant.key) or msgspec.structs.replace(grant, revoked=True)

    def at_once(self, secret: str | None) -> Grant | None:
        """The grant of a bearer who can be told now, without a look at the database; None: ask `of`."""
        if not secret:
            return self.anybody
        grant = self._by_digest.get(digest(secret))
        return None if grant is None or grant.revoked else grant

    async def of(self, secret: str | None, address: str) -> Grant:
        """The grant of a key's bearer. Raises Refused: unknown (401), revoked (403), too many wrong ones (429), 503."""
        if not secret:
            return self.anybody
        told = digest(secret)
        grant = self._by_digest.get(told)
        if grant is None:
            if (wait := self.tries.wait(address)) > 0:
                raise Refused(
                    f"Too many wrong keys came from your address; try again in {wait:.0f} seconds.", 429, wait
                )
            asked = self._now()
            await self._newer(asked)
            grant = self._by_digest.get(told)
        if grant is None:
            self.tries.wrong(address)
            raise Refused("This key is not known; ask the operator for a valid one.")
        if grant.revoked:
            raise Refused("This key was revoked; ask the operator for a new one.", 403)
        return grant

    async def _newer(self, asked: float) -> None:
        """Read the keys unless that was begun after `asked`; who asks meanwhile waits for the same reading."""
        try:
            async with asyncio.timeout(READ_S), self._reading:
                if self._read_at < asked:
                    await self.reread()
        except (sa.exc.SQLAlchemyError, OSError, TimeoutError):
            raise Refused("The keys can't be read at this moment; try again in a few seconds.", 503) from None

    async def exchange(self, code: str, address: str) -> str:
        """See `exchange`; wrong codes are counted, and the new key is known at once."""
        if (wait := self.tries.wait(address)) > 0:
            raise Refused(f"Too many wrong codes came from your address; try again in {wait:.0f} seconds.", 429, wait)
        if self._db is None:
            raise Refused("This server keeps no keys.")
        try:
            secret = await exchange(self._db, code)
        except Refused:
            self.tries.wrong(address)
            raise
        await self.reread()
        return secret
