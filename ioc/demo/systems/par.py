"""Phú Yên's reform index (PAR): a table that Home Affairs drops when it was graded; all of it invented.

Three years: the first by an older set of criteria, the other two by that of 2022. In each the province's eight fields,
and 19 departments; the last year the fields of each department, and the communes, which were graded for the first time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from ioc.clock import ZONE
from ioc.demo.dropping import Dropping

FIELDS = (
    ("Chỉ đạo điều hành", 10.0), ("Thể chế", 10.5), ("Thủ tục hành chính", 13.0), ("Tổ chức bộ máy", 10.5),
    ("Chế độ công vụ", 14.0), ("Tài chính công", 12.0), ("Chính quyền số", 15.0), ("Tác động đến người dân", 15.0),
)  # fmt: skip
"""The fields of reform, and how many points each is worth: 100."""
DEPARTMENTS = (
    "Văn phòng UBND tỉnh", "Sở Nội vụ", "Sở Tư pháp", "Sở Kế hoạch và Đầu tư", "Sở Tài chính", "Sở Công Thương",
    "Sở Nông nghiệp", "Sở Giao thông vận tải", "Sở Xây dựng", "Sở Tài nguyên và Môi trường",
    "Sở Thông tin và Truyền thông", "Sở Lao động", "Sở Văn hóa", "Sở Khoa học và Công nghệ",
    "Sở Giáo dục và Đào tạo", "Sở Y tế", "Thanh tra tỉnh", "Ban Dân tộc", "Ban Quản lý Khu kinh tế",
)  # fmt: skip
OLD, SET, NEXT = "2019", "2022", "2026"
"""Sets of criteria, by the year from which on they hold."""
PROVINCE, RANKS = "Phú Yên", 63
RANK = {2: 41, 1: 38, 0: 36}
"""The province's rank, by how many years ago: the others' follow from their points."""
LOW = 78.0
COLUMNS = (
    "Bộ", "Năm", "Nhóm", "Đơn vị", "Mã xã", "Mã", "Tiêu chí", "Điểm", "Điểm tối đa", "Hạng", "Số đơn vị", "Tính đến",
)  # fmt: skip


class Par(Dropping):
    breaks: ClassVar = {
        "newset": "The last year is told by another set of criteria.",
        "revised": "The province's index of the last year is told otherwise, and its fields do not add up to it.",
        "low": f"Every third department has fewer than {LOW:g} points.",
        "silent": "Half of the departments and of the communes have no points.",
        "schema": "The column of the points is called otherwise.",
    }
    shows: ClassVar = {
        # so many rows are another at once that the answer is not believed
        "newset": "source",
        "revised": "par_score", "low": "par_departments_low", "silent": "par_departments", "schema": "source",
    }  # fmt: skip

    @property
    def last(self) -> int:
        """The last year that is over."""
        return self.world.now.astimezone(ZONE).year - 1

    def tables(self) -> Mapping[str, Iterable[Sequence[object]]]:
        heads = ["Tổng điểm" if name == "Điểm" and "schema" in self.broken else name for name in COLUMNS]
        return {"par": [heads, *([_written(cell) for cell in row] for row in self._rows())]}

    def _rows(self) -> Iterable[Sequence[object]]:
        for back in (2, 1, 0):
            year = self.last - back
            by = OLD if back == 2 else NEXT if back == 0 and "newset" in self.broken else SET
            groups = {
                "tỉnh": [(PROVINCE, "")],
                "sở": [(name, "") for name in DEPARTMENTS],
                "xã": [(unit.name, unit.code) for unit in self.world.units if back == 0],
            }
            for group, bodies in groups.items():
                graded = [self._body(by, year, group, name, code) for name, code in bodies]
                order = sorted((total for (*_, total, _), *_ in graded if total != ""), reverse=True)
                for (*about, total, most), *fields in graded:
                    rank: object = "" if total == "" else order.index(total) + 1
                    ranks = (RANK[back], RANKS) if group == "tỉnh" else (rank, len(bodies))
                    end = f"31/12/{year}"
                    yield *about, total, most, *ranks, end
                    yield from ((*field, "", "", end) for field in fields)

    def _body(self, by: str, year: int, group: str, name: str, code: str) -> list[tuple[Any, ...]]:
        """A body's index, and, of the province and of the last year's departments, its fields; up to their points."""
        chance = Random(f"{self.world.seed}/par/{year}/{name}")
        number = DEPARTMENTS.index(name) if group == "sở" else int(code or 0)
        good = chance.uniform(0.82, 0.95)
        if "low" in self.broken and group == "sở" and number % 3 == 0 and year == self.last:
            good = 0.7
        points = [round(most * min(1.0, good + chance.uniform(-0.04, 0.04)), 2) for _, most in FIELDS]
        total: float | str = round(sum(points), 2)
        if "silent" in self.broken and group != "tỉnh" and number % 2 and year == self.last:
            total, points = "", []
        if "revised" in self.broken and group == "tỉnh" and year == self.last:
            total = round(sum(points) - 6.5, 2)
        about = (by, year, group, name, code)
        rows: list[tuple[Any, ...]] = [(*about, "", "Chỉ số CCHC", total, 100.0)]
        if group == "tỉnh" or (group == "sở" and year == self.last):
            told = zip(FIELDS, points, strict=False)
            rows += [(*about, place, field, got, most) for place, ((field, most), got) in enumerate(told, start=1)]
        return rows


def _written(cell: object) -> str:
    return f"{cell:.2f}".replace(".", ",") if isinstance(cell, float) else str(cell)
