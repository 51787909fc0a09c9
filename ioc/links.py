"""The link matrix: which sectors are connected, share their records and are in step with us, as it was proved last.

Pure; times are aware. A row is one sector, as bad as the worst of its sources. Each of its three cells says `ok` true
or false, or null where nothing could be probed, with a few words of why (Vietnamese, English):

- `connected`: the source answered something, whatever it was; no network error, no time-out, no refused key, and no
  silence: nobody heard of it since it was due, and its grace has passed (it does not send, or nobody asks it);
- `shared`: it is connected, its last answer could be taken, and a record of it was read;
- `synced`: it is shared, and its own count and newest change (`ioc.adapter.Adapter.tally`) agree with ours. A count
  that differs is "lệch", its newest change standing still though the contract (`still`, `due`) says it should move is
  "đứng từ", ours behind its newest by more than the grace, or past due, is "trễ".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from ioc import clock
from ioc.contract import CALENDAR, Answered, Contract
from ioc.proof import Link
from ioc.settings import Sector, Source
from ioc.workdays import Calendar

Say = tuple[str, str]
"""A few words in Vietnamese and in English."""
Column = Literal["connected", "shared", "synced"]
COLUMNS: tuple[Column, ...] = ("connected", "shared", "synced")

YES: Say = ("có", "yes")
NO: Say = ("không", "no")
UNTRIED: Say = ("chưa thử", "not probed")
REFUSED: Say = ("từ chối khoá", "key refused")


class Cell(NamedTuple):
    """One proof of one source. `level`: how bad a false one is. `silent`: its adapter can't probe it."""

    ok: bool | None
    say: Say
    level: Literal["warn", "bad"] | None = None
    silent: bool = False
    source: str | None = None

    @property
    def rank(self) -> int:
        """How bad it is among the sources of a sector; what can't be probed hides nothing that was."""
        if self.ok is False:
            return 4 if self.level == "bad" else 3
        return 1 if self.ok else 0 if self.silent else 2


UNPROBED = Cell(None, UNTRIED)


def matrix(
    sectors: Mapping[str, Sector],
    sources: Mapping[str, Source],
    answers: Mapping[str, Answered],
    now: datetime,
    before: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    due: Mapping[str, datetime | None] | None = None,
    calendar: Calendar = CALENDAR,
) -> dict[str, dict[str, Any]]:
    """The rows by sector (JSON-able).

    `answers`: each source's last; `due`: when each was to be heard of. `before`: the rows as they stood: a cell's
    `since` is the time from which on it says the same of `ok`. `tried`: when the one was probed that was probed longest
    ago, to the minute; null: none ever was.
    """
    found = {}
    for name, sector in sectors.items():
        own = {id: source for id, source in sources.items() if source.sector == name}
        columns = [
            _cells(id, source.contract, answers.get(id), now, (due or {}).get(id), calendar)
            for id, source in own.items()
        ]
        stood = (before or {}).get(name, {})
        title = (sector.title, sector.title) if isinstance(sector.title, str) else sector.title
        row: dict[str, Any] = {
            "id": name,
            "name": title[0] or name,
            "name_en": title[1] or name,
            "sources": sorted(own),
        }
        row["tried"] = _tried([answers[id].link for id in own if id in answers] if own.keys() <= answers.keys() else [])
        for number, column in enumerate(COLUMNS):
            worst = _worst([cells[number] for cells in columns], Cell(False, NO, "bad") if not number else UNPROBED)
            row[column] = _told(worst, stood.get(column), now)
        found[name] = row
    return found


def _tried(links: list[Link]) -> str | None:
    times = [link.tried for link in links if link.tried is not None]
    return clock.rfc3339(min(times).replace(second=0, microsecond=0)) if times else None


def _worst(cells: Iterable[Cell], none: Cell) -> Cell:
    return max(cells, key=lambda cell: cell.rank, default=none)


def _told(cell: Cell, stood: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    since = None
    if cell.ok is not None:
        same = stood is not None and stood.get("ok") is cell.ok and stood.get("since")
        since = stood["since"] if same and stood is not None else clock.rfc3339(now)
    say = {"vi": cell.say[0], "en": cell.say[1]}
    return {"ok": cell.ok, "say": say, "since": since, "level": cell.level, "source": cell.source}


def _cells(
    name: str,
    contract: Contract,
    answered: Answered | None,
    now: datetime,
    due: datetime | None,
    calendar: Calendar,
) -> tuple[Cell, Cell, Cell]:
    """The three proofs of one source; where one fails, the next can't be tried."""
    connected = _connected(contract, answered, now, due)
    if not connected.ok or answered is None:
        return connected._replace(source=name), UNPROBED, UNPROBED
    shared = _shared(answered, now)
    if not shared.ok:
        return connected._replace(source=name), shared._replace(source=name), UNPROBED
    found = _synced(contract, answered, now, due, calendar)
    return connected._replace(source=name), shared._replace(source=name), found._replace(source=name)


def _connected(contract: Contract, answered: Answered | None, now: datetime, due: datetime | None) -> Cell:
    if answered is None:
        return UNPROBED
    link = answered.link
    if answered.refused:
        return Cell(False, REFUSED if link.refused else NO, "bad")
    silent = due is not None and link.tried is not None and link.tried < due
    if silent and due is not None and (now - due).total_seconds() > contract.patience:
        return Cell(False, _gone(link.connected, now), "bad")
    if link.lost is None:
        return Cell(True, YES) if link.connected is not None else UNPROBED
    return Cell(False, _gone(link.connected, now), "bad")


def _shared(answered: Answered, now: datetime) -> Cell:
    link = answered.link
    if answered.error is None and link.shared is not None:
        return Cell(True, YES)
    return Cell(False, _gone(link.shared, now), "bad")


def _gone(last: datetime | None, now: datetime) -> Say:
    return NO if last is None else _span(("mất", "lost for"), ("vừa mất", "just lost"), now - last)


def _synced(contract: Contract, answered: Answered, now: datetime, due: datetime | None, calendar: Calendar) -> Cell:
    link = answered.link
    if link.differ and link.sure:
        return Cell(False, (f"lệch {link.differ:,}".replace(",", "."), f"off by {link.differ:,}"), "bad")
    if link.newest is not None and _stands(contract, link.newest, now, calendar):
        return Cell(False, _since(link.newest), "bad")
    behind = link.behind(contract.patience)
    if behind is None and due is not None and due < now:
        behind = now - due
    if behind is not None:
        return Cell(False, _span(("trễ", "late by"), ("vừa trễ", "just late"), behind), "warn")
    if link.why is not None or link.proved is None or link.synced is None:
        return UNPROBED._replace(silent=link.why is None and link.count is None and link.newest is None)
    # a count that differs and is not borne out yet: what was proved before stands
    return Cell(True, YES)


def _stands(contract: Contract, newest: datetime, now: datetime, calendar: Calendar) -> bool:
    """Whether the source's own newest change is older than its contract allows."""
    if contract.still is not None:
        return (now - newest).total_seconds() > contract.still
    if contract.due is None:
        return False
    next_one = contract.due.following(contract.due.of(newest), calendar)
    return (now - contract.due.at(next_one, calendar)).total_seconds() > contract.patience


def _since(moment: datetime) -> Say:
    day = moment.astimezone(clock.ZONE)
    return f"đứng từ {day:%d/%m}", f"still since {day:%d/%m}"


_STEPS = (
    (timedelta(days=1), 2, "ngày", "d"),
    (timedelta(hours=1), 2, "giờ", "h"),
    (timedelta(minutes=1), 1, "phút", "min"),
)


def _span(longer: Say, shorter: Say, span: timedelta) -> Say:
    """`span` in its largest whole unit, hours up to two days; `shorter` for less than a minute."""
    for unit, least, vi, en in _STEPS:
        if span >= least * unit:
            return f"{longer[0]} {span // unit} {vi}", f"{longer[1]} {span // unit} {en}"
    return shorter
