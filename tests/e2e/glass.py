"""A browser for tests and pictures: Chromium of the machine, drawing maps without a graphics card."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--js-flags=--expose-gc",
]
# The first draws no window of its own, and so costs less; the others show the same.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

FIGURES = "() => document.querySelectorAll('.tile[data-state], .wd').length > 0 && window.__ioc?.live?.link === 'open' \
&& [...document.querySelectorAll('.tile .v > b, .wd .n')].some((one) => /\\d/.test(one.textContent ?? ''))"
PAINTED = "() => { const map = window.__ioc?.%s?.map; return !!map && map.areTilesLoaded() \
&& map.queryRenderedFeatures({layers: ['cameras', 'cameras-trouble']}).length >= %d; }"


def chromium() -> str | None:
    """The machine's Chromium or Chrome: IOC_CHROMIUM, else the first on PATH; None when there is none."""
    named = os.environ.get("IOC_CHROMIUM")
    return named or next((path for path in map(shutil.which, NAMES) if path), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """A running browser, closed at the end. Raises FileNotFoundError, as a sentence, when there is none."""
    path = chromium()
    if path is None:
        raise FileNotFoundError("There is no Chromium on this machine; install it, or name it in IOC_CHROMIUM.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield running
        finally:
            running.close()


def wait_figures(page: Page) -> None:
    """Until figures are on the glass. Raises AssertionError with what stands there instead."""
    from playwright.sync_api import TimeoutError as Late

    try:
        page.wait_for_function(FIGURES, timeout=60_000)
    except Late:
        told = page.evaluate("() => [location.pathname, window.__ioc?.live?.link, document.body.innerText]")
        raise AssertionError(f"No figures after a minute: {told}") from None


def wait_cameras(page: Page, which: str = "inset", least: int = 1) -> None:
    """Until so many cameras are painted on the map `main` or `inset`."""
    page.wait_for_function(PAINTED % (which, least), timeout=90_000)
