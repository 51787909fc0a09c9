"""The checks of the settings over the boards: worked out anew only when a board that they look at has moved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from ioc import checks, names
from ioc.board import Board, Position
from ioc.check import Side
from ioc.errors import Gap
from ioc.settings import Settings

Told = dict[str, dict[str, Any]]


class _Held:
    """What one board holds of what the checks look at, kept up to date: one question a look, and only what is new."""

    def __init__(self, board: Board, channel: str, sides: list[Side], over_tile: bool) -> None:
        self._board, self._channel, self._sides, self._over_tile = board, channel, sides, over_tile
        self._position: Position | None = None
        self.told: Told = {}

    @property
    def known(self) -> bool:
        """Whether the board was ever read whole."""
        return self._position is not None

    async def read(self) -> bool:
        """Take what is new; whether anything is. While the board is rebuilt, what was known stays."""
        if self._position is not None:
            try:
                steps = await self._board.history(self._channel, self._position)
            except Gap:
                self._position = None
            else:
                for step in steps:
                    for name in step.drop:
                        self.told.pop(name, None)
                    for name, body in step.put.items():
                        self._put(name, body)
                    self._position = Position(step.epoch, step.offset)
                return bool(steps)
        found = await self._board.snapshot(self._channel)
        if found is None or not found.whole:
            return False
        self.told.clear()
        for name, body in found.items.items():
            self._put(name, body)
        self._position = found.position
        return True

    def _put(self, name: str, body: bytes) -> None:
        told = msgspec.json.decode(body)
        if self._over_tile:
            self.told[name] = told
        elif any(checks.fits(side, told["properties"]) for side in self._sides):
            self.told[name] = told["properties"]
        else:
            self.told.pop(name, None)


class Checking:
    """The checks of `settings`, looked at again and again."""

    def __init__(self, settings: Settings, board: Board) -> None:
        self._checks = settings.checks
        self._owners = {name: source.contract.owner for name, source in settings.sources.items()}
        sides = [side for check in settings.checks.values() for side in check.sides]
        self._tiles = {
            name: _Held(board, names.tile_channel(name), [], True)
            for name in sorted({side.tile for side in sides if side.tile is not None})
        }
        over: dict[str, list[Side]] = {}
        for side in sides:
            if side.tile is None and side.value is None:
                over.setdefault(side.over, []).append(side)
        self._layers = {name: _Held(board, names.layer_channel(name), own, False) for name, own in over.items()}
        self._found: dict[str, checks.Result] | None = None

    async def look(self, before: Mapping[str, checks.Result], now: datetime) -> dict[str, checks.Result]:
        """Each check by id. `before`: how they stand on the board, which stays while others are being rebuilt.

        Raises StoreAway.
        """
        boards = (*self._tiles.values(), *self._layers.values())
        moved = [await held.read() for held in boards]
        if self._found is None or any(moved):
            tiles = {name: held.told for name, held in self._tiles.items()}
            items = {name: held.told for name, held in self._layers.items()}
            seen = checks.Seen(tiles, items)
            stood = self._found or before
            found = checks.results(self._checks, seen, stood, now, self._owners)
            if not all(held.known for held in boards):
                found = {name: stood.get(name, one) if one["ok"] is None else one for name, one in found.items()}
            self._found = found
        return self._found
