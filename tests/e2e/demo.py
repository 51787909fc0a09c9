"""A centre to look at: the real demo (`ioc demo`), or, with IOC_E2E=fake, the pages' own small server."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from ioc.ports import free

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = re.compile(r'"(http://[\w.:]+)/so-camera/')
ADDRESS = re.compile(r"(http://[\w.:\[\]-]+)(/\S*)#code=([\w-]+)")


class Centre:
    """`base`: its address; `codes`: path of a screen to its one-time code; `data`: the folder that it was given."""

    def __init__(self, process: subprocess.Popen[str], base: str, codes: dict[str, str]) -> None:
        self.process = process
        self.base = base
        self.codes = codes
        self.data: Path | None = None
        self.key = ""

    def address(self, path: str) -> str:
        """The screen's address; with its code the first time only, because a code is used once."""
        code = self.codes.pop(path, None)
        return f"{self.base}{path}" + (f"#code={code}" if code else "")

    def web(self) -> psutil.Process:
        """The process that listens on the centre's port now."""
        port = int(self.base.rsplit(":", 1)[1])
        root = psutil.Process(self.process.pid)
        for one in [root, *root.children(recursive=True)]:
            listening = (held for held in one.net_connections("tcp") if held.status == psutil.CONN_LISTEN)
            if any(held.laddr.port == port for held in listening):
                return one
        raise ProcessLookupError(f"No process of this centre listens on {port}.")

    def role(self, name: str) -> psutil.Process:
        """The process that runs the role (poller, health, projector, archive)."""
        for one in psutil.Process(self.process.pid).children(recursive=True):
            words = one.cmdline()
            if "run" in words and name in words:
                return one
        raise ProcessLookupError(f"No process of this centre runs {name}.")

    def store(self) -> psutil.Process:
        """The Redis of this centre: it lives on its own, in the centre's folder."""
        assert self.data is not None
        for one in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if one.name().endswith("-server") and Path(one.cwd()).is_relative_to(self.data):
                    return one
        raise ProcessLookupError(f"No Redis runs in {self.data}.")

    def sources(self, word: str) -> None:
        """Say a word to the simulated sources: `_mute/app`, `_speak/app`, `_freeze/TH-001`, `_thaw/TH-001`."""
        asked = urllib.request.Request(f"{self._sources}/{word}", method="POST")
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert answer.status == 204

    def sources_say(self, path: str) -> Any:
        """What the simulated sources answer (JSON) to a question."""
        with urllib.request.urlopen(f"{self._sources}/{path}", timeout=10) as answer:
            return json.load(answer)

    def turn(self, system: str, way: str) -> None:
        """Break a simulated system in that way, or `mend` it."""
        asked = urllib.request.Request(f"{self._sources}/_systems/{system}/{way}", method="POST")
        with urllib.request.urlopen(asked, timeout=10):
            pass

    @property
    def _sources(self) -> str:
        """The address of the simulated sources, wherever the settings and their parts tell it."""
        assert self.data is not None
        parts = [self.data / "ioc.toml", *sorted((self.data / "modules").rglob("*.toml"))]
        found = (REGISTRY.search(part.read_text(encoding="utf-8")) for part in parts)
        return next(told[1] for told in found if told)

    def get(self, path: str) -> Any:
        """What the API answers to the demo's own key."""
        asked = urllib.request.Request(f"{self.base}{path}", headers={"Authorization": f"Bearer {self.key}"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.load(answer)

    def freeze(self) -> psutil.Process:
        """The web process stands still: connections stay, and nothing comes through them. Thaw it with `resume`."""
        web = self.web()
        web.suspend()
        return web


def _fake_command(port: int, name: str) -> list[str]:
    return [sys.executable, str(ROOT / "frontend" / "dev" / name), "--port", str(port)]


@contextmanager
def centre(
    data: Path | None = None,
    *,
    fake: bool = os.environ.get("IOC_E2E") == "fake",
    server: str = "fake.py",
    province: str = "phu-yen",
    hurry: bool = False,
) -> Iterator[Centre]:
    """A running centre, stopped at the end. Raises RuntimeError with what it said when it does not come up.

    `fake`: the pages' own small server (`server`), whose data are always the same. `province`: which demo it is.
    `hurry`: it is said soon that a source broke (`tests.e2e.hurried`).
    """
    key = secrets.token_urlsafe(32)
    if fake:
        [port] = free()
        command = _fake_command(port, server)
    else:
        module = "tests.e2e.hurried" if hurry else "ioc"
        command = [sys.executable, "-m", module, "demo", "--port", "0", "--no-browser", "--key", key]
        command += ["--province", province]
        command += ["--data", str(data)] if data is not None else []
    environment = {**os.environ, "IOC_NO_VENV": "1", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=environment
    )
    try:
        made = _come_up(process, f"http://127.0.0.1:{port}" if fake else None)
        made.data, made.key = data, key
        yield made
    finally:
        _stop(process)


def _come_up(process: subprocess.Popen[str], base: str | None) -> Centre:
    assert process.stdout is not None
    if base is not None:
        for line in process.stdout:
            if "ready" in line:
                return Centre(process, base, {})
    said: list[str] = []
    codes: dict[str, str] = {}
    for line in process.stdout:
        said.append(line)
        if found := ADDRESS.search(line):
            base = found[1]
            codes[found[2]] = found[3]
        if "/tablet" in codes and _ready(base):
            return Centre(process, base or "", codes)
    raise RuntimeError("The centre did not come up:\n" + "".join(said[-20:]))


def _ready(base: str | None) -> bool:
    with urllib.request.urlopen(f"{base}/healthz", timeout=30) as answer:
        return bool(answer.status == 200)


def _stop(process: subprocess.Popen[str]) -> None:
    """Ends the centre and what it started, also what a test froze."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    for child in children:
        if child.is_running() and child.status() == psutil.STATUS_STOPPED:
            child.resume()
    process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        for child in children:
            if child.is_running():
                child.kill()
        process.kill()
        process.communicate()
