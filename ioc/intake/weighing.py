"""One whole asking, weighed against what is known of its source. Pure: nothing here does input or output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

import msgspec

from ioc import clock, names
from ioc.adapter import Reading
from ioc.duty import Due
from ioc.errors import UNREASONED, BadRecord, SourceDown
from ioc.event import ASKED_AGAIN, REVISED, Event, Feature, Method, digest, new_id
from ioc.intake import columns
from ioc.intake.asides import Asides
from ioc.intake.book import Book
from ioc.log import Known
from ioc.retyped import judge_columns
from ioc.trouble import Trouble

OUT = "~"
"""Last character of a subject's mark when it lies outside the province's communes."""
AHEAD = timedelta(minutes=5)
"""How far a source's clock may run ahead of ours before a check says so."""
MOST_SEEN = 200_000
"""Subjects of one source that are remembered, where its answers do not hold them all."""
CHECKS = 4
"""How many checks are made of each asking: unique ids, no future times, agreed number, inside the province."""


class Finder(Protocol):
    """Which commune a place lies in, on a day."""

    def find_many(self, places: Sequence[tuple[float, float]], on: date) -> list[str | None]: ...


class Taken(msgspec.Struct):
    """What one asking came to. records = told + unchanged + duplicates + set_aside; `gone` come on top.

    `told`: records that became events. `reached`: the last day of the newest period told of, of a source that owes
    periods. `digest`: of the answer as it came. `troubles`: kinds of what was set aside, by their short names. `spare`:
    columns that nothing maps, each with a value. `complete`: the answer held all there is.
    """

    events: list[Event]
    seen: dict[str, str | None]
    records: int = 0
    told: int = 0
    unchanged: int = 0
    duplicates: int = 0
    set_aside: int = 0
    gone: int = 0
    have: int = 0
    observed: datetime | None = None
    failed: list[str] = []
    reasons: dict[str, int] = {}
    sender_ids: list[str] = []
    reached: date | None = None
    digest: str | None = None
    troubles: dict[str, Trouble] = {}
    spare: dict[str, Any] = {}
    complete: bool = False


def content(reading: Reading) -> str:
    """Digest of what counts as a reading's content: all but its time and its volatile properties."""
    lasting = reading.properties
    if reading.volatile:
        lasting = {name: value for name, value in lasting.items() if name not in reading.volatile}
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
    sent: AbstractSet[str] = frozenset(),
    expect: int | None = None,
    again: bool = False,
    archived: Mapping[str, datetime] | None = None,
    most: int = MOST_SEEN,
    due: Due | None = None,
    reporters: bool = False,
    reasons: Literal["each", "all"] | None = None,
) -> Taken:
    """Compare one whole asking with what is `known`; pure.

    `kind`: event type of readings that name none. `complete`: a known subject that is absent is gone, unless more than
    half are: then SourceDown is raised and nothing is taken. `sent`: ids that the sender used before. `again`: what was
    known is lost (the store was emptied), so that events may repeat what the archive has; `archived`: the subjects
    that stand there, with their source time: those can be absent too. `most`: subjects that are remembered of a source
    that tells only what is new; the oldest are forgotten (one that comes again is told again, and moves nothing).
    `due`: which periods the source tells of; `reporters`: others tell it, each for itself. `reasons`: people tell
    it, and a figure that was told before is said otherwise only with a reason in the property `why`: without one "each"
    such row is set aside by itself, when it was typed, or "all" is refused (SourceDown), and nothing is taken.
    """
    weighing = _Weighing(source, known, kind, received, method, again)
    weighing.reasons = reasons
    weighing.book = Book(source, due, reporters) if due is not None else None
    given = weighing.in_order(results)
    judge_columns(given)
    for result in given:
        weighing.taken.records += 1
        if isinstance(result, BadRecord):
            weighing.asides.add(result)
        else:
            weighing.reading(result, sent)
    if complete:
        weighing.absent(archived or {})
    taken = weighing.taken
    taken.complete = complete
    weighing.asides.close(complete, weighing.anew)
    columns.tell(source, known, taken, received)
    if units is not None:
        _place(taken, units, received)
    weighing.check(expect)
    if not complete:
        weighing.forget_oldest(most)
    if weighing.book is not None:
        weighing.book.close(taken, known, received, method)
    return taken


class _Weighing:
    """The working state of one `weigh`."""

    def __init__(self, source: str, known: Known, kind: str, received: datetime, method: Method, again: bool) -> None:
        self.source, self.known, self.kind = source, known, kind
        self.received, self.method, self.again = received, method, again
        self.taken = Taken([], {})
        self.newest: dict[str, datetime] = {}
        self.here: dict[str, tuple[str, datetime | None]] = {}
        self.used: set[str] = set()
        self.asides = Asides(source, known, received, method, self.taken)
        self.anew: set[str] = set()
        self.conflicts = 0
        self.ahead = 0
        self.book: Book | None = None
        self.reasons: Literal["each", "all"] | None = None

    def in_order(self, results: Iterable[Reading | BadRecord]) -> list[Reading | BadRecord]:
        """The results, those subjects' oldest state first that stand in this answer in several states."""
        given = list(results)
        first: dict[str, datetime] = {}
        for result in given:
            if isinstance(result, Reading) and result.time is not None and not result.gone:
                before = self.newest.get(result.subject) or first.get(result.subject)
                if before is None:
                    first[result.subject] = result.time
                else:
                    self.newest[result.subject] = max(before, result.time)
        several = [
            (at, result.time, result)
            for at, result in enumerate(given)
            if isinstance(result, Reading) and result.time is not None and result.subject in self.newest
        ]
        for (at, _, _), (_, _, result) in zip(several, sorted(several, key=lambda one: one[1]), strict=True):
            given[at] = result
        return given

    def mark(self, subject: str) -> str | None:
        if subject in self.taken.seen:
            return self.taken.seen[subject]
        return self.known.seen.get(subject)

    def reading(self, reading: Reading, sent: AbstractSet[str]) -> None:
        taken, subject = self.taken, reading.subject
        if reading.sender_id is not None and (reading.sender_id in sent or reading.sender_id in self.used):
            taken.duplicates += 1
            return
        told = self._content(reading)
        if told is None:
            return
        if reading.sender_id is not None:
            self.used.add(reading.sender_id)
            taken.sender_ids.append(reading.sender_id)
        if reading.time is not None:
            self.ahead += reading.time > self.received + AHEAD
            observed = min(reading.time, self.received)
            taken.observed = observed if taken.observed is None else max(taken.observed, observed)
        if reading.gone:
            self._end(reading)
            return
        if subject in self.here and not self._other_state(reading, told):
            return
        if reading.repeat and (subject in self.here or subject in self.known.seen):
            self.asides.held.add(subject)
            taken.duplicates += 1
            return
        self.here[subject] = (told, reading.time)
        if reading.spare is not None:
            columns.note(reading.spare, taken.spare)
        if self.book is not None:
            self.book.note(reading, self.received)
        self._tell(reading, told)

    def _content(self, reading: Reading) -> str | None:
        """The digest of a reading, or None when it can't be written as an event: it is set aside then."""
        try:
            loose = {name: reading.properties[name] for name in reading.volatile if name in reading.properties}
            msgspec.json.encode((reading.subject, loose))
            if not names.is_mark(reading.subject):
                return content(reading)
        except (TypeError, ValueError, RecursionError):
            pass
        say = "The record holds something that can't be written as JSON; its adapter must make it plain."
        self.asides.add(BadRecord(say, reason="bad_type", raw=repr(reading.properties), subject=reading.subject))
        return None

    def _tell(self, reading: Reading, told: str) -> None:
        taken, subject = self.taken, reading.subject
        before = self.mark(subject)
        time, known = split(before) if before is not None else ("", "")
        if before is not None and known == told:
            taken.unchanged += 1
            return
        # of several states in one answer, the older ones are news only when they are newer than what is known
        older = reading.time is not None and reading.time < self.newest.get(subject, reading.time)
        if older and reading.time is not None and time and reading.time <= clock.parse(time):
            taken.unchanged += 1
            return
        when = clock.rfc3339(reading.time) if reading.time is not None else ""
        cause = None
        if self.reasons == "all" and before is not None and not _reason(reading):
            raise SourceDown(f"{UNREASONED} ({subject}); ghi lý do điều chỉnh rồi gửi lại.")
        if before is not None and when and time == when:
            cause = REVISED
            if self.reasons == "each" and (reading.method or self.method) == "typed" and not _reason(reading):
                say = (
                    "A typed figure is corrected without a reason; send it again with why, which its settings must map."
                )
                self.asides.add(BadRecord(say, reason="no_reason", raw=reading.properties, subject=subject))
                if reading.sender_id is not None:  # it may come again under its id, with the reason
                    taken.sender_ids.remove(reading.sender_id)
                return
        elif self.again and before is None:
            cause = ASKED_AGAIN
        taken.seen[subject] = f"{when}|{told}"
        taken.told += 1
        self.anew.add(subject)
        taken.events.append(self._event(reading, cause))

    def _other_state(self, reading: Reading, told: str) -> bool:
        """Whether a subject that stands in this answer already is another state of it, and not the same line twice."""
        twin, time = self.here[reading.subject]
        if twin == told:
            self.taken.duplicates += 1
            return False
        if time is not None and reading.time is not None and time != reading.time:
            return True
        self.conflicts += 1
        say = f"The id {reading.subject} stands twice in one answer with different content; give each its own id."
        self.asides.add(BadRecord(say, reason="conflict", raw=reading.properties, subject=reading.subject))
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

    def absent(self, archived: Mapping[str, datetime]) -> None:
        """Known subjects that a complete answer no longer holds are gone, when that can be believed."""
        standing = [name for name in self.known.seen if not names.is_mark(name) and self.mark(name) is not None]
        standing += [name for name in archived if name not in self.known.seen]
        missing = [name for name in standing if name not in self.here and name not in self.asides.held]
        if 2 * len(missing) > len(standing):
            raise SourceDown(
                f"{len(missing)} of {len(standing)} known records were missing at once; the answer was not believed, "
                "and the last picture stays. If they really ended, remove the source's records in steps."
            )
        if self.asides.may_hold(len(missing)):
            return
        for name in missing:
            when = archived.get(name, self.received)
            if text := split(self.known.seen.get(name, ""))[0]:
                when = clock.parse(text)
            self.taken.seen[name] = None
            self.taken.gone += 1
            self.taken.events.append(self._event(Reading(name, {}, when, gone=True), None))

    def forget_oldest(self, most: int) -> None:
        """A source that grows for ever must not fill the store: a tenth of what is remembered goes when it is full."""
        if len(self.known.seen) + len(self.taken.seen) <= most:
            return
        after = {name: mark for name, mark in {**self.known.seen, **self.taken.seen}.items() if mark is not None}
        subjects = [name for name in after if not names.is_mark(name) and name not in self.here]
        subjects.sort(key=lambda name: split(after[name])[0])
        self.taken.seen.update(dict.fromkeys(subjects[: max(0, len(after) - most * 9 // 10)]))

    def check(self, expect: int | None) -> None:
        """Count what stands now, and say which checks failed."""
        taken = self.taken
        after = {**self.known.seen, **taken.seen}
        marks = [mark for name, mark in after.items() if mark is not None and not names.is_mark(name)]
        taken.have = len(marks)
        outside = sum(mark.endswith(OUT) for mark in marks)
        if self.conflicts:
            taken.failed.append(f"{self.conflicts} ids stood twice with different content.")
        if self.ahead:
            taken.failed.append(f"{self.ahead} records are dated more than 5 minutes in the future.")
        if expect is not None and taken.have > expect:
            taken.failed.append(f"There are {taken.have} records, more than the {expect} that were agreed.")
        if outside:
            taken.failed.append(f"{outside} records lie outside the province's communes.")


def split(mark: str) -> tuple[str, str]:
    """Source time (RFC 3339 or empty) and digest of a subject's mark."""
    time, _, told = mark.removesuffix(OUT).rpartition("|")
    return time, told


def _reason(reading: Reading) -> str:
    return str(reading.properties.get("why") or "").strip()


def _place(taken: Taken, units: Finder, received: datetime) -> None:
    """Give events their commune, where they have a point and the source named none; mark those that lie outside."""
    wanted: list[tuple[int, tuple[float, float]]] = []
    for number, event in enumerate(taken.events):
        place = event.data.geometry if event.data is not None else None
        if event.unit is None and place is not None and place.get("type") == "Point":
            wanted.append((number, tuple(place["coordinates"][:2])))
    # one list of communes a day: the day on which we heard of it
    found = units.find_many([point for _, point in wanted], received.astimezone(clock.ZONE).date())
    for (number, _), unit in zip(wanted, found, strict=True):
        event = taken.events[number]
        if unit is not None:
            taken.events[number] = msgspec.structs.replace(event, unit=unit)
        if (mark := taken.seen.get(event.subject)) is not None:
            taken.seen[event.subject] = mark.removesuffix(OUT) + (OUT if unit is None else "")
