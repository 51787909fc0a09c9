"""Communes on their day: names, codes, areas, and the old ones behind the new."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from ioc.errors import BadConfig
from ioc.geo.units import NEW, Units, english
from ioc.settings import Province

SHARED = Path(os.environ.get("IOC_SHARED", Path(__file__).resolve().parents[3] / "shared"))
BOUNDARIES = SHARED / "data/boundaries"
WARDS = "post2025_wards_66_dak_lak.geojson"
PHU_YEN = Province(name="Phú Yên", where="tỉnh Đắk Lắk", province="66", legacy_province="54")
TODAY, BEFORE = date(2026, 3, 10), date(2025, 6, 30)
needs_boundaries = pytest.mark.skipif(
    not BOUNDARIES.is_dir(), reason="The boundaries lie in the shared data, which is not here (set IOC_SHARED)."
)


@pytest.fixture(scope="module")
def phu_yen() -> Units:
    return Units.load(PHU_YEN, Path())


@pytest.fixture(scope="module")
def official() -> Units:
    if not BOUNDARIES.is_dir():
        pytest.skip("The boundaries lie in the shared data, which is not here (set IOC_SHARED).")
    return Units.load(msgspec.structs.replace(PHU_YEN, boundaries=WARDS), BOUNDARIES)


def test_former_phu_yen_is_34_communes_made_of_106(phu_yen: Units) -> None:
    assert len(phu_yen.all(TODAY)) == 34
    assert len(phu_yen.all(BEFORE)) == 106
    parts = {part for unit in phu_yen.all(TODAY) for part in unit.parts}
    assert parts == {unit.code for unit in phu_yen.all(BEFORE)}


@pytest.mark.parametrize(
    ("province", "legacy", "new"), [("48", "49", 78), ("80", "72", 36), ("40", "40", 130), ("48", None, 94)]
)
def test_the_other_provinces_of_the_mission(province: str, legacy: str | None, new: int) -> None:
    """Quảng Nam in Đà Nẵng, Tây Ninh beside Long An, Nghệ An alone, and Đà Nẵng whole."""
    found = Units.load(Province(name="x", province=province, legacy_province=legacy), Path())
    assert len(found.all(TODAY)) == new
    assert all(len(unit.code) == 5 for unit in found.all(TODAY))


def test_a_code_means_nothing_without_its_date(phu_yen: Units) -> None:
    """22015 was one ward of Tuy Hòa town; since July 2025 it is the whole ward Tuy Hòa."""
    assert phu_yen.name("22015", BEFORE) == "Phường 1"
    assert phu_yen.name("22015", TODAY) == "Phường Tuy Hòa"
    assert phu_yen.name("22018", BEFORE) == "Phường 2"
    assert phu_yen.get("22018", TODAY) is None
    assert phu_yen.find(109.3, 13.09, BEFORE) in phu_yen.get("22015", TODAY).parts  # type: ignore[union-attr]
    assert phu_yen.find(109.3, 13.09, TODAY) == "22015"


def test_the_change_is_on_the_first_of_july(phu_yen: Units) -> None:
    assert date(2025, 7, 1) == NEW
    assert phu_yen.find(109.295, 13.0917, date(2025, 7, 1)) == "22015"
    assert phu_yen.find(109.295, 13.0917, date(2025, 6, 30)) == "22018"


def test_names_have_their_marks_and_an_english_form(phu_yen: Units) -> None:
    unit = phu_yen.get("22240")
    assert unit is not None
    assert (unit.name, unit.name_en) == ("Phường Phú Yên", "Phu Yen Ward")
    assert english("Đặc khu Hoàng Sa") == "Hoang Sa Special Zone"
    assert english("Phường 1") == "Ward 1"
    assert phu_yen.name("99999") == "99999"


def test_many_places_at_once_give_what_one_at_a_time_gives(phu_yen: Units) -> None:
    places = [(unit.lon, unit.lat) for unit in phu_yen.all()] + [(109.9, 13.0), (106.0, 21.0)]
    many = phu_yen.find_many(places, TODAY)
    assert many == [phu_yen.find(*place, TODAY) for place in places]
    assert many[:-2] == [unit.code for unit in phu_yen.all()]
    assert many[-2:] == [None, None]
    assert phu_yen.find_many([], TODAY) == []


def test_no_province_finds_nothing() -> None:
    units = Units.load(Province(name="x"), Path())
    assert units.find(109.3, 13.09, TODAY) is None
    assert units.feature_collection()["features"] == []
    assert units.outline() is None


def test_only_the_codes_that_are_named() -> None:
    units = Units.load(Province(name="x", codes=("22015", "22240")), Path())
    assert [unit.code for unit in units.all()] == ["22015", "22240"]
    assert units.find(109.289, 13.0799, TODAY) == "22015"


@pytest.mark.parametrize(
    ("change", "say"),
    [
        ({"province": "99"}, "There is no province 99"),
        ({"legacy_province": "40"}, "Province 66 was not made of 40; write one of 54, 66"),
        ({"codes": ("22015", "00001")}, "There is no commune 00001 in province 66"),
        ({"province": None, "codes": ("77777",)}, "There is no commune 77777"),
        ({"boundaries": "nowhere.geojson"}, "There is no file .*nowhere.geojson"),
    ],
)
def test_wrong_settings_say_what_to_write(change: dict[str, Any], say: str) -> None:
    with pytest.raises(BadConfig, match=say):
        Units.load(msgspec.structs.replace(PHU_YEN, **change), Path())


def test_cells_are_said_to_be_approximate(phu_yen: Units) -> None:
    said = phu_yen.feature_collection()
    assert said["approximate"] is True
    assert said["as_of"] == "2025-08-05"
    assert "vietnamadminunits" in said["source"]
    assert len(said["features"]) == 34
    assert set(said["features"][0]["properties"]) == {"code", "name", "name_en", "lon", "lat"}


def test_cells_do_not_overlap_and_leave_no_gap(phu_yen: Units) -> None:
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in phu_yen.feature_collection()["features"]]
    assert all(shape.is_valid for shape in shapes)
    assert abs(sum(shape.area for shape in shapes) - shapely.union_all(shapes).area) < 1e-6


@given(st.floats(108.6, 109.5), st.floats(12.6, 13.8))
def test_a_place_is_in_the_commune_with_the_nearest_centre(lon: float, lat: float) -> None:
    """Among the places inside the province; longitudes are shorter than latitudes."""
    units = _cells()
    found = units.find(lon, lat, TODAY)
    if found is None:
        return
    far = {unit.code: ((unit.lon - lon) * 0.9738) ** 2 + (unit.lat - lat) ** 2 for unit in units.all()}
    assert far[found] <= min(far.values()) * 1.01 + 1e-9


_LOADED: list[Units] = []


def _cells() -> Units:
    if not _LOADED:
        _LOADED.append(Units.load(PHU_YEN, Path()))
    return _LOADED[0]


def test_official_polygons_replace_the_cells(official: Units) -> None:
    said = official.feature_collection()
    assert said["approximate"] is False
    assert WARDS in said["source"]
    assert len(official.all()) == 34
    assert len(msgspec.json.encode(said)) < 400_000


def test_cells_put_three_places_of_four_into_the_right_commune(official: Units, phu_yen: Units) -> None:
    """What stands in the docstring of `shapes.cells`: measured on places spread evenly over the official polygons."""
    places = [(108.6 + step * 0.01, 12.6 + row * 0.01) for step in range(95) for row in range(130)]
    pairs = zip(official.find_many(places, TODAY), phu_yen.find_many(places, TODAY), strict=True)
    inside = [(right, found) for right, found in pairs if right is not None]
    assert len(inside) > 3_000
    assert 0.74 < sum(right == found for right, found in inside) / len(inside) < 0.82
    assert sum(found is None for _, found in inside) / len(inside) < 0.05


def test_each_official_polygon_finds_its_own_code(official: Units) -> None:
    features = json.loads((BOUNDARIES / WARDS).read_bytes())["features"]
    here = {unit.code for unit in official.all()}
    inside = {
        f["id"]: shapely.geometry.shape(f["geometry"]).representative_point() for f in features if f["id"] in here
    }
    found = official.find_many([(point.x, point.y) for point in inside.values()], TODAY)
    assert found == list(inside)


@needs_boundaries
@pytest.mark.parametrize(
    ("province", "file", "number"),
    [
        ("48", "post2025_wards_48_da_nang", 94),
        ("80", "post2025_wards_80_tay_ninh", 96),
        ("40", "post2025_wards_40_nghe_an", 130),
    ],
)
def test_whole_provinces_by_official_polygons(province: str, file: str, number: int) -> None:
    settings = Province(name="x", province=province, boundaries=f"{file}.geojson")
    units = Units.load(settings, BOUNDARIES)
    assert len(units.all()) == number
    assert len(msgspec.json.encode(units.feature_collection())) < 400_000


def test_a_geopackage_serves_too(official: Units, tmp_path: Path) -> None:
    """With codes as numbers, as many offices store them: five digits come back."""
    import geopandas

    table = geopandas.read_file(BOUNDARIES / WARDS)
    here = {unit.code for unit in official.all()}
    table = (
        table[table["code"].isin(here)][["code", "geometry"]].astype({"code": int}).rename(columns={"code": "ma_xa"})
    )
    table.to_crs(3406).to_file(tmp_path / "wards.gpkg", driver="GPKG")
    settings = msgspec.structs.replace(PHU_YEN, boundaries="wards.gpkg", code_field="ma_xa")
    units = Units.load(settings, tmp_path)
    assert [unit.code for unit in units.all()] == [unit.code for unit in official.all()]
    assert units.find(109.3, 13.09, TODAY) == official.find(109.3, 13.09, TODAY)


def test_a_choice_that_the_file_lacks_is_named(official: Units, tmp_path: Path) -> None:
    features = json.loads((BOUNDARIES / WARDS).read_bytes())["features"]
    kept = [feature for feature in features if feature["id"] != "22015"]
    (tmp_path / "short.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": kept}))
    with pytest.raises(BadConfig, match="no polygon for 22015"):
        Units.load(msgspec.structs.replace(PHU_YEN, boundaries="short.geojson"), tmp_path)


def test_a_commune_that_the_list_lacks_is_named_by_the_file(tmp_path: Path) -> None:
    """Codes go on changing by decree after the list's date."""
    square = {"type": "Polygon", "coordinates": [[[107, 21], [107.1, 21], [107.1, 21.1], [107, 21.1], [107, 21]]]}
    feature = {"type": "Feature", "properties": {"code": "06978", "fullName": "Xã Ba Chẽ"}, "geometry": square}
    (tmp_path / "new.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    units = Units.load(Province(name="x", province="22", boundaries="new.geojson"), tmp_path)
    assert units.name("06978") == "Xã Ba Chẽ"
    assert units.find(107.05, 21.05, TODAY) == "06978"


def test_nothing_heavy_is_loaded() -> None:
    """pandas and geopandas cost 2 s and 100 MB; roles that only find communes never load them."""
    code = (
        "import sys; from datetime import date; from pathlib import Path; from ioc.geo.units import Units;"
        "from ioc.settings import Province;"
        "before = [m for m in ('shapely', 'pyproj') if m in sys.modules];"
        "u = Units.load(Province(name='x', province='66', legacy_province='54'), Path());"
        "u.find(109.3, 13.09, date(2026, 1, 1)); u.feature_collection();"
        "print(before + [m for m in ('pandas', 'geopandas', 'vietnamadminunits', 'pyproj') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
