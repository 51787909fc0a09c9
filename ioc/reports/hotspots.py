"""Where more reports come than chance would bring: the statistic Gi* on a grid in metres. Pure.

The method, and its source. The province is cut into square cells of a projected system (metres, not degrees). Of
every cell the reports of a span of time are counted. Gi* (Getis & Ord 1992, Geographical Analysis 24(3), 189-206; with
a cell's own count in it, and as a z-score, Ord & Getis 1995, Geographical Analysis 27(4), 286-306) compares the sum
over a cell and its eight neighbours (weights 1; W of them, the cell included) with the mean of all n cells:

    z = (sum of x_j near i - mean x * W) / (s * sqrt((n * W - W^2) / (n - 1)))

Counts of reports are small and mostly zero, and far from normal, so `p` is not read off z: under the null hypothesis
of those papers (the counts lie on the cells in any order, each as likely) the sum near i is one of W counts drawn
without replacement, and how likely so large a sum is, is counted exactly. p is one-sided: only "more" is looked for.

Thousands of cells are tested at once. So that few of those shown are there by chance, p-values are held against the
rising line of Benjamini & Hochberg (1995, J. R. Stat. Soc. B 57(1), 289-300), as Caldas de Castro & Singer (2006,
Geographical Analysis 38(2), 180-208) advise for local statistics: of the cells that are found, the share found by
chance is `rate` at most in the mean. The tested cells are those with a report in either span, and their neighbours:
that nobody lives on a mountain is no news. A cell with fewer than `least` reports of the span is tested, and not
shown: what is shown never points at one home. Neither does a cell become hot all alone, whatever is filed in it: in any
order of the counts it would be as high somewhere; hot are cells that are high together.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from ioc.geo import crs

Cell = tuple[int, int]
"""Column and row of a cell: easting and northing of its south-west corner, in cells."""
Kind = Literal["new", "lasting"]
AROUND = tuple((east, north) for east in (-1, 0, 1) for north in (-1, 0, 1))


class Grid:
    """Square cells of `metres` in the projected system `epsg`. Raises BadConfig for one that is not in metres."""

    def __init__(self, epsg: int, metres: float) -> None:
        self.epsg, self.metres = epsg, metres
        self._to, self._back = crs.from_wgs84(epsg), crs.to_wgs84(epsg)

    def cell(self, lon: float, lat: float) -> Cell:
        """The cell of a place in WGS84. Raises BadRecord."""
        x, y = self._to(lon, lat)
        return math.floor(x / self.metres), math.floor(y / self.metres)

    def outline(self, cell: Cell) -> dict[str, Any]:
        """The cell as a GeoJSON polygon in WGS84, six decimals, counter-clockwise."""
        corners = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
        places = [self._back((cell[0] + x) * self.metres, (cell[1] + y) * self.metres) for x, y in corners]
        return {"type": "Polygon", "coordinates": [[[round(lon, 6), round(lat, 6)] for lon, lat in places]]}


class Spot(NamedTuple):
    """A cell where more came than chance would bring. `before`: reports of the span before, None: too few to be told.

    `near`: reports of the cell and its neighbours. `kind`: it was found in the span before as well (lasting), or not.
    """

    cell: Cell
    reports: int
    near: int
    before: int | None
    z: float
    p: float
    kind: Kind


def spots(now: Mapping[Cell, int], before: Mapping[Cell, int], *, least: int, rate: float) -> list[Spot]:
    """The hot cells of the counts `now`, by cell; `before`: counts of the span before. See above for the method."""
    cells = sorted({(x + east, y + north) for x, y in (*now, *before) for east, north in AROUND})
    place = {cell: at for at, cell in enumerate(cells)}
    near = [[place[at] for at in ((x + e, y + n) for e, n in AROUND) if at in place] for x, y in cells]
    found, counts = _hot(cells, near, now, rate)
    lasting, _ = _hot(cells, near, before, rate)
    past = {cell for cell, count in before.items() if count >= least}
    return [
        Spot(
            cell, now[cell], counts[place[cell]], before[cell] if cell in past else None, z, p,
            "lasting" if cell in lasting else "new",
        )
        for cell, (z, p) in found.items()
        if now.get(cell, 0) >= least
    ]  # fmt: skip


def _hot(
    cells: Sequence[Cell], near: Sequence[Sequence[int]], told: Mapping[Cell, int], rate: float
) -> tuple[dict[Cell, tuple[float, float]], list[int]]:
    """z and p of each cell that stands out, and the sum near every cell."""
    values = [told.get(cell, 0) for cell in cells]
    sums = [sum(values[at] for at in those) for those in near]
    scores, chances = gi_star(values, near), exact(values, [len(those) for those in near], sums)
    return {cells[at]: (scores[at], chances[at]) for at in discoveries(chances, rate)}, sums


def gi_star(values: Sequence[float], near: Sequence[Sequence[int]]) -> list[float]:
    """z of Gi* of each value; `near`: indices of its neighbours, its own among them. 0 where nothing varies."""
    n = len(values)
    if n < 2:
        return [0.0] * n
    mean = math.fsum(values) / n
    spread = math.sqrt(max(math.fsum(value * value for value in values) / n - mean * mean, 0.0))
    scores = []
    for those in near:
        many = len(those)
        scale = spread * math.sqrt((n * many - many * many) / (n - 1))
        above = math.fsum(values[at] for at in those) - mean * many
        scores.append(above / scale if scale > 0 else 0.0)
    return scores


def exact(values: Sequence[int], drawn: Sequence[int], sums: Sequence[int]) -> list[float]:
    """For each of `sums`: how likely so many (`drawn`) of `values`, drawn without replacement, sum up to it or more.

    Values are whole and not negative. Counted with whole numbers: no rounding, however small it is.
    """
    most = max(drawn, default=0)
    ways = _ways(Counter(values), most)
    tails = []
    for row in ways:
        total, tail = 0, [0] * (len(row) + 1)
        for at in range(len(row) - 1, -1, -1):
            total += row[at]
            tail[at] = total
        tails.append(tail)
    return [tails[many][least] / tails[many][0] for many, least in zip(drawn, sums, strict=True)]


def _ways(counts: Mapping[int, int], most: int) -> list[list[int]]:
    """ways[k][s]: in how many ways k of the values (`counts`: how often each is there) sum up to s, for k to `most`."""
    ways: list[list[int]] = [[1]] + [[0] for _ in range(most)]
    for value, there in sorted(counts.items()):
        choices = [(taken, math.comb(there, taken)) for taken in range(min(there, most) + 1)]
        after: list[list[int]] = []
        for k in range(most + 1):
            parts = [(value * taken, many, ways[k - taken]) for taken, many in choices if taken <= k]
            row = [0] * max(shift + len(old) for shift, _, old in parts)
            for shift, many, old in parts:
                for at, way in enumerate(old):
                    if way:
                        row[shift + at] += many * way
            after.append(row)
        ways = after
    return ways


def discoveries(chances: Sequence[float], rate: float) -> list[int]:
    """Which of these p-values are discoveries at the false discovery rate `rate` (Benjamini & Hochberg), in order."""
    order = sorted(range(len(chances)), key=lambda at: chances[at])
    last = max((rank for rank, at in enumerate(order, 1) if chances[at] <= rate * rank / len(order)), default=0)
    return sorted(order[:last])
