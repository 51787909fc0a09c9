"""What a slow screen has still to be sent, kept as names instead of bytes: it costs little however long it takes.

When its turn comes, the frame is made again with the items as they are by then. A picture's later parts, and a step,
may hold items newer than the position that they lead to: the next step begins there, comes at once, and brings them
again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ioc.web import protocol
from ioc.web.frames import Frame

_SEPARATOR = "\0"
_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Thin:
    """One frame without its items. `fields`: the others, in order; `kind`: "items" of a picture, or "put" of a step."""

    __slots__ = ("_drop", "_names", "fields", "kind")

    def __init__(self, frame: Frame) -> None:
        told = _decoder.decode(frame.text)
        self.kind = "items" if "items" in told else "put"
        self._names = _SEPARATOR.join(_items.decode(told.pop(self.kind)))
        self._drop = _SEPARATOR.join(msgspec.json.decode(told.pop("drop", b"[]"), type=list[str]))
        self.fields = {name: value.copy() for name, value in told.items()}

    def frame(self, items: Mapping[str, bytes], sees: Callable[[str], bool]) -> Frame | None:
        """The frame with the items of now; what is no longer there, or seen, is dropped.

        None: the items have outgrown the frame; a picture must begin, or begin anew.
        """
        named, drop = self._names.split(_SEPARATOR), self._drop.split(_SEPARATOR)
        there = {name: msgspec.Raw(items[name]) for name in named if name in items and sees(name)}
        told: dict[str, Any] = {**self.fields, self.kind: there}
        if self.kind == "put":
            told["drop"] = [name for name in [*drop, *named] if name and name not in there]
        text = msgspec.json.encode(told)
        if len(text) > protocol.MAX_PART and len(there) > 1:
            return None
        return Frame(text)
