"""Hot spots: the published figures of Gi*, exact chances, what is planted is found, and noise is not."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from ioc.errors import BadConfig
from ioc.reports.hotspots import Cell, Grid, discoveries, exact, gi_star, spots

GEOD = Geod(ellps="WGS84")
RATE = 0.05


def noise(chance: random.Random, many: int, side: int = 40) -> Counter[Cell]:
    """So many reports, each in any of side x side cells."""
    return Counter((chance.randrange(side), chance.randrange(side)) for _ in range(many))


def planted(chance: random.Random, many: int, into: Counter[Cell]) -> Counter[Cell]:
    """So many more in the four cells from (20, 20) on."""
    return into + Counter((20 + chance.randrange(2), 20 + chance.randrange(2)) for _ in range(many))


def test_the_figures_of_pysal() -> None:
    """The example of esda.G_Local (star=True, transform="B"): six points, neighbours up to 15 apart."""
    points = [(10, 10), (20, 10), (40, 10), (15, 20), (30, 20), (30, 30)]
    near = [[at for at, (a, b) in enumerate(points) if (a - x) ** 2 + (b - y) ** 2 <= 15**2] for x, y in points]
    told = [-1.39727626, -0.28917762, 0.65064964, -0.28917762, 1.23452088, 2.02424331]
    assert gi_star([2, 3, 3.2, 5, 8, 7], near) == pytest.approx(told, abs=1e-8)


def test_where_nothing_varies_nothing_stands_out() -> None:
    assert gi_star([3, 3, 3], [[0, 1], [0, 1, 2], [1, 2]]) == [0.0, 0.0, 0.0]
    assert gi_star([3], [[0]]) == [0.0]
    assert spots({}, {}, least=1, rate=RATE) == []


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=8).flatmap(
        lambda values: st.tuples(st.just(values), st.integers(1, len(values)), st.integers(0, 20))
    )
)
def test_chances_are_those_of_every_way_to_draw(given: tuple[list[int], int, int]) -> None:
    values, drawn, least = given
    ways = [sum(some) for some in itertools.combinations(values, drawn)]
    least = min(least, max(ways))
    (chance,) = exact(values, [drawn], [least])
    assert chance == sum(way >= least for way in ways) / len(ways)


def test_discoveries_are_those_of_the_paper() -> None:
    """The example of Benjamini & Hochberg (1995): of 15 tests the first four, at a rate of 5 %."""
    told = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528]
    assert discoveries([*told, 0.7590, 1.0], RATE) == [0, 1, 2, 3]
    assert discoveries([], RATE) == []


def test_a_planted_cluster_is_found_where_it_is_and_told_new() -> None:
    chance = random.Random(7)
    found = spots(planted(chance, 40, noise(chance, 800)), noise(chance, 3200), least=5, rate=RATE)
    assert {spot.cell for spot in found} == {(20, 20), (20, 21), (21, 20), (21, 21)}
    assert {spot.kind for spot in found} == {"new"}
    assert all(spot.near >= 40 and spot.z > 5 and spot.p < 1e-6 for spot in found)


def test_what_was_hot_before_is_told_lasting() -> None:
    chance = random.Random(7)
    now, before = planted(chance, 40, noise(chance, 800)), planted(chance, 160, noise(chance, 3200))
    found = spots(now, before, least=5, rate=RATE)
    assert {spot.kind for spot in found if spot.cell in {(20, 20), (21, 21)}} == {"lasting"}
    assert all(spot.before is not None and spot.before >= 5 for spot in found)


@pytest.mark.parametrize("many", [100, 400, 1600])
def test_noise_finds_almost_nothing(many: int) -> None:
    """At a rate of 5 %, of 40 provinces without a hot spot about two are said to have one; seven would be too many."""
    chance = random.Random(many)
    found = [spots(noise(chance, many), noise(chance, 4 * many), least=1, rate=RATE) for _ in range(40)]
    assert sum(map(bool, found)) <= 6


def test_a_cell_of_few_is_never_shown() -> None:
    """Nine and eight reports side by side, alone in the country: not for everybody's eyes where nine are the least."""
    now = noise(random.Random(3), 100) + Counter({(60, 60): 9, (61, 60): 8})
    assert {spot.cell for spot in spots(now, {}, least=5, rate=RATE)} == {(60, 60), (61, 60)}
    assert {spot.cell for spot in spots(now, {}, least=9, rate=RATE)} == {(60, 60)}
    told = spots(now, {(60, 60): 4, (61, 60): 5}, least=5, rate=RATE)
    assert {spot.cell: spot.before for spot in told} == {(60, 60): None, (61, 60): 5}


def test_one_cell_alone_is_no_hot_spot_however_much_one_home_files() -> None:
    now = noise(random.Random(3), 100) + Counter({(60, 60): 50})
    assert spots(now, {}, least=5, rate=RATE) == []


_counts = st.dictionaries(st.tuples(st.integers(0, 12), st.integers(0, 12)), st.integers(1, 12), max_size=40)


@settings(max_examples=60)
@given(_counts, _counts, st.integers(3, 6), st.tuples(st.integers(-500, 500), st.integers(-500, 500)))
def test_what_is_found_is_the_same_wherever_it_lies_and_never_of_few(
    now: dict[Cell, int], before: dict[Cell, int], least: int, away: tuple[int, int]
) -> None:
    def moved(told: dict[Cell, int]) -> dict[Cell, int]:
        return {(x + away[0], y + away[1]): count for (x, y), count in told.items()}

    found = spots(now, before, least=least, rate=RATE)
    assert all(now[spot.cell] == spot.reports >= least for spot in found)
    assert all(0 < spot.p <= RATE and spot.z > 0 for spot in found)
    there = spots(moved(now), moved(before), least=least, rate=RATE)
    assert [(spot.reports, spot.p, spot.kind) for spot in there] == [(one.reports, one.p, one.kind) for one in found]


def test_a_cell_is_a_square_of_a_kilometre_on_the_ground() -> None:
    grid = Grid(9218, 1000)
    lon, lat = 109.32, 13.09
    outline = grid.outline(grid.cell(lon, lat))
    (ring,) = outline["coordinates"]
    assert ring[0] == ring[-1]
    sides = [GEOD.inv(*a, *b)[2] for a, b in itertools.pairwise(ring)]
    assert all(abs(side - 1000) < 1 for side in sides), sides
    assert min(x for x, _ in ring) < lon < max(x for x, _ in ring)
    assert min(y for _, y in ring) < lat < max(y for _, y in ring)


@pytest.mark.parametrize("epsg", [4326, 4756, 2225, 99999999])
def test_a_system_that_is_not_in_metres_is_refused(epsg: int) -> None:
    with pytest.raises(BadConfig):
        Grid(epsg, 1000)
