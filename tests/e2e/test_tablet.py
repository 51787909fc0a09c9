"""The tablet: figures first and soon, the map later, touch, every width from 360 to 1280."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT, absent
from tests.e2e import glass
from tests.e2e.demo import Centre

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SMALL_TEXT = """() => [...document.querySelectorAll('.tb *')].filter((one) => one.children.length === 0
  && one.textContent.trim() !== '' && one.getClientRects().length > 0 && !one.closest('.maplibregl-map')
  && parseFloat(getComputedStyle(one).fontSize) < 14).map((one) => one.className + ': ' + one.textContent)"""
SMALL_TARGETS = """() => [...document.querySelectorAll('button')].filter((one) => !one.closest('.maplibregl-map'))
  .map((one) => one.getBoundingClientRect())
  .filter((box) => box.width > 0 && (box.height < 44 || box.width < 44)).length"""


@pytest.mark.parametrize("width", [360, 390, 560, 768, 900, 1024, 1280])
def test_every_width_reads_without_sideways_scrolling(tablet: Page, width: int) -> None:
    tablet.set_viewport_size({"width": width, "height": 844})
    assert tablet.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert tablet.evaluate(SMALL_TEXT) == []
    assert tablet.evaluate(SMALL_TARGETS) == 0
    columns = tablet.evaluate(
        "() => getComputedStyle(document.querySelector('.trow')).gridTemplateColumns.split(' ').length"
    )
    assert columns == (3 if width >= 900 else 2 if width >= 560 else 1)


def test_tiles_come_before_the_map_and_without_its_code(page: Page, centre: Centre) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    asked: list[tuple[str, int]] = []
    page.on("requestfinished", lambda request: asked.append((request.url, request.sizes()["responseBodySize"])))
    page.goto(centre.address("/tablet"))
    glass.wait_figures(page)
    first = [(url, size) for url, size in asked if not url.endswith(".woff2")]
    assert not [url for url, _ in first if "maplibre" in url or "/map-" in url or "/Chart-" in url]
    assert sum(size for _, size in first) < 80_000
    assert page.locator(".trow").bounding_box()["y"] < page.locator(".mp").bounding_box()["y"]  # type: ignore[index]
    page.locator(".mp").scroll_into_view_if_needed()
    page.wait_for_function("() => window.__ioc?.main?.map.areTilesLoaded()", timeout=90_000)
    assert [url for url, _ in asked if "/map-" in url]


def test_on_slow_3g_the_figures_have_the_network_to_themselves(
    page: Page, centre: Centre, record_property: Callable[[str, object], None]
) -> None:
    """400 kbit/s and 400 ms there and back: neither face nor map is asked for before the last figure is here."""
    page.set_viewport_size({"width": 1024, "height": 768})
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
    session.send("Network.emulateNetworkConditions", slow)
    page.add_init_script("""setInterval(() => {
      const all = [...document.querySelectorAll('.tile .v > b')];
      const have = all.filter((one) => /\\d/.test(one.textContent)).length;
      if (all.length > 0 && have === all.length) window.__figures ??= performance.now();
    }, 20)""")
    page.goto(centre.address("/tablet"))
    page.wait_for_function("() => window.__figures", timeout=60_000)
    page.wait_for_function("() => document.fonts.size > 0", timeout=60_000)
    at = page.evaluate("() => window.__figures")
    record_property("figures_ms", at)
    print(f"figures of the tablet on slow 3G after {at:.0f} ms")
    early = page.evaluate(
        """() => performance.getEntriesByType('resource')
          .filter((one) => one.startTime < window.__figures - 100 && /woff2|\\/map-|maplibre/.test(one.name))
          .map((one) => one.name)"""
    )
    assert early == []


def test_a_tap_opens_where_the_figure_comes_from(tablet: Page) -> None:
    tile = tablet.locator(".tile").first
    value = tile.locator(".v > b").inner_text()
    assert value != ""
    tile.click()
    sheet = tablet.locator("dialog.sheet")
    sheet.get_by_text("Con số này từ đâu ra").wait_for()
    assert sheet.locator("h2").inner_text() == tile.locator(".l .el").inner_text()
    assert sheet.locator(".kv dd").count() >= 3
    assert sheet.locator(".way div").count() >= 2
    tablet.wait_for_function("() => !document.querySelector('.history').textContent.includes('Đang lấy')")
    assert "Không lấy được" not in sheet.locator(".history").inner_text()
    tablet.keyboard.press("Escape")
    sheet.wait_for(state="detached")


def test_english_is_one_tap_away(tablet: Page) -> None:
    tablet.get_by_role("button", name="EN", exact=True).click()
    tablet.get_by_role("button", name="Today", exact=True).wait_for()
    assert tablet.locator(".sc .w").first.inner_text().startswith("Correct")
    assert tablet.evaluate("() => document.documentElement.lang") == "en"
    tablet.get_by_role("button", name="VI", exact=True).click()
    tablet.get_by_role("button", name="Hôm nay", exact=True).wait_for()


def test_offline_is_said_in_the_header_and_on_each_tile(tablet: Page, centre: Centre) -> None:
    web = centre.freeze()
    try:
        tablet.locator(".gone").wait_for(timeout=60_000)
        assert set(tablet.locator(".tile .s .w").all_inner_texts()) == {"của"}
    finally:
        web.resume()
    tablet.locator(".gone").wait_for(state="detached", timeout=120_000)


@pytest.mark.parametrize("path", ["/tablet", "/wall/overview"])
def test_nothing_bars_those_who_listen_or_use_keys(page: Page, centre: Centre, path: str) -> None:
    axe = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.is_file():
        absent("axe-core is not installed (npm ci in frontend/)")
    page.goto(centre.address(path))
    glass.wait_figures(page)
    page.add_script_tag(content=Path(axe).read_text(encoding="utf-8"))
    # a wall shows its scenes in turn: those with a second map among them
    scenes = 1 if path == "/tablet" else 4
    page.keyboard.press("p")
    for _ in range(scenes):
        found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        assert [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found["violations"]] == []
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(300)


def test_a_day_of_changes_leaves_nothing_behind(page: Page, centre: Centre) -> None:
    """Changes are fed through the page's own connection; what it holds after many is what it held after few."""
    page.goto(centre.address("/wall/overview"))
    glass.wait_cameras(page)
    feed = """async (changes) => {
      const {live} = window.__ioc;
      const board = live.line.boards.get('layer/cameras');
      const ids = [...board.items.keys()];
      for (let n = 0; n < changes; n += 1) {
        const id = ids[n % ids.length];
        const item = board.items.get(id);
        const state = n % 7 ? 'live' : 'down';
        const put = {[id]: {...item, properties: {...item.properties, state}}};
        const {epoch, offset} = board;
        live.line.take({type: 'delta', channel: 'layer/cameras', epoch, after: offset, offset, put, drop: []});
        if (n % 200 === 0) await new Promise((done) => requestAnimationFrame(done));
      }
      await new Promise((done) => setTimeout(done, 1500));
    }"""
    session = page.context.new_cdp_session(page)

    def held() -> tuple[float, float]:
        session.send("HeapProfiler.collectGarbage")
        session.send("HeapProfiler.collectGarbage")
        told = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        return told["JSHeapUsedSize"], told["Nodes"]

    session.send("Performance.enable")
    page.evaluate(feed, 10_000)
    grown: list[tuple[float, float]] = []
    before = held()
    # a leak grows in every round; what the map fetched or V8 had yet to free, in one or two
    while len(grown) < 3 and not (grown and grown[-1][0] < 1_000_000 and grown[-1][1] < 200):
        page.evaluate(feed, 40_000)
        after = held()
        grown.append((after[0] - before[0], after[1] - before[1]))
        print(f"40,000 changes later: {grown[-1][0] / 1024:.0f} KiB, {grown[-1][1]:.0f} nodes more")
        before = after
    assert min(heap for heap, _ in grown) < 1_000_000
    assert min(nodes for _, nodes in grown) < 200
