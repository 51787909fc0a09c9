"""Browsers take what we send, compressed and plain, and end with the board's picture: Chromium and Firefox."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ioc.board.memory import MemoryBoard
from ioc.settings import Access
from tests.conftest import absent
from tests.e2e import glass
from tests.web.apart import OURS, WAYS, Apart, apart
from tests.web.conftest import settings
from tests.web.story import LAST, tell
from tests.web.test_hub import decoded

pytestmark = pytest.mark.browser

PAGE = Path(__file__).with_name("fold.html")
START_S = 120
"""A browser's first start on a slow machine."""
QUIET = """
user_pref("app.update.enabled", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
"""


def chromium(folder: Path) -> list[str]:
    path = glass.chromium()
    if path is None:
        absent("There is no Chromium on this machine")
    return [path, "--headless", *glass.ARGUMENTS, "--no-first-run", f"--user-data-dir={folder}"]


def firefox(folder: Path) -> list[str]:
    named = os.environ.get("IOC_FIREFOX")
    path = named or next((path for path in map(shutil.which, ("firefox-esr", "firefox")) if path), None)
    if path is None:
        absent("There is no Firefox on this machine")
    (folder / "user.js").write_text(QUIET)
    return [path, "--headless", "--no-remote", "--profile", str(folder)]


BROWSERS: dict[str, Callable[[Path], list[str]]] = {"chromium": chromium, "firefox": firefox}


class Desk:
    """Serves the page, and keeps what it tells."""

    def __init__(self) -> None:
        told: queue.Queue[dict[str, Any]] = queue.Queue()

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(PAGE.read_bytes())

            def do_POST(self) -> None:
                told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self._answer(b"")

            def _answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing is said of requests."""

        self.told = told
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    thread = threading.Thread(target=desk.server.serve_forever)
    thread.start()
    yield desk
    desk.server.shutdown()
    thread.join()
    desk.server.server_close()


@pytest.fixture(params=OURS[:1])
def server(request: pytest.FixtureRequest, desk: Desk) -> Iterator[Apart]:
    access = Access(public=("*",), origins=(desk.address,))
    with apart(WAYS[request.param], MemoryBoard(), settings(access=access)) as running:
        yield running


@pytest.mark.parametrize("deflate", [True, False], ids=["compressed", "plain"])
@pytest.mark.parametrize("browser", BROWSERS)
def test_a_browser_ends_with_the_boards_picture(
    server: Apart, desk: Desk, browser: str, deflate: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not deflate:
        # no browser can be told to offer none: the server takes none
        monkeypatch.setattr("ioc.web.handshake.agree", lambda _: None)
    command = BROWSERS[browser](tmp_path)
    page = f"{desk.address}/?ws=ws://127.0.0.1:{server.port}/ws"
    telling = asyncio.run_coroutine_threadsafe(tell(server.hub, START_S), server.loop)
    with subprocess.Popen([*command, page], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            told = telling.result(2 * START_S)
            heard = desk.told.get(timeout=START_S)
        finally:
            telling.cancel()
            running.terminate()
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()
    assert (heard["wrong"], heard["code"], heard["wasClean"], heard["protocol"]) == ([], LAST, True, "ioc.v1")
    assert ("permessage-deflate" in heard["extensions"]) == deflate
    assert heard["items"] == decoded(told.board.items)
    assert heard["place"] == list(told.board.position)
    assert heard["kinds"]["snapshot"] > 5
    assert {"welcome", "delta", "more", "beat", "bye"} <= set(heard["kinds"])
    assert told.sent is not None
    assert (told.sent < told.texts / 2) == deflate
