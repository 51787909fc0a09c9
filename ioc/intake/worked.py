"""What we work out ourselves of what others told: what is another now becomes events, as those of any source do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from ioc import clock, names
from ioc.event import Event, Feature, digest, new_id
from ioc.intake import commit
from ioc.intake.weighing import Taken
from ioc.log import Known, Log

Standing = Callable[[str, str], Awaitable[dict[str, datetime]]]
"""Which subjects of a source (and event type) stand in the archive, with their source time."""


class Worked(NamedTuple):
    """One thing that was worked out, and the commune that it is of."""

    feature: Feature
    unit: str | None = None


async def tell(
    log: Log, source: str, kind: str, told: Mapping[str, Worked], *, have: int, now: datetime, standing: Standing
) -> Known:
    """Tell what is another than it was, and end what is not there any more; the source is confirmed in any case.

    Raises Gap when somebody else noted something of this source meanwhile: begin again.
    """
    known = await _known(log, source, kind, standing)
    marks = {subject: f"|{digest(*filter(None, one))}" for subject, one in told.items()}
    fresh = [subject for subject, mark in marks.items() if known.seen.get(subject) != mark]
    gone = [subject for subject in known.seen if subject not in told and not names.is_mark(subject)]
    received = clock.now()
    events = [_event(source, kind, subject, told.get(subject), now, received) for subject in (*fresh, *gone)]
    seen: dict[str, str | None] = {subject: marks.get(subject) for subject in (*fresh, *gone)}
    taken = Taken(
        events, seen, records=len(told), told=len(fresh), unchanged=len(told) - len(fresh), gone=len(gone), have=have,
        observed=now, complete=True,
    )  # fmt: skip
    return await commit(log, source, known, taken, asked=now, received=received, cursor=known.cursor)


def _event(source: str, kind: str, subject: str, one: Worked | None, now: datetime, received: datetime) -> Event:
    feature, unit = one if one is not None else (None, None)
    return Event(new_id(), source, kind, subject, now, received, feature, unit, "computed")


async def _known(log: Log, source: str, kind: str, standing: Standing) -> Known:
    known = await log.known(source)
    if known.answered is not None and known.answered.answered is not None:
        return known
    # the store was emptied: what stands in the archive, and is not found now, must end
    stood = dict.fromkeys(await standing(source, kind), "|")
    return Known(known.revision, known.cursor, {**stood, **known.seen}, known.answered)
