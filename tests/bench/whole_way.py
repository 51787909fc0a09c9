"""Load E: from the log to 1,000 screens, through a projector and a web process, beside one Redis.

Ten channels of 500 events a second over 500 items each; each screen watches one. The marker is the moment before the
append. The last run is with 100 more screens that keep what they are told, and as long as `--minutes` says. The
yardstick reads the same stream and hands one channel's entries to the C loop, which sends them to 1,000 sockets: as
many deliveries, without boards, positions or pictures.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ioc import kv
from ioc.ports import free
from tests.bench import _load, _machine, _samples, _sides, _whole
from tests.bench._figures import Figures, Goal, How, Load, written

SCREENS = 1000
SPAN_S = 20
SAYS = ("--path", "/ws", "--subproto", "ioc.v1", "--check", "--whole", "1", "--sub-text", '{"type":"hello"}')


def _role(role: str, *words: object) -> list[str]:
    return [sys.executable, "-m", "tests.bench._whole", role, *map(str, words)]


def once(how: How, span: float, *, sampled: bool) -> tuple[Figures, dict[str, Any]]:
    """One run of the whole way; its figures, and what the sampling screens told."""
    screens, port = SCREENS // 10 if how.quick else SCREENS, free()[0]
    watches = how.folder / "watches"
    frames = ({"type": "watch", "channels": [{"channel": _whole.channel(n)}]} for n in range(_whole.CHANNELS))
    watches.write_text("\n".join(map(json.dumps, frames)))
    with ExitStack() as held:
        url = held.enter_context(kv.use(None, Path(held.enter_context(tempfile.TemporaryDirectory()))))
        log = how.folder / f"whole-{port}.log"
        projector = held.enter_context(_machine.running(_role("projector", url), None, log, ()))
        web = held.enter_context(_machine.running(_role("web", url, port), None, log, (port,)))
        writer = _machine.piped(_role("writer", url, span + 15), None)
        held.callback(writer.kill)
        with _samples.sampling(how, port, sampled, watches) as samples:
            before = _machine.spent_s(projector)
            words = ["--n", screens, "--settle", 3, "--duration", span, "--sub-lines", watches, *SAYS]
            told = _load.load(how.folder, port, words, pids=_machine.tree(web), limit_s=span + 90)
            spent = _machine.spent_s(projector) - before
            wrote = json.loads(writer.communicate(timeout=span + 60)[0].splitlines()[-1])
    return {
        "p50_ms": told["lat_ms"]["p50"], "p99_ms": told["lat_ms"]["p99"], "worst_ms": told["lat_ms"]["max"],
        "events_per_s": told["events"] / told["span"], "appended_per_s": wrote["events"] / wrote["seconds"],
        "web_percent": told["cpu_pct"], "projector_percent": 100 * spent / (told["span"] + 3),
        "rss_mb": told["rss_kb"][2] / 1024, "dropped": told["dropped"],
        "broken": _load.broken(told),
    }, samples  # fmt: skip


def _relayed(how: How) -> Figures:
    """The bare relay and the C loop."""
    screens, span = SCREENS // 10 if how.quick else SCREENS, 5 if how.quick else SPAN_S
    where = _sides.ports()
    with ExitStack() as held:
        url = held.enter_context(kv.use(None, Path(held.enter_context(tempfile.TemporaryDirectory()))))
        log = how.folder / f"relay-{where.screens}.log"
        command = _sides.yardsticks()[0].command(where, how.folder, {})
        server = held.enter_context(_machine.running(command, None, log, where))
        held.enter_context(_machine.running(_role("relay", url, where.publisher), None, log, ()))
        writer = _machine.piped(_role("writer", url, span + 8), None)
        held.callback(writer.kill)
        words = ["--n", screens, "--settle", 3, "--duration", span]
        told = _load.load(how.folder, where.screens, words, pids=_machine.tree(server), limit_s=span + 60)
        writer.communicate(timeout=span + 60)
    return {
        "p50_ms": told["lat_ms"]["p50"], "p99_ms": told["lat_ms"]["p99"], "worst_ms": told["lat_ms"]["max"],
        "events_per_s": told["events"] / told["span"], "web_percent": told["cpu_pct"],
    }  # fmt: skip


def measure(names: Sequence[str], how: How) -> list[Load]:
    """Short runs beside the yardstick's, then the sampled one."""
    relayed = f"relay and {_sides.yardsticks()[0].name}"
    runs: dict[str, list[Figures]] = {"ioc": [], "ioc, sampled": [], relayed: []}
    span, noise = 5 if how.quick else SPAN_S, []
    for rep in range(how.reps):
        noise.append(_machine.noise_ms(None))
        got, _ = once(how, span, sampled=False)
        runs["ioc"].append(got)
        runs[relayed].append(_relayed(how))
        own = runs[relayed][-1]["p99_ms"]
        print(
            f"  E {rep + 1}/{how.reps} p99 {got['p99_ms']:.0f} ms, the relay's {own:.0f}", file=sys.stderr, flush=True
        )
    long = max(float(span), how.minutes * 60)
    got, samples = once(how, long, sampled=True)
    runs["ioc, sampled"].append(got)
    breaks = sum(run["broken"] for run in [*runs["ioc"], got]) + samples["breaks"]
    return [
        Load(
            name="E", say=f"the whole way: 10 channels of 500 events/s from the log to {SCREENS:,} screens, one each",
            yardstick=relayed,
            goals=(
                Goal("p99_ms", 250, "p99 from before the append to the screen, ms"),
                Goal("sampled_p99_ms", 250, "The same in the sampled run"),
                *_samples.GOALS,
            ),
            columns={"p50_ms": "p50 ms", "p99_ms": "p99 ms", "worst_ms": "worst ms", "events_per_s": "events/s",
                     "appended_per_s": "appended/s", "web_percent": "web CPU %", "projector_percent": "projector CPU %",
                     "dropped": "let go", "broken": "chain broken"},
            quick=how.quick, runs=runs, noise_ms=noise,
            words=[f"{_samples.word(samples)} That run took {written(long)} s."],
            ratios={"equal": [_samples.share(samples)], "sampled_p99_ms": [got["p99_ms"]], "breaks": [float(breaks)]},
            told={**_samples.fields(samples), "minutes": long / 60},
        )
    ]  # fmt: skip
