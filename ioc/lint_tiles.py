"""The tiles of a settings file: which there are, and what is wrong with those that it declares."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec

from ioc import catalog, score
from ioc.lines import Where

Wrong = Iterator[tuple[Where, str]]


def known(tree: dict[str, Any], layers: list[str]) -> set[str]:
    """Names of all tiles of these settings: of the four words, of the files of `layers`, and declared."""
    found = {word.name for word in score.WORDS} | set(declared(tree))
    for name in layers:
        with suppress(Exception):  # a layer that can't be loaded is told elsewhere
            found |= {tile.name for tile in catalog.tiles(name)}
    return found


def declared(tree: dict[str, Any]) -> dict[str, Any]:
    """The tables [tiles.NAME] of the settings `tree`."""
    given = tree.get("tiles")
    return given if isinstance(given, dict) else {}


def kind(table: Any) -> type[msgspec.Struct] | None:
    """How the table of a tile is read; None when its layer can't be told (see `unread`)."""
    with suppress(Exception):
        return catalog.table_of(str(table["over"]))
    return None


def unread(tree: dict[str, Any], layers: list[str]) -> Wrong:
    """Declared tiles that can't be read at all, or that have another's name; their fields are looked at elsewhere."""
    if not isinstance(tree.get("tiles", {}), dict):
        yield ("tiles",), "Tiles are tables; write [tiles.NAME]."
    for name, table in declared(tree).items():
        if not isinstance(table, dict):
            yield ("tiles", name), f"The tile {name} is no table; write [tiles.{name}]."
        elif "over" not in table:
            yield (
                ("tiles", name),
                f'The tile {name} names no layer; write over = "…", one of {", ".join(sorted(layers))}.',
            )
        elif table["over"] not in layers:
            near = difflib.get_close_matches(str(table["over"]), layers, n=1)
            say = f"{near[0] + ', or another' if near else 'one'} of: {', '.join(sorted(layers))}"
            yield ("tiles", name, "over"), f"There is no layer {table['over']} here; write {say}."
        else:
            with suppress(Exception):  # as in `known`
                if name in {tile.name for tile in catalog.tiles(table["over"])}:
                    say = f"The layer {table['over']} has a tile {name} of its own; give it another name."
                    yield ("tiles", name), say
