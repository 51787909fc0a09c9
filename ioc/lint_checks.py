"""What the checks of a settings file name, and nobody has: unknown tiles, layers, sources and fields."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from ioc import catalog, lint_tiles
from ioc.lines import Where

STAMPED = frozenset({"source", "method", "unit", "cause", "published", "have", "expect"})
"""Properties that an item may have whether a source maps them or not."""

Wrong = Iterator[tuple[Where, str]]


def unknown(tree: dict[str, Any]) -> Wrong:
    """Names in [checks.NAME] and [alerts.NAME] of the settings `tree` that nothing answers to, each with its place."""
    layers, tiles = _known(tree)
    sources = _table(tree.get("sources"))
    for name, rule in _table(tree.get("alerts")).items():
        yield from _one(("alerts", name, "tile"), "tile", _table(rule).get("tile"), tiles)
    for name, check in _table(tree.get("checks")).items():
        if not isinstance(check, dict):
            continue
        at: Where = ("checks", name)
        yield from _one((*at, "source"), "source", check.get("source"), sources)
        for where, side in _sides(check, at):
            yield from _one((*where, "tile"), "tile", side.get("tile"), tiles)
            yield from _one((*where, "layer"), "layer", side.get("layer"), layers)
            yield from _one((*where, "source"), "source", side.get("source"), sources)
            yield from _fields(where, side, sources)


def _known(tree: dict[str, Any]) -> tuple[list[str], set[str]]:
    there, given = catalog.names("layers"), tree.get("layers")
    layers = [name for name in given if name in there] if isinstance(given, list) and given else there
    return layers, lint_tiles.known(tree, layers)


def _sides(check: dict[str, Any], at: Where) -> Iterator[tuple[Where, dict[str, Any]]]:
    for name in ("left", "right"):
        given = check.get(name)
        if isinstance(given, dict):
            yield (*at, name), given
        for number, side in enumerate(given if isinstance(given, list) else ()):
            if isinstance(side, dict):
                yield (*at, name, number), side


def _fields(where: Where, side: dict[str, Any], sources: dict[str, Any]) -> Wrong:
    """Properties that the source named does not map; what a source carries whole can't be told beforehand."""
    source = _table(sources.get(str(side.get("source"))))
    forms = [form for form in source.get("forms", ()) if isinstance(form, dict)]
    parts = [source, *forms]
    mapped = {name for part in parts for name in _table(part.get("properties"))}
    if "tile" in side or not mapped or any("carry" in part for part in parts):
        return
    named: list[tuple[Where, Any]] = [((*where, "field"), side.get("field"))]
    named += [((*where, "where", name), name) for name in _table(side.get("where"))]
    for place, name in named:
        yield from _one(place, "property", name, mapped | STAMPED)


def _one(where: Where, what: str, name: object, known: Iterable[str]) -> Wrong:
    there = sorted(known)
    if isinstance(name, str) and name not in there:
        near = difflib.get_close_matches(name, there, n=1)
        instead = f"{near[0]}, or another" if near else "one"
        yield where, f"There is no {what} {name}; write {instead} of: {', '.join(there) or 'none yet'}."


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
