"""The digital transformation index (DTI): a tree of pillars, with rank, for each year; each set of indicators apart.

What a source's `properties` may say is told in `ioc/indices.py`. `set`: which set of indicators (that of 2022 has 3
pillars, 9 main and 98 component ones; that of 2024 8 and 47); `place`: a province, or the country.

Figures of two sets are never compared, and never stand on one line: a tile is of one set, and another set needs a tile
of its own::

    [tiles.dti_score]
    over = "dti"
    label = ["Chỉ số DTI", "DTI"]
    set = "1726"
    place = "Tây Ninh"
    against = "Cả nước"
    decimals = 4
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ioc import indices
from ioc.indices import Index
from ioc.layer import Figure, Item, Layer, Tile


class DtiLayer(Layer):
    name = "dti"
    title = ("Chỉ số chuyển đổi số", "Digital transformation index")
    listens = frozenset({"ioc.dti.published"})
    views = False
    table = Index

    def declared(self, table: Index) -> Tile:
        def work_out(items: Mapping[str, Item], now: datetime) -> Figure:
            return indices.figure(table, items.values())

        return Tile(table.name, table.over, table.label, table.units, work_out, False)
