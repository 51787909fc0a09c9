"""`honcho start` with the default settings: three processes, one Redis between them, a clean end."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil

from ioc.cli.work import ROLES
from ioc.ports import free
from tests.conftest import ServersIn

ROOT = Path(__file__).resolve().parent.parent
WAIT_S = 90


def processes() -> dict[str, list[str]]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: shlex.split(command) for name, _, command in (line.partition(":") for line in lines)}


def test_the_procfile_plays_every_role_once() -> None:
    roles = [role for command in processes().values() for role in command[2:]]
    assert all(command[:2] == ["ioc", "run"] for command in processes().values())
    assert sorted(roles) == sorted(ROLES)


def answers(url: str, started: subprocess.Popen[bytes]) -> int:
    """The status of `url`, once anything answers there."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until and started.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            with suppress(subprocess.TimeoutExpired):
                started.wait(0.1)
    raise AssertionError(f"Nothing answers at {url}.")


def test_honcho_starts_the_centre_and_ends_it_cleanly(tmp_path: Path, servers_in: ServersIn) -> None:
    [port] = free()
    bin_folder = str(Path(sys.executable).parent)
    kept = {
        name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATABASE_URL", "IOC_CONFIG")
    }
    env = {
        **kept,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PORT": str(port),
        "IOC_DATA": str(tmp_path),
    }
    with (tmp_path / "log").open("wb") as log:
        started = subprocess.Popen([f"{bin_folder}/honcho", "start"], cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        assert answers(f"http://127.0.0.1:{port}/healthz", started) == 200
        server = psutil.Process(int((tmp_path / "kv" / "server.pid").read_text()))
        assert servers_in(tmp_path / "kv") == [server.pid]
        started.send_signal(signal.SIGTERM)
        assert started.wait(WAIT_S) is not None
        server.wait(WAIT_S)
    finally:
        if started.poll() is None:
            started.kill()
            started.wait()
    assert "Traceback" not in (tmp_path / "log").read_text()
