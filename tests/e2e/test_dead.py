"""Nobody works behind the web server any more: wall, tablet, API and the four words say so; nothing looks live."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e import glass
from tests.e2e.demo import Centre

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(os.environ.get("IOC_E2E") == "fake", reason="The pages' own small server has no roles."),
]

NONE_LIVE = "() => document.querySelectorAll('.tile.xlive, .tile.xlate').length === 0"
SOME_LIVE = "() => document.querySelectorAll('.tile.xlive').length >= 3"
RINGS = "() => window.__ioc.inset.map.getLayoutProperty('cameras', 'icon-image') === 'oldRing'"
WORDS_OLD = """() => [...document.querySelectorAll('.srow .n, .c1 .n')].filter((one) => one.offsetParent)
  .every((one) => one.classList.contains('old') || one.classList.contains('never'))"""
CHANNELS = ("cameras_live", "reports_open", "song", "du")


@pytest.mark.parametrize("gone", ["projector", "health", "Redis"])
def test_a_dead_backend_leaves_nothing_that_looks_live(wall: Page, centre: Centre, gone: str) -> None:
    glass.wait_cameras(wall)
    tablet = wall.context.new_page()
    tablet.set_viewport_size({"width": 1024, "height": 768})
    tablet.goto(centre.address("/tablet"))
    glass.wait_figures(tablet)
    dead = centre.store() if gone == "Redis" else centre.role(gone)
    dead.suspend()
    try:
        wall.get_by_text("dữ liệu đứng").wait_for(timeout=60_000)
        for page in (wall, tablet):
            page.wait_for_function(NONE_LIVE, timeout=30_000)
            page.wait_for_function(WORDS_OLD, timeout=30_000)
        assert wall.locator(".strip .cnt .live").count() == 0
        wall.wait_for_function(RINGS, timeout=30_000)
        assert wall.locator(".blind-block").count() == 0, "The web server itself beats on."
        for tile in CHANNELS:
            quality = centre.get(f"/api/tiles/{tile}")["quality"]
            assert quality["state"] in ("stale", "down"), tile
            assert "no sign of life" in quality["why"], tile
    finally:
        dead.resume()
    for page in (wall, tablet):
        page.wait_for_function(SOME_LIVE, timeout=120_000)
    wall.get_by_text("nối máy chủ").wait_for(timeout=120_000)
    tablet.close()
