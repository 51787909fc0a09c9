"""Vector tiles of a layer, `/tiles/{layer}/{z}/{x}/{y}.mvt`: made once for all who ask within a second.

A tile of a hundred thousand items is half a second of work. It is done a slice at a time in the loop: a thread would
hold the interpreter as long, in pieces that the loop can't choose. Compressing lets go of it, and is done in a thread.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ioc import names
from ioc.layer import TROUBLE
from ioc.web import mvt
from ioc.web.door import opened
from ioc.web.grid import Box
from ioc.web.mirror import Mirror
from ioc.web.mvt import Tile
from ioc.web.problems import Wrong
from ioc.web.scope import sight
from ioc.web.sight import Sight

MVT = "application/vnd.mapbox-vector-tile"
PATH = "/tiles/{layer}/{z}/{x}/{y}.mvt"
FRESH_S = 1.0
"""How long a tile serves all who ask for it, however fast the layer moves."""
MOST_BYTES = 32 * 1024 * 1024
"""Bytes of tiles that are kept."""
GRAIN = 32
"""Units of a tile (of 4096) in which one point stands for all that lie there: 4 pixels of 512, a third of a mark."""
NEAR_ZOOM = 14
"""From this zoom on every point is told."""
SLICE = 250
"""Items between two turns of the loop."""
LEAST_PACKED = 500


class Kept(NamedTuple):
    """A tile as it is answered; `packed`: compressed once for all."""

    body: bytes
    packed: bytes | None
    etag: str
    made: float


class _Told(msgspec.Struct, gc=False):
    state: Any = None
    overdue: Any = None
    open: Any = None
    level: Any = None


class _Item(msgspec.Struct, gc=False):
    properties: _Told | None = None


class _Shape(msgspec.Struct, gc=False):
    geometry: Any = None


_WORDS = _Told.__struct_fields__
_item, _shape = msgspec.json.Decoder(_Item), msgspec.json.Decoder(_Shape)


async def draw(layer: str, tile: Tile, names: Iterable[str], mirror: Mirror) -> bytes:
    """The tile of these items, as far as they are still there; one that moves meanwhile may be missed until the next.

    From afar, of points that fall on one another the one in trouble is told, else the first by name.
    """
    drawing = mvt.Drawing(layer)
    points: dict[tuple[int, int], tuple[bool, str, tuple[int, int], _Told]] = {}
    for count, name in enumerate(names, start=1):
        if count % SLICE == 0:
            await asyncio.sleep(0)
        body = mirror.items.get(name)
        if body is None:
            continue
        try:
            told = _item.decode(body).properties or _Told()
            at = _point(tile, mirror.mark(name).box)
            if at is None:
                for shape in mvt.drawn(tile, _shape.decode(body).geometry or {}):
                    drawing.add(shape, _about(name, told))
                continue
        except (ValueError, TypeError, AttributeError, LookupError):
            continue
        if not mvt.near(*at):
            continue
        if tile.z >= NEAR_ZOOM:
            drawing.add(mvt.Drawn(mvt.POINT, [[at]]), _about(name, told))
            continue
        grain, calm = (at[0] // GRAIN, at[1] // GRAIN), not _in_trouble(told)
        if grain not in points or (calm, name) < points[grain][:2]:
            points[grain] = calm, name, at, told
    for count, (_, name, at, told) in enumerate(points.values(), start=1):
        if count % SLICE == 0:
            await asyncio.sleep(0)
        drawing.add(mvt.Drawn(mvt.POINT, [[at]]), _about(name, told))
    return drawing.body()


def _point(tile: Tile, box: Box | None) -> tuple[int, int] | None:
    """Where a point lies in the tile; None when it is no single place."""
    if box is None or box[0] != box[2] or box[1] != box[3]:
        return None
    return tile.at(box[0], box[1])


def _in_trouble(told: _Told) -> bool:
    return told.overdue is True or (isinstance(told.state, str) and told.state in TROUBLE)


def _about(name: str, told: _Told) -> dict[str, mvt.Value]:
    about: dict[str, mvt.Value] = {"id": name}
    for word in _WORDS:
        if isinstance(value := getattr(told, word), str | bool):
            about[word] = value
    return about


class Tiles:
    """The tiles of one server, the last used ones kept; one is made at a time."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], Kept] = OrderedDict()
        self._making: dict[tuple[Any, ...], asyncio.Task[Kept]] = {}
        self._one = asyncio.Semaphore(1)
        self._bytes = 0

    async def get(self, mirror: Mirror, scope: Sight, tile: Tile, now: float) -> Kept:
        """The tile as the scope sees it: of now, or of the last second."""
        key = mirror.channel.name, scope.units, scope.agency, tile
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            fresh = now - known.made < FRESH_S and known.etag.startswith(_life(mirror, scope))
            if fresh or known.etag == etag(mirror, scope):
                return known
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._make(key, mirror, scope, tile, now), name="tile")
            task.add_done_callback(lambda _: self._making.pop(key))
        return await asyncio.shield(task)

    async def _make(self, key: tuple[Any, ...], mirror: Mirror, scope: Sight, tile: Tile, now: float) -> Kept:
        async with self._one:
            name, told = mirror.channel.name.removeprefix("layer/"), etag(mirror, scope)
            body = await draw(name, tile, mirror.names(scope._replace(view=tile.box())), mirror)
            packed = await asyncio.to_thread(gzip.compress, body, 5, mtime=0) if len(body) >= LEAST_PACKED else None
        kept = Kept(body, packed, told, now)
        before = self._kept.pop(key, None)
        self._kept[key] = kept
        self._bytes += _size(kept) - (_size(before) if before is not None else 0)
        while self._bytes > MOST_BYTES:
            self._bytes -= _size(self._kept.popitem(last=False)[1])
        return kept


def _size(kept: Kept) -> int:
    return 200 + len(kept.body) + len(kept.packed or b"")


def _life(mirror: Mirror, scope: Sight) -> str:
    return f'W/"{scope.epoch(mirror.epoch)}.'


def etag(mirror: Mirror, scope: Sight) -> str:
    """The position of the layer, as this scope is told it."""
    return f'{_life(mirror, scope)}{mirror.offset}"'


def _place(request: Request) -> Tile:
    given = [request.path_params[name] for name in ("z", "x", "y")]
    if not all(re.fullmatch(r"[0-9]{1,8}", text) for text in given):
        raise Wrong("A tile's address ends in zoom, column and row, as in /tiles/cameras/10/819/474.mvt.")
    tile = Tile(*map(int, given))
    if tile.z > mvt.MOST_ZOOM:
        raise Wrong(f"Tiles are made up to zoom {mvt.MOST_ZOOM}; ask for that one, and enlarge it.", 404)
    if max(tile.x, tile.y) >= 2**tile.z:
        raise Wrong(f"At zoom {tile.z}, columns and rows go from 0 to {2**tile.z - 1}.", 404)
    return tile


async def vector_tile(request: Request) -> Response:
    """A layer's items in a tile of the square map of the world, as a Mapbox vector tile."""
    grant, mirror = await opened(request, names.layer_channel(request.path_params["layer"]))
    tile = _place(request)
    if not mirror.channel.views:
        raise Wrong("This layer has no places to draw; ask for it at /api/layers.", 404)
    scope, state = sight(grant, mirror.channel), request.app.state
    headers = {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Authorization, Cookie"}
    known = request.headers.get("if-none-match", "")
    if (newest := etag(mirror, scope)) in known:
        return Response(status_code=304, headers={**headers, "ETag": newest})
    if not hasattr(state, "vector_tiles"):
        state.vector_tiles = Tiles()
    kept = await state.vector_tiles.get(mirror, scope, tile, state.hub.monotonic())
    headers["ETag"] = kept.etag
    if kept.etag in known:
        return Response(status_code=304, headers=headers)
    if kept.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(kept.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=MVT)
    return Response(kept.body, headers=headers, media_type=MVT)
