"""The checks over HTTP: what is held against what, both figures, and since when it fails."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ioc import names
from ioc.web.door import opened
from ioc.web.scope import sight
from ioc.web.wall import as_json


async def checks(request: Request) -> Response:
    """Every check of the settings: whether it holds (null: not known yet), with both figures; the failed come first."""
    grant, mirror = await opened(request, names.CHECKS)
    found = [msgspec.json.decode(body) for _, body in mirror.seen(sight(grant, mirror.channel))]
    return as_json(request, sorted(found, key=lambda one: (one["ok"] is not False, one["id"])))
