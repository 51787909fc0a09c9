"""One check of the settings: which figures are held against each other, and how (guidance 1709: đúng).

Settings (TOML)::

    [checks.certificates]
    kind = "sum_of_parts"              # the sum of left is right
    title = ["Chứng thư số", "Certificates"]
    left = [{source = "certificates", part = "Tổ chức"}, {source = "certificates", part = "Cá nhân"}]
    right = {source = "certificates", published = true, label = ["hơn 1.500", "over 1,500"]}

    [checks.cameras]
    kind = "two_sources"               # left and right tell the same, but for `within`, or for `percent` of right
    left = {tile = "cameras_live", field = "have"}
    right = {value = 268, label = "Quyết định của UBND"}
    within = 2

Kinds: `sum_of_parts`, `two_sources`: left is right; `part_of_whole`: left is at most right; `units_sum`: the communes'
figures of the tile `left` add up to `right`, or to the tile's own total; `range`: left lies from `least` to `most`;
`step`: left moves by at most `most`, or by `percent`, from one figure to the next; `monotone`: left never falls.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Kind = Literal["sum_of_parts", "part_of_whole", "two_sources", "range", "step", "monotone", "units_sum"]
EQUAL: tuple[Kind, ...] = ("sum_of_parts", "two_sources", "units_sum")
"""Kinds of which both sides tell one figure."""
BESIDE: tuple[Kind, ...] = (*EQUAL, "part_of_whole")
"""Kinds that hold two sides against each other."""
OVER_TIME: tuple[Kind, ...] = ("step", "monotone")
"""Kinds that hold a figure against the one before it."""
ALL = "all"
INDICATORS = "indicators"
FIELDS = ("value", "of", "target", "previous", "have", "expect")
"""Numbers of a tile that a side may look at."""
MOST_SIDES = 50


class Side(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked at: a figure of a tile, items of a layer, or a number that was decided.

    `tile`: its name, of `unit` (code of a commune, or "all"); `part`: the label of one of its parts; `other`: the
    figure that disagrees with it. Or `layer` ("indicators" when left out), `source`, `indicator`, `part` and `where`
    (properties and what they must be): items that fit are added up, those of the newest period; `published`: the
    totals that somebody announced, which are else left out. Or `value`. `field`: which number of it. `label`: what
    screens call it (Vietnamese, English).
    """

    tile: str | None = None
    unit: str = ALL
    layer: str | None = None
    source: str | None = None
    indicator: str | None = None
    part: str | None = None
    where: dict[str, str | int | float | bool] = {}
    published: bool = False
    other: bool = False
    field: str = "value"
    value: int | float | None = None
    label: str | tuple[str, str] | None = None

    def __post_init__(self) -> None:
        items = self.layer is not None or self.source is not None or self.indicator is not None
        if (self.tile is not None) + items + (self.value is not None) != 1:
            raise ValueError("a side looks at one thing; write tile, or source and indicator, or value")
        if self.tile is not None and self.field not in FIELDS:
            raise ValueError(f"a tile has no field {self.field}; write one of {', '.join(FIELDS)}")
        if self.tile is None and (self.other or self.unit != ALL):
            raise ValueError("unit and other belong to a tile; write tile too, or leave them out")
        if self.other and self.part is not None:
            raise ValueError("part and other exclude each other; write one of them")

    @property
    def over(self) -> str:
        """The layer whose items it looks at, when it looks at no tile and no number."""
        return self.layer or INDICATORS


Sides = Side | tuple[Side, ...]


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A check; the module's text shows the kinds. Several sides in a list are added up.

    `title`: its name on screens. `within`, `percent`: how far both may be apart. `least`, `most`: bounds. `source`:
    whose fault it is when it fails; the first source that left looks at, when left out.
    """

    kind: Kind
    left: Sides
    right: Sides | None = None
    title: str | tuple[str, str] = ""
    within: float = 0.0
    percent: float | None = None
    least: float | None = None
    most: float | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        for name in ("within", "percent"):
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; write 0 or more")
        if not 1 <= len(self.lefts) <= MOST_SIDES or len(self.rights) > MOST_SIDES:
            raise ValueError(f"left and right look at 1 to {MOST_SIDES} things each; write so many")
        if (self.kind in BESIDE and self.kind != "units_sum") and not self.rights:
            raise ValueError(f"{self.kind} has no right; write what left is held against")
        if self.kind not in BESIDE and self.rights:
            raise ValueError(f"{self.kind} looks at left alone; leave right out")
        if self.kind == "range" and self.least is None and self.most is None:
            raise ValueError("range has no bounds; write least, most, or both")
        if self.kind == "step" and self.most is None and self.percent is None:
            raise ValueError("step has no bound; write most, or percent")
        if self.kind == "units_sum" and (len(self.lefts) != 1 or self.lefts[0].tile is None):
            raise ValueError("units_sum adds up the communes of one tile; write left = {tile = …}")

    @property
    def lefts(self) -> tuple[Side, ...]:
        return (self.left,) if isinstance(self.left, Side) else self.left

    @property
    def rights(self) -> tuple[Side, ...]:
        """What left is held against; of units_sum without a right the tile's own total."""
        if self.right is None:
            return (self.lefts[0],) if self.kind == "units_sum" else ()
        return (self.right,) if isinstance(self.right, Side) else self.right

    @property
    def sides(self) -> tuple[Side, ...]:
        return (*self.lefts, *self.rights)


def both(given: str | tuple[str, str] | list[Any] | None, other: str) -> tuple[str, str]:
    """A title or label as (Vietnamese, English); `other` where there is none."""
    if not given:
        return other, other
    return (given, given) if isinstance(given, str) else (given[0] or other, given[-1] or other)
