"""Sources that send by themselves: what is posted to `POST /api/push/{source}`, read by the same mapping.

A body is one object, an array of objects, {"records": […]}, or a GeoJSON FeatureCollection, in JSON. Each record
carries the sender's own id (`sender_id`): what is sent again under the same id is taken once::

    [sources.stations]
    adapter = "push"
    event = "ioc.station.measured"
    id = "station"
    sender_id = "message_id"
    time = "at"
    [sources.stations.properties]
    level = {path = "level", kind = "number"}

Where people type what is sent (`method = "typed"` in the contract), a figure that is told otherwise for the same time
needs a reason, or it is set aside: map it as ``why = {path = "why", required = false}``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import msgspec

from ioc import bodies
from ioc.adapter import Adapter, Answer, Reading
from ioc.errors import BadRecord
from ioc.mapped_field import Path, as_field
from ioc.mapping import Mapped, results


class Pushed(Mapped, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`sender_id`: where the sender's own id of a record stands. `max_bytes`: of one post."""

    sender_id: Path
    max_bytes: int = 4 * 1024 * 1024


class Push(Adapter[Pushed]):
    """Asks nobody; `parse` reads what was posted."""

    Config = Pushed
    asks = False

    def __init__(self, name: str, config: Pushed) -> None:
        # a record without the sender's id could not be told from its repetition
        due = msgspec.structs.replace(as_field(config.sender_id, "text"), required=True)
        super().__init__(name, msgspec.structs.replace(config, sender_id=due))

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        nothing: tuple[Answer, ...] = ()
        for answer in nothing:
            yield answer

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Readings of one post; raises SourceDown when the body is no JSON of these forms."""
        where = f"The sender of {self.name}"
        value = bodies.load_json(answer.body, where)
        if isinstance(value, dict) and value.get("type") != "FeatureCollection":
            value = value.get("records", [value])
        return results(self.config, bodies.records(value, "", where))
