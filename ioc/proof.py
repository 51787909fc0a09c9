"""What is proved of the link to one source: that it answers, that records were read, that its own count and ours agree.

Pure. A link is kept beside the source's last answer (`ioc.contract.Answered`), so that it survives a restart.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec


class Tally(msgspec.Struct, frozen=True):
    """What a source says of itself: how many records it holds, and when the newest of them changed (aware).

    Either may be None: the source does not tell it. Raises ValueError for what is no count and no time of ours.
    """

    count: int | None = None
    newest: datetime | None = None

    def __post_init__(self) -> None:
        if self.count is not None and not 0 <= self.count < 2**63:
            raise ValueError(f"The count is {self.count}; ask its owner what it means.")
        if self.newest is not None and (self.newest.tzinfo is None or self.newest.year < 1900):
            raise ValueError("The newest change has no zone, or lies before 1900; ask its owner what it means.")


class Link(msgspec.Struct, frozen=True):
    """The last proofs of one link. Times are aware; None: never.

    `tried`: the last handshake that was tried; `connected`: the last that worked (it answered something, whatever that
    was); `lost`: since when none works; `refused`: it refused our key. `shared`: when a record was read the last time.

    `proved`: when the source was last asked for its tally; `count`, `newest`: what it said; `why`: why it could not
    say it (safe text). Ours at that moment: `low` records, up to `high` with those set aside, and `observed`, the
    newest that we hold. `sure`: the next answer has borne it out that the counts differ, so that it was no record which
    came between two askings. `synced`: when the tally agreed the last time.
    """

    tried: datetime | None = None
    connected: datetime | None = None
    lost: datetime | None = None
    refused: bool = False
    shared: datetime | None = None
    proved: datetime | None = None
    count: int | None = None
    newest: datetime | None = None
    why: str | None = None
    low: int = 0
    high: int = 0
    observed: datetime | None = None
    sure: bool = False
    synced: datetime | None = None

    @property
    def differ(self) -> int:
        """By how many records the source's count and ours differ; what was set aside counts as read."""
        return apart(self.count, self.low, self.high)

    def behind(self, grace: float) -> timedelta | None:
        """How far our newest lies behind the source's, when that is more than `grace` seconds; else None."""
        if self.newest is None or self.observed is None:
            return None
        span = self.newest - self.observed
        return span if span.total_seconds() > grace else None

    def due(self, now: datetime, every: float) -> bool:
        """Whether it is time to ask for the tally again, `every` seconds after the last time."""
        return self.proved is None or not 0 <= (now - self.proved).total_seconds() < every


def apart(count: int | None, low: int, high: int) -> int:
    """How far `count` lies outside of `low` to `high`; 0 when it lies inside, or is not known."""
    return 0 if count is None else max(low - count, count - high, 0)


def met(link: Link, at: datetime) -> Link:
    """The source answered something."""
    return msgspec.structs.replace(link, tried=at, connected=at, lost=None, refused=False)


def unmet(link: Link, at: datetime, *, refused: bool = False) -> Link:
    """The source did not answer, or refused our key."""
    return msgspec.structs.replace(link, tried=at, lost=link.lost or at, refused=refused)


def read(link: Link, at: datetime, have: int, aside: int) -> Link:
    """The source answered, and we hold `have` of its records then; `aside` more are set aside.

    A count that lay apart is judged once more: what came between two answers is apart from neither.
    """
    found = met(link, at)
    if have or aside:
        found = msgspec.structs.replace(found, shared=at)
    if found.sure or not found.differ:
        return found
    low, high = min(found.low, have), max(found.high, have + aside)
    if apart(found.count, low, high):
        return msgspec.structs.replace(found, sure=True)
    return msgspec.structs.replace(found, low=low, high=high, synced=found.proved)


def proved(
    link: Link,
    tally: Tally | None,
    at: datetime,
    *,
    have: int,
    aside: int,
    observed: datetime | None,
    grace: float,
    why: str | None = None,
) -> Link:
    """The source was asked for its tally; None: it can't say it, or could not (`why`).

    A newest change that lies ahead of us counts as one of now.
    """
    told = tally or Tally()
    newest = min(told.newest, at) if told.newest is not None else None
    said = {"proved": at, "count": told.count, "newest": newest, "why": why, "sure": False}
    new = msgspec.structs.replace(link, **said, low=have, high=have + aside, observed=observed)
    if told == Tally() or why is not None or new.behind(grace) is not None:
        return new
    if new.differ:
        # what was borne out stays so, until the counts agree
        return msgspec.structs.replace(new, sure=link.sure)
    return msgspec.structs.replace(new, synced=at)
