"""Time from a source's answer to a screen, through every role as a process of its own.

idle: one of 200 things moves at each poll, one screen. busy: 1,000 things move five times a second (5,000 events/s),
100 screens. The marker is the clock (ns) at the moment of the source's answer; screens and source share one machine.
The ratio is against a bare loop-back: the same HTTP answer fetched, and sent over one WebSocket, with nothing between.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx2
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from tests.bench._place import percentile
from tests.chaos.stage import Stage

HERE = Path(__file__).parent
SCREENS = 100
IDLE_SAMPLES = 200
BUSY_S = 15.0
ROLES = ("web", "poller", "health", "projector", "archive")


class Moving(BaseHTTPRequestHandler):
    """Answers with `things` records; `moving` of them carry the present time, in turn."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    things: ClassVar[list[dict[str, Any]]] = []
    moving = 1
    at = 0

    def do_GET(self) -> None:
        own = type(self)
        now = time.time_ns()
        for n in range(own.moving):
            own.things[(own.at + n) % len(own.things)]["count"] = now
        own.at += own.moving
        body = json.dumps(own.things).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def source(port: int, things: int, moving: int) -> Iterator[None]:
    """The simulated registry, in a thread of this process."""
    records = [
        {"id": f"t{n}", "name": f"Vật {n}", "count": 0, "lon": 109.2 + n / 1e4, "lat": 13.1} for n in range(things)
    ]
    handler = type("Handler", (Moving,), {"things": records, "moving": moving, "at": 0})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@contextmanager
def centre(folder: Path, things: int, moving: int) -> Iterator[tuple[Stage, str]]:
    """Every role running on that source, and a key to it."""
    stage = Stage(folder, things=things, cadence=0.2, beat=2.0)
    with closing(stage), source(stage.ports["source"], things, moving):
        stage.start("redis", *ROLES)
        yield stage, stage.ioc("key", "add", "bench").strip()


async def _watching(stage: Stage, key: str) -> Any:
    """A socket that watches the layer, once it holds every thing."""
    url = f"ws://127.0.0.1:{stage.ports['web']}/ws"
    for _ in range(600):
        with suppress(OSError, EOFError, TimeoutError):
            socket = await connect(url, subprotocols=["ioc.v1"], max_size=None, compression=None)  # type: ignore[list-item]
            await socket.send(json.dumps({"type": "hello", "key": key}))
            await socket.send(json.dumps({"type": "watch", "channels": [{"channel": "layer/cameras"}]}))
            have: set[str] = set()
            async for frame in socket:
                told = json.loads(frame)
                have |= set(told.get("items", ())) | set(told.get("put", ()))
                if len(have) >= stage.things:
                    return socket
        await asyncio.sleep(0.1)
    raise AssertionError("No screen could see the board within a minute.")


async def _idle(stage: Stage, key: str) -> list[float]:
    socket = await _watching(stage, key)
    took: list[float] = []
    async for frame in socket:
        now, told = time.time_ns(), json.loads(frame)
        marks = [item["properties"]["count"] for item in told.get("put", {}).values()]
        if told["type"] == "delta" and marks and max(marks):
            took.append((now - max(marks)) / 1e6)
        if len(took) >= IDLE_SAMPLES:
            break
    await socket.close()
    return took


async def _bare() -> list[float]:
    """The same answer fetched and sent over a WebSocket, with nothing between."""
    took: list[float] = []
    with source(port := 18_999, 200, 1):

        async def talk(socket: Any) -> None:
            async with httpx2.AsyncClient() as http:
                for _ in range(IDLE_SAMPLES):
                    answer = await http.get(f"http://127.0.0.1:{port}/")
                    await socket.send(answer.text)
                    await asyncio.sleep(0.02)

        async with serve(talk, "127.0.0.1", 0, compression=None) as server:
            where = server.sockets[0].getsockname()[1]
            async with connect(f"ws://127.0.0.1:{where}", compression=None) as socket:
                async for frame in socket:
                    took.append((time.time_ns() - max(thing["count"] for thing in json.loads(frame))) / 1e6)
    return took


def _busy(stage: Stage, key: str, build: Path) -> dict[str, Any]:
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler is not None, "The load client is C; install gcc."
    subprocess.run([compiler, "-O2", "-o", str(build / "wsload"), str(HERE / "wsload.c")], check=True)
    asyncio.run(_close(stage, key))
    watch = json.dumps({"type": "watch", "channels": [{"channel": "layer/cameras"}]})
    command = [
        str(build / "wsload"), "--port", str(stage.ports["web"]), "--path", "/ws", "--subproto", "ioc.v1",
        "--n", str(SCREENS),
        "--sub-text", json.dumps({"type": "hello", "key": key}), "--sub-text", watch,
        "--marker", '"count":', "--duration", str(BUSY_S), "--settle", "3", "--pids", str(stage.running["web"].pid),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


async def _close(stage: Stage, key: str) -> None:
    await (await _watching(stage, key)).close()


def main() -> dict[str, Any]:
    """Percentiles in ms for both, and the idle median as a multiple of the bare loop-back's."""
    with tempfile.TemporaryDirectory() as folder, centre(Path(folder), 200, 1) as (stage, key):
        idle = asyncio.run(_idle(stage, key))
    bare = asyncio.run(_bare())
    with tempfile.TemporaryDirectory() as folder, centre(Path(folder), 1000, 1000) as (stage, key):
        busy = _busy(stage, key, Path(folder))
    return {
        "idle_p50_ms": round(percentile(idle, 0.5), 1),
        "idle_p99_ms": round(percentile(idle, 0.99), 1),
        "bare_p50_ms": round(percentile(bare, 0.5), 2),
        "idle_times_bare_p50": round(percentile(idle, 0.5) / percentile(bare, 0.5), 1),
        "busy_p50_ms": round(busy["lat_ms"]["p50"], 1),
        "busy_p99_ms": round(busy["lat_ms"]["p99"], 1),
        "busy_screens": busy["ok"],
        "busy_events_per_s_and_screen": round(busy["events_per_s"] / busy["ok"]),
        "busy_web_cpu_percent": busy["cpu_pct"],
    }
