"""Nghệ An's plan 586: a table of targets and tasks that the standing office drops in a folder when it changes.

Targets 8 of 11, 2 of 6 and 1 of 3 are done, tasks 15 of 18, 4 of 6, 5 of 5 and 2 of 9, as published; which ones, when
and by which evidence is invented. In its folder: `ke-hoach-<n>.csv`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from random import Random
from typing import ClassVar

from ioc.clock import ZONE
from ioc.demo.dropping import Dropping

GROUPS = (
    ("Chỉ tiêu", "Chính quyền số", 8, 11), ("Chỉ tiêu", "Kinh tế số", 2, 6), ("Chỉ tiêu", "Xã hội số", 1, 3),
    ("Nhiệm vụ", "Nền tảng chuyển đổi số", 15, 18), ("Nhiệm vụ", "Chính quyền số", 4, 6),
    ("Nhiệm vụ", "Kinh tế số", 5, 5), ("Nhiệm vụ", "Xã hội số", 2, 9),
)  # fmt: skip
"""Kind, group, how many are done, of how many."""
COLUMNS = ("Mã", "Loại", "Nhóm", "Tên", "Cơ quan", "Hạn", "Trạng thái", "Ngày xong", "Minh chứng")


class Targets(Dropping):
    """The plan's table."""

    breaks: ClassVar = {
        "evidence": "The first three that are done lose their evidence.",
        "reopened": "Five tasks that were done are open again.",
        "code": "Every tenth is in a state that nobody knows.",
        "schema": "The column of the state is called otherwise.",
    }
    shows: ClassVar = {"evidence": "targets_government", "reopened": "tasks_base", "code": "aside", "schema": "source"}

    def tables(self) -> Mapping[str, Iterable[Sequence[object]]]:
        columns = [("Tình trạng" if name == "Trạng thái" and "schema" in self.broken else name) for name in COLUMNS]
        return {"ke-hoach": [columns, *(self._row(*group, number) for group in GROUPS for number in range(group[3]))]}

    def _row(self, kind: str, group: str, done: int, _of: int, number: int) -> list[str]:
        task = kind == "Nhiệm vụ"
        id = f"586-{'NV' if task else 'CT'}-{group.split()[0]}-{group.split()[-2]}-{number + 1:02d}"
        chance = Random(f"{self.world.seed}/{kind}/{group}/{number}")
        today = self.world.began.astimezone(ZONE).date()
        so = number < done and not (
            task and group == "Nền tảng chuyển đổi số" and "reopened" in self.broken and number < 5
        )
        on = today - timedelta(days=chance.randrange(5, 420))
        lost = "evidence" in self.broken and not task and group == "Chính quyền số" and number < 3
        state = "gần xong" if "code" in self.broken and number % 10 == 0 else "xong" if so else "đang làm"
        due = date(today.year, 12, 31) if chance.random() < 0.8 else today - timedelta(days=30)
        evidence = f"https://vanban.example.vn/586/{chance.randrange(1000, 9999)}" if so and not lost else ""
        return [
            id, kind, group, f"{kind} mẫu {number + 1}", f"Cơ quan mẫu {chance.randrange(1, 20):02d}",
            f"{due:%d/%m/%Y}", state, f"{on:%d/%m/%Y}" if so else "", evidence,
        ]  # fmt: skip
