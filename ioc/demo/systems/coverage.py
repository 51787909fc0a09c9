"""The villages of a province and whether mobile broadband reaches them: a list that the department drops as it changes.

63 of 3,806 have none at the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import ClassVar

from ioc.demo.dropping import Dropping

VILLAGES, WITHOUT = 3_806, 63
STORM = 140
"""Villages that a storm cuts off besides."""


class Coverage(Dropping):
    breaks: ClassVar = {
        "storm": f"{STORM} more villages have no mobile broadband.",
        "columns": "The list calls coverage otherwise.",
        "codes": "The list tells coverage in codes that nobody agreed.",
    }
    shows: ClassVar = {"storm": "villages_missing", "columns": "source", "codes": "aside"}

    def without(self) -> frozenset[int]:
        """Numbers of the villages that nothing reaches now."""
        drawn = Random(f"{self.world.seed}/coverage").sample(range(VILLAGES), WITHOUT + STORM)
        return frozenset(drawn if "storm" in self.broken else drawn[:WITHOUT])

    def tables(self) -> Mapping[str, Iterable[Sequence[object]]]:
        return {"thon-ban": list(self._rows())}

    def _rows(self) -> Iterable[Sequence[object]]:
        yes, no = ("Y", "N") if "codes" in self.broken else ("có", "không")
        yield "Mã", "Thôn, bản", "Mã xã", "Kinh độ", "Vĩ độ", "Phủ sóng" if "columns" in self.broken else "Băng rộng"
        units, without = self.world.units, self.without()
        for number in range(VILLAGES):
            unit = units[number % len(units)]
            near = Random(f"{self.world.seed}/village/{number}")
            place = [round(at + near.uniform(-0.03, 0.03), 5) for at in (unit.lon, unit.lat)]
            yield (
                f"T{number:04d}",
                f"Bản {number // len(units) + 1}",
                unit.code,
                *place,
                no if number in without else yes,
            )
