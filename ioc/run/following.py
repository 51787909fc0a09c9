"""What a layer's board holds, kept up to date in this process: one question a look, and only what is new."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from ioc import names
from ioc.board import Board, Position
from ioc.errors import Gap


class _Item(msgspec.Struct):
    properties: dict[str, Any]


_decode = msgspec.json.Decoder(_Item).decode


T = TypeVar("T")


def properties(body: bytes) -> dict[str, Any]:
    """The properties alone of an item as it stands on a board."""
    return _decode(body).properties


class Following(Generic[T]):
    """What is kept (`keep`) of each of a layer's items, by id: `items`, as of the last `read`.

    `there`: whether the board was there then."""

    def __init__(self, board: Board, layer: str, keep: Callable[[bytes], T]) -> None:
        self._board, self._channel, self._keep = board, names.layer_channel(layer), keep
        self._position: Position | None = None
        self.items: dict[str, T] = {}

    @property
    def there(self) -> bool:
        return self._position is not None

    async def read(self) -> set[str]:
        """Take what is new; returns the items of which something is. While the board is away, or begins anew and is not
        whole yet, what was known stays."""
        if self._position is not None:
            try:
                steps = await self._board.history(self._channel, self._position)
            except Gap:
                self._position = None
            else:
                touched: set[str] = set()
                for step in steps:
                    for name in step.drop:
                        self.items.pop(name, None)
                    self.items.update({name: self._keep(body) for name, body in step.put.items()})
                    touched |= {*step.drop, *step.put}
                    self._position = Position(step.epoch, step.offset)
                return touched
        found = await self._board.snapshot(self._channel)
        if found is None or not found.whole:
            return set()
        before = set(self.items)
        self.items = {name: self._keep(body) for name, body in found.items.items()}
        self._position = found.position
        return before | set(self.items)
