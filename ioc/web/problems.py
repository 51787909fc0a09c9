"""Errors over HTTP: RFC 9457 problem details, a finished sentence in `detail`, never a stack trace."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ioc import clock
from ioc.errors import IocError, StoreAway
from ioc.reports.book import Claimed, NotAllowed, Quicker, Unfit, Unknown
from ioc.reports.stores import PhotosAway
from ioc.web.access import Refused

log = logging.getLogger("ioc.web")


class Wrong(IocError):
    """The request is wrong: the caller is told everything that is, at once; nothing was stored."""

    def __init__(self, say: str, status: int = 400, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(say)
        self.status = status
        self.errors = errors or []


def problem(
    status: int,
    say: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, Any]] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """The answer for an error; `errors`: each thing that is wrong, as {"where", "say"}; `more`: members beside."""
    body: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": say}
    if errors:
        body["errors"] = errors
    body |= more or {}
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(body), status, kept, media_type="application/problem+json")


async def wrong(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Wrong)
    return problem(error.status, error.say, errors=error.errors)


async def refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    headers = {
        401: {"WWW-Authenticate": 'Bearer realm="ioc"'},
        429: {"Retry-After": str(error.wait_s)},
        503: {"Retry-After": "5"},
    }.get(error.status)
    return problem(error.status, error.say, headers=headers)


async def away(_request: Request, error: Exception) -> Response:
    assert isinstance(error, StoreAway)
    return problem(503, error.say, headers={"Retry-After": "2"})


async def photos_away(_request: Request, error: Exception) -> Response:
    """The store of photos is away: what came is kept here, and the app goes on by itself."""
    assert isinstance(error, PhotosAway)
    return problem(503, error.vi, headers={"Retry-After": "30"}, more={"say": {"vi": error.vi, "en": error.say}})


async def http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    says = {
        404: "There is nothing at this address; GET / lists what is here.",
        405: "This address does not take that method; /openapi.json says which it takes.",
    }
    return problem(error.status_code, says.get(error.status_code, f"{error.detail}."), headers=error.headers)


async def broken(request: Request, error: Exception) -> Response:
    log.error("%s %s failed.", request.method, request.url.path, exc_info=error)
    return problem(500, "The server made a mistake; it was noted, and nothing was changed. Try again later.")


async def unfit(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Unfit)
    return problem(422, error.vi, errors=error.errors, more={"say": {"vi": error.vi, "en": error.say}})


async def of_report(_request: Request, error: Exception) -> Response:
    """What the book of reports says no to."""
    assert isinstance(error, IocError)
    more: dict[str, Any] = {}
    status = 404 if isinstance(error, Unknown) else 403 if isinstance(error, NotAllowed) else 409
    if isinstance(error, Quicker):
        more = {"who": error.who, "what": error.what, "version": error.version}
    elif isinstance(error, Claimed):
        more = {"who": error.by, "what": "claim", "by": error.by, "until": clock.rfc3339(error.until)}
    return problem(status, error.say, more=more)


async def store(_request: Request, error: Exception) -> Response:
    """The database is away: nothing was taken."""
    log.warning("The database did not answer (%s).", type(error).__name__)
    return problem(503, "The database does not answer; nothing was changed. Try again.", headers={"Retry-After": "5"})


HANDLERS: dict[Any, Any] = {
    Wrong: wrong,
    Refused: refused,
    StoreAway: away,
    PhotosAway: photos_away,
    HTTPException: http,
    Exception: broken,
}
HANDLERS |= dict.fromkeys((Unknown, NotAllowed, Quicker, Claimed), of_report) | {Unfit: unfit}
HANDLERS |= dict.fromkeys((sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError), store)
