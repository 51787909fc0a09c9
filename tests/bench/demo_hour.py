"""What each province's demo costs: memory and CPU of its roles and of their Redis, while one wall watches all of it.

Memory is PSS: a page that n processes share counts as 1/n in each. The simulated sources, and the process that keeps
all of them, stand apart: a province has neither. The four run at the same time, or one alone (`demo-PROVINCE`), for
`minutes` (one when left out).
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil

from ioc.demo.run import PROVINCES
from tests.bench._figures import Figures, Goal, How, Load
from tests.chaos.screen import Screen
from tests.chaos.stage import ROOT

KEY = "k" * 43
READY_S, READY = 180.0, re.compile(r"Ready after ([\d.]+) s")
CALM_S = 30.0
"""The first half minute is not counted: readiness is a figure of its own."""
TURN_S = 30.0
APART = ("simulated sources", "keeper")
GOALS = (
    Goal("pss_mb", 600, "Most memory of a province's roles and Redis, MB (PSS)"),
    Goal("cpu", 40, "CPU of them over the whole time, % of one core"),
    Goal("ready_s", 15, "Until a demo is ready, s (the four start one after another)"),
    Goal("broken", 0, "Frames to the wall that broke the law, and walls that saw nothing"),
)
COLUMNS = {
    "ready_s": "ready s", "pss_first_mb": "MB at first", "pss_mb": "MB at most", "pss_last_mb": "MB at last",
    "cpu": "% of a core", "cpu_worst": "worst half minute", "minutes": "minutes", "channels": "channels",
    "deltas": "deltas", "broken": "broken",
}  # fmt: skip


class Demo:
    """One province's demo, and the wall that watches it."""

    def __init__(self, province: str, folder: Path) -> None:
        self.province, self.folder = province, folder
        folder.mkdir()
        self.said = folder / "said.txt"
        command = [sys.executable, "-m", "ioc", "demo", "--province", province, "--port", "0", "--no-browser"]
        command += ["--data", str(folder / "data"), "--key", KEY]
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env=_environment())
        self.used: dict[int, float] = {}
        self.samples: list[tuple[float, float, float]] = []
        self.screen: Screen | None = None

    def until_ready(self) -> None:
        end = time.monotonic() + READY_S
        while not READY.search(self.told()) or "Stop with" not in self.told():
            assert self.process.poll() is None and time.monotonic() < end, f"{self.province}: {self.told()[-1000:]}"
            time.sleep(0.2)

    def told(self) -> str:
        return self.said.read_text(encoding="utf-8", errors="replace")

    @property
    def ready_s(self) -> float:
        found = READY.search(self.told())
        assert found is not None
        return float(found[1])

    def watch(self) -> None:
        """Start the wall: every layer and tile, sources and alerts."""
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.told())
        assert found is not None
        base, head = f"http://127.0.0.1:{found[1]}", {"Authorization": f"Bearer {KEY}"}
        channels = ["sources", "alerts"]
        for kind in ("layer", "tile"):
            rows = httpx2.get(f"{base}/api/{kind}s", headers=head, timeout=30).json()
            channels += [f"{kind}/{row['name']}" for row in rows]
        self.screen = Screen(base.replace("http", "ws") + "/ws", KEY, channels)
        threading.Thread(target=lambda: asyncio.run(self.screen.run()), daemon=True).start()  # type: ignore[union-attr]

    def look(self) -> None:
        """Take a sample: the time, MB of what counts, and CPU seconds used by it up to now."""
        memory = 0.0
        for process in self._processes():
            with suppress(psutil.Error):
                if _called(process) in APART:
                    continue
                memory += process.memory_full_info().pss / 1e6
                spent = process.cpu_times()
                self.used[process.pid] = spent.user + spent.system
        self.samples.append((time.monotonic(), memory, sum(self.used.values())))

    def _processes(self) -> list[psutil.Process]:
        own = [psutil.Process(self.process.pid)]
        own += own[0].children(recursive=True)
        # the server's guard takes it from us: it is found by its folder
        home = str((self.folder / "data").resolve())
        return list({one.pid: one for one in [*own, *filter(lambda one: _cwd(one).startswith(home), _all())]}.values())

    def figures(self) -> Figures:
        first, last = self.samples[0], self.samples[-1]
        turns = [
            100 * (after[2] - before[2]) / (after[0] - before[0])
            for before, after in zip(self.samples, self.samples[1:], strict=False)
        ]
        screen = self.screen
        assert screen is not None
        return {
            "ready_s": self.ready_s, "pss_first_mb": first[1], "pss_mb": max(one[1] for one in self.samples),
            "pss_last_mb": last[1], "cpu": 100 * (last[2] - first[2]) / (last[0] - first[0]), "cpu_worst": max(turns),
            "minutes": (last[0] - first[0]) / 60, "channels": len(screen.pictures), "deltas": screen.deltas,
            "broken": len(screen.broken) + (not screen.deltas) + len(screen.channels) - len(screen.pictures),
        }  # fmt: skip

    def close(self) -> None:
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(60)


@contextmanager
def _demos(provinces: Sequence[str], folder: Path) -> Any:
    with ExitStack() as stack:
        found = []
        for province in provinces:
            one = Demo(province, folder / province)
            stack.callback(one.close)
            one.until_ready()
            print(f"  {province}: ready after {one.ready_s} s", file=sys.stderr, flush=True)
            found.append(one)
        yield found


def measure(names: Sequence[str], how: How) -> list[Load]:
    """The four provinces' demos, side by side; or, of `demo-PROVINCE`, that one alone."""
    (name,) = names
    provinces = [one for one in PROVINCES if name in ("demo", f"demo-{one}")]
    minutes = how.minutes or (0.5 if how.quick else 1)
    with _demos(provinces, how.folder) as demos:
        for demo in demos:
            demo.watch()
        time.sleep(CALM_S)
        turns = max(1, round(minutes * 60 / TURN_S))
        began = time.monotonic()
        for turn in range(turns + 1):
            for demo in demos:
                demo.look()
            if turn < turns:
                print(f"  {turn * TURN_S / 60:.1f} of {minutes:g} minutes", file=sys.stderr, flush=True)
                time.sleep(max(0.0, began + (turn + 1) * TURN_S - time.monotonic()))
        runs = {demo.province: [demo.figures()] for demo in demos}
    every = [run[0] for run in runs.values()]
    worst = {goal.field: [max(run[goal.field] for run in every)] for goal in GOALS}
    say = f"Each province's demo for {minutes:g} minutes, a wall watching all of it; the goals are of the worst of them"
    return [
        Load(
            name=name, say=say, yardstick="none", goals=GOALS, columns=COLUMNS, runs=runs, ratios=worst,
            quick=how.quick, words=[f"{os.cpu_count()} cores; PSS of roles and Redis, simulated sources not counted."],
        )
    ]  # fmt: skip


def _called(process: psutil.Process) -> str:
    """What a process of the demo is."""
    line = process.cmdline()
    if "ioc.demo.sources" in line:
        return "simulated sources"
    if any("server" in part and ("redis" in part or "valkey" in part) for part in line[:1]):
        return "redis"
    return "role" if "run" in line else "keeper" if "demo" in line else "other"


def _all() -> list[psutil.Process]:
    return list(psutil.process_iter())


def _cwd(process: psutil.Process) -> str:
    try:
        return process.cwd()
    except (psutil.Error, OSError):
        return ""


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATABASE_URL", "PORT")}
    return own | {"IOC_NO_VENV": "1"}
