"""The tablet's map of a large layer: clusters of the server or vector tiles from afar, its items from near."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from ioc import settings as settings_of
from ioc.board.memory import MemoryBoard
from ioc.settings import Access
from ioc.web.app import Server, build, channels_of
from ioc.web.channels import Channel
from tests.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

MANY = 3000
WEST, SOUTH, SIDE = 109.0, 12.9, 0.4
ITEMS = "() => window.__ioc?.live?.line.boards.get('layer/cameras')?.items.size ?? -1"
DRAWN = """(layer) => { const map = window.__ioc?.main?.map; if (!map || !map.areTilesLoaded()) return [];
  return map.queryRenderedFeatures({layers: [layer]}).map((one) => one.properties); }"""


def camera(number: int, state: str) -> bytes:
    place = [WEST + SIDE * (number % 60) / 60, SOUTH + SIDE * (number // 60) / (MANY / 60)]
    properties = {"state": state, "observed": "2026-03-10T09:00:00+07:00", "source": "s", "method": "machine"}
    geometry = {"type": "Point", "coordinates": place}
    return json.dumps({"type": "Feature", "id": f"c{number}", "geometry": geometry, "properties": properties}).encode()


@contextmanager
def served(far: Any) -> Iterator[tuple[str, Callable[[dict[str, bytes | None]], None]]]:
    """A server in a thread, over a board with many cameras, and how to change them."""
    settings = settings_of.load(str(ROOT / "ioc" / "demo" / "ioc.toml"))
    settings = settings_of.Settings(
        province=settings.province, access=Access(public=("*",)), layers=("cameras", "reports")
    )
    known = channels_of(settings) | {"layer/cameras": Channel("layer/cameras", "layer", views=True, far=far)}
    board, loop = MemoryBoard(), uvloop.new_event_loop()
    listening = socket.create_server(("127.0.0.1", 0))
    server = Server(build(settings, board=board, channels=known), lifespan="on")

    async def run() -> None:
        await board.reset("layer/cameras", {f"c{n}": camera(n, "down" if n % 3 == 0 else "live") for n in range(MANY)})
        await server._serve(sockets=[listening])

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()

    def change(items: dict[str, bytes | None]) -> None:
        asyncio.run_coroutine_threadsafe(board.apply("layer/cameras", items), loop).result(20)

    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", change
    finally:
        server.should_exit = True
        thread.join(30)
        loop.close()


@pytest.fixture
def glass_page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1024, "height": 768}, bypass_csp=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def open_map(page: Page, base: str) -> None:
    page.goto(f"{base}/tablet")
    page.get_by_role("button", name="Bản đồ", exact=True).click()
    page.wait_for_function("() => window.__ioc?.main?.map.areTilesLoaded()", timeout=90_000)


def go_near(page: Page) -> None:
    page.evaluate("([x, y]) => window.__ioc.main.map.jumpTo({center: [x, y], zoom: 14})", [WEST + 0.2, SOUTH + 0.2])


def test_clusters_of_the_server_from_afar_and_items_from_near(glass_page: Page) -> None:
    page = glass_page
    with served("clusters") as (base, change):
        open_map(page, base)
        page.wait_for_function(f"() => {{ const n = ({ITEMS})(); return n > 0 && n < 1000; }}", timeout=60_000)
        page.wait_for_function(f"() => ({DRAWN})('cameras-many').length > 0", timeout=60_000)
        squares = page.evaluate(DRAWN, "cameras-many")
        assert sum(one["many"] for one in squares) > MANY * 0.9, "the squares count the things, not the clusters"
        assert sum(one["bad"] for one in squares) > MANY * 0.3
        change({"c0": None})
        page.wait_for_function(
            "() => [...window.__ioc.live.line.boards.get('layer/cameras').items.values()]"
            f".reduce((sum, one) => sum + one.properties.count, 0) === {MANY - 1}",
            timeout=60_000,
        )
        go_near(page)
        page.wait_for_function(
            "() => { const ids = [...window.__ioc.live.line.boards.get('layer/cameras').items.keys()];"
            " return ids.length > 0 && ids.length < 500 && ids.every((id) => /^c\\d+$/.test(id)); }",
            timeout=60_000,
        )
        page.wait_for_function(f"() => ({DRAWN})('cameras').length > 0", timeout=60_000)


def test_vector_tiles_from_afar_and_items_from_near(glass_page: Page) -> None:
    page = glass_page
    with served("tiles") as (base, change):
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if request.url.endswith(".mvt") else None)
        open_map(page, base)
        page.wait_for_function(f"() => ({DRAWN})('cameras-far').some((one) => one.state === 'down')", timeout=60_000)
        assert page.evaluate(ITEMS) == 0
        before = len(asked)
        change({f"c{n}": camera(n, "frozen") for n in range(0, MANY, 3)})
        page.wait_for_function(f"() => ({DRAWN})('cameras-far').some((one) => one.state === 'frozen')", timeout=60_000)
        assert len(asked) > before
        go_near(page)
        page.wait_for_function(f"() => ({ITEMS})() > 0", timeout=60_000)
        page.wait_for_function(f"() => ({DRAWN})('cameras').length > 0", timeout=60_000)
        assert page.evaluate(ITEMS) < 500
        assert page.evaluate(DRAWN, "cameras-far") == []
