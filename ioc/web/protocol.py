"""The words of protocol `ioc.v1`: what a screen may say, what it is told, and how a frame's bytes are made.

Items are spliced into frames as the bytes that the board holds; nothing here decodes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ioc.contract import Age, State
from ioc.errors import IocError
from ioc.event import Method

SUBPROTOCOL = "ioc.v1"
MAX_IN = 64 * 1024
"""Bytes of one frame from a client, at most."""
MAX_PART = 64 * 1024
"""Bytes of one part of a snapshot, and of one delta frame, at most (a single larger item goes alone)."""

GOING_AWAY = 4000
TOO_SLOW = 4001
NO_HELLO = 4002
TOO_MANY = 4003
TOO_FAST = 4004
NOT_OF_THIS_PROTOCOL = 4500
UNKNOWN_KEY = 4501
REVOKED = 4503

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Epoch = Annotated[str, Meta(max_length=100)]
MAX_OFFSET = 2**63 - 1
"""No board counts further; a larger number would overflow what is computed of it, such as a receipt in /metrics."""
Offset = Annotated[int, Meta(ge=0, le=MAX_OFFSET)]


class BadFrame(IocError):
    """A client's frame can't be taken: it is answered with a problem of this `code`, and nothing is changed."""

    def __init__(self, code: str, say: str) -> None:
        super().__init__(say)
        self.code = code


class View(msgspec.Struct, frozen=True):
    """A viewport: `bbox` west, south, east, north in degrees (west > east: over the date line), `zoom` 0 to 24.

    At a low zoom a large layer may come as clusters, counted by commune, or not at all: GET /api/layers tells `far`.
    """

    bbox: tuple[float, float, float, float]
    zoom: Annotated[float, Meta(ge=0, le=24)] = 0.0

    def sentence(self) -> str | None:
        """What is wrong with it; None when it is a place on the earth."""
        west, south, east, north = self.bbox
        if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
            return "A view's bbox is west, south, east, north in degrees, with south below north."
        return None


class Place(msgspec.Struct, frozen=True):
    """A channel to watch; with `epoch` and `offset`, on from that position, which was taken with `view`."""

    channel: Name
    epoch: Epoch | None = None
    offset: Offset | None = None
    view: View | None = None
    at: Any = UNSET
    known: Any = UNSET
    speed: Any = UNSET

    @property
    def past(self) -> bool:
        return any(asked is not UNSET for asked in (self.at, self.known, self.speed))


class Hello(msgspec.Struct, frozen=True, tag_field="type", tag="hello"):
    """First frame of a client. `key`: a device or session key; without one, public channels only."""

    key: Annotated[str, Meta(max_length=512)] | None = None
    screen: Name | None = None
    name: Annotated[str, Meta(max_length=200)] | None = None


class Watch(msgspec.Struct, frozen=True, tag_field="type", tag="watch"):
    """Start channels, or resume them. `at`, `known`, `speed` are reserved for the past."""

    channels: Annotated[list[Place], Meta(max_length=256)]
    at: Any = UNSET
    known: Any = UNSET
    speed: Any = UNSET

    @property
    def past(self) -> bool:
        return any(asked is not UNSET for asked in (self.at, self.known, self.speed))


class Unwatch(msgspec.Struct, frozen=True, tag_field="type", tag="unwatch"):
    """Stop channels."""

    channels: Annotated[list[Name], Meta(max_length=256)]


class ViewOf(msgspec.Struct, frozen=True, tag_field="type", tag="view"):
    """From now on only items of `channel` in this viewport; from afar, of a large layer, what its `far` says."""

    channel: Name
    bbox: tuple[float, float, float, float]
    zoom: Annotated[float, Meta(ge=0, le=24)] = 0.0


class Shown(msgspec.Struct, frozen=True, tag_field="type", tag="shown"):
    """Receipt: this version is on the glass, `ms` after its frame came."""

    channel: Name
    epoch: Epoch
    offset: Offset
    ms: Annotated[float, Meta(ge=0)] | None = None


ClientFrame = Hello | Watch | Unwatch | ViewOf | Shown
CLIENT_FRAMES: dict[str, type[msgspec.Struct]] = {
    "hello": Hello,
    "watch": Watch,
    "unwatch": Unwatch,
    "view": ViewOf,
    "shown": Shown,
}


class ChecksOnWire(msgspec.Struct, frozen=True):
    """Outcome of the checks of the last answers; `failed` holds finished sentences."""

    passed: int
    failed: list[str]


class QualityOnWire(msgspec.Struct, frozen=True):
    """How good a channel's values are. Times are RFC 3339 with an offset.

    `age`: which time the values' age is counted from; the last confirmation when left out.
    """

    state: State
    why: str | None
    observed: str | None
    received: str | None
    due: str | None
    have: int
    expect: int | None
    refused: int
    checks: ChecksOnWire
    method: Method
    sources: dict[str, State]
    age: Age = "received"


class Welcome(msgspec.Struct, frozen=True, tag_field="type", tag="welcome", omit_defaults=True):
    """Answer to hello: the server's clock, seconds between beats, the server's name and version."""

    now: str
    beat: float
    server: str
    screen: str | None = None


class SnapshotFrame(msgspec.Struct, frozen=True, tag_field="type", tag="snapshot"):
    """The whole channel (in the view), in `parts`; it replaces what the client has when the last part is there."""

    channel: str
    epoch: str
    offset: int
    items: dict[str, Any]
    quality: QualityOnWire
    part: int
    parts: int


class DeltaFrame(msgspec.Struct, frozen=True, tag_field="type", tag="delta"):
    """Drops, then puts, for a client at `after`; `more`: the step goes on in the next frame, the position stays."""

    channel: str
    epoch: str
    after: int
    offset: int
    put: dict[str, Any]
    drop: list[str]
    more: bool | UnsetType = UNSET
    quality: QualityOnWire | UnsetType = UNSET


class Beat(msgspec.Struct, frozen=True, tag_field="type", tag="beat"):
    """Sent when nothing else was for `beat` seconds."""

    now: str


class Problem(msgspec.Struct, frozen=True, tag_field="type", tag="problem", omit_defaults=True):
    """A finished sentence for people; nothing was changed."""

    code: str
    say: str
    temporary: bool
    channel: str | None = None


class Bye(msgspec.Struct, frozen=True, tag_field="type", tag="bye", omit_defaults=True):
    """Before close. Codes 4000 to 4499: come back (back-off and jitter); 4500 to 4999: do not. `after`: seconds."""

    code: int
    say: str
    reconnect: bool
    after: float | None = None


SERVER_FRAMES: dict[str, type[msgspec.Struct]] = {
    "welcome": Welcome, "snapshot": SnapshotFrame, "delta": DeltaFrame, "beat": Beat, "problem": Problem, "bye": Bye,
}  # fmt: skip


class _Kind(msgspec.Struct):
    type: str
    known: ClassVar[Sequence[str]] = tuple(CLIENT_FRAMES)


_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_kind = msgspec.json.Decoder(_Kind)
encode = msgspec.json.Encoder().encode


def decode(body: bytes | str) -> ClientFrame:
    """A client's frame. Raises BadFrame (too-large, invalid, unknown-type) with a sentence for people."""
    if len(body) > MAX_IN or (
        isinstance(body, str) and not body.isascii() and len(body.encode("utf-8", "replace")) > MAX_IN
    ):
        raise BadFrame("too-large", f"A frame holds {MAX_IN:,} bytes at most; send less at once.")
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        if not isinstance(error, msgspec.ValidationError):
            raise BadFrame("invalid", "The frame is not JSON in UTF-8; send one JSON object a frame.") from None
        wrong = error
    try:
        kind = _kind.decode(body).type
    except msgspec.DecodeError:
        raise BadFrame("invalid", "A frame is a JSON object with a type; send one.") from None
    if kind not in _Kind.known:
        known = ", ".join(_Kind.known)
        raise BadFrame("unknown-type", f"This server does not know a frame of that type; it knows {known}.")
    raise BadFrame("invalid", f"The {kind} frame is wrong: {wrong}. Nothing was changed.")


def bye(code: int, say: str, after: float | None = None) -> bytes:
    """The last frame before a close with `code`."""
    return encode(Bye(code, say, code < NOT_OF_THIS_PROTOCOL, after))


def problem(code: str, say: str, *, channel: str | None = None, temporary: bool = False) -> bytes:
    return encode(Problem(code, say, temporary, channel))


_Member = tuple[bytes, int]


def _members(items: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    for name, body in items:
        yield encode(name) + b":" + body


def _grouped(members: Iterable[bytes], room: int) -> list[bytes]:
    """Members joined with commas, in groups of `room` bytes at most; at least one group, which may be empty."""
    groups: list[bytes] = []
    held: list[bytes] = []
    size = 0
    for member in members:
        if held and size + len(member) + 1 > room:
            groups.append(b",".join(held))
            held, size = [], 0
        held.append(member)
        size += len(member) + 1
    if held or not groups:
        groups.append(b",".join(held))
    return groups


def snapshot_parts(
    channel: str, epoch: str, offset: int, items: Iterable[tuple[str, bytes]], quality: bytes
) -> list[bytes]:
    """The frames of a snapshot, ≤ MAX_PART each; all carry the same position and the quality (JSON bytes)."""
    head = b'{"type":"snapshot","channel":%b,"epoch":%b,"offset":%d,"quality":%b,' % (
        encode(channel),
        encode(epoch),
        offset,
        quality,
    )
    groups = _grouped(_members(items), MAX_PART - len(head) - 60)
    parts = len(groups)
    return [
        head + b'"part":%d,"parts":%d,"items":{%b}}' % (part, parts, group)
        for part, group in enumerate(groups, start=1)
    ]


def delta_frames(
    channel: str,
    epoch: str,
    after: int,
    offset: int,
    put: Mapping[str, bytes],
    drop: Iterable[str],
    quality: bytes | None,
    *,
    more: bool = False,
) -> list[bytes]:
    """The frames of one step, ≤ MAX_PART each; all but the last say `more`. The last carries the quality, if any.

    `more`: the last says it too, for the step goes on in frames made elsewhere.
    """
    head = b'{"type":"delta","channel":%b,"epoch":%b,"after":%d,"offset":%d,' % (
        encode(channel),
        encode(epoch),
        after,
        offset,
    )
    tail = b',"more":true}' if more else b',"quality":%b}' % quality if quality is not None else b"}"
    room = MAX_PART - len(head) - len(tail) - 60
    dropped, members = [encode(name) for name in drop], [encode(name) + b":" + body for name, body in put.items()]
    # nearly all steps are one frame: it is made without weighing group by group
    if sum(map(len, dropped)) + sum(map(len, members)) + len(dropped) + len(members) <= room:
        return [b'%b"put":{%b},"drop":[%b]%b' % (head, b",".join(members), b",".join(dropped), tail)]
    drops, puts = _grouped(dropped, room), _grouped(members, room)
    bodies = [b'"put":{},"drop":[%b]' % drop for drop in drops if drop] + [
        b'"put":{%b},"drop":[]' % put for put in puts if put
    ]
    return [head + body + b',"more":true}' for body in bodies[:-1]] + [head + bodies[-1] + tail]


Side = Literal["client", "server"]
