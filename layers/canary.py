"""The canary on the board: one item that is as old as its last song. Walls watch it, and tell which one they drew."""

from __future__ import annotations

from ioc.layer import Layer


class Canary(Layer):
    name = "canary"
    title = ("Chim báo", "Canary")
    listens = frozenset({"ioc.canary.sung"})
    views = False
