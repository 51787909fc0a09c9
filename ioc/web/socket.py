"""`GET /ws` over plain ASGI: any server will do. `ioc.web.direct` does the same faster, under uvicorn."""

from __future__ import annotations

from typing import Any

from starlette.types import Receive, Scope, Send
from websockets.frames import CloseCode

from ioc.web import caller, protocol
from ioc.web.gate import Gate
from ioc.web.handshake import Refusal
from ioc.web.problems import problem
from ioc.web.wire import AsgiWire


class Socket:
    """The ASGI app at `/ws`."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            say = "This address speaks WebSocket with the subprotocol ioc.v1; connect with a WebSocket client."
            await problem(426, say, headers={"Upgrade": "websocket"})(scope, receive, send)
            return
        await receive()
        try:
            self._gate.check(scope)
        except Refusal as refusal:
            await self._deny(scope, receive, send, refusal)
            return
        offered = scope.get("subprotocols", [])
        chosen = protocol.SUBPROTOCOL if protocol.SUBPROTOCOL in offered else None
        await send({"type": "websocket.accept", "subprotocol": chosen})
        await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        hub, wire = self._gate.hub, AsgiWire(send)
        screen = hub.connect(wire, caller.address(scope, self._gate.settings), caller.secret(scope))
        wire.drained = lambda: hub.flush(screen)
        wire.start(f"screen-{screen.number}")
        if (say := self._gate.stranger(scope.get("subprotocols", []))) is not None:
            screen.bye(protocol.NOT_OF_THIS_PROTOCOL, say)
        try:
            while (message := await receive())["type"] == "websocket.receive":
                text = message.get("text")
                body = text.encode() if text is not None else message.get("bytes") or b""
                if (work := screen.take(body)) is not None:
                    await work
        finally:
            hub.leave(screen)
            wire.stop()
            await wire.written()

    async def _deny(self, scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> None:
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": CloseCode.POLICY_VIOLATION, "reason": refusal.say[:120]})
            return
        wait = self._gate.wait(refusal.status)
        told: dict[str, Any] = {"headers": {"Retry-After": str(max(1, round(wait)))}} if wait is not None else {}
        answer = problem(refusal.status, refusal.say, **told)
        headers = [(name, value) for name, value in answer.raw_headers]
        await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": bytes(answer.body)})
