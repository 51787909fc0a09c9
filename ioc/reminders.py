"""Which reminders are owed now, of whom, and how many an agency has had in a year. Pure; times are aware.

A duty is missed when a period is past due and somebody has told nothing and is not excused; or when a source that owes
an answer every so often is stale or down. Nobody is reminded of what we did not look for: a source that the poller has
not asked lately misses nothing.

The n-th reminder of one duty goes out `after[n]` seconds past due, and no sooner after the one before than the two
steps lie apart: what was held over Tết does not come three times on the first morning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ioc import clock, ledger
from ioc.clock import ZONE
from ioc.contract import Answered, Contract
from ioc.ledger import Told
from ioc.mailing import Made, Reminders, State, address
from ioc.workdays import Calendar

COUNTED: frozenset[State] = frozenset({"sent", "no contact"})
"""What counts against an agency: what it was sent; and what only the screens could tell, as it names no contact."""
OUTAGE = "outage"
_LOOK_BACK = timedelta(days=14)
"""How long past its last step a missed duty is still looked at."""
_ASKED_S = 60.0
_TROUBLE = ("stale", "down")


class Missed(msgspec.Struct, frozen=True):
    """A duty that is missed now. `duty`: its key. `period` None: an outage. `missing`: who has not told."""

    duty: str
    source: str
    agency: str
    due: datetime
    period: str | None = None
    missing: tuple[str, ...] = ()
    on_days_off: bool = False


def looked_for(contract: Contract, answered: Answered | None, sends: bool, now: datetime) -> bool:
    """Whether we did our part: the source was asked lately, or refuses. `sends`: it sends, so nobody asks it."""
    if sends:
        return True
    if answered is None:
        return False
    return answered.refused or (now - answered.asked).total_seconds() <= 2 * max(_ASKED_S, contract.pace) + _ASKED_S


def periods(
    source: str,
    contract: Contract,
    units: Sequence[str],
    told: Told,
    now: datetime,
    calendar: Calendar,
    *,
    since: datetime,
    rules: Reminders,
) -> list[Missed]:
    """The periods of a source that are past due with somebody missing; none that was due before `since`.

    `units`: codes of the communes of today.
    """
    assert contract.due is not None
    found = []
    for of in ledger.periods(contract, now, calendar):
        due = contract.due.at(of, calendar)
        if not since <= due < now or now - due > timedelta(seconds=rules.after[-1]) + _LOOK_BACK:
            continue
        reporters = ledger.expected(contract, units, of)
        entries = ledger.entries(contract, reporters, of, told.get(of.text, {}), now, calendar)
        missing = tuple(entry.reporter for entry in entries if entry.state == "missing")
        if missing:
            key, off = f"{source}/{of.text}", contract.remind_on_days_off
            found.append(Missed(key, source, contract.owner, due, of.text, missing, off))
    return found


def outage(source: str, contract: Contract, state: str, since: datetime) -> Missed | None:
    """What a source that owes an answer every so often misses, stale or down since `since`."""
    if state not in _TROUBLE:
        return None
    key = f"{source}/{OUTAGE}/{clock.rfc3339(since.replace(microsecond=0))}"
    return Missed(key, source, contract.owner, since, on_days_off=contract.remind_on_days_off)


def open_outage(source: str, made: Iterable[Made]) -> str | None:
    """The key of the outage of a source that was reminded of and has not ended; None: there is none."""
    there = (one for one in made if one.source == source and one.period is None and one.ended is None)
    newest = max(there, key=lambda one: one.created, default=None)
    return newest.duty if newest is not None else None


def may_go(missed: Missed, rules: Reminders, calendar: Calendar, now: datetime) -> bool:
    """Whether anything is sent now: not in quiet hours, and on no day off unless the contract or the rules say so."""
    if rules.silent(now):
        return False
    return rules.days_off or missed.on_days_off or calendar.works(now.astimezone(ZONE).date())


def step(missed: Missed, made: Iterable[Made], rules: Reminders, now: datetime) -> int | None:
    """Which reminder of a missed duty is owed at `now`, from 1; None: none is. `may_go` is asked apart."""
    before = [one for one in made if one.duty == missed.duty]
    done = max((one.step for one in before), default=0)
    if done >= (1 if missed.period is None else len(rules.after)):
        return None
    ripe = missed.due + timedelta(seconds=rules.after[done])
    if before:
        last = max(one.created for one in before)
        ripe = max(ripe, last + timedelta(seconds=rules.after[done] - rules.after[done - 1]))
    return done + 1 if now >= ripe else None


def year_of(moment: datetime) -> int:
    return moment.astimezone(ZONE).year


def counted(made: Iterable[Made], year: int) -> dict[str, dict[tuple[str, int], Made]]:
    """What counts of a year, by agency, and by (duty, step): what went two ways counts once; nothing excused does."""
    found: dict[str, dict[tuple[str, int], Made]] = {}
    for one in made:
        if one.state in COUNTED and one.excused is None and year_of(one.created) == year:
            found.setdefault(one.agency, {}).setdefault((one.duty, one.step), one)
    return found


def recipients(contract: Contract, rules: Reminders, step: int, count: int) -> tuple[str, ...]:
    """Mail addresses of one reminder: the agency's, and its superior's when it is time. `count`: those before it."""
    own = address(contract.contact)
    above = address(rules.escalate_to)
    high = step >= rules.escalate_from or count >= rules.thresholds[0]
    given = [own, above if high else None]
    return tuple(dict.fromkeys(one for one in given if one is not None))


def excused(missing: Sequence[str], told: Mapping[str, Any]) -> bool:
    """Whether each of those whom a reminder named has an excuse that stands; `told`: the ledger's of that period."""
    given = told.get("excused") or {}
    return bool(missing) and all((given.get(who) or {}).get("why") for who in missing)


def standing(made: Iterable[Made], agencies: Iterable[str], rules: Reminders, now: datetime) -> dict[str, Any]:
    """The channel `reminders`: an item for each agency that owes anything, or had a reminder this year."""
    year = year_of(now)
    found = counted(made, year)
    return {
        agency: _item(agency, year, list(found.get(agency, {}).values()), rules)
        for agency in sorted({*agencies, *found})
    }


def _item(agency: str, year: int, mine: list[Made], rules: Reminders) -> dict[str, Any]:
    sources: dict[str, int] = {}
    for one in sorted(mine, key=lambda one: one.source):
        sources[one.source] = sources.get(one.source, 0) + 1
    warn, bad = rules.thresholds
    level = "bad" if len(mine) >= bad else "warn" if len(mine) >= warn else None
    say = None
    if level is not None:
        what = {
            "warn": ("xem xét trách nhiệm người đứng đầu", "the leader's responsibility is reviewed"),
            "bad": ("xem xét xử lý kỷ luật", "discipline is considered"),
        }[level]
        say = {
            "vi": f"Đã nhắc {len(mine)} lần trong năm {year}: {what[0]}.",
            "en": f"Reminded {len(mine)} times in {year}: {what[1]}.",
        }
    last = max((one.sent or one.created for one in mine), default=None)
    return {
        "id": agency, "agency": agency, "year": year, "count": len(mine), "thresholds": [warn, bad], "level": level,
        "last": last, "say": say, "sources": sources,
    }  # fmt: skip
