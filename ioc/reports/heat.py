"""Keeps the hot spots: counts the archived reports by cell, and tells the log which cells are hot, as a source does.

It reads the archive, and not the book alone: the reports of every source lie there, and lie there as the public may
know them (homes moved to a coarse grid, hidden ones gone). What is kept in memory is a time and a cell for each report.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa

from ioc import clock
from ioc.db import archive
from ioc.db.session import Database
from ioc.errors import BadRecord, Gap
from ioc.event import Event, Feature
from ioc.intake import worked
from ioc.intake.worked import Standing, Worked
from ioc.log import Log
from ioc.report_rules import DROPPED
from ioc.reports.hotspots import Cell, Grid, Spot, spots
from ioc.settings import Source

KINDS = frozenset({"ioc.report.observed", "ioc.report.filed"})
SUMMARY = "summary"
"""The subject that tells of how much was counted."""

logger = logging.getLogger("ioc.reports")


class Rules(Protocol):
    """What the settings say (`adapters/hotspots.py`)."""

    event: str
    crs: int
    cell_m: float
    hours: float
    before_hours: float
    least: int
    rate: float
    leave_out: tuple[str, ...]


class _Seen(NamedTuple):
    """A report as it was told last: when (source time, receipt), filed when, and where. `filed` None: not counted."""

    told: tuple[datetime, datetime]
    filed: datetime | None
    cell: Cell | None


class Counted(NamedTuple):
    """The reports of the span: all, those with a cell, and how many fell into each cell, now and in the span before."""

    reports: int
    placed: int
    now: Counter[Cell]
    before: Counter[Cell]


class Heat:
    """Works out the hot spots of one source of the settings. `coarse`: metres of the grid of categories that have one:
    those coarser than a cell are left out. `standing`: what the archive knows of hot spots that the log has lost."""

    def __init__(
        self,
        db: Database,
        log: Log,
        source: Source,
        rules: Rules,
        *,
        standing: Standing,
        coarse: Mapping[str, float] | None = None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self.db, self.log, self.source, self.rules, self.standing, self._now = db, log, source, rules, standing, now
        self.grid = Grid(rules.crs, rules.cell_m)
        self.left_out = {name for name, metres in (coarse or {}).items() if metres > rules.cell_m} | {*rules.leave_out}
        self._seen: dict[str, _Seen] = {}
        self._seq = 0

    async def run(self) -> None:
        """Count and tell for ever. StoreAway goes up to the role, which begins again; a database that is away is told
        of at the source, which is late then."""
        away = False
        while True:
            try:
                await self.turn()
                if away:
                    logger.info("The archive can be counted again.")
                away = False
            except Gap:
                # somebody else noted something of this source: tell what is found by what is known now
                continue
            except (sa.exc.DBAPIError, sa.exc.TimeoutError, OSError) as error:
                if not away:
                    logger.warning("The archive can't be counted (%s); hot spots wait.", type(error).__name__)
                away = True
            await asyncio.sleep(self.source.contract.pace)

    async def turn(self) -> list[Spot]:
        """Count once, and tell what is another now; returns what is hot. Raises Gap and what the database raises."""
        now = self._now()
        await self._read(now)
        counted, found = await asyncio.to_thread(self._work_out, now)
        await self._tell(counted, found, now)
        return found

    async def _read(self, now: datetime) -> None:
        """What the archive got since the last turn; what is older than both spans is forgotten."""
        since = now - timedelta(hours=self.rules.hours + self.rules.before_hours)
        async for seq, event in archive.since(self.db, KINDS, after=self._seq, time=since):
            self._seq, told = seq, (event.time, event.received)
            before = self._seen.get(event.subject)
            if before is None or before.told < told:
                self._seen[event.subject] = _Seen(told, *self._place(event))
        self._seen = {name: one for name, one in self._seen.items() if (one.filed or one.told[0]) >= since}

    def _place(self, event: Event) -> tuple[datetime | None, Cell | None]:
        """When the report was filed (None: it does not count), and in which cell (None: nobody knows where)."""
        if event.data is None:
            return None, None
        told = event.data.properties
        if str(told.get("status")).strip().casefold() in DROPPED or told.get("service_code") in self.left_out:
            return None, None
        try:
            filed = clock.parse(str(told["requested"])) if told.get("requested") else event.time
        except ValueError:
            filed = event.time
        geometry = event.data.geometry
        if geometry is None or geometry.get("type") != "Point" or event.unit is None:
            return filed, None
        try:
            return filed, self.grid.cell(*geometry["coordinates"][:2])
        except BadRecord:
            return filed, None

    def count(self, now: datetime) -> Counted:
        """The reports of both spans, by cell."""
        begins = now - timedelta(hours=self.rules.hours)
        reports, recent, before = 0, Counter[Cell](), Counter[Cell]()
        for one in self._seen.values():
            if one.filed is None or one.filed > now:
                continue
            fresh = one.filed > begins
            reports += fresh
            if one.cell is not None:
                (recent if fresh else before)[one.cell] += 1
        return Counted(reports, recent.total(), recent, before)

    def _work_out(self, now: datetime) -> tuple[Counted, list[Spot]]:
        counted = self.count(now)
        return counted, spots(counted.now, counted.before, least=self.rules.least, rate=self.rules.rate)

    def features(self, counted: Counted, found: list[Spot]) -> dict[str, Feature]:
        """What is told, by its subject: each hot cell, and how much was counted."""
        spans = {"hours": self.rules.hours, "before_hours": self.rules.before_hours}
        told = {
            SUMMARY: Feature({
                "reports": counted.reports, "placed": counted.placed, "cells": len(counted.now), "hot": len(found),
                "enough": counted.placed >= self.rules.least, **spans,
            })
        }  # fmt: skip
        for one in found:
            properties: dict[str, Any] = {
                "reports": one.reports, "near": one.near, "z": round(one.z, 2), "p": float(f"{one.p:.3g}"),
                "kind": one.kind, **spans,
            }  # fmt: skip
            if one.before is not None:
                properties["before"] = one.before
            name = f"{self.grid.epsg}/{self.grid.metres:g}/{one.cell[0]}/{one.cell[1]}"
            told[name] = Feature(properties, self.grid.outline(one.cell))
        return told

    async def _tell(self, counted: Counted, found: list[Spot], now: datetime) -> None:
        told = {subject: Worked(feature) for subject, feature in self.features(counted, found).items()}
        name, kind = self.source.name, self.rules.event
        await worked.tell(self.log, name, kind, told, have=len(found), now=now, standing=self.standing)
