"""Adapters of sources that send by themselves over a connection that stays: a broker's topics, a stream of sentences.

The author writes `listen`, which connects and gives each record to `heard`; the poller still asks at its pace, and
takes what came since. What was taken is kept until it is committed, so that a store that is away loses nothing; a
source that waits for receipts (MQTT with QoS 1) gets them then, and not before.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

from ioc.adapter import Adapter, AdapterConfig, Answer
from ioc.errors import SourceDown

MOST_BYTES = 16 * 1024 * 1024
"""Bytes that are kept for the next asking at most; then a sender waits, or its records are lost and counted."""
FIRST_S = 1.0
"""How long an asking that finds nothing waits for the first record, or for the connection."""

T = TypeVar("T")


class Heard(Generic[T]):
    """Records that came and are not committed yet, in order; each is one line of bytes, and may have a receipt to give.

    `lost`: how many came while there was no room for them.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes, self.lost = most_bytes, 0
        self._records: list[tuple[bytes, T | None]] = []
        self._size, self._taken = 0, 0
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()

    @property
    def size(self) -> int:
        """Bytes that are kept now."""
        return self._size

    def offer(self, record: bytes, receipt: T | None = None) -> bool:
        """Keep a record, from a sender that can't wait; False: there was no room, and it is lost.

        Raises ValueError on a record with a line break in it."""
        if b"\n" in record:
            raise ValueError("A record that is heard is one line; encode it so.")
        if self._size + len(record) > self.most_bytes:
            self.lost += 1
            return False
        self._records.append((record, receipt))
        self._size += len(record) + 1
        self._news.set()
        return True

    async def put(self, record: bytes, receipt: T | None = None) -> None:
        """Keep a record; waits for room, so that a sender over TCP waits too."""
        while self._size and self._size + len(record) > self.most_bytes:
            self._room.clear()
            await self._room.wait()
        self.offer(record, receipt)

    async def wait(self, seconds: float) -> None:
        """Until something is here that was not taken yet, or so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    def take(self) -> bytes | None:
        """All that is not committed, as lines; None: nothing. What is taken again was not committed the last time."""
        self._news.clear()
        self._taken = len(self._records)
        return b"\n".join(record for record, _ in self._records) if self._records else None

    def commit(self) -> list[T]:
        """Let go of what was taken; the receipts that can be given now."""
        done, self._records = self._records[: self._taken], self._records[self._taken :]
        self._taken = 0
        self._size -= sum(len(record) + 1 for record, _ in done)
        self._room.set()
        return [receipt for _, receipt in done if receipt is not None]


C = TypeVar("C", bound=AdapterConfig)


class Listening(Adapter[C], Generic[C, T]):
    """Listens all the time, from the first asking on. An answer's body holds the records that came since, a line each.

    `linked`: set by the author in `listen`, once the source has let us in; it is taken back when `listen` ends.
    """

    def __init__(self, name: str, config: C) -> None:
        super().__init__(name, config)
        self.heard: Heard[T] = Heard(min(MOST_BYTES, config.max_bytes))
        self.linked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def listen(self) -> None:
        """Connect, set `linked`, and give `heard` each record, until the connection ends; then return, or raise.

        Raises SourceDown (it is tried again at the poller's pace) and SourceRefused (it is not).
        """

    async def receipts(self, given: list[T]) -> None:
        """Tell the source that these are safe. Default: it waits for no receipt."""

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """What came since the last committed asking, as one answer; none when nothing came.

        Raises what ended `listen`, after what came before it was given; SourceDown while there is no connection.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._listen(), name=f"listening to {self.name}")
        await self.heard.wait(FIRST_S)
        lost, self.heard.lost = self.heard.lost, 0
        body = self.heard.take()
        if body is not None:
            yield Answer(body, name=self.name, about={"lost": lost} if lost else {})
        if self._task.done():
            task, self._task = self._task, None
            task.result()
            raise SourceDown(f"{self.name} ended the connection; it is opened again.")
        if body is None and not self.linked.is_set():
            raise SourceDown(f"{self.name} has not let us in yet; check that it runs and is reachable.")

    async def _listen(self) -> None:
        try:
            await self.listen()
        finally:
            self.linked.clear()

    async def committed(self, answer: Answer, trouble: str | None) -> None:
        """What can't be taken is let go too: it would be no better the next time, and is counted as untaken."""
        await self.receipts(self.heard.commit())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
