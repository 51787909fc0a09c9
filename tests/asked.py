"""One source, asked again and again in memory, and what its askings came to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ioc import names
from ioc.adapter import Reading
from ioc.errors import BadRecord
from ioc.event import Event
from ioc.intake import Taken, commit, weigh
from ioc.log import Known
from ioc.log.memory import MemoryLog

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)
KIND = "ioc.thing.seen"
NOTHING = Known(0, None, {}, None)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def reading(subject: str, value: Any = 0, time: float | None = None, **told: Any) -> Reading:
    return Reading(subject, {"value": value}, None if time is None else at(time), **told)


def bad(text: str, subject: str | None = None, reason: str = "no_place") -> BadRecord:
    return BadRecord(f"{text} is wrong.", reason=reason, raw={"text": text}, subject=subject)


class Source:
    """One source, asked again and again; the log is in memory."""

    def __init__(self, **weighed: Any) -> None:
        self.log = MemoryLog()
        self.known = NOTHING
        self.weighed: dict[str, Any] = {"kind": KIND, **weighed}
        self.minute = 0

    async def ask(self, *results: Reading | BadRecord, **weighed: Any) -> Taken:
        self.minute += 1
        given = {**self.weighed, **weighed}
        taken = weigh("s", self.known, results, received=at(self.minute), **given)
        assert taken.records == taken.told + taken.unchanged + taken.duplicates + taken.set_aside
        self.known = await commit(
            self.log, "s", self.known, taken, asked=at(self.minute), received=at(self.minute), cursor=None
        )
        assert self.known == await self.log.known("s")
        return taken


def told(taken: Taken) -> list[tuple[str, Any]]:
    """Subject and value of each event (None: gone), without those of records set aside."""
    return [
        (event.subject, event.data.properties["value"] if event.data is not None else None)
        for event in taken.events
        if event.type not in (names.REFUSED, names.MENDED)
    ]


def refused(taken: Taken) -> list[Event]:
    return [event for event in taken.events if event.type == names.REFUSED]


def mended(taken: Taken) -> list[Event]:
    return [event for event in taken.events if event.type == names.MENDED]


def counts(taken: Taken) -> tuple[int, int, int, int]:
    return taken.told, taken.unchanged, taken.duplicates, taken.set_aside
