"""What is done of photos beside the requests: what came whole while the store was away is kept, what is old dropped.

Runs where the parts lie, beside the server that takes them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from datetime import datetime, timedelta

import sqlalchemy as sa

from ioc import clock
from ioc.db.reports import Photo, photo_of, photos, reports
from ioc.db.session import Database
from ioc.reports.images import NoPhoto
from ioc.reports.people import PURGE_S
from ioc.reports.photos import FORGOTTEN_S, Misplaced, Photos
from ioc.reports.stores import PhotosAway

EVERY_S = 60.0
"""Seconds between two looks; a whole photo that nobody touched for so long is kept from here."""
BATCH = 500

logger = logging.getLogger("ioc.reports")


async def run(kept: Photos) -> None:
    """For ever: finish what waits, and each hour drop what is too old. Who is away is asked again."""
    purged: float | None = None
    while True:
        # a store that is away was told when it went
        with suppress(PhotosAway):
            try:
                await finish(kept, EVERY_S, clock.now())
                if purged is None or time.monotonic() - purged >= PURGE_S:
                    await asyncio.to_thread(kept.sweep)
                    if (days := kept.book.rules.keep_photo_days) is not None:
                        await purge(kept, days, clock.now())
                    purged = time.monotonic()
            except (sa.exc.DBAPIError, sa.exc.TimeoutError, OSError) as error:
                logger.warning("Photos can't be looked after now (%s).", type(error).__name__)
        await asyncio.sleep(EVERY_S)


async def finish(kept: Photos, since_s: float, now: datetime) -> int:
    """Keep what lies here whole, untouched for `since_s` seconds; returns how many are settled. Raises PhotosAway."""
    if not any(kept.parts.glob("*.part")):
        return 0
    done = 0
    for photo in await _planned(kept.book.db, now):
        report = await kept.book.get(photo.report)
        if report is None or not kept.waiting(photo, since_s):
            continue
        with suppress(NoPhoto, Misplaced):
            await kept.finish(report, photo)
        done += 1
    return done


async def purge(kept: Photos, days: float, now: datetime) -> int:
    """Drop photos and videos of reports that ended more than `days` ago; the log of looks says how many.

    Raises PhotosAway; what was dropped until then is noted.
    """
    gone, of = 0, set[str]()
    try:
        while found := await _expired(kept.book.db, now - timedelta(days=days)):
            for photo in found:
                if await kept.drop(photo):
                    gone += 1
                    of.add(photo.report)
    finally:
        if gone:
            what = f"purged {gone} photos of {len(of)} reports that ended over {days:g} days ago"
            await kept.book.looked(None, "ioc", what)
            logger.info("%d photos of %d reports were purged (kept for %g days).", gone, len(of), days)
    return gone


async def _planned(db: Database, now: datetime) -> list[Photo]:
    """Photos of which all may have come; what is older was swept."""
    young = photos.c.at > now - timedelta(seconds=2 * FORGOTTEN_S)
    async with db.reading() as connection:
        rows = await connection.execute(sa.select(photos).where(photos.c.state == "planned", young))
        return [photo_of(row) for row in rows.mappings()]


async def _expired(db: Database, before: datetime) -> list[Photo]:
    joined = photos.join(reports, reports.c.id == photos.c.report)
    query = sa.select(photos).select_from(joined).where(photos.c.state == "taken", reports.c.ended < before)
    async with db.reading() as connection:
        rows = await connection.execute(query.order_by(photos.c.report, photos.c.hash).limit(BATCH))
        return [photo_of(row) for row in rows.mappings()]
