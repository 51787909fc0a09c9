"""Redis servers of a test's own, on loopback: a cluster, or a primary with a replica and three Sentinels."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import redis

from ioc.ports import free
from tests.conftest import absent

PATIENCE_S = 60.0
SLOTS = 16384
NAME = "centre"
DOWN_MS = 1500
"""Milliseconds without an answer after which a server counts as dead: short, yet longer than a loaded machine naps."""


def until(what: str, holds: Callable[..., Any], *given: Any) -> Any:
    """What `holds(*given)` gives once it is true; a server that does not answer yet is asked again."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with suppress(redis.RedisError, OSError):
            if found := holds(*given):
                return found
        time.sleep(0.02)
    raise AssertionError(f"Within {PATIENCE_S:g} s there was no sign of: {what}.")


class Fleet:
    """Servers by port. `url`: what REDIS_URL is to be."""

    url = ""

    def __init__(self, folder: Path) -> None:
        server = shutil.which("redis-server") or shutil.which("valkey-server")
        if server is None:
            absent("There is no redis-server on PATH")
        self.server, self.folder = server, folder
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        self._options: dict[int, list[str]] = {}

    def start(self, port: int, *options: str) -> None:
        """Start a server; without options, with those that it had."""
        given = self._options.setdefault(port, list(options))
        home = self.folder / str(port)
        home.mkdir(exist_ok=True)
        common = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(home), "--save", ""]
        whole = [self.server, *given] if "--sentinel" in given else [self.server, *common, *given]
        with (home / "log").open("ab") as log:
            self.running[port] = subprocess.Popen(whole, cwd=home, stdout=log, stderr=log)
        until(f"the server on port {port}, whose log is in {home}", self.ask, port, "PING")

    def ask(self, port: int, *words: Any) -> Any:
        client: Any = redis.Redis(port=port, protocol=2, socket_timeout=5, decode_responses=True)
        with closing(client):
            return client.execute_command(*words)

    def kill(self, port: int) -> None:
        """kill -9, and wait until it is gone."""
        process = self.running.pop(port)
        process.kill()
        process.wait()

    def pause(self, port: int) -> None:
        self.running[port].send_signal(signal.SIGSTOP)

    def resume(self, port: int) -> None:
        self.running[port].send_signal(signal.SIGCONT)

    def role(self, port: int) -> str:
        return str(self.ask(port, "ROLE")[0])

    def primaries(self) -> list[int]:
        """Ports of the servers that take writes."""
        return [port for port in self.running if self.role(port) == "master"]

    def follows(self, port: int) -> bool:
        """Whether a replica follows its primary, and has caught up."""
        return bool(self.ask(port, "ROLE")[3] == "connected")

    def flush(self) -> None:
        for port in self.primaries():
            self.ask(port, "FLUSHALL")

    def close(self) -> None:
        for process in self.running.values():
            process.kill()
        for process in self.running.values():
            process.wait()


@contextmanager
def cluster(folder: Path, *, replicas: int = 0) -> Iterator[Fleet]:
    """Three servers that share the slots, and as many replicas (each of another one of them)."""
    fleet = Fleet(folder)
    ports = free(2 * (3 + replicas))
    servers, buses = ports[: 3 + replicas], ports[3 + replicas :]
    try:
        for port, bus in zip(servers, buses, strict=True):
            fleet.start(
                port, "--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", str(DOWN_MS),
                "--appendonly", "yes", "--repl-diskless-sync-delay", "0", "--cluster-replica-validity-factor", "0",
            )  # fmt: skip
        for port, bus in zip(servers[1:], buses[1:], strict=True):
            fleet.ask(servers[0], "CLUSTER", "MEET", "127.0.0.1", port, bus)
        for number, port in enumerate(servers[:3]):
            begin, end = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
            fleet.ask(port, "CLUSTER", "ADDSLOTSRANGE", begin, end)
        names = [fleet.ask(port, "CLUSTER", "MYID") for port in servers[:3]]
        for number, port in enumerate(servers[3:]):
            until("a server that knows the others", _knows, fleet, port, len(servers))
            fleet.ask(port, "CLUSTER", "REPLICATE", names[number])
            until("a replica that has caught up", fleet.follows, port)
        for port in servers:
            until("a whole cluster", _whole, fleet, port, len(servers))
        fleet.url = "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in servers[:3])
        yield fleet
    finally:
        fleet.close()


def _knows(fleet: Fleet, port: int, count: int) -> bool:
    return f"cluster_known_nodes:{count}" in _text(fleet.ask(port, "CLUSTER", "INFO"))


def _whole(fleet: Fleet, port: int, count: int) -> bool:
    return _knows(fleet, port, count) and "cluster_state:ok" in _text(fleet.ask(port, "CLUSTER", "INFO"))


def _text(info: Any) -> str:
    return info if isinstance(info, str) else "\n".join(f"{name}:{value}" for name, value in info.items())


@contextmanager
def guarded(folder: Path) -> Iterator[Fleet]:
    """A primary, its replica, and three Sentinels that watch them."""
    fleet = Fleet(folder)
    primary, replica, *sentinels = free(5)
    common = ("--appendonly", "yes", "--repl-diskless-sync-delay", "0")
    try:
        fleet.start(primary, *common)
        fleet.start(replica, *common, "--replicaof", "127.0.0.1", str(primary))
        until("a replica that has caught up", fleet.follows, replica)
        for port in sentinels:
            file = folder / f"sentinel-{port}.conf"
            file.write_text(
                f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor {NAME} 127.0.0.1 {primary} 2\n"
                f"sentinel down-after-milliseconds {NAME} {DOWN_MS}\nsentinel failover-timeout {NAME} 6000\n"
            )
            fleet.start(port, str(file), "--sentinel")
        for port in sentinels:
            until("Sentinels that know each other and the replica", _sees, fleet, port)
        fleet.url = "redis+sentinel://" + ",".join(f"127.0.0.1:{port}" for port in sentinels) + f"/{NAME}"
        yield fleet
    finally:
        fleet.close()


def _sees(fleet: Fleet, port: int) -> bool:
    told = fleet.ask(port, "SENTINEL", "MASTER", NAME)
    flat = told if isinstance(told, dict) else dict(zip(told[::2], told[1::2], strict=True))
    return int(flat["num-other-sentinels"]) == 2 and int(flat["num-slaves"]) == 1
