"""Readings become events: what is new is told, what is known already is counted, what can't be read is set aside.

The poller and the push door take the same road: weigh one whole asking, then commit it in one step.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from ioc import clock, names, proof
from ioc.adapter import AdapterConfig, Reading
from ioc.contract import Answered, Checks, Contract
from ioc.errors import BadRecord, Gap
from ioc.intake import columns
from ioc.intake.asides import ASIDE, standing
from ioc.intake.weighing import CHECKS, Finder, Taken, content, split, weigh
from ioc.log import Known, Log
from ioc.proof import Link, Tally

__all__ = [
    "ASIDE", "CHECKS", "Finder", "Taken", "commit", "content", "fail", "prove", "since", "take", "terms", "weigh",
]  # fmt: skip


def terms(contract: Contract, config: AdapterConfig, units: Finder | None) -> dict[str, Any]:
    """What a source's contract and settings say of how its answers are weighed (arguments of `weigh`)."""
    return {
        "kind": config.event, "method": contract.method, "complete": config.complete,
        "units": None if config.at_sea else units,
        "expect": contract.expect, "due": contract.due, "reporters": bool(contract.reporters),
        "reasons": "all" if config.reasons else None,
    }  # fmt: skip


def since(known: Known, when: datetime) -> Iterator[Reading]:
    """The end of each known subject whose source time is `when` or later."""
    for subject, mark in known.seen.items():
        told = split(mark)[0] if not names.is_mark(subject) else ""
        if told and (at := clock.parse(told)) >= when:
            yield Reading(subject, {}, at, gone=True)


async def commit(
    log: Log,
    source: str,
    known: Known,
    taken: Taken,
    *,
    asked: datetime,
    received: datetime,
    cursor: str | None,
) -> Known:
    """Append what was taken, with the cursor and the source's answer, in one step; returns what is known then.

    Raises Gap when somebody else wrote for this source meanwhile: weigh again with what is known now.
    """
    before = known.answered or Answered(source, asked)
    kept = {name: mark for name, mark in {**known.seen, **taken.seen}.items() if mark is not None}
    aside = standing(kept, (*before.troubles, *taken.troubles.values()))
    spare, fresh = columns.known_then(before, taken, received)
    answered = msgspec.structs.replace(
        before,
        asked=asked,
        answered=received,
        observed=_newest(before.observed, taken),
        error=None,
        refused=False,
        untaken=False,
        lacking=(),
        failures=0,
        have=taken.have,
        records=before.records + taken.records,
        events=before.events + taken.told + taken.gone,
        unchanged=before.unchanged + taken.unchanged,
        duplicates=before.duplicates + taken.duplicates,
        set_aside=before.set_aside + taken.set_aside,
        aside_now=aside.records,
        reasons=aside.reasons,
        troubles=aside.troubles,
        columns=spare,
        fresh=fresh,
        lost=before.lost + known.lost,
        checks=Checks(CHECKS - len(taken.failed), tuple(taken.failed)),
        reached=max(filter(None, (before.reached, taken.reached)), default=None),
        alike=before.alike + 1 if taken.digest is not None and taken.digest == before.digest else 0,
        digest=taken.digest,
        unread=_unread(before.unread, taken, received),
        link=proof.read(before.link, received, taken.have, _asides({**known.seen, **taken.seen})),
    )
    revision = await log.append(
        taken.events,
        source=source,
        revision=known.revision,
        cursor=cursor,
        seen=taken.seen,
        answered=answered,
        sender_ids=taken.sender_ids,
    )
    return Known(revision, cursor, kept, answered)


def _newest(before: datetime | None, taken: Taken) -> datetime | None:
    """The newest change that the source told of; what it tells whole goes back with it, as after a backup."""
    if taken.complete and taken.observed is not None:
        return taken.observed
    return max(filter(None, (before, taken.observed)), default=None)


def _unread(before: datetime | None, taken: Taken, received: datetime) -> datetime | None:
    """Since when not one record of the source's whole answers can be read; one that says "as before" changes nothing.

    Of a source that tells only what is new, one bad record says nothing of the rest.
    """
    if taken.records == 0 and not taken.complete:
        return before
    unread = taken.complete and 0 < taken.records == taken.set_aside
    return (before or received) if unread else None


def _asides(seen: Mapping[str, str | None]) -> int:
    """How many records are set aside, by their marks among what was seen."""
    return sum(mark is not None and name.startswith(names.ASIDE) for name, mark in seen.items())


async def prove(log: Log, source: str, known: Known, tally: Tally | None, why: str | None, grace: float) -> Known:
    """Keep what the source said of itself beside what is held of it; `why`: it could not say. Raises Gap as `commit`
    does."""
    before = known.answered
    assert before is not None
    link = proof.proved(
        before.link,
        tally,
        clock.now(),
        have=before.have,
        aside=_asides(known.seen),
        observed=before.observed,
        grace=grace,
        why=why,
    )
    return await _note(log, source, known, msgspec.structs.replace(before, link=link))


async def _note(log: Log, source: str, known: Known, answered: Answered) -> Known:
    revision = await log.append(
        [], source=source, revision=known.revision, cursor=known.cursor, seen={}, answered=answered
    )
    return Known(revision, known.cursor, known.seen, answered)


async def looked(log: Log, source: str, known: Known, *, asked: datetime, met: bool = True) -> Known:
    """Note that a source was looked at and had nothing to say; raises Gap as `commit` does.

    `met`: it was there to be looked at; a source that sends by itself was not even asked.

    That its last answer could not be taken stays said: a bad file must not look mended because no other has come.
    """
    before = known.answered or Answered(source, asked)
    error = before.error if before.untaken else None
    lost = before.lost + known.lost
    link = proof.met(before.link, asked) if met else before.link
    answered = msgspec.structs.replace(
        before, asked=asked, error=error, refused=False, failures=0, lost=lost, link=link
    )
    return await _note(log, source, known, answered)


async def fail(
    log: Log,
    source: str,
    known: Known,
    say: str,
    *,
    asked: datetime,
    refused: bool = False,
    untaken: bool = False,
    lacking: tuple[str, ...] = (),
    link: Link | None = None,
) -> Known:
    """Note that an asking failed, and why; the picture and the cursor stay. Raises Gap as `commit` does.

    `lacking`: the mapped fields that the whole answer lacked. `link`: what it proves of the link, where it proves
    anything.
    """
    before = known.answered or Answered(source, asked)
    failures, lost = before.failures + 1, before.lost + known.lost
    told = {"asked": asked, "error": say, "refused": refused, "untaken": untaken, "failures": failures, "lost": lost}
    answered = msgspec.structs.replace(before, **told, lacking=lacking, link=link or before.link)
    return await _note(log, source, known, answered)


async def take(
    log: Log,
    source: str,
    results: Sequence[Reading | BadRecord],
    *,
    weighed: Mapping[str, Any],
    cursor: str | None = None,
    forget: Sequence[str] = (),
) -> Taken:
    """Weigh and commit what a sender pushed; others may write for the same source at the same time.

    `weighed`: keyword arguments of `weigh` (kind, method, units, …). `forget`: marks of what was seen that end.
    Raises StoreAway when nothing is known to be kept.
    """
    ids = [result.sender_id for result in results if isinstance(result, Reading) and result.sender_id is not None]
    while True:
        known, received = await log.known(source), clock.now()
        sent = await log.sent(source, ids)
        judge = functools.partial(weigh, source, known, results, received=received, sent=sent)
        # in a thread: a large post must not hold up the screens of this process
        taken = await asyncio.to_thread(judge, **weighed)
        taken.seen.update(dict.fromkeys(forget))
        try:
            await commit(log, source, known, taken, asked=received, received=received, cursor=cursor or known.cursor)
        except Gap:
            continue
        return taken
