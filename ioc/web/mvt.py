"""Mapbox vector tiles, version 2.1, of GeoJSON features: points, lines and polygons, cut to the tile, a layer each.

Written here because the library for it (mapbox-vector-tile) brings protobuf and pyclipper for a format of four
messages, and makes an object of every geometry first: a point, as nearly all are, is a little arithmetic. A test reads
these tiles with that library.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

EXTENT = 4096
"""Units of a tile's side."""
BUFFER = 64
"""Units around the tile that are told too, so that no mark and no line is cut at the edge (8 of 512 pixels)."""
MOST_ZOOM = 22
MOST_LATITUDE = 85.0511287798066
"""Where the square map of the world ends."""

POINT, LINE, POLYGON = 1, 2, 3
_MOVE, _DRAW, _CLOSE = 1, 2, 7

_SHAPES = ("LineString", "MultiLineString", "Polygon", "MultiPolygon")

Ring = list[tuple[int, int]]
Value = str | bool | int


class Tile(NamedTuple):
    """A tile of the square map of the world: `x` from the west, `y` from the north."""

    z: int
    x: int
    y: int

    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees, with the buffer around it; the earth ends where it ends."""
        side, more = 2**self.z, BUFFER / EXTENT
        west, east = ((x / side) * 360 - 180 for x in (self.x - more, self.x + 1 + more))
        south, north = (
            math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / side)))) for y in (self.y + 1 + more, self.y - more)
        )
        return max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)

    def at(self, longitude: float, latitude: float) -> tuple[int, int]:
        """A place in units of this tile, from its north-west corner."""
        side = 2**self.z
        sine = math.sin(math.radians(max(-MOST_LATITUDE, min(MOST_LATITUDE, latitude))))
        x = ((longitude + 180) / 360 * side - self.x) * EXTENT
        y = ((0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)) * side - self.y) * EXTENT
        return round(x), round(y)


class Drawn(NamedTuple):
    """A feature in units of a tile: kind, and parts; of a polygon rings, the outer one first, wound as is wanted."""

    kind: int
    parts: list[Ring]


def near(x: int, y: int) -> bool:
    return -BUFFER <= x <= EXTENT + BUFFER and -BUFFER <= y <= EXTENT + BUFFER


def drawn(tile: Tile, geometry: Any) -> list[Drawn]:
    """A GeoJSON geometry as it stands in the tile; empty when nothing of it does.

    What is no geometry is empty too, or raises ValueError, TypeError, AttributeError or LookupError.
    """
    kind, given = geometry.get("type"), geometry.get("coordinates")
    if kind == "Point":
        x, y = tile.at(given[0], given[1])
        return [Drawn(POINT, [[(x, y)]])] if near(x, y) else []
    if kind == "MultiPoint":
        points = [tile.at(at[0], at[1]) for at in given]
        points = [at for at in points if near(*at)]
        return [Drawn(POINT, [points])] if points else []
    if kind == "GeometryCollection":
        return [one for inner in geometry.get("geometries", ()) for one in drawn(tile, inner)]
    return _cut(tile, kind, given) if kind in _SHAPES else []


def _cut(tile: Tile, kind: Any, given: Any) -> list[Drawn]:
    """Lines and polygons, cut to the tile with its buffer."""
    import shapely

    flat = shapely.transform(
        shapely.geometry.shape({"type": kind, "coordinates": given}),
        lambda places: [tile.at(*place) for place in places],
    )
    if flat.geom_type.endswith("Polygon") and not flat.is_valid:
        flat = flat.buffer(0)
    inside = shapely.clip_by_rect(flat, -BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER)
    lines: list[Ring] = []
    found: list[Drawn] = []
    for part in shapely.get_parts(inside):
        if part.geom_type == "LineString":
            lines += _kept(part.coords, 2)
        elif part.geom_type == "Polygon" and part.area >= 1:
            # in units from the north-west, the outer ring has its area positive: what shapely calls counter-clockwise
            part = shapely.geometry.polygon.orient(part, 1.0)
            rings = [ring for line in (part.exterior, *part.interiors) for ring in _kept(line.coords[:-1], 3)]
            if rings:
                found.append(Drawn(POLYGON, rings))
    return [*([Drawn(LINE, lines)] if lines else []), *found]


def _kept(places: Iterable[Sequence[float]], least: int) -> list[Ring]:
    """The line in whole units, without steps that go nowhere; nothing when it has become too short to draw."""
    line: Ring = []
    for x, y, *_ in places:
        at = round(x), round(y)
        if not line or line[-1] != at:
            line.append(at)
    return [line] if len(line) >= least else []


class Drawing:
    """A tile of one layer, feature by feature."""

    def __init__(self, layer: str) -> None:
        self._layer = layer
        self._keys: dict[str, int] = {}
        self._values: dict[tuple[type, Value], int] = {}
        self._value_parts: list[bytes] = []
        self._told: list[bytes] = []

    def add(self, shape: Drawn, properties: dict[str, Value]) -> None:
        tags = bytearray()
        for name, value in properties.items():
            tags += _number(self._keys.setdefault(name, len(self._keys)))
            at = self._values.setdefault((type(value), value), len(self._values))
            if at == len(self._value_parts):
                self._value_parts.append(_bytes(4, _value(value)))
            tags += _number(at)
        body = _bytes(2, bytes(tags)) + _field(3, 0) + _number(shape.kind) + _bytes(4, _commands(shape))
        self._told.append(_bytes(2, body))

    def body(self) -> bytes:
        """The tile's bytes; without features there are none, as the format wants."""
        if not self._told:
            return b""
        parts = [_field(15, 0) + _number(2), _bytes(1, self._layer.encode()), *self._told]
        parts += [_bytes(3, name.encode()) for name in self._keys]
        parts += self._value_parts
        parts.append(_field(5, 0) + _number(EXTENT))
        return _bytes(3, b"".join(parts))


def _commands(shape: Drawn) -> bytes:
    out = bytearray()
    here_x = here_y = 0
    for part in shape.parts:
        moves = len(part) if shape.kind == POINT else 1
        for count, (x, y) in enumerate(part):
            if count == 0:
                out += _number(moves << 3 | _MOVE)
            elif count == 1 and moves == 1:
                out += _number((len(part) - 1) << 3 | _DRAW)
            out += _number(_zigzag(x - here_x)) + _number(_zigzag(y - here_y))
            here_x, here_y = x, y
        if shape.kind == POLYGON:
            out += _number(1 << 3 | _CLOSE)
    return bytes(out)


def _value(value: Value) -> bytes:
    if isinstance(value, bool):
        return _field(7, 0) + _number(value)
    if isinstance(value, int):
        return _field(6, 0) + _number(_zigzag(value))
    return _bytes(1, value.encode())


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _number(value: int) -> bytes:
    """A varint."""
    if value < 0x80:
        return _SMALL[value]
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SMALL = [bytes((value,)) for value in range(0x80)]


def _field(number: int, kind: int) -> bytes:
    return _number(number << 3 | kind)


def _bytes(number: int, body: bytes) -> bytes:
    return _field(number, 2) + _number(len(body)) + body
