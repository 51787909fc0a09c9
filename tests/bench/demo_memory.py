"""Proportional memory (PSS) of the demo: the roles and Redis or Valkey, after a while; the simulated sources apart.

PSS counts a page that n processes share as 1/n in each. The ratio is against a bare Python process of the same run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2
import psutil

from tests.chaos.stage import ROOT, free_port

WARM_S = 60.0
READY_S = 180.0


def _pss(process: psutil.Process) -> float:
    """MB of a process; 0 when it has gone."""
    try:
        return float(process.memory_full_info().pss) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def _called(process: psutil.Process) -> str:
    """What a process of the demo is, for the table."""
    try:
        line = process.cmdline()
    except psutil.NoSuchProcess:
        return "gone"
    if "ioc.demo.sources" in line:
        return "simulated sources"
    if any("server" in part and ("redis" in part or "valkey" in part) for part in line[:1]):
        return "redis"
    if "run" in line:
        return " ".join(part for part in line[line.index("run") + 1 :] if part.isalpha())
    return "keeper"


def _bare() -> float:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    try:
        time.sleep(1)
        return _pss(psutil.Process(process.pid))
    finally:
        process.kill()
        process.wait()


def main() -> dict[str, Any]:
    """MB by process after a minute of the demo with nobody watching, their sum, and the sum as bare Pythons."""
    port = free_port()
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "ioc", "demo", "--port", str(port), "--no-browser", "--data", data]
        demo = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment()
        )
        try:
            _ready(port)
            time.sleep(WARM_S)
            table: dict[str, float] = {}
            for process in [psutil.Process(demo.pid), *psutil.Process(demo.pid).children(recursive=True)]:
                name = _called(process)
                table[name] = round(table.get(name, 0.0) + _pss(process), 1)
            # the server's guard detaches it from us: it is found by its folder
            for process in psutil.process_iter():
                if _cwd(process).startswith(str(Path(data).resolve())) and _called(process) == "redis":
                    table.setdefault("redis", round(_pss(process), 1))
        finally:
            demo.terminate()
            demo.wait(30)
    table.pop("gone", None)
    total = sum(size for name, size in table.items() if name != "simulated sources")
    return {"mb": table, "total_mb": round(total, 1), "times_bare_python": round(total / _bare(), 1)}


def _cwd(process: psutil.Process) -> str:
    try:
        return process.cwd()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATABASE_URL", "PORT")}


def _ready(port: int) -> None:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"The demo was not ready within {READY_S:g} s.")
