"""Answers about the centre: its screens, layers, tiles, items and communes."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ioc.event import Method
from ioc.layer import Far, Level
from ioc.screen import Screen as ScreenFile
from ioc.web.answers.base import Amount, Answer, Both, Count, Sentence, Shape, When
from ioc.web.protocol import QualityOnWire

Figure = int | float | str | None


class Link(Answer, frozen=True, kw_only=True):
    """A screen that is here."""

    path: str
    title: Both


class Home(Answer, frozen=True, kw_only=True):
    """What is here."""

    screens: list[Link]
    api: list[str]


class Alive(Answer, frozen=True, kw_only=True):
    """This process answers."""

    alive: bool


class Ready(Answer, frozen=True, kw_only=True):
    """Whether all is there that is needed; `reasons` why not, `warnings` of what can be lived with."""

    ready: bool
    reasons: list[Sentence]
    warnings: list[Sentence]


class LayerTold(Answer, frozen=True, kw_only=True):
    """A layer. `vector`: the address of its tiles. `sources`: told to keys of the whole province."""

    name: str
    channel: str
    title: Both
    views: bool
    far: Far | None
    paint: dict[str, Any] | None
    vector: str | None
    count: Count
    quality: QualityOnWire
    sources: list[str] | UnsetType = UNSET


class TileItem(msgspec.Struct, frozen=True, kw_only=True):
    """A figure as protocol.md has it; a later version may tell more of it."""

    value: Figure
    unit: str
    label: str
    unit_en: str | UnsetType = UNSET
    label_en: str | UnsetType = UNSET
    have: Count
    expect: Count | None
    observed: When | None
    method: Method
    sources: list[str]
    due: When | UnsetType = UNSET
    target: float | UnsetType = UNSET
    level: Level | UnsetType = UNSET
    trend: dict[str, Any] | UnsetType = UNSET
    previous: int | float | UnsetType = UNSET
    parts: list[dict[str, Any]] | UnsetType = UNSET
    other: list[dict[str, Any]] | UnsetType = UNSET
    revised: dict[str, Any] | UnsetType = UNSET


class TileTold(Answer, frozen=True, kw_only=True):
    """A tile, with its figures by commune, and in total as `all`."""

    name: str
    channel: str
    label: Both
    unit: Both
    over: str | None
    by_unit: bool
    quality: QualityOnWire | None
    items: dict[str, TileItem]


class Noted(Answer, frozen=True, kw_only=True):
    """What a tile showed from `at` on."""

    at: When
    value: Amount


class TileDetail(TileTold, frozen=True, kw_only=True):
    """A tile of one commune, or of `all`, with its history. `at`, `known`: as it was asked for."""

    of: str
    item: TileItem | None
    value: Figure
    history: list[Noted]
    at: When | UnsetType = UNSET
    known: When | UnsetType = UNSET


class Properties(msgspec.Struct, frozen=True, kw_only=True):
    """What every item tells of itself; the rest is its layer's."""

    observed: When
    received: When
    source: str
    method: Method
    unit: str | UnsetType = UNSET


class Item(Answer, frozen=True, kw_only=True):
    """An item of a layer: a GeoJSON feature in WGS84."""

    type: Literal["Feature"]
    id: str
    geometry: Shape | None
    properties: Properties


class Items(Answer, frozen=True, kw_only=True):
    """A layer's items now (`epoch` and `offset` are their position), or as they were `at` and `known`."""

    type: Literal["FeatureCollection"]
    channel: str
    quality: QualityOnWire | None
    numberMatched: Count  # noqa: N815 (names of OGC API Features)
    numberReturned: Count  # noqa: N815
    features: list[Item]
    epoch: str | UnsetType = UNSET
    offset: Count | UnsetType = UNSET
    at: When | UnsetType | None = UNSET
    known: When | UnsetType | None = UNSET


class Province(Answer, frozen=True, kw_only=True):
    """The province, and where it stands."""

    name: str
    where: str | None


class ScreenTold(ScreenFile, frozen=True, kw_only=True):
    """What a page needs to draw its screen."""

    province: Province
    demo: bool
    beat: float
    canary: str | None


class Commune(Answer, frozen=True, kw_only=True):
    """A commune; `lon` and `lat`: its centre, in WGS84."""

    code: str
    name: str
    name_en: str
    lon: float | None
    lat: float | None


class CommuneFeature(Answer, frozen=True, kw_only=True):
    """A commune and its area."""

    type: Literal["Feature"]
    id: str
    geometry: Shape | None
    properties: Commune


class Communes(Answer, frozen=True, kw_only=True):
    """The communes; `approximate`: areas are cells around the centres."""

    type: Literal["FeatureCollection"]
    approximate: bool
    as_of: date
    source: str
    features: list[CommuneFeature]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document that describes this server."""

    info: dict[str, Any]
    components: dict[str, Any]
    openapi: str | UnsetType = UNSET
    asyncapi: str | UnsetType = UNSET
