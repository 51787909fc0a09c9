"""Schools: which have reported for their day, and what: open or closed, pupils, teachers.

What a source's `properties` may say, beside those of `ioc.reporting`: `name`, `kind`, `office` (who sends it); `open`
(true or false); `pupils` and `present`; `teachers` and `teachers_needed`. The layer adds `teachers_missing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ioc.reporting import Reporting, number


class Schools(Reporting):
    name = "schools"
    title = ("Trường học", "Schools")
    listens = frozenset({"ioc.school.reported"})

    def derived(self, told: Mapping[str, Any]) -> dict[str, Any]:
        there, needed = number(told.get("teachers")), number(told.get("teachers_needed"))
        missing = max(0, needed - there) if there is not None and needed is not None else None
        return {"teachers_missing": missing}
