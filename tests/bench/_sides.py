"""Who is measured: our web process, the yardstick, and what others run, each with the way in which it is fed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ioc.ports import free
from tests.bench import _load

MQTT_HELLO = "101200044d5154540402" + "0000" + "0006"


class Ports(NamedTuple):
    """Where a server listens: screens, and its publisher."""

    screens: int
    publisher: int


def ports() -> Ports:
    return Ports(free()[0], free()[0])


class Side(NamedTuple):
    """A server. `says`, `opens`: the load client's words for its screens, and for connections that say nothing yet.

    `feed`: those for a message of so many bytes.
    """

    name: str
    command: Callable[[Ports, Path, dict[str, Any]], list[str]]
    says: tuple[str, ...] = ()
    feed: Callable[[Ports, int], list[object]] = lambda where, size: ["--pub-port", where.publisher]
    opens: tuple[str, ...] = ()


def _hex(text: str) -> str:
    return text.encode().hex()


def _length(size: int) -> bytes:
    """A length as MQTT writes it."""
    out = bytearray()
    while True:
        size, low = size >> 7, size & 127
        out.append(low | (128 if size else 0))
        if not size:
            return bytes(out)


def _ours(where: Ports, folder: Path, load: dict[str, Any]) -> list[str]:
    told = [str(where.screens), str(where.publisher), "--items", str(load["items"]), "--size", str(load["size"])]
    return [sys.executable, "-m", "tests.bench._served", *told]


def c(*words: str) -> Callable[[Ports, Path, dict[str, Any]], list[str]]:
    """How the C server is started with these words."""
    return lambda where, folder, load: [
        str(_load.compiled("cserver", folder)), str(where.screens), str(where.publisher), *words
    ]  # fmt: skip


def _python(kind: str) -> Callable[[Ports, Path, dict[str, Any]], list[str]]:
    return lambda where, folder, load: [
        sys.executable, "-m", "tests.bench._peer", kind, str(where.screens), str(where.publisher)
    ]  # fmt: skip


def _written(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return str(file)


def _nats(where: Ports, folder: Path, load: dict[str, Any]) -> list[str]:
    text = (
        f'host: 127.0.0.1\nport: {where.publisher}\nmax_connections: 15000\nping_interval: "120s"\n'
        f"websocket {{ host: 127.0.0.1, port: {where.screens}, no_tls: true, compression: false }}\n"
    )
    return [found("nats-server") or "nats-server", "-c", _written(folder, f"nats-{where.screens}.conf", text)]


def _nats_feed(where: Ports, size: int) -> list[object]:
    return [
        "--pub-port", where.publisher, "--pub-hello-hex", _hex('CONNECT {"verbose":false}\r\n'),
        "--pub-pre-hex", _hex(f"PUB foo {size}\r\n"), "--pub-post-hex", _hex("\r\n"),
    ]  # fmt: skip


def _mosquitto(where: Ports, folder: Path, load: dict[str, Any]) -> list[str]:
    # started by root, it would become a user that is not there on every machine
    text = "user root\n" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    text += (
        "persistence false\nlog_type error\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\n"
        f"max_connections -1\nlistener {where.publisher} 127.0.0.1\n"
        f"listener {where.screens} 127.0.0.1\nprotocol websockets\n"
    )
    return [found("mosquitto") or "mosquitto", "-c", _written(folder, f"mosquitto-{where.screens}.conf", text)]


def _mosquitto_feed(where: Ports, size: int) -> list[object]:
    head = (b"\x30" + _length(5 + size) + b"\0\3foo").hex()
    hello = MQTT_HELLO + _hex("pubber")
    return ["--pub-port", where.publisher, "--pub-hello-hex", hello, "--pub-pre-hex", head, "--pub-post-hex", ""]


def found(program: str) -> str | None:
    """Where a server program lies; those of the system are not always on PATH."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")


OURS = Side("ioc", _ours, _load.SCREEN, opens=_load.OPENS)
MERGED = Side("C loop, merged", c("merge"))
SENT = Side("C loop, one send each", c())
PYTHON_MERGED = Side("Python loop, merged", _python("python-merged"))
PYTHON_SENT = Side("Python loop, one write each", _python("python"))
SUBSCRIBE = _hex('CONNECT {"verbose":false,"protocol":1}\r\nSUB foo 1\r\nPING\r\n')
PEERS = {
    "nats": Side("NATS", _nats, ("--sub-hex", SUBSCRIBE), _nats_feed),
    "websockets": Side("websockets broadcast", _python("websockets")),
    "picows": Side("picows", _python("picows")),
    "mosquitto": Side(
        "mosquitto", _mosquitto,
        (
            "--path", "/mqtt", "--subproto", "mqtt",
            "--sub-hex", "100c00044d515454040200000000", "--sub-hex", "820800010003666f6f00",
        ),
        _mosquitto_feed,
    ),
}  # fmt: skip


def yardsticks() -> tuple[Side, Side]:
    """What merges, and what sends each message by itself: the C loop, or the Python loop where there is no compiler."""
    return (MERGED, SENT) if _load.compiler() else (PYTHON_MERGED, PYTHON_SENT)


def here(name: str) -> bool:
    """Whether that peer is installed on this machine."""
    programs = {"nats": "nats-server", "mosquitto": "mosquitto"}
    if name in programs:
        return found(programs[name]) is not None
    return importlib.util.find_spec(name) is not None
