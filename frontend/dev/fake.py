"""A small server of invented data that speaks protocol `ioc.v1`, for work on the pages alone.

    .venv/bin/python frontend/dev/fake.py --port 8765

Open http://127.0.0.1:8765/wall/overview or /tablet; `POST /dev/still` makes it fall silent, `/dev/wake` wakes it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import graded  # noqa: E402
import invented  # noqa: E402
from serve import serve  # noqa: E402

from ioc import screen as screens  # noqa: E402

SHARED = Path(os.environ.get("IOC_SHARED", ROOT.parent / "shared"))
STATIC = ROOT / "ioc" / "web" / "static"
BEAT = 2.0


class Fake:
    """Channels with positions, and the sockets that watch them."""

    def __init__(self) -> None:
        self.units = invented.units(SHARED)
        self.channels = invented.everything(self.units) | graded.everything(self.units)
        self.offsets = dict.fromkeys(self.channels, 1)
        self.sockets: set[WebSocket] = set()
        self.still = False

    async def tell(self, frame: dict[str, Any]) -> None:
        if self.still:
            return
        for socket in list(self.sockets):
            with contextlib.suppress(Exception):
                await socket.send_text(json.dumps(frame, ensure_ascii=False))

    async def put(self, channel: str, items: dict[str, Any], quality: Any = None) -> None:
        self.channels[channel]["items"] |= items
        after = self.offsets[channel]
        self.offsets[channel] += bool(items)
        where = {"channel": channel, "epoch": "e1", "after": after, "offset": self.offsets[channel]}
        frame = {"type": "delta", **where, "put": items, "drop": []}
        if quality is not None:
            self.channels[channel]["quality"] = quality
            frame["quality"] = quality
        await self.tell(frame)

    def snapshot(self, channel: str) -> dict[str, Any]:
        where = {"type": "snapshot", "channel": channel, "epoch": "e1", "offset": self.offsets[channel]}
        return {**where, **self.channels[channel], "part": 1, "parts": 1}

    async def live(self) -> None:
        """Beats, cameras that change, and figures that move, for ever."""
        turn = 0
        while True:
            await asyncio.sleep(BEAT)
            turn += 1
            await self.tell({"type": "beat", "now": invented.at(0)})
            if self.still:
                continue
            await self._confirm()
            cameras = self.channels["layer/cameras"]["items"]
            camera = cameras[random.choice(list(cameras))]
            state = random.choice(["live"] * 9 + ["down", "frozen"])
            await self.put(
                "layer/cameras", {camera["id"]: {**camera, "properties": {**camera["properties"], "state": state}}}
            )
            await self.put("layer/canary", graded.song(turn))
            if turn % 4 == 0:
                await self._move()

    async def _confirm(self) -> None:
        for channel, board in self.channels.items():
            if board["quality"]["state"] == "live" and random.random() < 0.3:
                fresh = {"observed": invented.at(0), "received": invented.at(0)}
                await self.put(channel, {}, {**board["quality"], **fresh})

    async def _move(self) -> None:
        counted = {"live": 0, "down": 0, "frozen": 0}
        for camera in self.channels["layer/cameras"]["items"].values():
            counted[camera["properties"]["state"]] += 1
        for state, value in counted.items():
            name = f"tile/cameras_{state}"
            await self.put(name, {"all": {**self.channels[name]["items"]["all"], "value": value}})


fake = Fake()


async def socket(ws: WebSocket) -> None:
    await ws.accept(subprotocol="ioc.v1")
    try:
        while True:
            frame = json.loads(await ws.receive_text())
            if fake.still:
                continue
            if frame["type"] == "hello":
                welcome = {
                    "type": "welcome",
                    "now": invented.at(0),
                    "beat": BEAT,
                    "server": "fake",
                    "screen": frame.get("screen"),
                }
                await ws.send_text(json.dumps(welcome))
            elif frame["type"] == "watch":
                for wanted in frame["channels"]:
                    if wanted["channel"] in fake.channels:
                        await ws.send_text(json.dumps(fake.snapshot(wanted["channel"]), ensure_ascii=False))
                    else:
                        say = {"type": "problem", "code": "unknown", "say": "Không có kênh này.", "temporary": False}
                        await ws.send_text(json.dumps({**say, "channel": wanted["channel"]}))
                fake.sockets.add(ws)
    except WebSocketDisconnect:
        fake.sockets.discard(ws)


async def screen(request: Request) -> Response:
    path = ROOT / "frontend" / "screens" / f"{Path(request.path_params['name']).name}.toml"
    if not path.exists():
        return JSONResponse({"detail": "Không có màn hình này."}, 404)
    described = msgspec.to_builtins(screens.load(path))
    province = {"name": "Phú Yên", "where": {"vi": "tỉnh Đắk Lắk", "en": "Đắk Lắk province"}}
    return JSONResponse({**described, "province": province, "demo": True, "beat": BEAT, "canary": "layer/canary"})


async def units(request: Request) -> Response:
    return JSONResponse(fake.units)


async def tile(request: Request) -> Response:
    name = request.path_params["name"]
    board = fake.channels[f"tile/{name}"]
    chance = random.Random(name)
    value = board["items"]["all"]["value"] or 0
    if name in graded.WEEKS:
        return JSONResponse({"name": name, "history": graded.week(name)})
    history = []
    for day in range(30, -1, -1):
        if 17 <= day <= 18:
            continue
        value_then = value * (1 + 0.015 * chance.uniform(-1, 1)) if day else value
        history.append({"at": invented.at(timedelta(days=day).total_seconds()), "value": round(value_then, 1)})
    return JSONResponse({"name": name, **board["items"]["all"], "quality": board["quality"], "history": history})


async def ledger(request: Request) -> Response:
    found = graded.reporters(
        fake.channels, fake.units, request.path_params["source"], request.query_params.get("period")
    )
    if found is None:
        return JSONResponse({"detail": "This source owes no periods."}, 404)
    if "text/csv" in request.headers.get("accept", ""):
        rows = ["reporter,name,state"] + [f"{one['reporter']},{one['name']},{one['state']}" for one in found["entries"]]
        return Response("\n".join(rows), media_type="text/csv; charset=utf-8")
    return JSONResponse(found)


async def source(request: Request) -> Response:
    item = fake.channels["sources"]["items"].get(request.path_params["id"])
    if item is None:
        return JSONResponse({"detail": "There is no source of that name."}, 404)
    return JSONResponse(graded.about(item))


async def seen(request: Request) -> Response:
    channel = f"tile/{request.path_params['name']}"
    item = fake.channels[channel]["items"]["all"]
    if item.get("revised") is None:
        return JSONResponse({"detail": "Nothing was revised."}, 404)
    await fake.put(channel, {"all": {**item, "revised": None}})
    return Response(status_code=202)


async def dev(request: Request) -> Response:
    fake.still = request.path_params["what"] == "still"
    return Response(status_code=204)


@contextlib.asynccontextmanager
async def life(app: Starlette) -> AsyncIterator[None]:
    task = asyncio.create_task(fake.live())
    print("ready", flush=True)
    yield
    task.cancel()


def page(name: str) -> Any:
    async def give(request: Request) -> Response:
        return FileResponse(STATIC / name)

    return give


async def session(request: Request) -> Response:
    return Response(status_code=204)


app = Starlette(
    lifespan=life,
    middleware=[Middleware(GZipMiddleware)],
    routes=[
        Route("/healthz", session),
        Route("/wall/{screen}", page("wall.html")),
        Route("/tablet", page("tablet.html")),
        Route("/api/screens/{name}", screen),
        Route("/api/units", units),
        Route("/api/tiles/{name}", tile),
        Route("/api/tiles/{name}/seen", seen, methods=["POST"]),
        Route("/api/ledger/{source}", ledger),
        Route("/api/sources/{id}", source),
        Route("/api/session", session, methods=["POST"]),
        Route("/dev/{what}", dev, methods=["POST"]),
        WebSocketRoute("/ws", socket),
        Mount("/static", StaticFiles(directory=STATIC, check_dir=False)),
    ],
)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8765)
    serve(app, parser.parse_args().port)
