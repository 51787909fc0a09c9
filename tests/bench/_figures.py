"""Figures and goals: medians with their spread, a table for people, and one object for machines."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

Figures = Mapping[str, float]
"""What one run gave, by name."""


class How(NamedTuple):
    """How to measure. `folder`: for what is made on the way. `minutes`: of the long loads; 0: short."""

    folder: Path
    reps: int = 3
    quick: bool = False
    minutes: float = 0.0
    peers: tuple[str, ...] = ()


class Goal(NamedTuple):
    """A figure of ours that has to be `limit` at most (`least`: at least); `say`: what it is, in words."""

    field: str
    limit: float
    say: str
    least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.limit if self.least else value <= self.limit


class Load(msgspec.Struct, kw_only=True):
    """One load and what came of it. `runs`: by server, in order; `ratios`: one of each repetition, by field.

    `told`: more fields for machines, and `words`: more sentences for people.
    """

    name: str
    say: str
    yardstick: str
    goals: tuple[Goal, ...]
    columns: Mapping[str, str]
    runs: dict[str, list[Figures]]
    quick: bool = False
    ratios: dict[str, list[float]] = {}
    noise_ms: Sequence[float] = ()
    foreign: Sequence[float] = ()
    told: dict[str, Any] = {}
    words: Sequence[str] = ()


def median(values: Iterable[float]) -> float:
    found = list(values)
    return statistics.median(found) if found else float("nan")


def spread(values: Sequence[float]) -> str:
    """The median, and the least and the most beside it where there are several."""
    if not values:
        return "–"
    one = written(median(values))
    return one if len(values) == 1 else f"{one} ({written(min(values))}–{written(max(values))})"


def written(value: float) -> str:
    """A figure with as many digits as it is worth."""
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 20 else f"{value:.2f}"


def ours(load: Load, field: str) -> list[float]:
    """Our values of a field: of the ratios, or of the runs of the first server."""
    if field in load.ratios:
        return load.ratios[field]
    return [run[field] for run in next(iter(load.runs.values())) if field in run]


def judged(load: Load) -> list[dict[str, Any]]:
    """Every goal with the median and spread that came of it; a goal without a value is not met."""
    found = []
    for goal in load.goals:
        values = ours(load, goal.field)
        value = median(values)
        found.append(
            {"field": goal.field, "limit": goal.limit, "least": goal.least,
             "value": round(value, 4) if values else None,
             "least_seen": min(values, default=None), "most_seen": max(values, default=None),
             "met": bool(values) and goal.met(value)}
        )  # fmt: skip
    return found


def table(load: Load | dict[str, Any]) -> str:
    """The load as people read it: a row for each server, then each goal in words. Older figures: one line."""
    if isinstance(load, dict):
        return f"{load['name']}: " + ", ".join(f"{field} {value}" for field, value in load.items() if field != "name")
    rows = [["", *load.columns.values()]]
    for server, runs in load.runs.items():
        cells = [spread([run[field] for run in runs if field in run]) for field in load.columns]
        rows.append([server, *cells])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [f"{load.name}. {load.say}{'; QUICK: a part of that load, which tells nothing' if load.quick else ''}"]
    for row in rows:
        lines.append("   " + "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]))
    for goal, found in zip(load.goals, judged(load), strict=True):
        limit = f"{'≥' if goal.least else '≤'} {written(goal.limit)}"
        verdict = "the goal is met" if found["met"] else "THE GOAL IS MISSED"
        lines.append(f"   {goal.say}: {spread(ours(load, goal.field))}; the goal is {limit}; {verdict}.")
    lines += [f"   {word}" for word in load.words]
    if load.noise_ms:
        foreign = f"; others took {spread(load.foreign)} % of a core meanwhile" if load.foreign else ""
        lines.append(f"   Noise: a fixed loop on the server's core took {spread(load.noise_ms)} ms{foreign}.")
    return "\n".join(lines)


def told(load: Load | dict[str, Any]) -> dict[str, Any]:
    """The load as machines read it: our medians under the names that all loads share, then the rest."""
    if isinstance(load, dict):
        return load
    found: dict[str, Any] = {"name": load.name}
    for field in ("events_per_s", "p99_ms", "kib_per_screen"):
        if values := ours(load, field):
            found[field] = round(median(values), 4)
    for field, values in load.ratios.items():
        if not values:
            continue
        found[field] = round(median(values), 4)
        if len(values) > 1:
            found[f"{field}_spread"] = [round(min(values), 4), round(max(values), 4)]
    first = next(iter(load.runs.values()))
    for field in ("lost", "broken"):
        if field not in found and any(field in run for run in first):
            found[field] = int(sum(run.get(field, 0) for run in first))
    goals = judged(load)
    servers = {
        server: {field: round(median(run[field] for run in runs if field in run), 4) for field in runs[0]}
        for server, runs in load.runs.items()
        if runs
    }
    return {
        **found, **load.told, "say": load.say, "yardstick": load.yardstick, "quick": load.quick, "goals": goals,
        "met": all(goal["met"] for goal in goals), "reps": len(first), "servers": servers,
        "noise_ms": [round(value, 1) for value in load.noise_ms],
        "foreign_percent": [round(value, 1) for value in load.foreign],
    }  # fmt: skip
