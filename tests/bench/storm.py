"""Load H: 10,000 screens come at once to a layer of 5,000 items, while 100 others stay and are told something.

The crowd says hello and watches in one moment, and comes back when it is asked to, after the time that it is told, with
jitter. A screen is served when every part of its picture is there. The crowd offers compression, as browsers do.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import chain
from typing import Any

from tests.bench import _load, _machine, _samples, _sides
from tests.bench._figures import Figures, Goal, How, Load, written
from tests.bench._sides import Side

CROWD, STAYING = 10_000, 100
ITEMS, SIZE = 5000, 250
RAMP_S, LIMIT_S = 120, 180


def _staying(how: How, where: _sides.Ports, side: Side, pids: Sequence[int]) -> subprocess.Popen[str]:
    """Screens that stay, told something ten times a second until they are ended."""
    words = [
        _load.compiled("wsload", how.folder), "--port", where.screens, "--n", STAYING, "--pub-size", SIZE,
        "--pub-rate", 10, "--duration", LIMIT_S * 2, "--stall", LIMIT_S, "--pids", ",".join(map(str, pids)),
        *side.feed(where, SIZE), *side.says,
    ]  # fmt: skip
    return _machine.piped(list(map(str, words)), _machine.cores()[1])


def once(how: How, side: Side, whole: Sequence[str], *, sampled: bool = False) -> tuple[Figures, dict[str, Any]]:
    """One storm, and what the sampled screens told; `whole`: the words that make the client wait for the picture."""
    crowd = CROWD // 10 if how.quick else CROWD
    where = _sides.ports()
    command = side.command(where, how.folder, {"items": ITEMS, "size": SIZE})
    log = how.folder / f"server-{where.screens}.log"
    with _machine.running(command, _machine.cores()[0], log, where) as process:
        pids = _machine.tree(process)
        before = _machine.spent_s(process)
        with _samples.sampling(how, where.screens, sampled) as samples:
            staying = _staying(how, where, side, pids)
            try:
                time.sleep(2)
                words = ["--n", crowd, "--pending", crowd, "--retry", "--ramp", RAMP_S]
                words += ["--settle", 0, "--duration", 0.1, *whole]
                came: dict[str, Any] = _load.load(how.folder, where.screens, words, pids=pids, limit_s=LIMIT_S)
            finally:
                staying.terminate()
                told, _ = staying.communicate(timeout=20)
        spent = _machine.spent_s(process) - before
    stayed = json.loads(told.splitlines()[-1])
    lost = stayed["expected"] - stayed["events"]
    return {
        "whole_s": came["connect_s"], "served": came["ok"], "picture_p50_s": came["picture_ms"]["p50"] / 1000,
        "p99_ms": stayed["lat_ms"]["p99"], "worst_ms": stayed["lat_ms"]["max"], "lost": lost if lost > STAYING else 0,
        "dropped": stayed["dropped"], "refused": came["refused"] + came["chain"]["byes"], "retries": came["retries"],
        "mb": came["picture_bytes"] / 1e6, "cpu_s": spent, "missing": crowd - came["ok"],
        "broken": _load.broken(came) + _load.broken(stayed),
    }, samples  # fmt: skip


def measure(names: Sequence[str], how: How) -> list[Load]:
    """Storms on our server, with and without compression, and on the C loop that sends a ready picture."""
    shown = Side("C loop, ready picture", _sides.c("send", str(ITEMS), str(SIZE)))
    picture = ("--check", "--whole", "1")
    sides = [("ioc", _sides.OURS, (*_load.SCREEN, "--deflate")), ("ioc, nothing compressed", _sides.OURS, _load.SCREEN)]
    sides.append((shown.name, shown, picture))
    runs: dict[str, list[Figures]] = {name: [] for name, _, _ in sides}
    noise = []
    for rep in range(how.reps):
        for name, side, words in sides if rep % 2 == 0 else sides[::-1]:
            noise.append(_machine.noise_ms(_machine.cores()[0]))
            got, _ = once(how, side, words)
            runs[name].append(got)
            say = f"all in {got['whole_s']:.1f} s, the others' p99 {got['p99_ms']:.0f} ms"
            print(f"  H {rep + 1}/{how.reps} {name}: {say}", file=sys.stderr, flush=True)
    for got in runs[shown.name]:
        assert isinstance(got, dict)
        del got["broken"]
    got, samples = once(how, _sides.OURS, (*_load.SCREEN, "--deflate"), sampled=True)
    breaks = got["broken"] + samples["breaks"] + sum(run.get("broken", 0) for run in chain(*runs.values()))
    plain = runs["ioc, nothing compressed"]
    best = min(plain, key=lambda run: (run["missing"], run["whole_s"]))
    word = (
        f"Nothing compressed: {best['missing']:,.0f} without their picture after {written(best['whole_s'])} s at best."
    )
    return [
        Load(
            name="H", say=f"{CROWD:,} screens come at once to {ITEMS:,} items of {SIZE} B, {STAYING} others stay",
            yardstick=shown.name,
            goals=(
                Goal("whole_s", 15, "Seconds until all have their picture"),
                Goal("p99_ms", 500, "p99 of those who stayed, ms"),
                Goal("missing", 0, "Screens that did not get their picture"),
                *_samples.GOALS,
            ),
            columns={"whole_s": "s to all", "picture_p50_s": "s to half", "p99_ms": "p99 of others, ms",
                     "worst_ms": "worst, ms", "refused": "turned away", "mb": "MB", "cpu_s": "CPU s",
                     "dropped": "let go", "broken": "chain broken"},
            quick=how.quick, runs=runs, noise_ms=noise, words=[word, _samples.word(samples)],
            ratios={"equal": [_samples.share(samples)], "breaks": [breaks]}, told=_samples.fields(samples),
        )
    ]  # fmt: skip
