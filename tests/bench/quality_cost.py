"""What quality costs: load B while the channel's quality is another each second, beside the same while it stands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import _load, _machine, _sides
from tests.bench._figures import Figures, Goal, How, Load
from tests.bench._sides import Ports, Side

SCREENS, SIZE, ITEMS = 1000, 2048, 20
MOVING, STILL = "quality moves", "quality stands still"
GOALS = (
    Goal("bytes_ratio", 1.05, "Bytes on the wire, × those while quality stands still"),
    Goal("cpu_ratio", 1.10, "CPU of the web process, × that while quality stands still"),
    Goal("lost", 0, "Messages that did not arrive"),
)


def _side(name: str, *words: str) -> Side:
    def command(where: Ports, folder: Path, load: dict[str, Any]) -> list[str]:
        return [*_sides.OURS.command(where, folder, load), "--sourced", *words]

    return _sides.OURS._replace(name=name, command=command)


def _once(how: How, side: Side) -> Figures:
    where = _sides.ports()
    log = how.folder / f"server-{where.screens}.log"
    command = side.command(where, how.folder, {"items": ITEMS, "size": SIZE})
    messages = 30 if how.quick else 200
    with _machine.running(command, _machine.cores()[0], log, where) as process:
        words = ["--n", SCREENS // 10 if how.quick else SCREENS, "--pub-size", SIZE, "--warmup", 5, "--pub-rate", 10]
        words += ["--messages", messages, "--drain", 5, *side.feed(where, SIZE), *side.says]
        told = _load.load(how.folder, where.screens, words, pids=_machine.tree(process))
    return {
        "cpu_us": told["cpu_us_per_event"], "bytes": told["bytes"] / max(1, told["events"]),
        "p99_ms": told["lat_ms"]["p99"], "lost": told["expected"] - told["events"], "broken": _load.broken(told),
    }  # fmt: skip


def measure(names: Sequence[str], how: How) -> list[Load]:
    """The two, in turn the other way round."""
    sides = [_side(MOVING, "--moving"), _side(STILL)]
    runs: dict[str, list[Figures]] = {MOVING: [], STILL: []}
    noise = []
    for rep in range(how.reps):
        for side in sides if rep % 2 == 0 else sides[::-1]:
            noise.append(_machine.noise_ms(_machine.cores()[0]))
            runs[side.name].append(_once(how, side))
        print(f"  quality {rep + 1}/{how.reps}", file=sys.stderr, flush=True)
    pairs = list(zip(runs[MOVING], runs[STILL], strict=True))
    ratios = {
        "bytes_ratio": [moving["bytes"] / still["bytes"] for moving, still in pairs],
        "cpu_ratio": [moving["cpu_us"] / still["cpu_us"] for moving, still in pairs],
        "lost": [moving["lost"] + still["lost"] for moving, still in pairs],
    }
    columns = {"cpu_us": "CPU µs/message", "bytes": "B/message", "p99_ms": "p99 ms", "lost": "lost"}
    say = f"2 KB at 10/s to {SCREENS:,} screens, the quality of their channel another each second"
    return [
        Load(
            name="quality", say=say, yardstick=STILL, goals=GOALS, columns=columns, quick=how.quick, runs=runs,
            ratios=ratios, noise_ms=noise,
        )
    ]  # fmt: skip
