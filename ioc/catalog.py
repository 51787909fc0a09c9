"""Finds adapters and layers by file name (`adapters/x.py`) or by entry point, when a setting asks for them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from importlib import metadata
from types import ModuleType
from typing import Any

import msgspec

from ioc.adapter import Adapter
from ioc.errors import BadConfig
from ioc.layer import FARS, Layer, Tile
from ioc.plain import plain
from ioc.settings import Source


def _module(package: str, name: str) -> ModuleType | None:
    try:
        return importlib.import_module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        if error.name not in (package, f"{package}.{name}"):
            raise
    for point in metadata.entry_points(group=f"ioc.{package}", name=name):
        return importlib.import_module(point.module)
    return None


def names(package: str) -> list[str]:
    """Names of all adapters or layers that are here (`package`: "adapters" or "layers"), sorted."""
    found = {point.name for point in metadata.entry_points(group=f"ioc.{package}")}
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
        raise BadConfig(f"{module.__name__} defines {len(own)} {what}s; it must define exactly one.")
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
    """The layer of that file name; raises BadConfig with the names there are, or with what is wrong in it."""
    module = _module("layers", name)
    if module is None:
        raise BadConfig(f"There is no layer {name}; write one of {', '.join(names('layers'))}.")
    found: Layer = _only(module, Layer, "layer")()
    if found.far is not None and found.far not in FARS:
        raise BadConfig(f"The layer {name} says far = {found.far!r}; write one of {', '.join(FARS)}, or leave it out.")
    return found


@cache
def tiles(layer_name: str) -> tuple[Tile, ...]:
    """The tiles declared in the file of that layer, in the order of the file."""
    module = _module("layers", layer_name)
    functions = [found for _, found in inspect.getmembers(module, inspect.isfunction) if "tiles" in found.__dict__]
    functions.sort(key=lambda function: function.__code__.co_firstlineno)
    return tuple(declared for function in functions for declared in function.__dict__["tiles"])


def layers(wanted: tuple[str, ...] = ()) -> list[Layer]:
    """The layers that `wanted` names, or all that are here."""
    return [layer(name) for name in (wanted or names("layers"))]
