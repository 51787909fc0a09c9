"""The board: the items of each channel now, with a position. State and history change in one atomic step.

A board is the only thing that a screen ever hears of. Memory and Redis keep the same law and pass the same tests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec


class Position(NamedTuple):
    """Where a reader stands: `epoch` names a life of the board, `offset` counts its steps."""

    epoch: str
    offset: int


class Snapshot(msgspec.Struct, frozen=True):
    """All items of a channel at a position; values are the bytes that go on the wire.

    `whole`: False while it is rebuilt.

    `gone`: tombstones of dropped subjects (value: source time and receipt as "t|r"), for writers only.
    `life`: the run of the store in which a writer last took the board over; `fence`: the number that last wrote.
    """

    position: Position
    items: dict[str, bytes]
    whole: bool = True
    gone: dict[str, str] = {}
    version: int = 1
    life: str = ""
    fence: int = 0


class Delta(msgspec.Struct, frozen=True):
    """One step: a reader at `after` applies drops, then puts, and stands at `offset`, all of one epoch."""

    epoch: str
    after: int
    offset: int
    put: dict[str, bytes]
    drop: tuple[str, ...]


class Board(Protocol):
    """Every method may raise StoreAway: the store does not answer, and nothing is known of the outcome.

    `apart`: boards, and the log, may lie on different servers, of which one may lose what another keeps.
    """

    apart: bool

    async def apply(
        self,
        channel: str,
        changes: Mapping[str, bytes | None],
        *,
        after: Position | None = None,
        fence: int = 0,
        gone: Mapping[str, str] | None = None,
    ) -> Position:
        """Put and drop (None) items in one step; values that are there already move nothing.

        `after`: where the writer believes the board to stand. `gone`: tombstones to keep beside dropped items
        (an empty one is forgotten). A step that moves nothing claims the board for its `fence` all the same.
        Raises Gap when the channel is not there (begin it with `reset`) or stands elsewhere than `after`, and
        Fenced when a writer with a higher `fence` has written; nothing is changed then.
        """
        ...

    async def reset(
        self,
        channel: str,
        items: Mapping[str, bytes],
        *,
        fence: int = 0,
        gone: Mapping[str, str] | None = None,
        version: int = 1,
        whole: bool = True,
    ) -> Position:
        """Begin a new epoch that holds exactly `items`; raises Fenced.

        `version`: the fold's. `whole` False: a rebuild goes on.
        """
        ...

    async def snapshot(self, channel: str) -> Snapshot | None:
        """All of a channel; None when nobody ever wrote it (or the store was emptied)."""
        ...

    async def each(self, channels: Sequence[str], name: str) -> dict[str, bytes]:
        """The item `name` of each of the channels that has one; channels are read one by one, not at one moment."""
        ...

    async def history(self, channel: str, after: Position) -> list[Delta]:
        """The steps after `after`, oldest first; raises Gap when they are not all there any more."""
        ...

    def watch(self, positions: Mapping[str, Position]) -> AsyncIterator[tuple[str, Delta | None]]:
        """Steps of several channels after their positions, as (channel, delta), in order, for ever.

        (channel, None) tells a gap in that channel, once: a new epoch, a rebuild that is now whole, or steps that were
        trimmed; the reader takes a fresh snapshot and begins a new watch. Other channels go on.
        """
        ...

    async def life(self, channel: str) -> str:
        """The present run of the server that keeps a channel; another one after each restart, and after a failover."""
        ...

    async def adopt(self, channel: str, *, fence: int) -> None:
        """Claim a board for its writer in the present run of its server; a replica knows of it, where there is one.

        Raises Fenced, and Gap when it is not there.
        """
        ...

    async def drop(self, channel: str) -> None:
        """Forget a channel whole; its writer notices, and begins it anew."""
        ...

    async def channels(self) -> list[str]:
        """Names of all channels that are there, sorted."""
        ...
