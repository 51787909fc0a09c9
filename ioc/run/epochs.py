"""When a board's positions can still be trusted by its readers, and when it must begin a new epoch.

A Redis that lost power may come back without its last second, and a replica that took over may lack what its primary
wrote last: offsets would be given out twice, for other changes. Who writes a board therefore takes it over with care:
an offset that went back, or a store that is another run of the server while no writer remembers where the board stood,
begins a new epoch. A restart that lost nothing changes none. A writer that wrote another board meanwhile, or none,
remembers nothing: what counts is that the last number on the board is that of its own last lease.
"""

from __future__ import annotations

import msgspec

from ioc.board import Board, Position, Snapshot


class Epochs:
    """Positions that this process has written, by channel, and under which number; they outlive a lost lease."""

    def __init__(self) -> None:
        self._stood: dict[str, Position] = {}
        self._fences: dict[str, int] = {}

    def note(self, channel: str, position: Position) -> Position:
        """Remember where a board stands after a write of ours."""
        self._stood[channel] = position
        return position

    def stood(self, channel: str) -> Position | None:
        """Where a board stood after our last write; a writer that names it never writes on top of what was lost."""
        return self._stood.get(channel)

    async def take_over(self, board: Board, channel: str, *, fence: int, rebuilds: bool = False) -> Snapshot | None:
        """The board as it is, under a new epoch when its readers' positions can't be trusted; None: it is not there.

        `rebuilds`: the caller makes a board that is not whole anew. Where the log lies on another server than the
        board (`board.apart`), a board that lost steps is given back as not whole: the log may not tell them again.
        """
        stood, before = self._stood.get(channel), self._fences.get(channel)
        found = await board.snapshot(channel)
        if found is None:
            self._stood.pop(channel, None)
            self._fences[channel] = fence
            return None
        life = await board.life(channel)
        ours = stood is not None and before == found.fence and stood.epoch == found.position.epoch
        back = stood is not None and stood.epoch == found.position.epoch and found.position.offset < stood.offset
        if back or (found.life != life and not ours):
            whole = found.whole and not (rebuilds and board.apart)
            position = await board.reset(
                channel, found.items, fence=fence, gone=found.gone, version=found.version, whole=whole
            )
            found = msgspec.structs.replace(found, position=position, life=life, whole=whole)
        # claim it: a writer that was paused before us must not write first
        await board.adopt(channel, fence=fence)
        self._fences[channel] = fence
        self.note(channel, found.position)
        return msgspec.structs.replace(found, fence=fence, life=life)
