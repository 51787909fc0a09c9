"""Rebuild every board from the archive, under a new epoch: by the projector that runs, or here when none does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from ioc import catalog, kv, names
from ioc.board.redis import RedisBoard
from ioc.db.session import migrate, open_db
from ioc.errors import IocError
from ioc.layer import Layer
from ioc.log.redis import RedisLog
from ioc.redis_link import connect
from ioc.run.archive import SqlArchive
from ioc.run.lease import hold
from ioc.run.projector import Projector
from ioc.settings import Settings

LIMIT_S = 600.0

Say = Callable[[str], None]


def replay(
    settings: Settings,
    *,
    redis_url: str | None,
    database_url: str,
    data: Path,
    set_aside: str | None,
    say: Say,
    forget: bool = False,
) -> str:
    """Replay into the boards, or (`set_aside`) take a source's set-aside records once more; blocks; returns a sentence.

    `forget`: those that still can't be read are dropped.

    Raises IocError when no whole board is there after ten minutes.
    """
    with kv.use(redis_url, data) as url:
        migrate(database_url)
        if set_aside is not None:
            from ioc.run.again import again

            return asyncio.run(again(settings, url, database_url, set_aside, say, forget=forget))
        return asyncio.run(_rebuild(settings, url, database_url, say))


async def _rebuild(settings: Settings, redis_url: str, database_url: str, say: Say) -> str:
    board, log, db, redis = RedisBoard(redis_url), RedisLog(redis_url), open_db(database_url), connect(redis_url)
    layers = catalog.shown(settings)

    async def here() -> None:
        async with hold(redis, "projector") as fence:
            say("No projector runs; rebuilding here.")
            await Projector(layers, board, log, SqlArchive(db), settings, fence=fence).open()

    began = time.monotonic()
    for layer in layers:
        await board.drop(names.layer_channel(layer.name))
        say(f"{names.layer_channel(layer.name)} is dropped; it is rebuilt from the archive.")
    own = asyncio.create_task(here())
    try:
        async with asyncio.timeout(LIMIT_S):
            items = await _whole(board, list(layers))
            if own.done():
                own.result()
    except TimeoutError:
        raise IocError(f"No whole boards after {LIMIT_S:g} s; look into the projector's log.") from None
    finally:
        own.cancel()
        await asyncio.gather(own, return_exceptions=True)
        for part in (board, log, db):
            await part.close()
        await redis.aclose()
    return f"{len(layers)} boards with {items} items were rebuilt in {time.monotonic() - began:.1f} s."


async def _whole(board: RedisBoard, layers: list[Layer]) -> int:
    """Wait until every layer has a whole board; returns how many items they hold."""
    while True:
        found = [await board.snapshot(names.layer_channel(layer.name)) for layer in layers]
        if all(snapshot is not None and snapshot.whole for snapshot in found):
            return sum(len(snapshot.items) for snapshot in found if snapshot is not None)
        await asyncio.sleep(0.25)
