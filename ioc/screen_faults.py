"""What on a screen can't be shown, would be seen by nobody, or can't be read from where people stand."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from ioc.lines import Where

if TYPE_CHECKING:
    from ioc.screen import Box, Screen

CANVAS_HEIGHT = 1080
"""Canvas pixels from a wall's lower to its upper edge."""
CAP_HEIGHT = 0.74
"""Height of a capital or a figure, in font sizes, of Be Vietnam Pro."""
FONT_OF_VALUE = {"normal": 66, "far": 116}
"""Font size of a tile's value, in canvas pixels, by the screen's density."""
VIEWING_TO_HEIGHT = 200
"""A character may be this many times further away than it is high."""
FOUR_WORDS = 4
ROWS_ON_A_WALL = {"links": 11, "ledger": 8, "checks": 3, "reminders": 3}
"""Rows that fit a wall's panels of data quality."""
LEAST_SCENE_S = 20
LIMITS = 4
"""Limits between the classes of a shaded map."""


def faults(screen: Screen, layers: AbstractSet[str], tiles: AbstractSet[str]) -> Iterator[tuple[Where, str]]:
    """All of it: where it stands in the file, and a sentence. `layers` and `tiles`: the names that there are."""
    yield from _unknown_names(screen, layers, tiles)
    yield from _unfit(screen)
    yield from _unshaded(screen)
    yield from _unshown(screen)
    yield from _illegible(screen)


def _unknown_names(screen: Screen, layers: AbstractSet[str], tiles: AbstractSet[str]) -> Iterator[tuple[Where, str]]:
    def tile(name: str, where: Where) -> Iterator[tuple[Where, str]]:
        if name not in tiles:
            yield where, f"There is no tile `{name}`; write one of: {', '.join(sorted(tiles)) or 'none known'}."

    def layer(names: list[str], where: Where) -> Iterator[tuple[Where, str]]:
        for name in names:
            if name not in layers:
                yield where, f"There is no layer `{name}`; write one of: {', '.join(sorted(layers)) or 'none known'}."

    for index, panel in enumerate(screen.tiles):
        yield from tile(panel.tile, ("tiles", index, "tile"))
    for name in screen.words.tiles if screen.words else []:
        yield from tile(name, ("words", "tiles"))
    if screen.map is not None:
        yield from layer(screen.map.layers, ("map", "layers"))
        if screen.map.areas is not None:
            yield from tile(screen.map.areas, ("map", "areas"))
        if screen.map.shade is not None:
            yield from tile(screen.map.shade.tile, ("map", "shade", "tile"))
        if screen.map.inset is not None:
            yield from layer(screen.map.inset.layers, ("map", "inset", "layers"))
    own = {panel.tile for panel in screen.tiles}
    for index, scene in enumerate(screen.scenes):
        for name in scene.tiles:
            if name not in own:
                say = f"The scene shows the tile `{name}`, which this screen does not have; add it under [[tiles]]."
                yield ("scenes", index, "tiles"), say


def _unfit(screen: Screen) -> Iterator[tuple[Where, str]]:
    if screen.words is not None and len(screen.words.tiles) != FOUR_WORDS:
        say = f"The four words are {FOUR_WORDS} tiles, not {len(screen.words.tiles)}; name them in order."
        yield ("words", "tiles"), say
    for index, scene in enumerate(screen.scenes):
        if scene.seconds < LEAST_SCENE_S:
            say = f"A scene stays at least {LEAST_SCENE_S} s, not {scene.seconds}; nobody reads faster."
            yield ("scenes", index, "seconds"), say
    boxes: list[tuple[Where, Box | None]] = []
    boxes += [(("scenes", index, "bbox"), scene.bbox) for index, scene in enumerate(screen.scenes)]
    if screen.map is not None:
        boxes.append((("map", "bbox"), screen.map.bbox))
        if screen.map.inset is not None:
            boxes.append((("map", "inset", "bbox"), screen.map.inset.bbox))
    for where, box in boxes:
        if box is not None and not (-180 <= box[0] < box[2] <= 180 and -90 <= box[1] < box[3] <= 90):
            yield where, "A bbox is [west, south, east, north] in degrees, west before east and south before north."


def _unshaded(screen: Screen) -> Iterator[tuple[Where, str]]:
    """A shaded map needs limits that make classes, and hatches what has no figure by itself."""
    if screen.map is None or screen.map.shade is None:
        return
    limits = screen.map.shade.limits
    if len(limits) != LIMITS or sorted(set(limits)) != limits:
        say = f"A map is shaded in five classes: write {LIMITS} limits, ascending, such as [20, 40, 60, 80]."
        yield ("map", "shade", "limits"), say
    if screen.map.areas is not None:
        yield ("map", "areas"), "A shaded map hatches the communes without a figure by itself; take areas out."


def _unshown(screen: Screen) -> Iterator[tuple[Where, str]]:
    """Panels of data quality that nobody would see, or not whole."""
    panels, walled = screen.quality(), screen.kind == "wall"
    band = screen.words is not None and screen.words.form == "band"
    scenes = [index for index, scene in enumerate(screen.scenes) if scene.show == "quality"]
    if band and (not walled or screen.map is not None or screen.tiles):
        yield ("words", "form"), 'A band is for a wall of data quality, without map and tiles; write form = "rows".'
    for index in scenes:
        if screen.words is None or not panels:
            say = f"The scene shows data quality, so the screen needs [words] and one of: {', '.join(ROWS_ON_A_WALL)}."
            yield ("scenes", index, "show"), say
    for name in panels if walled else []:
        if not band and not scenes:
            say = f'No scene of this wall shows its {name}; add one with show = "quality", or take [{name}] out.'
            yield (name,), say
        if not 1 <= getattr(screen, name).most <= (fit := ROWS_ON_A_WALL[name]):
            yield (name, "most"), f"From 1 to {fit} rows fit this panel; the rest is folded into the last."


def _illegible(screen: Screen) -> Iterator[tuple[Where, str]]:
    """A character must be at least a two-hundredth of the distance high (screens are read by tired people)."""
    if screen.kind != "wall":
        return
    if screen.viewing_m is None or screen.height_mm is None:
        yield ("kind",), "A wall states `viewing_m` (how far its readers are) and `height_mm` (how high the glass is)."
        return
    font = FONT_OF_VALUE[screen.density]
    high = font * CAP_HEIGHT * screen.height_mm / CANVAS_HEIGHT
    needed = screen.viewing_m * 1000 / VIEWING_TO_HEIGHT
    if high < needed:
        reach = high * VIEWING_TO_HEIGHT / 1000
        say = (
            f"A value is {high:.0f} mm high on this glass, {needed:.0f} mm are needed at {screen.viewing_m:g} m; "
            f'it can be read from {reach:.1f} m. Write `density = "far"`, or take a higher wall or nearer readers.'
        )
        yield ("viewing_m",), say
