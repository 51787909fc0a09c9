"""Who may open a connection at `/ws`, whatever server carries it: address, origin, room. Keys are shown in hello."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from ioc.settings import Access as AccessSettings
from ioc.web import caller, protocol
from ioc.web.handshake import Refusal
from ioc.web.hub import Hub

PATH = "/ws"


class Gate:
    """One for each app."""

    def __init__(self, hub: Hub, settings: AccessSettings) -> None:
        self.hub = hub
        self.settings = settings

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
