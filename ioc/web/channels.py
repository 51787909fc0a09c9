"""What the hub knows of each channel beside its items: its kind, who feeds it, whether it has views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from ioc import names
from ioc.layer import Far, Layer, Tile
from ioc.settings import Source

Kind = Literal[
    "layer", "tile", "sources", "ledger", "scores", "links", "checks", "reminders", "walls", "alerts", "screen"
]
KEPT: tuple[Kind, ...] = ("ledger", "scores", "links", "checks", "reminders", "walls")
"""What the health watch keeps beside the sources and the alerts: a channel each, of that name."""


class Channel(msgspec.Struct, frozen=True):
    """`sources`: names of those that feed it. `views`: a screen may ask for a viewport.

    `far`: what such a screen is sent from afar, as its layer says it.

    `agencies`: its items are of agencies, as its layer says it.

    `watched`: the health watch writes it, so that it is as alive as the watch, whatever it says of the sources.
    `guarded`: some of its items tell of what is restricted. `tenanted`: some tell of what is a tenant's.
    """

    name: str
    kind: Kind
    views: bool = False
    sources: tuple[str, ...] = ()
    watched: bool = False
    far: Far | None = None
    agencies: bool = False
    guarded: bool = False
    tenanted: bool = False


def kind_of(channel: str) -> Kind | None:
    """The kind that a channel's name tells; None when it is no channel's name."""
    if channel in (names.SOURCES, names.ALERTS, *KEPT):
        return channel  # type: ignore[return-value]
    head, _, rest = channel.partition("/")
    if rest and head in ("layer", "tile", "screen"):
        return head  # type: ignore[return-value]
    return None


def feeders(layer: Layer, sources: Mapping[str, Source]) -> tuple[str, ...]:
    """Names of the sources whose events the layer listens to."""
    return tuple(name for name, source in sources.items() if source.events & layer.listens)


def ours(sources: Mapping[str, Source]) -> tuple[str, ...]:
    """Names of the province's own sources: what a list's quality tells is told to all who may see the list."""
    return tuple(name for name in sources if names.tenant(name) is None)


def describe(layers: Iterable[Layer], tiles: Iterable[Tile], sources: Mapping[str, Source]) -> dict[str, Channel]:
    """All channels that the settings make, by name."""
    known = {}
    fed: dict[str, tuple[str, ...]] = {}
    for layer in layers:
        fed[layer.name] = feeders(layer, sources)
        name = names.layer_channel(layer.name)
        known[name] = Channel(name, "layer", layer.views, fed[layer.name], far=layer.far, agencies=layer.agencies)
    for tile in tiles:
        name = names.tile_channel(tile.name)
        known[name] = Channel(name, "tile", False, fed.get(tile.over, ()))
    guarded = any(map(names.restricted, (*known, *sources)))
    tenanted = any(names.tenant(name) is not None for name in (*known, *sources))
    for watched in (names.SOURCES, *KEPT):
        kind = kind_of(watched) or "sources"
        known[watched] = Channel(watched, kind, sources=ours(sources), watched=True, guarded=guarded, tenanted=tenanted)
    known[names.ALERTS] = Channel(names.ALERTS, "alerts", False, (), guarded=guarded, tenanted=tenanted)
    if (history := names.layer_channel(names.ALARM_HISTORY)) in known:
        known[history] = msgspec.structs.replace(known[history], guarded=guarded, tenanted=tenanted)
    return known
