"""Zones on the map: where nobody may go in, or somebody is to look. What moves says itself in which it is."""

from __future__ import annotations

from ioc.layer import Layer


class Zones(Layer):
    name = "zones"
    title = ("Vùng", "Zones")
    listens = frozenset({"ioc.zone.drawn"})
    views = False
