"""Quảng Nam's monthly statistics book: main figures with their plan, and public investment disbursed by commune.

A workbook in the form of the statistical offices, dropped whenever it is another: titles that name the month and the
months so far, stacked headers, numbers as text, subtotals between the rows, "…" where a commune told nothing. The
communes are real, every figure is invented. In its folder: `bao-cao-thang-<n>.xlsx`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar

from ioc.clock import ZONE
from ioc.demo import sheets
from ioc.demo.systems import System

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

STEP_S = 300.0
"""How often the treasury pays out something more, and the book is sent again."""
SILENT = 5
"""Communes that tell nothing."""
DOMESTIC, CUSTOMS, PLANNED_REVENUE = 18_412.6, 4_987.3, 27_500.0
"""Revenue so far by part, and what the year is planned to bring; thousand million đồng."""


class Economy(System):
    """The statistical office."""

    breaks: ClassVar = {
        "half": "Half of the communes tell nothing.",
        "uneven": "The totals are not what the rows add up to.",
        "unit": "Revenue is told in million đồng.",
        "columns": "The column of what was paid is called otherwise.",
        "frozen": "The book stands still.",
        "slump": "Industry and retail fall.",
    }
    shows: ClassVar = {
        "half": "disbursed", "uneven": "alert", "unit": "aside", "columns": "source",
        # A book of a month that is over may stand as it is until the next is due, and the wall tells of which month
        # it is and when that will be; who is late then is said late.
        "frozen": "nothing",
        "slump": "alert",
    }  # fmt: skip

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.dropped: tuple[object, ...] | None = None
        self.number = 0

    async def begin(self) -> None:
        await self.keep()

    async def keep(self) -> None:
        """A book is dropped when it is another."""
        step = int(self.world.age // STEP_S)
        if self.dropped is not None and "frozen" in self.broken:
            return
        told = (step, self.month(), frozenset(self.broken))
        if told != self.dropped:
            self.dropped = told
            self.number += 1
            name = f"bao-cao-thang-{self.world.now:%Y%m%d%H%M%S}-{self.number}.xlsx"
            sheets.drop(self.folder, name, self.book(step))

    def month(self) -> date:
        """The last day of the month that ended last."""
        return self.world.now.astimezone(ZONE).date().replace(day=1) - timedelta(days=1)

    def book(self, step: int) -> bytes:
        """The workbook after so many steps."""
        from openpyxl import Workbook

        made = Workbook()
        page = made.active
        assert page is not None
        page.title = "CHI TIEU"
        self._main(page, step)
        self._communes(made.create_sheet("GIAI NGAN"), step)
        body = io.BytesIO()
        made.save(body)
        return body.getvalue()

    def _main(self, page: Worksheet, step: int) -> None:
        """The main figures: one a row, beside their plan."""
        last = self.month()
        month, year = last.month, last.year
        page.append(["CỤC THỐNG KÊ (DỮ LIỆU MẪU)"])
        page.append([f"MỘT SỐ CHỈ TIÊU KINH TẾ - XÃ HỘI THÁNG {month} VÀ {month} THÁNG NĂM {year}"])
        page.append([])
        page.append(["STT", "Chỉ tiêu", "Đơn vị tính", "Kế hoạch năm", "Thực hiện", None])
        page.append([None, None, None, None, f"Ước tháng {month}", f"Lũy kế {month} tháng"])
        page.append(["A", "B", "C", "(1)", "(2)", "(3)"])
        share, fall = month / 12, 0.8 if "slump" in self.broken else 1.0
        domestic, customs = (value + step * 1.5 for value in (DOMESTIC, CUSTOMS))
        thousand = 1_000 if "unit" in self.broken else 1
        money = "triệu đồng" if "unit" in self.broken else "tỷ đồng"
        total = domestic + customs + (250 if "uneven" in self.broken else 0)
        rows: list[Sequence[object]] = [
            ("I", "Tốc độ tăng tổng sản phẩm trên địa bàn (GRDP)", "%", "9,50", "…", _vi(9.12 * fall)),
            ("II", "Chỉ số sản xuất công nghiệp (IIP)", "%", "111,00", _vi(108.4 * fall), _vi(109.7 * fall)),
            ("III", "Tổng mức bán lẻ hàng hóa và doanh thu dịch vụ", "Tỷ đồng", "98.400", _vi(8_210 * fall),
             _vi(round((96_300 * share + step) * fall, 1))),
            ("IV", "Tổng thu ngân sách nhà nước", money, _vi(PLANNED_REVENUE * thousand), "-", _vi(total * thousand)),
            (None, " - Thu nội địa", money, _vi(21_800 * thousand), "-", _vi(domestic * thousand)),
            (None, " - Thu từ hoạt động xuất, nhập khẩu", money, _vi(5_700 * thousand), "-", _vi(customs * thousand)),
        ]  # fmt: skip
        for row in rows:
            page.append(list(row))
        page.append(["Ghi chú: số liệu ước tính, đặt ra cho bản mẫu."])

    def _communes(self, page: Worksheet, step: int) -> None:
        """Public investment by commune, within town and country."""
        last = self.month()
        paid = "Giải ngân" if "columns" in self.broken else f"Thực hiện {last.month} tháng"
        page.append([f"GIẢI NGÂN VỐN ĐẦU TƯ CÔNG {last.month} THÁNG NĂM {last.year} (DỮ LIỆU MẪU)"])
        page.append(["Đơn vị tính: Tỷ đồng"])
        page.append(["Khu vực", "Mã ĐVHC", "Xã, phường", "Vốn đầu tư công", None])
        page.append([None, None, None, f"Kế hoạch năm {last.year}", paid])
        rows = self._disbursed(step, last.month / 12)
        more = 120 if "uneven" in self.broken else 0
        page.append(["Tổng số", None, None, _vi(sum(row[3] for row in rows)), _vi(_paid(rows) + more)])
        for group in ("Phường", "Xã"):
            own = [row for row in rows if row[0] == group]
            page.append([f"  {group} (Tổng số)", None, None, _vi(sum(row[3] for row in own)), _vi(_paid(own) + more)])
            for number, (_, code, name, plan, done) in enumerate(own):
                told = "…" if done is None else _vi(done)
                page.append([f"  {group}" if number == 0 else None, code, f"  {name}", _vi(plan), told])

    def _disbursed(self, step: int, share: float) -> list[tuple[str, str, str, float, float | None]]:
        """Group, code, name, plan of the year and what was paid of each commune."""
        found: list[tuple[str, str, str, float, float | None]] = []
        quiet = set(Random(f"{self.world.seed}/economy/quiet").sample(range(len(self.world.units)), SILENT))
        for number, unit in enumerate(self.world.units):
            chance = Random(f"{self.world.seed}/economy/{unit.code}")
            plan = round(chance.uniform(35, 260), 1)
            done = round(min(plan, plan * share * chance.uniform(0.35, 1.05) + step * 0.2), 1)
            silent = number in quiet or ("half" in self.broken and number % 2 == 1)
            group = "Phường" if unit.name.startswith("Phường") else "Xã"
            found.append((group, unit.code, unit.name, plan, None if silent else done))
        return found


def _paid(rows: Sequence[tuple[str, str, str, float, float | None]]) -> float:
    return sum(row[4] for row in rows if row[4] is not None)


def _vi(number: float) -> str:
    """A number as Vietnamese write it, as text: 1.392,5."""
    return f"{number:,.2f}".rstrip("0").rstrip(".").translate(str.maketrans(",.", ".,"))
