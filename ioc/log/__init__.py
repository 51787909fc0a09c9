"""The log: events in order, with each source's cursor, what was seen of it, and its last answer.

One append is one transaction: events, cursor, seen and answer, all or none. That is the commit point.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from ioc.contract import Answered
from ioc.event import Event


class Entry(NamedTuple):
    """An event with its place in the log."""

    place: str
    event: Event


class Batch(NamedTuple):
    """Events to work on, oldest first; `ack` when their effect is safe. `again`: they may have been worked on."""

    entries: Sequence[Entry]
    ack: Callable[[], Awaitable[None]]
    again: bool


class Known(msgspec.Struct, frozen=True):
    """What the log keeps of a source: where to go on, what was seen (subject to "time|digest"), the last answer.

    `revision` grows with each append; an append that builds on an older one is refused. It means nothing else.
    `lost`: events of commits that the store has forgotten, as far as this process remembers; noted by the next commit.
    """

    revision: int
    cursor: str | None
    seen: dict[str, str]
    answered: Answered | None
    lost: int = 0


class Log(Protocol):
    """`unconfirmed`: appends of this process that the store took and no replica confirmed in time (StoreAway)."""

    unconfirmed: int

    async def append(
        self,
        events: Sequence[Event],
        *,
        source: str,
        revision: int,
        cursor: str | None,
        seen: Mapping[str, str | None],
        answered: Answered,
        sender_ids: Sequence[str] = (),
    ) -> int:
        """All or none; returns the new revision. `seen`: changes only (None: forget the subject).

        Raises Gap when another writer appended for this source since `revision` was read. StoreAway: nothing is known
        of the outcome; begin again with what is known then. A log of several streams may then hold a part of the
        events, each with its mark among what was seen, and without the cursor.
        """
        ...

    async def known(self, source: str) -> Known:
        """What is known of a source, read in one step."""
        ...

    async def sent(self, source: str, sender_ids: Sequence[str]) -> set[str]:
        """Which of these ids the source has sent before."""
        ...

    async def answers(self) -> dict[str, Answered]:
        """The last answer of each source."""
        ...

    def read(self, group: str, *, count: int = 1000) -> AsyncGenerator[Batch | None]:
        """Batches for one group of readers, for ever; unacknowledged ones come first, after a restart.

        Read it in `aclosing`: who merely stops leaves its connections, and what it fetched ahead, to the collector.

        A subject's events come in their order; those of two subjects may lie in two streams of the log.

        None when nothing came for a while (0.5 s at most), so that the reader can do what time asks for.
        """
        ...

    def kept(self) -> AsyncGenerator[Entry]:
        """Every entry that is still in the log, each subject's oldest first, whoever has read it; ends."""
        ...

    async def oldest(self) -> str:
        """Where the log begins; another word after anything has left it, or came into an empty one."""
        ...

    async def trim(self) -> int:
        """Drop what every group has acknowledged, by the slowest group's position; returns how many entries."""
        ...

    async def length(self) -> int: ...
