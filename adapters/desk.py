"""Reports that are filed here: the centre's own desk. Nobody is asked; the outbox of `[reports]` tells what happens.

A source of this kind stands in the settings so that its quality, its score and its ledger are those of any other::

    [sources.reports_own]
    adapter = "desk"
    event = "ioc.report.filed"
    contract = {owner = "Trung tâm điều hành", cadence = 10, method = "typed"}

`source` in `[reports]` names it. It is confirmed alive within each cadence, also when nothing was filed.
"""

from __future__ import annotations

from ioc.adapter import AdapterConfig, AsksNobody
from ioc.contract import Contract
from ioc.errors import BadConfig

EVENT = "ioc.report.filed"


class DeskConfig(AdapterConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`event`: always ioc.report.filed."""

    event: str = EVENT


class Desk(AsksNobody[DeskConfig]):
    """What is filed here is a row of ours before it is an event."""

    Config = DeskConfig

    def owes(self, contract: Contract) -> None:
        if self.config.event != EVENT:
            raise BadConfig(f'The desk {self.name} tells of reports alone; write event = "{EVENT}", or leave it out.')
        if contract.due is not None:
            raise BadConfig(f"The desk {self.name} owes no periods; write cadence in its contract, in seconds.")
