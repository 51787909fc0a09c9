"""The opening handshake of a WebSocket, from a request's bytes to the answer's.

What every client sends is read and answered here in a few microseconds; whatever is unusual about a request is left to
the library websockets, whose sans-I/O server knows all of RFC 6455, and whose refusal is told as a problem.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from websockets.datastructures import Headers
from websockets.exceptions import WebSocketException
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.headers import build_extension, parse_extension
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.utils import accept_key

from ioc.web import protocol
from ioc.web.frames import WINDOW_BITS

_DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True, client_no_context_takeover=True, server_max_window_bits=WINDOW_BITS
)
_FIELDS = (b"upgrade", b"sec-websocket-version", b"sec-websocket-key", b"host")


class Asked(NamedTuple):
    """A request to open. `scope`: as ASGI tells it. `once`: no field stands twice that may stand once."""

    method: bytes
    path: bytes
    target: bytes
    version: bytes
    scope: dict[str, Any]
    fields: dict[bytes, bytes]
    once: bool

    @property
    def offered(self) -> list[str]:
        """The subprotocols that the client offers."""
        told = self.fields.get(b"sec-websocket-protocol")
        return [name.strip() for name in told.decode("latin-1").split(",") if name.strip()] if told else []


class Refusal(Exception):
    """The request can't be a WebSocket's: `status` and a sentence for its sender."""

    def __init__(self, status: int, say: str) -> None:
        super().__init__(say)
        self.status, self.say = status, say


def read(head: bytes, client: tuple[str, int] | None, secure: bool) -> Asked:
    """A request from the bytes of its head, as uvicorn hands them over: `name: value` lines, names in lower case."""
    first, *lines = head.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
    method, _, rest = first.partition(b" ")
    target, _, version = rest.rpartition(b" ")
    path, _, query = target.partition(b"?")
    headers = []
    for line in lines:
        name, _, value = line.partition(b":")
        headers.append((name.lower(), value.strip()))
    fields = dict(headers)
    once = len(fields) == len(headers)
    if not once:
        fields, once = _joined(headers)
    scope = {
        "type": "websocket", "scheme": "wss" if secure else "ws", "client": client, "headers": headers,
        "path": path.decode("latin-1"), "query_string": query,
    }  # fmt: skip
    return Asked(method, path, target, version, scope, fields, once)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> tuple[dict[bytes, bytes], bool]:
    """Fields that stand several times as one, and whether none of them may stand once only."""
    fields: dict[bytes, bytes] = {}
    once = True
    for name, value in headers:
        once = once and not (name in fields and name in _FIELDS)
        fields[name] = fields[name] + b", " + value if name in fields else value
    return fields, once


def accept(asked: Asked, offered: Sequence[str]) -> tuple[bytes, bool]:
    """The bytes that open the connection, and whether messages may be compressed (`offered`: subprotocols).

    Raises Refusal.
    """
    key = asked.fields.get(b"sec-websocket-key", b"")
    if not _usual(asked, key):
        _judged(asked)
    offer = asked.fields.get(b"sec-websocket-extensions")
    agreed = agree(offer.decode("latin-1")) if offer else None
    lines = [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ",
        accept_key(key.decode("latin-1")).encode(),
    ]
    if protocol.SUBPROTOCOL in offered:
        lines.append(b"\r\nSec-WebSocket-Protocol: " + protocol.SUBPROTOCOL.encode())
    if agreed is not None:
        lines.append(b"\r\nSec-WebSocket-Extensions: " + agreed.encode())
    lines.append(b"\r\n\r\n")
    return b"".join(lines), agreed is not None


def _usual(asked: Asked, key: bytes) -> bool:
    """Whether this is a request as RFC 6455, 4.2.1 wants it, without anything that needs a closer look."""
    fields = asked.fields
    if not asked.once or asked.method != b"GET" or asked.version != b"HTTP/1.1":
        return False
    if fields.get(b"upgrade", b"").lower() != b"websocket" or fields.get(b"sec-websocket-version") != b"13":
        return False
    if not fields.get(b"host"):
        return False
    wishes = fields.get(b"connection", b"").lower()
    if wishes != b"upgrade" and b"upgrade" not in [wish.strip() for wish in wishes.split(b",")]:
        return False
    try:
        return len(binascii.a2b_base64(key, strict_mode=True)) == 16
    except binascii.Error:
        return False


def _judged(asked: Asked) -> None:
    """Let the library judge an unusual request; raises Refusal with what it says, and what it leaves to others."""
    if asked.fields.get(b"sec-websocket-version", b"13") != b"13":
        say = "This server speaks version 13 of the WebSocket protocol; send Sec-WebSocket-Version: 13, once."
        raise Refusal(HTTPStatus.UPGRADE_REQUIRED, say)
    headers = Headers()
    for name, value in asked.scope["headers"]:
        headers[name.decode("latin-1")] = value.decode("latin-1")
    target, version = asked.target.decode("latin-1"), asked.version.decode("latin-1")
    request = Request(target, headers, method=asked.method.decode("latin-1"), protocol=version)
    answer = ServerProtocol().accept(request)
    if answer.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        say = bytes(answer.body or b"").decode("utf-8", "replace").split("\n", 1)[0]
        raise Refusal(answer.status_code, say or "This is no WebSocket handshake.")
    if not asked.once or not asked.fields.get(b"host"):
        raise Refusal(HTTPStatus.BAD_REQUEST, "A request names its Host, once; this one does not.")


@lru_cache(maxsize=256)
def agree(offer: str) -> str | None:
    """What a client's offer of extensions is answered with; None: no compression.

    One that wants a smaller window than ours goes without: what is sent is made once for all.
    """
    if not offer or len(offer) > 4096:
        return None
    try:
        for name, params in parse_extension(offer):
            if name != _DEFLATE.name:
                continue
            try:
                answer, made = _DEFLATE.process_request_params(params, [])
            except WebSocketException:
                continue
            if made.local_max_window_bits == WINDOW_BITS and made.remote_no_context_takeover:
                return build_extension([(_DEFLATE.name, answer)])
    except WebSocketException:
        return None
    return None


def inflater() -> PerMessageDeflate:
    """Undoes a client's compression, message by message (no context takeover: none depends on another)."""
    return PerMessageDeflate(True, True, 15, WINDOW_BITS)


def refused(status: int, say: str, *, retry_after: float | None = None) -> bytes:
    """An answer that opens nothing, as problem details (RFC 9457), and ends the connection."""
    title = HTTPStatus(status).phrase
    body = msgspec.json.encode({"type": "about:blank", "title": title, "status": status, "detail": say})
    wait = f"Retry-After: {max(1, round(retry_after))}\r\n" if retry_after is not None else ""
    more = {
        HTTPStatus.UPGRADE_REQUIRED: "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        HTTPStatus.METHOD_NOT_ALLOWED: "Allow: GET\r\n",
    }.get(HTTPStatus(status), "")
    head = (
        f"HTTP/1.1 {status} {title}\r\nContent-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\n{wait}{more}Connection: close\r\n\r\n"
    )
    return head.encode() + body
