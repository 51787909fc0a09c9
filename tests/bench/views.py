"""Load I: 100,000 things in a province, 10,000 moves a second, 500 tablets that each look at a part of it.

What goes out is compared with what all moves would be for all tablets. The processor time above that of nobody watching
is taken for views of 1 % and of 2 % of the area: it has to follow what is seen. The yardstick is the C loop that sends
the bytes of the 1 % run, at the same pace, to as many sockets.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from tests.bench import _load, _machine, _mover, _samples, _sides
from tests.bench._figures import Figures, Goal, How, Load, written

TABLETS, RATE = 500, 10_000
SHARES = (0.0, 0.01, 0.02)
FAR = [0.0, 0.0, 0.001, 0.001]
SPAN_S = 15
SETTLE_S = 4
"""The first moves are not measured: who moves things has yet to start."""
KEPT_UP = 0.95
SAYS = ("--path", "/ws", "--subproto", "ioc.v1", "--check", "--whole", "1", "--sub-text", '{"type":"hello"}')


def view(share: float, chance: random.Random) -> list[float]:
    """A square somewhere in the province that is `share` of it; 0: somewhere else."""
    if not share:
        return FAR
    side = math.sqrt(share) * _mover.SIDE
    west = _mover.WEST + chance.random() * (_mover.SIDE - side)
    south = _mover.SOUTH + chance.random() * (_mover.SIDE - side)
    return [round(west, 6), round(south, 6), round(west + side, 6), round(south + side, 6)]


def _watches(file: Path, share: float, tablets: int) -> Path:
    """A frame for each tablet, a line each."""
    chance = random.Random(3)
    lines = []
    for _ in range(tablets):
        looks = {"bbox": view(share, chance), "zoom": 12}
        lines.append(json.dumps({"type": "watch", "channels": [{"channel": "layer/bench", "view": looks}]}))
    file.write_text("\n".join(lines))
    return file


def _moving(where: _sides.Ports) -> Any:
    """Whatever moves, until it is ended."""
    command = [sys.executable, "-m", "tests.bench._mover", str(where.publisher), str(RATE)]
    return _machine.piped(command, _machine.cores()[1])


def once(how: How, share: float, *, sampled: bool = False) -> tuple[Figures, dict[str, Any]]:
    """One run with views of that share of the area, and what the sampled screens told."""
    tablets = 1 if not share else TABLETS // 10 if how.quick else TABLETS
    span = 3 if how.quick else SPAN_S
    where = _sides.ports()
    command = [sys.executable, "-m", "tests.bench._served", str(where.screens), str(where.publisher), "--province"]
    log = how.folder / f"server-{where.screens}.log"
    watches = _watches(how.folder / "watches", share, tablets)
    words = ["--n", tablets, "--settle", SETTLE_S, "--duration", span, "--stall", span + 5, "--sub-lines", watches]
    with (
        _machine.running(command, _machine.cores()[0], log, where) as process,
        _samples.sampling(how, where.screens, sampled, watches) as samples,
        _load.connected(how.folder, where.screens, [*words, *SAYS], pids=_machine.tree(process)) as measured,
    ):
        mover = _moving(where)
        try:
            told = measured()
        finally:
            mover.terminate()
            mover.communicate(timeout=10)
    return {
        "tablets": told["ok"], "cpu_percent": told["cpu_pct"], "p99_ms": told["lat_ms"]["p99"],
        "items_per_s": told["events"] / told["span"], "mb_per_s": told["bytes"] / told["span"] / 1e6,
        "frames_per_s": told["frames"] / told["span"], "dropped": told["dropped"], "broken": _load.broken(told),
        "seen": told["events"] / told["span"] / max(1.0, RATE * share * tablets),
    }, samples  # fmt: skip


def _copied(how: How, like: Figures) -> Figures:
    """The C loop, sending as many bytes in as many frames as the run was that it is compared with."""
    tablets, span = TABLETS // 10 if how.quick else TABLETS, 3 if how.quick else SPAN_S
    pace = max(1.0, like["frames_per_s"] / tablets)
    size = max(64, round(like["mb_per_s"] * 1e6 / tablets / pace))
    where = _sides.ports()
    log = how.folder / f"server-{where.screens}.log"
    _, sent = _sides.yardsticks()
    command = sent.command(where, how.folder, {})
    with _machine.running(command, _machine.cores()[0], log, where) as process:
        words = ["--n", tablets, *sent.feed(where, size), "--pub-size", size, "--pub-rate", pace]
        told = _load.load(how.folder, where.screens, [*words, "--duration", span], pids=_machine.tree(process))
    return {
        "tablets": told["ok"], "cpu_percent": told["cpu_pct"], "p99_ms": told["lat_ms"]["p99"],
        "mb_per_s": told["bytes"] / told["span"] / 1e6, "frames_per_s": told["frames"] / told["span"],
    }  # fmt: skip


def all_to_all() -> float:
    """MB/s that all moves would be for one tablet that sees everything: an item's mean size times the rate."""
    sample = [len(body) + len(name) + 24 for name, body in list(_mover.items())[:2000]]
    return sum(sample) / len(sample) * RATE / 1e6


def measure(names: Sequence[str], how: How) -> list[Load]:
    """Nobody looking, views of 1 % and of 2 %, and the yardstick, in turn."""
    labels = {0.0: "ioc, nobody sees", 0.01: "ioc, views of 1 %", 0.02: "ioc, views of 2 %"}
    runs: dict[str, list[Figures]] = {labels[share]: [] for share in (0.01, 0.02, 0.0)}
    runs["C loop, the bytes of 1 %"] = []
    noise = []
    for rep in range(how.reps):
        for share in SHARES if rep % 2 == 0 else SHARES[::-1]:
            noise.append(_machine.noise_ms(_machine.cores()[0]))
            got, _ = once(how, share)
            runs[labels[share]].append(got)
            say = f"{got['cpu_percent']:.0f} % CPU, {got['mb_per_s']:.2f} MB/s, p99 {got['p99_ms']:.0f} ms"
            print(f"  I {rep + 1}/{how.reps} {labels[share]}: {say}", file=sys.stderr, flush=True)
        runs["C loop, the bytes of 1 %"].append(_copied(how, runs[labels[0.01]][-1]))
    got, samples = once(how, 0.01, sampled=True)
    breaks = got["broken"] + samples["breaks"] + sum(run.get("broken", 0) for run in chain(*runs.values()))
    none, one, two = (runs[labels[share]] for share in SHARES)
    everything = all_to_all()
    ratios = {
        "equal": [_samples.share(samples)],
        "breaks": [breaks],
        # who does not keep up sends and spends what it can: that tells nothing
        "times_less": [everything * run["tablets"] / run["mb_per_s"] for run in one if run["seen"] > KEPT_UP],
        "seen": [run["seen"] for run in one],
        "twice_seen": [
            (b["cpu_percent"] - z["cpu_percent"]) / (a["cpu_percent"] - z["cpu_percent"])
            for z, a, b in zip(none, one, two, strict=True)
            if min(a["seen"], b["seen"]) > KEPT_UP and b["cpu_percent"] > a["cpu_percent"] > z["cpu_percent"]
        ],
    }
    word = f"All moves to all tablets would be {written(everything * one[0]['tablets'])} MB/s."
    return [
        Load(
            name="I", say=f"{_mover.THINGS:,} things, {RATE:,} moves/s, {TABLETS} tablets that see 1 % each",
            yardstick="C loop, the bytes of 1 %",
            goals=(
                Goal("times_less", 20, "Bytes of all moves to all tablets, × those that went out", least=True),
                Goal("seen", KEPT_UP, "Moves that the tablets saw, of those in their views", least=True),
                *_samples.GOALS,
                Goal("twice_seen", 2.5, "CPU above nobody seeing: that of 2 % views, × that of 1 %"),
            ),
            columns={"cpu_percent": "CPU %", "mb_per_s": "MB/s", "items_per_s": "items/s", "p99_ms": "p99 ms",
                     "seen": "of those in view", "dropped": "let go", "broken": "chain broken"},
            quick=how.quick, runs=runs, ratios=ratios, noise_ms=noise, words=[word, _samples.word(samples)],
            told={"all_to_all_mb_per_s": everything * one[0]["tablets"], **_samples.fields(samples)},
        )
    ]  # fmt: skip
