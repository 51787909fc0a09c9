"""A whole centre as separate processes that can be killed one by one: Redis, the source, and each role."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from ioc.ports import free

ROOT = Path(__file__).resolve().parents[2]
KEY = "chaos-" + "k" * 40

SETTINGS = """
layers = ["cameras"]
[province]
name = "Thử"
[web]
beat = {beat}
[sources.things]
adapter = "camera_registry"
event = "ioc.camera.observed"
url = "http://127.0.0.1:{port}/things"
complete = true
id = "id"
lon = "lon"
lat = "lat"
[sources.things.properties]
name = "name"
count = "count"
state = {{path = [], default = "live"}}
[sources.things.contract]
owner = "Đội thử"
cadence = {cadence}
grace = 5
expect = {count}
"""


class Stage:
    """Processes by name: redis, source, web, poller, health, projector, archive."""

    def __init__(self, folder: Path, *, things: int = 200, beat: float = 0.5, cadence: float = 0.2) -> None:
        self.folder = folder
        self.ports = dict(zip(("redis", "source", "web"), free(3), strict=True))
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.things = things
        self.beat = beat
        self.config = folder / "ioc.toml"
        settings = SETTINGS.format(port=self.ports["source"], count=things, beat=beat, cadence=cadence)
        self.config.write_text(settings, encoding="utf-8")
        self.database = f"sqlite:///{folder / 'ioc.db'}"
        self.redis = f"redis://127.0.0.1:{self.ports['redis']}/0"
        self.log = (folder / "roles.log").open("ab")

    @property
    def environment(self) -> dict[str, str]:
        """What each role finds in its environment."""
        own = {"REDIS_URL": self.redis, "DATABASE_URL": self.database, "PORT": str(self.ports["web"])}
        return {**os.environ, **own, "IOC_NO_VENV": "1", "IOC_DATA": str(self.folder / "data")}

    def command(self, name: str) -> list[str]:
        """How the process of that name is started."""
        if name == "redis":
            server = shutil.which("redis-server") or shutil.which("valkey-server")
            assert server is not None, "The kill loops need redis-server on PATH; install it."
            options = f"--port {self.ports['redis']} --bind 127.0.0.1 --appendonly yes --appendfsync everysec --save"
            return [server, *options.split(), "", "--dir", str(self.folder)]
        if name == "source":
            port = str(self.ports["source"])
            return [
                sys.executable,
                "-m",
                "tests.chaos.registry",
                port,
                str(self.folder / "things.json"),
                str(self.things),
            ]
        return [sys.executable, "-m", "ioc", "run", name, "--config", str(self.config)]

    def start(self, *names: str) -> None:
        for name in names:
            self.running[name] = subprocess.Popen(
                self.command(name), cwd=ROOT, env=self.environment, stdout=self.log, stderr=self.log
            )

    def kill(self, name: str) -> None:
        """kill -9, and wait until it is gone."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def ioc(self, *words: str) -> str:
        """What an `ioc` command prints on standard output."""
        command = [sys.executable, "-m", "ioc", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, check=True)
        return done.stdout.decode()

    def last_words(self) -> str:
        """Who still runs, and the last that all of them wrote."""
        gone = {name: process.returncode for name, process in self.running.items() if process.poll() is not None}
        written = (self.folder / "roles.log").read_text(encoding="utf-8", errors="replace")
        return f"Ended by themselves: {gone or 'none'}. The last that was written:\n{written[-4000:]}"

    def close(self) -> None:
        for process in self.running.values():
            process.kill()
        for process in self.running.values():
            process.wait()
        self.log.close()
