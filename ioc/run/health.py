"""Health: how old the picture is. Measures each source against its contract.

Keeps the channels `sources` and `alerts`, and the four words. The hub joins what stands here to the quality of every
channel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from ioc import alerts, clock, contract, names
from ioc.board import Board
from ioc.errors import Gap
from ioc.log import Log
from ioc.run.epochs import Epochs
from ioc.run.figures import ALL, wire
from ioc.score import WORDS
from ioc.settings import Settings

OWN = (names.SOURCES, names.ALERTS, *(names.tile_channel(word.name) for word in WORDS))
"""The channels that health writes."""
LOOK_S = 1.0
"""How often the sources are judged."""


def _on_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item whose times stand as text in the province's zone."""
    return {name: clock.rfc3339(value) if isinstance(value, datetime) else value for name, value in item.items()}


class Health:
    """Owns the boards `sources` and `alerts` and the tiles of the four words. `fence`: the number of its lease."""

    def __init__(
        self,
        settings: Settings,
        board: Board,
        log: Log,
        *,
        tiles: Callable[[], list[str]],
        fence: int = 0,
        epochs: Epochs | None = None,
    ) -> None:
        self.settings, self.board, self.log, self.tiles, self.fence = settings, board, log, tiles, fence
        self.epochs = epochs or Epochs()
        self._alerts: dict[str, alerts.Alert] = {}
        self._had: dict[str, set[str]] = {}
        self._said: dict[str, Any] = {}

    async def open(self) -> None:
        """Begin the boards that are missing; drop what the settings no longer name."""
        for channel in OWN:
            found = await self.epochs.take_over(self.board, channel, fence=self.fence)
            if found is None:
                self.epochs.note(channel, await self.board.reset(channel, {}, fence=self.fence))
            elif channel == names.ALERTS:
                self._alerts = {name: msgspec.json.decode(body) for name, body in found.items.items()}
            self._had[channel] = set(found.items) if found is not None else set()

    async def look(self, now: datetime) -> None:
        """Judge every source once, and tell what moved. Raises Gap when the boards were emptied."""
        answers = await self.log.answers()
        items = {}
        for source in self.settings.sources.values():
            item = contract.source_item(source.name, source.contract, answers.get(source.name), now)
            items[source.name] = {
                **item,
                "name": source.title[0] or source.name,
                "name_en": source.title[1] or source.name,
            }
        await self._tell(names.SOURCES, items)
        figures = await self._figures()
        own = {word.name for word in WORDS}
        others = {name: figure for name, figure in figures.items() if name not in own}
        for word in WORDS:
            figure = msgspec.structs.replace(word.work_out(items, others), observed=now, sources=sorted(items))
            await self._word(names.tile_channel(word.name), wire(figure, word.label, ("điểm", "points")))
        self._alerts = alerts.standing(items, figures, self._alerts, now)
        await self._tell(names.ALERTS, self._alerts)

    async def _word(self, channel: str, told: Mapping[str, Any]) -> None:
        """A word that says the same moves nothing: how old it is stands in the channel's quality."""
        said = {name: value for name, value in told.items() if name != "observed"}
        if self._said.get(channel) != said:
            self._said[channel] = said
            await self._tell(channel, {ALL: told})

    async def _figures(self) -> dict[str, Any]:
        figures = {}
        for name in self.tiles():
            found = await self.board.snapshot(names.tile_channel(name))
            if found is not None and ALL in found.items:
                figures[name] = msgspec.json.decode(found.items[ALL])
        return figures

    async def _tell(self, channel: str, items: Mapping[str, Any]) -> None:
        changes: dict[str, bytes | None] = {name: msgspec.json.encode(_on_wire(item)) for name, item in items.items()}
        changes.update(dict.fromkeys(self._had.get(channel, set()) - changes.keys()))
        stood = self.epochs.stood(channel)
        self.epochs.note(channel, await self.board.apply(channel, changes, after=stood, fence=self.fence))
        self._had[channel] = set(items)

    async def run(self) -> None:
        """Look for ever. StoreAway, Gap and Fenced go up to the role."""
        await self.open()
        while True:
            await self.look(clock.now())
            if not set(OWN) <= set(await self.board.channels()):
                raise Gap("A board of the sources is not there any more; it is made anew.")
            await asyncio.sleep(LOOK_S)
