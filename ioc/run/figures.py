"""Tiles worked out of a layer's items, with what makes each figure honest filled in."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from ioc import clock
from ioc.contract import Answered
from ioc.event import Method
from ioc.layer import Figure, Item, Tile
from ioc.run.fold import NOWHERE, Fold
from ioc.settings import Source

logger = logging.getLogger("ioc.projector")

ALL = "all"
WORST: tuple[Method, ...] = ("machine", "computed", "estimated", "typed")
"""Methods, the one that needs the most trust last."""


class _About(NamedTuple):
    """What some items have in common: the newest source time, the worst method, and whose they are."""

    newest: datetime | None
    method: Method
    sources: list[str]

    @classmethod
    def of(cls, items: Mapping[str, Item]) -> _About:
        newest: datetime | None = None
        methods, sources = set(), set()
        worst: Method = "machine"
        for item in items.values():
            if newest is None or item.time > newest:
                newest = item.time
            methods.add(str(item.properties.get("method")))
            if (source := item.properties.get("source")) is not None:
                sources.add(str(source))
        for method in WORST:
            if method in methods:
                worst = method
        return cls(newest, worst, sorted(sources))


class Seen(NamedTuple):
    """A layer's items at one moment, all and by unit, and the units that were touched since the last look."""

    items: Mapping[str, Item]
    by_unit: Mapping[str, Mapping[str, Item]]
    touched: set[str]

    @classmethod
    def of(cls, fold: Fold) -> Seen:
        """What the fold holds now; takes its `touched`. The fold may go on meanwhile: the mappings are copies."""
        touched, fold.touched = fold.touched, set()
        return cls(dict(fold.items), {unit: dict(items) for unit, items in fold.by_unit.items()}, touched)


class Figures:
    """The tiles over one layer. Only the units whose items changed are worked out again.

    `feeding`: the sources whose events the layer listens to. One `work_out` at a time, in whatever thread.
    """

    def __init__(self, fold: Fold, tiles: Iterable[Tile], feeding: Mapping[str, Source]) -> None:
        self.fold, self.tiles, self.feeding = fold, list(tiles), feeding
        self._last: dict[str, datetime] = {}
        self._told: dict[str, set[str]] = {}
        self._failing: set[str] = set()
        self._about: dict[str, _About] = {}

    def stood(self, tile: Tile, items: Iterable[str]) -> None:
        """Tell which units of a tile stand on its board, so that those that are empty now are dropped."""
        self._told[tile.name] = set(items) - {ALL}

    def work_out(
        self, now: datetime, answers: Mapping[str, Answered], past: Mapping[str, float | None], seen: Seen | None = None
    ) -> dict[str, dict[str, bytes | None]]:
        """Changes by tile name, of what was `seen` (None: is seen now). `past`: value of each tile a day ago, where it
        is known."""
        seen = seen if seen is not None else Seen.of(self.fold)
        touched = seen.touched
        self._about.clear()
        found = {}
        for tile in self.tiles:
            last = self._last.get(tile.name)
            ripe = last is None or (tile.wakes is not None and now - last >= tile.wakes)
            if not touched and not ripe:
                continue
            if ripe:
                self._last[tile.name] = now
            units = set(seen.by_unit) | self._told.get(tile.name, set()) if ripe else touched
            found[tile.name] = self._tile(tile, seen, units, now, answers, past)
        return found

    def _tile(
        self,
        tile: Tile,
        seen: Seen,
        units: set[str],
        now: datetime,
        answers: Mapping[str, Answered],
        past: Mapping[str, float | None],
    ) -> dict[str, bytes | None]:
        changes: dict[str, bytes | None] = {}
        told = self._told.setdefault(tile.name, set())
        if tile.by_unit:
            for unit in units - {NOWHERE}:
                items = seen.by_unit.get(unit)
                if items:
                    figure = self._figure(tile, items, now)
                    figure = self._filled(figure, self._of(unit, items), figure.have or len(items), None)
                    changes[unit] = self._encode(tile, figure)
                    told.add(unit)
                elif unit in told:
                    changes[unit] = None
                    told.discard(unit)
        else:
            changes.update(dict.fromkeys(told))
            told.clear()
        figure = self._figure(tile, seen.items, now)
        have, expect = self._coverage(answers, figure)
        if figure.trend is None:
            figure = _with_trend(figure, past.get(tile.name))
        changes[ALL] = self._encode(tile, self._filled(figure, self._of(ALL, seen.items), have, expect))
        return changes

    def _figure(self, tile: Tile, items: Mapping[str, Item], now: datetime) -> Figure:
        """The author's figure; one that can't be worked out says so, and the others go on."""
        try:
            return tile.work_out(items, now)
        except Exception as error:
            if tile.name not in self._failing:
                self._failing.add(tile.name)
                logger.exception("The tile %s can't be worked out; said once.", tile.name)
            return Figure(None, why=f"This figure could not be worked out ({type(error).__name__}); see the log.")

    def _of(self, unit: str, items: Mapping[str, Item]) -> _About:
        """What all tiles tell of the same items, looked up once for all of them."""
        known = self._about.get(unit)
        if known is None:
            known = self._about[unit] = _About.of(items)
        return known

    def _coverage(self, answers: Mapping[str, Answered], figure: Figure) -> tuple[int, int | None]:
        """How many subjects the sources told us of, of how many they owe."""
        owing = [source for name, source in self.feeding.items() if figure.sources is None or name in figure.sources]
        have = sum(answers[source.name].have for source in owing if source.name in answers)
        expected = [source.contract.expect for source in owing]
        return have, sum(filter(None, expected)) if expected and None not in expected else None

    def _filled(self, figure: Figure, about: _About, have: int, expect: int | None) -> Figure:
        # a tile over a part of the items says have = 0 when its part is empty: the others' times are not its own
        newest = None if figure.have == 0 else about.newest
        return msgspec.structs.replace(
            figure,
            have=figure.have if figure.have is not None else have,
            expect=figure.expect if figure.expect is not None else expect,
            observed=figure.observed or newest,
            method=figure.method or about.method,
            sources=figure.sources if figure.sources is not None else (about.sources or sorted(self.feeding)),
        )

    @staticmethod
    def _encode(tile: Tile, figure: Figure) -> bytes:
        return msgspec.json.encode(wire(figure, tile.label, tile.unit))


def wire(figure: Figure, label: tuple[str, str], unit: tuple[str, str]) -> dict[str, Any]:
    """A figure as it stands on the board: the fields of protocol.md, with the English words beside the Vietnamese."""
    told: dict[str, Any] = {
        "value": figure.value, "unit": unit[0], "label": label[0], "unit_en": unit[1], "label_en": label[1],
        "have": figure.have or 0, "expect": figure.expect,
        "observed": clock.rfc3339(figure.observed) if figure.observed else None,
        "method": figure.method or "computed", "sources": figure.sources or [],
    }  # fmt: skip
    for name in (
        "of",
        "target",
        "level",
        "trend",
        "previous",
        "parts",
        "other",
        "revised",
        "why",
        "officer",
        "decision",
    ):
        value = getattr(figure, name)
        if value is not None:
            told[name] = value
    for name in ("due", "reported"):
        value = getattr(figure, name)
        if value is not None:
            told[name] = clock.rfc3339(value)
    return told


def _with_trend(figure: Figure, before: float | None) -> Figure:
    if before is None or not isinstance(figure.value, int | float):
        return figure
    return msgspec.structs.replace(figure, trend={"by": round(figure.value - before, 3), "over": "P1D"})
