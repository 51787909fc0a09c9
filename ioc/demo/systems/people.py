"""Who looks after a province's systems: IT staff by body, and the incident response team; a list dropped as it changes.

Nghệ An: 55 IT staff, 39 in departments and 16 in communes. Phú Yên: the members of its CSIRT by role.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import ClassVar

from ioc.demo.dropping import Dropping

STAFF = {"Sở, ngành": 39, "Cấp xã": 16}
DEPARTMENTS, COMMUNES = 20, 20
"""Bodies that should have somebody."""
ROLES = (("Trưởng nhóm", 1), ("Điều phối sự cố", 2), ("Phân tích mã độc", 2), ("Ứng cứu tại chỗ", 4), ("Sao lưu", 2))
"""Roles of the team, and how many each needs."""
LEAVE = 9


class People(Dropping):
    breaks: ClassVar = {
        "left": f"{LEAVE} people have left.",
        "columns": "The list calls the number of people otherwise.",
    }
    shows: ClassVar = {"left": "tile", "columns": "source"}

    def tables(self) -> Mapping[str, Iterable[Sequence[object]]]:
        have = "Số người" if "columns" in self.broken else "Có"
        rows = self._team() if self.world.plan.province == "phu-yen" else self._staff()
        return {"nhan-luc": [("Mã", "Đơn vị", "Nhóm", "Cần", have), *self._after(rows)]}

    def _after(self, rows: Iterable[tuple[str, str, str, int, int]]) -> Iterable[tuple[str, str, str, int, int]]:
        leave = LEAVE if "left" in self.broken else 0
        for code, name, group, needed, have in rows:
            gone = min(leave, have)
            leave -= gone
            yield code, name, group, needed, have - gone

    def _staff(self) -> Iterable[tuple[str, str, str, int, int]]:
        chance = Random(f"{self.world.seed}/people")
        for group, bodies, letter in (("Sở, ngành", DEPARTMENTS, "S"), ("Cấp xã", COMMUNES, "X")):
            have = [0] * bodies
            for _ in range(STAFF[group]):
                have[chance.randrange(bodies)] += 1
            for number, count in enumerate(have, start=1):
                yield f"{letter}{number:02d}", f"{group} {number:02d}", group, 1, count

    def _team(self) -> Iterable[tuple[str, str, str, int, int]]:
        chance = Random(f"{self.world.seed}/csirt")
        for number, (role, needed) in enumerate(ROLES, start=1):
            yield f"C{number}", role, "CSIRT", needed, max(0, needed - int(chance.random() < 0.4))
