"""The steps that the pictures of one process keep, bounded in bytes over all of them: the oldest go first, whosever.

Each picture has its own bounds too (`ioc.web.picture`), so that one which moves much does not push out all others. A
bound for each alone is none: a province has two hundred channels, and a wall that runs for months fills every one.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ioc.web.sight import Mark
from ioc.web.views import Step

if TYPE_CHECKING:
    from ioc.web.picture import Picture

MOST_BYTES = 24 * 1024 * 1024
STEP_BYTES = 600
"""What a step weighs beside its ids."""
ID_BYTES = 120
"""What an id weighs, with its places in a step."""
MARK_BYTES = 300
"""What a mark and its place in a step weigh."""


def old_weight(step: Step) -> int:
    """Bytes of the former values that a step holds."""
    return sum(MARK_BYTES if isinstance(old, Mark) else len(old) for old in step.was.values() if old is not None)


def weight(step: Step) -> int:
    """Bytes that a step holds, about: what a Python object weighs is counted by hand."""
    return STEP_BYTES + ID_BYTES * len(step.ids) + old_weight(step)


class Kept:
    """Steps in the order in which they came, of all pictures. `size`: what they weigh together, in bytes."""

    def __init__(self) -> None:
        self.size = 0
        self._steps: deque[tuple[Picture, Step]] = deque()

    def add(self, picture: Picture, step: Step) -> None:
        """Keep the newest step; the oldest are let go of when all weigh too much, but never this one."""
        self._steps.append((picture, step))
        self.size += weight(step)
        while self.size > MOST_BYTES and len(self._steps) > 1:
            owner, oldest = self._steps.popleft()
            self.size -= weight(oldest)
            owner.let_go(oldest)

    def add_before(self, picture: Picture, step: Step) -> None:
        """Keep a step that is older than all that are kept."""
        self._steps.appendleft((picture, step))
        self.size += weight(step)

    def forget_old(self, step: Step) -> int:
        """Forget the former values of a step that is kept; returns what they weighed."""
        lighter = old_weight(step)
        step.forget()
        self.size -= lighter
        return lighter
