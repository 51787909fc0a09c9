"""The canary: a source of our own that says the time, so that each wall can prove that it still draws what is new.

What it says takes the whole way, from an adapter to the glass; a wall that shows an old one shows old figures too::

    [sources.canary]
    adapter = "canary"
    event = "ioc.canary.sung"
    [sources.canary.contract]
    owner = "Trung tâm điều hành"
    cadence = 60
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from ioc import clock
from ioc.adapter import Adapter, AdapterConfig, Answer, Reading
from ioc.errors import BadRecord, SourceDown

SUBJECT = "canary"


class Canary(Adapter[AdapterConfig]):
    """Asks the clock of this machine."""

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        yield Answer(clock.rfc3339(clock.now()).encode())

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """One reading; raises SourceDown when the answer is no time."""
        try:
            said = clock.parse(answer.body.decode())
        except ValueError:
            raise SourceDown("The canary did not say a time; look at the clock of this machine.") from None
        return [Reading(SUBJECT, {"sung": clock.rfc3339(said)}, said)]
