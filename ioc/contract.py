"""What a source owes, and how well it keeps it: a pure function of the contract, the answers and the time."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, Literal, NamedTuple

import msgspec

from ioc.clock import ZONE
from ioc.duty import Due
from ioc.event import Method
from ioc.period import Period
from ioc.proof import Link
from ioc.roll import Roll
from ioc.trouble import Trouble
from ioc.workdays import Calendar

State = Literal["live", "late", "stale", "down", "never"]
Age = Literal["received", "observed"]
ORDER: tuple[State, ...] = ("live", "never", "late", "stale", "down")
"""Best first, in the order of the source strip; the state of many is the worst of them."""

LONGEST_S = 3 * 366 * 86400
"""The longest cadence or grace: three years."""
CALENDAR = Calendar()
"""The country's calendar, as it is without settings of a team's own."""
LOOK_EVERY_S = 60.0
"""How often a source is asked that owes a figure for each period."""
GRACE_S = 86_400.0
"""How long a figure for a period is late, before it is stale."""
GIVEN_UP = 2.0
"""Graces past due after which a source that fails is down: its picture is old first, and lost after as long again."""


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source's duties. What is in seconds says so here: `cadence`, `grace`, `every`, `still`, `prove_s`.

    `owner`: the agency; `person` and `contact`: who answers for it there, and how to reach them. `cadence`: it answers
    at least so often; or `due`: it tells of each period until a time (see `ioc.duty.Due`). `grace`: past due, late
    becomes stale after so long; twice the cadence, or a day, when left out. `every`: time between two askings, where
    that is not four fifths of the cadence, or a minute. `expect`: how many subjects it owes; `reporters`: who owes
    something in each period: by name, "units" (every commune), or a dated list (see `ioc.roll`).
    `method`: how its figures were entered.

    A source that answers the same is alive, unless it should move: `still`: its own clock stands still for so long;
    `same`: it says the same so many times in a row. Then it is frozen. `valid_days`: a figure counts for so many days
    after the period (or the moment) that it is of; after that it is stale, whatever is owed.

    `prove_s`: seconds between two proofs that the source's own count and newest change agree with ours.
    `remind`: whether anybody is reminded of its duties; `remind_on_days_off`: on days off too.
    """

    owner: str
    cadence: float = 30.0
    grace: float | None = None
    expect: int | None = None
    method: Method = "machine"
    contact: str | None = None
    every: float | None = None
    person: str | None = None
    due: Due | None = None
    reporters: tuple[str, ...] | Literal["units"] | Roll = ()
    still: float | None = None
    same: int | None = None
    prove_s: float = 300.0
    remind: bool = True
    remind_on_days_off: bool = False
    valid_days: float | None = None

    def __post_init__(self) -> None:
        for name in ("cadence", "every", "grace", "still", "prove_s"):
            seconds = getattr(self, name)
            if seconds is not None and not (0 <= seconds <= LONGEST_S and (seconds > 0 or name == "grace")):
                raise ValueError(f"{name} is {seconds}; write seconds, more than 0 and at most {LONGEST_S:,}")
        if self.valid_days is not None and not 0 < self.valid_days <= LONGEST_S / 86_400:
            raise ValueError(f"valid_days is {self.valid_days}; write days, more than 0 and at most three years")
        if self.expect is not None and self.expect < 0:
            raise ValueError(f"expect is {self.expect}; write how many subjects the source owes, or leave it out")
        if self.same is not None and self.same < 2:
            raise ValueError(f"same is {self.same}; write how many answers alike mean that it is frozen, 2 or more")
        if self.reporters and self.due is None:
            raise ValueError("reporters owe something in each period; write due too, which says in which")
        if isinstance(self.reporters, tuple) and len(set(self.reporters)) < len(self.reporters):
            raise ValueError("reporters names one twice; name each once")

    @property
    def pace(self) -> float:
        """Seconds between two askings: short of the cadence, so that a source that answers is never past due."""
        if self.every is not None:
            return self.every
        return 0.8 * self.cadence if self.due is None else LOOK_EVERY_S

    @property
    def patience(self) -> float:
        """Seconds past `due` before late becomes stale."""
        if self.grace is not None:
            return self.grace
        return 2 * self.cadence if self.due is None else GRACE_S


class Checks(msgspec.Struct, frozen=True):
    """Outcome of what was checked in the last answer: `failed` holds finished sentences."""

    passed: int = 0
    failed: tuple[str, ...] = ()


class Answered(msgspec.Struct, frozen=True):
    """What the poller knows of one source after its last poll; it travels with the commit.

    Times are aware. `error` is safe text (no secret, no address with a key). `refused`: the source said no, and is not
    asked again until its settings change. `untaken`: the error is about an answer that came and could not be taken, and
    stands until one can; `lacking`: the mapped fields that all of it lacked. Counts are sums since the first poll.
    `lost`: events that the store had confirmed and lost again (a primary without a replica died); they were asked
    again, or must be sent again. `reached`: the last day of the newest period that it told of (None of stretches of a
    day). `alike`: how many answers in a row said the same as the one before, all of it; `digest` is that answer's.
    `unread`: since when not one record of its whole answers can be read.
    `link`: what is proved of the link to it. `aside_now`: distinct records that stand set aside, by `reasons` and by
    kinds of `troubles` (at most `ioc.trouble.MOST` + 1). `columns`: those known that nothing maps, as "form/name"
    ("form/" alone: the form was read); `fresh`: those among them that are new, and since when.
    """

    source: str
    asked: datetime
    answered: datetime | None = None
    observed: datetime | None = None
    error: str | None = None
    refused: bool = False
    untaken: bool = False
    lacking: tuple[str, ...] = ()
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
    reached: date | None = None
    alike: int = 0
    digest: str | None = None
    unread: datetime | None = None
    link: Link = Link()
    reasons: dict[str, int] = {}
    troubles: tuple[Trouble, ...] = ()
    columns: tuple[str, ...] = ()
    fresh: dict[str, datetime] = {}


class Quality(msgspec.Struct, frozen=True):
    """How good a channel's values are; field names and meaning are those of protocol.md.

    `age`: which of the two times its values' age is counted from (see `aged`).
    """

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
    age: Age = "received"


class Verdict(NamedTuple):
    """A source at a moment. `why`: a finished sentence, None when live. `due`: when it is to be heard of next, or was.

    `period`: the one that is due then. `frozen`: it answers, and does not move. `unread`: it answers, and since then
    not one of its records can be read.
    """

    state: State
    why: str | None
    due: datetime | None
    period: Period | None = None
    frozen: bool = False
    unread: datetime | None = None


def judge(contract: Contract, answered: Answered | None, now: datetime, calendar: Calendar = CALENDAR) -> Verdict:
    """The state of a source at `now`.

    never: no answer yet. live: answered, and not past due. late: past due, within grace, or the
    last answer was not believed, or nothing in it can be read. stale: past due + grace; or unread for longer than the
    grace; or frozen; or its newest figure is no longer valid. down:
    past due + GIVEN_UP graces with the last asking failed, or refused. So one that stops is late, then stale, then
    down; one that answers and does not tell stays stale.
    """
    if answered is None:
        return Verdict("never", "The source was not asked yet.", None)
    if answered.answered is None:
        say = answered.error or "The source has not answered yet."
        return Verdict("down" if answered.refused else "never", say, None)
    due, period = _due(contract, answered, calendar)
    if answered.refused:
        return Verdict("down", answered.error, due, period)
    past = (now - due).total_seconds()
    ended = _ended(contract, answered)
    if ended is not None and now >= ended and (past <= contract.patience or not answered.error):
        why = f"The newest figure was valid until {ended.astimezone(ZONE):%d/%m/%Y}, and no newer one has come."
        return Verdict("stale", why, due, period)
    if past > 0:
        why = answered.error or _owed(period)
        if past <= contract.patience:
            return Verdict("late", why, due, period)
        lost = answered.error is not None and past > GIVEN_UP * contract.patience
        return Verdict("down" if lost else "stale", why, due, period)
    if answered.error:
        return Verdict("late", answered.error, due, period)
    if answered.unread is not None:
        # what is shown then is what stood before: no picture that is alive, though an answer comes each time
        long = (now - answered.unread).total_seconds() > contract.patience
        why = _unread(answered, answered.unread)
        return Verdict("stale" if long else "late", why, due, period, unread=answered.unread)
    if (why_frozen := _frozen(contract, answered, now)) is not None:
        return Verdict("stale", why_frozen, due, period, True)
    return Verdict("live", None, due, period)


def _due(contract: Contract, answered: Answered, calendar: Calendar) -> tuple[datetime, Period | None]:
    """When the source is to be heard of after what it told last."""
    assert answered.answered is not None
    if contract.due is None:
        return answered.answered + timedelta(seconds=contract.cadence), None
    due, reached = contract.due, answered.reached
    told = due.period(reached) if reached is not None else due.of(answered.observed or answered.answered)
    period = due.following(told, calendar)
    return due.at(period, calendar), period


def _ended(contract: Contract, answered: Answered) -> datetime | None:
    """When the newest figure ends to be valid; None: it does not."""
    if contract.valid_days is None:
        return None
    of = answered.observed
    if answered.reached is not None:
        of = datetime.combine(answered.reached + timedelta(days=1), time(), ZONE)
    return of + timedelta(days=contract.valid_days) if of is not None else None


def _owed(period: Period | None) -> str:
    if period is None:
        return "The answer that was due has not come."
    if period.seconds:
        return f"The figure for {period.begins:%H:%M:%S} – {period.ends:%H:%M:%S on %d/%m/%Y} has not come."
    span = f"{period.last:%d/%m/%Y}"
    if period.first != period.last:
        span = f"{period.first:%d/%m} – {span}"
    return f"The figure for {span} has not come."


def _frozen(contract: Contract, answered: Answered, now: datetime) -> str | None:
    """Why a source that answers in time counts as frozen; None: it moves, or need not."""
    observed = answered.observed
    if contract.still is not None and observed is not None and (now - observed).total_seconds() > contract.still:
        return f"It answers, but its own clock stands still since {observed.astimezone(ZONE):%H:%M:%S on %d/%m/%Y}."
    if contract.same is not None and answered.alike + 1 >= contract.same:
        return f"It answers, but has said the same {answered.alike + 1} times in a row."
    return None


def _unread(answered: Answered, since: datetime) -> str:
    at = f"{since.astimezone(ZONE):%H:%M:%S on %d/%m/%Y}"
    return f"It answers, but not one of its {answered.aside_now} records can be read since {at}."


def aged(contract: Contract, answered: Answered | None, *, frozen: bool = False) -> Age:
    """Which time the age of a source's values is counted from: its last confirmation, or the newest change it told of.

    A registry that is read whole every 30 s is as old as the last reading, though nothing in it moved. That holds no
    more where the confirmation proves nothing: people typed or estimated the values; the contract owes changes (`due`,
    `still`, `same`); it is frozen; or its own tally says that it holds newer ones that it does not hand
    over; or no record of it can be read.
    """
    owes_changes = contract.due is not None or contract.still is not None or contract.same is not None
    behind = answered is not None and answered.link.behind(contract.patience) is not None
    by_people = contract.method in ("typed", "estimated")
    unread = answered is not None and answered.unread is not None
    return "observed" if owes_changes or behind or by_people or frozen or unread else "received"


def worst(states: list[State]) -> State:
    """The worst of `states`; never when there are none."""
    return max(states, key=ORDER.index, default="never")


def source_item(
    name: str, contract: Contract, answered: Answered | None, now: datetime, calendar: Calendar = CALENDAR
) -> dict[str, Any]:
    """The item of one source on the channel `sources` (JSON-able, times aware)."""
    verdict = judge(contract, answered, now, calendar)
    known = answered or Answered(source=name, asked=now)
    unread = {"unread": verdict.unread} if verdict.unread is not None else {}
    return {
        "id": name, "state": verdict.state, "why": verdict.why, "due": verdict.due, "owner": contract.owner,
        "frozen": verdict.frozen, "age": aged(contract, answered, frozen=verdict.frozen),
        "period": verdict.period.text if verdict.period is not None else None,
        "observed": known.observed, "received": known.answered, "last_error": known.error,
        "have": known.have, "expect": contract.expect, "refused": known.aside_now,
        "reasons": known.reasons, "method": contract.method,
        "fresh": sorted({name.partition("/")[2] for name in known.fresh}),
        "cadence_s": contract.cadence if contract.due is None else None, "grace_s": contract.patience,
        "checks": {"passed": known.checks.passed, "failed": list(known.checks.failed)},
        "counts": {"records": known.records, "events": known.events, "unchanged": known.unchanged,
                   "duplicates": known.duplicates, "set_aside": known.set_aside, "lost": known.lost},
        **unread,
    }  # fmt: skip
