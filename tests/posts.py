"""A real mail server and a real webhook, on free ports of this machine, that do what a test tells them to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from ioc.ports import free


class Post:
    """What a mail server was given. `says`: its answer to a mail; `refuses`: recipients that it does not know.

    `hangs`: it takes a mail and does not answer until `answers` is set.
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.to: list[list[str]] = []
        self.says = "250 OK: queued as 4711"
        self.refuses: set[str] = set()
        self.hangs = False
        self.answers = threading.Event()
        self.port = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refuses:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        self.to.append(list(envelope.rcpt_tos))
        if self.hangs:
            await asyncio.to_thread(self.answers.wait, 60)
        return self.says


@contextmanager
def post_office(login: tuple[str, str] | None = None, **tls: Any) -> Iterator[Post]:
    """A mail server; `login`: user and password that it asks for. `tls`: `ssl_context`, or `tls_context` (STARTTLS)."""
    post = Post()

    def known(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        mine = isinstance(given, LoginPassword) and login is not None
        good = mine and (given.login.decode(), given.password.decode()) == login
        return AuthResult(success=good, handled=good)

    other: dict[str, Any] = {"authenticator": known, "auth_required": True, "auth_require_tls": False} if login else {}
    [post.port] = free()
    office = Controller(post, hostname="127.0.0.1", port=post.port, **other, **tls)
    office.start()
    try:
        yield post
    finally:
        post.answers.set()
        office.stop()


class Hook:
    """What a webhook was posted: bodies and headers (lower case). `says`: its answers, the last again and again."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.says: list[tuple[int, bytes]] = [(200, b'{"id": 7}')]
        self.hangs = threading.Event()
        self.hangs.set()
        self.url = ""


@contextmanager
def webhook() -> Iterator[Hook]:
    """A webhook; while `hangs` is cleared it takes what it is sent, and does not answer."""
    hook = Hook()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            hook.headers.append({name.lower(): value for name, value in self.headers.items()})
            hook.hangs.wait()
            status, body = hook.says.pop(0) if len(hook.says) > 1 else hook.says[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads, server.block_on_close = True, False
    hook.url = f"http://127.0.0.1:{server.server_address[1]}/nhac"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield hook
    finally:
        hook.hangs.set()
        server.shutdown()
        server.server_close()
