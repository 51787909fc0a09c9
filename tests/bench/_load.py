"""The load client and its one line of JSON: C, compiled once a run; where there is no compiler, the one in Python."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench import _machine

HERE = Path(__file__).parent
OPENS = ("--path", "/ws", "--subproto", "ioc.v1")
"""What a screen of ours asks for when it connects."""
SCREEN = (
    *OPENS, "--check", "--whole", "1",
    "--sub-text", '{"type":"hello"}', "--sub-text", '{"type":"watch","channels":[{"channel":"layer/bench"}]}',
)  # fmt: skip
"""What a screen of ours says, for the load client; its chain of positions is checked."""


BREAKS = ("holes", "twice", "epochs", "orphans", "torn", "unread")


def compiler() -> str | None:
    """A C compiler of this machine."""
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


def compiled(name: str, folder: Path) -> Path:
    """The C program of that name, made in `folder` if it is not there yet."""
    made, found = folder / name, compiler()
    assert found is not None, "The load client is C; install gcc or clang."
    if not made.is_file():
        subprocess.run([found, "-O2", "-o", str(made), str(HERE / f"{name}.c")], check=True)
    return made


def broken(told: dict[str, Any]) -> int:
    """How many frames broke the chain of positions, or could not be read."""
    chain = told["chain"] if told["checked"] else dict.fromkeys(BREAKS, 0)
    return sum(int(chain[name]) for name in BREAKS)


def _command(folder: Path, port: int, words: Sequence[object], pids: Sequence[int]) -> list[str]:
    client_of = [str(compiled("wsload", folder))] if compiler() else [sys.executable, "-m", "tests.bench._pyload"]
    own = [*client_of, "--port", str(port), *map(str, words)]
    if pids:
        own += ["--pids", ",".join(map(str, pids))]
    server, _ = _machine.cores()
    if server is not None:
        own += ["--core", str(server)]
    return own


def load(folder: Path, port: int, words: Sequence[object], *, pids: Sequence[int] = (), limit_s: float = 120) -> Any:
    """Run the load client on the client's core against that port; what it measured.

    Raises AssertionError when it fails, and TimeoutExpired.
    """
    done = _machine.run(_command(folder, port, words, pids), _machine.cores()[1], limit_s)
    assert done.returncode == 0 and done.stdout, f"The load client failed: {done.stderr or done.stdout}"
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def connected(
    folder: Path, port: int, words: Sequence[object], *, pids: Sequence[int] = (), limit_s: float = 120
) -> Iterator[Callable[[], Any]]:
    """The load client, with all its screens connected; the block calls what it is given for what was measured."""
    process = _machine.piped([*_command(folder, port, words, pids), "--tell"], _machine.cores()[1])
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n", "The load client could not connect its screens."
        yield lambda: json.loads(process.communicate(timeout=limit_s)[0].splitlines()[-1])
    finally:
        process.kill()
        process.wait()
