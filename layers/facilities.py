"""Health facilities: which have reported for their day, and what: beds, vaccine in stock.

What a source's `properties` may say, beside those of `ioc.reporting`: `name`, `kind`; `beds` and `beds_used`; `doses`
of vaccine in stock, and `doses_least`, the least it must hold. The layer adds `beds_free` (none below 0), `crowded`:
whether more beds are used than there are, and `low`: whether less vaccine is left than must be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ioc.reporting import Reporting, number


class Facilities(Reporting):
    name = "facilities"
    title = ("Cơ sở y tế", "Health facilities")
    listens = frozenset({"ioc.facility.reported"})

    def derived(self, told: Mapping[str, Any]) -> dict[str, Any]:
        beds, used, doses, least = (number(told.get(name)) for name in ("beds", "beds_used", "doses", "doses_least"))
        found: dict[str, Any] = {"beds_free": None, "crowded": None, "low": None}
        if beds is not None and used is not None:
            found |= {"beds_free": max(0, beds - used), "crowded": used > beds}
        if doses is not None and least is not None:
            found["low"] = doses < least
        return found
