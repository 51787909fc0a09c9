"""Boards in one process: for tests, and for a screen's law to be read in plain Python."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from ioc.board import Delta, Position, Snapshot
from ioc.errors import Fenced, Gap

KEPT = 2000
"""Steps of a channel that are kept for readers who come back."""


@dataclass
class _Channel:
    position: Position
    fence: int
    version: int
    whole: bool
    items: dict[str, bytes]
    gone: dict[str, str]
    steps: list[Delta] = field(default_factory=list)


class MemoryBoard:
    """Keeps the law of `ioc.board.Board` in this process's memory."""

    apart = False

    def __init__(self, kept: int = KEPT) -> None:
        self._channels: dict[str, _Channel] = {}
        self._moved = asyncio.Condition()
        self._kept = kept

    async def apply(
        self,
        channel: str,
        changes: Mapping[str, bytes | None],
        *,
        after: Position | None = None,
        fence: int = 0,
        gone: Mapping[str, str] | None = None,
    ) -> Position:
        known = self._channels.get(channel)
        if known is None:
            raise Gap(f"There is no board {channel}; begin it with a reset.")
        if fence < known.fence:
            raise Fenced(f"Another writer took over {channel}; this one stops.")
        if after is not None and after != known.position:
            raise Gap(f"The board {channel} stands elsewhere than its writer believed; read it again.")
        known.fence = fence
        put = {name: body for name, body in changes.items() if body is not None and known.items.get(name) != body}
        drop = tuple(name for name, body in changes.items() if body is None and name in known.items)
        for name, mark in (gone or {}).items():
            if mark:
                known.gone[name] = mark
            else:
                known.gone.pop(name, None)
        for name in drop:
            del known.items[name]
        for name in put:
            known.gone.pop(name, None)
        known.items.update(put)
        if put or drop:
            epoch, offset = known.position
            known.position = Position(epoch, offset + 1)
            known.steps.append(Delta(epoch, offset, offset + 1, put, drop))
            del known.steps[: -self._kept]
            await self._tell()
        return known.position

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
        known = self._channels.get(channel)
        if known is not None and fence < known.fence:
            raise Fenced(f"Another writer took over {channel}; this one stops.")
        position = Position(uuid.uuid4().hex[:16], (known.position.offset if known else 0) + 1)
        self._channels[channel] = _Channel(position, fence, version, whole, dict(items), dict(gone or {}))
        await self._tell()
        return position

    async def snapshot(self, channel: str) -> Snapshot | None:
        known = self._channels.get(channel)
        if known is None:
            return None
        return Snapshot(
            known.position, dict(known.items), known.whole, dict(known.gone), known.version, fence=known.fence
        )

    async def each(self, channels: Sequence[str], name: str) -> dict[str, bytes]:
        known = {channel: self._channels[channel].items for channel in channels if channel in self._channels}
        return {channel: items[name] for channel, items in known.items() if name in items}

    async def history(self, channel: str, after: Position) -> list[Delta]:
        found = self._steps(channel, after)
        if found is None:
            raise Gap(f"The steps of {channel} after {after.offset} are not kept any more; take a snapshot.")
        return found

    def _steps(self, channel: str, after: Position) -> list[Delta] | None:
        known = self._channels.get(channel)
        if known is None or known.position.epoch != after.epoch or after.offset > known.position.offset:
            return None
        missing = known.position.offset - after.offset
        if missing > len(known.steps):
            return None
        return known.steps[len(known.steps) - missing :]

    async def watch(self, positions: Mapping[str, Position]) -> AsyncIterator[tuple[str, Delta | None]]:
        at = dict(positions)
        while True:
            came: list[tuple[str, Delta | None]] = []
            for channel, position in list(at.items()):
                steps = self._steps(channel, position)
                if steps is None:
                    del at[channel]
                    came.append((channel, None))
                    continue
                came.extend((channel, step) for step in steps)
                if steps:
                    at[channel] = Position(position.epoch, steps[-1].offset)
            for told in came:
                yield told
            if not came:
                async with self._moved:
                    if all(not self._behind(channel, position) for channel, position in at.items()):
                        await self._moved.wait()

    def _behind(self, channel: str, position: Position) -> bool:
        known = self._channels.get(channel)
        return known is None or known.position != position

    async def life(self, channel: str) -> str:
        return ""

    async def adopt(self, channel: str, *, fence: int) -> None:
        await self.apply(channel, {}, fence=fence)

    async def drop(self, channel: str) -> None:
        self._channels.pop(channel, None)
        await self._tell()

    async def channels(self) -> list[str]:
        return sorted(self._channels)

    async def forget(self) -> None:
        """Empty the store, as a flush of Redis does."""
        self._channels.clear()
        await self._tell()

    async def _tell(self) -> None:
        async with self._moved:
            self._moved.notify_all()
