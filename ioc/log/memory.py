"""The log in one process: for tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial

from ioc.contract import Answered
from ioc.errors import Gap
from ioc.event import Event
from ioc.log import Batch, Entry, Known
from ioc.names import GROUPS

WAIT_S = 0.25


class MemoryLog:
    """Keeps the law of `ioc.log.Log` in this process's memory."""

    unconfirmed = 0

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._first = 0
        self._known: dict[str, Known] = {}
        self._sent: dict[str, dict[str, float]] = {}
        self._acked = dict.fromkeys(GROUPS, 0)
        self._life = 0
        self._came = asyncio.Condition()

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
        known = await self.known(source)
        if known.revision != revision:
            raise Gap(f"Somebody else wrote for {source} meanwhile; read what is known of it again.")
        kept = {**known.seen, **{subject: mark for subject, mark in seen.items() if mark is not None}}
        for subject, mark in seen.items():
            if mark is None:
                kept.pop(subject, None)
        place = self._first + len(self._entries)
        self._entries += [Entry(f"{place + number + 1}-0", event) for number, event in enumerate(events)]
        self._known[source] = Known(revision + 1, cursor, kept, answered)
        self._sent.setdefault(source, {}).update(dict.fromkeys(sender_ids, time.time()))
        async with self._came:
            self._came.notify_all()
        return revision + 1

    async def known(self, source: str) -> Known:
        return self._known.get(source, Known(0, None, {}, None))

    async def sent(self, source: str, sender_ids: Sequence[str]) -> set[str]:
        return self._sent.get(source, {}).keys() & set(sender_ids)

    async def answers(self) -> dict[str, Answered]:
        return {source: known.answered for source, known in self._known.items() if known.answered is not None}

    async def read(self, group: str, *, count: int = 1000) -> AsyncGenerator[Batch | None]:
        at, life = self._acked[group], self._life
        again_until = len(self._entries) + self._first
        while True:
            if life != self._life:
                at, life, again_until = 0, self._life, 0
            entries = self._entries[max(0, at - self._first) :][:count]
            if not entries:
                try:
                    async with self._came, asyncio.timeout(WAIT_S):
                        await self._came.wait()
                except TimeoutError:
                    yield None
                continue
            at += len(entries)
            yield Batch(entries, partial(self._ack, group, at, life), at <= again_until)

    async def _ack(self, group: str, place: int, life: int) -> None:
        if life == self._life:
            self._acked[group] = max(self._acked[group], place)

    async def kept(self) -> AsyncGenerator[Entry]:
        for entry in list(self._entries):
            yield entry

    async def oldest(self) -> str:
        return self._entries[0].place if self._entries else ""

    async def trim(self) -> int:
        done = min(self._acked.values()) - self._first
        del self._entries[:done]
        self._first += done
        return done

    async def length(self) -> int:
        return len(self._entries)

    async def forget(self) -> None:
        """Empty the store, as a flush of Redis does."""
        self._entries.clear()
        self._known.clear()
        self._sent.clear()
        self._first = 0
        self._acked = dict.fromkeys(GROUPS, 0)
        self._life += 1
