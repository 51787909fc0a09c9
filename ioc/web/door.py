"""What the addresses of this server share: settings, hub, access, stores; and the first questions to every request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.requests import Request

from ioc.adapter import Adapter
from ioc.db.session import Database
from ioc.geo.units import Units
from ioc.layer import Layer
from ioc.log import Log
from ioc.report_rules import Reports
from ioc.reports.book import Book
from ioc.reports.photos import Photos
from ioc.settings import Settings
from ioc.web import caller
from ioc.web.access import Access, Grant, Refused
from ioc.web.channels import Channel
from ioc.web.hub import Hub
from ioc.web.mirror import Mirror
from ioc.web.problems import Wrong
from ioc.web.rates import Rates

Faults = Callable[[], Awaitable[list[str]]]
"""What is wrong with how the stores keep our keys, as finished sentences; raises when they can't be asked."""


@dataclass
class Desk:
    """What citizens' reports are taken with: the rules, the book, the photos, and how often one may come."""

    rules: Reports
    book: Book
    photos: Photos
    rates: Rates


@dataclass
class Door:
    """One for each app. `layers`: by name. `titles`: of tiles, by name, as {"label", "unit", "over", "by_unit"}.

    `opening`: who opens a sheet holds it, for each takes memory many times its size.
    """

    settings: Settings
    hub: Hub
    access: Access
    channels: Mapping[str, Channel]
    layers: Mapping[str, Layer]
    titles: Mapping[str, Mapping[str, Any]]
    log: Log | None = None
    db: Database | None = None
    faults: Faults | None = None
    adapters: dict[str, Adapter[Any]] = field(default_factory=dict)
    desk: Desk | None = None
    opening: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    _units: asyncio.Task[Units] | None = field(default=None, repr=False)

    async def units(self) -> Units:
        """The communes; read once, in a thread, when they are first asked for. Raises BadConfig."""
        if self._units is None or (self._units.done() and self._units.exception() is not None):
            load = partial(Units.load, self.settings.province, self.settings.folder)
            self._units = asyncio.create_task(asyncio.to_thread(load))
        return await asyncio.shield(self._units)


def door(request: Request) -> Door:
    found: Door = request.app.state.door
    return found


def desk(here: Door) -> Desk:
    """The desk of citizens' reports. Raises Wrong (404) where none is set."""
    if here.desk is None:
        raise Wrong("No reports are taken here; the settings need [reports].", 404)
    return here.desk


async def grant_of(request: Request) -> Grant:
    """The caller's grant. Raises Refused."""
    here = door(request)
    settings = here.settings.access
    return await here.access.of(caller.secret(request.scope), caller.address(request.scope, settings))


async def known(request: Request) -> Grant:
    """The grant of a caller to whom anything is open. Raises Refused (401) when a key is needed."""
    grant = await grant_of(request)
    if not grant.known:
        raise Refused("A key is needed here; send it as Authorization: Bearer KEY.")
    return grant


async def opened(request: Request, channel: str) -> tuple[Grant, Mirror]:
    """The grant and the mirror of a channel that it opens. Raises Refused (401, 403) and Wrong (404)."""
    grant = await known(request)
    if not grant.may(channel):
        if grant.key is None:
            raise Refused("A key is needed here; send it as Authorization: Bearer KEY.")
        raise Refused("Your key does not open this; ask the operator for one that does.", 403)
    mirror = door(request).hub.mirrors.get(channel)
    if mirror is None:
        raise Wrong("There is nothing of that name; /api/layers, /api/tiles and /api/sources list what there is.", 404)
    return grant, mirror
