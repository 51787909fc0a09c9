"""The web role: one Starlette app, built of the stores that it is given, and the server that runs it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request

from ioc import catalog, clock, kv, names
from ioc import settings as settings_of
from ioc.board import Board
from ioc.board.redis import RedisBoard
from ioc.db.session import Database, migrate, open_db
from ioc.errors import BadConfig
from ioc.log import Log
from ioc.log.redis import RedisLog
from ioc.redis_link import Link, connect, reaching
from ioc.reports import keeping, people, photos
from ioc.reports.book import Book
from ioc.score import WORDS
from ioc.settings import Settings
from ioc.web import caller, direct, open311, wall
from ioc.web.access import READ_S, REREAD_S, Access
from ioc.web.channels import Channel, describe, ours
from ioc.web.door import Desk, Door, Faults
from ioc.web.front import Front
from ioc.web.gate import Gate
from ioc.web.hub import Hub
from ioc.web.problems import HANDLERS, broken, problem
from ioc.web.quality import ROLES, ReadBeats, Signs
from ioc.web.rates import Rates
from ioc.web.reading import MAX_MESSAGE
from ioc.web.routes import routes

log = logging.getLogger("ioc.web")

REREAD_MOST_S = 3.0
STOP_S = 5
"""Seconds that connections have to end when the server stops."""


class Guard:
    """Puts the security headers on every answer, and turns away a key in an address before anything is done."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._headers = [
            (b"content-security-policy", wall.policy(settings.web.basemap).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"x-frame-options", b"DENY"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(self), geolocation=(self), microphone=()"),
        ]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = list(self._headers)
        if caller.secure(scope, self._settings.access):
            headers.append((b"strict-transport-security", b"max-age=31536000"))

        begun = False

        async def guarded(message: Any) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message = {**message, "headers": [*message["headers"], *headers]}
            await send(message)

        if (name := caller.key_in_query(scope)) is not None:
            say = f"A key never stands in an address; take {name} out, and send it as Authorization: Bearer KEY."
            await (open311.turned(scope["path"], 400, say) or problem(400, say))(scope, receive, guarded)
            return
        try:
            await self._app(scope, receive, guarded)
        except Exception as error:
            # Starlette's own answer to an error goes out past this guard, without its headers
            if begun:
                raise
            await (await broken(Request(scope), error))(scope, receive, guarded)


def titles(settings: Settings) -> dict[str, dict[str, Any]]:
    """What is known of each tile beside its figures, by name; the four words are tiles over the sources."""
    found: dict[str, dict[str, Any]] = {}
    for layer, tiles in catalog.shown(settings).items():
        for tile in tiles:
            found[tile.name] = {"label": tile.label, "unit": tile.unit, "over": layer.name, "by_unit": tile.by_unit}
    for word in WORDS:
        found[word.name] = {"label": word.label, "unit": ("điểm", "points"), "over": None, "by_unit": False}
    return found


def channels_of(settings: Settings) -> dict[str, Channel]:
    """All channels that the settings make."""
    there = catalog.shown(settings)
    found = describe(list(there), [tile for tiles in there.values() for tile in tiles], settings.sources)
    for word in WORDS:
        name = names.tile_channel(word.name)
        found[name] = Channel(name, "tile", False, ours(settings.sources), watched=True)
    for screen in wall.all_screens(settings):
        name = names.screen_channel(screen)
        found[name] = Channel(name, "screen")
    return found


def build(
    settings: Settings,
    *,
    board: Board,
    log: Log | None = None,
    db: Database | None = None,
    beats: ReadBeats | None = None,
    tell_walls: Callable[[bytes | None], Awaitable[None]] | None = None,
    faults: Faults | None = None,
    channels: Mapping[str, Channel] | None = None,
    clock: Callable[[], datetime] = clock.now,
    opening: Callable[[], Any] | None = None,
    vault: people.Vault | None = None,
    redis: Link | None = None,
    static: Path = wall.STATIC,
) -> Starlette:
    """The app over these stores. `beats` reads the roles' signs of life; without it nobody is expected to give any.
    `vault`: seals who filed a report; without it nobody is asked. `redis`: where processes count together how often
    somebody comes; without it each counts for itself. `opening`: a context manager that is held while the
    app runs (the stores' connections). The hub: `app.state.hub`.
    """
    import time

    access = Access(db, settings.access.public, tenants=settings.tenants)
    known = dict(channels) if channels is not None else channels_of(settings)
    beat = settings.web.beat
    signs = Signs(beats, beat, time.monotonic, clock)
    hub = Hub(
        board, access, known, beat=beat, signs=signs, clock=clock, tell_walls=tell_walls,
        max_screens=settings.web.max_screens, max_joining=settings.web.max_joining,
    )  # fmt: skip
    gate = Gate(hub, settings.access)
    access.changed = hub.recheck
    layers = {layer.name: layer for layer in catalog.asked(settings)}
    door = Door(settings, hub, access, known, layers, titles(settings), log, db, faults)
    door.desk = _desk(settings, door, db, vault, clock, redis)

    @contextlib.asynccontextmanager
    async def living(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with contextlib.AsyncExitStack() as held:
            if opening is not None:
                await held.enter_async_context(opening())
            await _reread(access)
            await hub.start()
            tasks = [asyncio.create_task(_keys(access), name="keys")]
            if door.desk is not None:
                tasks.append(asyncio.create_task(keeping.run(door.desk.photos), name="photos"))
            try:
                yield {"gate": gate}
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await hub.stop()

    guards = [Middleware(Guard, settings=settings), Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)]
    told = {**HANDLERS, HTTPException: open311.astray}
    app = Starlette(routes=routes(door, gate), middleware=guards, exception_handlers=told, lifespan=living)
    app.state.door, app.state.hub, app.state.assets = door, hub, wall.Assets(static)
    return app


def _desk(
    settings: Settings,
    door: Door,
    db: Database | None,
    vault: people.Vault | None,
    now: Callable[[], datetime],
    redis: Link | None,
) -> Desk | None:
    """The desk of citizens' reports; None where none is set."""
    rules = settings.reports
    if rules is None or db is None:
        return None
    book = Book(db, rules, calendar=settings.calendar, units=door.units, vault=vault, now=now)
    return Desk(rules, book, photos.opened(book, settings.folder), Rates(rules.limits, redis))


async def _keys(access: Access) -> None:
    """Read the keys again each second: a revoked one is gone from every process within a few."""
    down, took = False, 0.0
    while True:
        # many keys or a slow database: read less often, yet well within the five seconds that are promised
        await asyncio.sleep(min(REREAD_S + 20 * took, REREAD_MOST_S))
        began = asyncio.get_running_loop().time()
        well = await _reread(access, quiet=down)
        took = asyncio.get_running_loop().time() - began
        if well and down:
            log.warning("The keys can be read again.")
        down = not well


async def _reread(access: Access, quiet: bool = False) -> bool:
    try:
        async with asyncio.timeout(READ_S):
            await access.reread()
    except Exception as error:
        if not quiet:
            log.warning("The keys can't be read (%s); those known before stay valid.", type(error).__name__)
        return False
    return True


def beats_of(redis: Link) -> ReadBeats:
    """Reads the roles' signs of life from Redis; raises StoreAway."""
    keys = [names.beat_key(role) for role in ROLES]

    async def read() -> dict[str, float | None]:
        found = await redis.get_each(keys)
        return {role: float(value) if value is not None else None for role, value in zip(ROLES, found, strict=True)}

    return read


def teller(redis: Link) -> Callable[[bytes | None], Awaitable[None]]:
    """Tells the health watch what the walls of this process drew; raises StoreAway."""
    process, told = secrets.token_hex(6), False

    async def tell(body: bytes | None) -> None:
        nonlocal told
        if body is None and not told:
            return
        async with redis.on(names.TOLD_OF_WALLS) as server:
            if body is None:
                await server.hdel(names.TOLD_OF_WALLS, process)
            else:
                await server.hset(names.TOLD_OF_WALLS, process, body)
        told = body is not None

    return tell


def over(settings: Settings, redis_url: str, database_url: str) -> Starlette:
    """The app over the Redis and the database at these addresses; connections are made when it starts."""
    redis, board, events, db = connect(redis_url), RedisBoard(redis_url), RedisLog(redis_url), open_db(database_url)

    async def faults() -> list[str]:
        with reaching():
            return await kv.check(redis)

    @contextlib.asynccontextmanager
    async def opening() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await board.close()
            await events.close()
            await redis.aclose()
            await db.close()

    return build(
        settings,
        board=board,
        log=events,
        db=db,
        beats=beats_of(redis),
        tell_walls=teller(redis),
        faults=faults,
        opening=opening,
        vault=people.vault(),
        redis=redis,
    )


def config(app: Any, *, ws: Any = direct.Direct, **other: Any) -> uvicorn.Config:
    """How the server runs the app. Forwarded headers are left to `ioc.web.caller`, which knows the named proxies.

    `ws`: a protocol class; "websockets-sansio" takes the way over plain ASGI.
    """
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=Front,
        ws=ws,
        ws_max_size=MAX_MESSAGE,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_level="warning",
        backlog=4096,
        timeout_graceful_shutdown=STOP_S,
        **other,
    )


class Server(uvicorn.Server):
    """uvicorn's server; screens are told to come back before their connections are closed."""

    def __init__(self, app: Starlette, **other: Any) -> None:
        super().__init__(config(app, **other))
        self._hub: Hub = app.state.hub

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        # what is loaded by now stays; screens and frames hold no cycles, and thousands may come in a second
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        for sock in sockets or ():
            direct.listen(sock)
        await super().serve(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await self._hub.stop()
        # one turn for the byes to go out; closing frames are answered within the graceful time
        await asyncio.sleep(0.1)
        await super().shutdown(sockets)


def serve(settings: Settings, *, redis_url: str, database_url: str, listening: socket.socket) -> None:
    """Serve screens and the API on a socket that listens already; blocks until SIGTERM or SIGINT."""
    import uvloop

    async def run() -> None:
        await Server(over(settings, redis_url, database_url)).serve(sockets=[listening])

    uvloop.run(run())


def app_from_env() -> Starlette:
    """For `uvicorn --factory ioc.web.app:app_from_env --ws websockets-sansio --no-proxy-headers`, with any workers.

    Takes IOC_CONFIG, REDIS_URL and DATABASE_URL. Raises BadConfig when one of them is missing.
    """
    given = {name: os.environ.get(name) for name in ("IOC_CONFIG", "REDIS_URL", "DATABASE_URL")}
    if missing := [name for name, value in given.items() if not value]:
        raise BadConfig(f"The environment lacks {', '.join(missing)}; set it, or start with ioc run web.")
    migrate(str(given["DATABASE_URL"]))
    return over(settings_of.load(str(given["IOC_CONFIG"])), str(given["REDIS_URL"]), str(given["DATABASE_URL"]))
