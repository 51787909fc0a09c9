"""What one screen is sent in one turn of the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ioc.web.frames import Bundle, Frame

if TYPE_CHECKING:
    from ioc.web.screens import Screen

BITE = 64 * 1024
"""Bytes on the wire that a screen is sent at once. More follows when they are taken: what is urgent can go between."""


class Pour:
    """What one screen is to be sent in this turn: small things become one write, and it ends when the wire is full."""

    __slots__ = ("_deflate", "_held", "_size", "full", "screen")

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.full = screen.wire.full
        self._deflate = screen.wire.deflate
        self._held: list[Frame] = []
        self._size = 0

    def add(self, frame: Frame) -> bool:
        """Take a frame; False: the wire is full, and it was not taken."""
        size = len(frame.wire(self._deflate))
        if self._size + size > BITE:
            self.end()
        if self.full:
            return False
        self._held.append(frame)
        self._size += size
        return True

    def end(self) -> None:
        """Write what was taken."""
        if self._held:
            self.screen.send(Bundle(self._held))
            self._held, self._size = [], 0
            self.full = self.screen.wire.full
