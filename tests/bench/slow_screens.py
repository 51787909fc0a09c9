"""Load G: 200 screens that read 1 KB/s beside 800 that read at once; what the slow cost the quick, and what they see.

Pairs, one run with the slow ones and one without, in turn the other way round. One longer run tells how old the picture
of a slow reader becomes, against what the buffers between the server and it hold; beside another without them, what
each costs the server in memory. (Both grow: a mirror keeps its last 4,096 steps, and those are not there yet.)
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench import _load, _machine, _samples, _sides
from tests.bench._figures import Figures, Goal, How, Load, median, written
from tests.bench._sides import Side

SLOW, QUICK = 200, 800
RATE = 1024
PAIRS = 5
AGE_S = 120
SIZE, ITEMS = 2048, 20
SLOW_FROM = "FA"
"""How /proc/net/tcp begins an address that ends in .250."""
WITH, WITHOUT = "ioc, with slow ones", "ioc, without"
GOALS = (
    Goal("p99_ratio", 1.5, "p99 of the quick ones, × that without slow ones"),
    Goal("kib_per_slow", 64, "KiB by which a slow reader makes the server grow, beyond the run without"),
    Goal("age_of_bound", 1.0, "Age of what a slow reader is brought, × what its buffers take to read"),
    *_samples.GOALS,
)
COLUMNS = {"p99_ms": "p99 ms", "cpu_percent": "CPU %", "lost": "lost", "dropped": "let go", "broken": "chain broken"}
FRAME = 64 * 1024
"""Bytes of the largest frame: one that was begun is sent to its end."""


def held(table: str, port: int) -> int:
    """Most bytes that the kernel holds for one slow connection of the server at `port`: not yet read, or not yet sent.

    `table`: what /proc/net/tcp says. Both ends are on this machine; the load client's slow ones come from 127.x.y.250.
    """
    found: dict[str, int] = {}
    for row in table.splitlines()[1:]:
        _, local, remote, _, queues, *_ = row.split()
        sent, received = (int(part, 16) for part in queues.split(":"))
        if remote.startswith(SLOW_FROM) and int(local.rpartition(":")[2], 16) == port:
            found[remote] = found.get(remote, 0) + sent
        elif local.startswith(SLOW_FROM) and int(remote.rpartition(":")[2], 16) == port:
            found[local] = found.get(local, 0) + received
    return max(found.values(), default=0)


@contextmanager
def _watched(port: int) -> Iterator[list[int]]:
    """Looks once a second how much the kernel holds."""
    seen, over = [0], threading.Event()

    def look() -> None:
        table = Path("/proc/net/tcp")
        while table.is_file() and not over.wait(1):
            seen.append(held(table.read_text(), port))

    watching = threading.Thread(target=look, daemon=True)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()


class Run(NamedTuple):
    """What the load client told, the most bytes that the kernel held for one screen, what the sampled screens told."""

    told: dict[str, Any]
    kernel: int
    samples: dict[str, Any]


def _once(how: How, side: Side, slow: int, words: Sequence[object], *, sampled: bool = False) -> Run:
    """One run against that server."""
    quick = QUICK // 10 if how.quick else QUICK
    where = _sides.ports()
    command = side.command(where, how.folder, {"items": ITEMS, "size": SIZE})
    log = how.folder / f"server-{where.screens}.log"
    with _machine.running(command, _machine.cores()[0], log, where) as process, _watched(where.screens) as seen:
        own = ["--n", quick + slow, "--slow", slow, "--slow-rate", RATE, "--pub-size", SIZE, "--pub-rate", 10]
        own += ["--warmup", 5, *side.feed(where, SIZE), *side.says, *words]
        with _samples.sampling(how, where.screens, sampled) as samples:
            told = _load.load(how.folder, where.screens, own, pids=_machine.tree(process), limit_s=AGE_S + 120)
    return Run(told, max(seen), samples)


def _figures(told: dict[str, Any], checked: bool) -> Figures:
    found = {
        "p99_ms": told["lat_ms"]["p99"], "cpu_percent": told["cpu_pct"],
        "lost": told["expected"] - told["events"], "dropped": told["dropped"],
    }  # fmt: skip
    return {**found, "broken": _load.broken(told)} if checked else found


def _pairs(how: How, slow: int) -> tuple[dict[str, list[Figures]], list[float]]:
    """The pairs and the yardstick's own, and the noise."""
    short = ["--messages", 20 if how.quick else 100]
    pairs = 1 if how.quick else max(PAIRS, how.reps)
    runs: dict[str, list[Figures]] = {WITH: [], WITHOUT: []}
    noise = []
    for rep in range(pairs):
        for count in (slow, 0) if rep % 2 == 0 else (0, slow):
            noise.append(_machine.noise_ms(_machine.cores()[0]))
            got = _figures(_once(how, _sides.OURS, count, short).told, True)
            runs[WITH if count else WITHOUT].append(got)
            print(f"  G {rep + 1}/{pairs} {count} slow: p99 {got['p99_ms']:.1f} ms", file=sys.stderr, flush=True)
    runs["C loop, without"] = [_figures(_once(how, _sides.SENT, 0, short).told, False)]
    return runs, noise


def measure(names: Sequence[str], how: How) -> list[Load]:
    """The pairs, the yardstick's own, and the long run."""
    slow = SLOW // 10 if how.quick else SLOW
    runs, noise = _pairs(how, slow)
    long = ["--duration", 25 if how.quick else AGE_S]
    told, kernel, samples = _once(how, _sides.OURS, slow, long, sampled=True)
    alone = _once(how, _sides.OURS, 0, long, sampled=True).told
    (settled, after), before = told["rss_kb"][1:3], alone["rss_kb"][1:3]
    age, until = told["age_ms"], told["shown_ms"]["max"] / 1000
    half, most, bound = age["p50"] / 1000, age["max"] / 1000, (kernel + FRAME) / RATE
    ratios: dict[str, list[float]] = {
        "p99_ratio": [w["p99_ms"] / o["p99_ms"] for w, o in zip(runs[WITH], runs[WITHOUT], strict=True)],
        "kib_per_slow": [max(0.0, ((after - settled) - (before[1] - before[0])) / slow)],
        "equal": [_samples.share(samples)],
        "breaks": [_load.broken(told) + samples["breaks"] + sum(run["broken"] for run in runs[WITH] + runs[WITHOUT])],
        # nothing that was brought whole has no age
        "age_of_bound": [most / bound] if age["n"] else [],
    }
    words = [
        _samples.word(samples),
        f"A slow reader is brought a picture {written(half)} s old ({written(most)} s at most), and shows it until it "
        f"is {written(until)} s old at most.",
        f"The kernel held {kernel / 1024:.0f} KiB for one; with a frame of 64 KiB that takes {bound:.0f} s to read.",
        f"The server had {settled / 1024:.1f} MiB before, {after / 1024:.1f} MiB after {told['span']:.0f} s; without "
        f"slow ones {before[0] / 1024:.1f} and {before[1] / 1024:.1f}.",
    ]
    extra = {
        **_samples.fields(samples),
        "age_s": most, "shown_s": until, "bound_s": round(bound, 1), "slow_pictures": age["n"],
        "kernel_kib": kernel // 1024, "rss_kib": [settled, after],
        "rss_without_kib": before, "slow_bytes": told["slow_bytes"],
        "without_p99_ms": median(run["p99_ms"] for run in runs[WITHOUT]),
    }  # fmt: skip
    say = f"2 KB at 10/s to {QUICK} screens, beside {SLOW} that read {RATE} B/s"
    return [
        Load(
            name="G", say=say, yardstick=WITHOUT, goals=GOALS, columns=COLUMNS, quick=how.quick, runs=runs,
            ratios=ratios, noise_ms=noise, told=extra, words=words,
        )
    ]  # fmt: skip
