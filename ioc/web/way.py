"""One address of this server: which function answers there, what it may be asked, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from ioc.web.asked import Param

JSON, GEOJSON, CSV, HTML = "application/json", "application/geo+json", "text/csv", "text/html"
SCRIPT, MANIFEST = "text/javascript", "application/manifest+json"
Call = Callable[[Request], Awaitable[Response]]
BYTES = {"type": "string", "format": "binary"}
"""The JSON schema of a body that is no text."""


class Way(NamedTuple):
    """One address. `gives`: media types of a good answer (`status`); `takes`: of the body; `shut`: a key is needed.

    `says`: the type of its JSON or GeoJSON (`ioc.web.answers`); `asks`: the type of the body, or its JSON schema.
    `also`: other statuses of good answers; 204 has no body. `heads`: headers that a good answer always has, and
    `headers` those that are asked for. `wrong`: statuses of errors beside the usual ones. `errors`: media types of
    errors that are no problem details.
    """

    path: str
    call: Call
    gives: tuple[str, ...] = (JSON,)
    params: tuple[Param, ...] = ()
    method: str = "GET"
    takes: str | None = None
    status: int = 200
    shut: bool = True
    wrong: tuple[int, ...] = ()
    errors: tuple[str, ...] = ()
    says: Any = None
    asks: Any = None
    also: tuple[int, ...] = ()
    heads: tuple[str, ...] = ()
    headers: tuple[Param, ...] = ()
