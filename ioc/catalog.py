"""Finds adapters and layers by file name (`adapters/x.py`) or by entry point, when a setting asks for them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Mapping, Set
from functools import cache
from importlib import metadata
from types import ModuleType
from typing import Any

import msgspec

from ioc import counted
from ioc import names as names_
from ioc.adapter import Adapter
from ioc.counted import Counted
from ioc.errors import BadConfig
from ioc.layer import FARS, Layer, Tile
from ioc.plain import plain
from ioc.settings import Settings, Source


@cache
def _points(package: str) -> metadata.EntryPoints:
    """What other packages brought; a process imports no more of them than were there when it began."""
    return metadata.entry_points(group=f"ioc.{package}")


def _module(package: str, name: str) -> ModuleType | None:
    try:
        return importlib.import_module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        if error.name not in (package, f"{package}.{name}"):
            raise
    for point in _points(package).select(name=name):
        return importlib.import_module(point.module)
    return None


def names(package: str) -> list[str]:
    """Names of all adapters or layers that are here (`package`: "adapters" or "layers"), sorted."""
    found = {point.name for point in _points(package)}
    try:
        home = importlib.import_module(package)
    except ModuleNotFoundError:
        return sorted(found)
    found |= {entry.name for entry in pkgutil.iter_modules(home.__path__) if not entry.name.startswith("_")}
    return sorted(found)


def _only(module: ModuleType, base: type[Any], what: str) -> type[Any]:
    own = [
        found
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, base) and found is not base and found.__module__ == module.__name__
    ]
    if len(own) != 1:
        say = f"it must define exactly one class of {base.__name__} ({base.__module__.replace('.', '/')}.py)"
        raise BadConfig(f"{module.__name__} defines {len(own)} {what}s; {say}.")
    return own[0]


@cache
def adapter(name: str) -> type[Adapter[Any]]:
    """The adapter of that file name; raises BadConfig with the names there are."""
    module = _module("adapters", name)
    if module is None:
        raise BadConfig(f"There is no adapter {name}; write one of {', '.join(names('adapters'))}.")
    return _only(module, Adapter, "adapter")


def open_adapter(source: Source) -> Adapter[Any]:
    """An adapter ready to ask `source`; its settings are checked, and fit its contract. Raises BadConfig."""
    kind = adapter(source.adapter)
    try:
        config = msgspec.convert(source.options, kind.Config)
    except msgspec.ValidationError as error:
        raise BadConfig(f"Source {source.name} is wrong: {plain(error)}.") from None
    opened = kind(source.name, config)
    opened.owes(source.contract)
    return opened


@cache
def layer(name: str) -> Layer:
    """The layer of that file name; raises BadConfig with the names there are, or with what is wrong in it.

    `TENANT__NAME`: the same layer once more, of that tenant's sources alone.
    """
    if (owner := names_.tenant(name)) is not None:
        return _owned(owner, name)
    module = _module("layers", name)
    if module is None:
        raise BadConfig(f"There is no layer {name}; write one of {', '.join(names('layers'))}.")
    found: Layer = _only(module, Layer, "layer")()
    if getattr(found, "name", None) != name:
        raise BadConfig(f'The layer in layers/{name}.py is called as its file is; write name = "{name}" in its class.')
    if not _pair(getattr(found, "title", None)):
        raise BadConfig(f'The layer {name} has no title in both languages; write title = ("Tiếng Việt", "English").')
    if not isinstance(getattr(found, "listens", None), Set):
        raise BadConfig(f'The layer {name} listens to nothing; write listens = frozenset({{"ioc.THING.observed"}}).')
    if found.far is not None and found.far not in FARS:
        raise BadConfig(f"The layer {name} says far = {found.far!r}; write one of {', '.join(FARS)}, or leave it out.")
    return found


def _owned(owner: str, name: str) -> Layer:
    found = layer(name.partition(names_.OWNED)[2])
    if names_.restricted(found.name):
        raise BadConfig(f"The layer {found.name} is the province's alone; no tenant has one of its own.")
    listens = frozenset(names_.owned(kind, owner) for kind in found.listens)
    made: Layer = type(type(found).__name__, (type(found),), {"name": name, "listens": listens})()
    return made


def _pair(value: Any) -> bool:
    """Whether it is a text in Vietnamese and in English."""
    return isinstance(value, tuple | list) and [type(one) for one in value] == [str, str]


def _odd(tile: object, layer_name: str) -> str | None:
    """What is wrong with a tile in a layer's file; None: nothing."""
    if not isinstance(tile, Tile):
        return f"TILES of the layer {layer_name} holds {tile!r}, which is no Tile; write Tile(…)."
    if tile.over != layer_name:
        return f'The tile {tile.name} stands beside the layer {layer_name}; write over = "{layer_name}".'
    for what, value in (("label", tile.label), ("unit", tile.unit)):
        if not _pair(value):
            return f'The tile {tile.name} has no {what} in both languages; write {what} = ("Tiếng Việt", "English").'
    told: Any = tile
    if not callable(told.work_out):
        return f"The tile {tile.name} is worked out by nothing; give it a function of items and now."
    return None


@cache
def tiles(layer_name: str) -> tuple[Tile, ...]:
    """The tiles declared in the file of that layer, in the order of the file; those in its TILES, if any, first.

    Raises BadConfig with what is wrong in one. Those of a tenant's layer are named as it is.
    """
    if (owner := names_.tenant(layer_name)) is not None:
        plain_ones = tiles(layer_name.partition(names_.OWNED)[2])
        named = {tile: f"{owner}{names_.OWNED}{tile.name}" for tile in plain_ones}
        return tuple(msgspec.structs.replace(tile, name=named[tile], over=layer_name) for tile in plain_ones)
    module = _module("layers", layer_name)
    functions = [found for _, found in inspect.getmembers(module, inspect.isfunction) if "tiles" in found.__dict__]
    functions.sort(key=lambda function: function.__code__.co_firstlineno)
    listed: Iterable[Any] = getattr(module, "TILES", ())
    found = (*listed, *(declared for function in functions for declared in function.__dict__["tiles"]))
    if say := next((say for one in found if (say := _odd(one, layer_name))), None):
        raise BadConfig(say)
    return found


def table_of(layer_name: str) -> type[msgspec.Struct]:
    """How a [tiles.NAME] over that layer is read. Raises BadConfig when there is no such layer."""
    return layer(layer_name).table or Counted


def declared(name: str, given: Mapping[str, Any]) -> Tile:
    """The tile that [tiles.`name`] of the settings declares. Raises BadConfig."""
    over = layer(str(given.get("over")))
    if name in {tile.name for tile in tiles(over.name)}:
        raise BadConfig(f"The layer {over.name} has a tile {name} of its own; give [tiles.{name}] another name.")
    if (owner := names_.tenant(over.name)) is not None and names_.tenant(name) not in (owner, None):
        say = f"[tiles.{name}] is over {over.name}, which is {owner}'s"
        raise BadConfig(f"{say}; a tenant's tile is over its own layers, or the province's.")
    try:
        table = msgspec.convert({**given, "name": name}, table_of(over.name))
    except msgspec.ValidationError as error:
        raise BadConfig(f"[tiles.{name}] is wrong: {plain(error)}.") from None
    found = counted.tile(table) if type(table) is Counted else over.declared(table)
    if names_.restricted(over.name) and not names_.restricted(name) and not _bare_count(table):
        say = (
            f"[tiles.{name}] tells others more of {over.name} than a count; name it {names_.RESTRICTED}{name}, or write"
        )
        raise BadConfig(f'{say} how = "count" and by_unit = false, without parts.')
    return found


def _bare_count(table: msgspec.Struct) -> bool:
    return isinstance(table, Counted) and (table.how, table.parts, table.by_unit) == ("count", None, False)


def shown(settings: Settings) -> dict[Layer, tuple[Tile, ...]]:
    """The layers that the settings ask for, each with the tiles of its file and those declared. Raises BadConfig."""
    more = [declared(name, given) for name, given in settings.tiles.items()]
    return {one: (*tiles(one.name), *(tile for tile in more if tile.over == one.name)) for one in asked(settings)}


def asked(settings: Settings) -> list[Layer]:
    """The layers that the settings ask for, and those that tenants have of their own."""
    named = settings.layers or tuple(names("layers"))
    return layers((*named, *owned(named, {name: source.events for name, source in settings.sources.items()})))


def owned(named: Iterable[str], events: Mapping[str, Set[str]]) -> list[str]:
    """Names of the tenants' own layers: of those `named` that listen to what a tenant's source tells.

    `events`: the types of each source's events.
    """
    found = {}
    for source, kinds in events.items():
        owner = names_.tenant(source)
        for one in named if owner is not None else ():
            heard = {names_.owned(kind, str(owner)) for kind in layer(one).listens}
            if kinds & heard and not names_.restricted(one):
                found[f"{owner}{names_.OWNED}{one}"] = True
    return list(found)


def layers(wanted: tuple[str, ...] = ()) -> list[Layer]:
    """The layers that `wanted` names, or all that are here."""
    return [layer(name) for name in (wanted or names("layers"))]
