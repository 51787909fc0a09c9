"""Where screens stand: a seat for each channel that a screen watches; seats at one place with one sight sit in a row.

A row is served as one: what leads from its place to now is made once, and written to each of its screens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ioc.web import protocol
from ioc.web.frames import Frame
from ioc.web.mirror import Mirror
from ioc.web.sight import Sight
from ioc.web.thin import Thin

if TYPE_CHECKING:
    from ioc.web.screens import Screen


class Spot(NamedTuple):
    """Where readers of a channel stand: what they see, up to which offset, told which quality."""

    sight: Sight
    offset: int
    stamp: int


class Row:
    """Seats at one spot. `moved_at`: when they were last told of a position (seconds, monotonic)."""

    __slots__ = ("mirror", "moved_at", "seats", "spot")

    def __init__(self, mirror: Mirror, spot: Spot, moved_at: float) -> None:
        self.mirror = mirror
        self.spot = spot
        self.moved_at = moved_at
        self.seats: dict[Seat, Screen] = {}


class Rest(NamedTuple):
    """What a screen has still to be sent to come to `spot`, when it could not take all at once. `since`: seconds."""

    frames: Sequence[Frame | Thin]
    spot: Spot
    since: float


class Seat:
    """Where a screen stands in one channel. `row`: with whom; None: alone, at `offset` (None: it needs a snapshot),
    told the quality `stamp`.

    `place`: the position that it came with, until that is settled (`until`: at the latest). `turn`: a view asked for.
    `rest`: a picture or a step that it is still being sent.
    """

    __slots__ = (
        "mirror", "moved_at", "offset", "place", "reaching", "rest", "row", "screen", "sight", "stamp", "turn", "until",
    )  # fmt: skip

    def __init__(
        self, screen: Screen, mirror: Mirror, sight: Sight, place: protocol.Place | None, until: float
    ) -> None:
        self.screen = screen
        self.mirror = mirror
        self.sight = sight
        self.offset: int | None = None
        self.stamp = -1
        self.place = place
        self.until = until
        self.reaching = False
        self.turn: Sight | None = None
        self.moved_at = float("-inf")
        self.rest: Rest | None = None
        self.row: Row | None = None

    def stand(self, spot: Spot, now: float) -> None:
        """The screen was sent what brings it here."""
        self.sight, self.offset, self.stamp = spot
        self.moved_at = now
