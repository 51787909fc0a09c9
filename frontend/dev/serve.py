"""A small server that says "ready" once it listens, so that whoever started it need not guess."""

from __future__ import annotations

import uvicorn
from starlette.applications import Starlette


def serve(app: Starlette, port: int) -> None:
    """Serves `app` on 127.0.0.1 until it is stopped; "ready" on standard output when connections are taken."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning")
    listening = config.bind_socket()
    listening.listen()
    print("ready", flush=True)
    uvicorn.Server(config).run(sockets=[listening])
