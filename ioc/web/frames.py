"""One message to a screen: its JSON, and its bytes on the wire, each form made once for everybody who gets it.

Compression is permessage-deflate (RFC 7692) without context takeover, with a window of WINDOW_BITS: such a message
depends on none before it, so that one deflated form fits every client that agreed to it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

WINDOW_BITS = 12
"""Clients may ask for 12 (the library websockets does) to 15. With JSON of ours 15 gains under 5 %."""
LEVEL, MEMORY = 3, 5
LEAST_DEFLATED = 256
"""Bytes from which a message is compressed: below, it costs more time than it saves bytes."""

_TEXT, _DEFLATED_TEXT = 0x81, 0xC1
_TAIL = 4
"""Bytes 00 00 ff ff that end a sync flush, and that RFC 7692 leaves out."""


def framed(first: int, payload: bytes) -> bytes:
    """A whole, unmasked frame of RFC 6455: `first` is its first byte (FIN, RSV bits and opcode)."""
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 1 << 16:
        return bytes((first, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload


class Frame:
    """A text message. `text`: its UTF-8 bytes. What is shared between screens is shared as this object."""

    __slots__ = ("_deflated", "_plain", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._plain: bytes | None = None
        self._deflated: bytes | None = None

    @property
    def plain(self) -> bytes:
        """The bytes on the wire to a client without compression."""
        if self._plain is None:
            self._plain = framed(_TEXT, self.text)
        return self._plain

    @property
    def deflated(self) -> bytes:
        """The bytes on the wire to a client with compression; a small message goes as it is."""
        if len(self.text) < LEAST_DEFLATED:
            return self.plain
        if self._deflated is None:
            work = zlib.compressobj(LEVEL, zlib.DEFLATED, -WINDOW_BITS, MEMORY)
            body = work.compress(self.text) + work.flush(zlib.Z_SYNC_FLUSH)
            self._deflated = framed(_DEFLATED_TEXT, body[:-_TAIL])
        return self._deflated

    def wire(self, deflate: bool) -> bytes:
        """The bytes on the wire to a client with compression, or without."""
        return self.deflated if deflate else self.plain


def of(texts: Iterable[bytes]) -> list[Frame]:
    return [Frame(text) for text in texts]


class Bundle:
    """Messages that go to a screen together, shared by all who stand at one place. `size`: bytes of their texts."""

    __slots__ = ("_deflated", "_plain", "frames", "size")

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = frames
        self.size = sum([len(frame.text) for frame in frames])
        self._plain: bytes | None = None
        self._deflated: bytes | None = None

    def wire(self, deflate: bool) -> bytes:
        """The bytes of all, one after another, made once."""
        if deflate:
            if self._deflated is None:
                self._deflated = _joined([frame.deflated for frame in self.frames])
            return self._deflated
        if self._plain is None:
            self._plain = _joined([frame.plain for frame in self.frames])
        return self._plain


def _joined(parts: Sequence[bytes]) -> bytes:
    return parts[0] if len(parts) == 1 else b"".join(parts)
