"""Readings become events: what is new is told, what is known already is counted, what can't be read is set aside.

The poller and the push door take the same road. Nothing here does input or output but `commit`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import msgspec

from ioc import clock, names
from ioc.adapter import Reading
from ioc.contract import Answered, Checks
from ioc.errors import BadRecord, Gap, SourceDown
from ioc.event import Event, Feature, Method, digest, new_id
from ioc.log import Known, Log

ASIDE = "!"
"""Prefix of the marks, among what was seen, of records that are set aside."""
OUTSIDE = "records lie outside the province's communes."
AHEAD = timedelta(minutes=5)
"""How far a source's clock may run ahead of ours before a check says so."""
REVISED = "revised"
ASKED_AGAIN = "asked again"
RAW_LIMIT = 8192


class Finder(Protocol):
    """Which commune a place lies in, on a day."""

    def find_many(self, places: Sequence[tuple[float, float]], on: date) -> list[str | None]: ...


class Taken(msgspec.Struct):
    """What one asking came to. records = told + unchanged + duplicates + set_aside; `gone` come on top.

    `told`: records that became events. `aside_now`: how many stand set aside, when it is not `set_aside`.
    """

    events: list[Event]
    seen: dict[str, str | None]
    records: int = 0
    told: int = 0
    unchanged: int = 0
    duplicates: int = 0
    set_aside: int = 0
    aside_now: int | None = None
    gone: int = 0
    have: int = 0
    observed: datetime | None = None
    failed: list[str] = []
    reasons: dict[str, int] = {}
    sender_ids: list[str] = []


def content(reading: Reading) -> str:
    """Digest of what counts as a reading's content: all but its time and its volatile properties."""
    lasting = {name: value for name, value in reading.properties.items() if name not in reading.volatile}
    return digest(lasting, reading.geometry, reading.unit, reading.method)


def weigh(
    source: str,
    known: Known,
    results: Iterable[Reading | BadRecord],
    *,
    kind: str,
    received: datetime,
    method: Method = "machine",
    complete: bool = False,
    units: Finder | None = None,
    sent: frozenset[str] | set[str] = frozenset(),
    expect: int | None = None,
    again: bool = False,
) -> Taken:
    """Compare one whole asking with what is `known`; pure.

    `kind`: event type of readings that name none. `complete`: a known subject that is absent is gone, unless more than
    half are: then SourceDown is raised and nothing is taken. `sent`: ids that the sender used before. `again`: what was
    known is lost (the store was emptied), so that events may repeat what the archive has.
    """
    weighing = _Weighing(source, known, kind, received, method, again)
    for result in results:
        weighing.taken.records += 1
        if isinstance(result, BadRecord):
            weighing.aside(result)
        else:
            weighing.reading(result, sent)
    if complete:
        weighing.absent()
    weighing.forget_asides(complete)
    taken = weighing.taken
    if units is not None:
        taken.events = _placed(taken.events, units, received)
    _check(weighing, expect, units is not None)
    return taken


class _Weighing:
    """The working state of one `weigh`."""

    def __init__(self, source: str, known: Known, kind: str, received: datetime, method: Method, again: bool) -> None:
        self.source, self.known, self.kind = source, known, kind
        self.received, self.method, self.again = received, method, again
        self.taken = Taken([], {})
        self.here: dict[str, tuple[str, datetime | None]] = {}
        self.asides: set[str] = set()
        self.held: set[str] = set()
        self.nameless = 0
        self.conflicts = 0
        self.ahead = 0

    def mark(self, subject: str) -> str | None:
        if subject in self.taken.seen:
            return self.taken.seen[subject]
        return self.known.seen.get(subject)

    def reading(self, reading: Reading, sent: frozenset[str] | set[str]) -> None:
        taken, subject = self.taken, reading.subject
        if reading.sender_id is not None:
            if reading.sender_id in sent or reading.sender_id in taken.sender_ids:
                taken.duplicates += 1
                return
            taken.sender_ids.append(reading.sender_id)
        told = content(reading)
        if reading.time is not None:
            self.ahead += reading.time > self.received + AHEAD
            taken.observed = reading.time if taken.observed is None else max(taken.observed, reading.time)
        if reading.gone:
            self._end(reading)
            return
        if subject in self.here and not self._newer_twin(reading, told):
            return
        if reading.repeat and (subject in self.here or subject in self.known.seen):
            self.held.add(subject)
            taken.duplicates += 1
            return
        self.here[subject] = (told, reading.time)
        before = self.mark(subject)
        if before is not None and before.rpartition("|")[2] == told:
            taken.unchanged += 1
            return
        when = clock.rfc3339(reading.time) if reading.time is not None else ""
        same_time = before is not None and bool(when) and before.rpartition("|")[0] == when
        cause = REVISED if same_time else (ASKED_AGAIN if self.again and before is None else None)
        taken.seen[subject] = f"{when}|{told}"
        taken.told += 1
        taken.events.append(self._event(reading, cause))

    def _newer_twin(self, reading: Reading, told: str) -> bool:
        """Whether a subject that stands in this answer already is another state of it, and not the same line twice."""
        twin, time = self.here[reading.subject]
        if twin == told:
            self.taken.duplicates += 1
            return False
        if time is not None and reading.time is not None and time != reading.time:
            return True
        self.conflicts += 1
        say = f"The id {reading.subject} stands twice in one answer with different content; give each its own id."
        self.aside(BadRecord(say, reason="conflict", raw=reading.properties, subject=reading.subject))
        return False

    def _end(self, reading: Reading) -> None:
        if self.mark(reading.subject) is None:
            self.taken.unchanged += 1
            return
        self.taken.seen[reading.subject] = None
        self.taken.told += 1
        self.taken.events.append(self._event(reading, None))

    def _event(self, reading: Reading, cause: str | None) -> Event:
        data = None if reading.gone else Feature(reading.properties, reading.geometry)
        return Event(
            id=new_id(),
            source=self.source,
            type=reading.type or self.kind,
            subject=reading.subject,
            time=reading.time or self.received,
            received=self.received,
            data=data,
            unit=reading.unit,
            method=reading.method or self.method,
            cause=cause,
        )

    def aside(self, bad: BadRecord) -> None:
        taken = self.taken
        taken.set_aside += 1
        taken.reasons[bad.reason] = taken.reasons.get(bad.reason, 0) + 1
        raw = bad.raw if isinstance(bad.raw, str) else msgspec.json.encode(bad.raw, enc_hook=str).decode()
        mark = ASIDE + digest(bad.reason, bad.subject, raw)
        if bad.subject is not None:
            self.held.add(bad.subject)
        if mark in self.asides:
            return
        self.asides.add(mark)
        if mark in self.known.seen:
            return
        self.nameless += bad.subject is None
        taken.seen[mark] = bad.reason
        told = {"reason": bad.reason, "say": bad.say, "raw": raw[:RAW_LIMIT], "digest": mark[1:], "record": bad.subject}
        taken.events.append(
            Event(
                new_id(),
                self.source,
                names.REFUSED,
                mark[1:],
                self.received,
                self.received,
                Feature(told),
                method=self.method,
            )
        )

    def absent(self) -> None:
        """Known subjects that a complete answer no longer holds are gone, when that can be believed."""
        subjects = [subject for subject in self.known.seen if not subject.startswith(ASIDE)]
        missing = [subject for subject in subjects if subject not in self.here and subject not in self.held]
        if 2 * len(missing) > len(subjects):
            raise SourceDown(
                f"{len(missing)} of {len(subjects)} known records were missing at once; the answer was not believed, "
                "and the last picture stays. If they really ended, remove the source's records in steps."
            )
        # records that could not even be named may be the missing ones: nothing is dropped on such an answer
        if len(missing) <= self.nameless:
            return
        for subject in missing:
            when = (self.known.seen[subject].rpartition("|")[0]) or clock.rfc3339(self.received)
            self.taken.seen[subject] = None
            self.taken.gone += 1
            gone = Reading(subject, {}, clock.parse(when), gone=True)
            self.taken.events.append(self._event(gone, None))

    def forget_asides(self, complete: bool) -> None:
        if complete:
            old = {mark for mark in self.known.seen if mark.startswith(ASIDE)} - self.asides
            self.taken.seen.update(dict.fromkeys(old))
        after = {**self.known.seen, **self.taken.seen}
        self.taken.have = sum(1 for name, mark in after.items() if mark is not None and not name.startswith(ASIDE))


def _placed(events: list[Event], units: Finder, received: datetime) -> list[Event]:
    """Events with their commune, where they have a point and the source named none."""
    wanted = [
        number
        for number, event in enumerate(events)
        if event.unit is None and event.data is not None and (event.data.geometry or {}).get("type") == "Point"
    ]
    points = [tuple(events[number].data.geometry["coordinates"][:2]) for number in wanted]  # type: ignore[union-attr, index]
    # one list of communes a day: the day on which we heard of it
    for number, unit in zip(wanted, units.find_many(points, received.astimezone(clock.ZONE).date()), strict=True):
        if unit is not None:
            events[number] = msgspec.structs.replace(events[number], unit=unit)
    return events


def _check(weighing: _Weighing, expect: int | None, placed: bool) -> None:
    taken = weighing.taken
    if weighing.conflicts:
        taken.failed.append(f"{weighing.conflicts} ids stood twice with different content.")
    if weighing.ahead:
        taken.failed.append(f"{weighing.ahead} records are dated more than 5 minutes in the future.")
    if expect is not None and taken.have > expect:
        taken.failed.append(f"There are {taken.have} records, more than the {expect} that were agreed.")
    if placed:
        outside = sum(
            1
            for event in taken.events
            if event.data is not None and event.data.geometry is not None and event.unit is None
        )
        known = weighing.known.answered
        if outside:
            taken.failed.append(f"{outside} {OUTSIDE}")
        elif not taken.told and known is not None:
            # nothing was looked up in an answer without news: what stood outside still does
            taken.failed += [said for said in known.checks.failed if said.endswith(OUTSIDE)]


CHECKS = 4
"""How many checks `weigh` makes of each asking: unique ids, no future times, agreed number, inside the province."""


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
    answered = msgspec.structs.replace(
        before,
        asked=asked,
        answered=received,
        observed=max(filter(None, (before.observed, taken.observed)), default=None),
        error=None,
        refused=False,
        failures=0,
        have=taken.have,
        records=before.records + taken.records,
        events=before.events + taken.told + taken.gone,
        unchanged=before.unchanged + taken.unchanged,
        duplicates=before.duplicates + taken.duplicates,
        set_aside=before.set_aside + taken.set_aside,
        aside_now=taken.set_aside if taken.aside_now is None else taken.aside_now,
        checks=Checks(CHECKS - len(taken.failed), tuple(taken.failed)),
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
    kept = {**known.seen, **taken.seen}
    return Known(revision, cursor, {name: mark for name, mark in kept.items() if mark is not None}, answered)


async def fail(log: Log, source: str, known: Known, say: str, *, asked: datetime, refused: bool = False) -> Known:
    """Note that an asking failed, and why; the picture and the cursor stay. Raises Gap as `commit` does."""
    before = known.answered or Answered(source, asked)
    answered = msgspec.structs.replace(before, asked=asked, error=say, refused=refused, failures=before.failures + 1)
    revision = await log.append(
        [], source=source, revision=known.revision, cursor=known.cursor, seen={}, answered=answered
    )
    return Known(revision, known.cursor, known.seen, answered)


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

    `weighed`: keyword arguments of `weigh` (kind, method, units, …). `forget`: marks of what was seen that end. Raises StoreAway when nothing is known to be kept.
    """
    ids = [result.sender_id for result in results if isinstance(result, Reading) and result.sender_id is not None]
    while True:
        known, received = await log.known(source), clock.now()
        sent = await log.sent(source, ids)
        judge = functools.partial(weigh, source, known, results, received=received, sent=sent)
        taken = judge(**weighed)
        taken.seen.update(dict.fromkeys(forget))
        try:
            await commit(log, source, known, taken, asked=received, received=received, cursor=cursor or known.cursor)
        except Gap:
            continue
        return taken
