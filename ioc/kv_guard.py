"""Keeps one Redis (or Valkey) server alive for as long as anybody uses its folder; started by `ioc.kv`.

`python -I kv_guard.py FOLDER SERVER`: standard library only, so that it costs little memory. The kernel's file
locks tell who lives: each user holds `users` shared, the guard holds `guard` alone, and a process that is killed
lets its locks go. When no user is left the guard stops the server; when the server dies it starts it again, on the same
port; when the guard itself is killed the kernel stops the server with it (Linux), and the next start finds the rest.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

LOOK_S = 0.2
"""Seconds between two looks at who is there."""
GIVE_UP = 5
"""So many deaths within QUICK_S of a start, one after another, and the guard gives up (its log says why)."""
QUICK_S = 5.0


def _die_with_parent() -> None:
    """In the server, before it starts: SIGTERM when the guard is gone (Linux; elsewhere the next start clears up)."""
    if sys.platform == "linux":
        import ctypes

        set_death_signal = 1
        ctypes.CDLL(None, use_errno=True).prctl(set_death_signal, signal.SIGTERM, 0, 0, 0)


def _start(folder: Path, server: str) -> subprocess.Popen[bytes]:
    with (folder / "server.log").open("ab") as log:
        child = subprocess.Popen(
            [server, str(folder / "server.conf")],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent,
        )
    fresh = folder / "server.pid.new"
    fresh.write_text(str(child.pid), encoding="ascii")
    fresh.replace(folder / "server.pid")
    return child


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _nobody(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True  # held to the end: whoever comes now waits until the server is down, and starts a fresh one


def keep(folder: Path, server: str) -> int:
    """Run the server of `folder` until nobody uses it; returns the exit status (1: it would not run)."""
    guard = os.open(folder / "guard", os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(25):  # one who only looks whether a guard lives holds it for a moment
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(LOOK_S)
    else:
        return 0
    if os.fork():  # whoever started us goes on once the lock is held; it has no child to reap later
        os._exit(0)
    users = os.open(folder / "users", os.O_RDWR | os.O_CREAT, 0o600)
    deaths = 0
    child, began = _start(folder, server), time.monotonic()
    while not _nobody(users):
        time.sleep(LOOK_S)
        if child.poll() is None:
            continue
        deaths = deaths + 1 if time.monotonic() - began < QUICK_S else 1
        if deaths >= GIVE_UP:
            return 1
        time.sleep(LOOK_S * deaths)
        child, began = _start(folder, server), time.monotonic()
    _stop(child)
    (folder / "server.pid").unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(keep(Path(sys.argv[1]), sys.argv[2]))
