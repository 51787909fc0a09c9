"""Which periods an answer tells of, and who told: the entries of the ledger, made once for each reporter and period.

That a figure is the same as last time makes no event of its own; that it was reported again for a new period does.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ioc import clock, names
from ioc.adapter import Reading
from ioc.duty import Due
from ioc.event import Event, Feature, Method, new_id
from ioc.ledger import ITSELF
from ioc.log import Known
from ioc.period import Period, period

if TYPE_CHECKING:
    from ioc.intake.weighing import Taken

MOST_MARKS = 20_000
"""Reporters and periods that are remembered of one source; of an older one an event may be told again."""


class Book:
    """The periods that one asking tells of. `reporters`: each row names who tells it, else the source tells all."""

    def __init__(self, source: str, due: Due, reporters: bool) -> None:
        self._source, self._due, self._reporters = source, due, reporters
        self._told: dict[Period, set[str]] = {}

    def note(self, reading: Reading, received: datetime) -> None:
        """A row was told. One of a period that has not begun yet tells nothing: somebody mistyped it."""
        stated = reading.properties.get("period")
        try:
            own = period(str(stated)) if stated is not None else None
        except ValueError:
            return
        at = self._due.meant(own) if own is not None else self._due.of(reading.time or received)
        if at.begins < self._due.of(received).ends:
            self._told.setdefault(at, set()).add(self._who(reading))

    def _who(self, reading: Reading) -> str:
        if not self._reporters:
            return ITSELF
        return str(reading.properties.get("reporter") or reading.unit or reading.subject)

    def close(self, taken: Taken, known: Known, received: datetime, method: Method) -> None:
        """Put what is new into what was taken: an event for each period, a mark for each who told it."""
        for at, reporters in sorted(self._told.items()):
            subject = f"{self._source}/{at.text}"
            new = [who for who in sorted(reporters) if names.told_mark(subject, who) not in known.seen]
            if new:
                taken.seen.update(
                    dict.fromkeys((names.told_mark(subject, who) for who in new), clock.rfc3339(received))
                )
                taken.events.append(_event(self._source, subject, at, new, received, method))
        taken.reached = max((at.last for at in self._told if not at.seconds), default=None)
        _forget(taken, known)


def _event(source: str, subject: str, at: Period, who: Iterable[str], received: datetime, method: Method) -> Event:
    told = dict.fromkeys(who, clock.rfc3339(received))
    properties: dict[str, Any] = {"of": source, "first": at.first.isoformat(), "last": at.last.isoformat()}
    properties["reported"] = told
    if at.seconds:
        properties["seconds"] = at.seconds
    return Event(new_id(), source, names.REPORTED, subject, received, received, Feature(properties), method=method)


def _forget(taken: Taken, known: Known) -> None:
    marks = {name: mark for name, mark in known.seen.items() if name.startswith(names.TOLD)}
    if len(marks) > MOST_MARKS:
        oldest = sorted(marks, key=marks.__getitem__)[: len(marks) - MOST_MARKS * 9 // 10]
        taken.seen.update(dict.fromkeys(name for name in oldest if name not in taken.seen))
