"""The yardstick of the load of reports: the least that takes a report safely and shows it.

One INSERT and one commit a report, then the item goes to every screen at once: no outbox, no log, no board, no archive,
and nothing that anybody could resume from. `python -m tests.bench._bare PORT DATABASE_URL`
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import sqlalchemy as sa
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from ioc.db.session import Database, open_db

_table = sa.Table(
    "bare", sa.MetaData(), sa.Column("id", sa.Text, primary_key=True), sa.Column("body", sa.Text, nullable=False)
)


class Bare:
    """Takes reports, and tells the screens."""

    def __init__(self, db: Database) -> None:
        self._db, self._screens = db, set[WebSocket]()
        # SQLite has one writer: the others wait here, not in its busy loop
        self._turn: contextlib.AbstractAsyncContextManager[object] = (
            asyncio.Lock() if db.sqlite else contextlib.nullcontext()
        )

    async def file(self, request: Request) -> JSONResponse:
        told = {**await request.json(), "id": secrets.token_urlsafe(16)}
        body = json.dumps(told)
        async with self._turn, self._db.writing(safe=True) as connection:
            await connection.execute(sa.insert(_table).values(id=told["id"], body=body))
        frame = json.dumps({"type": "delta", "put": {told["id"]: told}})
        for screen in list(self._screens):
            await screen.send_text(frame)
        filed = datetime.now(UTC).isoformat()
        return JSONResponse({"id": told["id"], "state": "new", "filed": filed}, 201)

    async def watch(self, screen: WebSocket) -> None:
        await screen.accept("ioc.v1")
        await screen.send_text('{"type":"snapshot","items":{}}')
        self._screens.add(screen)
        try:
            while True:
                await screen.receive_text()
        except WebSocketDisconnect:
            self._screens.discard(screen)

    @contextlib.asynccontextmanager
    async def living(self, _app: Starlette) -> AsyncIterator[None]:
        async with self._db.writing() as connection:
            await connection.run_sync(_table.metadata.create_all)
        yield
        await self._db.close()


def main() -> None:
    """Serve until SIGTERM."""
    bare = Bare(open_db(sys.argv[2]))
    ways = [Route("/api/reports", bare.file, methods=["POST"]), WebSocketRoute("/ws", bare.watch)]
    app = Starlette(routes=ways, lifespan=bare.living)
    listening = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=4096)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


if __name__ == "__main__":
    main()
