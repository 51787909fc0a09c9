"""The completeness ledger of one source: who owes which period, and what came of it. Pure; times are aware.

A period's reporters are on time (told until it was due), late (told after), missing (it was due, and they have not
told), excused (somebody gave a reason why they need not), or awaited (it is not due yet). Totals are have of expect.

A source that owes no periods, but an answer every so often, is entered by the minute, the hour or the day: what it had
at the end of it, in records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from ioc import clock
from ioc.contract import CALENDAR, Contract
from ioc.geo.units import AS_OF
from ioc.period import Period, period
from ioc.roll import Roll
from ioc.workdays import Calendar

State = Literal["reported", "late", "missing", "excused", "awaited"]
WORST_FIRST: tuple[State, ...] = ("missing", "late", "awaited", "excused", "reported")
PERIODS = 8
"""Periods that a screen shows, the newest last."""
UNIT_LIST = "Danh mục đơn vị hành chính"
"""What the list is called that "units" stands for."""
ITSELF = ""
"""The reporter of a source that owes its periods by itself."""

Told = Mapping[str, Mapping[str, Any]]
"""Properties of the items of the layer `ledger` that are of one source, by the period as text."""


class Excuse(msgspec.Struct, frozen=True):
    """Why somebody need not tell; an empty `why` takes it back. `by`: who said so."""

    why: str
    by: str
    at: str


class Entry(msgspec.Struct, frozen=True):
    """One reporter in one period. `reported`: when, RFC 3339."""

    reporter: str
    state: State
    reported: str | None = None
    excuse: Excuse | None = None


class Cell(msgspec.Struct, frozen=True):
    """One period, counted. `never`: nothing was told of this period or any before it."""

    period: str
    due: datetime
    expect: int
    on_time: int
    late: int
    missing: int
    excused: int
    awaited: int
    never: bool

    @property
    def have(self) -> int:
        return self.on_time + self.late


def expected(contract: Contract, units: Sequence[str], of: Period | None = None) -> tuple[str, ...]:
    """Who owes something in a period (None: in any). `units`: codes of the communes of today."""
    if isinstance(contract.reporters, Roll):
        return contract.reporters.owing(of)
    if contract.reporters == "units":
        return tuple(units)
    return tuple(contract.reporters) or (ITSELF,)


def called(contract: Contract, units: Mapping[str, str], of: Period | None = None) -> Mapping[str, str]:
    """Names of reporters by their code; who has none is called as they are. `units`: of the communes of today."""
    return contract.reporters.called(of) if isinstance(contract.reporters, Roll) else units


def listing(contract: Contract) -> dict[str, Any] | None:
    """Which dated list the expected reporters come from (JSON-able); None: they have none."""
    if isinstance(contract.reporters, Roll):
        roll = contract.reporters
        return {"as_of": roll.as_of.isoformat(), "invented": roll.invented, "source": roll.source}
    if contract.reporters == "units":
        return {"as_of": AS_OF.isoformat(), "invented": False, "source": UNIT_LIST}
    return None


def entries(
    contract: Contract, reporters: Sequence[str], of: Period, told: Mapping[str, Any], now: datetime, calendar: Calendar
) -> list[Entry]:
    """Each expected reporter's entry for one period; `told`: what the ledger holds of it."""
    assert contract.due is not None
    due = contract.due.at(of, calendar)
    reported, excused = told.get("reported") or {}, told.get("excused") or {}
    found = []
    for who in reporters:
        when = reported.get(who)
        excuse = msgspec.convert(excused[who], Excuse) if who in excused else None
        if when is not None:
            state: State = "reported" if clock.parse(when) <= due else "late"
        elif excuse is not None and excuse.why:
            state = "excused"
        else:
            state = "missing" if now > due else "awaited"
        found.append(Entry(who, state, when, excuse if excuse is not None and excuse.why else None))
    return found


def periods(contract: Contract, now: datetime, calendar: Calendar = CALENDAR, count: int = PERIODS) -> list[Period]:
    """The last periods that are over or were due, oldest first."""
    assert contract.due is not None
    found = [contract.due.newest(now, calendar)]
    while len(found) < count:
        found.append(contract.due.before(found[-1], calendar))
    return found[::-1]


def cells(
    contract: Contract, units: Sequence[str], told: Told, now: datetime, calendar: Calendar = CALENDAR
) -> list[Cell]:
    """The last periods of a source that owes some, oldest first. `units`: codes of the communes of today."""
    assert contract.due is not None
    first = min((period(text).begins for text in told), default=None)
    found = []
    for of in periods(contract, now, calendar):
        known = entries(contract, expected(contract, units, of), of, told.get(of.text, {}), now, calendar)
        states = [entry.state for entry in known]
        count = {state: states.count(state) for state in set(states)}
        found.append(
            Cell(
                of.text,
                contract.due.at(of, calendar),
                len(known),
                count.get("reported", 0),
                count.get("late", 0),
                count.get("missing", 0),
                count.get("excused", 0),
                count.get("awaited", 0),
                first is None or of.begins < first,
            )
        )
    return found


def item(
    contract: Contract, units: Sequence[str], told: Told, now: datetime, calendar: Calendar = CALENDAR
) -> dict[str, Any]:
    """The ledger of a source that owes periods, as it stands on the channel `ledger` (JSON-able, times aware).

    `units`: codes of the communes of today.
    """
    assert contract.due is not None
    return _item(contract, contract.due.each, cells(contract, units, told, now, calendar))


def rolling(
    contract: Contract, source: Mapping[str, Any], before: Mapping[str, Any] | None, now: datetime
) -> dict[str, Any]:
    """The ledger of a source that owes an answer every so often.

    `source`: its item now; `before`: its ledger a look ago. What is late now is late; what is stale, down or never is
    missing: all that is expected, else one.
    """
    each, span = next((pair for pair in _SPANS if pair[1].total_seconds() >= contract.cadence), _SPANS[-1])
    begins = _floor(now, span)
    state, have = source["state"], source["have"]
    expect = source["expect"] or max(1, have)
    told = min(have, expect) if state in ("live", "late") else 0
    here = Cell(
        clock.rfc3339(begins), begins + span, expect,
        told if state == "live" else 0, told if state == "late" else 0, expect - told, 0, 0, state == "never",
    )  # fmt: skip
    kept = {cell.period: cell for cell in _cells(before) if begins - PERIODS * span < cell.due - span < begins}
    found = []
    for back in range(PERIODS - 1, 0, -1):
        period = clock.rfc3339(begins - back * span)
        # nobody looked then: nothing is known of it
        blank = Cell(period, begins - (back - 1) * span, expect, 0, 0, 0, 0, 0, True)
        found.append(kept.get(period, blank))
    return _item(contract, each, [*found, here])


_SPANS = (("minute", timedelta(minutes=1)), ("hour", timedelta(hours=1)), ("day", timedelta(days=1)))


def _floor(now: datetime, span: timedelta) -> datetime:
    here = now.astimezone(clock.ZONE)
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (here - midnight) // span * span


def _cells(before: Mapping[str, Any] | None) -> list[Cell]:
    return msgspec.convert(before["cells"], list[Cell]) if before is not None else []


def until(contract: Contract, now: datetime, calendar: Calendar = CALENDAR) -> datetime:
    """Until when (aware, that moment left out) the ledger stays as it is at `now` when nobody tells anything."""
    assert contract.due is not None
    here = contract.due.of(now)
    owed = [contract.due.at(of, calendar) for of in (*periods(contract, now, calendar), here)]
    return min((moment for moment in (*owed, contract.due.ends(here)) if moment >= now), default=now)


def _item(contract: Contract, each: str, found: list[Cell]) -> dict[str, Any]:
    current = found[-1]
    return {
        "owner": contract.owner, "method": contract.method, "each": each, "list": listing(contract),
        "period": current.period, "due": current.due, "have": current.have, "expect": current.expect,
        "late": current.late, "missing": current.missing, "excused": current.excused, "awaited": current.awaited,
        "cells": [{**msgspec.structs.asdict(cell), "due": clock.rfc3339(cell.due)} for cell in found],
    }  # fmt: skip
