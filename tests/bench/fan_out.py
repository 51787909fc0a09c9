"""Loads A to D: what a delivered message, and a screen, costs, beside a C loop and what others run.

One publisher, many screens, loopback: the server on one core, screens and publisher on another. Every server gets the
same messages; ours makes each of them an item of a board, and tells its screens where they stand. In every repetition
the servers follow one another, so that a ratio is of two runs that are seconds apart.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.bench import _load, _machine, _samples, _sides
from tests.bench._figures import Figures, Goal, How, Load
from tests.bench._sides import Side

SETTLED = {"lost": "lost", "broken": "chain broken"}
CPU = {"cpu_us": "CPU µs/message", "events_per_s": "messages/s", "p99_ms": "p99 ms", **SETTLED}


class Shape(NamedTuple):
    """One load. `size` and `batch`: bytes of a message, messages that are published together; `items`: of our board."""

    say: str
    screens: int
    size: int
    words: tuple[object, ...]
    short: tuple[object, ...]
    items: int
    goals: tuple[Goal, ...]
    columns: Mapping[str, str]
    merged: bool = False
    batch: int = 1


SHAPES = {
    "A": Shape(
        "256 B to 1,000 screens, 8 in flight, each another item",
        1000, 256,
        ("--warmup", 20, "--max-frames", 500_000, "--duration", 8),
        ("--warmup", 20, "--max-frames", 50_000, "--duration", 2),
        500,
        (Goal("cpu_ratio", 1.4, "CPU per delivered message, × {yardstick}"),),
        CPU, merged=True,
    ),
    "B": Shape(
        "2 KB at 10/s to 1,000 screens",
        1000, 2048,
        ("--warmup", 5, "--pub-rate", 10, "--messages", 100),
        ("--warmup", 5, "--pub-rate", 10, "--messages", 10),
        20,
        (
            Goal("cpu_ratio", 1.5, "CPU per delivered message, × {yardstick}"),
            Goal("p99_ratio", 1.6, "p99 from publisher to screen, × {yardstick}"),
        ),
        CPU,
    ),
    "C": Shape(
        "10,000 idle screens, then 256 B at 1/s to all of them",
        10_000, 256,
        ("--settle", 2, "--pub-rate", 1, "--messages", 5, "--drain", 10, "--pending", 64),
        ("--settle", 2, "--pub-rate", 1, "--messages", 2, "--drain", 10, "--pending", 64),
        8,
        (
            Goal("kib_per_screen", 6, "KiB resident per screen"),
            Goal("connect_ratio", 6, "CPU to connect, × {yardstick}"),
            Goal("p99_ratio", 1.3, "p99 of a message to all, × {yardstick}"),
        ),
        {"kib_per_screen": "KiB/screen", "open_us": "CPU µs to connect", "connect_us": "with the picture",
         "connects_per_s": "pictures/s", "p99_ms": "p99 ms", **SETTLED},
    ),
    "D": Shape(
        "100 events of 255 B together, 10 times a second, 1,000 screens",
        1000, 255,
        ("--warmup", 300, "--pub-rate", 10, "--messages", 3000, "--pub-batch", 100),
        ("--warmup", 300, "--pub-rate", 10, "--messages", 1000, "--pub-batch", 100),
        1000,
        (Goal("cpu_ratio", 1.3, "CPU per delivered event, × {yardstick}"),),
        CPU, batch=100,
    ),
}  # fmt: skip
OPENED = 4000
"""Connections that are opened to see what one costs; each counts as a stranger until it says hello."""
QUICK = {1000: 100, 10_000: 2000}
"""Screens of a quick run."""


def figures(told: dict[str, Any], checked: bool) -> Figures:
    """What the load client told of one run, under the names of the table."""
    screens = max(1, told["ok"])
    found = {
        "screens": float(told["ok"]),
        "cpu_us": told["cpu_us_per_event"],
        "cpu_percent": told["cpu_pct"],
        "events_per_s": told["events_per_s"],
        "p50_ms": told["lat_ms"]["p50"],
        "p99_ms": told["lat_ms"]["p99"],
        "kib_per_screen": (told["rss_kb"][1] - told["rss_kb"][0]) / screens,
        "connect_us": told["conn_cpu_us"],
        "connects_per_s": told["conn_per_s"],
        "client_percent": told["client_cpu_pct"],
        "lost": told["expected"] - told["events"] + (told["n"] - told["ok"]) * told["published"],
    }
    return {**found, "broken": _load.broken(told)} if checked else found


class Run(NamedTuple):
    """One run: its figures, the percent of a core that others took meanwhile, and what the sampled screens told."""

    figures: Figures
    foreign: float
    samples: dict[str, Any]


def once(how: How, side: Side, shape: Shape, *, sampled: bool = False) -> Run:
    """One run of one server in a process of its own; `sampled`: with screens beside that keep what they are told."""
    server, _ = _machine.cores()
    screens = QUICK.get(shape.screens, shape.screens) if how.quick else shape.screens
    where = _sides.ports()
    command = side.command(where, how.folder, {"items": shape.items, "size": shape.size})
    log = how.folder / f"server-{where.screens}.log"
    with _machine.running(command, server, log, where) as process:
        feed = side.feed(where, shape.size * shape.batch + shape.batch - 1)
        words = ["--n", screens, "--pub-size", shape.size, "--window", 8, "--drain", 5, *feed, *side.says]
        words += shape.short if how.quick else shape.words
        before, began = _machine.busy_s(), time.monotonic()
        spent = _machine.spent_s(process)
        with _samples.sampling(how, where.screens, sampled) as samples:
            told = _load.load(how.folder, where.screens, words, pids=_machine.tree(process))
        took = time.monotonic() - began
        mine = _machine.spent_s(process) - spent + told["client_s"]
        foreign = max(0.0, _machine.busy_s() - before - mine)
    if told["err"]:
        print(f"  {side.name}: {told['err']}", file=sys.stderr)
    return Run(figures(told, side is _sides.OURS and bool(told["checked"])), 100 * foreign / took, samples)


def opened(how: How, side: Side) -> float:
    """CPU µs of the server for a connection that is opened and says nothing yet, which is all that a C loop does."""
    where = _sides.ports()
    command = side.command(where, how.folder, {"items": 1, "size": 256})
    with _machine.running(command, _machine.cores()[0], how.folder / f"server-{where.screens}.log", where) as process:
        words = ["--n", 400 if how.quick else OPENED, "--pending", 64, "--settle", 0, "--duration", 0.1, *side.opens]
        told = _load.load(how.folder, where.screens, words, pids=_machine.tree(process))
    found: float = told["conn_cpu_us"]
    return found


def _sides_of(how: How, shape: Shape) -> tuple[Side, list[Side]]:
    """The yardstick of a load, and all who are measured, ours first."""
    merged, sent = _sides.yardsticks()
    yardstick, others = (merged, [sent]) if shape.merged else (sent, [])
    peers = [_sides.PEERS[name] for name in how.peers if _sides.here(name)]
    return yardstick, [_sides.OURS, yardstick, *others, *peers]


class Repeated(NamedTuple):
    """All timed runs of one load."""

    runs: dict[str, list[Figures]]
    noise: list[float]
    foreign: list[float]


def _repeat(name: str, shape: Shape, sides: Sequence[Side], how: How) -> Repeated:
    """The servers one after another, every repetition in the other direction than the one before."""
    found = Repeated({side.name: [] for side in sides}, [], [])
    for rep in range(how.reps):
        for side in sides if rep % 2 == 0 else sides[::-1]:
            found.noise.append(_machine.noise_ms(_machine.cores()[0]))
            run = once(how, side, shape)
            if "open_us" in shape.columns:
                run = run._replace(figures={**run.figures, "open_us": opened(how, side)})
            found.foreign.append(run.foreign)
            found.runs[side.name].append(run.figures)
            say = f"{run.figures['cpu_us']:.2f} µs, p99 {run.figures['p99_ms']:.1f} ms, others {run.foreign:.0f} %"
            print(f"  {name} {rep + 1}/{how.reps} {side.name}: {say}", file=sys.stderr, flush=True)
    return found


def _measure(name: str, how: How) -> Load:
    shape = SHAPES[name]
    yardstick, sides = _sides_of(how, shape)
    timed = _repeat(name, shape, sides, how)
    mine, its = timed.runs[sides[0].name], timed.runs[yardstick.name]
    ratios: dict[str, list[float]] = {}
    for ratio, field in (
        ("cpu_ratio", "cpu_us"), ("p99_ratio", "p99_ms"), ("connect_ratio", "open_us"), ("picture_ratio", "connect_us"),
    ):  # fmt: skip
        if field not in ("open_us", "connect_us") or name == "C":
            ratios[ratio] = [one[field] / other[field] for one, other in zip(mine, its, strict=True) if other[field]]
    # apart from the runs that are timed: a hundred screens in Python take a good part of the client's core
    extra = once(how, _sides.OURS, shape, sampled=True)
    every = [*mine, extra.figures]
    ratios["equal"] = [_samples.share(extra.samples)]
    ratios["breaks"] = [sum(run.get("broken", 0) for run in every) + extra.samples["breaks"]]
    ratios["lost"] = [sum(run["lost"] for run in every)]
    named = [goal._replace(say=goal.say.format(yardstick=yardstick.name)) for goal in shape.goals]
    goals = (*named, Goal("lost", 0, "Messages that did not arrive"), *_samples.GOALS)
    words = [_samples.word(extra.samples)]
    if name == "C":
        with_picture = sorted(ratios["picture_ratio"])[len(ratios["picture_ratio"]) // 2]
        words.append(f"With hello, watch and its picture a screen costs {with_picture:.1f} × the C loop's handshake.")
    if not _load.compiler():
        words.append(
            "No C compiler is here: yardstick and load client are in Python, and no chain of positions was read."
        )
    return Load(
        name=name, say=shape.say, yardstick=yardstick.name, columns=shape.columns, goals=goals, quick=how.quick,
        runs=timed.runs, ratios=ratios, noise_ms=timed.noise, foreign=timed.foreign,
        words=words, told=_samples.fields(extra.samples),
    )  # fmt: skip


def measure(names: Sequence[str], how: How) -> list[Load]:
    """These loads."""
    return [_measure(name, how) for name in names]
