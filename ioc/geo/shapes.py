"""Areas: official boundaries read from a file, made valid, and made small enough for a screen.

Shapely and the readers of GeoPackage files load only here, inside the functions that need them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ioc.errors import BadConfig
from ioc.event import Geometry

if TYPE_CHECKING:
    from shapely import Geometry as Shape

MAX_BYTES = 128 * 1024 * 1024
"""Bytes of a boundary file that are read at most."""
MAX_AREAS = 20_000
"""Areas of one boundary file at most; the whole country had 10,035 communes before July 2025."""
MAP_BYTES = 300_000
"""Bytes that all areas of a map may take as GeoJSON."""
DIGITS = 5
"""Decimals of a map's areas: one metre, more than a screen can show."""
FIRST_TOLERANCE = 0.0001
"""Degrees (11 m) that areas are simplified by at first; doubled until they fit."""


class Area(msgspec.Struct, frozen=True):
    """One polygon of a boundary file, with the file's own properties. `shape` is in WGS84 degrees."""

    code: str
    properties: dict[str, Any]
    shape: Any


def read(file: Path, code_field: str, wanted: frozenset[str] = frozenset()) -> dict[str, Area]:
    """Areas of a GeoJSON (.geojson, .json) or GeoPackage (.gpkg) file, by their code: five digits, leading zeros kept.

    `wanted`: codes to keep; empty: all. Invalid polygons are repaired, parts with one code joined. Raises BadConfig
    when the file can't be read, has no such field, is too large, or lies outside WGS84.
    """
    if not file.is_file():
        raise BadConfig(f"There is no file {file}; write the path of a GeoJSON or GPKG file as boundaries.")
    if file.stat().st_size > MAX_BYTES:
        raise BadConfig(f"{file.name} is larger than {MAX_BYTES:,} bytes; cut the province out of it first.")
    rows = _geopackage(file) if file.suffix.lower() == ".gpkg" else _geojson(file)
    areas: dict[str, Area] = {}
    for count, (properties, shape) in enumerate(rows, start=1):
        if count > MAX_AREAS:
            raise BadConfig(f"{file.name} holds more than {MAX_AREAS:,} areas; cut the province out of it first.")
        if code_field not in properties:
            there = ", ".join(sorted(map(str, properties))) or "none"
            raise BadConfig(f"{file.name} has no field {code_field}; write one of its fields as code_field: {there}.")
        code = _code(properties[code_field], file)
        if not wanted or code in wanted:
            known = areas.get(code)
            areas[code] = Area(code, properties, _valid(shape, file, code, known.shape if known else None))
    return areas


def _code(given: object, file: Path) -> str:
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    code = str(given).strip()
    if not code.isdigit() or len(code) > 5:
        raise BadConfig(f"{file.name} holds the code {code[:40]!r}; a commune's code has five digits.")
    return code.zfill(5)


def _geojson(file: Path) -> Iterator[tuple[dict[str, Any], Shape]]:
    import shapely

    try:
        features = json.loads(file.read_bytes())["features"]
        if not isinstance(features, list):
            raise TypeError
        for feature in features:
            yield feature.get("properties") or {}, shapely.from_geojson(json.dumps(feature["geometry"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, shapely.errors.GEOSException):
        say = f"{file.name} is no GeoJSON FeatureCollection; write the path of one, or of a GPKG file."
        raise BadConfig(say) from None


def _geopackage(file: Path) -> Iterator[tuple[dict[str, Any], Shape]]:
    import geopandas  # 2 s to import: only who has a GeoPackage pays
    import pyogrio.errors

    try:
        table = geopandas.read_file(file, rows=MAX_AREAS + 1)
        if table.crs is None:
            raise BadConfig(f"{file.name} does not say its coordinate system; write it into the file.")
        table = table.to_crs(4326)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError):
        raise BadConfig(f"{file.name} is no GeoPackage; write the path of one, or of a GeoJSON file.") from None
    columns = [name for name in table.columns if name != table.geometry.name]
    for properties, shape in zip(table[columns].to_dict("records"), table.geometry, strict=True):
        yield {str(name): value for name, value in properties.items()}, shape


def _valid(shape: Shape | None, file: Path, code: str, other: Shape | None) -> Shape:
    import shapely

    if shape is None or shape.is_empty:
        raise BadConfig(f"{file.name} has no polygon for {code}; give it one, or take the row out.")
    west, south, east, north = shape.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise BadConfig(f"{file.name} is not in WGS84 degrees ({code} is not); change it to EPSG:4326 first.")
    whole = areas_only(shapely.make_valid(shape) if not shape.is_valid else shape)
    if whole.is_empty:
        raise BadConfig(f"{file.name} has a line or a point, no polygon, for {code}; give it a polygon.")
    return whole if other is None else shapely.union(whole, other)


def areas_only(shape: Shape) -> Shape:
    """The polygons of `shape`, without the lines and points that a repair may leave."""
    import shapely

    if shape.geom_type in ("Polygon", "MultiPolygon"):
        return shape
    parts = shapely.get_parts(shapely.get_parts(shape))
    kept = [part for part in parts if part.geom_type == "Polygon"]
    return kept[0] if len(kept) == 1 else shapely.union_all(kept)


def small(shapes: Mapping[str, Shape], budget: int = MAP_BYTES) -> dict[str, Geometry]:
    """GeoJSON of areas that share borders, simplified together (no gaps, no overlaps) until all fit in `budget` bytes.

    When nothing more can be taken away the result may be larger; it is then as small as it gets.
    """
    import shapely

    tolerance, before = FIRST_TOLERANCE, None
    while True:
        made = shapely.coverage_simplify(list(shapes.values()), tolerance)
        found = {code: geometry(shape) for code, shape in zip(shapes, made, strict=True)}
        size = len(msgspec.json.encode(found))
        if size <= budget or (size == before and tolerance > 1):
            return found
        tolerance, before = tolerance * 2, size


def geometry(shape: Shape) -> Geometry:
    """The GeoJSON geometry of `shape`, with the decimals that a map needs."""
    from shapely import geometry as shapes

    said: Geometry = shapes.mapping(shape)
    return {"type": said["type"], "coordinates": _rounded(said["coordinates"])}


def _rounded(given: Any) -> Any:
    return round(given, DIGITS) + 0.0 if isinstance(given, float) else [_rounded(inner) for inner in given]


def cells(centres: Mapping[str, tuple[float, float]], km2: Mapping[str, float]) -> dict[str, Shape]:
    """Cells around commune centres (lon, lat), for where no official polygons are: nearest centre, within a hull.

    The hull goes around discs of each commune's size; against the official polygons of former Phú Yên that put three
    places of four into the right commune. Two communes with one centre share nothing: the first gets the cell.
    """
    import shapely
    from shapely import affinity

    middle = math.cos(math.radians(sum(lat for _, lat in centres.values()) / max(1, len(centres))))
    at: dict[tuple[float, float], str] = {}
    for code, (lon, lat) in centres.items():
        at.setdefault((lon * middle, lat), code)
    if not at:
        return {}
    discs = [shapely.Point(spot).buffer(_radius(km2.get(code, 0.0)), quad_segs=4) for spot, code in at.items()]
    hull = shapely.concave_hull(shapely.union_all(discs), ratio=0.3)
    spots: Sequence[tuple[float, float]] = list(at)
    parts = [hull]
    if len(spots) > 1:
        made = shapely.voronoi_polygons(shapely.MultiPoint(spots), extend_to=hull, ordered=True)
        parts = [shapely.intersection(part, hull) for part in shapely.get_parts(made)]
    return {
        at[spot]: affinity.scale(areas_only(part), 1 / middle, 1, origin=(0, 0))
        for spot, part in zip(spots, parts, strict=True)
    }


def _radius(km2: float) -> float:
    """Degrees of latitude: the radius of a disc of that area, a little widened; at least 2 km."""
    return max(2.0, 1.05 * math.sqrt(max(0.0, km2) / math.pi)) / 111.2
