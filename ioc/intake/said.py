"""What people say, as events for the log: an excuse, a note that a revision was seen, the claim of an alert."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ioc import clock, ledger, names
from ioc.contract import Answered
from ioc.errors import Gap, IocError, StoreAway
from ioc.event import Event, Feature, new_id
from ioc.log import Log
from ioc.period import Period, period
from ioc.settings import Source
from ioc.workdays import Calendar

MOST_WHY, MOST_BY = 500, 100
"""Characters of a reason, and of the name of who gave it."""
_FURTHEST = timedelta(days=400)
_TRIES = 20


class Unfit(IocError):
    """What was said can't be taken: it fits no duty, or lacks something. Nothing was written."""


def plain(text: str, most: int, what: str) -> str:
    """One line of text in NFC without control characters. Raises Unfit when it is empty or too long."""
    told = " ".join("".join(" " if unicodedata.category(one)[0] == "C" else one for one in text).split())
    told = unicodedata.normalize("NFC", told)
    if not told:
        raise Unfit(f"{what} is missing; write it in a few words.")
    if len(told) > most:
        raise Unfit(f"{what} has {len(told)} characters; write at most {most}.")
    return told


def owed(source: Source, text: str, reporter: str, units: Sequence[str], calendar: Calendar, now: datetime) -> Period:
    """The period of `source` that `text` names, which `reporter` owes something in. Raises Unfit.

    A source that owes its periods by itself is its own reporter.
    """
    due = source.contract.due
    if due is None:
        raise Unfit(f"The source {source.name} owes an answer every so often, and no periods; nobody can be excused.")
    try:
        given = period(text.strip())
    except ValueError:
        say = f"{text[:40]} is no period; write one such as 2026-03-10, 2026-W10, 2026-03, 2026-Q1 or 2026."
        raise Unfit(say) from None
    meant = due.meant(given)
    if meant != given:
        raise Unfit(f"The source {source.name} owes no {given.text}; the period of that day is {meant.text}.")
    if not due.owes(meant, calendar):
        raise Unfit(f"The source {source.name} owes nothing for {meant.text}, a day off.")
    if abs(meant.last - now.astimezone(clock.ZONE).date()) > _FURTHEST:
        raise Unfit(f"The period {meant.text} lies too far away; write one within {_FURTHEST.days} days.")
    if reporter not in _reporters(source, units, meant):
        raise Unfit(f"{reporter[:60]} owes nothing to {source.name}; /api/ledger/{source.name} lists who does.")
    return meant


def _reporters(source: Source, units: Sequence[str], of: Period) -> tuple[str, ...]:
    found = ledger.expected(source.contract, units, of)
    return (source.name,) if found == (ledger.ITSELF,) else found


async def excuse(
    log: Log,
    source: Source,
    text: str,
    reporter: str,
    *,
    why: str,
    by: str,
    take_back: bool = False,
    units: Sequence[str] = (),
    calendar: Calendar,
    now: datetime,
) -> Event:
    """Excuse a reporter from telling of a period, or take that back. `units`: codes of the communes of today.

    Raises Unfit (nothing was written) and StoreAway (nothing is known to be written).
    """
    at = owed(source, text, reporter, units, calendar, now)
    who = ledger.ITSELF if ledger.expected(source.contract, units) == (ledger.ITSELF,) else reporter
    said = {
        # an empty reason takes an excuse back
        "why": "" if take_back else plain(why, MOST_WHY, "The reason (why)"),
        "by": plain(by, MOST_BY, "The name of who excuses (by)"),
        "at": clock.rfc3339(now),
    }
    told: dict[str, Any] = {"of": source.name, "first": at.first.isoformat(), "last": at.last.isoformat()}
    told["excused"] = {who: said}
    if at.seconds:
        told["seconds"] = at.seconds
    subject = f"{source.name}/{at.text}"
    event = Event(new_id(), source.name, names.EXCUSED, subject, now, now, Feature(told), method="typed")
    await tell(log, names.EXCUSES, [event], now)
    return event


async def seen(log: Log, rows: Mapping[str, str | None], *, by: str, now: datetime) -> None:
    """Note that somebody has seen the revisions of these rows (id of the item: its commune). Raises StoreAway."""
    events = [
        Event(
            new_id(), names.NOTES, names.SEEN, names.seen_subject(row), now, now, Feature({"seen": row, "by": by}),
            unit=unit, method="typed",
        )
        for row, unit in rows.items()
    ]  # fmt: skip
    if events:
        await tell(log, names.NOTES, events, now)


async def claim(log: Log, alert: str, since: str, *, by: str, take_back: bool, now: datetime) -> None:
    """Note that somebody has taken the alert that was raised at `since`, or gives it back. Raises StoreAway."""
    who = "" if take_back else plain(by, MOST_BY, "The name of who takes it (by)")
    told = Feature({"of": since, "by": who, "at": clock.rfc3339(now)})
    event = Event(new_id(), names.CLAIMS, names.CLAIMED, names.claim_of(alert), now, now, told, method="typed")
    await tell(log, names.CLAIMS, [event], now)


async def tell(log: Log, writer: str, events: Sequence[Event], now: datetime) -> None:
    """Append events under a writer of our own; others may do so at the same time. Raises StoreAway."""
    for _ in range(_TRIES):
        known = await log.known(writer)
        try:
            await log.append(
                events, source=writer, revision=known.revision, cursor=None, seen={},
                answered=Answered(writer, now, now),
            )  # fmt: skip
        except Gap:
            continue
        return
    raise StoreAway("Many write at the same moment; nothing was written. Try again.")
