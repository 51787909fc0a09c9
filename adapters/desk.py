"""Reports that are filed here: the centre's own desk. Nobody is asked; the outbox of `[reports]` tells what happens.

A source of this kind stands in the settings so that its quality, its score and its ledger are those of any other::

    [sources.reports_own]
    adapter = "desk"
    event = "ioc.report.filed"
    contract = {owner = "Trung tâm điều hành", cadence = 10, method = "typed"}

`source` in `[reports]` names it. It is confirmed alive within each cadence, also when nothing was filed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from ioc.adapter import Adapter, AdapterConfig, Answer, Reading
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord

EVENT = "ioc.report.filed"


class DeskConfig(AdapterConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`event`: always ioc.report.filed."""

    event: str = EVENT


class Desk(Adapter[DeskConfig]):
    """Asks nobody, and reads nothing."""

    Config = DeskConfig
    asks = False

    def owes(self, contract: Contract) -> None:
        if self.config.event != EVENT:
            raise BadConfig(f'The desk {self.name} tells of reports alone; write event = "{EVENT}", or leave it out.')
        if contract.due is not None:
            raise BadConfig(f"The desk {self.name} owes no periods; write cadence in its contract, in seconds.")

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        nothing: tuple[Answer, ...] = ()
        for answer in nothing:
            yield answer

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Nothing: what is filed here is a row of ours before it is an event."""
        return []
