"""Photos and videos of citizens' reports over HTTP: sent in parts by who filed them, seen by everybody.

A part goes from `Upload-Offset` on; what has arrived outlives this process, and a HEAD says how much that is.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import AsyncIterator

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from ioc.db.reports import Photo, Report
from ioc.reports import near
from ioc.reports.book import Unknown
from ioc.reports.filing import HASH, Unfit
from ioc.reports.images import NoPhoto
from ioc.reports.photos import Misplaced
from ioc.reports.stores import STORED, nothing
from ioc.web.asked import Param
from ioc.web.door import Desk, desk, door
from ioc.web.problems import problem
from ioc.web.reports import here_db, mine, tell, turned_away

HEADS = ("Upload-Offset", "Upload-Length", "Upload-State")
OFFSET = Param("Upload-Offset", "from which byte on the part goes", {"type": "integer", "minimum": 0}, int, needed=True)
MOST_PART = 16 * 1024 * 1024
"""Bytes of one part of a photo at most."""
_RANGE = re.compile(r"bytes=(\d{0,12})-(\d{0,12})")


async def photo_offset(request: Request) -> Response:
    """How much of a photo has arrived (`Upload-Offset`); a whole one that was not drawn yet is drawn now."""
    counter, report, photo = await _photo(request)
    at = counter.photos.offset(photo)
    if photo.state == "planned" and at == photo.bytes:
        try:
            photo = await counter.photos.finish(report, photo)
        except NoPhoto:
            photo = msgspec.structs.replace(photo, state="refused")
        except Misplaced as error:
            at = error.offset
    return Response(status_code=200, headers=_offset(at, photo.bytes, photo.state))


async def photo_part(request: Request) -> Response:
    """Send a part of a photo from `Upload-Offset` on: 204 while more is due, 201 when it is whole and kept."""
    counter, report, photo = await _photo(request)
    given = request.headers.get("upload-offset", "")
    if not given.isdecimal() or len(given) > 12:
        raise Unfit("Upload-Offset says from which byte on the part goes; send it.", "Thiếu vị trí của phần gửi lên.")
    try:
        at = await counter.photos.take(photo, int(given), _pieces(request))
        if at < photo.bytes:
            return Response(status_code=204, headers=_offset(at, photo.bytes, "planned"))
        done = await counter.photos.finish(report, photo)
    except Misplaced as error:
        vi = f"Phần này không nối tiếp phần trước; gửi tiếp từ byte {error.offset}."
        return turned_away(409, error.say, vi, _offset(error.offset, photo.bytes, "planned"))
    except ClientDisconnect:
        return Response(status_code=204)
    return tell({"hash": done.hash, "state": done.state, "why": done.why}, 201, _offset(at, photo.bytes, done.state))


async def photo(request: Request) -> Response:
    """A photo or video as it is kept: drawn anew, with nothing in it but the picture. A part of it by `Range`."""
    here = door(request)
    counter, stored = desk(here), request.path_params["stored"]
    if not STORED.fullmatch(stored) or not await near.is_shown(here_db(here), stored):
        raise Unknown()
    found = await counter.photos.find(stored)
    if found is None:
        raise Unknown()
    headers = {
        "Cache-Control": "public, max-age=3600", "Content-Disposition": "inline", "Accept-Ranges": "bytes",
        "ETag": f'"{stored}"',
    }  # fmt: skip
    span = _span(request.headers, found.size, headers["ETag"])
    if span is not None and span[0] >= found.size:
        say = f"There are {found.size} bytes; ask for some of them."
        return problem(416, say, headers={"Content-Range": f"bytes */{found.size}"})
    start, end = span or (0, found.size)
    pieces = await counter.photos.get(found, start, end) if request.method != "HEAD" else nothing()
    if pieces is None:
        raise Unknown()
    headers["Content-Length"] = str(end - start)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
    return StreamingResponse(pieces, 206 if span is not None else 200, headers, media_type=found.kind)


def _span(headers: Headers, size: int, tag: str) -> tuple[int, int] | None:
    """The one range that is asked for, as start and end (not included); None: all of it (RFC 9110, 14).

    Several ranges, or one that can't be read, are answered with all of it. A start at or past the end can't be given.
    """
    asked = _RANGE.fullmatch(headers.get("range", ""))
    if asked is None or asked[1] == asked[2] == "" or headers.get("if-range", tag) != tag:
        return None
    if asked[1] == "":
        # the last bytes; of none at all nothing can be given
        last = min(int(asked[2]), size)
        return size - last, size
    start = int(asked[1])
    end = min(int(asked[2]) + 1, size) if asked[2] else size
    return None if asked[2] and int(asked[2]) < start else (start, end)


async def _photo(request: Request) -> tuple[Desk, Report, Photo]:
    """The photo that the path names, of the report that the follow secret opens. Raises Unknown."""
    counter = desk(door(request))
    report = await mine(request, counter)
    name = request.path_params["hash"]
    if not hmac.compare_digest(report.id.encode(), request.path_params["id"].encode()) or not HASH.fullmatch(name):
        raise Unknown()
    for one in await counter.book.photos(report.id):
        if one.hash == name:
            return counter, report, one
    raise Unknown()


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes, of at most MOST_PART bytes."""
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > MOST_PART:
            return
        yield piece


def _offset(at: int, size: int, state: str) -> dict[str, str]:
    return {"Upload-Offset": str(at), "Upload-Length": str(size), "Upload-State": state, "Cache-Control": "no-store"}
