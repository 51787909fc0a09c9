"""Nghệ An's digital economy: a yearly statistics book with each province's share of GRDP, and its place among 63.

As published: 7.38 % of GRDP, place 32 of 63; the other provinces and their shares are invented (`Tỉnh mẫu`), so that
the places are those of the shares. In its folder: `kinh-te-so-<n>.xlsx`, dropped when it is another.
"""

from __future__ import annotations

import io
from random import Random
from typing import Any, ClassVar

from ioc.demo import sheets
from ioc.demo.systems import System

SHARE, PLACE, PROVINCES = 7.38, 32, 63
REVISED, REVISED_PLACE = 8.11, 29
YEAR, GOAL = 2022, 20
"""The year that the book is of, and the share that the national programme (749/QĐ-TTg) sets for 2025."""


class DigitalEconomy(System):
    """The statistical office's yearly book."""

    breaks: ClassVar = {
        "revised": f"The share is revised to {REVISED} %, place {REVISED_PLACE}.",
        "untold": "The share is not told yet.",
        "columns": "The column of the share is called otherwise.",
        "nothing": "The province's row is gone.",
        "year": "The title does not name the year.",
    }
    shows: ClassVar = {
        "revised": "digital_economy", "untold": "digital_economy", "columns": "source", "nothing": "source",
        "year": "source",
    }  # fmt: skip

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.dropped: frozenset[str] | None = None
        self.number = 0

    async def begin(self) -> None:
        await self.keep()

    async def keep(self) -> None:
        """A book is dropped when it is another."""
        if (told := frozenset(self.broken)) != self.dropped:
            self.dropped = told
            self.number += 1
            name = f"kinh-te-so-{self.world.now:%H%M%S}-{self.number}.xlsx"
            sheets.drop(self.folder, name, self.book())

    def book(self) -> bytes:
        """The workbook as it is now."""
        from openpyxl import Workbook

        made = Workbook()
        page = made.active
        assert page is not None
        page.title = "KINH TE SO"
        when = "" if "year" in self.broken else f" NĂM {YEAR}"
        page.append([f"TỶ TRỌNG KINH TẾ SỐ TRONG GRDP CÁC TỈNH, THÀNH PHỐ{when} (DỮ LIỆU MẪU)"])
        page.append(["Đơn vị tính: %"])
        share = "Kinh tế số" if "columns" in self.broken else "Tỷ trọng"
        page.append(["STT", "Tỉnh, thành phố", "Kinh tế số trong GRDP", None, "Xếp hạng"])
        page.append([None, None, share, "Mục tiêu 2025", None])
        page.append(["A", "B", "(1)", "(2)", "(3)"])
        for number, (name, told, place) in enumerate(self._provinces(), start=1):
            page.append([number, f" {name}", told, GOAL, place])
        body = io.BytesIO()
        made.save(body)
        return body.getvalue()

    def _provinces(self) -> list[tuple[str, str, object]]:
        """Name, share as it is written, and place of each, the largest share first."""
        place, own = (REVISED_PLACE, REVISED) if "revised" in self.broken else (PLACE, SHARE)
        chance = Random(f"{self.world.seed}/digital_economy")
        above = sorted((round(chance.uniform(9, 30), 2) for _ in range(place - 1)), reverse=True)
        below = sorted((round(chance.uniform(3, 7), 2) for _ in range(PROVINCES - place)), reverse=True)
        rows: list[tuple[str, str, object]] = []
        for number, value in enumerate([*above, own, *below], start=1):
            if number != place:
                rows.append((f"Tỉnh mẫu {number:02d}", f"{value:.2f}".replace(".", ","), number))
            elif "untold" in self.broken:
                rows.append(("Nghệ An", "…", "…"))
            elif "nothing" not in self.broken:
                rows.append(("Nghệ An", f"{value:.2f}".replace(".", ","), number))
        return rows
