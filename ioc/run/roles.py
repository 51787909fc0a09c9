"""Which roles this process plays, and how it keeps playing them: leases, signs of life, back-off, a clean stop."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from ioc import catalog, clock, memory, names
from ioc.board.redis import RedisBoard
from ioc.db.session import Database, migrate, open_db
from ioc.errors import BadConfig, Fenced, Gap, IocError, StoreAway
from ioc.log.redis import RedisLog
from ioc.redis_link import connect, reaching
from ioc.run import ending
from ioc.run.epochs import Epochs
from ioc.run.lease import hold
from ioc.score import WORDS
from ioc.settings import Settings
from ioc.walls import REMEMBERED, Told

if TYPE_CHECKING:
    from ioc.geo.units import Units
    from ioc.run.archive import SqlArchive

BACK_OFF_S = 0.25
BACK_OFF_MAX_S = 5.0
STOP_S = 20.0
"""A process that has been told to stop, and has not after so long, dies: what it had begun is begun again by others."""
SWITCH_S = 0.0005
"""Seconds after which a thread of the engines hands over to another that waits."""

logger = logging.getLogger("ioc.roles")


class Stage(msgspec.Struct):
    """What the roles of one process share: the stores, and the settings."""

    settings: Settings
    redis_url: str
    redis: Any
    board: RedisBoard
    log: RedisLog
    db: Database
    epochs: Epochs

    def tiles(self) -> list[str]:
        """Names of the tiles of all layers and of the four words."""
        found = [tile.name for tiles in catalog.shown(self.settings).values() for tile in tiles]
        return found + [word.name for word in WORDS]

    async def walls(self) -> list[Told]:
        """What the web processes tell of their walls; one that is long gone is forgotten. Raises StoreAway."""
        async with self.redis.on(names.TOLD_OF_WALLS) as server:
            found = await server.hgetall(names.TOLD_OF_WALLS)
            told = {process: msgspec.json.decode(body, type=Told) for process, body in found.items()}
            old = [process for process, one in told.items() if clock.now() - one.at > REMEMBERED]
            if old:
                await server.hdel(names.TOLD_OF_WALLS, *old)
        return [one for process, one in told.items() if process not in old]


async def _poller(stage: Stage, fence: int) -> None:
    from ioc.geo.units import Units
    from ioc.run import poller
    from ioc.run.archive import SqlArchive

    units = await asyncio.to_thread(Units.load, stage.settings.province, stage.settings.folder)
    archive = SqlArchive(stage.db)
    async with asyncio.TaskGroup() as together:
        for work in [*_of_reports(stage), *_of_heat(stage, archive)]:
            together.create_task(work, name="reports")
        for work in _of_gaps(stage, archive, units):
            together.create_task(work, name="gaps")
        await poller.run(stage.settings, stage.log, units, archive.standing, archive.quarantined)


def _of_reports(stage: Stage) -> list[Coroutine[Any, Any, None]]:
    """What is to be done of citizens' reports beside the polling: outbox, the clock's steps, the purge of people."""
    rules = stage.settings.reports
    if rules is None:
        return []
    from ioc.reports import book, outbox, people, watch

    relay = outbox.Relay(stage.db, stage.log, stage.settings.sources[rules.source])
    clocked = watch.Watch(book.Book(stage.db, rules, calendar=stage.settings.calendar))
    return [relay.run(), clocked.run(), people.purging(stage.db, rules.keep_person_days)]


def _of_heat(stage: Stage, archive: SqlArchive) -> list[Coroutine[Any, Any, None]]:
    """Hot spots are worked out for each source that stands for them in the settings; one that is wrong is refused."""
    rules = stage.settings.reports
    coarse = {name: one.coarse_m for name, one in rules.categories.items()} if rules is not None else {}
    found: list[Coroutine[Any, Any, None]] = []
    for source in stage.settings.sources.values():
        if source.adapter != "hotspots":
            continue
        from ioc.reports.heat import Heat

        try:
            config = catalog.open_adapter(source).config
        except BadConfig:
            # the poller says so, and shows the source as refused
            continue
        heat = Heat(stage.db, stage.log, source, config, standing=archive.standing, coarse=coarse)
        found.append(heat.run())
    return found


def _of_gaps(stage: Stage, archive: SqlArchive, units: Units) -> list[Coroutine[Any, Any, None]]:
    """Gaps in what cameras see, for each source that stands for them in the settings; one that is wrong is refused."""
    found: list[Coroutine[Any, Any, None]] = []
    for source in stage.settings.sources.values():
        if source.adapter != "camera_gaps":
            continue
        from ioc.run import gaps
        from ioc.run.projector import feeding

        try:
            config = catalog.open_adapter(source).config
        except BadConfig:
            # the poller says so, and shows the source as refused
            continue
        those = feeding(stage.settings, catalog.layer(gaps.CAMERAS))
        calendar = stage.settings.calendar
        watch = gaps.Gaps(
            stage.board, stage.log, source, config, units, feeding=those, standing=archive.standing, calendar=calendar
        )
        found.append(watch.run())
    return found


async def _health(stage: Stage, fence: int) -> None:
    from ioc.geo.units import Units
    from ioc.run.health import Health
    from ioc.run.remind import Reminding

    settings, called = stage.settings, dict[str, str]()
    if any(source.contract.reporters == "units" for source in settings.sources.values()):
        there = await asyncio.to_thread(Units.load, settings.province, settings.folder)
        called = {unit.code: unit.name for unit in there.all()}
    rules = settings.reminders
    reminding = Reminding(settings, rules, stage.db, called=called) if rules is not None else None
    health = Health(
        settings, stage.board, stage.log, tiles=stage.tiles, units=list(called), read_walls=stage.walls,
        reminding=reminding, fence=fence, epochs=stage.epochs,
    )  # fmt: skip
    async with asyncio.TaskGroup() as together:
        together.create_task(health.run(), name="health looks")
        if reminding is not None:
            together.create_task(reminding.run(), name="reminders")


async def _projector(stage: Stage, fence: int) -> None:
    from ioc.run.archive import SqlArchive
    from ioc.run.projector import Projector

    archive = SqlArchive(stage.db)
    layers = catalog.shown(stage.settings)
    projector = Projector(layers, stage.board, stage.log, archive, stage.settings, fence=fence, epochs=stage.epochs)
    await projector.run()


async def _archive(stage: Stage, fence: int) -> None:
    from ioc.run import archive

    await archive.run(stage.log, stage.board, stage.db, stage.tiles, stage.settings.retention_days)


ENGINES: dict[str, Callable[[Stage, int], Awaitable[None]]] = {
    "poller": _poller,
    "health": _health,
    "projector": _projector,
    "archive": _archive,
}


async def play(stage: Stage, role: str) -> None:
    """Play one role for ever: hold its lease, beat, begin again after whatever went wrong; told once down, once back.

    An error that nobody thought of is told with its trace, and stops no other role. Raises BadConfig.
    """
    wait, down = BACK_OFF_S, False
    while True:
        began = time.monotonic()
        try:
            async with hold(stage.redis, role) as fence, asyncio.TaskGroup() as together:
                together.create_task(_beat(stage, role), name=f"beat {role}")
                together.create_task(_until_lost(ENGINES[role](stage, fence)), name=role)
                if down:
                    logger.info("%s plays again.", role)
                down = False
        except Exception as error:
            found = _flat(error)
            for bad in found:
                if isinstance(bad, BadConfig):
                    raise bad from None
            strange = [bad for bad in found if not isinstance(bad, _EXPECTED)]
            if strange or not down:
                say = "; ".join(map(_said, found))
                logger.warning("%s begins again: %s", role, say, exc_info=strange[0] if strange else None)
            down = True
        wait = BACK_OFF_S if time.monotonic() - began > BACK_OFF_MAX_S * 2 else min(wait * 2, BACK_OFF_MAX_S)
        await asyncio.sleep(wait)


_EXPECTED = (StoreAway, Gap, Fenced, sa.exc.DBAPIError, OSError)


async def _until_lost(engine: Awaitable[None]) -> None:
    await engine
    raise Gap("The role came to its end.")


async def _beat(stage: Stage, role: str) -> None:
    """A sign of life, each beat. A role whose loop hangs gives none, and screens say so."""
    while True:
        async with stage.redis.on(names.beat_key(role)) as server:
            await server.set(names.beat_key(role), f"{time.time():.3f}")
        await asyncio.sleep(stage.settings.web.beat / 2)


def _flat(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _flat(inner)]
    return [error]


def _said(error: BaseException) -> str:
    return error.say if isinstance(error, IocError) else type(error).__name__


async def _main(stage: Stage, roles: tuple[str, ...]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    playing = [asyncio.create_task(play(stage, role), name=f"role {role}") for role in roles]
    stopping = asyncio.create_task(stop.wait())
    beside = asyncio.create_task(memory.giving_back(), name="memory")
    done, _ = await asyncio.wait([*playing, stopping], return_when=asyncio.FIRST_COMPLETED)
    # says what each thread was at; it ends with the process
    faulthandler.dump_traceback_later(STOP_S, exit=True)
    await ending.end([*playing, stopping, beside])
    await ending.settle()
    await stage.board.close()
    await stage.log.close()
    await stage.redis.aclose()
    await stage.db.close()
    for task in done - {stopping}:
        task.result()


async def _migrated(database_url: str) -> None:
    """Bring the database to its form; waits for one that is away."""
    told = False
    while True:
        try:
            await asyncio.to_thread(migrate, database_url)
            return
        except sa.exc.OperationalError as error:
            if not told:
                logger.error("The database does not answer; waiting for it. (%s)", str(error.orig).splitlines()[0])
            told = True
            await asyncio.sleep(BACK_OFF_MAX_S)


async def _open(settings: Settings, redis_url: str, database_url: str) -> Stage:
    await _migrated(database_url)
    redis, board = connect(redis_url), RedisBoard(redis_url)
    log = RedisLog(redis_url, streams=settings.log.streams)
    return Stage(settings, redis_url, redis, board, log, open_db(database_url), Epochs())


async def _engines(settings: Settings, redis_url: str, database_url: str, roles: tuple[str, ...]) -> None:
    await _main(await _open(settings, redis_url, database_url), roles)


def run(
    settings: Settings,
    roles: tuple[str, ...],
    *,
    redis_url: str | None,
    database_url: str,
    port: int,
    host: str,
    workers: int,
    data: Path,
) -> None:
    """Play these roles until SIGTERM or SIGINT; blocks. `redis_url` None: a server of ours in the folder `data`.

    Web screens are served by processes of their own when other roles run beside them: neither holds up the other.
    """
    from ioc import kv
    from ioc.run.children import Child, supervise

    tell()
    engines = tuple(role for role in roles if role in ENGINES)
    with kv.use(redis_url, data) as url:
        asyncio.run(warn(url))
        if "web" not in roles:
            play_engines(settings, url, database_url, engines)
            return
        migrate(database_url)
        with socket.create_server((host, port), backlog=4096) as listening:
            if not engines and workers == 1:
                play_web(settings, url, database_url, listening)
                return
            children = [
                Child(f"web {n + 1}", play_web, (settings, url, database_url, listening)) for n in range(workers)
            ]
            if engines:
                children.append(Child(" ".join(engines), play_engines, (settings, url, database_url, engines)))
            supervise(children)


def tell() -> None:
    """Send the log to standard error, where the process's keeper reads it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    for chatty in ("alembic", "httpx2", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


async def warn(redis_url: str) -> None:
    """Say in the log what is wrong with how this Redis keeps what it is given; one that is away is waited for later."""
    from ioc import kv

    redis = connect(redis_url)
    try:
        with reaching():
            for say in await kv.check(redis):
                logger.warning("%s", say)
    except StoreAway as error:
        logger.warning("%s", error.say)
    finally:
        await redis.aclose()


def rarely_collect() -> None:
    """Events and items hold no cycles: to look for some after every 700 of them is a tenth of the work, and more."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def play_engines(settings: Settings, redis_url: str, database_url: str, roles: tuple[str, ...]) -> None:
    """Play roles that have no socket, in this process, until it is told to stop."""
    import uvloop

    tell()
    memory.few_arenas()
    rarely_collect()
    # the tiles' thread hands over soon: each of a transaction's many small steps waits for it
    sys.setswitchinterval(SWITCH_S)
    uvloop.run(_engines(settings, redis_url, database_url, roles))
    faulthandler.cancel_dump_traceback_later()


def play_web(settings: Settings, redis_url: str, database_url: str, listening: socket.socket) -> None:
    """Serve screens and the API on a socket that listens already, in this process, until it is told to stop."""
    from ioc.web.app import serve

    tell()
    memory.few_arenas()
    serve(settings, redis_url=redis_url, database_url=database_url, listening=listening)
