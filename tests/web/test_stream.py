"""Our reading of frames against that of the library websockets: the same bytes, cut anywhere, say the same."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from ioc.web import handshake
from ioc.web.direct import Direct
from ioc.web.frames import framed
from ioc.web.reading import MAX_MESSAGE
from ioc.web.screens import Screen

from .raw import BINARY, CLOSE, PING, PONG, TEXT, masked


class Ear:
    """Stands where a screen does, and keeps what it is given to take."""

    grant = None

    number = 1

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def take(self, body: bytes) -> None:
        self.heard.append(body)


class Paper(asyncio.Transport):
    """A transport that takes everything at once, and keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False

    def write(self, data: Any) -> None:
        self.written += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """It never waits."""

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def resume_reading(self) -> None:
        """It is never paused."""


def ours(segments: list[bytes], deflate: bool) -> tuple[list[bytes], bytes]:
    """What Direct makes of them: the messages, and its answer."""
    return asyncio.run(_ours(segments, deflate))


async def _ours(segments: list[bytes], deflate: bool) -> tuple[list[bytes], bytes]:
    direct, paper, ear = Direct(None, ServerState(), {"gate": None}), Paper(), Ear()
    direct.connection_made(paper)
    direct.screen, direct.deflate = cast(Screen, ear), deflate
    for segment in segments:
        if not paper.closed:
            direct.data_received(segment)
    return ear.heard, paper.written


def theirs(data: bytes, deflate: bool) -> tuple[list[bytes], bytes]:
    """What the library makes of it; it leaves to its callers to join fragments, and to look whether text is UTF-8."""
    parser = ServerProtocol(state=OPEN, max_size=MAX_MESSAGE)
    if deflate:
        parser.extensions = [handshake.inflater()]
    parser.receive_data(data)
    heard: list[bytes] = []
    answer, held, text = b"", b"", False
    outputs = iter(parser.data_to_send())
    for event in parser.events_received():
        assert isinstance(event, Frame)
        if event.opcode in (Opcode.PING, Opcode.CLOSE):
            answer += next(outputs)
        elif event.opcode is not Opcode.PONG:
            if event.opcode is not Opcode.CONT:
                held, text = b"", event.opcode is Opcode.TEXT
            held += event.data
            if event.fin:
                if text and not _utf8(held):
                    return heard, answer + framed(CLOSE, Close(CloseCode.INVALID_DATA, "").serialize())
                heard.append(held)
    return heard, answer + b"".join(outputs)


def _utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def deflated(text: bytes) -> bytes:
    work = zlib.compressobj(wbits=-12)
    return (work.compress(text) + work.flush(zlib.Z_SYNC_FLUSH))[:-4]


MASKS = st.binary(min_size=4, max_size=4)
CONTROLS = st.builds(masked, st.sampled_from([PING, PONG]), st.binary(max_size=125), MASKS)
SIZES = st.one_of(st.binary(max_size=30), st.sampled_from([b"a" * 125, b"b" * 126, b"c" * 65_535, b"d" * 65_536]))
TEXTS = st.one_of(st.text(max_size=200).map(str.encode), SIZES.map(lambda data: data.decode("latin-1").encode()))


@st.composite
def messages(draw: st.DrawFn, deflate: bool) -> list[bytes]:
    """The frames of one message, with control frames between them."""
    kind = draw(st.sampled_from([TEXT, BINARY]))
    payload = draw(TEXTS if kind == TEXT else SIZES)
    if deflate and draw(st.booleans()):
        kind, payload = kind | 0x40, deflated(payload)
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3)))
    parts = [payload[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
    frames: list[bytes] = []
    for at, part in enumerate(parts):
        first = (kind if at == 0 else 0) & 0x7F | (0x80 if at == len(parts) - 1 else 0)
        frames += [masked(first, part, draw(MASKS)), *draw(st.lists(CONTROLS, max_size=2))]
    return frames


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, bool]:
    """What a client may send, and whether compression was agreed on."""
    deflate = draw(st.booleans())
    frames = [frame for some in draw(st.lists(messages(deflate), max_size=5)) for frame in some]
    if draw(st.booleans()):
        frames.append(masked(CLOSE, draw(st.sampled_from([b"", b"\x03\xe8", b"\x0f\xa0" + "hết".encode()]))))
    return b"".join(frames), deflate


@st.composite
def cut(draw: st.DrawFn, data: bytes) -> list[bytes]:
    places = sorted(draw(st.sets(st.integers(0, len(data)), max_size=12)))
    return [data[begin:end] for begin, end in zip([0, *places], [*places, len(data)], strict=True) if end > begin]


@given(streams(), st.data())
def test_what_a_client_may_send_says_the_same_however_it_is_cut(
    stream: tuple[bytes, bool], data: st.DataObject
) -> None:
    sent, deflate = stream
    heard, answer = ours(data.draw(cut(sent)), deflate)
    assert (heard, _codes(answer)) == (theirs(sent, deflate)[0], _codes(theirs(sent, deflate)[1]))


@given(streams(), st.data())
def test_what_none_may_send_is_refused_with_the_same_code(stream: tuple[bytes, bool], data: st.DataObject) -> None:
    sent, deflate = stream
    broken = bytearray(sent + b"\x81\x80mask")
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    heard, answer = ours(data.draw(cut(bytes(broken))), deflate)
    wanted, told = theirs(bytes(broken), deflate)
    assert heard == wanted
    # a frame is refused here when it is whole, there when it begins: what is cut off may still be waited for
    closed = _closes(answer)
    assert closed in (_closes(told), [])


def _closes(answer: bytes) -> list[tuple[int, bytes]]:
    return [frame for frame in _codes(answer) if frame[0] == CLOSE]


def _codes(answer: bytes) -> list[tuple[int, bytes]]:
    """The frames of an answer: pongs whole, of closes the code alone."""
    found: list[tuple[int, bytes]] = []
    while answer:
        first, size, start = answer[0], answer[1], 2
        found.append((first, answer[start : start + size] if first == PONG else answer[start : start + min(size, 2)]))
        answer = answer[start + size :]
    return found
