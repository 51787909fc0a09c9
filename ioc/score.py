"""The four words, measured: đúng, đủ, sạch, sống (guidance 1709/BKHCN-CĐSQG, 21 May 2025).

Pure functions of the sources. Each word is a share, 0 to 100, of what was counted, for one source, for the sources of a
sector, and for all:

- đúng (correct) = 100 × checks passed / checks made: those of the sources' last answers, those of the settings, each of
  the source that it looks at, and, over the province, one for each figure shown in total: no other source says
  otherwise (left out where a failed check of the settings says so already);
- đủ (complete) = 100 × Σ have / Σ expect, over the sources that owe a number: of the newest period the reporters who
  told of those who owe it (the excused owe nothing), else min(records, records expected);
- sạch (clean) = 100 × (1 − set aside / (have + set aside)), of the distinct records that stand now;
- sống (alive) = 100 × sources that are live / all sources.

There is no mean of the four: a mean hides the bad one. A word that nothing was counted for has no value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from ioc.layer import Figure, Level

Source = Mapping[str, Any]
"""An item of the channel `sources` (see `ioc.contract.source_item`); `sector` is its sector's id."""
Sources = Mapping[str, Source]
Figures = Mapping[str, Mapping[str, Any]]
"""The total of each tile, by its name (see `ioc.run.figures.wire`); `other` holds the figures that disagree with it."""

ALL = "all"
"""The score of the whole province, among the scores."""


class Share(NamedTuple):
    """What was counted: `good` of `all`."""

    good: float
    all: float

    @property
    def value(self) -> float | None:
        """Per cent, to one decimal; 100 only when all are good; None: nothing was counted."""
        if not self.all:
            return None
        return 100.0 if self.good >= self.all else min(round(100 * self.good / self.all, 1), 99.9)

    @classmethod
    def sum(cls, shares: Iterable[Share]) -> Share:
        found = list(shares)
        return cls(sum(share.good for share in found), sum(share.all for share in found))


class Word(msgspec.Struct, frozen=True):
    """One of the four: its tile's name, label (Vietnamese, English), target, and what is counted of one source.

    `cause`: what the missing ones are called.
    """

    name: str
    label: tuple[str, str]
    target: float
    count: Callable[[Source], Share]
    cause: tuple[str, str]

    def share(self, sources: Sources, figures: Figures) -> Share:
        """What was counted over all sources, and over the figures shown."""
        shares = [self.count(item) for item in sources.values()]
        return Share.sum([*shares, _shown(figures)] if self.name == "dung" else shares)

    def work_out(self, sources: Sources, figures: Figures) -> Figure:
        """The word's tile."""
        good, all_ = share = self.share(sources, figures)
        parts = [{"label": self.cause[0], "label_en": self.cause[1], "value": all_ - good, "of": all_}]
        value, target = share.value, self.target
        level_ = level(value, target)
        return Figure(value, have=int(all_), target=target, level=level_, method="computed", parts=parts)


def level(value: float | None, target: float) -> Level | None:
    """good at or above the target, warn down to 10 points below it, else bad."""
    if value is None:
        return None
    return "good" if value >= target else "warn" if value >= target - 10 else "bad"


def scores(sources: Sources, figures: Figures) -> dict[str, dict[str, Any]]:
    """The words of each source, each sector and the province, by "source/<id>", "sector/<id>" and "all" (JSON-able).

    Each word is {"value", "good", "of", "level"}.
    """
    sectors: dict[str, dict[str, Source]] = {}
    for name, item in sources.items():
        if item.get("sector"):
            sectors.setdefault(item["sector"], {})[name] = item
    found = {ALL: _scored(sources, figures)}
    found |= {f"sector/{name}": _scored(own, {}) for name, own in sectors.items()}
    found |= {f"source/{name}": _scored({name: item}, {}) for name, item in sources.items()}
    return {name: {"id": name, **told} for name, told in found.items()}


def _scored(sources: Sources, figures: Figures) -> dict[str, Any]:
    told: dict[str, Any] = {"sources": sorted(sources)}
    for word in WORDS:
        share = word.share(sources, figures)
        value = share.value
        told[word.name] = {"value": value, "good": share.good, "of": share.all, "level": level(value, word.target)}
    return told


def _shown(figures: Figures) -> Share:
    shown = [figure for figure in figures.values() if figure.get("value") is not None]
    return Share(sum(not figure.get("other") for figure in shown), len(shown))


def _correct(item: Source) -> Share:
    passed = item["checks"]["passed"]
    return Share(passed, passed + len(item["checks"]["failed"]))


def _complete(item: Source) -> Share:
    owed = item["expect"]
    return Share(min(item["have"], owed), owed) if owed else Share(0, 0)


def _clean(item: Source) -> Share:
    return Share(item["have"], item["have"] + item["refused"])


def _alive(item: Source) -> Share:
    return Share(item["state"] == "live", 1)


CORRECT, COMPLETE, CLEAN, ALIVE = 98.0, 95.0, 97.0, 95.0
WORDS = (
    Word("dung", ("Đúng", "Correct"), CORRECT, _correct, ("phép kiểm trượt", "checks failed")),
    Word("du", ("Đủ", "Complete"), COMPLETE, _complete, ("bản ghi còn thiếu", "records missing")),
    Word("sach", ("Sạch", "Clean"), CLEAN, _clean, ("bản ghi để riêng", "records set aside")),
    Word("song", ("Sống", "Alive"), ALIVE, _alive, ("nguồn lỡ hẹn", "sources missed their due time")),
)
