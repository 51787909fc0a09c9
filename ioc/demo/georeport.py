"""GeoReport v2 as the demo's servers of reports and petitions speak it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ioc import clock

PAGE, PAGE_MOST = 100, 500


def tally(total: int, newest: datetime) -> Response:
    """How many there are, and when one changed last."""
    return JSONResponse({"tong": total, "cap_nhat": newest.astimezone(clock.ZONE).isoformat(timespec="seconds")})


def asked(request: Request) -> tuple[int, int, datetime | None]:
    """Page, its size, and the time from which on updates are wanted. Raises ValueError."""
    page = int(request.query_params.get("page", "1"))
    size = int(request.query_params.get("page_size", str(PAGE)))
    if page < 1 or not 1 <= size <= PAGE_MOST:
        raise ValueError(f"page is 1 or more, and page_size 1 to {PAGE_MOST}.")
    since = request.query_params.get("updated_after")
    return page, size, clock.parse(since) if since else None


def answer(rows: Sequence[Mapping[str, Any]], form: str, many: str, one: str, status: int) -> Response:
    """The rows as JSON or XML (`form`); `many` and `one` name its elements."""
    if form == "json":
        return JSONResponse(list(rows), status)
    inside = "".join(
        f"<{one}>" + "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in row.items()) + f"</{one}>"
        for row in rows
    )
    text = f'<?xml version="1.0" encoding="utf-8"?><{many}>{inside}</{many}>'
    return Response(text, status, media_type="text/xml")


def refused(status: int, say: str, form: str) -> Response:
    """An error in the form of GeoReport v2."""
    return answer([{"code": status, "description": say}], form, "errors", "error", status)


Row = tuple[datetime, Callable[[], Mapping[str, Any]]]
"""When a request changed last, and what tells it."""


def requests(rows: Sequence[Row], request: Request, form: str) -> Response:
    """The page that is asked for; of `rows` the last changed is the last."""
    try:
        page, size, since = asked(request)
    except ValueError as error:
        return refused(400, str(error), form)
    found = [row for changed, row in rows if since is None or changed >= since]
    some = [row() for row in found[(page - 1) * size : page * size]]
    return answer(some, form, "service_requests", "request", 200)
