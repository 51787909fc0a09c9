"""What goes on by itself: things that happen at random times, the same ones for the same seed."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random


class Happening:
    """Something that happens every `every_s` seconds in the mean, from `began` on.

    How often `advance` is called makes no difference: what happened until a time depends on seed and time alone.
    """

    def __init__(self, seed: str, began: datetime, every_s: float) -> None:
        self.chance = Random(seed)
        self.began = began
        self.every_s = every_s
        self.changes = 0
        self._due = began + self._pause()

    def advance(self, to: datetime) -> None:
        """Let everything happen that is due until `to`."""
        while self._due <= to:
            self.happen(self._due)
            self.changes += 1
            self._due += self._pause()

    def happen(self, at: datetime) -> None:
        """One thing happens at `at`."""
        raise NotImplementedError(f"{type(self).__name__} does not say what happens.")

    def _pause(self) -> timedelta:
        return timedelta(seconds=self.chance.expovariate(1 / self.every_s))
