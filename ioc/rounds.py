"""Many things asked in turn, bounded in parallel, in rate and in time; what is known of each travels in the cursor."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec

Outcome = TypeVar("Outcome", bound=msgspec.Struct)


class NoAnswer(Exception):
    """An asking failed; the text says how, for people."""


class Pace(Protocol):
    """`every`: seconds between two askings of one subject. `parallel`: at the same time. `rate`: begun per second.
    `budget_s`: seconds of one round in which askings may begin."""

    @property
    def every(self) -> float: ...
    @property
    def parallel(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def budget_s(self) -> float: ...


class Rounds(Generic[Outcome]):
    """Asks each subject when it is due, and keeps an `outcome` of each; `outcome()` is one of which nothing is known.

    `jitter`: a subject is asked again after `every` give or take so much of it.
    """

    def __init__(self, pace: Pace, outcome: type[Outcome], jitter: float = 0.0) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.pace, self._outcome, self._jitter = pace, outcome, jitter
        self._next: dict[str, float] = {}

    def restore(self, kept: Any) -> None:
        """Take up what a cursor kept, after a restart; what can't be read is forgotten."""
        try:
            each = msgspec.convert(kept, dict[str, Any])
            self.outcomes = {subject: msgspec.convert(one, self._outcome) for subject, one in each.items()}
        except msgspec.ValidationError:
            self.outcomes = {}

    def keep(self) -> Any:
        """The outcomes as JSON-able data, for the cursor."""
        return msgspec.to_builtins(self.outcomes)

    async def go_round(self, subjects: Collection[str], ask: Callable[[str], Awaitable[None]]) -> None:
        """`ask` those that are due, the longest unasked first, within the budget; forget those that are gone. Who was
        not reached is first the next time."""
        self.outcomes = {subject: self.outcomes.get(subject) or self._outcome() for subject in subjects}
        self._next = {subject: at for subject, at in self._next.items() if subject in self.outcomes}
        now, pace = time.monotonic(), self.pace
        wanted = {subject: self._next.get(subject, -math.inf) for subject in self.outcomes}
        due = sorted((subject for subject in wanted if wanted[subject] <= now), key=wanted.__getitem__)

        async def one(subject: str) -> None:
            later = pace.every * random.uniform(1 - self._jitter, 1 + self._jitter)
            self._next[subject] = time.monotonic() + later
            await ask(subject)

        await paced(due, one, parallel=pace.parallel, rate=pace.rate, budget_s=pace.budget_s)


async def paced(
    due: Sequence[str], ask: Callable[[str], Awaitable[None]], *, parallel: int, rate: float, budget_s: float
) -> None:
    """`ask` each of `due` in turn: `parallel` at once, `rate` begun per second, none begun after `budget_s`."""
    begun = time.monotonic()
    free = asyncio.Semaphore(parallel)

    async def one(name: str) -> None:
        try:
            await ask(name)
        finally:
            free.release()

    async with asyncio.TaskGroup() as together:
        for number, name in enumerate(due):
            await free.acquire()
            now = time.monotonic()
            if now - begun > budget_s:
                break
            await asyncio.sleep(max(0.0, begun + number / rate - now))
            together.create_task(one(name), name=f"probe {name}")
