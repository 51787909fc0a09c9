"""Coordinates of departments land where they stand."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from ioc.errors import BadConfig, BadRecord
from ioc.geo import crs

SHARED = Path(os.environ.get("IOC_SHARED", Path(__file__).resolve().parents[3] / "shared"))
GEOD = Geod(ellps="WGS84")


def _metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    return float(GEOD.inv(*a, *b)[2])


def test_the_check_point_of_quang_nam() -> None:
    """577453.96 E, 1722531.70 N in 5899 is lon 108.474, lat 15.5736 by the pinned operation, to a centimetre."""
    assert _metres(crs.to_wgs84(5899)(577453.96, 1722531.70), (108.474, 15.5736)) < 0.01


def test_the_datum_shift_is_made() -> None:
    """Read as plain WGS84 transverse Mercator, the same point would lie about 225 m off."""
    plain = "+proj=tmerc +lon_0=107.75 +k=0.9999 +x_0=500000 +ellps=WGS84"
    ignored = Transformer.from_crs(plain, "EPSG:4326", always_xy=True).transform(577453.96, 1722531.70)
    assert 220 < _metres(crs.to_wgs84(5899)(577453.96, 1722531.70), ignored) < 230


def test_the_other_operation_would_be_seen() -> None:
    """The operation of the Mekong delta lies 0.8 m off the pinned one: the check point tells them apart."""
    other = (108.47400683168478, 15.57360028977126)
    assert 0.7 < _metres(crs.to_wgs84(5899)(577453.96, 1722531.70), other) < 0.9


def test_every_zone_of_the_list_is_known_and_takes_the_pinned_operation() -> None:
    """One place, said in every zone, comes back as the same place."""
    listed = SHARED / "data/vietnamese/epsg_vn2000.csv"
    if not listed.is_file():
        pytest.skip("The list of zones lies in the shared data, which is not here (set IOC_SHARED).")
    with listed.open(encoding="utf-8") as rows:
        codes = {int(row["epsg"]) for row in csv.DictReader(rows)}
    assert codes == crs.VN2000
    base = crs.to_wgs84(4756)(107.9, 14.2)
    for code in sorted(codes - {4756}):
        x, y = Transformer.from_crs(4756, code, always_xy=True).transform(107.9, 14.2)
        assert _metres(crs.to_wgs84(code)(x, y), base) < 0.01, code


@given(st.floats(106, 109.4), st.floats(10, 16))
def test_there_and_back(lon: float, lat: float) -> None:
    """What the inverse of the pinned operation makes of a place, `to_wgs84` makes a place again."""
    x, y = _phu_yen_zone().transform(lon, lat, direction="INVERSE")
    assert _metres(crs.to_wgs84(9218)(x, y), (lon, lat)) < 0.01


def _phu_yen_zone() -> Transformer:
    from pyproj.transformer import TransformerGroup

    group = TransformerGroup(9218, 4326, always_xy=True).transformers
    return next(each for each in group if crs.OPERATION in each.description)


def test_wgs84_is_left_alone() -> None:
    assert crs.to_wgs84(4326)(109.3, 13.1) == (109.3, 13.1)


@pytest.mark.parametrize("code", [0, -1, 92180, 999999, 5773])
def test_a_bad_code_says_what_to_write(code: int) -> None:
    """5773 is a height system: known to EPSG, but no place on a map."""
    assert not crs.known(code)
    with pytest.raises(BadConfig, match=rf"EPSG:{code} is no coordinate system.*9218"):
        crs.to_wgs84(code)


def test_a_place_that_does_not_exist_is_a_bad_record() -> None:
    with pytest.raises(BadRecord, match="does not exist in EPSG:9218") as caught:
        crs.to_wgs84(9218)(math.inf, 1.0)
    assert caught.value.reason == "bad_place"


@given(lon=st.floats(108.5, 109.5), lat=st.floats(12.5, 14.0))
def test_the_way_back_leads_to_where_one_came_from(lon: float, lat: float) -> None:
    x, y = crs.from_wgs84(9218)(lon, lat)
    assert _metres(crs.to_wgs84(9218)(x, y), (lon, lat)) < 0.01
