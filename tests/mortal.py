"""A Redis that a test may kill."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ioc.ports import free
from tests.conftest import absent


@contextmanager
def mortal(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server of its own, ready, with its address; nothing of it is kept on disk."""
    server = shutil.which("redis-server") or shutil.which("valkey-server")
    if server is None:
        absent("There is no redis-server on PATH")
    [port] = free()
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if b"eady to accept" in line:
                break
        try:
            yield f"redis://127.0.0.1:{port}/0", process
        finally:
            process.kill()
