"""Hot spots: cells of a grid in which more reports were filed than chance would bring (`ioc/reports/hotspots.py`).

An item is a cell, a polygon with `reports` (of the span of `hours`), `near` (those of its neighbours too), `before`
(reports of the `before_hours` before; absent where too few to be told), `z` and `p` of Gi*, and `kind`: "lasting" where
it was hot before, too, else "new". One item, SUMMARY, has no place: it says of how many reports (`placed` of `reports`)
and `cells` that was found, so that "nothing is hot" and "nothing was counted" are two things.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ioc.event import Event
from ioc.layer import Figure, Item, Layer, tile

SUMMARY = "summary"


class Hotspots(Layer):
    name = "hotspots"
    title = ("Điểm nóng", "Hot spots")
    listens = frozenset({"ioc.hotspot.found"})
    # a handful of cells: every screen gets all
    views = False

    def item(self, event: Event) -> Item:
        made = super().item(event)
        # a cell lies in several communes as a rule: none of them owns it
        made.properties.pop("unit", None)
        return made


@tile(over="hotspots", label=("Điểm nóng", "Hot spots"), unit=("ô", "cells"), by_unit=False)
def hotspots_found(items: Mapping[str, Item], now: datetime) -> Figure:
    """How many cells are hot; `have`: reports of the span with a place in the province, of all (`expect`).

    Nothing is said where fewer reports were counted than one cell must have.
    """
    told = items.get(SUMMARY)
    if told is None:
        return Figure(None)
    whole = told.properties
    coverage = {"have": whole.get("placed"), "expect": whole.get("reports")}
    if not whole.get("enough"):
        return Figure(None, **coverage, why="Còn quá ít phản ánh để tìm điểm nóng.")
    kinds = [item.properties.get("kind") for name, item in items.items() if name != SUMMARY]
    parts = [
        {"label": {"vi": "mới nóng", "en": "new"}, "value": kinds.count("new")},
        {"label": {"vi": "nóng kéo dài", "en": "lasting"}, "value": kinds.count("lasting")},
    ]
    return Figure(len(kinds), **coverage, method="computed", parts=parts)
