"""When a board's positions can still be trusted by its readers, and when it must begin a new epoch.

A Redis that lost power may come back without its last second: offsets would be given out twice, for other changes.
Who writes a board therefore takes it over with care: an offset that went back, or a store that restarted while no
writer remembers where the board stood, begins a new epoch. A restart that lost nothing changes none.
"""

from __future__ import annotations

import msgspec

from ioc.board import Board, Position, Snapshot


class Epochs:
    """Positions that this process has written, by channel; they outlive a lost lease."""

    def __init__(self) -> None:
        self._stood: dict[str, Position] = {}

    def note(self, channel: str, position: Position) -> Position:
        """Remember where a board stands after a write of ours."""
        self._stood[channel] = position
        return position

    async def take_over(self, board: Board, channel: str, *, fence: int) -> Snapshot | None:
        """The board as it is, under a new epoch when its readers' positions can't be trusted; None: it is not there."""
        found = await board.snapshot(channel)
        if found is None:
            return None
        stood = self._stood.get(channel)
        life = await board.life()
        back = stood is not None and stood.epoch == found.position.epoch and found.position.offset < stood.offset
        if back or (stood is None and found.life != life):
            position = await board.reset(
                channel, found.items, fence=fence, gone=found.gone, version=found.version, whole=found.whole
            )
            found = msgspec.structs.replace(found, position=position, life=life)
        elif found.life != life:
            await board.adopt(channel)
        # claim it: a writer that was paused before us must not write first
        await board.apply(channel, {}, fence=fence)
        self.note(channel, found.position)
        return found
