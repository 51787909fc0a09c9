"""`GET /ws`: from an ASGI connection to a screen of the hub."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode

from ioc.settings import Access as AccessSettings
from ioc.web import caller, protocol
from ioc.web.access import Access, Grant
from ioc.web.hub import Hub
from ioc.web.problems import problem
from ioc.web.wire import AsgiWire

TRANSPORT = "ioc.transport"


class ServerSocket(WebSocketsSansIOProtocol):
    """uvicorn's own protocol, which also hands its transport to the app: only there is it seen what a client takes."""

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][TRANSPORT] = {"transport": self.transport}


class Socket:
    """The ASGI app at `/ws`."""

    def __init__(self, hub: Hub, access: Access, settings: AccessSettings) -> None:
        self._hub = hub
        self._access = access
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            say = "This address speaks WebSocket with the subprotocol ioc.v1; connect with a WebSocket client."
            await problem(426, say, headers={"Upgrade": "websocket"})(scope, receive, send)
            return
        await receive()
        if not caller.origin_fits(scope, self._settings):
            await _deny(scope, receive, send, 403, "Pages of this origin may not connect; name it in [access] origins.")
            return
        if (name := caller.key_in_query(scope)) is not None:
            say = f"A key never stands in an address; take {name} out of the query, and send the key in hello."
            await _deny(scope, receive, send, 400, say)
            return
        offered = scope.get("subprotocols", [])
        chosen = protocol.SUBPROTOCOL if protocol.SUBPROTOCOL in offered else None
        await send({"type": "websocket.accept", "subprotocol": chosen})
        if offered and chosen is None:
            say = f"This server speaks {protocol.SUBPROTOCOL}; offer it as the subprotocol."
            last = protocol.bye(protocol.NOT_OF_THIS_PROTOCOL, say)
            await send({"type": "websocket.send", "text": last.decode()})
            await send({"type": "websocket.close", "code": protocol.NOT_OF_THIS_PROTOCOL, "reason": ""})
            return
        await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        address, shown = caller.address(scope, self._settings), caller.secret(scope)

        async def find(key: str | None) -> Grant:
            return await self._access.of(key or shown, address)

        handed = (scope.get("extensions") or {}).get(TRANSPORT)
        wire = AsgiWire(send, handed["transport"] if handed else None)
        screen = self._hub.connect(wire, find, address)
        writing = asyncio.create_task(_write(wire), name=f"screen-{screen.number}")
        try:
            while (message := await receive())["type"] == "websocket.receive":
                text = message.get("text")
                await screen.received(text if text is not None else message.get("bytes") or b"")
        finally:
            self._hub.leave(screen)
            wire.stop()
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)


async def _write(wire: AsgiWire) -> None:
    # a client that is gone is told by `receive`; which error `send` raises then is the server's own business
    with suppress(Exception):
        await wire.write()


async def _deny(scope: Scope, receive: Receive, send: Send, status: int, say: str) -> None:
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": CloseCode.POLICY_VIOLATION, "reason": say[:120]})
        return
    answer = problem(status, say)
    headers = [(name, value) for name, value in answer.raw_headers]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": bytes(answer.body)})
