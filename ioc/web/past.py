"""A layer as it was: the archive's events, folded again. Plain: the whole archive of the layer is read."""

from __future__ import annotations

import asyncio
from datetime import datetime

from ioc.db import archive
from ioc.db.session import Database
from ioc.layer import Item, Layer
from ioc.web.problems import Wrong

LONGEST_S = 30.0
AT_ONCE = asyncio.Semaphore(2)
"""Two such questions at a time: screens come first."""


async def items_at(
    db: Database, layer: Layer, at: datetime | None, known: datetime | None, now: datetime
) -> dict[str, Item]:
    """Items at `at`, made of the events received up to `known`; a time that is left out is the other one, else now.

    Raises Wrong (503) when it takes too long.
    """
    moment = at or known or now
    try:
        async with asyncio.timeout(LONGEST_S), AT_ONCE:
            return await _fold(db, layer, at, known, moment)
    except TimeoutError:
        raise Wrong("The archive took too long to answer; ask for it again when fewer do.", 503) from None


async def _fold(
    db: Database, layer: Layer, at: datetime | None, known: datetime | None, moment: datetime
) -> dict[str, Item]:
    items: dict[str, Item] = {}
    gone: dict[str, tuple[datetime, datetime]] = {}
    async for event in archive.latest(db, layer.listens, at=at, known=known):
        name, place = event.subject, (event.time, event.received)
        # as on the board: a late event brings nothing back that was dropped after it
        if name in gone and place < gone[name]:
            continue
        old = items.get(name)
        new = layer.fold(old, event)
        if new is None:
            items.pop(name, None)
            if event.data is None:
                gone[name] = place
        else:
            items[name] = new
            gone.pop(name, None)
    return {name: woken for name, item in items.items() if (woken := _woken(layer, item, moment)) is not None}


def _woken(layer: Layer, item: Item, moment: datetime) -> Item | None:
    """The item after all that time alone did to it until `moment`."""
    woken: Item | None = item
    before = None
    while woken is not None and (when := layer.wakes(woken)) is not None and when <= moment and when != before:
        before = when
        woken = layer.wake(woken, moment)
    return woken
