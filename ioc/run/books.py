"""What the ledger's board holds, by source, and the ledgers of what they owe that are worked out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ioc import ledger, names
from ioc.board import Board
from ioc.run.following import Following, properties
from ioc.settings import Source
from ioc.workdays import Calendar


class Books:
    """The entries of every source: `told(source)[period]` is what the layer `ledger` holds of a period."""

    def __init__(self, board: Board) -> None:
        self._following = Following(board, names.LEDGER, properties)
        self._told: dict[str, dict[str, dict[str, Any]]] = {}

    def told(self, source: str) -> dict[str, dict[str, Any]]:
        return self._told.get(source, {})

    async def read(self) -> set[str]:
        """Take what is new (see `Following.read`); returns the sources of which something is."""
        touched = set()
        for name in await self._following.read():
            source, _, text = name.partition("/")
            known = self._told.setdefault(source, {})
            if (item := self._following.items.get(name)) is None:
                known.pop(text, None)
            else:
                known[text] = item
            touched.add(source)
        return touched


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
