"""What a client sends, from bytes to whole messages: where they lie, without a parser, as long as it is the usual.

Fragments, and what no client may send, go to the sans-I/O parser of the library websockets from then on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

try:
    from websockets.speedups import apply_mask
except ImportError:  # a build without the C extension
    from websockets.utils import apply_mask

from ioc.web import handshake, protocol

MAX_MESSAGE = 2 * protocol.MAX_IN
"""Bytes of a client's message, at most; beyond, the connection is closed with 1009. From MAX_IN on it is a problem."""

_inflate = handshake.inflater().decode


class Reading(ABC):
    """One client's half of the conversation; what comes of it is told to the methods that have no body here."""

    __slots__ = ("_half", "_parser", "_parts", "deflate")

    def __init__(self) -> None:
        self.deflate = False
        self._half = b""
        self._parser: ServerProtocol | None = None
        self._parts: list[bytes] | None = None

    @abstractmethod
    def _message(self, body: bytes, text: bool) -> None:
        """A whole message."""

    @abstractmethod
    def _pong(self, payload: bytes) -> None:
        """A ping came."""

    @abstractmethod
    def _closed(self, payload: bytes) -> None:
        """A close frame came."""

    @abstractmethod
    def _fail(self, code: int) -> None:
        """The client broke the protocol."""

    @abstractmethod
    def _answered(self, outputs: list[bytes], ended: bool) -> None:
        """What the parser answers; `ended`: nothing more is to be said."""

    def _read(self, data: bytes) -> None:
        if self._parser is not None:
            self._parse(data)
            return
        if self._half:
            data, self._half = self._half + data, b""
        at, size = 0, len(data)
        while at < size:
            end = _frame_end(data, at, size)
            if end == 0:
                self._half = data[at:]
                return
            if end < 0 or not self._whole(data[at], data[at + 1], data[at:end]):
                # fragments, or what no client may send: the library knows what becomes of it
                self._parser = ServerProtocol(state=OPEN, max_size=MAX_MESSAGE)
                if self.deflate:
                    self._parser.extensions = [handshake.inflater()]
                self._parse(data[at:])
                return
            at = end

    def _whole(self, first: int, second: int, frame: bytes) -> bool:
        """Take one whole frame; False: it is none of the usual ones."""
        start = {126: 8, 127: 14}.get(second & 0x7F, 6)
        if first in (0x81, 0x82):
            self._message(apply_mask(frame[start:], frame[start - 4 : start]), first == 0x81)
        elif first in (0xC1, 0xC2) and self.deflate:
            body = apply_mask(frame[start:], frame[start - 4 : start])
            try:
                body = bytes(_inflate(Frame(Opcode.TEXT, body, rsv1=True), max_size=MAX_MESSAGE).data)
            except PayloadTooBig:
                self._fail(CloseCode.MESSAGE_TOO_BIG)
                return True
            except ProtocolError:
                self._fail(CloseCode.PROTOCOL_ERROR)
                return True
            self._message(body, first == 0xC1)
        elif first == 0x89 and second & 0x7F < 126:
            self._pong(apply_mask(frame[6:], frame[2:6]))
        elif first == 0x8A and second & 0x7F < 126:
            pass
        elif first == 0x88 and second & 0x7F < 126:
            self._closed(apply_mask(frame[6:], frame[2:6]))
        else:
            return False
        return True

    def _parse(self, data: bytes) -> None:
        parser = self._parser
        assert parser is not None
        parser.receive_data(data)
        for event in parser.events_received():
            if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._part(event)
        self._answered(parser.data_to_send(), parser.close_sent is not None or parser.parser_exc is not None)

    def _part(self, event: Frame) -> None:
        """One of the fragments of a message; the last one makes it whole."""
        if event.opcode is not Opcode.CONT:
            self._parts = [b"t" if event.opcode is Opcode.TEXT else b"b"]
        assert self._parts is not None
        if event.data:
            # empty ones are never too large together, and would be kept for ever
            self._parts.append(bytes(event.data))
        if event.fin:
            (kind, *parts), self._parts = self._parts, None
            self._message(b"".join(parts), kind == b"t")


def _frame_end(data: bytes, at: int, size: int) -> int:
    """Where the masked frame that begins at `at` ends; 0: not all of it is there; -1: it is none, or too large."""
    if size - at < 2:
        return 0
    second = data[at + 1]
    if not second & 0x80:
        return -1
    length, start = second & 0x7F, at + 6
    if length > 125:
        more = 2 if length == 126 else 8
        start += more
        if size < at + 2 + more:
            return 0
        length = int.from_bytes(data[at + 2 : at + 2 + more], "big")
        if length > MAX_MESSAGE:
            return -1
    end = start + length
    return end if end <= size else 0
