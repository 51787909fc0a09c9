"""Who may open a connection at `/ws`, whatever server carries it: address, origin, room. Keys are shown in hello."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from ioc.settings import Access as AccessSettings
from ioc.web import caller, protocol
from ioc.web.handshake import Refusal
from ioc.web.hub import Hub

log = logging.getLogger("ioc.web")

PATH = "/ws"
AT_ONCE = 32
"""Connections that are opened in one turn of the loop."""


class Gate:
    """One for each app."""

    def __init__(self, hub: Hub, settings: AccessSettings) -> None:
        self.hub = hub
        self.settings = settings
        self._entered = 0
        self._queue: deque[Callable[[], None]] = deque()

    def enter(self, work: Callable[[], None]) -> None:
        """Open a connection now, or, when many come in one turn of the loop, in a later one.

        The loop reads all that can be read before it does anything else, and those who are here already would wait.
        """
        self._entered += 1
        if self._entered == 1:
            asyncio.get_running_loop().call_soon(self._turn)
        if self._entered <= AT_ONCE:
            work()
        else:
            self._queue.append(work)

    def _turn(self) -> None:
        queue = self._queue
        for _ in range(min(AT_ONCE, len(queue))):
            try:
                queue.popleft()()
            except Exception:
                log.exception("A connection could not be opened; the others are.")
        # who comes now goes behind those who wait
        self._entered = AT_ONCE if queue else 0
        if queue:
            asyncio.get_running_loop().call_soon(self._turn)

    def check(self, scope: Mapping[str, Any]) -> None:
        """Raises Refusal when this connection must not be opened."""
        if not caller.origin_fits(scope, self.settings):
            raise Refusal(HTTPStatus.FORBIDDEN, "Pages of this origin may not connect; name it in [access] origins.")
        if (name := caller.key_in_query(scope)) is not None:
            say = f"A key never stands in an address; take {name} out of the query, and send the key in hello."
            raise Refusal(HTTPStatus.BAD_REQUEST, say)
        if self.hub.crowded():
            say = "Many screens are coming at once; come back in a moment."
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, say)

    def wait(self, status: int) -> float | None:
        """Seconds after which one who was refused with `status` may come again; None: it is not told to."""
        return self.hub.wait_s() if status == HTTPStatus.SERVICE_UNAVAILABLE else None

    @staticmethod
    def stranger(offered: Sequence[str]) -> str | None:
        """What to tell a client that speaks other subprotocols only; None: it is none."""
        if offered and protocol.SUBPROTOCOL not in offered:
            return f"This server speaks {protocol.SUBPROTOCOL}; offer it as the subprotocol."
        return None
