"""What the ledger's board holds, kept up to date in this process: one question a look, and only what is new."""

from __future__ import annotations

from typing import Any

import msgspec

from ioc import names
from ioc.board import Board, Position
from ioc.errors import Gap

CHANNEL = names.layer_channel(names.LEDGER)


class _Item(msgspec.Struct):
    properties: dict[str, Any]


_decode = msgspec.json.Decoder(_Item).decode


class Books:
    """The entries of every source: `told[source][period]` is what the layer `ledger` holds of a period."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._position: Position | None = None
        self._told: dict[str, dict[str, dict[str, Any]]] = {}

    def told(self, source: str) -> dict[str, dict[str, Any]]:
        return self._told.get(source, {})

    async def read(self) -> set[str]:
        """Take what is new; returns the sources of which something is. While the board is away, or begins anew and is
        not whole yet, what was known stays."""
        if self._position is not None:
            try:
                steps = await self._board.history(CHANNEL, self._position)
            except Gap:
                self._position = None
            else:
                touched: set[str] = set()
                for step in steps:
                    touched |= {self._put(name, None) for name in step.drop}
                    touched |= {self._put(name, body) for name, body in step.put.items()}
                    self._position = Position(step.epoch, step.offset)
                return touched
        found = await self._board.snapshot(CHANNEL)
        if found is None or not found.whole:
            return set()
        before = set(self._told)
        self._told.clear()
        for name, body in found.items.items():
            self._put(name, body)
        self._position = found.position
        return before | set(self._told)

    def _put(self, name: str, body: bytes | None) -> str:
        source, _, text = name.partition("/")
        known = self._told.setdefault(source, {})
        if body is None:
            known.pop(text, None)
        else:
            known[text] = _decode(body).properties
        return source
