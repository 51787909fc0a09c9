"""Ledgers that are kept: the same as those worked out anew, at any time and whoever told meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from ioc import clock, ledger, names
from ioc.board.memory import MemoryBoard
from ioc.clock import ZONE
from ioc.contract import CALENDAR, Contract
from ioc.duty import Due
from ioc.layer import Item
from ioc.run.books import Books, Owed
from ioc.settings import Source

CHANNEL = names.layer_channel(names.LEDGER)
DEMO = Contract("Văn phòng", due=Due("stretch", seconds=100), reporters=("a", "b", "c"))
DAILY = msgspec.structs.replace(DEMO, due=Due("day", by="17:00", working=True))
SOURCES = {"demo": Source("demo", "table_file", DEMO, {}), "daily": Source("daily", "table_file", DAILY, {})}
BEGIN = datetime(2026, 3, 6, 16, 58, 20, tzinfo=ZONE)


def entry(source: str, contract: Contract, now: datetime, *who: str) -> tuple[str, bytes]:
    assert contract.due is not None
    of = contract.due.of(now)
    told: dict[str, Any] = {"of": source, "first": of.first.isoformat(), "last": of.last.isoformat()}
    told["reported"] = dict.fromkeys(who, clock.rfc3339(now))
    item = Item(f"{source}/{of.text}", now, now, told)
    return item.id, item.encode()


async def test_what_is_kept_is_what_would_be_worked_out_anew() -> None:
    board = MemoryBoard()
    await board.reset(CHANNEL, {})
    books = Books(board)
    owed = Owed(SOURCES, books, CALENDAR, ())
    for second in range(0, 400, 7):
        now = BEGIN + timedelta(seconds=second)
        if second % 5 == 0:
            told = dict(entry(name, one.contract, now, "abc"[second % 3]) for name, one in SOURCES.items())
            await board.apply(CHANNEL, told)
        found = await owed.look(now)
        for name, one in SOURCES.items():
            assert found[name] == ledger.item(one.contract, (), books.told(name), now, CALENDAR), (name, second)
    # a clock that is set back
    assert (await owed.look(BEGIN))["demo"] == ledger.item(DEMO, (), books.told("demo"), BEGIN, CALENDAR)


async def test_nothing_is_worked_out_while_nothing_moves() -> None:
    board = MemoryBoard()
    await board.reset(names.layer_channel(names.LEDGER), {})
    owed = Owed(SOURCES, Books(board), CALENDAR, ())
    first = await owed.look(BEGIN + timedelta(seconds=1))
    later = await owed.look(BEGIN + timedelta(seconds=60))
    assert all(later[name] is first[name] for name in SOURCES)
    await board.apply(CHANNEL, dict([entry("demo", DEMO, BEGIN, "a")]))
    told = await owed.look(BEGIN + timedelta(seconds=61))
    assert told["daily"] is first["daily"] and told["demo"] is not first["demo"]
