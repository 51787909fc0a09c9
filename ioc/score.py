"""The four words, measured: đúng, đủ, sạch, sống (guidance 1709/BKHCN-CĐSQG, 21 May 2025).

Pure functions of the sources.

First form, 0 to 100, over all sources of the settings:

- đúng (correct) = 100 × checks passed / checks made: those of the sources' last answers, and one for each figure shown
  in total: no other source says otherwise;
- đủ (complete) = 100 × Σ min(have, expect) / Σ expect, over the sources whose contract names what is expected;
- sạch (clean) = 100 × (1 − set aside / (have + set aside)), of the records in the last answers;
- sống (alive) = 100 × sources that are live / all sources.

There is no mean of the four: a mean hides the bad one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ioc.layer import Figure, Level

Sources = Mapping[str, Mapping[str, Any]]
"""Items of the channel `sources`, by id (see `ioc.contract.source_item`)."""
Figures = Mapping[str, Mapping[str, Any]]
"""The total of each tile, by its name (see `ioc.run.figures.wire`); `other` holds the figures that disagree with it."""


class Word(msgspec.Struct, frozen=True):
    """One of the four: its tile's name, label (Vietnamese, English), target, and how it is worked out."""

    name: str
    label: tuple[str, str]
    target: float
    work_out: Callable[[Sources, Figures], Figure]


def _share(good: float, all_: float) -> float | None:
    """Per cent, to one decimal; 100 only when all are good."""
    if not all_:
        return None
    return 100.0 if good >= all_ else min(round(100 * good / all_, 1), 99.9)


def level(value: float | None, target: float) -> Level | None:
    """good at or above the target, warn down to 10 points below it, else bad."""
    if value is None:
        return None
    return "good" if value >= target else "warn" if value >= target - 10 else "bad"


def _figure(good: float, all_: float, target: float, cause: tuple[str, str], count: float) -> Figure:
    value = _share(good, all_)
    parts = [{"label": cause[0], "label_en": cause[1], "value": count, "of": all_}]
    return Figure(value, have=int(all_), target=target, level=level(value, target), method="computed", parts=parts)


def _correct(sources: Sources, figures: Figures) -> Figure:
    shown = [figure for figure in figures.values() if figure.get("value") is not None]
    disputed = sum(bool(figure.get("other")) for figure in shown)
    failed = disputed + sum(len(item["checks"]["failed"]) for item in sources.values())
    passed = len(shown) - disputed + sum(item["checks"]["passed"] for item in sources.values())
    cause = ("phép kiểm trượt", "checks failed")
    return _figure(passed, passed + failed, CORRECT, cause, failed)


def _complete(sources: Sources, figures: Figures) -> Figure:
    owing = [item for item in sources.values() if item["expect"]]
    expect = sum(item["expect"] for item in owing)
    have = sum(min(item["have"], item["expect"]) for item in owing)
    return _figure(have, expect, COMPLETE, ("bản ghi còn thiếu", "records missing"), expect - have)


def _clean(sources: Sources, figures: Figures) -> Figure:
    aside = sum(item["refused"] for item in sources.values())
    have = sum(item["have"] for item in sources.values())
    return _figure(have, have + aside, CLEAN, ("bản ghi để riêng", "records set aside"), aside)


def _alive(sources: Sources, figures: Figures) -> Figure:
    live = sum(item["state"] == "live" for item in sources.values())
    return _figure(live, len(sources), ALIVE, ("nguồn lỡ hẹn", "sources missed their due time"), len(sources) - live)


CORRECT, COMPLETE, CLEAN, ALIVE = 98.0, 95.0, 97.0, 95.0
WORDS = (
    Word("dung", ("Đúng", "Correct"), CORRECT, _correct),
    Word("du", ("Đủ", "Complete"), COMPLETE, _complete),
    Word("sach", ("Sạch", "Clean"), CLEAN, _clean),
    Word("song", ("Sống", "Alive"), ALIVE, _alive),
)
