"""The machine under a bench: which cores, processes that are started and ended, and how noisy it is meanwhile."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from tests.chaos.stage import ROOT

START_S = 30.0
FILES = 60_000
BUSY = "import time;t=time.perf_counter();x=0\nfor i in range(2000000): x+=i\nprint(time.perf_counter()-t)"


def cores() -> tuple[int | None, int | None]:
    """The server's core and the client's; None twice where a process can't be pinned, or there is one core alone."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    found = sorted(os.sched_getaffinity(0))
    return (found[0], found[1]) if len(found) > 1 else (None, None)


def _pin(core: int | None) -> None:
    # runs between fork and exec
    if core is not None:
        os.sched_setaffinity(0, {core})
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, most) if most > 0 else FILES, most))


def start(
    command: Sequence[str], core: int | None, log: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A process on that core, with many files allowed; what it says goes to `log`."""
    whole = {**os.environ, **(env or {}), "PYTHONDONTWRITEBYTECODE": "1"}
    with log.open("ab") as told:
        return subprocess.Popen(
            command, cwd=ROOT, env=whole, stdin=subprocess.DEVNULL, stdout=told, stderr=told,
            preexec_fn=lambda: _pin(core),
        )  # fmt: skip


def run(command: Sequence[str], core: int | None, limit_s: float) -> subprocess.CompletedProcess[str]:
    """A command on that core, to its end; raises TimeoutExpired."""
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=limit_s, check=False, preexec_fn=lambda: _pin(core)
    )


def piped(command: Sequence[str], core: int | None) -> subprocess.Popen[str]:
    """A command on that core whose standard output is read when it has ended."""
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: _pin(core))


def tree(process: subprocess.Popen[Any]) -> list[int]:
    """The ids of a process and of all that it started."""
    with suppress(psutil.NoSuchProcess):
        mine = psutil.Process(process.pid)
        return [process.pid, *(child.pid for child in mine.children(recursive=True))]
    return []


def spent_s(process: subprocess.Popen[bytes]) -> float:
    """Processor seconds of a process and of all that it started."""
    total = 0.0
    for one in tree(process):
        with suppress(psutil.NoSuchProcess):
            spent = psutil.Process(one).cpu_times()
            total += spent.user + spent.system
    return total


def end(process: subprocess.Popen[bytes]) -> None:
    """End it and all that it started: asked first, then made to."""
    ids = tree(process)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(4)
    for one in ids:
        with suppress(OSError):
            os.kill(one, signal.SIGKILL)
    process.wait()


def listens(port: int, process: subprocess.Popen[bytes], limit_s: float = START_S) -> bool:
    """Wait until somebody listens there; False when the process ended, or time is over."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        time.sleep(0.05)
    return False


@contextmanager
def running(
    command: Sequence[str], core: int | None, log: Path, ports: Sequence[int], env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process on that core that listens on those ports. Raises AssertionError with the end of its log."""
    process = start(command, core, log, env)
    try:
        for port in ports:
            said = log.read_text(errors="replace")[-600:]
            assert listens(port, process), f"{command[0]} does not listen on {port}. It said: {said}"
        time.sleep(0.3)
        yield process
    finally:
        end(process)


def noise_ms(core: int | None) -> float:
    """A fixed busy loop on that core: a longer time shows that the machine itself is slower now."""
    return float(run([sys.executable, "-c", BUSY], core, 60).stdout) * 1000


def busy_s() -> float:
    """Seconds that all cores were busy since the machine started."""
    spent = psutil.cpu_times()
    return float(sum(spent) - spent.idle - getattr(spent, "iowait", 0.0))
