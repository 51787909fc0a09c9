"""Vector tiles: another library reads what ours wrote; every point is where it was; and who may ask for what."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterable
from typing import Any

import mapbox_vector_tile
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from ioc.board import Position, Snapshot
from ioc.board.memory import MemoryBoard
from ioc.web import mvt, vector
from ioc.web.channels import Channel
from ioc.web.mirror import Mirror
from ioc.web.mvt import EXTENT, Tile
from ioc.web.sight import ALL, Sight

from .conftest import Running
from .test_hub import CAMERAS

LON, LAT = st.floats(-179.9, 179.9), st.floats(-85, 85)


def read(body: bytes) -> list[dict[str, Any]]:
    """The features of a tile, from its north-west corner, as another library reads them."""
    if not body:
        return []
    found = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True})
    features: list[dict[str, Any]] = found["cameras"]["features"]
    assert found["cameras"]["extent"] == EXTENT
    return features


def feature(place: Any, **properties: Any) -> bytes:
    return json.dumps({"type": "Feature", "geometry": place, "properties": properties}).encode()


def point(lon: float, lat: float, **properties: Any) -> bytes:
    return feature({"type": "Point", "coordinates": [lon, lat]}, **properties)


async def drawn(tile: Tile, *items: tuple[str, bytes]) -> list[dict[str, Any]]:
    mirror = Mirror(Channel(CAMERAS, "layer", views=True))
    mirror.load(Snapshot(Position("e", 1), dict(items)))
    return read(await vector.draw("cameras", tile, list(mirror.items), mirror))


def tile_of(z: int, lon: float, lat: float) -> Tile:
    x, y = Tile(z, 0, 0).at(lon, lat)
    return Tile(z, min(x // EXTENT, 2**z - 1), min(y // EXTENT, 2**z - 1))


@given(st.integers(0, 18), LON, LAT)
def test_a_point_stands_in_its_tile_where_it_was(z: int, lon: float, lat: float) -> None:
    tile = tile_of(z, lon, lat)
    (found,) = asyncio.run(drawn(tile, ("a", point(lon, lat, state="down", overdue=True, secret="no"))))
    assert found["properties"] == {"id": "a", "state": "down", "overdue": True}
    x, y = found["geometry"]["coordinates"]
    west, north = ((tile.x + x / EXTENT) / 2**z) * 360 - 180, math.pi * (1 - 2 * (tile.y + y / EXTENT) / 2**z)
    unit = 360 / 2**z / EXTENT
    assert west == pytest.approx(lon, abs=unit)
    assert math.degrees(math.atan(math.sinh(north))) == pytest.approx(lat, abs=unit)
    across, _, _, top = tile.box()
    assert across <= lon
    assert lat <= top


RING = st.lists(st.tuples(st.floats(107.5, 109.5), st.floats(11.5, 13.5)), min_size=3, max_size=7)


@given(st.integers(5, 10), RING)
def test_a_polygon_is_cut_to_its_tile(z: int, ring: list[tuple[float, float]]) -> None:
    tile = tile_of(z, 108.5, 12.5)
    shape = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    features = asyncio.run(drawn(tile, ("a", feature(shape))))
    flat = shapely.Polygon([tile.at(*place) for place in ring]).buffer(0)
    edge = shapely.box(-mvt.BUFFER, -mvt.BUFFER, EXTENT + mvt.BUFFER, EXTENT + mvt.BUFFER)
    wanted = flat.intersection(edge)
    found = [shapely.geometry.shape(one["geometry"]) for one in features]
    assert all(edge.covers(part) for part in found)
    assert sum(part.area for part in found) == pytest.approx(wanted.area, abs=wanted.length * 2 + 40)


async def test_lines_collections_and_what_is_no_geometry() -> None:
    tile = tile_of(8, 108.5, 12.5)
    line = {"type": "LineString", "coordinates": [[100.0, 12.5], [120.0, 12.5]]}
    both = {"type": "GeometryCollection", "geometries": [line, {"type": "Point", "coordinates": [108.5, 12.5]}]}
    many = {"type": "MultiPoint", "coordinates": [[108.5, 12.5], [108.6, 12.5], [10.0, 10.0]]}
    wrong = [feature(None), b"{", b"{}", feature({"type": "Point", "coordinates": []}), feature({"type": "Sphere"})]
    items = [("line", feature(line)), ("both", feature(both)), ("many", feature(many))]
    found = await drawn(tile, *items, *((f"w{n}", body) for n, body in enumerate(wrong)))
    told = sorted((one["properties"]["id"], one["geometry"]["type"]) for one in found)
    assert told == [("both", "LineString"), ("both", "Point"), ("line", "LineString"), ("many", "MultiPoint")]
    ends = next(one["geometry"]["coordinates"] for one in found if one["geometry"]["type"] == "LineString")
    assert (ends[0][0], ends[-1][0]) == (-mvt.BUFFER, EXTENT + mvt.BUFFER)


def test_a_ring_is_wound_as_the_format_wants() -> None:
    tile = tile_of(5, 108.5, 12.5)
    outer = [[108.2, 12.2], [108.8, 12.2], [108.8, 12.8], [108.2, 12.8], [108.2, 12.2]]
    hole = [[108.4, 12.4], [108.6, 12.4], [108.6, 12.6], [108.4, 12.6], [108.4, 12.4]]
    for rings in ([outer, hole], [outer[::-1], hole]):
        (drawn,) = mvt.drawn(tile, {"type": "Polygon", "coordinates": rings})
        areas = [
            sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True))
            for ring in drawn.parts
        ]
        assert areas[0] > 0 > areas[1], "from the north-west, the outer ring's area is positive"


async def test_of_points_on_one_pixel_the_one_in_trouble_is_told() -> None:
    tile = tile_of(5, 108.5, 12.5)
    items = [(name, point(108.5, 12.5, state=state)) for name, state in (("a", "live"), ("b", "down"), ("c", "late"))]
    assert [one["properties"]["id"] for one in await drawn(tile, *items)] == ["b"]
    assert len(await drawn(tile, *items, ("d", point(109.5, 12.5)))) == 2
    assert len(await drawn(tile_of(14, 108.5, 12.5), *items)) == 3, "from near, each is told"


async def test_one_tile_is_made_once_for_all_and_again_when_something_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    draw = vector.draw

    async def counted(layer: str, tile: Tile, names: Iterable[str], mirror: Mirror) -> bytes:
        made.append(layer)
        return await draw(layer, tile, names, mirror)

    monkeypatch.setattr(vector, "draw", counted)
    mirror, tiles, tile = Mirror(Channel(CAMERAS, "layer", views=True)), vector.Tiles(), tile_of(5, 108.5, 12.5)
    mirror.load(Snapshot(Position("e", 1), {f"i{n}": point(108 + n / 100, 12.5) for n in range(100)}))
    first, same = await asyncio.gather(*(tiles.get(mirror, ALL, tile, 0.0) for _ in range(2)))
    assert first is same
    assert await tiles.get(mirror, ALL, tile, 100.0) is first
    mirror.load(Snapshot(Position("e", 2), {"a": point(108, 12.5)}))
    assert await tiles.get(mirror, ALL, tile, 0.5) is first, "a second old is new enough"
    assert (await tiles.get(mirror, ALL, tile, 1.5)).etag == 'W/"e.2"'
    mirror.load(Snapshot(Position("f", 2), {}))
    assert (await tiles.get(mirror, ALL, tile, 1.6)).body == b"", "what was emptied is not shown for a second more"
    assert len(made) == 3
    mine = Sight(frozenset({"1"}))
    assert (await tiles.get(mirror, mine, tile, 1.6)).etag != (await tiles.get(mirror, ALL, tile, 1.6)).etag
    monkeypatch.setattr(vector, "MOST_BYTES", 500)
    for x in range(20):
        await tiles.get(mirror, ALL, Tile(8, x, 0), 2.0)
    assert len(tiles._kept) <= 2


async def test_a_tile_is_answered_and_known_again(board: MemoryBoard, server: Running) -> None:
    await board.reset(CAMERAS, {f"c{n}": point(109 + n / 50, 13.0, state="live") for n in range(100)})
    await server.present(CAMERAS)
    tile = tile_of(6, 110.0, 13.0)
    path = f"/tiles/cameras/{tile.z}/{tile.x}/{tile.y}.mvt"
    async with server.http() as http:
        answer = await http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, vector.MVT)
        assert answer.headers["content-encoding"] == "gzip"
        assert {one["properties"]["id"] for one in read(answer.content)} <= {f"c{n}" for n in range(100)}
        again = await http.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        await board.apply(CAMERAS, {"c1": None})
        plain = await http.get("/tiles/cameras/6/0/0.mvt", headers={"Accept-Encoding": "identity"})
        assert (plain.status_code, plain.content) == (200, b"")
        told = (await http.get("/api/layers")).json()[0]
        assert (told["views"], told["far"], told["vector"]) == (True, "clusters", "/tiles/cameras/{z}/{x}/{y}.mvt")
        assert path.startswith(told["vector"].partition("{")[0])


@pytest.mark.parametrize(
    ("path", "status", "say"),
    [
        ("cameras/a/0/0", 400, "A tile's address ends in zoom, column and row"),
        ("cameras/5/-1/0", 400, "A tile's address ends"),
        ("cameras/5/32/0", 404, "columns and rows go from 0 to 31"),
        ("cameras/23/0/0", 404, "up to zoom 22"),
        ("nothing/5/0/0", 404, "nothing of that name"),
    ],
)
async def test_no_such_tile_is_a_finished_sentence(server: Running, path: str, status: int, say: str) -> None:
    async with server.http() as http:
        answer = await http.get(f"/tiles/{path}.mvt")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert say in answer.json()["detail"]
    assert answer.json()["detail"].endswith(".")
