"""Boundary files: what is read, what is repaired, what is refused, and how small areas get."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import shapely

from ioc.errors import BadConfig
from ioc.geo import shapes

SQUARE = [[109.0, 13.0], [109.1, 13.0], [109.1, 13.1], [109.0, 13.1], [109.0, 13.0]]


def _file(folder: Path, *features: tuple[dict[str, Any], Any], name: str = "areas.geojson") -> Path:
    made = [{"type": "Feature", "properties": given, "geometry": geometry} for given, geometry in features]
    (folder / name).write_text(json.dumps({"type": "FeatureCollection", "features": made}), encoding="utf-8")
    return folder / name


def _polygon(ring: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [ring]}


def test_codes_get_their_zeros_back(tmp_path: Path) -> None:
    file = _file(tmp_path, ({"ma": 97.0}, _polygon(SQUARE)), ({"ma": "00004"}, _polygon(SQUARE)))
    assert sorted(shapes.read(file, "ma")) == ["00004", "00097"]
    assert sorted(shapes.read(file, "ma", frozenset({"00097"}))) == ["00097"]


def test_a_bow_tie_is_repaired(tmp_path: Path) -> None:
    bow = [[109.0, 13.0], [109.1, 13.1], [109.1, 13.0], [109.0, 13.1], [109.0, 13.0]]
    found = shapes.read(_file(tmp_path, ({"code": "1"}, _polygon(bow))), "code")["00001"].shape
    assert found.is_valid
    assert found.area == pytest.approx(0.005)


def test_parts_with_one_code_are_joined(tmp_path: Path) -> None:
    east = [[x + 0.2, y] for x, y in SQUARE]
    file = _file(tmp_path, ({"code": "1"}, _polygon(SQUARE)), ({"code": "1"}, _polygon(east)))
    assert shapes.read(file, "code")["00001"].shape.area == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("properties", "geometry", "say"),
    [
        ({"id": 1}, _polygon(SQUARE), "has no field code; write one of its fields as code_field: id"),
        ({"code": "Tuy Hòa"}, _polygon(SQUARE), "a commune's code has five digits"),
        ({"code": "1"}, _polygon([[x * 5000, y * 90000] for x, y in SQUARE]), "not in WGS84"),
        ({"code": "1"}, {"type": "Point", "coordinates": [109.0, 13.0]}, "no polygon, for 00001"),
        ({"code": "1"}, {"type": "Polygon", "coordinates": [[[109.0, 13.0]]]}, "is no GeoJSON FeatureCollection"),
        ({"code": "1"}, None, "is no GeoJSON FeatureCollection|has no polygon for"),
    ],
)  # fmt: skip
def test_what_cannot_serve_is_refused(tmp_path: Path, properties: dict[str, Any], geometry: Any, say: str) -> None:
    with pytest.raises(BadConfig, match=say):
        shapes.read(_file(tmp_path, (properties, geometry)), "code")


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"features": 3}', '{"features": [3]}', "\x00\xff", '{"features": [{}]}']
)
@pytest.mark.parametrize("name", ["areas.geojson", "areas.gpkg"])
def test_a_broken_file_is_refused(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / name).write_text(text, encoding="latin-1")
    with pytest.raises(BadConfig, match="is no Geo"):
        shapes.read(tmp_path / name, "code")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _file(tmp_path, ({"code": "1"}, _polygon(SQUARE)), ({"code": "2"}, _polygon(SQUARE)))
    monkeypatch.setattr(shapes, "MAX_AREAS", 1)
    with pytest.raises(BadConfig, match="more than 1 areas"):
        shapes.read(file, "code")
    monkeypatch.setattr(shapes, "MAX_BYTES", 10)
    with pytest.raises(BadConfig, match="larger than 10 bytes"):
        shapes.read(file, "code")


def test_neighbours_stay_neighbours_when_simplified() -> None:
    """A wavy border of 20,000 points between two areas: far fewer points, and still no gap and no overlap."""
    wave = [(109 + 0.001 * (number % 2), 13 + number / 20_000) for number in range(20_001)]
    west = shapely.Polygon([*wave, (108, 14), (108, 13)])
    east = shapely.Polygon([*wave, (110, 14), (110, 13)])
    before = len(msgspec.json.encode({"west": shapes.geometry(west), "east": shapes.geometry(east)}))
    made = shapes.small({"west": west, "east": east}, budget=20_000)
    assert before > 600_000
    assert len(msgspec.json.encode(made)) <= 20_000
    left, right = (shapely.geometry.shape(made[side]) for side in ("west", "east"))
    assert left.intersection(right).area == 0
    assert left.union(right).area == pytest.approx(2.0, abs=1e-6)


def test_a_budget_that_cannot_be_met_ends() -> None:
    made = shapes.small({"one": shapely.box(109, 13, 110, 14)}, budget=1)
    assert shapely.geometry.shape(made["one"]).area > 0


def test_one_centre_gets_the_whole_and_twins_one_cell() -> None:
    assert list(shapes.cells({"a": (109.0, 13.0)}, {})) == ["a"]
    assert list(shapes.cells({"a": (109.0, 13.0), "b": (109.0, 13.0)}, {})) == ["a"]
    assert shapes.cells({}, {}) == {}


def test_shapely_is_loaded_as_a_whole_wherever_it_is_loaded() -> None:
    """`from shapely.geometry import …` in one thread and `import shapely` in another may wait for each other;
    Python then goes on with half of it, and nothing that needs it works again in that process."""
    root = Path(shapes.__file__).parents[2]
    files = [file for folder in ("ioc", "adapters", "layers") for file in (root / folder).rglob("*.py")]
    part = re.compile(r"^\s*(?:from|import) shapely\.", re.MULTILINE)
    assert [str(file) for file in files if part.search(file.read_text(encoding="utf-8"))] == []
