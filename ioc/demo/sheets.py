"""What departments type into tables and drop in a folder: beds, school attendance, the budget, certificates."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from ioc.clock import ZONE
from ioc.geo.units import Unit

HOSPITALS: tuple[tuple[str, str, str, int], ...] = (
    ("BV01", "Bệnh viện đa khoa mẫu Tuy Hòa", "22015", 560),
    ("BV02", "Bệnh viện sản nhi mẫu", "22045", 240),
    ("BV03", "Bệnh viện phục hồi chức năng mẫu", "22015", 120),
    ("BV04", "Trung tâm y tế mẫu Sông Cầu", "22051", 130),
    ("BV05", "Trung tâm y tế mẫu Đông Hòa", "22258", 140),
    ("BV06", "Trung tâm y tế mẫu Đồng Xuân", "22081", 90),
    ("BV07", "Trung tâm y tế mẫu Sơn Hòa", "22165", 90),
    ("BV08", "Trung tâm y tế mẫu Sông Hinh", "22207", 80),
    ("BV09", "Trung tâm y tế mẫu Tây Hòa", "22255", 100),
)
"""Invented hospitals: code, name, commune, beds."""
FREE = 312
"""Free beds in the first report, of the hospitals that sent one."""
SILENT = ("BV07", "BV08")
"""Hospitals that have not reported."""
CERTIFICATES = (("Tổ chức", 487), ("Cá nhân", 905))
"""Certificates by kind: together 1,392, while "over 1,500" is what was announced."""
ANNOUNCED = 1_500


def beds(turn: int, seed: int, at: datetime) -> bytes:
    """The health department's XLSX of one day: a title, a stacked header, a total; silent hospitals are not in it."""
    from openpyxl import Workbook

    chance = Random(f"{seed}/beds/{turn}")
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    day = at.astimezone(ZONE)
    sheet.append(["SỞ Y TẾ (DỮ LIỆU MẪU)"])
    sheet.append([f"Báo cáo giường bệnh ngày {day:%d/%m/%Y}"])
    sheet.append(["Mã", "Bệnh viện", "Xã", "Giường", None, "Báo cáo lúc"])
    sheet.append([None, None, None, "Kế hoạch", "Còn trống", None])
    told = [hospital for hospital in HOSPITALS if hospital[0] not in SILENT]
    for (code, name, commune, planned), free in zip(told, _free(chance, turn, [row[3] for row in told]), strict=True):
        # typed tables hold numbers as text as often as not
        sheet.append([code, name, commune, planned, str(free), f"{day:%d/%m/%Y %H:%M}"])
    sheet.append(["Tổng cộng", None, None, sum(row[3] for row in told), None, None])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _free(chance: Random, turn: int, planned: Sequence[int]) -> list[int]:
    """Free beds of each hospital; together FREE in the first turn."""
    share = FREE / sum(planned)
    free = [round(share * beds) for beds in planned]
    free[0] += FREE - sum(free)
    return free if turn == 0 else [max(0, beds + chance.randrange(-6, 7)) for beds in free]


def attendance(seed: int, at: datetime, units: Sequence[Unit]) -> bytes:
    """The education department's XLSX: pupils present by commune; 31 of 34 communes sent theirs."""
    from openpyxl import Workbook

    chance = Random(f"{seed}/attendance")
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Mã xã", "Xã, phường", "Học sinh", "Có mặt", "Ngày"])
    for unit in units[:-3]:
        pupils = chance.randrange(800, 6_000)
        row: list[Any] = [unit.code, unit.name, pupils, round(pupils * chance.uniform(0.94, 0.995))]
        sheet.append([*row, f"{at.astimezone(ZONE):%d/%m/%Y}"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def budget(turn: int, seed: int, at: datetime) -> bytes:
    """The finance department's CSV: byte order mark, semicolons, Vietnamese numbers, million đồng."""
    taken, paid = Random(f"{seed}/revenue"), Random(f"{seed}/spending")
    done = 2_914_532.5 + sum(taken.uniform(20, 400) for _ in range(turn))
    spent = 3_102_118.25 + sum(paid.uniform(20, 300) for _ in range(turn))
    day = at.astimezone(ZONE)
    rows = (
        ("thu", "Thu ngân sách", 3_850_000, done, 2_655_870.4),
        ("chi", "Chi ngân sách", 4_400_000, spent, 2_998_004.1),
    )
    lines = ["Chỉ tiêu;Tên;Năm;Kế hoạch năm;Thực hiện;Cùng kỳ;Cập nhật"]
    for code, name, *numbers in rows:
        lines.append(";".join([code, name, f"{day:%Y}", *map(_vi, numbers), f"{day:%d/%m/%Y %H:%M:%S}"]))
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def certificates(at: datetime) -> bytes:
    """The certificates by kind, and the number that was announced ("over 1,500"), as CSV."""
    rows = [*CERTIFICATES, ("Công bố", ANNOUNCED)]
    lines = ["Loại;Số lượng;Ngày", *(f"{kind};{_vi(number)};{at.astimezone(ZONE):%d/%m/%Y}" for kind, number in rows)]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def _vi(number: float) -> str:
    """A number as Vietnamese write it: 3.359,80."""
    text = f"{number:,.2f}" if isinstance(number, float) else f"{number:,}"
    return text.translate(str.maketrans(",.", ".,"))


def drop(folder: Path, name: str, body: bytes) -> None:
    """Put a file into the folder, whole or not at all: readers leave `.part` alone."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.part"
    part.write_bytes(body)
    part.replace(folder / name)
