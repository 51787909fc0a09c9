"""Tây Ninh's digital transformation index, as a table dropped in a folder: 2020 and 2021, by the set of decision 1726.

As published: 2021 rank 44 and 0.3426 (two places up, +27.55 %) against the country's 0.4595 (+32.7 %), workforce 54 of
63. The pillars' scores are invented; their mean is the index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from ioc.demo.dropping import Dropping

SCORES = {"Tây Ninh": {2020: 0.2686, 2021: 0.3426}, "Cả nước": {2020: 0.3463, 2021: 0.4595}}
RANKS = {2020: 46, 2021: 44}
WORKFORCE = 54
PLACES = 63
PILLARS = (
    "Nhận thức số", "Thể chế số", "Hạ tầng số", "Nhân lực số", "An toàn thông tin mạng", "Hoạt động chính quyền số",
    "Hoạt động kinh tế số", "Hoạt động xã hội số",
)  # fmt: skip
COLUMNS = ("Bộ", "Năm", "Nơi", "Mã", "Tên", "Điểm", "Hạng", "Tính đến")


class Index(Dropping):
    """The table."""

    breaks: ClassVar = {
        "newset": "The year 2022 is published too, by another set of indicators: rank 40.",
        "revised": "The index of 2021 is told otherwise.",
        "schema": "The column of the score is called otherwise.",
    }
    shows: ClassVar = {"newset": "dti_rank", "revised": "dti_score", "schema": "source"}

    def tables(self) -> Mapping[str, Iterable[Sequence[object]]]:
        """Numbers as Vietnamese write them."""
        rows: list[tuple[Any, ...]] = []
        for place, scores in SCORES.items():
            for year, score in scores.items():
                told = score - 0.05 if "revised" in self.broken and (place, year) == ("Tây Ninh", 2021) else score
                rank = RANKS[year] if place == "Tây Ninh" else None
                rows.append(("1726", year, place, "", "DTI", told, rank))
                if place == "Tây Ninh":
                    rows += self._pillars(year, told)
        if "newset" in self.broken:
            rows.append(("922", 2022, "Tây Ninh", "", "DTI", None, 40))
        columns = ["Điểm số" if name == "Điểm" and "schema" in self.broken else name for name in COLUMNS]
        return {"dti": [columns, *([_written(cell) for cell in (*row, f"31/12/{row[1]}")] for row in rows)]}

    def _pillars(self, year: int, score: float) -> list[tuple[Any, ...]]:
        chance = Random(f"{self.world.seed}/{year}")
        ranks = chance.sample(range(20, 60), len(PILLARS))
        off = [chance.uniform(-0.08, 0.08) for _ in PILLARS]
        mean = sum(off) / len(off)
        ranks[3] = WORKFORCE if year == 2021 else ranks[3]
        return [
            ("1726", year, "Tây Ninh", str(n + 1), name, round(score + off[n] - mean, 4), ranks[n])
            for n, name in enumerate(PILLARS)
        ]


def _written(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:.4f}".replace(".", ",")
    return "" if cell is None else str(cell)
