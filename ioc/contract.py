"""What a source owes, and how well it keeps it: a pure function of the contract, the answers and the time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from ioc.event import Method

State = Literal["live", "late", "stale", "down", "never"]
ORDER: tuple[State, ...] = ("live", "never", "late", "stale", "down")
"""Best first, in the order of the source strip; the state of many is the worst of them."""

LONGEST_S = 3 * 366 * 86400
"""The longest cadence or grace: three years."""


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source's duties. `cadence` and `grace` are seconds; `expect` is the number of subjects it owes.

    `every`: seconds between two askings, where that is not four fifths of the cadence: who owes a file once a day is
    looked at more often, or the file would lie unread.
    """

    owner: str
    cadence: float = 30.0
    grace: float | None = None
    expect: int | None = None
    method: Method = "machine"
    contact: str | None = None
    every: float | None = None

    def __post_init__(self) -> None:
        for name in ("cadence", "every", "grace"):
            seconds = getattr(self, name)
            if seconds is not None and not (0 <= seconds <= LONGEST_S and (seconds > 0 or name == "grace")):
                raise ValueError(f"{name} is {seconds}; write seconds, more than 0 and at most {LONGEST_S:,}")
        if self.expect is not None and self.expect < 0:
            raise ValueError(f"expect is {self.expect}; write how many subjects the source owes, or leave it out")

    @property
    def pace(self) -> float:
        """Seconds between two askings: short of the cadence, so that a source that answers is never past due."""
        return self.every if self.every is not None else 0.8 * self.cadence

    @property
    def patience(self) -> float:
        """Seconds past `due` before late becomes stale: `grace`, else twice the cadence."""
        return self.grace if self.grace is not None else 2 * self.cadence


class Checks(msgspec.Struct, frozen=True):
    """Outcome of what was checked in the last answer: `failed` holds finished sentences."""

    passed: int = 0
    failed: tuple[str, ...] = ()


class Answered(msgspec.Struct, frozen=True):
    """What the poller knows of one source after its last poll; it travels with the commit.

    Times are aware. `error` is safe text (no secret, no address with a key). `refused`: the source
    said no, and is not asked again until its settings change. `untaken`: the error is about an answer that came and
    could not be taken, and stands until one can. Counts are sums since the first poll. `lost`: events that the store
    had confirmed and lost again (a primary without a replica died); they were asked again, or must be sent again.
    """

    source: str
    asked: datetime
    answered: datetime | None = None
    observed: datetime | None = None
    error: str | None = None
    refused: bool = False
    untaken: bool = False
    failures: int = 0
    have: int = 0
    records: int = 0
    events: int = 0
    unchanged: int = 0
    duplicates: int = 0
    set_aside: int = 0
    aside_now: int = 0
    lost: int = 0
    checks: Checks = Checks()


class Quality(msgspec.Struct, frozen=True):
    """How good a channel's values are; field names and meaning are those of protocol.md."""

    state: State
    why: str | None
    observed: datetime | None
    received: datetime | None
    due: datetime | None
    have: int
    expect: int | None
    refused: int
    checks: Checks
    method: Method
    sources: dict[str, State]


def judge(contract: Contract, answered: Answered | None, now: datetime) -> tuple[State, str | None, datetime | None]:
    """State, reason and due time of a source at `now`.

    never: no answer yet. live: answered, and not past due. late: past due, within grace, or the
    last answer was not believed. stale: past due + grace, though the source answers or was not asked. down: past due +
    grace with the last asking failed, or refused. `why` is a finished sentence, None when live.
    """
    if answered is None or answered.answered is None:
        if answered is None:
            return "never", "The source was not asked yet.", None
        if answered.refused:
            return "down", answered.error, None
        return "never", answered.error or "The source has not answered yet.", None
    due = answered.answered + timedelta(seconds=contract.cadence)
    if answered.refused:
        return "down", answered.error, due
    past = (now - due).total_seconds()
    if past <= 0:
        return ("late", answered.error, due) if answered.error else ("live", None, due)
    why = answered.error or "The answer that was due has not come."
    if past <= contract.patience:
        return "late", why, due
    return ("down" if answered.error else "stale"), why, due


def worst(states: list[State]) -> State:
    """The worst of `states`; never when there are none."""
    return max(states, key=ORDER.index, default="never")


def source_item(name: str, contract: Contract, answered: Answered | None, now: datetime) -> dict[str, Any]:
    """The item of one source on the channel `sources` (JSON-able, times aware)."""
    state, why, due = judge(contract, answered, now)
    known = answered or Answered(source=name, asked=now)
    return {
        "id": name, "state": state, "why": why, "due": due, "owner": contract.owner,
        "observed": known.observed, "received": known.answered, "last_error": known.error,
        "have": known.have, "expect": contract.expect, "refused": known.aside_now, "method": contract.method,
        "cadence_s": contract.cadence, "grace_s": contract.patience,
        "checks": {"passed": known.checks.passed, "failed": list(known.checks.failed)},
        "counts": {"records": known.records, "events": known.events, "unchanged": known.unchanged,
                   "duplicates": known.duplicates, "set_aside": known.set_aside, "lost": known.lost},
    }  # fmt: skip
