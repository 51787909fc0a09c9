"""What the ledger's board holds, kept up to date in this process: one question a look, and only what is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from ioc import ledger, names
from ioc.board import Board, Position
from ioc.errors import Gap
from ioc.settings import Source
from ioc.workdays import Calendar

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


class _Stood(NamedTuple):
    """The ledger of a source as it was worked out at `since`; it is the same until `until`, unless somebody tells."""

    item: dict[str, Any]
    since: datetime
    until: datetime


class Owed:
    """The ledgers of the sources that owe periods. One is worked out anew when somebody told, or when a period ends or
    falls due: between two such moments it says the same. `units`: codes of the communes of today."""

    def __init__(self, sources: Mapping[str, Source], books: Books, calendar: Calendar, units: Sequence[str]) -> None:
        self._books, self._calendar, self._units = books, calendar, tuple(units)
        self._owing = {name: source.contract for name, source in sources.items() if source.contract.due is not None}
        self._stood: dict[str, _Stood] = {}

    async def look(self, now: datetime) -> dict[str, dict[str, Any]]:
        """The ledger of each source that owes periods, at `now`."""
        for name in await self._books.read():
            self._stood.pop(name, None)
        return {name: self._item(name, now) for name in self._owing}

    def _item(self, name: str, now: datetime) -> dict[str, Any]:
        stood = self._stood.get(name)
        # a clock that was set back makes nothing true again
        if stood is None or not stood.since <= now < stood.until:
            contract, calendar = self._owing[name], self._calendar
            item = ledger.item(contract, self._units, self._books.told(name), now, calendar)
            stood = self._stood[name] = _Stood(item, now, ledger.until(contract, now, calendar))
        return stood.item
