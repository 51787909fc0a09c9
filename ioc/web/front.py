"""Every connection's first bytes: a request's head, in full and in time; then a screen's wire or uvicorn's HTTP.

uvicorn limits neither the size nor the time of a head, so it is waited for here. What asks for a WebSocket goes
straight to `Direct`, without the HTTP protocol that uvicorn would make, and forget, for each of ten thousand screens.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ioc.web import handshake
from ioc.web.direct import Direct

MAX_HEAD = 32 * 1024
"""Bytes of a request's head, at most."""
HEAD_S = 10.0
"""How long a head may take."""
LATE = "No whole request came in time."
_END = b"\r\n\r\n"

log = logging.getLogger("ioc.web")


def _screen(head: bytes) -> bool:
    """Whether a head asks for a WebSocket."""
    return head.startswith(b"GET ") and b"\r\nupgrade: websocket" in head.lower()


class Front(asyncio.Protocol):
    """A connection whose first head is awaited. Made by uvicorn (`Config(http=Front)`)."""

    __slots__ = ("_app_state", "_config", "_head", "_server_state", "_timer", "_transport")

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        self._config, self._server_state, self._app_state = config, server_state, app_state
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._head = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server_state.connections.add(self)
        self._timer = asyncio.get_running_loop().call_later(HEAD_S, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()

    def shutdown(self) -> None:
        """uvicorn stops."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._head:
            data = self._head + data
        end = data.find(_END)
        if end > MAX_HEAD or (end < 0 and len(data) > MAX_HEAD):
            self._refuse(431, f"The head of a request holds {MAX_HEAD:,} bytes at most; send less.")
        elif end < 0:
            self._head = data
        else:
            self._stop_timer()
            self._head = data
            self._app_state["gate"].enter(self._hand_over)
            if self._head:
                # it waits for its turn
                self._transport.pause_reading()

    def _hand_over(self) -> None:
        config, transport, data = self._config, self._transport, self._head
        self._forget()
        if transport.is_closing():
            return
        transport.resume_reading()
        end = data.find(_END) + len(_END)
        made: Any
        if config.ws_protocol_class is Direct and _screen(data[:end]):
            made = Direct(config, self._server_state, self._app_state)
            parts = [data[:end], data[end:]]
        else:
            made = Http(config, self._server_state, self._app_state)
            parts = [data]
        try:
            made.connection_made(transport)
            transport.set_protocol(made)
            for part in parts:
                if part:
                    made.data_received(part)
        except Exception:
            transport.abort()
            raise

    def _too_late(self) -> None:
        if self._head:
            self._refuse(408, LATE)
        else:
            # a browser opens connections ahead of need; who asked nothing is told nothing
            self._forget()
            self._transport.close()

    def _refuse(self, status: int, say: str) -> None:
        self._forget()
        self._transport.write(handshake.refused(status, say))
        self._transport.close()

    def _forget(self) -> None:
        self._server_state.connections.discard(self)
        self._head = b""
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Http(HttpToolsProtocol):
    """uvicorn's HTTP, with the same limits for the later heads of a connection."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._taken = 0
        self._body = False
        self._waiting: asyncio.TimerHandle | None = None

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._taken = 0
        self._end_wait()
        self._waiting = self.loop.call_later(HEAD_S, self._refuse, 408, LATE)

    def on_body(self, body: bytes) -> None:
        self._body = True
        super().on_body(body)

    def on_headers_complete(self) -> None:
        self._end_wait()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        waited, self._body = self._waiting, False
        super().data_received(data)
        # a head that began behind a body is counted from the next reading on
        if self._waiting is not None and (self._waiting is waited or not self._body):
            self._taken += len(data) - max(0, data.rfind(_END))
            if self._taken > MAX_HEAD:
                self._refuse(431, f"The head of a request holds {MAX_HEAD:,} bytes at most; send less.")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_wait()
        super().connection_lost(exc)

    def _end_wait(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _refuse(self, status: int, say: str) -> None:
        self._end_wait()
        if not self.transport.is_closing():
            self.transport.write(handshake.refused(status, say))
            self.transport.close()
